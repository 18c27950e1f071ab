/* worker/phases/payout.c: phase 7, payout received: the fee, then the proof packet. Money is integer cents
 * throughout; the amount is forwarded as the caller wrote it. */
#include "worker/money.h"
#include "worker/phases/handlers.h"

struct payout {
	struct slice raw; /* the amount in its given form: a number, or a quoted text */
	int64_t amount, fee;
};

static bool read_payout(struct run *run, struct payout *out)
{
	json_t *amount = jx_get(run->payload, "amount");
	out->raw = run_raw(run, slice_text("amount"));
	struct slice text = json_is_string(amount) ? jx_text(amount) : out->raw;
	if (!money_parse(text, &out->amount)) {
		why_set(&run->why, ST_INVALID, "amount is not a positive number");
		return false;
	}
	out->fee = money_share(out->amount, run->opts->fee_rate_micro);
	return true;
}

static bool is_flat(const struct run *run)
{
	return run->opts->fee_rate_micro == 0;
}

static void write_cents(struct jx_writer *w, const char *key, int64_t cents)
{
	char text[MONEY_TEXT_LEN];
	money_text(cents, text);
	jx_raw(w, key, slice_text(text));
}

static bool begin(struct run *run)
{
	struct payout p;
	return read_payout(run, &p);
}

static bool skips(const struct run *run, enum call_name call)
{
	return call == CALL_FEE && is_flat(run);
}

static void body(struct run *run, enum call_name call, struct jx_writer *w)
{
	struct payout p;
	if (!read_payout(run, &p))
		return;
	if (call == CALL_FEE) {
		jx_string(w, "user_id", run->job->user_id);
		jx_value(w, "claim_id", jx_get(run->payload, "claim_id"));
		jx_raw(w, "amount_recovered", p.raw);
		write_cents(w, "platform_fee", p.fee);
		return;
	}
	/* The date is the job's, not the attempt's: every attempt under one Idempotency-Key sends the same
	 * body. */
	jx_open_object(w, "payout_details");
	jx_raw(w, "amount", p.raw);
	jx_time(w, "date", run->job->accepted_at_us);
	jx_close_object(w);
}

static json_t *keep(enum call_name call, const json_t *answer)
{
	if (call != CALL_PROOF_PACKET)
		return NULL;
	json_t *id = jx_get(answer, "packet_id");
	if (!id || json_is_null(id))
		id = jx_path(answer, "data.packet_id");
	return id && (json_is_string(id) || json_is_integer(id)) ? json_incref(id) : NULL;
}

static void write_amounts(struct run *run, const struct payout *p, struct jx_writer *w)
{
	jx_raw(w, "amount_recovered", p->raw);
	if (is_flat(run)) {
		jx_raw(w, "seller_payout", p->raw);
		jx_cstring(w, "billing_model", "flat_subscription");
	} else {
		write_cents(w, "seller_payout", p->amount - p->fee);
		write_cents(w, "platform_fee", p->fee);
		if (!run_call_ok(run, CALL_FEE))
			jx_bool(w, "fee_processed", false);
	}
	jx_value(w, "proof_packet_id", run_call_value(run, CALL_PROOF_PACKET));
}

static void finish(struct run *run, struct buf *message, struct jx_writer *data)
{
	struct payout p;
	char text[96], money[MONEY_TEXT_LEN];
	if (!read_payout(run, &p))
		return;
	buf_text(message, "Phase 7: Payout processed - proof packet generated");
	write_amounts(run, &p, data);
	if (!run_call_ok(run, CALL_PROOF_PACKET))
		jx_bool(data, "proof_packet_generated", false);
	money_text(is_flat(run) ? p.amount : p.amount - p.fee, money);
	snprintf(text, sizeof text, "Payment received! You keep $%s", money);
	struct jx_writer w = run_notify(run, "success", slice_text("Payout Received"), slice_text(text));
	jx_value(&w, "claim_id", jx_get(run->payload, "claim_id"));
	run_copy(&w, "amazon_case_id", run_either(run, "amazon_case_id", "case_id"));
	write_amounts(run, &p, &w);
	run_notify_end(run, &w);
}

const struct phase_handler phase_payout = {
	.phase = 7,
	.failure = "Failed to process payout",
	.begin = begin,
	.body = body,
	.keep = keep,
	.finish = finish,
	.skips = skips,
};
