/* fcgi/pointer.h: the bytes of the value that a JSON pointer (RFC 6901) leads to. Pure.
 *
 * Bytes and not a parsed value: an amount must not have been a binary float on its way. Only for text that a
 * JSON parser has accepted; of a member given twice the last one counts, as for the parser. */
#ifndef FCGI_POINTER_H
#define FCGI_POINTER_H
#include "spool/base/buf.h"

/* false: there is nothing there. "" is the text as a whole. */
bool pointer_find(struct slice json, const char *pointer, struct slice *value);

#endif
