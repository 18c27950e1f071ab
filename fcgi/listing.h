/* fcgi/listing.h: which jobs, and which page of them, as callers ask for it. Pure. */
#ifndef FCGI_LISTING_H
#define FCGI_LISTING_H
#include "fcgi/caller.h"
#include "fcgi/query.h"
#include "spool/where.h"

/* What a limited caller's listing asks of each job, before what was to be asked anyhow. */
struct listing_own {
	const struct caller *caller; /* NULL: there are no limits */
	bool (*test)(const void *arg, const struct job *job);
	const void *test_arg;
	uint64_t *scanned;
};

struct listing {
	struct job_filter filter; /* borrows from what it was read from */
	struct cursor cursor;
	size_t limit, limit_max;
	struct slice where_text; /* not yet in the filter; p NULL: not given */
	struct listing_own own;
	uint64_t read, scanned; /* jobs, by the store; and those of them that are the caller's business */
};

/* The parameters there are, NULL at the end: state, phase, step, user_id, workflow_id, since, until, order,
 * limit, cursor, where. */
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

/* A selection's text as terms (spool/where.h), and into the filter, which then borrows from *where. A fault
 * has the place in the text. */
bool listing_select(struct listing *out, const struct where_env *env, struct where *where, enum problem kind,
	struct fault *fault);
bool listing_parse_where(struct slice text, const struct where_env *env, struct where *where,
	enum problem kind, struct fault *fault);

/* After listing_select(), if at all: what is not the caller's business is as if it were not there, and
 * neither returned nor counted. *out then borrows from the caller, too, and stays where it is. false: the
 * listing asks for a phase or a user that is not the caller's business, so there is nothing in it, and
 * nothing need be read. */
bool listing_narrow(struct listing *out, const struct caller *caller);
/* How many jobs that are the caller's business were read to be compared. */
uint64_t listing_scanned(const struct listing *l);

#endif
