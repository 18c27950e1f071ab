/* spool/store/postgres/locks.c: see locks.h. */
#include "spool/store/postgres/locks.h"

#include "spool/base/hash.h"

#include <stdlib.h>

/* The server has room for so many of each connection, and for some more. */
enum { LOCKS_MAX = 256 };

/* The form of two integers: the other one is events.c's. */
#define HALVES "(u.k >> 32)::integer, ((u.k & 4294967295) - 2147483648)::integer"

uint64_t lock_key(const struct tx *tx, enum lock_kind kind, struct slice name)
{
	return hash_text(tx->store->seed + (uint64_t)kind, name);
}

static int by_key(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static size_t sort(uint64_t *keys, size_t n)
{
	size_t kept = 0;
	if (n)
		qsort(keys, n, sizeof *keys, by_key);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || keys[kept - 1] != keys[i])
			keys[kept++] = keys[i];
	return kept;
}

static PGresult *ask(struct tx *tx, const char *sql, const uint64_t *keys, size_t n)
{
	struct list list = LIST_INIT(LIST_INT);
	struct args args = ARGS_INIT;
	for (size_t i = 0; i < n; i++)
		list_int(&list, (int64_t)keys[i]);
	arg_list(&args, &list);
	PGresult *r = tx_query(tx, sql, &args);
	args_release(&args);
	list_release(&list);
	return r;
}

void locks_take(struct tx *tx, uint64_t *keys, size_t n)
{
	if (tx->is_alone || n == 0)
		return;
	n = sort(keys, n);
	if (n > LOCKS_MAX)
		tx_want_all(tx);
	else
		PQclear(ask(tx, "SELECT pg_advisory_xact_lock(" HALVES ") FROM unnest($1) AS u(k)", keys, n));
}

void locks_try(struct tx *tx, const uint64_t *keys, size_t n, bool *got)
{
	for (size_t i = 0; i < n; i++)
		got[i] = tx->is_alone;
	if (tx->is_alone || n == 0)
		return;
	PGresult *r =
		ask(tx, "SELECT pg_try_advisory_xact_lock(" HALVES ") FROM unnest($1) AS u(k)", keys, n);
	for (int i = 0; r && i < PQntuples(r); i++)
		got[i] = col_int(r, i, 0);
	PQclear(r);
}
