/* worker/attempt.h: one attempt at one job, from the claim to the outcome: the phase's calls one after the
 * other, with a checkpoint on disk between two of them. All on the loop's thread. */
#ifndef WORKER_ATTEMPT_H
#define WORKER_ATTEMPT_H
#include "worker/call.h"
#include "worker/feed.h"
#include "worker/flow.h"
#include "worker/mark.h"

struct attempt;

/* What all attempts share. */
struct attempt_env {
	const struct opts *opts;
	struct spool *spool;
	struct http *http;
	struct feed *feed;
	struct flow *flow;
	size_t blocked_n; /* attempts that wait for a call to be allowed */
	/* Used again and again: */
	struct call_request request;
	struct buf message, data;
	struct attempt *spare; /* linked by next */
	size_t spare_n;
	struct mark *mark;                                 /* of what it runs; NULL: none is kept */
	void (*ended)(void *arg, struct attempt *attempt); /* the attempt is over and about to be freed */
	void *arg;
};

struct attempt {
	struct attempt *next, *prev; /* the loop's list */
	struct attempt_env *env;
	struct job job;
	struct run run;
	const struct phase_handler *handler;
	int calls[CALLS_MAX]; /* of the phase, in order */
	size_t calls_n, call_at;
	uint64_t span; /* in the caller's trace; 0: there is none */
	struct flow_waiter waiter;
	bool is_started;      /* counted among the running ones */
	bool is_blocked;      /* its next call waits for its turn (flow.h) */
	bool is_calling;      /* an HTTP request is under way */
	bool is_storing;      /* a checkpoint is on its way to the disk */
	long http_status;     /* of the last call */
	const char *receiver; /* of the last call; NULL: none was made */
	int64_t wait_ms, conn_ms, xfer_ms;
};

/* What attempts use again and again is freed; none of them must be left. */
void attempt_env_release(struct attempt_env *env);
/* Takes over *job. NULL: no memory. */
NODISCARD struct attempt *attempt_new(struct attempt_env *env, struct job *job);
/* Begin. The attempt may have ended when this returns. */
void attempt_start(struct attempt *attempt);
/* Its checkpoint is on disk: go on. */
void attempt_stored(struct attempt *attempt);
/* Its turn has come (FLOW_GO), or its receiver is not called any more (FLOW_CLOSED). */
void attempt_unblock(struct flow_waiter *waiter, enum flow_verdict verdict);
/* Its lease is gone: drop it without an outcome. */
void attempt_lost(struct attempt *attempt);
/* Give the job back unused (not started), or because the worker stops. */
void attempt_release(struct attempt *attempt);

#endif
