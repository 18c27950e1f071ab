/* worker/feed.h: the thread between the spool and the loop. It writes outcomes in batches, together with the
 * next claims, so that the loop never waits for a disk; it renews leases, and it keeps house (retention, dead
 * readers).
 *
 * Invariant: an outcome that was given is written, however often that takes, or refused by the spool as
 * fenced; it is never dropped while the process lives. Threads: feed_outcome, feed_give, feed_abandon,
 * feed_take, feed_has_lease, feed_stop_claims, feed_finish are for the loop. */
#ifndef WORKER_FEED_H
#define WORKER_FEED_H
#include "spool/watchdog.h"
#include "worker/outcome.h"

struct feed;
struct flow;
struct mark;

struct feed_conf {
	const struct opts *opts;
	struct spool *spool;
	const char *owner;       /* "host:pid", as it stands in leases */
	struct flow *flow;       /* what bounds claims */
	struct mark *mark;       /* in which stands what is held; NULL: none is kept */
	void (*wake)(void *arg); /* called when there is something to take */
	void *wake_arg;
};

enum feed_news_kind {
	FEED_JOB,    /* a job to run; the taker owns it */
	FEED_STORED, /* the checkpoint of this job and token is on disk */
	FEED_LOST,   /* the lease is gone: stop what runs for it */
};
struct feed_news {
	enum feed_news_kind kind;
	struct job job;   /* JOB */
	struct job_id id; /* STORED, LOST */
	uint64_t token;
};

/* How many jobs it holds at most. */
static inline size_t feed_held_max(const struct opts *opts)
{
	return (size_t)opts->worker.in_flight * 16;
}

NODISCARD struct feed *feed_start(const struct feed_conf *conf, struct why *why);
/* An empty outcome for feed_give(), one that was written before if there is any; NULL: no memory. */
NODISCARD struct outcome *feed_outcome(struct feed *feed, const struct job *job, enum settle_kind kind);
/* Takes over *outcome. */
void feed_give(struct feed *feed, struct outcome *outcome);
/* There is no memory to tell the outcome of this job: its lease is no longer renewed, runs out, and the job
 * is claimed again. Needs none itself. */
void feed_abandon(struct feed *feed, struct job_id id, uint64_t token);
/* A worker that held this job under this token died: in its code, or in another job's. Needs memory; without,
 * the lease runs out. */
void feed_crashed(struct feed *feed, struct job_id id, uint64_t token, bool in_its_code);
/* false: nothing new. */
bool feed_take(struct feed *feed, struct feed_news *out);
/* Does this lease, which the feed handed out, still run? Never true of one that is over; false of one that is
 * not, at worst, after renewals that came too late. */
bool feed_has_lease(const struct feed *feed, const struct lease *lease);
void feed_stop_claims(struct feed *feed);
/* Write what was given and end the thread. true: all of it was written. */
bool feed_finish(struct feed *feed);
/* The sign of life of the thread, which gives one every second or so. */
pulse *feed_pulse(struct feed *feed);
/* The spool is beyond help in this process. */
bool feed_is_broken(const struct feed *feed);
void feed_free(struct feed *feed);

#endif
