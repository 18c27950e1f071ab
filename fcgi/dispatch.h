/* fcgi/dispatch.h: access, route, handler, and one line in the log: from a request to its answer. */
#ifndef FCGI_DISPATCH_H
#define FCGI_DISPATCH_H
#include "fcgi/intake.h"

/* Whatever the request, *reply is an answer afterwards. Blocks as the route's handler does. */
void dispatch(struct app *app, struct request *request, struct reply *reply);

enum dispatched {
	DISPATCH_ANSWERED, /* *reply is the answer */
	DISPATCH_SUBMIT, /* intake->submit is to be begun; when it is done, dispatch_end() gives the answer */
	DISPATCH_MAY_BLOCK, /* nothing was done yet: dispatch() will do it */
};

/* The part of dispatch() that waits for nothing. */
enum dispatched dispatch_begin(
	struct app *app, struct request *request, struct intake *intake, struct reply *reply);
void dispatch_end(const struct request *request, struct intake *intake, struct reply *reply);

#endif
