/* worker/phases/matching.c: phase 3, detection done: match evidence. */
#include "worker/phases/confidence.h"
#include "worker/phases/handlers.h"

#include <math.h>

static bool count(struct run *run, struct confidence *out)
{
	if (confidence_count(confidence_list(run, "claims", "claims_found"), out))
		return true;
	why_set(&run->why, ST_INVALID, "an element of claims is not an object");
	return false;
}

static int probability(const struct confidence *c)
{
	return c->n ? (int)round(c->sum / (double)c->n * 100) : 0;
}

static void write_counts(struct jx_writer *w, const struct confidence *c)
{
	jx_int(w, "high_confidence", (int64_t)c->high);
	jx_int(w, "medium_confidence", (int64_t)c->medium);
}

static void notify_detected(struct run *run, const struct confidence *c)
{
	char message[96];
	bool sandbox = run->opts->worker.sandbox;
	snprintf(message, sizeof message, "%zu potential claims found! Matching evidence...", c->n);
	struct jx_writer w =
		run_notify(run, "success", slice_text("Detection Complete"), slice_text(message));
	jx_int(&w, "claims_found", (int64_t)c->n);
	write_counts(&w, c);
	jx_int(&w, "success_probability", probability(c));
	jx_cstring(&w, "next_step", "Matching evidence documents...");
	jx_bool(&w, "is_sandbox", sandbox);
	jx_cstring(&w, "mode", sandbox ? "SANDBOX" : "PRODUCTION");
	run_notify_end(run, &w);
}

static void notify_probability(struct run *run, const struct confidence *c)
{
	char title[96], message[160];
	bool sandbox = run->opts->worker.sandbox;
	snprintf(title, sizeof title, "%s\xf0\x9f\x93\x8a Success probability: %d%%",
		sandbox ? "[SANDBOX] " : "", probability(c));
	snprintf(message, sizeof message,
		"Based on ML confidence scoring: %zu high, %zu medium confidence claims%s", c->high,
		c->medium, sandbox ? " (Sandbox Test Data)" : "");
	struct jx_writer w = run_notify(run, "info", slice_text(title), slice_text(message));
	jx_int(&w, "success_probability", probability(c));
	write_counts(&w, c);
	jx_bool(&w, "is_sandbox", sandbox);
	jx_bool(&w, "sandbox_test_data", sandbox);
	jx_cstring(&w, "mode", sandbox ? "SANDBOX" : "PRODUCTION");
	run_notify_end(run, &w);
}

static void notify_sandbox(struct run *run, const struct confidence *c)
{
	char message[128];
	snprintf(message, sizeof message,
		"Running evidence validator on %zu claims (Sandbox Mode - Mock Validation)", c->n);
	struct jx_writer w = run_notify(run, "info",
		slice_text("[SANDBOX] \xf0\x9f\x94\x8d Validating evidence..."), slice_text(message));
	jx_int(&w, "claims_count", (int64_t)c->n);
	jx_cstring(&w, "validation_mode", "sandbox_mock");
	jx_bool(&w, "is_sandbox", true);
	jx_bool(&w, "sandbox_test_data", true);
	run_notify_end(run, &w);
}

static bool begin(struct run *run)
{
	struct confidence c;
	if (!count(run, &c))
		return false;
	notify_detected(run, &c);
	if (probability(&c) > 0)
		notify_probability(run, &c);
	if (run->opts->worker.sandbox)
		notify_sandbox(run, &c);
	return true;
}

static void body(struct run *run, enum call_name call, struct jx_writer *w)
{
	(void)call;
	const char *member = run_either(run, "claims", NULL) ? "claims" : "claims_found";
	struct slice raw = run_raw(run, slice_text(member));
	jx_string(w, "user_id", run->job->user_id);
	jx_raw(w, "claims", confidence_list(run, "claims", "claims_found") ? raw : slice_text("[]"));
}

static void finish(struct run *run, struct buf *message, struct jx_writer *data)
{
	struct confidence c = {0};
	if (!count(run, &c))
		return;
	buf_text(message, "Phase 3: Evidence matching triggered");
	jx_int(data, "claims_found", (int64_t)c.n);
	jx_bool(data, "evidence_matching_triggered", run_call_ok(run, CALL_MATCHING));
	if (c.ignored)
		jx_int(data, "confidence_ignored", (int64_t)c.ignored);
}

const struct phase_handler phase_matching = {
	.phase = 3,
	.failure = "Failed to trigger evidence matching",
	.begin = begin,
	.body = body,
	.finish = finish,
};
