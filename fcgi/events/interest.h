/* fcgi/events/interest.h: which events a listener asked for, and whether they are its business. Pure. */
#ifndef FCGI_EVENTS_INTEREST_H
#define FCGI_EVENTS_INTEREST_H
#include "fcgi/caller.h"
#include "fcgi/query.h"
#include "spool/model/event.h"

/* Slices are borrowed. */
struct interest {
	struct slice user_id, workflow_id; /* empty: any */
	uint64_t kinds;                    /* bits of enum event_kind; 0: all that there would be */
	bool all;                          /* the whole audit, not only what is meant for people */
};

/* From user_id, workflow_id, kinds and all=1 of a query. An empty one is a fault: it must not become no
 * filter. */
bool interest_parse(const struct query *query, struct interest *out, struct fault *fault);

/* Whether the caller may ask for this at all: with limits of its own it must name a user or a workflow, and
 * the whole audit is for operators. false: *fault says 403. */
bool interest_is_allowed(const struct interest *interest, const struct caller *caller, struct fault *fault);

/* Is this event asked for, and the caller's business? Without `all`: notifications and progress alone. */
bool interest_covers(const struct interest *interest, const struct caller *caller, const struct event *event);

#endif
