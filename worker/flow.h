/* worker/flow.h: which calls may begin, and which phases may be claimed: how many calls at one time in all,
 * for each phase and for each receiver, how many a second for each receiver, and its circuit breaker.
 *
 * Invariant: every flow_begin() that said FLOW_GO is followed by one flow_end(). What bounds claims is only a
 * forecast: the bound that holds is the one in flow_begin(). Breakers are kept in the spool and shared by all
 * workers (spool/model/receiver.h); this is what one worker saw of its calls since it last told the spool,
 * and what it was told there.
 *
 * Threads: flow_begin, flow_end, flow_leave, flow_next, flow_wait_ms are the loop's;
 * flow_limits, flow_reports, flow_told and flow_due_ms the feed's. Nothing blocks for longer than the other's
 * few lines. */
#ifndef WORKER_FLOW_H
#define WORKER_FLOW_H
#include "spool/model/receiver.h"
#include "spool/model/settle.h"
#include "spool/opts.h"

struct flow;

NODISCARD struct flow *flow_new(const struct opts *opts); /* NULL: no memory */
void flow_free(struct flow *flow);

/* One who waits for a call to be allowed; part of the caller's own struct. */
struct flow_waiter {
	struct flow_waiter *next, *prev; /* the flow's; NULL: not in line */
	size_t receiver;
	bool is_probe; /* its call is the one by which an open breaker is tried */
	uint64_t era;  /* in which its call began */
};

enum flow_verdict {
	FLOW_GO,     /* the call has begun as far as bounds go */
	FLOW_WAIT,   /* the waiter is in line: flow_next() gives it when its turn has come */
	FLOW_CLOSED, /* the receiver is not called now: its breaker is open, or it is paused */
};
enum flow_verdict flow_begin(struct flow *flow, size_t receiver, struct flow_waiter *waiter);
/* How the call ended, as far as the receiver is to blame. */
enum flow_end { FLOW_OK, FLOW_FAILED, FLOW_DROPPED /* by us: says nothing of the receiver */ };
void flow_end(struct flow *flow, const struct flow_waiter *waiter, enum flow_end how);
/* Out of the line, if it is in one. */
void flow_leave(struct flow *flow, struct flow_waiter *waiter);
/* The next waiter whose call may begin (*verdict FLOW_GO, counted) or is not to (FLOW_CLOSED), taken out of
 * its line; NULL: none now. */
struct flow_waiter *flow_next(struct flow *flow, enum flow_verdict *verdict);
/* Until flow_next() may have one for no other reason than time; at most max_ms. */
int flow_wait_ms(struct flow *flow, int max_ms);
/* Those who wait in line. */
size_t flow_waiting(struct flow *flow);

/* The jobs of each phase slot: those held, and how many of late ended between two claims. */
struct flow_stock {
	size_t held[PHASE_SLOTS], pace[PHASE_SLOTS];
};
/* Bounds for the next claims. At most FLOW_LIMITS_MAX. */
enum { FLOW_LIMITS_MAX = RECEIVERS_MAX + PHASE_SLOTS };
size_t flow_limits(
	struct flow *flow, const struct flow_stock *stock, struct claim_limit out[FLOW_LIMITS_MAX]);
/* What is to be told to the spool with the next exchange, which fills in the answers; n of them. After an
 * exchange that failed they are told again. */
struct receiver_report *flow_reports(struct flow *flow, size_t *n);
/* The exchange was done: what it answered holds from here on. */
void flow_told(struct flow *flow);
/* Until a rate lets more be claimed by time alone, or at once when flow_told() did; at most max_ms. */
int flow_due_ms(struct flow *flow, int max_ms);
/* No more calls will begin: a probe that is held and not used is given back. */
void flow_stop(struct flow *flow);

#endif
