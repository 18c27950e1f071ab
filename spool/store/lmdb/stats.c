/* spool/store/lmdb/stats.c: the counters, in O(1). */
#include "spool/store/lmdb/room.h"
#include "spool/store/lmdb/tx.h"
#include "spool/store/lmdb/verbs.h"

static void copy_counts(const struct head *head, struct stats *out)
{
	static const enum job_state states[PLACE_N] = {
		[PLACE_READY] = JOB_WAITING,
		[PLACE_BEHIND] = JOB_WAITING,
		[PLACE_DELAYED] = JOB_DELAYED,
		[PLACE_ACTIVE] = JOB_ACTIVE,
		[PLACE_COMPLETED] = JOB_COMPLETED,
		[PLACE_FAILED] = JOB_FAILED,
		[PLACE_HELD] = JOB_HELD,
		[PLACE_CANCELLED] = JOB_CANCELLED,
	};
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		for (int place = 0; place < PLACE_N; place++)
			out->jobs[slot][states[place]] += head->jobs[slot][place];
}

enum status lmdb_stats(struct store *store, struct stats *out, struct why *why)
{
	struct tx tx;
	*out = (struct stats){0};
	enum status st = tx_begin(&tx, store, TX_READ, (struct moment){0}, why);
	if (st != ST_OK)
		return st;
	copy_counts(&tx.head, out);
	out->behind = head_place(&tx.head, PLACE_BEHIND);
	out->accepted_total = tx.head.accepted_total;
	out->removed_total = tx.head.removed_total;
	out->set_aside = tx.head.set_aside;
	out->last_seq = tx.head.next_seq - 1;
	out->paused_phases = tx.head.paused_phases;
	out->recent_n = tx.head.recent_n;
	memcpy(out->recent_ms, tx.head.recent_ms, sizeof out->recent_ms);
	out->bytes_cap = store->map_bytes;
	out->bytes_used = room_used_bytes(store);
	out->intake_full = out->bytes_used >= store->full_at_bytes;
	out->disk_full = room_disk_is_full(store);
	tx_end(&tx);
	return ST_OK;
}
