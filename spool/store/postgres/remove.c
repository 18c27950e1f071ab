/* spool/store/postgres/remove.c: jobs leave the spool, by retention or by an operator's clean, and so do
 * events of no job; a bounded number at a time. */
#include "spool/store/postgres/verbs.h"

#include <stdio.h>

enum { AT_ONCE = 256, EVENTS_MAX = 512 };

struct removal {
	enum job_state state;
	int64_t before_us;
	size_t max, removed, aside;
	struct slice actor;
};

/* Those with a reserved key that is remembered stay; their key has a blank in it. What has ended is found by
 * an index of its own, so its places stand in the text. */
static PGresult *find_old(struct tx *tx, const struct removal *x, size_t max)
{
	bool has_ended = job_state_is_ended(x->state);
	const char *at = has_ended ? "at_us" : "accepted_us";
	/* A waiting one may stand in PLACE_BEHIND, too. */
	const struct job any = {.state = x->state, .has_turn = true};
	struct args args = ARGS_INIT;
	char sql[512];
	snprintf(sql, sizeof sql,
		"SELECT " ROW_WHOLE " FROM clario_job j WHERE (j.place = %d%s) AND j.%s < $1"
		" AND NOT (position(' '::bytea IN coalesce(j.idem_key, '')) > 0 AND j.accepted_us > $3)"
		" ORDER BY j.%s, j.id LIMIT $2 FOR UPDATE SKIP LOCKED",
		(int)rules_place(&any), x->state == JOB_WAITING ? " OR j.place = 1" : "", at, at);
	arg_int(&args, x->before_us);
	arg_int(&args, (int64_t)max);
	arg_int(&args, tx->now.wall_us - tx->store->keep_reserved_us);
	PGresult *r = tx_query(tx, sql, &args);
	args_release(&args);
	return r;
}

/* How many were found. */
static int remove_some(struct tx *tx, struct removal *x)
{
	struct list left = LIST_INIT(LIST_BYTES);
	size_t max = x->max - x->removed - x->aside;
	PGresult *r = find_old(tx, x, max < AT_ONCE ? max : AT_ONCE);
	int n = r ? PQntuples(r) : 0;
	for (int i = 0; i < n && tx->st == ST_OK; i++) {
		struct row *row = row_of(tx, r, i, true);
		if (!row) {
			x->aside++;
			continue;
		}
		if (!job_state_is_ended(x->state)) /* else it has left when it ended */
			line_leave(row, &left);
		row_delete(tx, row);
		x->removed++;
	}
	PQclear(r);
	lines_hand_on(tx, &left);
	list_release(&left);
	return n;
}

static void append_removed(struct tx *tx, const struct removal *x)
{
	char data[RULES_REMOVED_MAX];
	struct event event = rules_removed(x->state, x->removed, x->actor, tx->now, data);
	event_append(tx, &event, NULL);
}

static void remove_jobs(struct tx *tx, void *arg)
{
	struct removal *x = arg;
	x->removed = x->aside = 0;
	while (x->removed + x->aside < x->max && tx->st == ST_OK && remove_some(tx, x) > 0)
		;
	if (x->removed)
		append_removed(tx, x);
}

enum status pg_remove(struct store *store, struct moment now, enum job_state state, int64_t before_us,
	size_t max, struct slice actor, size_t *removed, struct why *why)
{
	struct removal x = {.state = state, .before_us = before_us, .max = max, .actor = actor};
	*removed = 0;
	if ((unsigned)state >= JOB_STATE_N || state == JOB_ACTIVE)
		return why_set(why, ST_INVALID, "jobs that are %s are not removed", job_state_name(state));
	enum status st = job_state_is_ended(state) ? tx_write_beside(store, now, remove_jobs, &x, why)
						   : tx_write(store, now, remove_jobs, &x, why);
	*removed = st == ST_OK ? x.removed : 0;
	return st;
}

/* --- events of no job --- */

struct sweep {
	int64_t before_us;
	uint64_t from, seen;
	bool has_more;
	struct list seqs;
};

/* In seq order up to the first that is young; one that cannot be read stays, `verify` names it. */
static void find_orphans(struct tx *tx, void *arg)
{
	struct sweep *s = arg;
	struct args args = ARGS_INIT;
	list_release(&s->seqs);
	s->seen = s->from;
	s->has_more = false;
	arg_int(&args, (int64_t)s->from);
	arg_int(&args, EVENTS_MAX);
	PGresult *r = tx_query(tx,
		"SELECT e.seq, e.at_us, j.id IS NULL, e.record FROM clario_event e LEFT JOIN clario_job j"
		" ON j.id = e.job WHERE e.seq > $1 ORDER BY e.seq LIMIT $2",
		&args);
	for (int i = 0; r && i < PQntuples(r) && col_int(r, i, 1) < s->before_us; i++) {
		struct event event;
		s->seen = (uint64_t)col_int(r, i, 0);
		s->has_more = i + 1 == EVENTS_MAX;
		if (!col_int(r, i, 2) || event_decode(r, i, 0, 3, &event) != ST_OK)
			continue;
		list_int(&s->seqs, (int64_t)s->seen);
		event_release(&event);
	}
	PQclear(r);
	args_release(&args);
}

static void delete_orphans(struct tx *tx, void *arg)
{
	const struct sweep *s = arg;
	struct args args = ARGS_INIT;
	arg_list(&args, &s->seqs);
	tx_exec(tx, "DELETE FROM clario_event WHERE seq = ANY($1)", &args);
	args_release(&args);
}

enum status pg_remove_events(struct store *store, struct moment now, int64_t before_us, uint64_t *seen,
	bool *has_more, struct why *why)
{
	struct sweep s = {.before_us = before_us, .from = *seen, .seqs = LIST_INIT(LIST_INT)};
	*has_more = false;
	enum status st = tx_read(store, find_orphans, &s, why);
	if (st == ST_OK && s.seqs.n)
		st = tx_write_beside(store, now, delete_orphans, &s, why);
	list_release(&s.seqs);
	if (st == ST_OK) {
		*seen = s.seen;
		*has_more = s.has_more;
	}
	return st;
}
