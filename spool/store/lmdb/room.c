/* spool/store/lmdb/room.c: see room.h. */
#include "spool/store/lmdb/room.h"

#include "spool/base/clock.h"

#include <string.h>
#include <sys/statvfs.h>

enum { USED_FRESH_US = 200000, FREE_DBI_NUMBER = 0, EXHAUSTED_BYTES = 1 << 20 };

/* The free list: each value begins with the number of page numbers that follow (mdb.c, MDB_IDL). LMDB lets
 * only a reading transaction look at it, so this has one of its own. */
static uint64_t count_free_pages(struct store *store)
{
	MDB_txn *txn;
	MDB_cursor *cursor;
	MDB_val key, value;
	uint64_t pages = 0;
	if (mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn) != 0)
		return 0;
	if (mdb_cursor_open(txn, FREE_DBI_NUMBER, &cursor) == 0) {
		while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
			size_t n = 0;
			if (value.mv_size >= sizeof n)
				memcpy(&n, value.mv_data, sizeof n);
			pages += n;
		}
		mdb_cursor_close(cursor);
	}
	mdb_txn_abort(txn);
	return pages;
}

uint64_t room_used_bytes(struct store *store)
{
	MDB_envinfo info;
	mdb_env_info(store->env, &info);
	uint64_t high_water = (info.me_last_pgno + 1) * store->page_bytes;
	int64_t now = clock_mono_us();
	if (high_water < store->full_at_bytes)
		return high_water;
	if (now < atomic_load(&store->used_until_mono_us))
		return atomic_load(&store->used_bytes);
	uint64_t used = high_water - count_free_pages(store) * store->page_bytes;
	atomic_store(&store->used_bytes, used);
	atomic_store(&store->used_until_mono_us, now + USED_FRESH_US);
	return used;
}

bool room_map_is_full(struct store *store)
{
	return room_used_bytes(store) >= store->full_at_bytes;
}

/* As df(1) counts: what only root may use is neither free nor used. */
bool room_disk_is_full(const struct store *store)
{
	struct statvfs fs;
	if (store->disk_full_at_percent <= 0 || statvfs(store->data_path, &fs) != 0)
		return false;
	uint64_t used = fs.f_blocks - fs.f_bfree, usable = used + fs.f_bavail;
	return (double)used >= (double)usable / 100 * (double)store->disk_full_at_percent;
}

bool room_disk_is_exhausted(const struct store *store)
{
	struct statvfs fs;
	return statvfs(store->data_path, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize < EXHAUSTED_BYTES;
}
