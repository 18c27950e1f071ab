/* spool/failures.h: failed jobs in groups: of one phase and one error, so that one of them can be retried,
 * and then the rest. A bounded walk over failed jobs, newest first, and it says so when it was cut short: the
 * tool and the API share it.
 *
 * What differs from job to job inside an error is no difference of its kind: ids, long numbers, times, and
 * what a mask hides. Such a place is a hole, shown as "…". */
#ifndef SPOOL_FAILURES_H
#define SPOOL_FAILURES_H
#include "spool/base/jx.h"
#include "spool/where.h"

enum { FAILURES_GROUPS_MAX = 1000, FAILURE_ERROR_MAX = JOB_ERROR_MAX };

struct failure_group {
	int phase;
	int call; /* of opts->call, which its error names; -1: none, or one that is not configured any more */
	int status;  /* of HTTP, that the error tells; 0: none */
	char *error; /* with holes; "": none was kept */
	uint64_t jobs;
	int64_t first_at_us, last_at_us; /* when they failed */
	struct job_id newest;
};

struct failures_ask {
	const struct opts *opts;
	const struct mask *mask;  /* what who asks may not see; NULL: all is shown */
	struct job_filter filter; /* of which those that failed are looked at, newest first */
	size_t most;              /* jobs counted */
	int64_t until_mono_us;    /* when to stop, by clock_mono_us(); 0: never */
	const uint64_t *scanned;  /* stop, too, when this has come to most; NULL: do not ask */
};

/* Groups with the most jobs first; of as many, those that failed last. */
struct failures {
	struct failure_group *groups;
	size_t n, cap;
	uint64_t jobs;    /* that were counted */
	uint64_t outside; /* of them: in no group, as there were too many */
	bool is_cut;      /* there are more, which failed earlier */
};
NODISCARD enum status failures_look(
	struct spool *sp, const struct failures_ask *ask, struct failures *out, struct why *why);
void failures_release(struct failures *failures); /* also after a failure */

/* The selection (spool/where.h) that is this group within another one (empty: all jobs), as text in *out. It
 * selects what else has all that its error has between its holes, too. false: there is none, as the error has
 * nothing to select by, or it would be too long. */
bool failure_where(
	const struct failure_group *group, struct slice within, const struct where_env *env, struct buf *out);
/* The name of the receiver that was called last; NULL: none is known. */
const char *failure_receiver(const struct failure_group *group, const struct opts *opts);
/* Members of an open object: phase or step, receiver, call, status, error, jobs, first_at, last_at, newest,
 * where. */
void failure_json(struct jx_writer *w, const struct failure_group *group, struct slice within,
	const struct where_env *env);

#endif
