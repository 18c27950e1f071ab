/* fcgi/route.h: from method and path to a handler, by a table. Pure. */
#ifndef FCGI_ROUTE_H
#define FCGI_ROUTE_H
#include "fcgi/reply.h"
#include "fcgi/request.h"

struct app;
typedef void (*route_handler)(struct app *app, const struct request *request, struct reply *reply);

#define ROUTE_PREFIX "/api/v1/workflow"

enum {
	ROUTE_ROOT = 1,   /* the pattern is the whole path, not below ROUTE_PREFIX */
	ROUTE_SUBMIT = 2, /* one trigger to be submitted: dispatch_begin() does it without waiting */
	ROUTE_WHOLE = 4,  /* about the queue as a whole: not for callers who are limited to some jobs */
	ROUTE_SIGNED = 8, /* its caller is who signed it, and needs no scope: webhook_identify() */
};

struct route {
	const char *method;  /* GET also answers HEAD */
	const char *pattern; /* "{}" stands for one segment, "{*}" at the end for all that is left */
	route_handler handle;
	int arg;
	enum scope scope; /* that its callers need */
	unsigned flags;
};

struct route_match {
	const struct route *row; /* NULL: none */
	bool known_path;         /* some row has this path */
	bool is_open;            /* no row of this path needs a scope */
	struct slice capture;    /* what stood for the braces; borrowed from path */
	char allow[64];          /* the methods of this path, as in Allow: */
};

/* Literal parts match in any case; doubled slashes before the path and one trailing slash are tolerated. */
void route_find(
	const struct route *table, size_t n, struct slice method, struct slice path, struct route_match *out);

#endif
