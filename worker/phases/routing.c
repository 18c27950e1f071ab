/* worker/phases/routing.c: phase 4, evidence matched: how each match goes on. Bookkeeping, no call. */
#include "worker/phases/confidence.h"
#include "worker/phases/handlers.h"

static bool begin(struct run *run)
{
	struct confidence c;
	if (confidence_count(confidence_list(run, "matches", "matching_results"), &c))
		return true;
	why_set(&run->why, ST_INVALID, "an element of matches is not an object");
	return false;
}

static void write_counts(struct jx_writer *w, const struct confidence *c)
{
	jx_int(w, "auto_submits", (int64_t)c->high);
	jx_int(w, "smart_prompts", (int64_t)c->medium);
	jx_int(w, "manual_review", (int64_t)c->low);
}

static void finish(struct run *run, struct buf *message, struct jx_writer *data)
{
	struct confidence c;
	char text[96];
	if (!confidence_count(confidence_list(run, "matches", "matching_results"), &c))
		return;
	buf_text(message, "Phase 4: Evidence matching complete - routing claims");
	jx_int(data, "matches", (int64_t)c.n);
	write_counts(data, &c);
	if (c.ignored)
		jx_int(data, "confidence_ignored", (int64_t)c.ignored);
	snprintf(text, sizeof text, "%zu claims ready for automatic submission", c.high);
	struct jx_writer w =
		run_notify(run, "success", slice_text("Evidence Matching Complete"), slice_text(text));
	write_counts(&w, &c);
	jx_cstring(&w, "next_step", "Submitting high-confidence claims...");
	run_notify_end(run, &w);
}

const struct phase_handler phase_routing = {
	.phase = 4,
	.failure = "Failed to process evidence matching results",
	.begin = begin,
	.finish = finish,
};
