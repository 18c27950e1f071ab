/* spool/store/lmdb/bookmark.c: see bookmark.h. */
#include "spool/store/lmdb/bookmark.h"

#include "spool/store/common/record.h"
#include "spool/store/lmdb/verbs.h"

#include <stdio.h>

static struct slice bookmark_key(const char *name, char out[48])
{
	int len = snprintf(out, 48, "bookmark.%.32s", name);
	return slice_of(out, (size_t)len);
}

void bookmark_put(struct tx *tx, const char *name, uint64_t value)
{
	char key[48];
	record_encode_number(value, &tx->scratch);
	tx_put(tx, TREE_META, bookmark_key(name, key), buf_slice(&tx->scratch));
}

enum status lmdb_bookmark_get(struct store *store, const char *name, uint64_t *value, struct why *why)
{
	struct tx tx;
	struct slice record;
	char key[48];
	*value = 0;
	enum status st = tx_begin(&tx, store, TX_READ, (struct moment){0}, why);
	if (st != ST_OK)
		return st;
	st = tx_get(&tx, TREE_META, bookmark_key(name, key), &record);
	if (st == ST_OK)
		st = record_decode_number(record, value);
	if (tx.st != ST_OK) {
		st = tx.st;
		if (why)
			*why = tx.why;
	}
	tx_end(&tx);
	return st == ST_NOTFOUND ? ST_OK : st;
}

enum status lmdb_bookmark_set(struct store *store, const char *name, uint64_t value, struct why *why)
{
	struct tx tx;
	enum status st = tx_begin(&tx, store, TX_WRITE, (struct moment){0}, why);
	if (st != ST_OK)
		return st;
	bookmark_put(&tx, name, value);
	return tx_commit(&tx, why);
}
