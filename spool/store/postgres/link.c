/* spool/store/postgres/link.c: see link.h. */
#include "spool/store/postgres/link.h"

#include "spool/base/clock.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* What pg_type.h calls them. */
enum {
	OID_BYTEA = 17,
	OID_INT8 = 20,
	OID_UUID = 2950,
	OID_INT8S = 1016,
	OID_BYTEAS = 1001,
	OID_UUIDS = 2951
};
enum { PAUSE_MS = 20, PAUSE_MAX_MS = 640, BINARY = 1 };
/* A statement's own limits (tx.c) come first, unless nobody is there any more who would keep them, or a
 * commit waits for a standby that is gone. */
enum { ANSWER_MS = 15000 };

/* --- connections --- */

enum status links_init(struct links *links, const char *conninfo, struct why *why)
{
	*links = (struct links){.lock = PTHREAD_MUTEX_INITIALIZER, .conninfo = strdup(conninfo)};
	if (getrandom(&links->chance, sizeof links->chance, 0) != sizeof links->chance)
		links->chance = (unsigned)clock_mono_us();
	return links->conninfo ? ST_OK : why_set(why, ST_NOMEM, "out of memory");
}

void links_close(struct links *links)
{
	while (links->idle_n)
		PQfinish(links->idle[--links->idle_n]);
	if (links->conninfo)
		explicit_bzero(links->conninfo, strlen(links->conninfo)); /* there may be a password in it */
	free(links->conninfo);
	pthread_mutex_destroy(&links->lock);
}

/* One line: libpq's messages have several. */
static enum status fail(enum status st, const char *what, const char *message, struct why *why)
{
	char text[240];
	size_t n = 0;
	for (; *message && n < sizeof text - 1; message++)
		if (*message != '\n')
			text[n++] = *message;
		else if (message[1])
			text[n++] = ' ';
	text[n] = '\0';
	return why_set(why, st, "%s: %s", what, text);
}

/* What the connection string does not say. */
enum status link_connect(const char *conninfo, PGconn **out, struct why *why)
{
	static const char *const names[] = {"target_session_attrs", "connect_timeout", "tcp_user_timeout",
		"keepalives_idle", "keepalives_interval", "application_name", "client_encoding", "dbname",
		NULL};
	const char *const values[] = {
		"read-write", "3", "10000", "5", "5", "clario-workflow", "SQL_ASCII", conninfo, NULL};
	*out = PQconnectdbParams(names, values, 1);
	if (!*out)
		return why_set(why, ST_NOMEM, "out of memory");
	PQsetErrorVerbosity(*out, PQERRORS_TERSE); /* what it adds are callers' values */
	if (PQstatus(*out) == CONNECTION_OK)
		return ST_OK;
	enum status st = fail(ST_BUSY, "no primary answers", PQerrorMessage(*out), why);
	PQfinish(*out);
	*out = NULL;
	return st;
}

enum status links_take(struct links *links, PGconn **out, struct why *why)
{
	*out = NULL;
	pthread_mutex_lock(&links->lock);
	if (links->idle_n)
		*out = links->idle[--links->idle_n];
	pthread_mutex_unlock(&links->lock);
	return *out ? ST_OK : link_connect(links->conninfo, out, why);
}

/* After a fail-over all of them lead nowhere. */
static void drop_idle(struct links *links)
{
	PGconn *old[LINKS_MAX];
	pthread_mutex_lock(&links->lock);
	size_t n = links->idle_n;
	memcpy(old, links->idle, n * sizeof *old);
	links->idle_n = 0;
	pthread_mutex_unlock(&links->lock);
	while (n)
		PQfinish(old[--n]);
}

void links_give(struct links *links, PGconn *conn, bool is_good)
{
	is_good = is_good && PQstatus(conn) == CONNECTION_OK && PQtransactionStatus(conn) == PQTRANS_IDLE;
	if (!is_good)
		drop_idle(links);
	pthread_mutex_lock(&links->lock);
	if (is_good && links->idle_n < LINKS_MAX) {
		links->idle[links->idle_n++] = conn;
		conn = NULL;
	}
	pthread_mutex_unlock(&links->lock);
	if (conn)
		PQfinish(conn);
}

void links_pause(struct links *links, int attempt)
{
	int64_t ms = PAUSE_MS;
	for (int i = 0; i < attempt && ms < PAUSE_MAX_MS; i++)
		ms *= 2;
	pthread_mutex_lock(&links->lock);
	links->chance = links->chance * 1664525u + 1013904223u; /* Numerical Recipes: it only spreads them */
	unsigned chance = links->chance >> 16;
	pthread_mutex_unlock(&links->lock);
	clock_sleep_ms(ms / 2 + (int64_t)(chance % (unsigned)ms));
}

/* SQLSTATE, by class where that is enough (PostgreSQL's manual, appendix A). */
enum status link_fail(const PGconn *conn, const PGresult *result, struct why *why)
{
	static const struct {
		const char *prefix;
		enum status st;
	} known[] = {
		{"53100", ST_NOSPACE}, /* disk_full */
		{"53200", ST_NOMEM}, {"53", ST_BUSY}, {"40", ST_BUSY}, {"55", ST_BUSY}, {"57", ST_BUSY},
		{"08", ST_BUSY}, {"25006", ST_BUSY},            /* it is a standby now */
		{"42P01", ST_NOTFOUND}, {"3F000", ST_NOTFOUND}, /* no such table, no such schema */
		{"42501", ST_DENIED},
		{"23505", ST_INVALID}, /* unique_violation: what is imported stands there twice */
	};
	const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
	enum status st = PQstatus(conn) == CONNECTION_OK ? ST_IO : ST_BUSY;
	for (size_t i = 0; state && i < sizeof known / sizeof *known; i++)
		if (strncmp(state, known[i].prefix, strlen(known[i].prefix)) == 0) {
			st = known[i].st;
			break;
		}
	return fail(st, "the database refused",
		result && *PQresultErrorMessage(result) ? PQresultErrorMessage(result) : PQerrorMessage(conn),
		why);
}

/* --- parameters --- */

static void add_be(struct buf *buf, uint64_t value, int bytes)
{
	for (int i = bytes - 1; i >= 0; i--)
		buf_byte(buf, (unsigned char)(value >> (8 * i)));
}

static void begin(struct args *args, Oid type)
{
	args->types[args->n] = type;
	args->at[args->n] = args->buf.len;
}

static void end(struct args *args)
{
	args->lengths[args->n] = (int)(args->buf.len - args->at[args->n]);
	args->n++;
	buf_byte(&args->buf, 0); /* so that none is at the end, where there may be no memory */
}

void args_release(struct args *args)
{
	buf_release(&args->buf);
	args->n = 0;
}

void arg_int(struct args *args, int64_t value)
{
	begin(args, OID_INT8);
	add_be(&args->buf, (uint64_t)value, 8);
	end(args);
}

void arg_bytes(struct args *args, struct slice bytes)
{
	begin(args, OID_BYTEA);
	buf_add_slice(&args->buf, bytes);
	end(args);
}

void arg_id(struct args *args, struct job_id id)
{
	begin(args, OID_UUID);
	buf_add(&args->buf, id.b, sizeof id.b);
	end(args);
}

static void item(struct list *list, const void *p, size_t len)
{
	add_be(&list->buf, len, 4);
	buf_add(&list->buf, p, len);
	list->n++;
}

void list_int(struct list *list, int64_t value)
{
	add_be(&list->buf, 8, 4);
	add_be(&list->buf, (uint64_t)value, 8);
	list->n++;
}

void list_bytes(struct list *list, struct slice bytes)
{
	item(list, bytes.p, bytes.len);
}

void list_null(struct list *list)
{
	add_be(&list->buf, UINT32_MAX, 4);
	list->n++;
}

void list_id(struct list *list, struct job_id id)
{
	item(list, id.b, sizeof id.b);
}

void list_release(struct list *list)
{
	buf_release(&list->buf);
	list->n = 0;
}

/* array_recv(): dimensions, has nulls, type of the items; then each dimension's length and first index. */
void arg_list(struct args *args, const struct list *list)
{
	static const Oid arrays[] = {OID_INT8S, OID_BYTEAS, OID_UUIDS},
			 items[] = {OID_INT8, OID_BYTEA, OID_UUID};
	begin(args, arrays[list->of]);
	add_be(&args->buf, list->n ? 1 : 0, 4);
	add_be(&args->buf, 1, 4);
	add_be(&args->buf, items[list->of], 4);
	if (list->n) {
		add_be(&args->buf, (uint64_t)list->n, 4);
		add_be(&args->buf, 1, 4);
	}
	buf_add(&args->buf, list->buf.p, list->buf.len);
	if (list->buf.fail && !args->buf.fail)
		args->buf.fail = list->buf.fail;
	end(args);
}

/* --- statements --- */

/* Sent, and awaited for a bounded time: what a lost server does with the last statement nobody knows. */
static enum status await(PGconn *conn, PGresult **out, struct why *why)
{
	int64_t until_us = clock_mono_us() + ANSWER_MS * INT64_C(1000);
	*out = NULL;
	for (PGresult *r;;) {
		while (PQisBusy(conn)) {
			int64_t left_ms = (until_us - clock_mono_us()) / 1000;
			struct pollfd fd = {.fd = PQsocket(conn), .events = POLLIN};
			if (left_ms <= 0)
				return why_set(why, ST_BUSY, "the database does not answer");
			if (poll(&fd, 1, (int)left_ms) > 0 && !PQconsumeInput(conn))
				return link_fail(conn, NULL, why);
		}
		if (!(r = PQgetResult(conn)))
			return *out ? ST_OK : link_fail(conn, NULL, why);
		/* Of several statements the first failure counts, or the last result. */
		ExecStatusType is = PQresultStatus(*out);
		if (*out && is != PGRES_TUPLES_OK && is != PGRES_COMMAND_OK) {
			PQclear(r);
			continue;
		}
		PQclear(*out);
		*out = r;
	}
}

static enum status judge(PGconn *conn, PGresult **out, struct why *why)
{
	enum status st = await(conn, out, why);
	ExecStatusType is = PQresultStatus(*out);
	if (st == ST_OK && is != PGRES_TUPLES_OK && is != PGRES_COMMAND_OK)
		st = link_fail(conn, *out, why);
	if (st != ST_OK) {
		PQclear(*out);
		*out = NULL;
	}
	return st;
}

enum status link_run(PGconn *conn, const char *sql, const struct args *args, PGresult **out, struct why *why)
{
	const char *values[ARGS_MAX];
	int formats[ARGS_MAX], n = args ? args->n : 0;
	*out = NULL;
	if (args && buf_status(&args->buf) != ST_OK)
		return why_set(why, buf_status(&args->buf), "a statement has too much data");
	for (int i = 0; i < n; i++) {
		values[i] = args->buf.p + args->at[i];
		formats[i] = BINARY;
	}
	if (!PQsendQueryParams(
		    conn, sql, n, n ? args->types : NULL, values, n ? args->lengths : NULL, formats, BINARY))
		return link_fail(conn, NULL, why);
	return judge(conn, out, why);
}

enum status link_script(PGconn *conn, const char *sql, struct why *why)
{
	PGresult *r;
	if (!PQsendQuery(conn, sql))
		return link_fail(conn, NULL, why);
	enum status st = judge(conn, &r, why);
	PQclear(r);
	return st;
}

int64_t col_int(const PGresult *r, int row, int col)
{
	const unsigned char *p = (const unsigned char *)PQgetvalue(r, row, col);
	int len = PQgetlength(r, row, col);
	if (PQgetisnull(r, row, col) || len < 1)
		return 0;
	uint64_t value = p[0] & 0x80 && len > 1 ? UINT64_MAX : 0;
	for (int i = 0; i < len; i++)
		value = value << 8 | p[i];
	return (int64_t)value;
}

struct slice col_bytes(const PGresult *r, int row, int col)
{
	return slice_of(PQgetvalue(r, row, col), (size_t)PQgetlength(r, row, col));
}

struct job_id col_id(const PGresult *r, int row, int col)
{
	struct job_id id = {{0}};
	if (!PQgetisnull(r, row, col) && PQgetlength(r, row, col) == sizeof id.b)
		memcpy(id.b, PQgetvalue(r, row, col), sizeof id.b);
	return id;
}
