/* fcgi/limit.h: what one caller may take of the service: how fast it comes (rate.h), and what it may have in
 * the spool (the bounds that go with its triggers). A caller is known by its name here, else by what it says
 * of itself (X-Clario-Source), else by its address. */
#ifndef FCGI_LIMIT_H
#define FCGI_LIMIT_H
#include "fcgi/app.h"

/* Whether a request may come now; otherwise the reply is 429 with Retry-After. Counts one. */
bool limit_admit(struct app *app, const struct request *request, bool is_submit, struct reply *reply);
/* A submit that was let in and has this many triggers: the others count as well. */
void limit_triggers(struct app *app, const struct request *request, size_t n);
/* The bounds of its source, which is set. */
void limit_trigger(const struct app *app, struct trigger *trigger);

/* Refusals of a caller for its own sake, since the start of the process. Any thread. */
struct limit_counts {
	uint64_t rate_limited, quota_exceeded;
};
void limit_note(enum problem problem); /* any other goes to the meter alone */
struct limit_counts limit_counts(void);

#endif
