/* spool/store/postgres/tx.h: transactions, and jobs in and out of them.
 *
 * Who writes locks the one row of clario_head first and keeps it until the commit: writers of all hosts take
 * turns. So events are numbered in the order in which they become visible, without gaps (whoever reads behind
 * a number misses none), the counters are exact, and no two transactions decide about the same workflow, key
 * or account at a time. What it costs is told in README.
 *
 * A transaction is sticky: after a failure every further call does nothing. Jobs that are loaded stay loaded;
 * what the rules made of them is written in few statements, before the next query or at the end. */
#ifndef SPOOL_STORE_POSTGRES_TX_H
#define SPOOL_STORE_POSTGRES_TX_H
#include "spool/model/await.h"
#include "spool/store/lmdb/crowd.h"
#include "spool/store/lmdb/head.h"
#include "spool/store/lmdb/record.h"
#include "spool/store/lmdb/turns.h"
#include "spool/store/postgres/link.h"
#include "spool/store/postgres/links.h"
#include "spool/store/store.h"

#include <pthread.h>
#include <stdatomic.h>

struct wake;
struct store {
	struct links *links;
	bool read_only, ordering, is_audited, needs_standby;
	int64_t max_depth, keep_reserved_us;
	struct dedupe_policy dedupe;
	uint64_t seed;
	char host[JOB_OWNER_MAX]; /* whose leases end with the boot */
	struct wake *wake;        /* NULL: read_only */
	pthread_mutex_t turn;     /* of this process's writers; guards what follows */
	struct crowd crowd;
	struct turns turns;
	uint64_t accepted_told;
	struct job_id next_reap;
	int64_t next_reap_boot_us;
	int64_t await_us[AWAIT_LAST + 1];
	struct await_at
		await_at[AWAIT_LAST + 1]; /* by the phase that is awaited; of the one thread that tells */
	struct job_id await_over;         /* whose record is looked at next */
};

/* A job in a transaction. */
struct row {
	struct job job; /* with its workflow_id always; the rest of what was asked if is_asked */
	struct job_hashes hashes;
	enum place place;   /* as it is counted */
	bool had_turn;      /* as it was loaded */
	int64_t lease_us;   /* the end of its lease on the database's clock */
	struct lease lease; /* as it was loaded */
	uint64_t natural_any, natural_key;
	bool is_asked, is_new, is_dirty, is_rewritten, is_gone, is_deleted;
};

struct account_row;
struct tx {
	struct store *store;
	PGconn *conn;
	struct moment now;
	int64_t db_now_us;
	enum status st; /* sticky */
	struct why why;
	struct head head;
	struct job_id last_id;
	bool writes, is_changed; /* there is something to commit */
	bool wakes, rings;       /* something became claimable; others are to be told */
	uint64_t first_seq;      /* of its events */
	int64_t stamp;           /* of them */
	struct row **rows;
	size_t rows_n, rows_cap;
	struct row **index; /* by id: open addressing */
	size_t index_cap;
	struct list event_seqs, event_ats, event_jobs, event_kinds, event_records;
	struct account_row *accounts;
	struct buf scratch;
};

/* What a verb does in its transaction; it may run again from the start, if the first time came to nothing. */
typedef void (*tx_body)(struct tx *tx, void *arg);
enum status tx_write(struct store *store, struct moment now, tx_body body, void *arg, struct why *why);
enum status tx_read(struct store *store, tx_body body, void *arg, struct why *why);

/* One state of everything, for as long as it takes. */
enum status tx_snapshot(struct store *store, tx_body body, void *arg, struct why *why);

enum status tx_fail(struct tx *tx, enum status st, const char *what);
/* The result is the caller's to PQclear(); NULL after a failure. What is pending is written before. */
PGresult *tx_query(struct tx *tx, const char *sql, const struct args *args);
void tx_exec(struct tx *tx, const char *sql, const struct args *args);
void tx_flush(struct tx *tx);

/* Columns of a query whose results are jobs; "j" is the table. */
#define ROW_STATE "j.id, j.phase, j.place, j.lease_us, j.state, j.workflow"
#define ROW_WHOLE ROW_STATE ", j.ask"
#define ROW_LIVE  "j.place NOT IN (4, 5, 7)" /* place_is_live() */

/* Result i as a row of the transaction; NULL: it cannot be read, and was set aside if that was asked for. */
struct row *row_of(struct tx *tx, const PGresult *r, int i, bool sets_aside);
struct row *row_find(struct tx *tx, struct job_id id);
/* Load these by id; those that are not there are not. */
void rows_load(struct tx *tx, const struct job_id *ids, size_t n, bool whole);
void row_insert(struct tx *tx, struct job *job); /* borrows its texts until the end */
void row_update(struct tx *tx, struct row *row);
void row_rewrite(struct tx *tx, struct row *row);
void row_delete(struct tx *tx, struct row *row);
/* Forget what is loaded; all of it must be written. */
void rows_drop(struct tx *tx);
void natural_keys(uint64_t seed, const struct job *job, uint64_t *any, uint64_t *key);
bool row_lease_is_over(const struct tx *tx, const struct row *row);
/* A job outside a transaction. */
enum status job_decode(const PGresult *r, int i, struct job *out, uint64_t seed, struct job_hashes *hashes);

void event_append(struct tx *tx, struct event *event, struct job *job);
/* As it is, its seq too. */
void event_put(struct tx *tx, const struct event *event);
enum status event_decode(const PGresult *r, int row, int seq_col, int record_col, struct event *out);

/* accounts.c */
bool account_has_room(struct tx *tx, const struct trigger *t, struct why *why);
void account_count(struct tx *tx, const struct job *job, int by);
void accounts_flush(struct tx *tx);
void accounts_release(struct tx *tx);
void accounts_recount(struct tx *tx);

/* meta.c */
enum status meta_get(struct tx *tx, struct slice key, struct buf *out);
void meta_put(struct tx *tx, struct slice key, struct slice value);
void meta_del(struct tx *tx, struct slice key);
void bookmark_put(struct tx *tx, const char *name, uint64_t value);

#endif
