/* spool/model/job.h: what a job is, its states and the legal moves between them. Pure: no I/O, no clock.
 *
 * One job = one phase (or legacy step) of one workflow. */
#ifndef SPOOL_MODEL_JOB_H
#define SPOOL_MODEL_JOB_H
#include "spool/base/buf.h"
#include "spool/base/id.h"

/* Stored by number (FORMAT.md): never renumber. */
enum job_state {
	JOB_WAITING = 0,   /* due, or behind an earlier job of its workflow */
	JOB_DELAYED = 1,   /* not due yet: scheduled, or between two attempts */
	JOB_ACTIVE = 2,    /* leased to a worker */
	JOB_COMPLETED = 3, /* ended well; outcome recorded */
	JOB_FAILED = 4,    /* ended badly; kept for an operator */
	JOB_HELD = 5,      /* taken out by an operator, or after JOB_CRASHES_MAX, until released */
	JOB_CANCELLED = 6, /* ended by an operator */
	JOB_STATE_N = 7,
};

const char *job_state_name(enum job_state state);
bool job_state_parse(struct slice name, enum job_state *out);
bool job_move_is_legal(enum job_state from, enum job_state to);
static inline bool job_state_is_ended(enum job_state state)
{
	return state == JOB_COMPLETED || state == JOB_FAILED || state == JOB_CANCELLED;
}

enum {
	JOB_TEXT_MAX = 256,     /* workflow_id, user_id, idempotency key: bytes (contract.md D4) */
	JOB_OWNER_MAX = 64,     /* a worker's name in a lease */
	JOB_PRIORITY_FIRST = 1, /* most urgent */
	JOB_PRIORITY_DEFAULT = 5,
	JOB_PRIORITY_LAST = 9,
	JOB_PAYLOAD_MAX = 10485760, /* D9 */
	JOB_OUTCOME_MAX = 1048576,  /* outcome, checkpoint: bytes of JSON */
	JOB_ERROR_MAX = 1024,
	JOB_CRASHES_MAX = 3, /* a job in whose hands so many workers died is held */
};

struct lease {
	uint64_t token;            /* rises with each claim of the job, never reused; 0: never claimed */
	int64_t deadline_boot_us;  /* of moment.boot_us */
	uint64_t boot_id;          /* a lease of another boot is over */
	char owner[JOB_OWNER_MAX]; /* "host:pid"; "" when not leased */
};

/* Strings are slices into mem, which the job owns: job_release() each job that a verb filled.
 * All times are microseconds since 1970; 0: not yet. */
struct job {
	struct job_id id;
	int phase;
	enum job_state state;
	int priority;
	bool ordered;      /* accepted under queue.ordering = workflow: stands in its workflow's line */
	bool has_turn;     /* may run as far as its workflow is concerned; always true when not ordered */
	bool solo_user;    /* phase 1 without sync_id: one live job per user (D10) */
	bool is_charged;   /* it counts for the account of its source while it has not ended */
	bool in_crowd;     /* its user submits far more than others: those take turns (spool_exchange) */
	bool is_forgotten; /* what was asked is no longer known, nor for whom: it has ended for good */
	int64_t accepted_at_us;
	int64_t run_at_us;        /* not before; of the next attempt */
	int64_t started_at_us;    /* first attempt */
	int64_t claimed_at_us;    /* last attempt */
	int64_t finished_at_us;   /* when it ended */
	int64_t give_up_at_us;    /* no attempt is scheduled after this */
	int64_t give_up_after_us; /* the span that gave give_up_at_us: an operator's retry grants it anew */
	uint32_t attempts_made;   /* claims that were not released unused */
	uint32_t attempts_allowed;
	uint32_t attempts_grant; /* what one submission or one operator's retry allows */
	uint32_t crashes; /* attempts whose worker died in the job's code; not counted against it as attempts
			   */
	struct lease lease;
	uint64_t charged_bytes; /* of that account, as long as it counts there */
	uint64_t last_event;    /* seq of its newest event; events chain backwards from it */

	struct slice workflow_id, user_id;
	struct slice payload;         /* the caller's JSON, byte for byte */
	struct slice source;          /* the caller's name */
	struct slice idempotency_key; /* explicit; empty: none */
	struct slice traceparent, tracestate;
	struct slice error;      /* of the last attempt that failed; text */
	struct slice outcome;    /* JSON; empty until ended */
	struct slice checkpoint; /* JSON object of the phase handler: what is done already; empty: nothing */

	struct job_id
		behind; /* filled by reads only: who has the turn, when state is waiting and !has_turn */
	struct buf mem;
};
#define JOB_INIT                                                                                             \
	{                                                                                                    \
		.priority = JOB_PRIORITY_DEFAULT                                                             \
	}

void job_release(struct job *job); /* accepts zeroed and already released */

/* The one place a state changes. ST_CONFLICT (job untouched) for an illegal move. */
NODISCARD enum status job_move(struct job *job, enum job_state to, struct why *why);

#endif
