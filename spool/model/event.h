/* spool/model/event.h: the audit record. Every change of a job's state is one, in the same transaction
 * (promise 7); so is each notification and progress event that a phase sends to a person (contract.md D16).
 */
#ifndef SPOOL_MODEL_EVENT_H
#define SPOOL_MODEL_EVENT_H
#include "spool/base/clock.h"
#include "spool/model/job.h"

/* Stored by number (FORMAT.md): never renumber. */
enum event_kind {
	EVENT_ACCEPTED = 0,      /* -> waiting or delayed */
	EVENT_CLAIMED = 1,       /* -> active */
	EVENT_COMPLETED = 2,     /* -> completed */
	EVENT_RETRY = 3,         /* -> delayed (or waiting): the attempt failed, another will follow */
	EVENT_FAILED = 4,        /* -> failed */
	EVENT_RELEASED = 5,      /* active -> waiting: a worker gave it back unused */
	EVENT_LEASE_EXPIRED = 6, /* active -> waiting or failed; also when its worker died of another */
	EVENT_DUE = 7,           /* delayed -> waiting: its time came */
	EVENT_HELD = 8,
	EVENT_UNHELD = 9, /* held -> waiting or delayed; operators call it release */
	EVENT_CANCELLED = 10,
	EVENT_RETRIED = 11,     /* an operator's retry: failed or cancelled -> waiting */
	EVENT_RUN_NOW = 12,     /* an operator's: delayed -> waiting */
	EVENT_REMOVED = 13,     /* by retention or clean; no job is left to point at */
	EVENT_ROLLED_BACK = 14, /* D17; reason names the phase */
	EVENT_CHECKPOINT = 15,  /* a call of a phase with several is done */
	EVENT_FENCED = 16,      /* a late result under an old lease was refused */
	EVENT_PAUSED = 17,      /* the queue, one phase of it, or the receiver `name` */
	EVENT_RESUMED = 18,
	EVENT_SET_ASIDE = 19,    /* a record that cannot be read left the queue (promise 8) */
	EVENT_NOTIFICATION = 20, /* D16: name, room, data */
	EVENT_PROGRESS =
		21, /* D16: sync_progress_update, workflow.phase.N.*, sync_completed: name, room, data */
	EVENT_RESTORED =
		22, /* the spool was, from a backup; events after it may repeat what was done since */
	EVENT_REPAIRED = 23,  /* the spool was, or with a job: its history has a gap */
	EVENT_BREAKER = 24,   /* of the receiver `name` */
	EVENT_CRASHED = 25,   /* active -> waiting, or held at JOB_CRASHES_MAX: its worker died in its code */
	EVENT_REPLAYED = 26,  /* an operator's retry --again: completed, failed or cancelled -> waiting */
	EVENT_TOKEN = 27,     /* the token `name` was added, rotated or revoked; data tells its limits */
	EVENT_FORGOTTEN = 28, /* a person was: data tells from how many jobs and events */
	EVENT_UNDONE = 29,    /* an operator's act was taken back: `name` is the operation it was part of */
	EVENT_STALLED = 30,   /* the next phase of the job's workflow did not come within its service level */
	EVENT_KIND_N
};

const char *event_kind_name(enum event_kind kind); /* "accepted", "lease_expired", ... */
bool event_kind_parse(struct slice name, enum event_kind *out);
/* Names with commas as bits per kind; 0: one of them is none, which *bad names, or there is none at all. */
uint64_t event_kinds_parse(struct slice list, struct slice *bad);

enum { EVENT_NO_STATE = 255, EVENT_DATA_MAX = 65536, EVENT_REASON_MAX = 1024 };

/* Strings are slices into mem when filled by a read (event_release), borrowed when handed to a verb. */
struct event {
	uint64_t seq;  /* ascending over the whole spool, never reused */
	uint64_t prev; /* the job's event before this one; 0: first */
	int64_t at_us;
	enum event_kind kind;
	struct job_id job; /* zero: concerns no single job */
	int phase;         /* 0: none */
	int from, to;      /* enum job_state, or EVENT_NO_STATE */
	uint32_t attempt;
	int http_status;                   /* of the attempt's last call; 0: none */
	int64_t wait_ms, conn_ms, xfer_ms; /* timings of the attempt: queued, connecting, transferring */
	uint64_t span;                     /* of the attempt in the job's trace; 0: none */
	struct slice actor;                /* "caller:NAME", "token:NAME", "worker:HOST:PID", "operator:NAME",
					      "system" */
	struct slice reason;               /* words */
	struct slice name, room, data; /* notification and progress: event name, room, JSON payload; removed:
					  data; name: a receiver's, too. What operators did to many jobs: the
					  operation's, and as data what a job lost by it (model/undo.h) */
	/* Filled by reads while the job is retained; not stored again. */
	struct slice workflow_id, user_id, traceparent;
	struct buf mem;
};

/* Is name that of the operation which an operator's act was part of? */
bool event_is_operators(enum event_kind kind);

void event_release(struct event *event);

/* What an event is made of: one of the spool as a whole, and one of a job whose state it does not change. */
struct event event_of_spool(enum event_kind kind, struct moment now);
struct event event_beside(const struct job *job, enum event_kind kind, struct moment now);
/* Words as an event may have them: cut at EVENT_REASON_MAX. */
struct slice event_words(struct slice words);

#endif
