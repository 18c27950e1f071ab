/* spool/store/lmdb/walk.c: cursors over one tree. */
#include "spool/store/lmdb/tx.h"

bool walk_open(struct walk *w, struct tx *tx, enum tree tree)
{
	*w = (struct walk){.tx = tx};
	if (tx->st != ST_OK)
		return false;
	int rc = mdb_cursor_open(tx->txn, tx->store->dbi[tree], &w->cursor);
	if (rc != 0)
		tx_fail(tx, rc, "cannot open a cursor");
	return rc == 0;
}

static bool step(struct walk *w, MDB_val *key, MDB_cursor_op op)
{
	MDB_val value;
	if (!w->cursor || w->tx->st != ST_OK)
		return false;
	int rc = mdb_cursor_get(w->cursor, key, &value, op);
	if (rc != 0 && rc != MDB_NOTFOUND)
		tx_fail(w->tx, rc, "cannot walk");
	if (rc != 0)
		return false;
	w->key = slice_of(key->mv_data, key->mv_size);
	w->value = slice_of(value.mv_data, value.mv_size);
	return true;
}

bool walk_from(struct walk *w, struct slice from)
{
	MDB_val key = {from.len, (void *)(uintptr_t)from.p};
	if (from.len == 0)
		return step(w, &key, MDB_FIRST);
	return step(w, &key, MDB_SET_RANGE);
}

bool walk_before(struct walk *w, struct slice before)
{
	if (before.len && walk_from(w, before))
		return walk_prev(w);
	return walk_last(w);
}

bool walk_next(struct walk *w)
{
	MDB_val key;
	return step(w, &key, MDB_NEXT);
}

bool walk_prev(struct walk *w)
{
	MDB_val key;
	return step(w, &key, MDB_PREV);
}

bool walk_last(struct walk *w)
{
	MDB_val key;
	return step(w, &key, MDB_LAST);
}

void walk_close(struct walk *w)
{
	if (w->cursor)
		mdb_cursor_close(w->cursor);
	w->cursor = NULL;
}
