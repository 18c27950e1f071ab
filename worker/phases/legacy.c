/* worker/phases/legacy.c: steps 10-14 of the workflow before the phases: they make no call and answer as they
 * always did. */
#include "worker/phases/handlers.h"

static bool begin(struct run *run)
{
	(void)run;
	return true;
}

static void finish_fetch(struct run *run, struct buf *message, struct jx_writer *data)
{
	(void)run;
	buf_text(message, "Amazon claims fetched and mapped successfully");
	jx_int(data, "claimsProcessed", 1);
}

static void finish_normalize(struct run *run, struct buf *message, struct jx_writer *data)
{
	(void)run;
	buf_text(message, "Amazon data normalized and ingested");
	jx_int(data, "totalCases", 0);
	jx_int(data, "processed", 0);
	jx_int(data, "duplicates", 0);
	jx_open_array(data, "audit");
	jx_close_array(data);
}

static void finish_ledger(struct run *run, struct buf *message, struct jx_writer *data)
{
	(void)run;
	buf_text(message, "Ledger entries created successfully");
	jx_int(data, "ledgerEntriesCreated", 1);
}

static void finish_stripe(struct run *run, struct buf *message, struct jx_writer *data)
{
	(void)run;
	buf_text(message, "Stripe transactions processed successfully");
	jx_int(data, "transactionsProcessed", 0);
}

static void finish_finalize(struct run *run, struct buf *message, struct jx_writer *data)
{
	(void)run;
	buf_text(message, "Cases finalized successfully");
	jx_int(data, "casesFinalized", 1);
}

const struct phase_handler legacy_steps[STEP_LAST - STEP_FIRST + 1] = {
	{.phase = 10, .failure = "Failed to fetch Amazon claims", .begin = begin, .finish = finish_fetch},
	{.phase = 11,
		.failure = "Failed to normalize and ingest Amazon data",
		.begin = begin,
		.finish = finish_normalize},
	{.phase = 12, .failure = "Failed to create ledger entries", .begin = begin, .finish = finish_ledger},
	{.phase = 13,
		.failure = "Failed to process Stripe transactions",
		.begin = begin,
		.finish = finish_stripe},
	{.phase = 14, .failure = "Failed to finalize cases", .begin = begin, .finish = finish_finalize},
};
