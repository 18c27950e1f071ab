/* spool/store/postgres/tx.h: transactions, and jobs in and out of them.
 *
 * Submits and exchanges write beside each other, from any number of processes: each counts in a slot of its
 * own (slots.h), draws its events' numbers so that readers miss none (events.c), locks by name what it
 * decides about (locks.h), and passes over rows that others have. What is rare writes alone: it has all
 * slots, so that nobody else writes meanwhile.
 *
 * A transaction is sticky: after a failure every further call does nothing. Jobs that are loaded stay loaded;
 * what the rules made of them is written in few statements, before the next query or at the end. */
#ifndef SPOOL_STORE_POSTGRES_TX_H
#define SPOOL_STORE_POSTGRES_TX_H
#include "spool/model/await.h"
#include "spool/store/common/crowd.h"
#include "spool/store/common/head.h"
#include "spool/store/common/record.h"
#include "spool/store/common/turns.h"
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
	int slot;                 /* the one that it likes best */
	struct wake *wake;        /* NULL: read_only */
	pthread_mutex_t turn;     /* of this process's writers; guards what follows */
	struct job_id last_id;
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
	int slot;
	struct head head, before; /* the sums, and as they were read */
	struct head own;          /* the slot's share */
	struct job_id last_id;
	bool writes, is_changed; /* there is something to commit */
	bool is_alone, wants_all;
	bool wakes, rings;  /* something became claimable; others are to be told */
	uint64_t first_seq; /* of its events; 0: it has none */
	struct row **rows;
	size_t rows_n, rows_cap;
	struct row **index; /* by id: open addressing */
	size_t index_cap;
	PGresult *numbers; /* drawn for events */
	int numbers_at;
	size_t expected;
	bool is_held;
	struct list event_seqs, event_ats, event_jobs, event_kinds, event_records;
	struct account_row *accounts;
	struct buf scratch;
};

/* What a verb does in its transaction; it may run again from the start, if the first time came to nothing. */
typedef void (*tx_body)(struct tx *tx, void *arg);
enum status tx_write(struct store *store, struct moment now, tx_body body, void *arg, struct why *why);
/* Beside others: what it decides about it locks before it looks. */
enum status tx_write_beside(struct store *store, struct moment now, tx_body body, void *arg, struct why *why);
enum status tx_read(struct store *store, tx_body body, void *arg, struct why *why);

/* One state of everything, for as long as it takes. */
enum status tx_snapshot(struct store *store, tx_body body, void *arg, struct why *why);

enum status tx_fail(struct tx *tx, enum status st, const char *what);
/* It cannot be done beside others: the body ends, and runs again alone. */
void tx_want_all(struct tx *tx);
/* The result is the caller's to PQclear(); NULL after a failure. What is pending is written before. */
PGresult *tx_query(struct tx *tx, const char *sql, const struct args *args);
void tx_exec(struct tx *tx, const char *sql, const struct args *args);
void tx_flush(struct tx *tx);

/* Columns of a query whose results are jobs; "j" is the table. */
#define ROW_STATE "j.id, j.phase, j.place, j.lease_us, j.state, j.workflow, j.charged"
#define ROW_WHOLE ROW_STATE ", j.ask"
#define ROW_LIVE  "j.place NOT IN (4, 5, 7)" /* place_is_live() */

/* Result i as a row of the transaction; NULL: it cannot be read, and was set aside if that was asked for. */
struct row *row_of(struct tx *tx, const PGresult *r, int i, bool sets_aside);
struct row *row_find(struct tx *tx, struct job_id id);
/* Load these by id; those that are not there are not. Nobody else changes them until the end. */
void rows_load(struct tx *tx, const struct job_id *ids, size_t n, bool whole);
/* Those at this place that nobody else is about to change: the others are passed over. */
void rows_load_free(struct tx *tx, const struct job_id *ids, size_t n, bool whole, enum place place);
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

/* events.c. tx_expect(): so many events are to come, about; their numbers are drawn together. */
void tx_expect(struct tx *tx, size_t events);
void event_append(struct tx *tx, struct event *event, struct job *job);
/* As it is, its seq too. */
void event_put(struct tx *tx, const struct event *event);
/* A job is loaded: what others did with it, and what that allows, has greater numbers than those that were
 * drawn before and are left. */
void events_outdated(struct tx *tx);
void events_hold(struct tx *tx); /* before events that have their numbers already are written */
void events_flush(struct tx *tx);
void events_release(struct tx *tx);
/* The newest number, in a statement; and the newest that no other can come before: $1 is events_prefix(). */
#define EVENTS_NEWEST "(s.last_value - (NOT s.is_called)::integer)"
#define EVENTS_GIVEN  "(SELECT " EVENTS_NEWEST " FROM clario_event_seq s)"
#define EVENTS_VISIBLE                                                                                       \
	"(SELECT least(n.newest, (SELECT min((l.classid::bigint << 32 | l.objid::bigint) & 281474976710655)" \
	" FROM pg_locks l WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.database ="                 \
	" (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())"                            \
	" AND l.classid::bigint >> 16 = $1 AND n.newest IS NOT NULL))"                                       \
	" FROM (SELECT " EVENTS_NEWEST " AS newest FROM clario_event_seq s OFFSET 0) n)"
int64_t events_prefix(uint64_t seed);
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
