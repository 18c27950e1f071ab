/* spool/store/postgres/tx.c: see tx.h. */
#include "spool/store/postgres/tx.h"

#include "spool/base/log.h"
#include "spool/store/postgres/rows.h"
#include "spool/store/postgres/wake.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

/* A verb is tried again for so long when it lost against something, and waits as long for a connection. */
enum { TRY_MS = 2000, SCRATCH_MAX = 64 << 20, AUDIT_MAX = 100 };

enum status tx_fail(struct tx *tx, enum status st, const char *what)
{
	if (tx->st == ST_OK)
		tx->st = why_set(&tx->why, st, "%s", what);
	return tx->st;
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

/* --- events --- */

void event_put(struct tx *tx, const struct event *event)
{
	record_encode_event(event, &tx->scratch);
	list_int(&tx->event_seqs, (int64_t)event->seq);
	list_int(&tx->event_ats, event->at_us);
	list_int(&tx->event_kinds, event->kind);
	if (id_is_zero(event->job))
		list_null(&tx->event_jobs);
	else
		list_id(&tx->event_jobs, event->job);
	list_bytes(&tx->event_records, buf_slice(&tx->scratch));
}

void event_append(struct tx *tx, struct event *event, struct job *job)
{
	static const struct slice nothing = SLICE_INIT;
	event->seq = tx->head.next_seq++;
	tx->is_changed = true;
	event->prev = job ? job->last_event : 0;
	/* The first event's actor is the job's source. */
	struct event stored = *event;
	if (event->kind == EVENT_ACCEPTED)
		stored.actor = nothing;
	event_put(tx, &stored);
	if (job)
		job->last_event = event->seq;
}

static void events_clear(struct tx *tx)
{
	list_release(&tx->event_seqs);
	list_release(&tx->event_ats);
	list_release(&tx->event_jobs);
	list_release(&tx->event_kinds);
	list_release(&tx->event_records);
}

static void events_flush(struct tx *tx)
{
	struct args args = ARGS_INIT;
	PGresult *r = NULL;
	if (!tx->event_seqs.n)
		return;
	arg_list(&args, &tx->event_seqs);
	arg_list(&args, &tx->event_ats);
	arg_list(&args, &tx->event_jobs);
	arg_list(&args, &tx->event_kinds);
	arg_list(&args, &tx->event_records);
	arg_int(&args, tx->stamp);
	events_clear(tx);
	tx->st = link_run(tx->conn,
		"INSERT INTO clario_event (seq, at_us, job, kind, record, stamp) SELECT u.*, $6"
		" FROM unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::bigint[], $5::bytea[]) AS u",
		&args, &r, &tx->why);
	PQclear(r);
	args_release(&args);
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

static void read_head(struct tx *tx)
{
	const char *sql =
		tx->writes
			? "SELECT record, last_id, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,"
			  " current_setting('synchronous_standby_names') <> ''"
			  " FROM clario_head FOR UPDATE"
			: "SELECT record, last_id FROM clario_head";
	PGresult *r;
	tx->st = link_run(tx->conn, sql, NULL, &r, &tx->why);
	if (tx->st != ST_OK)
		return;
	if (PQntuples(r) != 1 || head_decode(col_bytes(r, 0, 0), &tx->head) != ST_OK)
		tx_fail(tx, ST_CORRUPT, "the counters cannot be read; run clario-spool verify");
	if (tx->st == ST_OK && tx->writes) {
		tx->last_id = col_id(r, 0, 1);
		tx->db_now_us = col_int(r, 0, 2);
		if (tx->store->needs_standby && !col_int(r, 0, 3))
			tx_fail(tx, ST_BUSY,
				"the primary has no synchronous standby, and spool.require-sync-standby is "
				"on");
	}
	PQclear(r);
	tx->first_seq = tx->head.next_seq;
}

static void write_head(struct tx *tx)
{
	struct args args = ARGS_INIT;
	PGresult *r = NULL;
	head_encode(&tx->head, &tx->scratch);
	arg_bytes(&args, buf_slice(&tx->scratch));
	arg_id(&args, tx->last_id);
	if (tx->st == ST_OK)
		tx->st = link_run(
			tx->conn, "UPDATE clario_head SET record = $1, last_id = $2", &args, &r, &tx->why);
	PQclear(r);
	args_release(&args);
}

static void tx_init(struct tx *tx, struct store *store, struct moment now, bool writes, PGconn *conn)
{
	*tx = (struct tx){.store = store,
		.conn = conn,
		.now = now,
		.writes = writes,
		.event_seqs = LIST_INIT(LIST_INT),
		.event_ats = LIST_INIT(LIST_INT),
		.event_jobs = LIST_INIT(LIST_ID),
		.event_kinds = LIST_INIT(LIST_INT),
		.event_records = LIST_INIT(LIST_BYTES),
		.scratch = BUF_INIT(SCRATCH_MAX)};
	if (getrandom(&tx->stamp, sizeof tx->stamp, 0) != sizeof tx->stamp)
		tx_fail(tx, ST_IO, "there are no random numbers");
}

static void tx_release(struct tx *tx)
{
	events_clear(tx);
	rows_release(tx);
	accounts_release(tx);
	buf_release(&tx->scratch);
}

/* Whether a commit that nobody answered was made. Its writer may still be at it: then it has the turn, which
 * is waited for. Only for one with events. */
static enum status was_committed(struct tx *tx, bool *is, struct why *why)
{
	struct args args = ARGS_INIT;
	PGconn *conn;
	PGresult *r = NULL;
	enum status st = links_take(tx->store->links, TRY_MS, &conn, why);
	if (st != ST_OK)
		return st;
	arg_int(&args, (int64_t)tx->first_seq);
	arg_int(&args, tx->stamp);
	st = link_script(conn, begin_write, why);
	if (st == ST_OK)
		st = link_script(conn, "SELECT 1 FROM clario_head FOR UPDATE", why);
	if (st == ST_OK)
		st = link_run(conn, "SELECT count(*) FROM clario_event WHERE seq = $1 AND stamp = $2", &args,
			&r, why);
	*is = st == ST_OK && col_int(r, 0, 0) > 0;
	PQclear(r);
	args_release(&args);
	if (st == ST_OK)
		st = link_script(conn, "ROLLBACK", why);
	links_give(tx->store->links, conn, st == ST_OK);
	return st;
}

enum ending { ENDED, TRY_AGAIN, UNKNOWN };

static void notify(struct tx *tx)
{
	char sql[48];
	snprintf(sql, sizeof sql, "NOTIFY clario, '%s'", wake_name(tx->store->wake));
	tx->st = link_script(tx->conn, sql, &tx->why);
}

/* For tests: what is counted is counted anew, and the process ends if it is off. */
static void audit(struct tx *tx)
{
	struct head counted = {0};
	if (!tx->store->is_audited || head_present(&tx->head) > AUDIT_MAX)
		return;
	PGresult *r = tx_query(tx, "SELECT phase, place, count(*) FROM clario_job GROUP BY 1, 2", NULL);
	for (int i = 0; r && i < PQntuples(r); i++)
		counted.jobs[phase_slot((int)col_int(r, i, 0))][col_int(r, i, 1)] =
			(uint64_t)col_int(r, i, 2);
	PQclear(r);
	if (tx->st == ST_OK && memcmp(counted.jobs, tx->head.jobs, sizeof counted.jobs) != 0) {
		log_err("event=audit_failed what=place");
		abort();
	}
}

static enum ending commit(struct tx *tx)
{
	bool wakes = tx->wakes || tx->rings;
	tx_flush(tx);
	if (tx->writes && tx->is_changed)
		audit(tx);
	if (tx->st == ST_OK && tx->writes && tx->is_changed)
		write_head(tx);
	if (tx->st == ST_OK && wakes && tx->is_changed)
		notify(tx);
	if (tx->st != ST_OK)
		return TRY_AGAIN;
	tx->st = link_script(tx->conn, tx->writes && tx->is_changed ? "COMMIT" : "ROLLBACK", &tx->why);
	if (tx->st == ST_OK)
		return ENDED;
	return tx->writes && tx->is_changed ? UNKNOWN : TRY_AGAIN;
}

/* One attempt on one connection. */
static enum ending attempt(
	struct store *store, struct moment now, const char *begin, tx_body body, void *arg, struct tx *tx)
{
	PGconn *conn;
	bool writes = begin == begin_write;
	tx_init(tx, store, now, writes, NULL);
	if (tx->st == ST_OK)
		tx->st = links_take(store->links, TRY_MS, &conn, &tx->why);
	if (tx->st != ST_OK)
		return TRY_AGAIN;
	tx->conn = conn;
	tx->st = link_script(conn, begin, &tx->why);
	if (tx->st == ST_OK)
		read_head(tx);
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
	if (end == TRY_AGAIN) /* a primary that is known to be away is not waited for: callers are told */
		return tx->st == ST_BUSY && clock_mono_us() < until_us && !links_are_away(tx->store->links);
	while (tx->first_seq != tx->head.next_seq) {
		if (was_committed(tx, &is, &why) == ST_OK) {
			tx->st = is ? ST_OK : ST_BUSY;
			return !is;
		}
		if (clock_mono_us() >= until_us)
			break;
		links_pause(tx->store->links, 0);
	}
	/* Without an event it cannot be found again; what such a one does may be done twice. */
	if (tx->first_seq == tx->head.next_seq && clock_mono_us() < until_us)
		return true;
	tx->st = why_set(&tx->why, ST_IO, "nobody knows whether it was committed: %.200s", why.text);
	return false;
}

static enum status run(
	struct store *store, struct moment now, const char *begin, tx_body body, void *arg, struct why *why)
{
	struct tx tx;
	int64_t until_us = clock_mono_us() + TRY_MS * INT64_C(1000);
	for (int n = 0;; n++) {
		enum ending end = attempt(store, now, begin, body, arg, &tx);
		bool again = end != ENDED && goes_on(&tx, end, until_us);
		if (!again)
			break;
		tx_release(&tx);
		links_pause(store->links, n);
	}
	if (tx.st == ST_OK && (tx.wakes || tx.rings))
		wake_ring(store->wake);
	if (tx.st != ST_OK && why)
		*why = tx.why;
	tx_release(&tx);
	return tx.st;
}

enum status tx_write(struct store *store, struct moment now, tx_body body, void *arg, struct why *why)
{
	if (store->read_only)
		return why_set(why, ST_DENIED, "the spool was opened for reading only");
	pthread_mutex_lock(&store->turn);
	enum status st = run(store, now, begin_write, body, arg, why);
	pthread_mutex_unlock(&store->turn);
	return st;
}

enum status tx_read(struct store *store, tx_body body, void *arg, struct why *why)
{
	return run(store, (struct moment){0}, begin_read, body, arg, why);
}

enum status tx_snapshot(struct store *store, tx_body body, void *arg, struct why *why)
{
	return run(store, (struct moment){0}, begin_snapshot, body, arg, why);
}
