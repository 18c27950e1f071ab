/* fcgi/rate.h: how fast each caller may come: token buckets in a table of fixed size.
 *
 * A bucket is one number: when it will be full again. So there is nothing to refill, time that passes unseen
 * is not lost, and one that is full may be forgotten: it is what a caller who has never come has. The clock
 * is the monotonic one, so that no step of the wall clock gives or takes anything.
 *
 * Names that callers say of themselves can be made up without end: they get at most half of each set's places
 * and never drive anybody out. Who is known otherwise (by address, by credentials) always gets a place, if
 * need be that of who was not seen for longest.
 *
 * Threads: any; a lock per set is held for some tens of nanoseconds. */
#ifndef FCGI_RATE_H
#define FCGI_RATE_H
#include "spool/base/buf.h"
#include "spool/base/status.h"

struct rate_bound {
	int64_t rate_milli; /* requests in 1000 seconds; 0: no bound */
	int64_t burst;      /* at least 1: those that may come at once */
};

/* --- one bucket; pure --- */
struct bucket {
	int64_t full_at_ns;
};
/* Whether one request may come now; *wait_ns: when not, how long until it may. One that may takes n, and what
 * the bucket does not hold of that is owed: so what counts more than the burst can come at all, and in the
 * long run nobody is faster than the rate. */
bool bucket_take(
	struct bucket *bucket, const struct rate_bound *bound, int64_t now_ns, uint64_t n, int64_t *wait_ns);
/* n more of a request that has come. */
void bucket_owe(struct bucket *bucket, const struct rate_bound *bound, int64_t now_ns, uint64_t n);

/* --- the table --- */
enum { RATE_SETS = 512, RATE_WAYS = 8, RATE_SAID_WAYS = RATE_WAYS / 2 };

/* Counted apart, so that who submits too fast can still look. */
enum rate_kind { RATE_SUBMIT, RATE_OTHER, RATE_KINDS };

enum rate_verdict {
	RATE_OK,
	RATE_OVER,   /* *wait_ns says how long */
	RATE_NO_ROOM /* of said names only: go by another one */
};

struct rate;
/* NULL: out of memory. */
struct rate *rate_new(void);
void rate_free(struct rate *rate); /* accepts NULL */
/* is_said: nobody but the caller says that this is its name. */
enum rate_verdict rate_take(struct rate *rate, struct slice name, bool is_said, enum rate_kind kind,
	const struct rate_bound *bound, int64_t now_us, int64_t *wait_ns);
/* false: there is no room for that name. */
bool rate_owe(struct rate *rate, struct slice name, bool is_said, enum rate_kind kind,
	const struct rate_bound *bound, int64_t now_us, uint64_t n);

#endif
