/* spool/show.c: see show.h. */
#include "spool/show.h"

#include "spool/base/clock.h"
#include "spool/model/phase.h"

#include <stdio.h>

/* Nothing of a job is longer, but for a *** in place of something shorter. */
#define SHOWN_MAX ((size_t)64 << 20)

static void show_id(struct jx_writer *w, const char *key, struct job_id id)
{
	char text[JOB_ID_TEXT_LEN];
	id_text(id, text);
	jx_cstring(w, key, text);
}

static void string_or_null(struct jx_writer *w, const char *key, struct slice text)
{
	if (text.len)
		jx_string(w, key, text);
	else
		jx_null(w, key);
}

/* What could not be masked must not be taken for all that there is. */
static void end_shown(struct jx_writer *w, struct buf *shown)
{
	if (buf_status(shown) != ST_OK && w->out->fail == ST_OK)
		w->out->fail = buf_status(shown);
	buf_release(shown);
}

/* A member of ours may have a secret name, too. */
static void text_or_null(struct jx_writer *w, const char *key, struct slice text, const struct mask *mask)
{
	struct buf shown = BUF_INIT(SHOWN_MAX);
	mask_member(mask, key, text, &shown);
	string_or_null(w, key, buf_slice(&shown));
	end_shown(w, &shown);
}

static void document(struct jx_writer *w, const char *key, struct slice json, const struct mask *mask)
{
	struct buf shown = BUF_INIT(SHOWN_MAX);
	mask_json(mask, json, &shown);
	jx_raw(w, key, buf_slice(&shown));
	end_shown(w, &shown);
}

static void show_lease(struct jx_writer *w, const struct job *job)
{
	if (job->state != JOB_ACTIVE) {
		jx_null(w, "lease");
		return;
	}
	struct moment now = clock_now();
	bool same_boot = now.boot_id == job->lease.boot_id;
	jx_open_object(w, "lease");
	jx_cstring(w, "owner", job->lease.owner);
	jx_int(w, "token", (int64_t)job->lease.token);
	jx_int(w, "deadline_in_ms", same_boot ? (job->lease.deadline_boot_us - now.boot_us) / 1000 : 0);
	jx_close_object(w);
}

struct slice show_trace_id(struct slice traceparent)
{
	enum { VERSION = 3, TRACE = 32, WHOLE = 55 };
	if (traceparent.len < WHOLE || traceparent.p[VERSION - 1] != '-' ||
		traceparent.p[VERSION + TRACE] != '-')
		return (struct slice)SLICE_INIT;
	for (size_t i = VERSION; i < VERSION + TRACE; i++)
		if (!memchr("0123456789abcdef", traceparent.p[i], 16))
			return (struct slice)SLICE_INIT;
	return slice_of(traceparent.p + VERSION, TRACE);
}

void show_job_open(struct jx_writer *w, const struct job *job, bool whole, const struct mask *mask)
{
	jx_open_object(w, NULL);
	show_id(w, "id", job->id);
	jx_int(w, phase_word(job->phase), job->phase);
	jx_string(w, "workflow_id", job->workflow_id);
	jx_string(w, "user_id", job->user_id);
	jx_cstring(w, "state", job_state_name(job->state));
	jx_int(w, "priority", job->priority);
	jx_int(w, "attempts_made", job->attempts_made);
	jx_int(w, "attempts_allowed", job->attempts_allowed);
	jx_int(w, "crashes", job->crashes);
	jx_bool(w, "in_crowd", job->in_crowd);
	jx_time(w, "accepted_at", job->accepted_at_us);
	jx_time(w, "run_at", job->run_at_us);
	jx_time(w, "started_at", job->started_at_us);
	jx_time(w, "finished_at", job->finished_at_us);
	jx_time(w, "give_up_at", job->give_up_at_us);
	if (id_is_zero(job->behind))
		jx_null(w, "behind");
	else
		show_id(w, "behind", job->behind);
	show_lease(w, job);
	text_or_null(w, "idempotency_key", job->idempotency_key, mask);
	text_or_null(w, "source", job->source, mask);
	string_or_null(w, "traceparent", job->traceparent);
	string_or_null(w, "trace_id", show_trace_id(job->traceparent));
	text_or_null(w, "error", job->error, mask);
	document(w, "outcome", job->outcome, mask);
	document(w, "checkpoint", job->checkpoint, mask);
	if (whole)
		document(w, "payload", job->payload, mask);
}

void show_job(struct jx_writer *w, const struct job *job, bool whole, const struct mask *mask)
{
	show_job_open(w, job, whole, mask);
	jx_close_object(w);
}

static void state_if_any(struct jx_writer *w, const char *key, int state)
{
	if (state != EVENT_NO_STATE)
		jx_cstring(w, key, job_state_name((enum job_state)state));
}

static void string_if_any(struct jx_writer *w, const char *key, struct slice text)
{
	if (text.len)
		jx_string(w, key, text);
}

const char *show_span(uint64_t span, char out[SHOW_SPAN_LEN])
{
	snprintf(out, SHOW_SPAN_LEN, "%016llx", (unsigned long long)span);
	return out;
}

static void int_if_any(struct jx_writer *w, const char *key, int64_t value)
{
	if (value)
		jx_int(w, key, value);
}

void show_event(struct jx_writer *w, const struct event *event, const struct mask *mask)
{
	show_event_as(w, NULL, event, mask);
}

void show_event_as(struct jx_writer *w, const char *key, const struct event *e, const struct mask *mask)
{
	jx_open_object(w, key);
	jx_int(w, "seq", (int64_t)e->seq);
	jx_time(w, "at", e->at_us);
	jx_cstring(w, "kind", event_kind_name(e->kind));
	if (!id_is_zero(e->job))
		show_id(w, "job_id", e->job);
	int_if_any(w, phase_word(e->phase), e->phase);
	string_if_any(w, "workflow_id", e->workflow_id);
	string_if_any(w, "user_id", e->user_id);
	state_if_any(w, "from", e->from);
	state_if_any(w, "to", e->to);
	int_if_any(w, "attempt", e->attempt);
	string_if_any(w, "actor", e->actor);
	if (e->reason.len)
		text_or_null(w, "reason", e->reason, mask);
	int_if_any(w, "http_status", e->http_status);
	int_if_any(w, "wait_ms", e->wait_ms);
	int_if_any(w, "conn_ms", e->conn_ms);
	int_if_any(w, "xfer_ms", e->xfer_ms);
	string_if_any(w, "trace_id", show_trace_id(e->traceparent));
	if (e->span) {
		char span[SHOW_SPAN_LEN];
		jx_cstring(w, "span_id", show_span(e->span, span));
	}
	string_if_any(w, event_is_operators(e->kind) ? "operation" : "name", e->name);
	string_if_any(w, "room", e->room);
	if (e->data.len)
		document(w, "data", e->data, mask);
	jx_close_object(w);
}

static void show_pause(struct jx_writer *w, const struct receiver_state *r, int64_t now_us)
{
	bool is_paused = receiver_is_paused(r, now_us);
	jx_bool(w, "paused", is_paused);
	jx_time(w, "paused_until", is_paused ? r->paused_until_us : 0);
	string_or_null(w, "paused_by", slice_text(is_paused ? r->paused_by : ""));
}

void show_receiver(struct jx_writer *w, const char *key, const struct receiver_state *r, int64_t now_us)
{
	struct call_count window = receiver_window(r, now_us);
	uint32_t may_run = receiver_may_run(r, now_us);
	jx_open_object(w, key);
	jx_cstring(w, "name", r->name);
	jx_cstring(w, "breaker", breaker_name(r->breaker));
	show_pause(w, r, now_us);
	jx_time(w, "opened_at", r->opened_at_us);
	jx_time(w, "open_until", r->open_until_us);
	jx_int(w, "opened_times", r->opened_times);
	if (may_run == UINT32_MAX)
		jx_null(w, "may_run");
	else
		jx_int(w, "may_run", may_run);
	jx_int(w, "window_calls", (int64_t)window.ok + window.failed);
	jx_int(w, "window_failed", window.failed);
	jx_int(w, "calls_total", (int64_t)r->calls_total);
	jx_int(w, "failed_total", (int64_t)r->failed_total);
	jx_close_object(w);
}

void show_token(struct jx_writer *w, const struct token *t, int64_t now_us)
{
	enum token_state state = token_state(t, now_us);
	bool has_old = state == TOKEN_ROTATING;
	jx_open_object(w, NULL);
	jx_cstring(w, "name", t->name);
	jx_cstring(w, "state", token_state_name(state));
	jx_cstring(w, "prefix", t->now.prefix);
	token_write_limits(w, t);
	jx_time(w, "created_at", t->created_at_us);
	jx_time(w, "expires_at", t->expires_at_us);
	jx_time(w, "revoked_at", t->revoked_at_us);
	jx_time(w, "rotated_at", t->now.created_at_us != t->created_at_us ? t->now.created_at_us : 0);
	string_or_null(w, "old_prefix", slice_text(has_old ? t->old.prefix : ""));
	jx_time(w, "old_until", has_old ? t->old_until_us : 0);
	jx_close_object(w);
}
