/* fcgi/listing.h: which jobs, and which page of them, as callers ask for it. Pure. */
#ifndef FCGI_LISTING_H
#define FCGI_LISTING_H
#include "fcgi/caller.h"
#include "fcgi/query.h"
#include "spool/model/steer.h"

struct listing {
	struct job_filter filter; /* borrows from what it was read from */
	struct cursor cursor;
	size_t limit, limit_max;
};

/* The parameters there are, NULL at the end: state, phase, step, user_id, workflow_id, since, until, order,
 * limit, cursor. */
extern const char *const listing_names[];

/* One parameter over what *out holds. A fault (of the given kind) names it. */
bool listing_set(
	struct listing *out, const char *name, struct slice value, enum problem kind, struct fault *fault);

bool listing_from_query(struct slice raw, struct query *query, struct listing *out, struct fault *fault);
/* The same where one more parameter may stand in the query, which is left to the caller. */
bool listing_from_query_with(
	struct slice raw, const char *more, struct query *query, struct listing *out, struct fault *fault);
/* The same as members of a JSON object: strings, or numbers where a number is meant. scratch holds the
 * numbers' text and must stay as long as *out. */
enum { LISTING_SCRATCH = 512 };
bool listing_from_json(
	const json_t *object, char scratch[LISTING_SCRATCH], struct listing *out, struct fault *fault);

/* false: the listing asks for a phase or a user that is not the caller's business, so there is nothing in it,
 * and nothing need be read. Otherwise a limited caller's one phase or one user becomes part of the filter, so
 * that the jobs of others are not even looked at; where it has several, each job is still to be asked of
 * caller_may(). *out then borrows from the caller, too. */
bool listing_narrow(struct listing *out, const struct caller *caller);

#endif
