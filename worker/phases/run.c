/* worker/phases/run.c: one attempt's view of a job, and what the handlers have in common. */
#include "worker/phases/phases.h"

#include <math.h>

enum { PAYLOAD_DEPTH_MAX = 64, TEXT_KEPT = 1 << 10 };

enum status run_open(struct run *run, const struct opts *opts, const struct job *job, struct moment now)
{
	run_close(run);
	run->opts = opts;
	run->job = job;
	run->now = now;
	run->span = 0;
	run->why = (struct why)WHY_INIT;
	enum status st = jx_parse(job->payload, PAYLOAD_DEPTH_MAX, &run->payload, &run->why);
	if (st != ST_OK)
		return st;
	if (!json_is_object(run->payload))
		return why_set(&run->why, ST_INVALID, "the payload is not an object");
	/* A checkpoint that cannot be read is none: its calls are made again under the same Idempotency-Key.
	 */
	if (job->checkpoint.len > 0)
		st = jx_parse(job->checkpoint, PAYLOAD_DEPTH_MAX, &run->checkpoint, NULL);
	if (!run->checkpoint && st != ST_NOMEM)
		run->checkpoint = json_object();
	return run->checkpoint ? ST_OK : ST_NOMEM;
}

void run_clear_notices(struct run *run)
{
	for (size_t i = 0; i < run->notices_n; i++)
		run_notice_reuse(&run->notices[i]);
	run->notices_n = 0;
}

void run_notice_reuse(struct run_notice *notice)
{
	buf_reuse(&notice->name, TEXT_KEPT);
	buf_reuse(&notice->room, TEXT_KEPT);
	buf_reuse(&notice->data, TEXT_KEPT);
	buf_reuse(&notice->reason, TEXT_KEPT);
}

void run_notice_release(struct run_notice *notice)
{
	buf_release(&notice->name);
	buf_release(&notice->room);
	buf_release(&notice->data);
	buf_release(&notice->reason);
}

void run_release(struct run *run)
{
	run_close(run);
	for (size_t i = 0; i < RUN_NOTICES_MAX; i++)
		run_notice_release(&run->notices[i]);
}

void run_close(struct run *run)
{
	run_clear_notices(run);
	json_decref(run->payload);
	json_decref(run->checkpoint);
	run->payload = run->checkpoint = NULL;
}

static json_t *call_entry(const struct run *run, int call)
{
	return jx_get(jx_get(run->checkpoint, "calls"), run->opts->call[call].name);
}

bool run_call_done(const struct run *run, int call)
{
	return call_entry(run, call) != NULL;
}

bool run_call_ok(const struct run *run, int call)
{
	return json_is_true(jx_get(call_entry(run, call), "ok"));
}

const json_t *run_call_value(const struct run *run, int call)
{
	return jx_get(call_entry(run, call), "value");
}

bool run_record_call(struct run *run, int call, bool ok, long http_status, json_t *value)
{
	json_t *calls = jx_get(run->checkpoint, "calls");
	if (!calls) {
		calls = json_object();
		if (json_object_set_new(run->checkpoint, "calls", calls) != 0)
			calls = NULL;
	}
	json_t *entry = json_object();
	bool is_whole = json_object_set_new(entry, "ok", json_boolean(ok)) == 0;
	if (call >= CALL_N)
		is_whole &= json_object_set_new(entry, "status", json_integer(http_status)) == 0;
	if (value)
		is_whole &= json_object_set_new(entry, "value", value) == 0;
	return json_object_set_new(calls, run->opts->call[call].name, entry) == 0 && is_whole;
}

static void write_own_call(const struct run *run, int call, struct jx_writer *w)
{
	json_int_t status = json_integer_value(jx_get(call_entry(run, call), "status"));
	jx_open_object(w, run->opts->call[call].name);
	jx_bool(w, "ok", run_call_ok(run, call));
	if (status)
		jx_int(w, "status", status);
	else
		jx_null(w, "status");
	jx_close_object(w);
}

void run_write_own_calls(const struct run *run, const int *calls, size_t n, struct jx_writer *data)
{
	bool is_open = false;
	for (size_t i = 0; i < n; i++) {
		if (calls[i] < CALL_N)
			continue;
		if (!is_open)
			jx_open_object(data, "calls");
		is_open = true;
		write_own_call(run, calls[i], data);
	}
	if (is_open)
		jx_close_object(data);
}

bool run_was_notified(const struct run *run)
{
	return json_is_true(jx_get(run->checkpoint, "notified"));
}

bool run_set_notified(struct run *run)
{
	return json_object_set_new(run->checkpoint, "notified", json_true()) == 0;
}

static struct run_notice *add_notice(struct run *run, enum event_kind kind, const char *name)
{
	struct run_notice *notice = &run->notices[run->notices_n++];
	notice->kind = kind;
	notice->name.max = 256;
	notice->room.max = 512;
	notice->data.max = EVENT_DATA_MAX;
	notice->reason.max = EVENT_REASON_MAX;
	buf_text(&notice->name, name);
	return notice;
}

static void set_room(struct run_notice *notice, const char *prefix, struct slice id)
{
	buf_text(&notice->room, prefix);
	buf_add_slice(&notice->room, id);
}

struct jx_writer run_notify(struct run *run, const char *type, struct slice title, struct slice message)
{
	struct run_notice *notice = add_notice(run, EVENT_NOTIFICATION, "notification");
	struct jx_writer w;
	set_room(notice, "user_", run->job->user_id);
	jx_begin(&w, &notice->data);
	jx_open_object(&w, NULL);
	jx_cstring(&w, "type", type);
	jx_string(&w, "title", title);
	jx_string(&w, "message", message);
	jx_open_object(&w, "data");
	return w;
}

void run_notify_end(struct run *run, struct jx_writer *w)
{
	(void)run;
	jx_close_object(w);
	jx_close_object(w);
}

struct jx_writer run_progress(struct run *run, const char *name, bool to_user)
{
	struct run_notice *notice = add_notice(run, EVENT_PROGRESS, name);
	struct jx_writer w;
	set_room(notice, to_user ? "user_" : "sync_", to_user ? run->job->user_id : run->job->workflow_id);
	jx_begin(&w, &notice->data);
	jx_open_object(&w, NULL);
	return w;
}

void run_progress_end(struct run *run, struct jx_writer *w)
{
	(void)run;
	jx_close_object(w);
}

static const char *skip_string(const char *p, const char *end)
{
	const char *from = ++p;
	while (p < end && (p = memchr(p, '"', (size_t)(end - p)))) {
		const char *q = p;
		while (q > from && q[-1] == '\\')
			q--;
		p++;
		if ((p - 1 - q) % 2 == 0) /* no backslash of which it is the second half */
			return p;
	}
	return end;
}

static const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

/* The end of the value at p, in JSON that has been parsed before and so is known to be well formed. */
static const char *skip_value(const char *p, const char *end)
{
	unsigned depth = 0;
	while (p < end) {
		if (*p == '"') {
			p = skip_string(p, end);
		} else if (*p == '{' || *p == '[') {
			depth++;
			p++;
		} else if (*p == '}' || *p == ']') {
			if (depth == 0)
				return p;
			depth--;
			p++;
		} else if (depth == 0 && *p == ',') {
			return p;
		} else {
			p++;
		}
		if (depth == 0 && p < end &&
			(*p == ',' || *p == '}' || *p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
			return p;
	}
	return end;
}

/* jansson keeps neither 1.10 nor 1e2 as they were written, so what is forwarded is taken from the payload's
 * bytes. As in the parser, the last of several members of one name counts. */
struct slice run_raw(const struct run *run, struct slice member)
{
	struct slice found = SLICE_INIT, json = run->job->payload;
	const char *end = json.p + json.len, *p = memchr(json.p, '{', json.len);
	p = p ? skip_blanks(p + 1, end) : end;
	while (p < end && *p == '"') {
		const char *key = p + 1;
		p = skip_string(p, end);
		bool wanted = jx_raw_is(slice_of(key, (size_t)(p - key) - 1), member);
		p = skip_blanks(p, end);
		if (p < end && *p == ':')
			p = skip_blanks(p + 1, end);
		const char *value = p;
		p = skip_value(p, end);
		if (wanted)
			found = slice_of(value, (size_t)(p - value));
		p = skip_blanks(p, end);
		if (p < end && *p == ',')
			p = skip_blanks(p + 1, end);
	}
	return found;
}

struct slice run_text(const struct run *run, const char *member)
{
	return jx_text(jx_get(run->payload, member));
}

static bool is_truthy(const json_t *value)
{
	if (!value || json_is_null(value) || json_is_false(value))
		return false;
	if (json_is_string(value))
		return json_string_length(value) > 0;
	return !json_is_number(value) || json_number_value(value) != 0;
}

json_t *run_either(const struct run *run, const char *first, const char *second)
{
	json_t *value = jx_get(run->payload, first);
	if (is_truthy(value))
		return value;
	value = second ? jx_get(run->payload, second) : NULL;
	return is_truthy(value) ? value : NULL;
}

void run_copy(struct jx_writer *w, const char *key, const json_t *value)
{
	if (value && !json_is_null(value))
		jx_value(w, key, value);
}

/* The legacy steps 10-14 call themselves 1-5 in their results. */
static int result_step(int phase)
{
	return phase_is_step(phase) ? phase - STEP_FIRST + 1 : phase;
}

void run_outcome(struct run *run, bool success, struct slice message, struct slice data, struct slice error,
	struct buf *out)
{
	struct jx_writer w;
	jx_begin(&w, out);
	jx_open_object(&w, NULL);
	jx_bool(&w, "success", success);
	jx_int(&w, "step", result_step(run->job->phase));
	jx_string(&w, "message", message);
	if (data.len)
		jx_raw(&w, "data", data);
	if (error.len)
		jx_string(&w, "error", error);
	jx_close_object(&w);
}

static void progress_update(struct run *run)
{
	const struct phase_info *info = phase_info(run->job->phase);
	struct jx_writer w = run_progress(run, "sync_progress_update", false);
	jx_string(&w, "syncId", run->job->workflow_id);
	jx_cstring(&w, "stage", info->current);
	jx_int(&w, "percent", info->percent);
	jx_int(&w, "totalCases", phase_is_step(run->job->phase) ? STEP_LAST - STEP_FIRST + 1 : PHASE_LAST);
	jx_int(&w, "processedCases", result_step(run->job->phase));
	jx_open_array(&w, "audit");
	jx_close_array(&w);
	jx_time(&w, "updatedAt", run->now.wall_us);
	run_progress_end(run, &w);
}

static void phase_event(
	struct run *run, bool success, struct slice message, struct slice data, struct slice error)
{
	char name[48];
	snprintf(
		name, sizeof name, "workflow.phase.%d.%s", run->job->phase, success ? "completed" : "failed");
	struct jx_writer w = run_progress(run, name, true);
	jx_int(&w, "phase", run->job->phase);
	jx_cstring(&w, "event", name);
	jx_time(&w, "timestamp", run->now.wall_us);
	jx_string(&w, "syncId", run->job->workflow_id);
	if (data.len)
		jx_raw(&w, "result", data);
	jx_string(&w, "message", message);
	if (error.len)
		jx_string(&w, "error", error);
	run_progress_end(run, &w);
}

void run_closing_notices(
	struct run *run, bool success, struct slice message, struct slice data, struct slice error)
{
	progress_update(run);
	phase_event(run, success, message, data, error);
	if (!success || run->job->phase != PHASE_LAST)
		return;
	struct jx_writer w = run_progress(run, "sync_completed", false);
	jx_bool(&w, "success", true);
	jx_cstring(&w, "message", "Sync completed successfully");
	run_progress_end(run, &w);
}

void run_rollback_notices(struct run *run, int to_phase, struct slice error)
{
	char text[96];
	struct run_notice *notice = add_notice(run, EVENT_ROLLED_BACK, "rolled_back");
	buf_fmt(&notice->reason, "rolled back to phase %d", to_phase);
	snprintf(text, sizeof text, "Phase %d failed - rolled back to Phase %d", run->job->phase, to_phase);
	struct jx_writer w = run_notify(run, "warning", slice_text("Workflow Rollback"), slice_text(text));
	jx_int(&w, "failed_phase", run->job->phase);
	jx_int(&w, "rollback_to_phase", to_phase);
	jx_string(&w, "error", error);
	run_notify_end(run, &w);
}
