/* worker/loop.c: see loop.h. */
#include "worker/loop.h"

#include "spool/base/log.h"
#include "worker/attempt.h"
#include "worker/feed.h"
#include "worker/relay.h"

#include <errno.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { TICK_MS = 1000 };

struct loop {
	const struct opts *opts;
	struct attempt_env env;
	struct attempt waiting, running; /* rings */
	size_t running_n;
	int signal_fd;
	unsigned signals;
	int64_t stop_by_us; /* when the grace ends; 0: not stopping */
};

static void ring_init(struct attempt *head)
{
	head->next = head->prev = head;
}

static void ring_add(struct attempt *head, struct attempt *a)
{
	a->next = head;
	a->prev = head->prev;
	head->prev->next = a;
	head->prev = a;
}

static void ring_take(struct attempt *a)
{
	a->prev->next = a->next;
	a->next->prev = a->prev;
}

/* An attempt ended: it stands in one of the rings. */
static void ended(void *arg, struct attempt *a)
{
	struct loop *l = arg;
	ring_take(a);
	if (a->is_started)
		l->running_n--;
}

static void start_waiting(struct loop *l)
{
	while (l->stop_by_us == 0 && l->waiting.next != &l->waiting &&
		l->running_n - l->env.blocked_n < (size_t)l->opts->worker.in_flight) {
		struct attempt *a = l->waiting.next;
		ring_take(a);
		ring_add(&l->running, a);
		a->is_started = true;
		l->running_n++;
		attempt_start(a);
	}
}

/* Calls whose turn has come. */
static void unblock(struct loop *l)
{
	struct flow_waiter *waiter;
	enum flow_verdict verdict;
	while ((waiter = flow_next(l->env.flow, &verdict)))
		attempt_unblock(waiter, verdict);
}

static struct attempt *find(struct attempt *head, const struct feed_news *news)
{
	for (struct attempt *a = head->next; a != head; a = a->next)
		if (a->job.lease.token == news->token && id_cmp(a->job.id, news->id) == 0)
			return a;
	return NULL;
}

static void take_job(struct loop *l, struct feed_news *news)
{
	struct attempt *a = attempt_new(&l->env, &news->job);
	if (!a) {
		feed_abandon(l->env.feed, news->job.id, news->job.lease.token);
		job_release(&news->job);
		return;
	}
	ring_add(&l->waiting, a);
}

static void take_news(struct loop *l)
{
	struct feed_news news;
	while (feed_take(l->env.feed, &news)) {
		struct attempt *a = news.kind == FEED_JOB ? NULL : find(&l->running, &news);
		if (news.kind == FEED_JOB)
			take_job(l, &news);
		else if (news.kind == FEED_STORED && a)
			attempt_stored(a);
		else if (news.kind == FEED_LOST && (a || (a = find(&l->waiting, &news))))
			attempt_lost(a);
	}
}

static void take_signals(struct loop *l)
{
	struct signalfd_siginfo info;
	while (read(l->signal_fd, &info, sizeof info) == sizeof info) {
		l->signals++;
		log_info("event=stopping signal=%u running=%zu", info.ssi_signo, l->running_n);
	}
	if (l->signals > 0 && l->stop_by_us == 0) {
		l->stop_by_us = clock_mono_us() + l->opts->worker.stop_grace_ms * 1000;
		feed_stop_claims(l->env.feed);
		flow_stop(l->env.flow);
	}
	if (l->signals > 1)
		l->stop_by_us = 1;
}

static void release_all(struct attempt *head)
{
	while (head->next != head)
		attempt_release(head->next);
}

/* true: the loop is done. */
static bool stop_step(struct loop *l)
{
	if (l->stop_by_us == 0)
		return false;
	release_all(&l->waiting);
	if (l->running_n > l->env.blocked_n && clock_mono_us() < l->stop_by_us)
		return false;
	release_all(&l->running);
	return true;
}

static int tick_ms(const struct loop *l)
{
	if (l->stop_by_us == 0)
		return flow_wait_ms(l->env.flow, TICK_MS);
	int64_t left = (l->stop_by_us - clock_mono_us()) / 1000 + 1;
	return left < 0 ? 0 : left > TICK_MS ? TICK_MS : (int)left;
}

static void run(struct loop *l)
{
	struct watchdog dog;
	watchdog_init(&dog);
	log_gather(true);
	do {
		take_news(l);
		unblock(l);
		start_waiting(l);
		log_flush();
		http_run(l->env.http, tick_ms(l), l->signal_fd);
		take_signals(l);
		if (watchdog_is_alive(&dog, feed_pulse(l->env.feed)))
			watchdog_feed(&dog);
	} while (!stop_step(l) && !feed_is_broken(l->env.feed));
	log_gather(false);
}

static void wake_loop(void *arg)
{
	http_wakeup(arg);
}

static enum status start_parts(
	struct loop *l, const struct feed_conf *conf, struct relay **relay, struct why *why)
{
	l->env.http = http_new(&(struct http_conf){.in_flight = (size_t)l->opts->worker.in_flight,
		.max_response = l->opts->worker.max_response,
		.allowed_networks = l->opts->worker.allowed_networks});
	if (!l->env.http)
		return why_set(why, ST_NOMEM, "cannot set up libcurl");
	l->env.flow = flow_new(l->opts);
	if (!l->env.flow)
		return why_set(why, ST_NOMEM, "out of memory");
	struct feed_conf full = *conf;
	full.wake = wake_loop;
	full.wake_arg = l->env.http;
	full.flow = l->env.flow;
	l->env.feed = feed_start(&full, why);
	if (!l->env.feed)
		return ST_NOMEM;
	return relay_start(l->opts, l->env.spool, relay, why);
}

/* What the feed handed over while the loop was ending. */
static void give_back_late_jobs(struct loop *l)
{
	take_news(l);
	release_all(&l->waiting);
}

enum status loop_run(
	const struct opts *opts, struct spool *spool, int signal_fd, void (*ready)(void), struct why *why)
{
	char host[32] = "", owner[JOB_OWNER_MAX];
	struct relay *relay = NULL;
	struct loop l = {.opts = opts, .signal_fd = signal_fd};
	gethostname(host, sizeof host - 1);
	snprintf(owner, sizeof owner, "%s:%d", host, (int)getpid());
	ring_init(&l.waiting);
	ring_init(&l.running);
	l.env = (struct attempt_env){.opts = opts, .spool = spool, .ended = ended, .arg = &l};
	struct feed_conf conf = {.opts = opts, .spool = spool, .owner = owner};
	struct why unmarked = WHY_INIT;
	l.env.mark = conf.mark = mark_open(opts->spool.path, feed_held_max(opts), &unmarked);
	if (!l.env.mark)
		log_warning("event=unmarked err=%s",
			LOG_QT(unmarked.text)); /* a job that kills is not told apart */
	enum status st = start_parts(&l, &conf, &relay, why);
	if (st == ST_OK) {
		ready();
		run(&l);
	}
	relay_stop(relay);
	if (l.env.feed) {
		feed_stop_claims(l.env.feed);
		release_all(&l.running);
		give_back_late_jobs(&l);
		bool all_written = feed_finish(l.env.feed);
		if (st == ST_OK && (feed_is_broken(l.env.feed) || !all_written))
			st = why_set(
				why, ST_IO, "the spool failed; what was not recorded is delivered again");
		feed_free(l.env.feed);
	}
	http_free(l.env.http);
	attempt_env_release(&l.env);
	flow_free(l.env.flow);
	mark_close(l.env.mark);
	return st;
}
