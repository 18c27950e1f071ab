/* spool/model/forget.h: what is left of a job and of an event once their person is forgotten: the counts, the
 * states and the times, under names that tell nothing. Pure. */
#ifndef SPOOL_MODEL_FORGET_H
#define SPOOL_MODEL_FORGET_H
#include "spool/model/event.h"

/* One act. Its names follow from chance, which is kept nowhere: who knows an id cannot tell what it has
 * become. Drawn anew for each act. */
struct forget_ask {
	struct slice user_id;
	struct slice actor, reason; /* stand in the events */
	uint64_t chance[3];
};

/* How far it is. Zeroed at first; then the spool's. */
struct forget {
	struct job_id after; /* jobs up to here have been looked at */
	uint64_t seen;       /* events */
	bool jobs_done, events_done, is_done;
	uint64_t jobs, events,
		records; /* that are forgotten; records: set aside because nobody can read them */
	uint64_t live;   /* jobs that have not ended, and were left alone */
};

enum { FORGET_NAME_LEN = 32 };
struct forget_names {
	char user[FORGET_NAME_LEN], workflow[FORGET_NAME_LEN];
};

/* Only for one that has ended. is_shared: other users have jobs of its workflow, whose name then stays,
 * unless the user's id stands in it. The job borrows from *names. */
void forget_job(struct job *job, const struct forget_ask *ask, bool is_shared, struct forget_names *names);

/* An event of such a job. false: there was nothing to take from it. */
bool forget_event(struct event *event);

/* What tells of one step; data must last as long as the event. */
enum { FORGET_DATA_MAX = 128 };
struct event forget_told(const struct forget_ask *ask, uint64_t jobs, uint64_t events, uint64_t records,
	struct moment now, char data[FORGET_DATA_MAX]);

/* Whether an event whose job is gone was about this user: its room, its data or its words say so. */
bool forget_is_named(const struct event *event, struct slice user_id);

#endif
