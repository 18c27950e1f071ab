/* fcgi/span.h: where the elements of an array or the members of an object lie in the text. Pure.
 *
 * Only for text that a JSON parser has accepted: this looks for boundaries and checks nothing. It is what
 * lets each trigger of a batch be stored byte for byte as it was sent. */
#ifndef FCGI_SPAN_H
#define FCGI_SPAN_H
#include "spool/base/buf.h"

struct span {
	const char *p, *end;
	bool is_object;
};

/* false: text is neither an array nor an object. */
bool span_open(struct slice text, struct span *out);
/* The next one; *key (with its quotes) is empty in arrays. false: there are no more. */
bool span_next(struct span *span, struct slice *key, struct slice *value);

#endif
