/* spool/base/encoding.h: bytes as text: base64 (RFC 4648, section 4) and hexadecimal. Pure. */
#ifndef SPOOL_BASE_ENCODING_H
#define SPOOL_BASE_ENCODING_H
#include "spool/base/buf.h"

void base64_encode(struct slice bytes, struct buf *out);
void hex_encode(struct slice bytes, struct buf *out); /* lower case */

/* All of text, and nothing else: base64 with its padding, and with no bit set that stands for nothing, so
 * that bytes have one text alone; hexadecimal in either case. false: it is not that, or out (cap bytes)
 * cannot hold it. */
bool base64_decode(struct slice text, unsigned char *out, size_t cap, size_t *len);
bool hex_decode(struct slice text, unsigned char *out, size_t cap, size_t *len);

#endif
