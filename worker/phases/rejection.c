/* worker/phases/rejection.c: phase 6, claim rejected: the detector learns from it. */
#include "worker/phases/handlers.h"

static bool begin(struct run *run)
{
	(void)run;
	return true;
}

static void write_reason(struct run *run, struct jx_writer *w)
{
	json_t *reason = run_either(run, "rejection_reason", "reason");
	if (reason)
		jx_value(w, "rejection_reason", reason);
	else
		jx_cstring(w, "rejection_reason", "Unknown reason");
}

static void body(struct run *run, enum call_name call, struct jx_writer *w)
{
	(void)call;
	jx_string(w, "user_id", run->job->user_id);
	jx_value(w, "claim_id", jx_get(run->payload, "claim_id"));
	run_copy(w, "amazon_case_id", run_either(run, "amazon_case_id", "case_id"));
	write_reason(run, w);
}

static void finish(struct run *run, struct buf *message, struct jx_writer *data)
{
	bool triggered = run_call_ok(run, CALL_REJECTION);
	buf_text(message, "Phase 6: Rejection logged - learning triggered");
	jx_value(data, "claim_id", jx_get(run->payload, "claim_id"));
	write_reason(run, data);
	jx_bool(data, "learning_triggered", triggered);
	struct jx_writer w = run_notify(run, "warning", slice_text("Claim Rejected"),
		slice_text("Claim rejected - system learning from this feedback"));
	jx_value(&w, "claim_id", jx_get(run->payload, "claim_id"));
	run_copy(&w, "amazon_case_id", run_either(run, "amazon_case_id", "case_id"));
	write_reason(run, &w);
	jx_bool(&w, "learning_triggered", triggered);
	run_notify_end(run, &w);
}

const struct phase_handler phase_rejection = {
	.phase = 6,
	.failure = "Failed to process rejection",
	.begin = begin,
	.body = body,
	.finish = finish,
};
