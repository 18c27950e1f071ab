/* worker/feed.c: see feed.h. */
#include "worker/feed.h"

#include "spool/base/log.h"
#include "spool/meter.h"
#include "worker/flow.h"
#include "worker/held.h"
#include "worker/mark.h"
#include "worker/reap.h"
#include "worker/retain.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Outcomes of one commit; the pause between commits when there is always more, so that intake's commits get
 * their turn; how long the thread sleeps at most; the wait after a commit that failed. */
enum {
	BATCH_MAX = 512,
	YIELD_MS = 1,
	PACE_US = 50000, /* how often the pace falls */
	IDLE_MS = 1000,
	FAIL_MS = 100,
	FAIL_MAX_MS = 2000,
	HELD_BYTES = 64 << 20, /* payloads in memory, but for one job of any size */
	SPARE = 8,             /* jobs held beyond those that run, however slow they are */
	GATHER_JOBS = 16,      /* that are held: their outcomes come in flocks */
	SPARE_OUTCOMES = 256,  /* kept to be used again */
};

struct feed {
	struct feed_conf conf;
	pthread_t thread;
	pulse pulse;
	int event_fd; /* rung by the loop */
	atomic_bool stop_claims, finish, broken;
	/* Leases claimed after lapsed_us and renewed run until renewed_until_us (moment.boot_us). */
	_Atomic int64_t lapsed_us, renewed_until_us;
	pthread_mutex_t lock;
	struct outcome *given, **given_last; /* from the loop; under the lock */
	struct feed_news *news;              /* to the loop; under the lock */
	size_t news_n, news_cap;
	struct outcome *spare; /* written, to the loop; under the lock */
	size_t spare_n;
	struct held_lease *abandoned; /* by the loop; under the lock */
	size_t abandoned_n;
	/* The loop's own: what it took of these. */
	struct feed_news *taken;
	size_t taken_at, taken_n;
	struct outcome *ready;
	/* The thread's own: */
	struct held held;                       /* leases that no outcome has ended yet */
	struct flow_stock stock;                /* of it, when the last outcomes were taken */
	size_t pace;                            /* jobs that end between two commits: the most of late */
	struct outcome *pending, *pending_last; /* taken, not written yet */
	struct outcome *written;
	struct feed_news *said; /* to be news once all of a commit is dealt with */
	size_t said_n;
	struct settlement *settlements;
	struct job *jobs;
	int64_t next_renew_us, next_due_us, next_reap_us, next_pace_us;
	int fail_ms;
	struct retain retain;
	struct log_limit log_limit;
};

static void ring(struct feed *f)
{
	uint64_t one = 1;
	ssize_t n = write(f->event_fd, &one, sizeof one);
	(void)n; /* a counter at its limit has been rung */
}

void feed_give(struct feed *f, struct outcome *outcome)
{
	outcome->next = NULL;
	pthread_mutex_lock(&f->lock);
	bool was_empty = f->given == NULL;
	*f->given_last = outcome;
	f->given_last = &outcome->next;
	pthread_mutex_unlock(&f->lock);
	if (was_empty)
		ring(f);
}

static void take_all(struct feed *f)
{
	struct feed_news *empty = f->taken;
	pthread_mutex_lock(&f->lock);
	f->taken = f->news;
	f->taken_n = f->news_n;
	f->news = empty;
	f->news_n = 0;
	pthread_mutex_unlock(&f->lock);
	f->taken_at = 0;
}

bool feed_take(struct feed *f, struct feed_news *out)
{
	if (f->taken_at == f->taken_n)
		take_all(f);
	if (f->taken_n == 0)
		return false;
	*out = f->taken[f->taken_at++];
	return true;
}

struct outcome *feed_outcome(struct feed *f, const struct job *job, enum settle_kind kind)
{
	if (!f->ready) {
		pthread_mutex_lock(&f->lock);
		f->ready = f->spare;
		f->spare = NULL;
		f->spare_n = 0;
		pthread_mutex_unlock(&f->lock);
	}
	struct outcome *o = f->ready;
	if (!o)
		return outcome_new(job, kind);
	f->ready = o->next;
	outcome_renew(o, job, kind);
	return o;
}

/* There is always room: a job is abandoned once, and jobs whose news the loop has not taken are bounded. */
void feed_abandon(struct feed *f, struct job_id id, uint64_t token)
{
	pthread_mutex_lock(&f->lock);
	f->abandoned[f->abandoned_n++] = (struct held_lease){.id = id, .token = token};
	pthread_mutex_unlock(&f->lock);
	ring(f);
}

void feed_crashed(struct feed *f, struct job_id id, uint64_t token, bool in_its_code)
{
	struct job job = {.id = id, .lease.token = token};
	struct outcome *o = outcome_new(&job, in_its_code ? SETTLE_CRASH : SETTLE_ORPHAN);
	if (o && outcome_seal(o) == ST_OK)
		feed_give(f, o);
	else
		outcome_free(o);
}

/* There is always room: jobs held are bounded, and each has at most one piece of each kind of news under way.
 */
static void tell(struct feed *f, const struct feed_news *news)
{
	f->said[f->said_n++] = *news;
}

/* What a commit brought about, all at once: the loop is not to be met at the lock for each job. */
static void publish(struct feed *f)
{
	struct outcome *surplus = NULL;
	pthread_mutex_lock(&f->lock);
	memcpy(f->news + f->news_n, f->said, f->said_n * sizeof *f->said);
	f->news_n += f->said_n;
	while (f->written) {
		struct outcome *o = f->written;
		struct outcome **list = f->spare_n < SPARE_OUTCOMES ? &f->spare : &surplus;
		f->spare_n += list == &f->spare;
		f->written = o->next;
		o->next = *list;
		*list = o;
	}
	pthread_mutex_unlock(&f->lock);
	f->said_n = 0;
	outcome_free_all(surplus);
}

static void forget(struct feed *f, struct job_id id, uint64_t token)
{
	size_t i = held_remove(&f->held, id, token);
	if (i != HELD_NONE)
		mark_unhold(f->conf.mark, i);
}

static bool ends_lease(enum settle_kind kind)
{
	return kind != SETTLE_CHECKPOINT && kind != SETTLE_RENEW;
}

static void log_refused(const struct settlement *s)
{
	char id[JOB_ID_TEXT_LEN];
	id_text(s->id, id);
	log_warning("job=%s event=%s token=%llu verdict=%s", id,
		s->verdict == ST_CONFLICT ? "fenced" : "refused", (unsigned long long)s->token,
		status_name(s->verdict));
}

/* After a commit: what each verdict means for what is held and for the loop. */
static void follow_up(struct feed *f, const struct settlement *s, bool wants_answer)
{
	struct feed_news news = {.id = s->id, .token = s->token};
	if (ends_lease(s->kind) || s->verdict != ST_OK)
		forget(f, s->id, s->token);
	if (s->verdict != ST_OK)
		log_refused(s);
	if (s->verdict != ST_OK && !ends_lease(s->kind)) {
		news.kind = FEED_LOST;
		tell(f, &news);
	} else if (wants_answer) {
		news.kind = FEED_STORED;
		tell(f, &news);
	}
}

/* What is said of one job stands together: the spool then changes its record once. */
static void line_up(struct feed *f, struct outcome *o)
{
	struct held_lease *lease = held_find(&f->held, o->settlement.id, o->settlement.token);
	struct outcome *before = lease && lease->last ? lease->last : f->pending_last;
	struct outcome **at = before ? &before->next : &f->pending;
	o->next = *at;
	*at = o;
	if (!o->next)
		f->pending_last = o;
	if (!lease)
		return;
	lease->last = o;
	if (ends_lease(o->settlement.kind))
		held_end(&f->held, o->settlement.id, o->settlement.token);
}

static void take_given(struct feed *f)
{
	pthread_mutex_lock(&f->lock);
	struct outcome *given = f->given;
	f->given = NULL;
	f->given_last = &f->given;
	for (size_t i = 0; i < f->abandoned_n; i++)
		forget(f, f->abandoned[i].id, f->abandoned[i].token);
	f->abandoned_n = 0;
	pthread_mutex_unlock(&f->lock);
	while (given) {
		struct outcome *o = given;
		given = o->next;
		line_up(f, o);
	}
}

static size_t lay_out_outcomes(struct feed *f)
{
	size_t n = 0;
	for (const struct outcome *o = f->pending; o && n < BATCH_MAX; o = o->next)
		f->settlements[n++] = o->settlement;
	return n;
}

/* A third of the lease has passed: renew what is held and not being ended. */
static size_t lay_out_renewals(struct feed *f, size_t outcomes)
{
	int64_t now = clock_mono_us();
	size_t n = outcomes;
	if (now < f->next_renew_us)
		return n;
	f->next_renew_us = now + f->conf.opts->worker.lease_ms * 1000 / 3;
	for (size_t i = 0; i < f->held.n; i++)
		if (!f->held.items[i].is_ending)
			f->settlements[n++] = (struct settlement){.id = f->held.items[i].id,
				.token = f->held.items[i].token,
				.kind = SETTLE_RENEW,
				.lease_ms = f->conf.opts->worker.lease_ms};
	return n;
}

static void drop_written(struct feed *f, size_t outcomes)
{
	int64_t now_us = clock_now().wall_us;
	for (size_t i = 0; i < outcomes; i++) {
		struct outcome *o = f->pending;
		struct held_lease *lease = held_find(&f->held, o->settlement.id, o->settlement.token);
		if (lease && lease->last == o)
			lease->last = NULL;
		f->pending = o->next;
		outcome_count(o, f->settlements[i].verdict, now_us);
		follow_up(f, &f->settlements[i], o->wants_answer);
		outcome_empty(o);
		o->next = f->written;
		f->written = o;
	}
	if (!f->pending)
		f->pending_last = NULL;
}

static void hold(struct feed *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct feed_news news = {.kind = FEED_JOB, .job = f->jobs[i]};
		held_add(&f->held, &f->jobs[i]);
		meter_spent(METER_WAIT, f->jobs[i].phase, f->jobs[i].claimed_at_us - f->jobs[i].run_at_us);
		mark_hold(f->conf.mark, f->jobs[i].id, f->jobs[i].lease.token);
		tell(f, &news);
	}
}

static void note_failure(struct feed *f, enum status st, const struct why *why)
{
	unsigned long skipped;
	if (log_allowed(&f->log_limit, 5000, &skipped))
		log_err("event=exchange_failed status=%s skipped=%lu why=%s", status_name(st), skipped,
			LOG_QT(why->text));
	if (spool_is_broken(f->conf.spool))
		atomic_store(&f->broken, true);
	f->fail_ms = f->fail_ms ? f->fail_ms * 2 : FAIL_MS;
	if (f->fail_ms > FAIL_MAX_MS)
		f->fail_ms = FAIL_MAX_MS;
}

/* News that the loop has not taken pile up: give it no more work until it has. */
static bool is_loop_behind(struct feed *f)
{
	pthread_mutex_lock(&f->lock);
	bool is_behind = f->news_n > f->news_cap / 2;
	pthread_mutex_unlock(&f->lock);
	return is_behind;
}

/* How many more jobs are wanted: enough for the loop to go on with until the next commit but one, and no
 * more, for another worker may have time for them. */
static size_t room(struct feed *f)
{
	if (atomic_load(&f->stop_claims) || is_loop_behind(f) || f->held.bytes >= HELD_BYTES)
		return 0;
	size_t wanted = (size_t)f->conf.opts->worker.in_flight + SPARE + 2 * f->pace;
	size_t have = f->held.n - f->held.ending_n, stuck = flow_waiting(f->conf.flow);
	have -= stuck < have ? stuck : have; /* they wait for their own receiver, and hold up nobody else */
	size_t free_leases = f->held.cap - f->held.n;
	size_t more = wanted > have ? wanted - have : 0;
	return more < free_leases ? more : free_leases;
}

/* It rises at once and falls slowly, however often there is an exchange. */
static void follow(size_t *pace, size_t now, bool may_fall)
{
	if (now > *pace)
		*pace = now;
	else if (may_fall)
		*pace -= (*pace - now + 7) / 8;
}

static void take_stock(struct feed *f)
{
	size_t ending[PHASE_SLOTS] = {0};
	int64_t now_us = clock_mono_us();
	bool may_fall = now_us >= f->next_pace_us;
	if (may_fall)
		f->next_pace_us = now_us + PACE_US;
	memset(f->stock.held, 0, sizeof f->stock.held);
	for (size_t i = 0; i < f->held.n; i++) {
		int slot = phase_slot(f->held.items[i].phase);
		if (f->held.items[i].is_ending)
			ending[slot]++;
		else
			f->stock.held[slot]++;
	}
	follow(&f->pace, f->held.ending_n, may_fall);
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		follow(&f->stock.pace[slot], ending[slot], may_fall);
}

/* The process was stopped for a while, or its host: some leases were over before they were renewed. Which
 * ones the loop learns by and by (FEED_LOST); until then it must take none of them for renewed. */
static void note_renewals(struct feed *f, size_t n, const struct settlement *renewals, struct moment now)
{
	bool all_renewed = true;
	for (size_t i = 0; i < n; i++)
		all_renewed &= renewals[i].verdict == ST_OK;
	if (!all_renewed && now.boot_us >= atomic_load(&f->renewed_until_us))
		atomic_store(&f->lapsed_us, now.boot_us);
	if (n > 0)
		atomic_store(&f->renewed_until_us, now.boot_us + f->conf.opts->worker.lease_ms * 1000);
}

/* The first outcome after a while. Where many jobs run there are more to come: one commit for all. */
static void gather(struct feed *f)
{
	if (f->held.n - f->held.ending_n >= GATHER_JOBS)
		clock_sleep_ms(YIELD_MS);
}

/* One commit: outcomes and renewals in, jobs out. true: it did something. */
static bool exchange(struct feed *f)
{
	struct why why = WHY_INIT;
	take_given(f);
	take_stock(f);
	size_t outcomes = lay_out_outcomes(f), n = lay_out_renewals(f, outcomes), got = 0, expired = 0;
	struct claim_limit limits[FLOW_LIMITS_MAX];
	struct claim_ask ask = {
		.owner = f->conf.owner,
		.max = room(f),
		.max_bytes = HELD_BYTES - (f->held.bytes < HELD_BYTES ? f->held.bytes : 0),
		.lease_ms = f->conf.opts->worker.lease_ms,
		.limits = limits,
		.limits_n = flow_limits(f->conf.flow, &f->stock, limits),
		.expired = &expired,
	};
	ask.reports = flow_reports(f->conf.flow, &ask.reports_n);
	struct moment now = clock_now();
	int64_t began_us = clock_mono_us();
	enum status st = spool_exchange(
		f->conf.spool, now, f->settlements, n, &ask, f->jobs, &got, &f->next_due_us, &why);
	if (st != ST_OK) {
		note_failure(f, st, &why);
		return false;
	}
	f->fail_ms = 0;
	if (n > 0 || got > 0 || expired > 0)
		meter_committed(METER_EXCHANGE, clock_mono_us() - began_us, outcomes + got + expired);
	meter_leases_expired(expired);
	flow_told(f->conf.flow);
	note_renewals(f, n - outcomes, &f->settlements[outcomes], now);
	drop_written(f, outcomes);
	for (size_t i = outcomes; i < n; i++)
		follow_up(f, &f->settlements[i], false);
	hold(f, got);
	publish(f);
	meter_set(METER_HELD, (int64_t)f->held.n);
	if (n > 0 || got > 0)
		f->conf.wake(f->conf.wake_arg);
	return outcomes > 0 || got > 0;
}

static int until_ms(int64_t wall_us)
{
	int64_t left = wall_us - clock_now().wall_us;
	if (wall_us == INT64_MAX || left > IDLE_MS * 1000)
		return IDLE_MS;
	return left <= 0 ? 0 : (int)(left / 1000) + 1;
}

static void wait_for_work(struct feed *f)
{
	int wake_fd = spool_wake_fd(f->conf.spool);
	struct pollfd fds[2] = {{.fd = f->event_fd, .events = POLLIN}, {.fd = wake_fd, .events = POLLIN}};
	/* A full house cannot take what the hint announces: leave it there. */
	bool has_room = room(f) > 0;
	int timeout = f->fail_ms ? f->fail_ms : has_room ? until_ms(f->next_due_us) : IDLE_MS;
	int64_t renew_ms = (f->next_renew_us - clock_mono_us()) / 1000 + 1;
	if (f->held.n && renew_ms < timeout)
		timeout = renew_ms < 0 ? 0 : (int)renew_ms;
	if (!f->fail_ms && has_room)
		timeout = flow_due_ms(f->conf.flow, timeout);
	int retain_ms = retain_wait_ms(&f->retain, clock_now());
	if (!f->fail_ms && retain_ms < timeout)
		timeout = retain_ms;
	poll(fds, has_room && !f->fail_ms && wake_fd >= 0 ? 2 : 1, timeout);
	uint64_t count;
	if (read(f->event_fd, &count, sizeof count) == sizeof count)
		gather(f);
	if (fds[1].revents & POLLIN)
		spool_wake_drain(f->conf.spool);
}

static bool is_finished(struct feed *f)
{
	if (!atomic_load(&f->finish) && !atomic_load(&f->broken))
		return false;
	take_given(f);
	return f->pending == NULL || atomic_load(&f->broken) || f->fail_ms >= FAIL_MAX_MS;
}

static void *run(void *arg)
{
	struct feed *f = arg;
	while (!is_finished(f)) {
		pulse_beat(&f->pulse);
		reap_step(&f->next_reap_us, f->conf.opts, f);
		if (exchange(f))
			clock_sleep_ms(YIELD_MS);
		else
			wait_for_work(f);
		if (f->fail_ms == 0)
			retain_step(&f->retain, clock_now());
		if (atomic_load(&f->broken))
			f->conf.wake(f->conf.wake_arg);
	}
	return NULL;
}

static bool allocate(struct feed *f)
{
	size_t cap = feed_held_max(f->conf.opts);
	bool has_held = held_init(&f->held, cap);
	f->news_cap = cap * 4;
	f->abandoned = calloc(f->news_cap, sizeof *f->abandoned);
	f->jobs = calloc(cap, sizeof *f->jobs);
	f->news = calloc(f->news_cap, sizeof *f->news);
	f->taken = calloc(f->news_cap, sizeof *f->taken);
	f->said = calloc(f->news_cap, sizeof *f->said);
	f->settlements = calloc(BATCH_MAX + cap, sizeof *f->settlements);
	f->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return has_held && f->abandoned && f->jobs && f->news && f->taken && f->said && f->settlements &&
	       f->event_fd >= 0;
}

struct feed *feed_start(const struct feed_conf *conf, struct why *why)
{
	struct feed *f = calloc(1, sizeof *f);
	if (!f) {
		why_set(why, ST_NOMEM, "out of memory");
		return NULL;
	}
	f->conf = *conf;
	f->event_fd = -1;
	f->given_last = &f->given;
	f->next_due_us = INT64_MAX;
	pthread_mutex_init(&f->lock, NULL);
	retain_init(&f->retain, conf->opts, conf->spool);
	f->next_renew_us = clock_mono_us() + conf->opts->worker.lease_ms * 1000 / 3;
	atomic_store(&f->renewed_until_us, clock_now().boot_us + conf->opts->worker.lease_ms * 1000);
	if (!allocate(f) || pthread_create(&f->thread, NULL, run, f) != 0) {
		why_set(why, ST_NOMEM, "cannot start the feed thread");
		feed_free(f);
		return NULL;
	}
	return f;
}

bool feed_has_lease(const struct feed *f, const struct lease *lease)
{
	int64_t now_us = clock_now().boot_us, lease_us = f->conf.opts->worker.lease_ms * 1000;
	int64_t until_us = atomic_load(&f->renewed_until_us); /* before lapsed_us, which is set first */
	if (now_us < lease->deadline_boot_us)
		return true;
	return lease->deadline_boot_us - lease_us > atomic_load(&f->lapsed_us) && now_us < until_us;
}

void feed_stop_claims(struct feed *f)
{
	atomic_store(&f->stop_claims, true);
	ring(f);
}

bool feed_finish(struct feed *f)
{
	atomic_store(&f->stop_claims, true);
	atomic_store(&f->finish, true);
	ring(f);
	pthread_join(f->thread, NULL);
	return f->pending == NULL;
}

pulse *feed_pulse(struct feed *f)
{
	return &f->pulse;
}

bool feed_is_broken(const struct feed *f)
{
	return atomic_load(&f->broken);
}

void feed_free(struct feed *f)
{
	if (!f)
		return;
	take_given(f);
	outcome_free_all(f->pending);
	outcome_free_all(f->spare);
	outcome_free_all(f->ready);
	for (struct feed_news news; f->news && f->taken && feed_take(f, &news);)
		if (news.kind == FEED_JOB)
			job_release(&news.job);
	if (f->event_fd >= 0)
		close(f->event_fd);
	pthread_mutex_destroy(&f->lock);
	held_release(&f->held);
	free(f->abandoned);
	free(f->jobs);
	free(f->news);
	free(f->taken);
	free(f->said);
	free(f->settlements);
	free(f);
}
