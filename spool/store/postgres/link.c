/* spool/store/postgres/link.c: see link.h. */
#include "spool/store/postgres/link.h"

#include "spool/base/clock.h"
#include "spool/store/postgres/links.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* What pg_type.h calls them. */
enum {
	OID_BYTEA = 17,
	OID_INT8 = 20,
	OID_UUID = 2950,
	OID_INT8S = 1016,
	OID_BYTEAS = 1001,
	OID_UUIDS = 2951
};
enum { BINARY = 1 };
/* A statement's own limits (tx.c) come first, unless nobody is there any more who would keep them, or a
 * commit waits for a standby that is gone. */
enum { ANSWER_MS = 15000 };
/* A server that is silent for so long is asked by another connection whether it lives. */
enum { SILENT_MS = 500, LOOK_MS = 20 };

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
		"read-write", "2", "10000", "5", "5", "clario-workflow", "SQL_ASCII", conninfo, NULL};
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
		{"42501", ST_DENIED}, {"23505", ST_CONFLICT},   /* unique_violation */
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

/* What is known of a server that does not answer. */
struct silence {
	int64_t until_us, ask_at_us;
	uint64_t asked;
	bool is_asked;
};

static enum status bear(struct silence *s, PGconn *conn, struct why *why)
{
	struct links *links = links_of(conn);
	int64_t now_us = clock_mono_us();
	if (now_us >= s->until_us)
		return why_set(why, ST_BUSY, "the database does not answer");
	if (!links || now_us < s->ask_at_us)
		return ST_OK;
	if (!s->is_asked) {
		s->asked = links_ask(links);
		s->is_asked = true;
		return ST_OK;
	}
	enum link_life life = links_answer(links, s->asked, why);
	if (life == LINK_LIVES) { /* it is only slow, so far as is known */
		s->is_asked = false;
		s->ask_at_us = now_us + SILENT_MS * INT64_C(1000);
	}
	return life == LINK_IS_AWAY ? ST_BUSY : ST_OK;
}

/* Until there is something to read. */
static enum status wait_for(PGconn *conn, struct silence *s, struct why *why)
{
	struct pollfd fd = {.fd = PQsocket(conn), .events = POLLIN};
	while (poll(&fd, 1, clock_mono_us() < s->ask_at_us && !s->is_asked ? SILENT_MS : LOOK_MS) <= 0) {
		enum status st = bear(s, conn, why);
		if (st != ST_OK)
			return st;
	}
	return PQconsumeInput(conn) ? ST_OK : link_fail(conn, NULL, why);
}

/* Sent, and awaited for a bounded time: what a lost server does with the last statement nobody knows. */
static enum status await(PGconn *conn, PGresult **out, struct why *why)
{
	int64_t now_us = clock_mono_us();
	struct silence s = {.until_us = now_us + ANSWER_MS * INT64_C(1000),
		.ask_at_us = now_us + SILENT_MS * INT64_C(1000)};
	*out = NULL;
	for (PGresult *r;;) {
		while (PQisBusy(conn)) {
			enum status st = wait_for(conn, &s, why);
			if (st != ST_OK)
				return st;
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

enum status link_value(PGconn *conn, const char *sql, int64_t *value, struct why *why)
{
	PGresult *r;
	*value = -1;
	if (!PQsendQuery(conn, sql))
		return link_fail(conn, NULL, why);
	enum status st = judge(conn, &r, why);
	if (st == ST_OK && PQntuples(r) > 0)
		*value = strtoll(PQgetvalue(r, 0, 0), NULL, 10); /* text, as sent so */
	PQclear(r);
	return st;
}

enum status link_script(PGconn *conn, const char *sql, struct why *why)
{
	int64_t unused;
	return link_value(conn, sql, &unused, why);
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
