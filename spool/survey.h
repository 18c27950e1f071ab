/* spool/survey.h: how old what has not ended is, by phase, by receiver, by user, as Postfix's qshape(1) shows
 * a queue. A walk over jobs, bounded, and it says so when it was cut short. */
#ifndef SPOOL_SURVEY_H
#define SPOOL_SURVEY_H
#include "spool/opts.h"

enum survey_by { SURVEY_PHASE, SURVEY_RECEIVER, SURVEY_USER, SURVEY_BY_N };
const char *survey_by_name(enum survey_by by); /* "phase", "receiver", "user" */
bool survey_by_parse(struct slice name, enum survey_by *out);

/* Younger than 1m, 5m, 15m, 1h, 4h, 1d, 1w; the last one is for what is older. */
enum { SURVEY_BUCKETS = 8 };
const char *survey_bucket_name(int bucket); /* "1m", ..., "older" */
int survey_bucket(int64_t age_us);

struct survey_row {
	char name[JOB_TEXT_MAX + 1]; /* "3", "python", a user; "-": phases that call nobody */
	uint64_t jobs[SURVEY_BUCKETS], total;
	int64_t oldest_at_us; /* accepted */
};

struct survey_ask {
	enum survey_by by;
	struct job_filter filter; /* state and phase; without a state all that have not ended */
	size_t most;              /* jobs looked at */
};

/* Rows with the most jobs first. A job counts for each receiver that its phase calls, and once in `all`. */
struct survey {
	struct survey_row all;
	struct survey_row *rows;
	size_t n, cap;
	bool is_cut; /* there are more jobs than were looked at: of each state, those that come first */
};
NODISCARD enum status survey_look(struct spool *sp, const struct opts *opts, struct moment now,
	const struct survey_ask *ask, struct survey *out, struct why *why);
void survey_release(struct survey *survey); /* also after a failure */

#endif
