/* spool/store/lmdb/audit.c: see audit.h. */
#include "spool/store/lmdb/audit.h"

#include "spool/base/log.h"
#include "spool/store/lmdb/account_io.h"
#include "spool/store/lmdb/key.h"

#include <inttypes.h>
#include <stdlib.h>

enum { RECOUNT_MAX = 1000 };

static void give_up(const char *what, uint64_t counted, uint64_t is)
{
	log_err("event=audit_failed what=%s counted=%" PRIu64 " is=%" PRIu64, what, counted, is);
	abort();
}

static void recount(struct tx *tx)
{
	uint64_t found[PHASE_SLOTS][PLACE_N] = {{0}};
	struct walk w;
	if (!walk_open(&w, tx, TREE_QUEUE))
		return;
	for (bool more = walk_from(&w, (struct slice)SLICE_INIT); more; more = walk_next(&w)) {
		int slot = phase_slot((int)key_get(w.key, 1, 1));
		uint64_t place = key_get(w.key, 0, 1);
		if (slot < 0 || place >= PLACE_N)
			give_up("queue_key", place, 0);
		found[slot][place]++;
	}
	walk_close(&w);
	for (int slot = 0; tx->st == ST_OK && slot < PHASE_SLOTS; slot++)
		for (int place = 0; place < PLACE_N; place++)
			if (found[slot][place] != tx->head.jobs[slot][place])
				give_up("place", tx->head.jobs[slot][place], found[slot][place]);
}

static bool add_stored(struct tx *tx, struct tally *tally)
{
	struct key from = account_key(0);
	struct account account;
	struct walk w;
	uint64_t hash;
	bool ok = true;
	bool more = walk_open(&w, tx, TREE_META) && walk_from(&w, key_slice(&from));
	for (; more && ok && account_of_key(w.key, &hash); more = walk_next(&w))
		ok = account_decode(w.value, &account) == ST_OK &&
		     tally_add(tally, hash, (int64_t)account.jobs, (int64_t)account.bytes,
			     (struct job_id){{0}});
	walk_close(&w);
	return ok;
}

/* What is stored of accounts less what the jobs say must be nothing; of damaged records nobody knows. */
static void recount_accounts(struct tx *tx)
{
	struct tally tally = TALLY_INIT;
	struct walk w;
	bool is_readable = add_stored(tx, &tally);
	bool more = walk_open(&w, tx, TREE_JOB) && walk_from(&w, (struct slice)SLICE_INIT);
	for (; more && is_readable; more = walk_next(&w))
		is_readable = account_tally(&tally, w.key, w.value, -1, &is_readable) && is_readable;
	walk_close(&w);
	for (size_t i = 0; is_readable && tx->st == ST_OK && i < tally.cap; i++)
		if (tally.rows[i].jobs || tally.rows[i].bytes)
			give_up("account", (uint64_t)tally.rows[i].jobs, (uint64_t)tally.rows[i].bytes);
	tally_release(&tally);
}

void audit_commit(struct tx *tx)
{
	uint64_t present = head_present(&tx->head);
	if (tx->head.accepted_total != present + tx->head.removed_total + tx->head.set_aside)
		give_up("accepted", tx->head.accepted_total,
			present + tx->head.removed_total + tx->head.set_aside);
	if (present > RECOUNT_MAX)
		return;
	recount(tx);
	recount_accounts(tx);
}
