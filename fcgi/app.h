/* fcgi/app.h: what the handlers share. Made by main before the threads start and kept until they have ended;
 * everything in it may be used by any thread at any time. */
#ifndef FCGI_APP_H
#define FCGI_APP_H
#include "fcgi/budget.h"
#include "fcgi/rate.h"
#include "fcgi/reply.h"
#include "fcgi/request.h"
#include "spool/opts.h"
#include "spool/where.h"

#include <pthread.h>

struct app {
	const struct opts *opts;
	struct spool *spool;
	struct tokens *tokens;       /* NULL: nobody has any */
	struct budget bodies;        /* http.body-budget */
	struct budget counts;        /* threads that may walk over jobs to count them */
	struct rate *rate;           /* NULL: nobody's is bounded */
	pthread_mutex_t large_parse; /* held while a large body's JSON tree exists */
	atomic_bool stopping;        /* /readyz says so, and no more requests are awaited */
};

/* A body as JSON. A tree can be fifty times the size of its text, so large ones exist one at a time. */
struct parsed {
	json_t *json;
	size_t gate_bytes; /* 0: not a large one */
};

/* The body must be JSON by its Content-Type and its bytes, and an object or an array; an empty one counts as
 * {}. On true the caller ends it with app_parsed_release(), which accepts a failed one, too. */
bool app_parse_body(struct app *app, const struct request *request, struct parsed *out, struct fault *fault);
void app_parsed_release(struct app *app, struct parsed *parsed);

/* Whether a job is the caller's business; one that cannot be read is not, for a caller who is limited. Reads
 * the spool only for such. */
bool app_is_own(struct app *app, const struct caller *caller, struct job_id id);

/* What a selection that this request brings is read by: nobody may search for what is not shown. */
struct where_env app_where_env(const struct app *app, const struct request *request);

/* "token:NAME", which was proved, or "caller:NAME", which was not, for the events of what a request did.
 * Returns out. */
enum { APP_ACTOR_MAX = 160 };
const char *app_actor(const struct request *request, char out[APP_ACTOR_MAX]);

#endif
