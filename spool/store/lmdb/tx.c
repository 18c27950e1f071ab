/* spool/store/lmdb/tx.c: see tx.h. */
#include "spool/store/lmdb/tx.h"

#include "spool/store/common/record.h"
#include "spool/store/lmdb/audit.h"
#include "spool/store/lmdb/room.h"

#include <errno.h>

enum { SCRATCH_MAX = 16 << 20 };

static const struct slice head_key = {"head", 4};

static MDB_val val_of(struct slice s)
{
	return (MDB_val){s.len, (void *)(uintptr_t)s.p};
}

enum status tx_fail(struct tx *tx, int rc, const char *what)
{
	if (tx->st != ST_OK)
		return tx->st;
	tx->st = env_map_rc(rc);
	if (rc == MDB_PANIC)
		atomic_store(&tx->store->broken, true);
	why_set(&tx->why, tx->st, "spool: %s: %s", what, mdb_strerror(rc));
	return tx->st;
}

enum status tx_fail_status(struct tx *tx, enum status st, const char *what)
{
	if (tx->st == ST_OK)
		tx->st = why_set(&tx->why, st, "spool: %s", what);
	return tx->st;
}

static enum status load_head(struct tx *tx)
{
	struct slice record;
	enum status st = tx_get(tx, TREE_META, head_key, &record);
	if (st == ST_OK)
		st = head_decode(record, &tx->head);
	if (st != ST_OK)
		tx_fail_status(
			tx, st == ST_NOTFOUND ? ST_CORRUPT : st, "the record of counters cannot be read");
	return tx->st;
}

enum status tx_begin(
	struct tx *tx, struct store *store, enum tx_mode mode, struct moment now, struct why *why)
{
	*tx = (struct tx){
		.store = store, .writes = mode == TX_WRITE, .now = now, .scratch = BUF_INIT(SCRATCH_MAX)};
	if (tx->writes && store->read_only)
		tx_fail_status(tx, ST_DENIED, "it was opened for reading only");
	else if (atomic_load(&store->broken))
		tx_fail_status(tx, ST_IO, "an earlier failure left it unusable in this process; restart");
	if (tx->st == ST_OK) {
		int rc = mdb_txn_begin(store->env, NULL, tx->writes ? 0 : MDB_RDONLY, &tx->txn);
		if (rc != 0)
			tx_fail(tx, rc, "cannot begin a transaction");
		else
			load_head(tx);
	}
	if (tx->st != ST_OK) {
		if (why)
			*why = tx->why;
		enum status st = tx->st;
		tx_end(tx);
		return st;
	}
	return ST_OK;
}

static void store_head(struct tx *tx)
{
	if (!tx->head_changed)
		return;
	head_encode(&tx->head, &tx->scratch);
	tx_put(tx, TREE_META, head_key, buf_slice(&tx->scratch));
}

/* LMDB answers a failed write of the meta page with that write's error and refuses everything from the next
 * transaction on: ask for one, so that the process knows at once that it must restart. */
static void notice_panic(struct store *store)
{
	MDB_txn *probe;
	int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &probe);
	if (rc == 0)
		mdb_txn_abort(probe);
	else if (rc == MDB_PANIC)
		atomic_store(&store->broken, true);
}

enum status tx_commit_unsynced(struct tx *tx, struct why *why)
{
	if (tx->store->is_audited && tx->head_changed && tx->st == ST_OK)
		audit_commit(tx);
	store_head(tx);
	if (tx->st == ST_OK && tx->txn) {
		int rc = mdb_txn_commit(tx->txn);
		tx->txn = NULL; /* gone, whatever rc says */
		if (rc != 0) {
			bool is_want_of_room = rc == EIO && room_disk_is_exhausted(tx->store);
			tx_fail(tx, is_want_of_room ? ENOSPC : rc, "cannot commit");
			notice_panic(tx->store);
		} else if (tx->writes)
			tx->st = env_check_file(tx->store, &tx->why);
	}
	enum status st = tx->st;
	if (st != ST_OK && why)
		*why = tx->why;
	tx_end(tx);
	return st;
}

enum status tx_commit(struct tx *tx, struct why *why)
{
	struct store *store = tx->store;
	bool writes = tx->writes;
	enum status st = tx_commit_unsynced(tx, why);
	return st == ST_OK && writes ? env_sync(store, why) : st;
}

void tx_end(struct tx *tx)
{
	if (tx->txn)
		mdb_txn_abort(tx->txn);
	tx->txn = NULL;
	buf_release(&tx->scratch);
	if (tx->st == ST_OK)
		tx->st = ST_CONFLICT; /* spent: whoever uses it again gets nothing */
}

enum status tx_get(struct tx *tx, enum tree tree, struct slice key, struct slice *value)
{
	*value = (struct slice)SLICE_INIT;
	if (tx->st != ST_OK)
		return tx->st;
	MDB_val k = val_of(key), v;
	int rc = mdb_get(tx->txn, tx->store->dbi[tree], &k, &v);
	if (rc == MDB_NOTFOUND)
		return ST_NOTFOUND;
	if (rc != 0)
		return tx_fail(tx, rc, "cannot read");
	*value = slice_of(v.mv_data, v.mv_size);
	return ST_OK;
}

bool tx_has(struct tx *tx, enum tree tree, struct slice key)
{
	struct slice value;
	return tx_get(tx, tree, key, &value) == ST_OK;
}

static void put(struct tx *tx, enum tree tree, struct slice key, struct slice value, unsigned flags)
{
	if (tx->st != ST_OK)
		return;
	if (tx->scratch.fail != ST_OK) {
		tx_fail_status(tx, tx->scratch.fail, "a record could not be encoded");
		return;
	}
	MDB_val k = val_of(key), v = val_of(value);
	int rc = mdb_put(tx->txn, tx->store->dbi[tree], &k, &v, flags);
	if (rc != 0)
		tx_fail(tx, rc, "cannot write");
}

void tx_put(struct tx *tx, enum tree tree, struct slice key, struct slice value)
{
	put(tx, tree, key, value, 0);
}

void tx_append(struct tx *tx, enum tree tree, struct slice key, struct slice value)
{
	put(tx, tree, key, value, MDB_APPEND);
}

static void del(struct tx *tx, enum tree tree, struct slice key, bool must_exist)
{
	if (tx->st != ST_OK)
		return;
	MDB_val k = val_of(key);
	int rc = mdb_del(tx->txn, tx->store->dbi[tree], &k, NULL);
	if (rc == MDB_NOTFOUND && must_exist)
		tx_fail_status(tx, ST_CORRUPT, "an index entry is missing; run clario-spool verify");
	else if (rc != 0 && rc != MDB_NOTFOUND)
		tx_fail(tx, rc, "cannot delete");
}

void tx_del(struct tx *tx, enum tree tree, struct slice key)
{
	del(tx, tree, key, true);
}

void tx_del_if_there(struct tx *tx, enum tree tree, struct slice key)
{
	del(tx, tree, key, false);
}
