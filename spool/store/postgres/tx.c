/* spool/store/postgres/tx.c: see tx.h. */
#include "spool/store/postgres/tx.h"

#include "spool/base/log.h"
#include "spool/store/postgres/rows.h"
#include "spool/store/postgres/slots.h"
#include "spool/store/postgres/wake.h"

#include <stdio.h>
#include <stdlib.h>

/* A verb is tried again for so long when it lost against something, and waits as long for a connection. */
enum { TRY_MS = 2000, SCRATCH_MAX = 64 << 20, AUDIT_MAX = 100 };

enum status tx_fail(struct tx *tx, enum status st, const char *what)
{
	if (tx->st == ST_OK)
		tx->st = why_set(&tx->why, st, "%s", what);
	return tx->st;
}

void tx_want_all(struct tx *tx)
{
	tx->wants_all = true;
	tx_fail(tx, ST_BUSY, "it has to be done alone");
}

PGresult *tx_query(struct tx *tx, const char *sql, const struct args *args)
{
	PGresult *r;
	tx_flush(tx);
	if (tx->st == ST_OK)
		tx->st = link_run(tx->conn, sql, args, &r, &tx->why);
	return tx->st == ST_OK ? r : NULL;
}

void tx_exec(struct tx *tx, const char *sql, const struct args *args)
{
	PQclear(tx_query(tx, sql, args));
	tx->is_changed = true;
}

void tx_flush(struct tx *tx)
{
	if (tx->st == ST_OK)
		rows_flush(tx);
	if (tx->st == ST_OK)
		accounts_flush(tx);
	if (tx->st == ST_OK)
		events_flush(tx);
}

/* --- begin and commit --- */

/* An idle writer that is cut off would keep all others waiting. */
static const char begin_write[] =
	"BEGIN; SET LOCAL statement_timeout = '10s'; SET LOCAL lock_timeout = '8s';"
	" SET LOCAL idle_in_transaction_session_timeout = '5s'; SET LOCAL synchronous_commit = on";
static const char begin_read[] = "BEGIN READ ONLY; SET LOCAL statement_timeout = '30s';"
				 " SET LOCAL idle_in_transaction_session_timeout = '30s'";

static const char begin_snapshot[] =
	"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = '10min';"
	" SET LOCAL idle_in_transaction_session_timeout = 0";

enum mode { READ, SNAPSHOT, BESIDE, ALONE };

static void tx_init(struct tx *tx, struct store *store, struct moment now, enum mode mode)
{
	*tx = (struct tx){.store = store,
		.now = now,
		.slot = -1,
		.writes = mode == BESIDE || mode == ALONE,
		.is_alone = mode == ALONE,
		.event_seqs = LIST_INIT(LIST_INT),
		.event_ats = LIST_INIT(LIST_INT),
		.event_jobs = LIST_INIT(LIST_ID),
		.event_kinds = LIST_INIT(LIST_INT),
		.event_records = LIST_INIT(LIST_BYTES),
		.scratch = BUF_INIT(SCRATCH_MAX)};
}

static void tx_release(struct tx *tx)
{
	events_release(tx);
	rows_release(tx);
	accounts_release(tx);
	buf_release(&tx->scratch);
}

/* Whether a commit that nobody answered was made: somebody has the number of its first event then. Its writer
 * may still be at it, which is waited for. */
static enum status was_committed(struct tx *tx, bool *is, struct why *why)
{
	struct args args = ARGS_INIT;
	PGconn *conn;
	PGresult *r = NULL;
	enum status st = links_take(tx->store->links, TRY_MS, &conn, why);
	if (st != ST_OK)
		return st;
	arg_int(&args, (int64_t)tx->first_seq);
	st = link_script(conn, begin_write, why);
	if (st == ST_OK)
		st = link_run(conn,
			"INSERT INTO clario_event (seq, at_us, kind, record) VALUES ($1, 0, 0, '')"
			" ON CONFLICT (seq) DO NOTHING RETURNING seq",
			&args, &r, why);
	*is = st == ST_OK && PQntuples(r) == 0;
	PQclear(r);
	args_release(&args);
	if (st == ST_OK)
		st = link_script(conn, "ROLLBACK", why);
	links_give(tx->store->links, conn, st == ST_OK);
	return st;
}

enum ending { ENDED, TRY_AGAIN, UNKNOWN };

/* After the commit: within it one who tells keeps all others who tell waiting. It is only a hint. */
static void notify(struct tx *tx)
{
	char sql[48];
	struct why unused;
	snprintf(sql, sizeof sql, "NOTIFY clario, '%s'", wake_name(tx->store->wake));
	(void)(link_script(tx->conn, sql, &unused) == ST_OK);
}

/* For tests: what is counted is counted anew, and the process ends if it is off. */
static void audit(struct tx *tx)
{
	if (!tx->store->is_audited || head_present(&tx->head) > AUDIT_MAX || slots_agree(tx))
		return;
	log_err("event=audit_failed what=place");
	abort();
}

static enum ending commit(struct tx *tx)
{
	tx_flush(tx);
	bool changes = tx->writes && tx->is_changed;
	if (tx->st == ST_OK && changes)
		slots_write(tx);
	if (tx->st == ST_OK && changes)
		audit(tx);
	if (tx->st != ST_OK)
		return TRY_AGAIN;
	tx->st = link_script(tx->conn, changes ? "COMMIT" : "ROLLBACK", &tx->why);
	if (tx->st == ST_OK && changes && (tx->wakes || tx->rings))
		notify(tx);
	if (tx->st == ST_OK)
		return ENDED;
	return changes ? UNKNOWN : TRY_AGAIN;
}

static void begin(struct tx *tx, enum mode mode)
{
	if (tx->writes) {
		tx->last_id = tx->store->last_id;
		slots_take(tx, begin_write);
	} else {
		tx->st = link_script(tx->conn, mode == READ ? begin_read : begin_snapshot, &tx->why);
	}
	if (tx->st == ST_OK)
		slots_read(tx);
}

/* One attempt on one connection. */
static enum ending attempt(
	struct store *store, struct moment now, enum mode mode, tx_body body, void *arg, struct tx *tx)
{
	PGconn *conn;
	tx_init(tx, store, now, mode);
	tx->st = links_take(store->links, TRY_MS, &conn, &tx->why);
	if (tx->st != ST_OK)
		return TRY_AGAIN;
	tx->conn = conn;
	begin(tx, mode);
	if (tx->st == ST_OK)
		body(tx, arg);
	enum ending end = commit(tx);
	bool is_good = tx->st == ST_OK;
	if (!is_good && end == TRY_AGAIN) { /* it may be an ordinary refusal, and the connection whole */
		struct why unused;
		is_good = PQstatus(conn) == CONNECTION_OK && link_script(conn, "ROLLBACK", &unused) == ST_OK;
	}
	links_give(store->links, conn, is_good);
	return end;
}

/* What an attempt that did not end leaves to do. */
static bool goes_on(struct tx *tx, enum ending end, int64_t until_us)
{
	bool is = false;
	struct why why = WHY_INIT;
	if (tx->wants_all)
		return true;
	if (end == TRY_AGAIN) /* a primary that is known to be away is not waited for: callers are told */
		return (tx->st == ST_BUSY || tx->st == ST_CONFLICT) && clock_mono_us() < until_us &&
		       !links_are_away(tx->store->links);
	while (tx->first_seq) {
		if (was_committed(tx, &is, &why) == ST_OK) {
			tx->st = is ? ST_OK : ST_BUSY;
			return !is;
		}
		if (clock_mono_us() >= until_us)
			break;
		links_pause(tx->store->links, 0);
	}
	/* Without an event it cannot be found again; what such a one does may be done twice. */
	if (!tx->first_seq && clock_mono_us() < until_us)
		return true;
	tx->st = why_set(&tx->why, ST_IO, "nobody knows whether it was committed: %.200s", why.text);
	return false;
}

static enum status run(
	struct store *store, struct moment now, enum mode mode, tx_body body, void *arg, struct why *why)
{
	struct tx tx;
	int64_t until_us = clock_mono_us() + TRY_MS * INT64_C(1000);
	for (int n = 0;; n++) {
		enum ending end = attempt(store, now, mode, body, arg, &tx);
		bool again = end != ENDED && goes_on(&tx, end, until_us);
		if (!again)
			break;
		if (tx.wants_all)
			mode = ALONE;
		else
			links_pause(store->links, n);
		tx_release(&tx);
	}
	if (tx.st == ST_OK && tx.writes)
		store->last_id = tx.last_id;
	if (tx.st == ST_OK && (tx.wakes || tx.rings))
		wake_ring(store->wake);
	if (tx.st != ST_OK && why)
		*why = tx.why;
	tx_release(&tx);
	return tx.st;
}

static enum status run_in_turn(
	struct store *store, struct moment now, enum mode mode, tx_body body, void *arg, struct why *why)
{
	if (store->read_only)
		return why_set(why, ST_DENIED, "the spool was opened for reading only");
	pthread_mutex_lock(&store->turn);
	enum status st = run(store, now, mode, body, arg, why);
	pthread_mutex_unlock(&store->turn);
	return st;
}

enum status tx_write(struct store *store, struct moment now, tx_body body, void *arg, struct why *why)
{
	return run_in_turn(store, now, ALONE, body, arg, why);
}

enum status tx_write_beside(struct store *store, struct moment now, tx_body body, void *arg, struct why *why)
{
	return run_in_turn(store, now, BESIDE, body, arg, why);
}

enum status tx_read(struct store *store, tx_body body, void *arg, struct why *why)
{
	return run(store, (struct moment){0}, READ, body, arg, why);
}

enum status tx_snapshot(struct store *store, tx_body body, void *arg, struct why *why)
{
	return run(store, (struct moment){0}, SNAPSHOT, body, arg, why);
}
