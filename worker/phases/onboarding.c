/* worker/phases/onboarding.c: phase 1, OAuth done: start the sync. */
#include "worker/phases/handlers.h"

static void write_seller(struct run *run, struct jx_writer *w)
{
	json_t *seller = run_either(run, "seller_id", NULL);
	if (seller)
		jx_value(w, "seller_id", seller);
	else
		jx_string(w, "seller_id", run->job->user_id);
}

static bool begin(struct run *run)
{
	struct jx_writer w =
		run_notify(run, "info", slice_text("Onboarding Started"), slice_text("Connected to Amazon!"));
	jx_string(&w, "user_id", run->job->user_id);
	jx_time(&w, "timestamp", run->now.wall_us);
	run_notify_end(run, &w);
	return true;
}

static void body(struct run *run, enum call_name call, struct jx_writer *w)
{
	(void)call;
	jx_string(w, "user_id", run->job->user_id);
	write_seller(run, w);
	jx_string(w, "sync_id", run->job->workflow_id);
}

static json_t *keep(enum call_name call, const json_t *answer)
{
	(void)call;
	json_t *id = jx_get(answer, "syncId");
	if (!json_is_string(id))
		id = jx_get(answer, "existingSyncId");
	return json_is_string(id) ? json_incref(id) : NULL;
}

static void write_sync_id(struct run *run, struct jx_writer *w)
{
	const json_t *id = run_call_value(run, CALL_SYNC);
	jx_string(w, "sync_id", id ? jx_text(id) : run->job->workflow_id);
}

static void finish(struct run *run, struct buf *message, struct jx_writer *data)
{
	buf_text(message, "Phase 1: Onboarding complete - sync started");
	write_sync_id(run, data);
	write_seller(run, data);
	if (!run_call_ok(run, CALL_SYNC))
		jx_bool(data, "sync_started", false);
	struct jx_writer w = run_notify(
		run, "success", slice_text("Onboarding Complete"), slice_text("Connected to Amazon!"));
	jx_bool(&w, "sync_started", run_call_ok(run, CALL_SYNC));
	write_sync_id(run, &w);
	jx_cstring(&w, "next_step", "Syncing your data... (30 seconds)");
	run_notify_end(run, &w);
}

const struct phase_handler phase_onboarding = {
	.phase = 1,
	.failure = "Failed to complete onboarding",
	.begin = begin,
	.body = body,
	.keep = keep,
	.finish = finish,
};
