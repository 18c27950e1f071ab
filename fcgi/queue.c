/* fcgi/queue.c: /queue/stats, /queue/clean, /queue/pause and /queue/resume. The first two keep the shape that
 * the callers' tools know: every old member, in its old order, then what is new. */
#include "fcgi/handlers.h"
#include "fcgi/limit.h"
#include "fcgi/listing.h"
#include "spool/spool.h"

#include <stdio.h>

enum { CLEAN_BATCH = 200, CLEAN_MS_MAX = 20000 };

static void write_counts(struct jx_writer *w, const char *key, const struct stats *s)
{
	jx_open_object(w, key);
	jx_int(w, "waiting", s ? (int64_t)stats_state(s, JOB_WAITING) : 0);
	jx_int(w, "active", s ? (int64_t)stats_state(s, JOB_ACTIVE) : 0);
	jx_int(w, "completed", s ? (int64_t)stats_state(s, JOB_COMPLETED) : 0);
	jx_int(w, "failed", s ? (int64_t)stats_state(s, JOB_FAILED) : 0);
	jx_int(w, "delayed", s ? (int64_t)stats_state(s, JOB_DELAYED) : 0);
	jx_int(w, "paused", 0);
	jx_close_object(w);
}

static void write_metrics(struct jx_writer *w, const struct stats *s)
{
	uint64_t completed = stats_state(s, JOB_COMPLETED), failed = stats_state(s, JOB_FAILED), sum = 0;
	char rate[16] = "N/A";
	for (uint32_t i = 0; i < s->recent_n; i++)
		sum += s->recent_ms[i];
	if (completed)
		snprintf(rate, sizeof rate, "%.2f%%",
			100.0 * (double)completed / (double)(completed + failed));
	jx_open_object(w, "metrics");
	jx_int(w, "recentJobCount", s->recent_n);
	jx_int(w, "averageJobDuration", s->recent_n ? (int64_t)((sum + s->recent_n / 2) / s->recent_n) : 0);
	jx_cstring(w, "successRate", rate);
	jx_close_object(w);
}

static void write_phases(struct jx_writer *w, const struct stats *s, const struct opts *opts)
{
	jx_open_array(w, "phases");
	for (int slot = 0; slot < PHASE_SLOTS; slot++) {
		int phase = phase_of_slot(slot);
		jx_open_object(w, NULL);
		jx_int(w, phase_word(phase), phase);
		for (int state = 0; state < JOB_STATE_N; state++)
			jx_int(w, job_state_name((enum job_state)state), (int64_t)s->jobs[slot][state]);
		jx_bool(w, "paused", s->paused_phases >> slot & 1);
		jx_int(w, "service_level_ms", opts->phase[slot].service_level_ms);
		jx_close_object(w);
	}
	jx_close_array(w);
}

static void write_paused(struct jx_writer *w, const struct stats *s)
{
	jx_open_array(w, "paused_phases");
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		if (s->paused_phases >> slot & 1)
			jx_int(w, NULL, phase_of_slot(slot));
	jx_close_array(w);
}

static void write_totals(struct jx_writer *w, const struct stats *s)
{
	jx_open_object(w, "totals");
	jx_int(w, "accepted", (int64_t)s->accepted_total);
	jx_int(w, "removed", (int64_t)s->removed_total);
	jx_int(w, "set_aside", (int64_t)s->set_aside);
	jx_int(w, "held", (int64_t)stats_state(s, JOB_HELD));
	jx_int(w, "cancelled", (int64_t)stats_state(s, JOB_CANCELLED));
	jx_int(w, "behind", (int64_t)s->behind);
	jx_int(w, "last_seq", (int64_t)s->last_seq);
	jx_close_object(w);
	write_paused(w, s);
	jx_open_object(w, "store");
	jx_int(w, "bytes_used", (int64_t)s->bytes_used);
	jx_int(w, "bytes_cap", (int64_t)s->bytes_cap);
	jx_bool(w, "intake_full", s->intake_full);
	jx_bool(w, "disk_full", s->disk_full);
	jx_close_object(w);
}

static void write_refused(struct jx_writer *w)
{
	struct limit_counts counts = limit_counts();
	jx_open_object(w, "refused");
	jx_int(w, "rate_limited", (int64_t)counts.rate_limited);
	jx_int(w, "quota_exceeded", (int64_t)counts.quota_exceeded);
	jx_close_object(w);
}

void queue_stats(struct app *app, const struct request *request, struct reply *reply)
{
	struct stats s;
	struct why why = WHY_INIT;
	(void)request;
	enum status st = spool_stats(app->spool, &s, &why);
	if (st != ST_OK) {
		reply_status(reply, st, &why, PROBLEM_INTERNAL);
		return;
	}
	struct jx_writer w = reply_open(reply);
	jx_open_object(&w, "stats");
	write_counts(&w, "orchestration", &s);
	write_counts(&w, "syncProgress", NULL); /* that queue is gone; its reports stay */
	jx_int(&w, "connectedClients", 0);
	write_metrics(&w, &s);
	write_phases(&w, &s, app->opts);
	write_totals(&w, &s);
	write_refused(&w);
	jx_close_object(&w);
	reply_close(reply, &w);
}

/* The words that may stand for a state here: Bull's own where they differ, and ours. */
static const struct {
	const char *word;
	int state; /* -1: there never are any */
} clean_words[] = {
	{"completed", JOB_COMPLETED},
	{"failed", JOB_FAILED},
	{"delayed", JOB_DELAYED},
	{"paused", -1},
	{"wait", JOB_WAITING},
	{"waiting", JOB_WAITING},
	{"held", JOB_HELD},
	{"cancelled", JOB_CANCELLED},
	{"active", JOB_ACTIVE},
};

static bool parse_status(struct slice word, int *state, struct fault *fault)
{
	*state = JOB_FAILED;
	if (!word.len)
		return true;
	for (size_t i = 0; i < sizeof clean_words / sizeof *clean_words; i++) {
		if (!slice_is(word, clean_words[i].word))
			continue;
		*state = clean_words[i].state;
		return *state != JOB_ACTIVE || fault_set(fault, PROBLEM_STATE_CONFLICT, "status",
						       "active jobs cannot be cleaned; cancel them first");
	}
	return fault_set(fault, PROBLEM_BAD_QUERY, "status",
		"status must be one of completed, failed, delayed, paused, wait, waiting, held, cancelled");
}

/* As the callers know it: a decimal number in front counts, anything else is 0; a negative one spares
 * nothing. */
static int64_t parse_grace_ms(struct slice text)
{
	size_t i = 0;
	int64_t ms = 0;
	while (i < text.len && (text.p[i] == ' ' || text.p[i] == '\t'))
		i++;
	bool is_negative = i < text.len && text.p[i] == '-';
	if (i < text.len && (text.p[i] == '-' || text.p[i] == '+'))
		i++;
	for (; i < text.len && text.p[i] >= '0' && text.p[i] <= '9'; i++)
		if (ms < INT64_C(1000000000000000))
			ms = ms * 10 + (text.p[i] - '0');
	return is_negative ? -ms : ms;
}

static int64_t before_us(struct moment now, int64_t grace_ms)
{
	int64_t now_ms = now.wall_us / 1000;
	if (grace_ms > now_ms)
		return 0;
	/* + 1: with no grace, what has ended in this very microsecond goes, too */
	return now.wall_us + 1 - (grace_ms < -now_ms ? -now_ms : grace_ms) * 1000;
}

/* Small transactions, so that intake gets its turn between them, and smaller ones when there is hardly room
 * left for the pages that a removal itself needs; a time limit, so that the caller hears of it. */
static enum status clean(struct app *app, const struct request *request, enum job_state state, int64_t before,
	size_t *removed, bool *more, struct why *why)
{
	char actor[APP_ACTOR_MAX];
	int64_t stop_at_us = clock_mono_us() + CLEAN_MS_MAX * INT64_C(1000);
	size_t batch = CLEAN_BATCH, n = 0;
	enum status st;
	*removed = 0;
	app_actor(request, actor);
	do {
		st = spool_remove(app->spool, clock_now(), state, before, batch, slice_text(actor), &n, why);
		*removed += st == ST_OK ? n : 0;
		*more = st == ST_OK && n == batch;
		if ((st == ST_FULL || st == ST_NOSPACE) && batch > 1) {
			batch /= 2;
			*more = true;
		}
	} while (*more && clock_mono_us() < stop_at_us);
	return st;
}

static void answer_clean(struct reply *reply, size_t removed, bool more)
{
	char message[64];
	struct jx_writer w = reply_open(reply);
	snprintf(message, sizeof message, "Cleaned %zu old jobs", removed);
	jx_cstring(&w, "message", message);
	jx_open_object(&w, "result");
	jx_int(&w, "orchestration", (int64_t)removed);
	jx_int(&w, "syncProgress", 0);
	jx_close_object(&w);
	if (more)
		jx_bool(&w, "more", true);
	reply_close(reply, &w);
}

void queue_clean(struct app *app, const struct request *request, struct reply *reply)
{
	static const char *const known[] = {"grace", "status", NULL};
	struct query query;
	struct fault fault;
	struct why why = WHY_INIT;
	int state;
	size_t removed = 0;
	bool more = false;
	enum status st = ST_OK;
	if (!query_parse(request->param[PARAM_QUERY], known, &query, &fault) ||
		!parse_status(query_get(&query, "status"), &state, &fault)) {
		reply_fault(reply, &fault);
		return;
	}
	if (state >= 0)
		st = clean(app, request, (enum job_state)state,
			before_us(request->now, parse_grace_ms(query_get(&query, "grace"))), &removed, &more,
			&why);
	if (st == ST_OK)
		answer_clean(reply, removed, more);
	else
		reply_status(reply, st, &why, PROBLEM_INTERNAL);
}

/* Which phases: one by ?phase=N or ?step=N, else all. */
static bool parse_phases(const struct query *query, uint32_t *phases, struct fault *fault)
{
	struct listing ask = {0};
	*phases = 0;
	if (query_has(query, "for") || query_has(query, "reason"))
		return fault_set(fault, PROBLEM_BAD_QUERY, query_has(query, "for") ? "for" : "reason",
			"for and reason go with a receiver");
	for (size_t i = 0; i < query->n; i++)
		if (!listing_set(&ask, query->items[i].name, query->items[i].value, PROBLEM_BAD_QUERY, fault))
			return false;
	*phases = ask.filter.phase ? 1u << phase_slot(ask.filter.phase) : (1u << PHASE_SLOTS) - 1;
	return true;
}

static void pause_phases(
	struct app *app, const struct request *request, const struct query *query, struct reply *reply)
{
	char actor[APP_ACTOR_MAX];
	struct fault fault;
	struct stats stats;
	uint32_t phases;
	struct why why = WHY_INIT;
	if (!parse_phases(query, &phases, &fault)) {
		reply_fault(reply, &fault);
		return;
	}
	enum status st = spool_pause(
		app->spool, request->now, phases, request->arg, slice_text(app_actor(request, actor)), &why);
	if (st == ST_OK)
		st = spool_stats(app->spool, &stats, &why);
	if (st != ST_OK) {
		reply_status(reply, st, &why, PROBLEM_INTERNAL);
		return;
	}
	struct jx_writer w = reply_open(reply);
	jx_cstring(&w, "message", request->arg ? "Paused" : "Resumed");
	write_paused(&w, &stats);
	reply_close(reply, &w);
}

void queue_pause(struct app *app, const struct request *request, struct reply *reply)
{
	static const char *const known[] = {"phase", "step", "receiver", "for", "reason", NULL};
	struct query query;
	struct fault fault;
	if (!query_parse(request->param[PARAM_QUERY], known, &query, &fault))
		reply_fault(reply, &fault);
	else if (query_has(&query, "receiver"))
		receivers_pause(app, request, &query, reply);
	else
		pause_phases(app, request, &query, reply);
}
