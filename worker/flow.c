/* worker/flow.c: see flow.h. */
#include "worker/flow.h"

#include "spool/base/clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MILLI = 1000, SECOND_US = 1000000, AHEAD = 4 /* in-flights at most, ahead of one receiver's calls */ };
static const int64_t PROBE_SLACK_US = INT64_C(5) * SECOND_US;

struct lane {
	const struct receiver_opts *opts;
	struct breaker_policy policy;
	uint32_t phases; /* bits of phase_slot(): who calls it */
	size_t concurrency, calls;
	int64_t milli_tokens, filled_us; /* a call takes 1000 */
	uint64_t era;                    /* as the spool said */
	uint32_t ok, failed;             /* calls of this era that ended and stand in no report yet */
	uint32_t old_ok, old_failed;     /* and of those before */
	uint32_t may_run;                /* as the spool said */
	bool has_probe, probe_is_flying;
	enum probe_result probe_result; /* stands in no report yet */
	struct flow_waiter line;
};

struct flow {
	const struct opts *opts;
	pthread_mutex_t lock;
	size_t calls, turn, waiting;
	bool has_opened; /* a lane lets more through than flow_limits() knew of */
	bool is_stopping;
	size_t n;
	struct lane lanes[RECEIVERS_MAX];
	/* The feed's: of the lanes that some phase calls. */
	size_t reports_n;
	struct receiver_report reports[RECEIVERS_MAX];
	size_t lane_of_report[RECEIVERS_MAX];
};

/* A probe may take as long as the slowest call to this receiver, and be told of with the next exchange. */
static int64_t probe_us(const struct opts *opts, size_t receiver)
{
	int64_t longest_ms = 0;
	for (size_t i = 0; i < opts->calls_n; i++)
		if (opts->call[i].receiver == receiver && opts->call[i].timeout_ms > longest_ms)
			longest_ms = opts->call[i].timeout_ms;
	return longest_ms * MILLI + PROBE_SLACK_US;
}

static void lane_init(struct lane *l, const struct opts *opts, size_t receiver)
{
	const struct receiver_opts *r = &opts->receivers[receiver];
	*l = (struct lane){
		.opts = r,
		.phases = opts_receiver_phases(opts, receiver),
		.concurrency = (size_t)r->concurrency,
		.milli_tokens = r->burst * MILLI,
		.filled_us = clock_mono_us(),
		.may_run = UINT32_MAX,
		.policy =
			{
				.window_us = r->breaker_window_ms * MILLI,
				.least_calls = (uint32_t)r->breaker_calls,
				.failed_percent = (uint32_t)r->breaker_share,
				.open_us = r->breaker_open_ms * MILLI,
				.open_max_us = r->breaker_open_max_ms * MILLI,
				.probe_us = probe_us(opts, receiver),
			},
	};
	l->policy.in_flight = (uint32_t)l->concurrency;
	l->line.next = l->line.prev = &l->line;
}

struct flow *flow_new(const struct opts *opts)
{
	struct flow *f = calloc(1, sizeof *f);
	if (!f)
		return NULL;
	f->opts = opts;
	f->n = opts->receivers_n;
	pthread_mutex_init(&f->lock, NULL);
	for (size_t i = 0; i < f->n; i++) {
		struct lane *l = &f->lanes[i];
		lane_init(l, opts, i);
		if (!l->phases)
			continue;
		f->lane_of_report[f->reports_n] = i;
		f->reports[f->reports_n++] =
			(struct receiver_report){.name = l->opts->name, .policy = &l->policy};
	}
	return f;
}

void flow_free(struct flow *f)
{
	if (!f)
		return;
	pthread_mutex_destroy(&f->lock);
	free(f);
}

/* Token bucket: as many tokens as time has brought since, up to a burst. */
static void fill(struct lane *l, int64_t now_us)
{
	int64_t full = l->opts->burst * MILLI;
	double come = (double)l->opts->rate_milli * (double)(now_us - l->filled_us) / SECOND_US;
	if (come < 1)
		return; /* not lost: filled_us stays */
	l->filled_us = now_us;
	l->milli_tokens = (double)(full - l->milli_tokens) > come ? l->milli_tokens + (int64_t)come : full;
}

static bool has_token(struct lane *l)
{
	if (l->opts->rate_milli == 0)
		return true;
	fill(l, clock_mono_us());
	return l->milli_tokens >= MILLI;
}

static enum flow_verdict judge(const struct flow *f, struct lane *l)
{
	if (l->may_run == 0)
		return FLOW_CLOSED;
	if (f->calls >= (size_t)f->opts->worker.in_flight || l->calls >= l->concurrency ||
		l->calls >= l->may_run || !has_token(l))
		return FLOW_WAIT;
	return FLOW_GO;
}

static void count(struct flow *f, struct lane *l, struct flow_waiter *w)
{
	f->calls++;
	l->calls++;
	if (l->opts->rate_milli)
		l->milli_tokens -= MILLI;
	w->is_probe = l->has_probe;
	w->era = l->era;
	if (l->has_probe) { /* one call, and what came of it is told before there is another */
		l->has_probe = false;
		l->probe_is_flying = true;
		l->may_run = 0;
	}
}

static void enter_line(struct flow *f, struct lane *l, struct flow_waiter *w)
{
	f->waiting++;
	w->next = &l->line;
	w->prev = l->line.prev;
	l->line.prev->next = w;
	l->line.prev = w;
}

static void leave_line(struct flow *f, struct flow_waiter *w)
{
	if (!w->next)
		return;
	f->waiting--;
	w->prev->next = w->next;
	w->next->prev = w->prev;
	w->next = w->prev = NULL;
}

enum flow_verdict flow_begin(struct flow *f, size_t receiver, struct flow_waiter *waiter)
{
	struct lane *l = &f->lanes[receiver];
	pthread_mutex_lock(&f->lock);
	enum flow_verdict verdict = judge(f, l);
	/* Who came first goes first. */
	if (verdict == FLOW_GO && l->line.next != &l->line)
		verdict = FLOW_WAIT;
	waiter->receiver = receiver;
	if (verdict == FLOW_GO)
		count(f, l, waiter);
	else if (verdict == FLOW_WAIT)
		enter_line(f, l, waiter);
	pthread_mutex_unlock(&f->lock);
	return verdict;
}

void flow_end(struct flow *f, const struct flow_waiter *w, enum flow_end how)
{
	static const enum probe_result results[] = {
		[FLOW_OK] = PROBE_OK, [FLOW_FAILED] = PROBE_FAILED, [FLOW_DROPPED] = PROBE_UNUSED};
	struct lane *l = &f->lanes[w->receiver];
	pthread_mutex_lock(&f->lock);
	f->calls--;
	l->calls--;
	if (w->is_probe) {
		l->probe_is_flying = false;
		l->probe_result = results[how];
	} else {
		bool is_old = w->era != l->era;
		*(is_old ? &l->old_ok : &l->ok) += how == FLOW_OK;
		*(is_old ? &l->old_failed : &l->failed) += how == FLOW_FAILED;
	}
	pthread_mutex_unlock(&f->lock);
}

void flow_leave(struct flow *f, struct flow_waiter *waiter)
{
	pthread_mutex_lock(&f->lock);
	leave_line(f, waiter);
	pthread_mutex_unlock(&f->lock);
}

struct flow_waiter *flow_next(struct flow *f, enum flow_verdict *verdict)
{
	struct flow_waiter *w = NULL;
	*verdict = FLOW_WAIT;
	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->n && !w; i++) {
		struct lane *l = &f->lanes[f->turn++ % f->n];
		if (l->line.next == &l->line || (*verdict = judge(f, l)) == FLOW_WAIT)
			continue;
		w = l->line.next;
		leave_line(f, w);
		if (*verdict == FLOW_GO)
			count(f, l, w);
	}
	pthread_mutex_unlock(&f->lock);
	return w;
}

/* Until the next token; 0: there is one. */
static int64_t token_wait_us(struct lane *l)
{
	if (has_token(l))
		return 0;
	return (int64_t)((double)(MILLI - l->milli_tokens) * SECOND_US / (double)l->opts->rate_milli) + 1;
}

static int soonest_ms(int64_t us, int max_ms)
{
	int64_t ms = us <= 0 ? 0 : (us + MILLI - 1) / MILLI;
	return ms < max_ms ? (int)ms : max_ms;
}

int flow_wait_ms(struct flow *f, int max_ms)
{
	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->n; i++) {
		struct lane *l = &f->lanes[i];
		int64_t us = l->line.next != &l->line ? token_wait_us(l) : 0;
		if (us > 0)
			max_ms = soonest_ms(us, max_ms);
	}
	pthread_mutex_unlock(&f->lock);
	return max_ms;
}

size_t flow_waiting(struct flow *f)
{
	pthread_mutex_lock(&f->lock);
	size_t n = f->waiting;
	pthread_mutex_unlock(&f->lock);
	return n;
}

static size_t of_phases(const size_t n[PHASE_SLOTS], uint32_t phases)
{
	size_t sum = 0;
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		if (phases & 1u << slot)
			sum += n[slot];
	return sum;
}

/* Jobs that may be held for a receiver: as opts_receiver_room() bounds them, with as many ahead as it gets
 * through until the next claim but one. Should it hang from now on, there must be leases left for the others'
 * jobs (feed_held_max()). */
static size_t most_held(const struct flow *f, const struct lane *l, const struct flow_stock *stock)
{
	size_t ahead = of_phases(stock->pace, l->phases) * 2,
	       bound = (size_t)f->opts->worker.in_flight * AHEAD;
	return opts_receiver_room(l->opts, l->may_run, ahead < bound ? ahead : bound);
}

static void add_limit(struct claim_limit *out, uint32_t phases, size_t most, const struct flow_stock *stock)
{
	size_t have = of_phases(stock->held, phases);
	*out = (struct claim_limit){.phases = phases, .room = most > have ? most - have : 0};
}

size_t flow_limits(struct flow *f, const struct flow_stock *stock, struct claim_limit out[FLOW_LIMITS_MAX])
{
	size_t n = 0;
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		if (f->opts->phase[slot].concurrency > 0)
			add_limit(&out[n++], 1u << slot, (size_t)f->opts->phase[slot].concurrency, stock);
	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->n; i++)
		if (f->lanes[i].phases)
			add_limit(&out[n++], f->lanes[i].phases, most_held(f, &f->lanes[i], stock), stock);
	f->has_opened = false;
	pthread_mutex_unlock(&f->lock);
	return n;
}

struct receiver_report *flow_reports(struct flow *f, size_t *n)
{
	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->reports_n; i++) {
		struct receiver_report *report = &f->reports[i];
		struct lane *l = &f->lanes[f->lane_of_report[i]];
		receiver_report_calls(report, l->era, l->ok, l->failed);
		report->old_ok += l->old_ok;
		report->old_failed += l->old_failed;
		if (l->probe_result != PROBE_UNDER_WAY)
			report->probe_result = l->probe_result;
		report->wants_probe =
			!l->probe_is_flying && report->probe_result == PROBE_UNDER_WAY && !f->is_stopping;
		l->ok = l->failed = l->old_ok = l->old_failed = 0;
		l->probe_result = PROBE_UNDER_WAY;
	}
	pthread_mutex_unlock(&f->lock);
	*n = f->reports_n;
	return f->reports;
}

static void begin_era(struct lane *l, uint64_t era)
{
	if (l->era == era)
		return;
	l->era = era;
	l->old_ok += l->ok;
	l->old_failed += l->failed;
	l->ok = l->failed = 0;
}

static void tell(struct flow *f, struct lane *l, const struct receiver_report *report)
{
	/* While its call flies, or what came of it is not told yet, the probe is used up. */
	bool is_used = l->probe_is_flying || l->probe_result != PROBE_UNDER_WAY;
	l->has_probe = report->has_probe && !is_used;
	uint32_t may_run = report->has_probe && is_used ? 0 : report->may_run;
	if (may_run > l->may_run)
		f->has_opened = true;
	l->may_run = may_run;
	begin_era(l, report->state.probe);
}

void flow_told(struct flow *f)
{
	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->reports_n; i++)
		tell(f, &f->lanes[f->lane_of_report[i]], &f->reports[i]);
	pthread_mutex_unlock(&f->lock);
}

int flow_due_ms(struct flow *f, int max_ms)
{
	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->n; i++) {
		struct lane *l = &f->lanes[i];
		int64_t us = l->phases && l->may_run > 0 ? token_wait_us(l) : 0;
		if (us > 0)
			max_ms = soonest_ms(us, max_ms);
	}
	if (f->has_opened)
		max_ms = 0;
	pthread_mutex_unlock(&f->lock);
	return max_ms;
}

void flow_stop(struct flow *f)
{
	pthread_mutex_lock(&f->lock);
	f->is_stopping = true;
	for (size_t i = 0; i < f->n; i++)
		if (f->lanes[i].has_probe) {
			f->lanes[i].has_probe = false;
			f->lanes[i].may_run = 0;
			f->lanes[i].probe_result = PROBE_UNUSED;
		}
	pthread_mutex_unlock(&f->lock);
}
