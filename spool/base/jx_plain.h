/* spool/base/jx_plain.h: the JSON that nearly every caller sends, read without jansson's scanner, which looks
 * at each byte several times. jx.c's own: everybody else parses with jx_parse(). */
#ifndef SPOOL_BASE_JX_PLAIN_H
#define SPOOL_BASE_JX_PLAIN_H
#include "spool/base/jx.h"

/* What json_loadb(JSON_DECODE_ANY) makes of this text, as a new reference. NULL: malformed, nested deeper
 * than max_depth, out of the ordinary, or there is no memory; json_loadb() tells. */
NODISCARD json_t *jx_plain_parse(struct slice text, unsigned max_depth);

/* How many bytes of ASCII that stand for themselves within a string there are at the beginning. */
size_t jx_plain_prefix(const unsigned char *p, size_t len);
/* Length of the valid UTF-8 sequence at p (RFC 3629), 0 if there is none. */
size_t jx_utf8_length(const unsigned char *p, size_t left);

#endif
