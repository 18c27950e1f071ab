/* tests/crash/history.h: what became of each job, and whether that is what was promised. Pure. */
#ifndef TESTS_CRASH_HISTORY_H
#define TESTS_CRASH_HISTORY_H
#include "spool/model/event.h"

#include <stdbool.h>
#include <stddef.h>

struct story {
	bool acknowledged; /* a client was answered 2xx for it */
	bool found;        /* it is in the spool */
	enum job_state state;
	unsigned ended;     /* events that end a job */
	unsigned revived;   /* events by which an operator gave it another life */
	unsigned delivered; /* calls that its receiver saw */
};

/* Count one event of a job's history into its story. */
void history_tell(struct story *story, const struct event *event);

struct verdict {
	size_t acknowledged, found;
	size_t lost;            /* acknowledged and not there */
	size_t ended_twice;     /* more outcomes than lives */
	size_t without_outcome; /* the other way round, or still alive: stuck */
	size_t unknown;         /* there, though nobody was answered for it */
	size_t undelivered;     /* completed, and its receiver knows nothing of it */
};

struct verdict history_judge(const struct story *stories, size_t n);
bool history_is_good(const struct verdict *verdict);

#endif
