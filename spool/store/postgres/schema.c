/* spool/store/postgres/schema.c: see schema.h. FORMAT.md tells of the tables; records are those of
 * the LMDB engine, so that both engines trust the same bytes. */
#include "spool/store/postgres/schema.h"

#include "spool/store/postgres/slots.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>

/* What the engine's SQL is made of, and where two engines that speak PostgreSQL's language and shard what
 * they store say that they have it: in the documents of CockroachDB (cockroachlabs.com/docs/stable, C) and
 * YugabyteDB (docs.yugabyte.com/stable, Y). Nothing of it was tried there.
 *
 * - uuid, bytea, bigint, smallint, boolean: "data types" in both
 * - keys of several columns, unique and partial indexes: C "partial indexes", Y "partial indexes"
 * - sequences, nextval(), setval(): "CREATE SEQUENCE" in both
 * - SELECT ... FOR UPDATE, SKIP LOCKED: C "SELECT FOR UPDATE", Y "explicit locking"
 * - INSERT ... ON CONFLICT, RETURNING: "INSERT" in both
 * - arrays as parameters, unnest() of several, = ANY, <> ALL, array_agg(): "arrays" in both
 * - WITH RECURSIVE, AS MATERIALIZED: C "common table expressions", Y "WITH clause"
 * - LATERAL, DISTINCT ON, FILTER, comparison of rows: C "join expressions", "SELECT"; Y "SELECT"
 * - READ COMMITTED, and REPEATABLE READ for an export: C "READ COMMITTED", Y "isolation levels"
 * - SET LOCAL of timeouts: C "SET LOCAL", Y "SET"
 *
 * What they lack or have otherwise, and would have to be written anew for them: LISTEN and NOTIFY, a mere
 * hint here (neither has them); locks by name (C: they do nothing; Y: "explicit locking"), and how those are
 * seen in pg_locks (events.c; C: there is none, Y: it tells of rows); the server's settings and the sizes of
 * tables (check_server(), read.c). */
/* Never changed once released: what is new comes as a further step. */
static const char *const steps[] = {
	/* 1 */
	"CREATE TABLE clario_head (slot smallint PRIMARY KEY, record bytea NOT NULL, seed bigint NOT NULL)"
	" WITH (fillfactor = 10);"
	"CREATE SEQUENCE clario_event_seq;"
	"CREATE TABLE clario_meta (key bytea PRIMARY KEY, value bytea NOT NULL);"
	"CREATE TABLE clario_aside (key bytea PRIMARY KEY, value bytea NOT NULL);"
	"CREATE TABLE clario_job (id uuid PRIMARY KEY, phase smallint NOT NULL, place smallint NOT NULL,"
	" priority smallint NOT NULL, crowd bigint NOT NULL, at_us bigint NOT NULL, accepted_us bigint NOT "
	"NULL,"
	" is_ordered boolean NOT NULL, has_turn boolean NOT NULL, lease_us bigint NOT NULL,"
	" is_solo boolean NOT NULL, natural_any bigint NOT NULL, natural_key bigint NOT NULL, workflow bytea "
	"NOT NULL, person bytea NOT NULL, charged bytea,"
	" idem_key bytea, state bytea NOT NULL, ask bytea NOT NULL);"
	"CREATE INDEX clario_job_queue ON clario_job (place, phase, priority, crowd, at_us, id);"
	"CREATE INDEX clario_job_workflow ON clario_job (workflow, id);"
	"CREATE INDEX clario_job_natural ON clario_job (natural_any, natural_key, id);"
	"CREATE INDEX clario_job_due ON clario_job (at_us, id) WHERE place = 2;"
	"CREATE INDEX clario_job_ended ON clario_job (place, at_us, id) WHERE place IN (4, 5, 7);"
	"CREATE INDEX clario_job_person ON clario_job (person, id);"
	"CREATE UNIQUE INDEX clario_job_idem ON clario_job (idem_key) WHERE idem_key IS NOT NULL;"
	"CREATE TABLE clario_event (seq bigint PRIMARY KEY, at_us bigint NOT NULL, job uuid,"
	" kind smallint NOT NULL, record bytea NOT NULL);"
	"CREATE INDEX clario_event_job ON clario_event (job, seq) WHERE job IS NOT NULL;"
	"CREATE TABLE clario_stalled (job uuid PRIMARY KEY, record bytea NOT NULL);",
};
enum { STEPS_N = sizeof steps / sizeof *steps };

/* 0: there are no tables. */
static enum status version_of(PGconn *conn, int64_t *version, struct why *why)
{
	PGresult *r;
	*version = 0;
	enum status st = link_run(conn, "SELECT to_regclass('clario_schema') IS NOT NULL", NULL, &r, why);
	if (st != ST_OK)
		return st;
	bool is_there = col_int(r, 0, 0);
	PQclear(r);
	if (!is_there)
		return ST_OK;
	st = link_run(conn, "SELECT max(version) FROM clario_schema", NULL, &r, why);
	if (st != ST_OK)
		return st;
	*version = col_int(r, 0, 0);
	PQclear(r);
	return ST_OK;
}

static enum status add_head(PGconn *conn, struct why *why)
{
	const struct head head = {0};
	struct buf record = BUF_INIT(1 << 16);
	struct args args = ARGS_INIT;
	PGresult *r = NULL;
	int64_t seed;
	if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
		return why_errno(why, errno, "there are no random numbers");
	head_encode(&head, &record);
	arg_bytes(&args, buf_slice(&record));
	arg_int(&args, seed);
	arg_int(&args, SLOTS);
	enum status st = link_run(conn,
		"INSERT INTO clario_head (slot, record, seed) SELECT n, $1, $2 FROM generate_series(0, $3) n",
		&args, &r, why);
	PQclear(r);
	args_release(&args);
	buf_release(&record);
	return st;
}

static enum status take_steps(PGconn *conn, int64_t from, struct why *why)
{
	enum status st = ST_OK;
	char note[80];
	for (int64_t i = from; i < STEPS_N && st == ST_OK; i++) {
		st = link_script(conn, steps[i], why);
		snprintf(note, sizeof note, "INSERT INTO clario_schema VALUES (%d)", (int)i + 1);
		if (st == ST_OK)
			st = link_script(conn, note, why);
	}
	return st == ST_OK && from == 0 ? add_head(conn, why) : st;
}

static enum status bring_up(PGconn *conn, struct why *why)
{
	int64_t version;
	enum status st = link_script(conn, "BEGIN", why);
	if (st == ST_OK)
		st = version_of(conn, &version, why);
	if (st != ST_OK)
		return st;
	if (version == STEPS_N)
		return why_set(why, ST_EXISTS, "there is a spool in that database already");
	if (version > STEPS_N)
		return why_set(why, ST_VERSION, "the database's spool is of a newer version of this program");
	if (version == 0)
		st = link_script(conn, "CREATE TABLE clario_schema (version integer PRIMARY KEY)", why);
	else
		st = link_script(conn, "LOCK TABLE clario_schema", why);
	if (st == ST_OK)
		st = take_steps(conn, version, why);
	return st == ST_OK ? link_script(conn, "COMMIT", why) : st;
}

enum status schema_init(const struct spool_conf *conf, struct why *why)
{
	PGconn *conn;
	if (!conf->database || !conf->database[0])
		return why_set(why, ST_INVALID, "spool.database does not say which database");
	if (mkdir(conf->path, 0770) != 0 && errno != EEXIST)
		return why_errno(why, errno, "cannot make %s", conf->path);
	enum status st = link_connect(conf->database, &conn, why);
	if (st != ST_OK)
		return st;
	st = bring_up(conn, why);
	PQfinish(conn);
	return st;
}

/* An acknowledgement must mean that it is on the disk. */
static enum status check_server(PGconn *conn, struct why *why)
{
	PGresult *r;
	enum status st = link_run(conn,
		"SELECT current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on'", NULL,
		&r, why);
	if (st != ST_OK)
		return st;
	bool is_safe = col_int(r, 0, 0);
	PQclear(r);
	return is_safe ? ST_OK
		       : why_set(why, ST_VERSION,
				 "the server runs with fsync or full_page_writes off, and may lose what it "
				 "has committed");
}

enum status schema_check(PGconn *conn, struct why *why)
{
	int64_t version;
	enum status st = version_of(conn, &version, why);
	if (st == ST_OK && version == 0)
		return why_set(
			why, ST_NOTFOUND, "there is no spool in that database; create it: clario-spool init");
	if (st == ST_OK && version < STEPS_N)
		return why_set(why, ST_VERSION,
			"the database's spool is of version %d; bring it to %d: clario-spool init",
			(int)version, STEPS_N);
	if (st == ST_OK && version > STEPS_N)
		return why_set(why, ST_VERSION,
			"the database's spool is of version %d, newer than this program's %d", (int)version,
			STEPS_N);
	return st == ST_OK ? check_server(conn, why) : st;
}
