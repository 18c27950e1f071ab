/* worker/phases/detection.c: phase 2, sync done: start detection. */
#include "worker/phases/handlers.h"

static const char *mode(const struct run *run)
{
	return run->opts->worker.sandbox ? "SANDBOX" : "PRODUCTION";
}

/* Any truthy value passes as it is; else 0. */
static void write_count(struct run *run, struct jx_writer *w, const char *key)
{
	struct slice raw = run_raw(run, slice_text(key));
	if (run_either(run, key, NULL) && raw.len)
		jx_raw(w, key, raw);
	else
		jx_int(w, key, 0);
}

static bool begin(struct run *run)
{
	const char *title = run->opts->worker.sandbox
				    ? "\xf0\x9f\x94\x8d Analyzing your orders (Sandbox Mode)..."
				    : "\xf0\x9f\x94\x8d Analyzing your orders...";
	struct jx_writer w = run_notify(run, "info", slice_text(title),
		slice_text("Data sync complete! Scanning for potential claims..."));
	write_count(run, &w, "orders_count");
	write_count(run, &w, "inventory_items");
	jx_cstring(&w, "next_step", "Running detection algorithms...");
	jx_bool(&w, "is_sandbox", run->opts->worker.sandbox);
	jx_cstring(&w, "mode", mode(run));
	run_notify_end(run, &w);
	return true;
}

static void body(struct run *run, enum call_name call, struct jx_writer *w)
{
	(void)call;
	jx_string(w, "syncId", run->job->workflow_id);
	jx_cstring(w, "triggerType", "inventory");
	jx_open_object(w, "metadata");
	jx_string(w, "seller_id", run->job->user_id);
	jx_cstring(w, "source_type", "sp_api");
	jx_cstring(w, "trigger_type", "sp_api_sync");
	jx_bool(w, "is_sandbox", run->opts->worker.sandbox);
	jx_close_object(w);
}

static void finish(struct run *run, struct buf *message, struct jx_writer *data)
{
	buf_fmt(message, "Phase 2: Detection triggered after sync (%s MODE)", mode(run));
	write_count(run, data, "orders_count");
	write_count(run, data, "inventory_items");
	jx_bool(data, "detection_job_queued", run_call_ok(run, CALL_DETECTION));
	jx_bool(data, "is_sandbox", run->opts->worker.sandbox);
	jx_cstring(data, "mode", mode(run));
}

const struct phase_handler phase_detection = {
	.phase = 2,
	.failure = "Failed to trigger detection after sync",
	.begin = begin,
	.body = body,
	.finish = finish,
};
