/* spool/store/postgres/link.h: a connection to the database, and statements with their parameters.
 *
 * No connection has a state that outlives a transaction, and no statement is prepared under a name, so that
 * a pooler in transaction mode may stand between. All parameters and results are binary. */
#ifndef SPOOL_STORE_POSTGRES_LINK_H
#define SPOOL_STORE_POSTGRES_LINK_H
#include "spool/base/id.h"

#include <libpq-fe.h>

/* The one that takes writes, of those that it names. BUSY: none answers. */
NODISCARD enum status link_connect(const char *conninfo, PGconn **out, struct why *why);

/* What a failed statement means. */
enum status link_fail(const PGconn *conn, const PGresult *result, struct why *why);

/* Parameters of one statement; freed by args_release(). Sticky as a buf is. */
enum { ARGS_MAX = 24, ARGS_BYTES = 1 << 29 };
struct args {
	int n;
	Oid types[ARGS_MAX];
	size_t at[ARGS_MAX];
	int lengths[ARGS_MAX];
	struct buf buf;
};
#define ARGS_INIT                                                                                            \
	{                                                                                                    \
		.buf = BUF_INIT(ARGS_BYTES)                                                                  \
	}
void args_release(struct args *args);
void arg_int(struct args *args, int64_t value);
void arg_bytes(struct args *args, struct slice bytes);
void arg_id(struct args *args, struct job_id id);

/* An array is put together in a list and added as one parameter. */
enum list_of { LIST_INT, LIST_BYTES, LIST_ID };
struct list {
	enum list_of of;
	int n;
	struct buf buf; /* items, each with its length */
};
#define LIST_INIT(of_)                                                                                       \
	{                                                                                                    \
		.of = (of_), .buf = BUF_INIT(ARGS_BYTES)                                                     \
	}
void list_int(struct list *list, int64_t value);
void list_bytes(struct list *list, struct slice bytes);
void list_null(struct list *list);
void list_id(struct list *list, struct job_id id);
void list_release(struct list *list);
void arg_list(struct args *args, const struct list *list);

/* NULL-terminated SQL with binary results; *out is the caller's to PQclear(), NULL unless ST_OK. args may be
 * NULL. */
NODISCARD enum status link_run(
	PGconn *conn, const char *sql, const struct args *args, PGresult **out, struct why *why);

/* Statements without parameters, several too; what they give is thrown away. */
NODISCARD enum status link_script(PGconn *conn, const char *sql, struct why *why);
/* The last one gives a number that is not negative, or none: -1. */
NODISCARD enum status link_value(PGconn *conn, const char *sql, int64_t *value, struct why *why);

int64_t col_int(const PGresult *r, int row, int col); /* int2, int4, int8, bool; 0: null */
struct slice col_bytes(const PGresult *r, int row, int col);
struct job_id col_id(const PGresult *r, int row, int col);

#endif
