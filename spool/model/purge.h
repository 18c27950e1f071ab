/* spool/model/purge.h: an operator's removal of jobs that have ended, one by one. No job is left that an
 * event could belong to, so one event in each transaction tells of all of them. Pure. */
#ifndef SPOOL_MODEL_PURGE_H
#define SPOOL_MODEL_PURGE_H
#include "spool/model/rules.h"
#include "spool/model/steer.h"

enum { PURGE_NAMED_MAX = 1000 }; /* ids that its event names */

struct purge {
	uint64_t removed[JOB_STATE_N];
	uint64_t n;
	struct buf ids;
};
void purge_begin(struct purge *purge);
/* Whether ask number i may take this job: status and state of *out, and why not. */
void purge_judge(const struct job *job, const struct steer_ask *ask, size_t i, struct moment now,
	int64_t keep_reserved_us, struct steer_result *out);
/* It goes. */
void purge_note(struct purge *purge, const struct job *job);
/* false: there is nothing to tell. *data is the event's, of a buffer that lasts as long as the event. */
bool purge_event(const struct purge *purge, const struct steer_ask *ask, struct moment now, struct buf *data,
	struct event *event);
void purge_end(struct purge *purge);

#endif
