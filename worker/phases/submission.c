/* worker/phases/submission.c: phase 5, claim submitted: tracking starts. The record of it is the job itself;
 * no call. */
#include "worker/phases/handlers.h"

static bool begin(struct run *run)
{
	(void)run;
	return true;
}

static void write_ids(struct run *run, struct jx_writer *w)
{
	jx_value(w, "claim_id", jx_get(run->payload, "claim_id"));
	run_copy(w, "amazon_case_id", run_either(run, "amazon_case_id", "case_id"));
	jx_cstring(w, "status", "submitted");
}

static void finish(struct run *run, struct buf *message, struct jx_writer *data)
{
	struct buf text = BUF_INIT(1024);
	json_t *case_id = run_either(run, "amazon_case_id", "case_id");
	buf_text(message, "Phase 5: Claim submitted - tracking started");
	write_ids(run, data);
	/* Without a case id the message does without it; it never prints undefined or null. */
	buf_text(&text, "Claim submitted to Amazon");
	if (json_is_string(case_id))
		buf_fmt(&text, " (Case #%.*s)", SLICE_ARG(jx_text(case_id)));
	else if (json_is_integer(case_id))
		buf_fmt(&text, " (Case #%lld)", (long long)json_integer_value(case_id));
	struct jx_writer w = run_notify(run, "success", slice_text("Claim Submitted"), buf_slice(&text));
	write_ids(run, &w);
	jx_cstring(&w, "next_step", "Amazon reviewing claim...");
	run_notify_end(run, &w);
	buf_release(&text);
}

const struct phase_handler phase_submission = {
	.phase = 5,
	.failure = "Failed to track claim submission",
	.begin = begin,
	.finish = finish,
};
