/* spool/store/lmdb/stats.c: the counters, in O(1). */
#include "spool/store/lmdb/room.h"
#include "spool/store/lmdb/tx.h"
#include "spool/store/lmdb/verbs.h"

enum status lmdb_stats(struct store *store, struct stats *out, struct why *why)
{
	struct tx tx;
	*out = (struct stats){0};
	enum status st = tx_begin(&tx, store, TX_READ, (struct moment){0}, why);
	if (st != ST_OK)
		return st;
	head_tell(&tx.head, out);
	out->bytes_cap = store->map_bytes;
	out->bytes_used = room_used_bytes(store);
	out->intake_full = out->bytes_used >= store->full_at_bytes;
	out->disk_full = room_disk_is_full(store);
	tx_end(&tx);
	return ST_OK;
}
