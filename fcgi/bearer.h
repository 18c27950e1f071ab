/* fcgi/bearer.h: the header Authorization (RFC 6750 section 2.1). Pure. */
#ifndef FCGI_BEARER_H
#define FCGI_BEARER_H
#include "spool/base/buf.h"

enum bearer {
	BEARER_NONE, /* there is no such header, or it is of another scheme: not meant for us */
	BEARER_SHOWN,
	BEARER_BROKEN, /* its scheme is Bearer, and what follows cannot be a token of anybody's */
};

/* *token borrows from header; empty unless BEARER_SHOWN. */
enum bearer bearer_take(struct slice header, struct slice *token);

#endif
