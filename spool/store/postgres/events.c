/* spool/store/postgres/events.c: events and their numbers.
 *
 * Writers beside each other draw numbers from one sequence, and may commit in another order; and what was
 * drawn for a transaction that comes to nothing is never used. So a number that is missing may still come,
 * and whoever has read behind it would never see it. Therefore each writer says, by a lock that the server
 * gives back with the end of the transaction, what the newest number was before it drew its first one; and
 * readers look no further than the least of those (EVENTS_VISIBLE). Seen so events come in order, and none
 * comes late. */
#include "spool/store/postgres/tx.h"

int64_t events_prefix(uint64_t seed)
{
	return (int64_t)(seed & 0x7fff);
}

/* --- numbers --- */

void tx_expect(struct tx *tx, size_t events)
{
	tx->expected = events;
}

void events_hold(struct tx *tx)
{
	struct args args = ARGS_INIT;
	PGresult *r = NULL;
	arg_int(&args, events_prefix(tx->store->seed));
	if (tx->st == ST_OK && !tx->is_held)
		tx->st = link_run(tx->conn,
			"SELECT pg_advisory_xact_lock_shared(($1::bigint << 48) | " EVENTS_NEWEST
			") FROM clario_event_seq s",
			&args, &r, &tx->why);
	tx->is_held = true;
	PQclear(r);
	args_release(&args);
}

/* As many as are expected. The first time in one statement with what events_hold() does, before. */
static PGresult *draw(struct tx *tx)
{
	struct args args = ARGS_INIT;
	PGresult *r = NULL;
	arg_int(&args, tx->expected ? (int64_t)tx->expected : 1);
	if (!tx->is_held)
		arg_int(&args, events_prefix(tx->store->seed));
	if (tx->st == ST_OK)
		tx->st = link_run(tx->conn,
			tx->is_held ? "SELECT nextval('clario_event_seq') FROM generate_series(1, $1)"
				    : "WITH h AS MATERIALIZED (SELECT"
				      " pg_advisory_xact_lock_shared(($2::bigint << 48) | " EVENTS_NEWEST ")"
				      " FROM clario_event_seq s)"
				      " SELECT nextval('clario_event_seq') FROM h, generate_series(1, $1)",
			&args, &r, &tx->why);
	tx->is_held = true;
	args_release(&args);
	return r;
}

void events_outdated(struct tx *tx)
{
	if (tx->is_alone)
		return;
	PQclear(tx->numbers);
	tx->numbers = NULL;
}

static uint64_t next_number(struct tx *tx)
{
	if (!tx->numbers || tx->numbers_at == PQntuples(tx->numbers)) {
		PQclear(tx->numbers);
		tx->numbers = draw(tx);
		tx->numbers_at = 0;
	}
	if (tx->expected)
		tx->expected--;
	return tx->numbers ? (uint64_t)col_int(tx->numbers, tx->numbers_at++, 0) : 0;
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
	event->seq = next_number(tx);
	if (!tx->first_seq)
		tx->first_seq = event->seq;
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

static void clear(struct tx *tx)
{
	list_release(&tx->event_seqs);
	list_release(&tx->event_ats);
	list_release(&tx->event_jobs);
	list_release(&tx->event_kinds);
	list_release(&tx->event_records);
}

void events_release(struct tx *tx)
{
	clear(tx);
	PQclear(tx->numbers);
	tx->numbers = NULL;
}

void events_flush(struct tx *tx)
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
	clear(tx);
	tx->st = link_run(tx->conn,
		"INSERT INTO clario_event (seq, at_us, job, kind, record) SELECT u.*"
		" FROM unnest($1::bigint[], $2::bigint[], $3::uuid[], $4::bigint[], $5::bytea[]) AS u",
		&args, &r, &tx->why);
	PQclear(r);
	args_release(&args);
}
