/* spool/model/steer.h: what an operator may do to a job, and how jobs and events are selected for reading.
 * Pure data. */
#ifndef SPOOL_MODEL_STEER_H
#define SPOOL_MODEL_STEER_H
#include "spool/model/event.h"
#include "spool/model/phase.h"

enum steer_verb {
	STEER_RETRY,   /* failed or cancelled -> waiting, with a new allowance of attempts and time */
	STEER_CANCEL,  /* waiting, delayed, held or active -> cancelled; an attempt under way is fenced off */
	STEER_HOLD,    /* waiting or delayed -> held */
	STEER_RELEASE, /* held -> waiting, or delayed if it is not due */
	STEER_RUN_NOW, /* delayed -> waiting */
	STEER_REPLAY,  /* completed, failed or cancelled -> waiting, as if nothing of it had been done: all
			  calls are made again. A reason must be given */
	STEER_PURGE,   /* completed, failed or cancelled -> gone, with its events and keys. A reason must be
			  given; it can not be undone */
	STEER_VERB_N
};
const char *steer_verb_name(enum steer_verb verb); /* "retry", "cancel", "hold", ... */
bool steer_verb_parse(struct slice name, enum steer_verb *out);

/* Many jobs, as one operation or as none. */
enum { OPERATION_NAME_MAX = 40 };
struct steer_ask {
	enum steer_verb verb;
	bool undoes; /* verb is not looked at: take back what `operation` did to each, where nothing has
			happened to it since */
	const struct job_id *ids;
	const uint64_t *last_events; /* what the newest event of each must be; NULL: any */
	size_t n;
	struct slice operation; /* its name stands in the events; empty: none */
	struct slice actor, reason;
};

struct steer_result {
	enum status status;   /* OK; NOTFOUND; CONFLICT: its state does not allow it; EXISTS: this operation
				 has done (or undone) it already; INVALID: no reason; CORRUPT */
	enum job_state state; /* after the act (OK) or as it is (CONFLICT) */
	bool is_changed;      /* CONFLICT for something that happened to it meanwhile */
	bool is_remembered;   /* CONFLICT of a purge: it stays for its key (spool_conf.keep_reserved_us) */
};

/* Which jobs. All given terms must hold. */
struct job_filter {
	bool has_state;
	enum job_state state;
	int phase;                         /* 0: any */
	struct slice workflow_id, user_id; /* empty: any */
	int64_t since_us, until_us;        /* accepted_at in [since, until); 0: open */
	bool oldest_first;                 /* default: newest first */
	uint32_t states, phases;           /* bits per state, per phase_slot(); 0: any */
	bool nothing;                      /* terms that no job can hold all of */
	/* Asked last, of jobs that hold all the rest: with their payload, if test_payload. NULL: none. */
	bool (*test)(const void *arg, const struct job *job);
	const void *test_arg;
	bool test_payload;
	uint64_t *scanned; /* grows by each job that was read to be compared; NULL: nobody asks */
};

/* A place in a listing: opaque text, stable while the filter stays the same; "" is the beginning. */
enum { CURSOR_TEXT_MAX = 128 };
struct cursor {
	char text[CURSOR_TEXT_MAX];
};

struct event_filter {
	uint64_t after_seq;                /* events with a greater seq, ascending */
	struct job_id job;                 /* zero: any. With a job its chain is walked */
	struct slice workflow_id, user_id; /* empty: any */
	uint64_t kinds;                    /* bits of enum event_kind; 0: any */
};

enum { STATS_RECENT_MAX = 11 };
struct stats {
	uint64_t jobs[PHASE_SLOTS][JOB_STATE_N]; /* now in the spool */
	uint64_t behind;                         /* of the waiting ones: not yet their turn */
	uint64_t accepted_total;                 /* ever */
	uint64_t removed_total;                  /* by retention or clean */
	uint64_t set_aside;                      /* unreadable records, promise 8 */
	uint64_t last_seq;                       /* newest event */
	uint32_t paused_phases;                  /* bit per phase_slot() */
	uint32_t recent_n;                       /* durations of the most recently completed */
	uint32_t recent_ms[STATS_RECENT_MAX];
	uint64_t bytes_used, bytes_cap; /* of the store; used counts what cannot be reused */
	bool intake_full;               /* submits are refused for want of room in the store */
	bool disk_full;                 /* the same, on the file system below it */
};
/* Sum of one state over all phases. */
uint64_t stats_state(const struct stats *stats, enum job_state state);

#endif
