/* spool/store/lmdb/figures.c: what a monitor asks every few seconds: counters, and the first entries of
 * indexes. Nothing here walks, but for a bounded number of the workflows that have stalled: from one place in
 * an index the next step is a seek to another. */
#include "spool/store/lmdb/await_io.h"
#include "spool/store/lmdb/room.h"
#include "spool/store/lmdb/tx.h"
#include "spool/store/lmdb/verbs.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum { CROWD_USERS_MAX = 32 }; /* looked at for one phase and priority */

struct look {
	struct tx *tx;
	struct walk walk;
	struct figures *out;
};

static bool seek(struct look *l, const struct key *at, const struct key *within)
{
	l->out->looked_at++;
	return walk_from(&l->walk, key_slice(at)) && key_has_prefix(l->walk.key, within);
}

static int64_t older(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Of the crowd the entries of one priority are in order of users, and each user's in order of time. */
static int64_t oldest_of_crowd(struct look *l, const struct key *lane)
{
	int64_t best = INT64_MAX;
	uint64_t user = 0;
	for (int n = 0; n < CROWD_USERS_MAX && user <= UINT32_MAX; n++) {
		struct key at = *lane;
		key_add(&at, user, 4);
		if (!seek(l, &at, lane))
			break;
		best = older(best, key_queue_at(l->walk.key));
		user = key_get(l->walk.key, QUEUE_USER, 4) + 1;
	}
	return best;
}

/* The entries of a phase are in order of priority, and those of one priority in order of time: one seek for
 * each priority that there is. */
static int64_t oldest_of(struct look *l, enum place place, int phase)
{
	const struct key all = key_queue_prefix(place, phase);
	struct key at = all;
	int64_t best = INT64_MAX;
	while (seek(l, &at, &all)) {
		uint64_t priority = key_get(l->walk.key, QUEUE_PRIORITY, 1);
		struct key lane = all;
		key_add(&lane, priority, 1);
		if (place == PLACE_READY && priority & CROWD_BIT)
			best = older(best, oldest_of_crowd(l, &lane));
		else
			best = older(best, key_queue_at(l->walk.key));
		at = lane;
		if (!key_after_prefix(&at))
			break;
	}
	return best;
}

static void find_oldest(struct tx *tx, struct figures *out)
{
	static const enum place places[FIGURES_PLACE_N] = {
		[FIGURES_WAITING] = PLACE_READY,
		[FIGURES_BEHIND] = PLACE_BEHIND,
		[FIGURES_DELAYED] = PLACE_DELAYED,
		[FIGURES_ACTIVE] = PLACE_ACTIVE,
	};
	struct look l = {.tx = tx, .out = out};
	bool is_open = walk_open(&l.walk, tx, TREE_QUEUE);
	for (int i = 0; i < FIGURES_PLACE_N; i++)
		for (int slot = 0; slot < PHASE_SLOTS; slot++)
			out->oldest_at_us[i][slot] = is_open && tx->head.jobs[slot][places[i]]
							     ? oldest_of(&l, places[i], phase_of_slot(slot))
							     : INT64_MAX;
	walk_close(&l.walk);
}

/* Their records only: one whose phase has come since is counted until a worker tidies up. */
static void count_stalled(struct tx *tx, struct figures *out)
{
	struct key all = await_prefix();
	struct walk w;
	bool more = walk_open(&w, tx, TREE_META) && walk_from(&w, key_slice(&all));
	for (; more && out->stalled < FIGURES_STALLED_MAX && key_has_prefix(w.key, &all);
		more = walk_next(&w))
		out->stalled++;
	walk_close(&w);
	out->looked_at += out->stalled;
}

static void look_at_disk(const struct store *store, struct figures *out)
{
	struct statvfs fs;
	struct stat file;
	if (statvfs(store->data_path, &fs) == 0) {
		out->disk_bytes = (uint64_t)fs.f_blocks * fs.f_frsize;
		out->disk_free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	}
	if (stat(store->data_path, &file) == 0)
		out->file_bytes = (uint64_t)file.st_blocks * 512;
}

/* The table of readers is told as text: a line of heads, then one for each slot in use, with its process,
 * its thread, and the transaction it reads ("-": none). */
struct readers {
	uint64_t n, oldest;
};

static int count_reader(const char *line, void *arg)
{
	struct readers *r = arg;
	unsigned long long txn;
	int pid;
	char thread[32];
	int fields = sscanf(line, "%d %31s %llu", &pid, thread, &txn);
	r->n += fields >= 2;
	if (fields == 3 && txn < r->oldest)
		r->oldest = txn;
	return 0;
}

static void look_at_readers(const struct store *store, struct figures *out)
{
	struct readers r = {.oldest = UINT64_MAX};
	MDB_envinfo info;
	mdb_env_info(store->env, &info);
	out->readers_max = info.me_maxreaders;
	if (mdb_reader_list(store->env, count_reader, &r) < 0)
		return;
	out->readers = r.n;
	if (r.oldest < info.me_last_txnid)
		out->reader_lag = info.me_last_txnid - r.oldest;
}

enum status lmdb_figures(struct store *store, struct figures *out, struct why *why)
{
	struct tx tx;
	*out = (struct figures){0};
	enum status st = lmdb_stats(store, &out->stats, why);
	if (st == ST_OK)
		st = tx_begin(&tx, store, TX_READ, (struct moment){0}, why);
	if (st != ST_OK)
		return st;
	find_oldest(&tx, out);
	count_stalled(&tx, out);
	/* One state: what is accepted between two readings is in neither of them. */
	out->unaccounted = (int64_t)(tx.head.accepted_total - head_present(&tx.head) - tx.head.removed_total -
				     tx.head.set_aside);
	if (tx.st != ST_OK && why)
		*why = tx.why;
	st = tx.st;
	tx_end(&tx);
	out->full_at_bytes = store->full_at_bytes;
	look_at_disk(store, out);
	look_at_readers(store, out);
	return st;
}
