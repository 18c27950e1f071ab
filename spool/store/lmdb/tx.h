/* spool/store/lmdb/tx.h: transactions and walks on the environment.
 *
 * A transaction is sticky: after a failure every further call on it does nothing, and tx_commit() gives the
 * verdict. A transaction whose commit failed is gone and is never touched again (lmdb.h, mdb_txn_commit). Not
 * shared by threads. */
#ifndef SPOOL_STORE_LMDB_TX_H
#define SPOOL_STORE_LMDB_TX_H
#include "spool/store/common/head.h"
#include "spool/store/lmdb/env.h"

struct tx {
	struct store *store;
	MDB_txn *txn;
	bool writes;
	enum status st; /* sticky */
	struct why why;
	struct moment now;
	struct head
		head; /* counters; loaded at begin of a writing transaction, stored at commit if changed */
	bool head_changed;
	bool wakes;         /* something became claimable */
	struct buf scratch; /* one record being encoded */
};

enum tx_mode { TX_READ, TX_WRITE };

/* A failure leaves *tx spent. now is kept for the rules and events of the transaction. */
enum status tx_begin(
	struct tx *tx, struct store *store, enum tx_mode mode, struct moment now, struct why *why);
/* Stores the head, commits, and makes sure that the file is still the one that was opened. The transaction is
 * spent. */
enum status tx_commit(struct tx *tx, struct why *why);
/* The same, but not lasting before env_sync(). */
enum status tx_commit_unsynced(struct tx *tx, struct why *why);
/* Aborts if still open, otherwise nothing. */
void tx_end(struct tx *tx);
/* Record a failure (the first one stays) and return it. */
enum status tx_fail(struct tx *tx, int mdb_rc, const char *what);
enum status tx_fail_status(struct tx *tx, enum status st, const char *what);

/* ST_OK, NOTFOUND, or the sticky failure. *value dies at the next write or the end of the transaction. */
enum status tx_get(struct tx *tx, enum tree tree, struct slice key, struct slice *value);
bool tx_has(struct tx *tx, enum tree tree, struct slice key);
void tx_put(struct tx *tx, enum tree tree, struct slice key, struct slice value);
/* The key is greater than all in the tree: pages are filled to the end. */
void tx_append(struct tx *tx, enum tree tree, struct slice key, struct slice value);
/* A missing key is damage: CORRUPT. */
void tx_del(struct tx *tx, enum tree tree, struct slice key);
void tx_del_if_there(struct tx *tx, enum tree tree, struct slice key);

/* Walks. A cursor must be closed before the transaction ends. */
struct walk {
	struct tx *tx;
	MDB_cursor *cursor;
	struct slice key, value;
};
bool walk_open(struct walk *w, struct tx *tx, enum tree tree);
/* Position at the first key >= from (walk_from) or the last key < before (walk_before); false: none, or
 * failed. */
bool walk_from(struct walk *w, struct slice from);
bool walk_before(struct walk *w, struct slice before);
bool walk_next(struct walk *w);
bool walk_prev(struct walk *w);
bool walk_last(struct walk *w);
void walk_close(struct walk *w);

#endif
