/* fcgi/bulk.h: what plans.c and operations.c share: bodies of a few members, and work that is done in pieces,
 * so that no request takes long; the caller asks again until nothing is left. */
#ifndef FCGI_BULK_H
#define FCGI_BULK_H
#include "fcgi/app.h"
#include "spool/operation.h"

enum { BULK_DEFAULT = 200, BULK_MAX = 1000 };

struct bulk_ask {
	struct slice verb, where, reason; /* borrowed from the body; p NULL: not given */
	size_t limit;
};
/* names: of the members that may be there, NULL at the end. On true the caller ends it with
 * app_parsed_release(). */
bool bulk_parse(struct app *app, const struct request *request, const char *const *names,
	struct parsed *parsed, struct bulk_ask *out, struct fault *fault);
/* As reply_status(), where what is not there is no job, and what is busy is somebody else's act on the same.
 */
void bulk_fault(struct reply *reply, enum status st, const struct why *why);

#endif
