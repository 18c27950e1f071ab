/* worker/attempt.c: see attempt.h.
 *
 * Order matters in two places. The notices at the start go, when the first call may begin and not while the
 * job waits for that, with a checkpoint that nobody waits for: should
 * the process die before it is on disk, the next attempt sends them, and if it is, none does. Between two
 * calls the checkpoint is waited for: a call that was finished must never be made again. */
#include "worker/attempt.h"

#include "spool/base/log.h"
#include "spool/meter.h"
#include "spool/retry.h"
#include "spool/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

enum { MESSAGE_MAX = 1024, TEXT_KEPT = 16 << 10 };

static struct attempt *allocate(struct attempt_env *env)
{
	struct attempt *a = env->spare;
	if (!a)
		return calloc(1, sizeof *a);
	env->spare = a->next;
	env->spare_n--;
	struct run run = a->run;
	*a = (struct attempt){.run = run};
	return a;
}

/* As many as run at one time are kept. */
static void dispose(struct attempt *a)
{
	struct attempt_env *env = a->env;
	run_close(&a->run);
	job_release(&a->job);
	if (env->spare_n < (size_t)env->opts->worker.in_flight) {
		a->next = env->spare;
		env->spare = a;
		env->spare_n++;
	} else {
		run_release(&a->run);
		free(a);
	}
}

void attempt_env_release(struct attempt_env *env)
{
	while (env->spare) {
		struct attempt *a = env->spare;
		env->spare = a->next;
		run_release(&a->run);
		free(a);
	}
	call_release(&env->request);
	buf_release(&env->message);
	buf_release(&env->data);
}

struct attempt *attempt_new(struct attempt_env *env, struct job *job)
{
	struct attempt *a = allocate(env);
	if (!a)
		return NULL;
	a->env = env;
	a->job = *job;
	*job = (struct job)JOB_INIT;
	a->handler = phase_handler(a->job.phase);
	a->calls_n = opts_phase_calls(env->opts, a->job.phase, a->calls);
	return a;
}

static void end(struct attempt *a)
{
	if (a->is_calling) {
		http_cancel(a->env->http, a);
		flow_end(a->env->flow, &a->waiter, FLOW_DROPPED);
	}
	if (a->is_blocked) {
		flow_leave(a->env->flow, &a->waiter);
		a->env->blocked_n--;
	}
	a->env->ended(a->env->arg, a);
	dispose(a);
}

static void log_outcome(
	const struct attempt *a, const char *outcome, enum log_level level, struct slice error)
{
	char id[JOB_ID_TEXT_LEN], trace[80] = "";
	struct slice trace_id = show_trace_id(a->job.traceparent);
	id_text(a->job.id, id);
	if (a->span)
		snprintf(trace, sizeof trace, " trace=%.*s span=%016llx", SLICE_ARG(trace_id),
			(unsigned long long)a->span);
	log_line(level,
		"job=%s phase=%d try=%u outcome=%s code=%ld wait_ms=%lld conn_ms=%lld xfer_ms=%lld%s%s%s", id,
		a->job.phase, a->job.attempts_made, outcome, a->http_status, (long long)a->wait_ms,
		(long long)a->conn_ms, (long long)a->xfer_ms, trace, error.len ? " err=" : "",
		error.len ? LOG_Q(error) : "");
}

static void write_checkpoint(struct attempt *a, struct outcome *o)
{
	struct jx_writer w;
	jx_begin(&w, &o->checkpoint);
	jx_value(&w, NULL, a->run.checkpoint);
}

static void leave_to_lease(struct attempt *a, const char *outcome, enum log_level level)
{
	struct slice none = SLICE_INIT;
	log_outcome(a, outcome, level, none);
	feed_abandon(a->env->feed, a->job.id, a->job.lease.token);
	end(a);
}

/* There is no memory to go on with, nor to say so. */
static void abandon(struct attempt *a)
{
	leave_to_lease(a, "abandoned", LOG_LEVEL_ERR);
}

static struct outcome *new_outcome(struct attempt *a, enum settle_kind kind)
{
	struct outcome *o = feed_outcome(a->env->feed, &a->job, kind);
	if (!o)
		return NULL;
	o->settlement.http_status = (int)a->http_status;
	o->settlement.span = a->span;
	o->receiver = a->receiver;
	o->settlement.wait_ms = a->wait_ms;
	o->settlement.conn_ms = a->conn_ms;
	o->settlement.xfer_ms = a->xfer_ms;
	outcome_take_notices(o, &a->run);
	return o;
}

/* Takes over *o. false: it is not whole, and was not given. */
static bool give(struct attempt *a, struct outcome *o)
{
	if (!o || outcome_seal(o) != ST_OK) {
		outcome_free(o);
		return false;
	}
	feed_give(a->env->feed, o);
	return true;
}

/* The last thing an attempt says. */
static void give_verdict(
	struct attempt *a, struct outcome *o, const char *outcome, enum log_level level, struct slice error)
{
	if (!give(a, o)) {
		abandon(a);
		return;
	}
	log_outcome(a, outcome, level, error);
	end(a);
}

/* false: no memory. */
static bool give_checkpoint(struct attempt *a, bool wants_answer)
{
	struct outcome *o = new_outcome(a, SETTLE_CHECKPOINT);
	if (!o)
		return false;
	write_checkpoint(a, o);
	o->wants_answer = wants_answer;
	return give(a, o);
}

/* The highest completed phase of the workflow between the first and this one; 0: none. */
static int rollback_phase(struct attempt *a)
{
	enum { PAGE = 32 };
	struct job_filter filter = {
		.has_state = true, .state = JOB_COMPLETED, .workflow_id = a->job.workflow_id};
	struct job jobs[PAGE];
	struct cursor at = {""}, next;
	size_t n;
	int best = 0;
	if (phase_is_step(a->job.phase) || a->job.phase == PHASE_FIRST)
		return 0;
	do {
		if (spool_list(a->env->spool, &filter, &at, PAGE, false, jobs, &n, &next, NULL) != ST_OK)
			return best;
		for (size_t i = 0; i < n; i++) {
			int phase = jobs[i].phase;
			if (phase > PHASE_FIRST && phase < a->job.phase && phase > best)
				best = phase;
			job_release(&jobs[i]);
		}
		at = next;
	} while (at.text[0]);
	return best;
}

/* What a receiver or a payload made is recorded and logged: without secrets. */
static struct slice scrub(const struct attempt *a, struct slice error, struct buf *clean)
{
	buf_init(clean, JOB_ERROR_MAX * 4);
	opts_scrub(a->env->opts, error, clean);
	struct slice text = buf_slice(clean);
	return text.len <= JOB_ERROR_MAX ? text : slice_of(text.p, JOB_ERROR_MAX);
}

static void fail(struct attempt *a, struct slice raw)
{
	struct buf clean;
	struct slice error = scrub(a, raw, &clean);
	struct slice message = slice_text(a->handler->failure), none = SLICE_INIT;
	int back_to = rollback_phase(a);
	run_clear_notices(&a->run);
	run_closing_notices(&a->run, false, message, none, error);
	if (back_to)
		run_rollback_notices(&a->run, back_to, error);
	struct outcome *o = new_outcome(a, SETTLE_FAIL);
	if (o) {
		buf_add_slice(&o->error, error);
		run_outcome(&a->run, false, message, none, error, &o->body);
	}
	give_verdict(a, o, "failed", LOG_LEVEL_ERR, error);
	buf_release(&clean);
}

static void retry_at(struct attempt *a, int64_t run_at_us, struct slice raw)
{
	struct buf clean;
	struct slice error = scrub(a, raw, &clean);
	struct outcome *o = new_outcome(a, SETTLE_RETRY);
	if (o) {
		buf_add_slice(&o->error, error);
		o->settlement.run_at_us = run_at_us;
	}
	give_verdict(a, o, "retry", LOG_LEVEL_WARNING, error);
	buf_release(&clean);
}

/* The notices at the start, once. false: no memory. */
static bool tell_start(struct attempt *a)
{
	if (a->run.notices_n == 0)
		return true;
	return run_set_notified(&a->run) && give_checkpoint(a, false);
}

static void complete(struct attempt *a)
{
	if (!tell_start(a)) {
		abandon(a);
		return;
	}
	struct buf *message = &a->env->message, *data = &a->env->data;
	struct slice none = SLICE_INIT;
	struct jx_writer w;
	message->max = MESSAGE_MAX;
	data->max = EVENT_DATA_MAX;
	buf_clear(message);
	buf_reuse(data, TEXT_KEPT);
	jx_begin(&w, data);
	jx_open_object(&w, NULL);
	a->run.now = clock_now();
	a->handler->finish(&a->run, message, &w);
	run_write_own_calls(&a->run, a->calls, a->calls_n, &w);
	jx_close_object(&w);
	run_closing_notices(&a->run, true, buf_slice(message), buf_slice(data), none);
	struct outcome *o = new_outcome(a, SETTLE_COMPLETE);
	bool is_whole = message->fail != ST_NOMEM && data->fail != ST_NOMEM;
	if (o && is_whole)
		run_outcome(&a->run, true, buf_slice(message), buf_slice(data), none, &o->body);
	if (o && !is_whole) {
		outcome_free(o);
		o = NULL;
	}
	give_verdict(a, o, "completed", LOG_LEVEL_INFO, none);
}

static double chance(void)
{
	return (double)random() / ((double)RAND_MAX + 1);
}

static void go_on(struct attempt *a);

/* A call failed: again later, for good, or tolerated because it is not required. */
static void call_failed(struct attempt *a, enum failure failure, int64_t retry_after_s, const char *error)
{
	int call = a->calls[a->call_at];
	struct retry_opts policy = opts_retry(a->env->opts, a->job.phase);
	struct retry_case c = {
		.attempts_made = a->job.attempts_made,
		.attempts_allowed = a->job.attempts_allowed,
		.give_up_at_us = a->job.give_up_at_us,
		.now_us = clock_now().wall_us,
		.retry_after_s = retry_after_s,
		.chance = chance(),
	};
	struct buf text = BUF_INIT(JOB_ERROR_MAX);
	int64_t run_at_us;
	buf_fmt(&text, "call %s: %.800s", a->env->opts->call[call].name, error);
	if (failure == FAILURE_PASSING && retry_decide(&policy, &c, &run_at_us)) {
		retry_at(a, run_at_us, buf_slice(&text));
	} else if (a->env->opts->call[call].required) {
		if (failure == FAILURE_PASSING)
			buf_text(&text, " (attempts used up)");
		fail(a, buf_slice(&text));
	} else if (run_record_call(&a->run, call, false, a->http_status, NULL)) {
		go_on(a);
	} else {
		abandon(a);
	}
	buf_release(&text);
}

/* What is kept of an answer is a text at most. A receiver may have given back what it was sent. */
static json_t *clean_value(const struct attempt *a, json_t *value)
{
	struct buf clean;
	if (!json_is_string(value))
		return value;
	buf_init(&clean, RUN_TEXT_MAX);
	opts_scrub(a->env->opts, jx_text(value), &clean);
	json_t *text = json_stringn(clean.p ? clean.p : "", clean.len);
	buf_release(&clean);
	json_decref(value);
	return text;
}

static void call_succeeded(struct attempt *a, const struct http_answer *answer)
{
	int call = a->calls[a->call_at];
	json_t *body = NULL, *value = NULL;
	enum status parsed = ST_OK;
	if (call < CALL_N && a->handler->keep && (parsed = jx_parse(answer->body, 64, &body, NULL)) == ST_OK)
		value = clean_value(a, a->handler->keep((enum call_name)call, body));
	json_decref(body);
	if (parsed == ST_NOMEM || !run_record_call(&a->run, call, true, a->http_status, value)) {
		abandon(a);
	} else if (a->call_at + 1 == a->calls_n) {
		go_on(a);
	} else {
		a->is_storing = true;
		if (!give_checkpoint(a, true))
			abandon(a);
	}
}

/* A process that was stopped for a while (or its host) may hold leases that are over: the job may be somebody
 * else's now, and be done. */
static bool has_lease(const void *tag)
{
	const struct attempt *a = tag;
	return feed_has_lease(a->env->feed, &a->job.lease);
}

/* A receiver that refuses a call is well; one that cannot answer it is not. */
static enum flow_end blame(const struct http_answer *answer)
{
	if (answer->is_withheld || answer->is_permanent)
		return FLOW_DROPPED;
	return retry_classify(answer->status) == FAILURE_PASSING ? FLOW_FAILED : FLOW_OK;
}

static void take_answer(struct attempt *a, const struct http_answer *answer)
{
	int call = a->calls[a->call_at];
	char text[320];
	a->is_calling = false;
	a->http_status = answer->status;
	a->conn_ms += answer->conn_ms;
	a->xfer_ms += answer->xfer_ms;
	flow_end(a->env->flow, &a->waiter, blame(answer));
	if (!answer->is_withheld && !answer->is_permanent)
		meter_called(a->receiver, (answer->conn_ms + answer->xfer_ms) * 1000);
	if (answer->is_withheld) {
		leave_to_lease(a, "stalled", LOG_LEVEL_WARNING);
		return;
	}
	if (opts_is_success(&a->env->opts->call[call], answer->status)) {
		call_succeeded(a, answer);
		return;
	}
	if (answer->status)
		snprintf(text, sizeof text, "answered %ld", answer->status);
	else
		snprintf(text, sizeof text, "%s", answer->error);
	/* A 2xx that the call does not take for a success will not be another one next time. */
	enum failure failure = answer->is_permanent ? FAILURE_PERMANENT : retry_classify(answer->status);
	call_failed(a, failure == FAILURE_NONE ? FAILURE_PERMANENT : failure, answer->retry_after_s, text);
}

/* The attempt may be gone afterwards. */
static void call_done(void *tag, const struct http_answer *answer)
{
	struct attempt *a = tag;
	struct mark *mark = a->env->mark;
	mark_set(mark, a->job.id, a->job.lease.token);
	take_answer(a, answer);
	mark_clear(mark);
}

/* The job goes back as it came: this attempt is not charged. */
static void park(struct attempt *a)
{
	struct slice none = SLICE_INIT;
	const char *receiver = a->env->opts->receivers[a->waiter.receiver].name;
	run_clear_notices(&a->run);
	struct outcome *o = new_outcome(a, SETTLE_RELEASE);
	if (o)
		buf_fmt(&o->error, "receiver %s is not called now", receiver);
	give_verdict(a, o, "parked", LOG_LEVEL_INFO, none);
}

/* flow_begin() or flow_next() has said FLOW_GO. */
static void send_call(struct attempt *a)
{
	struct call_request *request = &a->env->request;
	struct why why = WHY_INIT;
	if (!tell_start(a)) {
		flow_end(a->env->flow, &a->waiter, FLOW_DROPPED);
		abandon(a);
		return;
	}
	a->http_status = 0;
	a->receiver = a->env->opts->receivers[a->waiter.receiver].name;
	enum status st = call_build(request, &a->run, a->handler, a->calls[a->call_at], &why);
	request->request.may_send = has_lease;
	if (st == ST_OK) {
		st = http_start(a->env->http, &request->request, call_done, a);
		a->is_calling = st == ST_OK;
		if (st != ST_OK)
			why_set(&why, st,
				st == ST_NOMEM ? "out of memory while sending the request"
					       : "a header or the URL cannot be sent");
	}
	call_wipe(request);
	if (st == ST_OK)
		return;
	flow_end(a->env->flow, &a->waiter, FLOW_DROPPED);
	call_failed(a, st == ST_INVALID ? FAILURE_PERMANENT : FAILURE_PASSING, 0, why.text);
}

static void make_call(struct attempt *a)
{
	size_t receiver = a->env->opts->call[a->calls[a->call_at]].receiver;
	switch (flow_begin(a->env->flow, receiver, &a->waiter)) {
	case FLOW_GO:
		send_call(a);
		break;
	case FLOW_WAIT:
		a->is_blocked = true;
		a->env->blocked_n++;
		break;
	case FLOW_CLOSED:
		park(a);
		break;
	}
}

/* The next call that is not done yet, or the end. */
static void go_on(struct attempt *a)
{
	const struct phase_handler *h = a->handler;
	for (a->call_at = 0; a->call_at < a->calls_n; a->call_at++) {
		int call = a->calls[a->call_at];
		bool is_skipped = call < CALL_N && h->skips && h->skips(&a->run, (enum call_name)call);
		if (!is_skipped && !run_call_done(&a->run, call)) {
			make_call(a);
			return;
		}
	}
	complete(a);
}

/* One span for each attempt that somebody can follow (W3C Trace Context). */
static uint64_t new_span(const struct job *job)
{
	uint64_t span = 0;
	if (show_trace_id(job->traceparent).len == 0 || getrandom(&span, sizeof span, 0) != sizeof span)
		return 0;
	return span ? span : 1;
}

static void start(struct attempt *a)
{
	struct moment now = clock_now();
	a->span = new_span(&a->job);
	a->wait_ms = (a->job.claimed_at_us - a->job.run_at_us) / 1000;
	enum status st = run_open(&a->run, a->env->opts, &a->job, now);
	a->run.span = a->span;
	if (st == ST_NOMEM) {
		abandon(a);
		return;
	}
	if (st != ST_OK || !a->handler->begin(&a->run)) {
		fail(a, slice_text(a->run.why.text));
		return;
	}
	if (run_was_notified(&a->run))
		run_clear_notices(&a->run);
	go_on(a);
}

void attempt_start(struct attempt *a)
{
	struct mark *mark = a->env->mark;
	mark_set(mark, a->job.id, a->job.lease.token);
	start(a);
	mark_clear(mark);
}

void attempt_stored(struct attempt *a)
{
	struct mark *mark = a->env->mark;
	if (!a->is_storing)
		return;
	a->is_storing = false;
	mark_set(mark, a->job.id, a->job.lease.token);
	go_on(a);
	mark_clear(mark);
}

void attempt_unblock(struct flow_waiter *waiter, enum flow_verdict verdict)
{
	struct attempt *a = (struct attempt *)((char *)waiter - offsetof(struct attempt, waiter));
	struct mark *mark = a->env->mark;
	a->is_blocked = false;
	a->env->blocked_n--;
	mark_set(mark, a->job.id, a->job.lease.token);
	if (verdict == FLOW_GO)
		send_call(a);
	else
		park(a);
	mark_clear(mark);
}

void attempt_lost(struct attempt *a)
{
	struct slice none = SLICE_INIT;
	log_outcome(a, "fenced", LOG_LEVEL_WARNING, none);
	end(a);
}

void attempt_release(struct attempt *a)
{
	struct slice none = SLICE_INIT;
	run_clear_notices(&a->run);
	give_verdict(a, new_outcome(a, SETTLE_RELEASE), "released", LOG_LEVEL_INFO, none);
}
