/* spool/model/settle.h: what a worker says about a job it holds, and what it asks for next. Pure data. */
#ifndef SPOOL_MODEL_SETTLE_H
#define SPOOL_MODEL_SETTLE_H
#include "spool/model/receiver.h"

enum settle_kind {
	SETTLE_COMPLETE,   /* -> completed, outcome */
	SETTLE_RETRY,      /* -> delayed until run_at_us, error */
	SETTLE_FAIL,       /* -> failed, error and outcome */
	SETTLE_RELEASE,    /* -> waiting, unused: the attempt is not counted */
	SETTLE_CHECKPOINT, /* stays active: replace the checkpoint, add notices */
	SETTLE_RENEW,      /* stays active: the lease runs lease_ms from now */
	/* Said by another worker of what a dead one held. The attempt is not charged. */
	SETTLE_CRASH,  /* -> waiting, or held the JOB_CRASHES_MAX-th time: it died in this job's code */
	SETTLE_ORPHAN, /* -> waiting: it died in another one's */
};

/* A notification or progress event that goes with a settlement. Borrowed. */
struct notice {
	enum event_kind kind; /* EVENT_NOTIFICATION, EVENT_PROGRESS or EVENT_ROLLED_BACK */
	struct slice name;    /* "notification", "sync_progress_update", "workflow.phase.3.completed", ... */
	struct slice room;    /* "user_<id>" or "sync_<workflow id>" */
	struct slice data;    /* JSON payload */
	struct slice reason;  /* words; may be empty */
};

struct settlement {
	struct job_id id;
	uint64_t token; /* of the lease the job was claimed under */
	enum settle_kind kind;
	int64_t run_at_us;       /* RETRY */
	int64_t lease_ms;        /* RENEW */
	struct slice error;      /* RETRY, FAIL: text for people */
	struct slice outcome;    /* COMPLETE, FAIL: JSON */
	struct slice checkpoint; /* CHECKPOINT: JSON object, replaces the stored one; RETRY, FAIL, RELEASE:
				    empty keeps it */
	struct slice reason;     /* words for the event; may be empty */
	int http_status;
	int64_t wait_ms, conn_ms, xfer_ms;
	uint64_t span; /* the attempt's span id; stands in the event. 0: none */
	const struct notice *notices;
	size_t notices_n;

	/* Out: ST_OK applied; CONFLICT: the lease is no longer this one, nothing changed but a `fenced`
	 * event; NOTFOUND: no such job (removed); CORRUPT: its record was set aside; INVALID: bounds. */
	enum status verdict;
};

/* No more than `room` further jobs of these phases, taken together. */
struct claim_limit {
	uint32_t phases; /* bits of phase_slot() */
	size_t room;
};
enum { CLAIM_LIMITS_MAX = 64 };

struct claim_ask {
	const char *owner; /* "host:pid" */
	size_t max;        /* jobs at most; 0: settle only */
	size_t max_bytes; /* payload bytes in all, at least one job is given whatever its size; 0: no bound */
	int64_t lease_ms;
	uint32_t phases; /* bit per phase_slot() that may be claimed; 0: all */
	/* Of the calls since the last ask, one for each receiver; looked at also when max is 0. */
	struct receiver_report *reports;
	size_t reports_n;
	/* A job is claimed only while every limit that names its phase has room, and takes one from each.
	 * More than CLAIM_LIMITS_MAX: ST_INVALID. */
	const struct claim_limit *limits;
	size_t limits_n;
	size_t *expired; /* out, when ST_OK: leases that were over and taken back; NULL: not asked */
};

#endif
