/* spool/store/postgres/steer.c: operators' acts on jobs and on the queue, each with its event. */
#include "spool/model/act.h"
#include "spool/model/purge.h"
#include "spool/store/postgres/verbs.h"

enum { EVENT_MEM_MAX = 1 << 20 };

enum status event_decode(const PGresult *r, int row, int seq_col, int record_col, struct event *out)
{
	*out = (struct event){.seq = (uint64_t)col_int(r, row, seq_col), .mem = BUF_INIT(EVENT_MEM_MAX)};
	buf_add_slice(&out->mem, col_bytes(r, row, record_col));
	struct buf mem = out->mem;
	enum status st = buf_status(&mem);
	if (st == ST_OK)
		st = record_decode_event(buf_slice(&mem), out);
	out->mem = mem;
	if (st != ST_OK)
		event_release(out);
	return st;
}

static enum status event_load(void *arg, uint64_t seq, struct event *out)
{
	struct tx *tx = arg;
	struct args args = ARGS_INIT;
	*out = (struct event){0};
	arg_int(&args, (int64_t)seq);
	PGresult *r = tx_query(tx, "SELECT seq, record FROM clario_event WHERE seq = $1", &args);
	enum status st = r && PQntuples(r) ? event_decode(r, 0, 0, 1, out) : ST_NOTFOUND;
	PQclear(r);
	args_release(&args);
	return st;
}

static void leave_line(struct tx *tx, struct row *row)
{
	struct list left = LIST_INIT(LIST_BYTES);
	line_leave(row, &left);
	lines_hand_on(tx, &left);
	list_release(&left);
}

static void steer_row(
	struct tx *tx, struct row *row, const struct steer_ask *ask, size_t i, struct steer_result *result)
{
	struct event event;
	char note[UNDO_NOTE_MAX];
	bool was_ended = job_state_is_ended(row->job.state);
	if (!act_apply(&row->job, ask, i, tx->now, event_load, tx, result, &event, note))
		return;
	bool is_ended = job_state_is_ended(row->job.state);
	/* One that comes back to life joins its line again; the turn is free only if nobody else is alive. */
	if (was_ended && !is_ended && row->job.ordered)
		row->job.has_turn = !line_is_taken(tx, row->job.workflow_id);
	event_append(tx, &event, &row->job);
	row_update(tx, row);
	if (is_ended)
		leave_line(tx, row);
}

struct steering {
	const struct steer_ask *ask;
	struct purge purge;
	struct steer_result *results;
	uint32_t phases;
	bool pause;
	struct slice actor;
};

static bool is_aside(struct tx *tx, struct job_id id)
{
	struct args args = ARGS_INIT;
	char key[1 + sizeof id.b] = "j";
	memcpy(key + 1, id.b, sizeof id.b);
	arg_bytes(&args, slice_of(key, sizeof key));
	PGresult *r = tx_query(tx, "SELECT 1 FROM clario_aside WHERE key = $1", &args);
	bool is = r && PQntuples(r);
	PQclear(r);
	args_release(&args);
	return is;
}

/* One that could not be read was set aside while it was loaded. */
static enum status missing(struct tx *tx, struct job_id id, uint64_t aside_before)
{
	return tx->head.set_aside != aside_before && is_aside(tx, id) ? ST_CORRUPT : ST_NOTFOUND;
}

static void purge_row(struct tx *tx, struct row *row, struct steering *s, size_t i)
{
	purge_judge(&row->job, s->ask, i, tx->now, tx->store->keep_reserved_us, &s->results[i]);
	if (s->results[i].status != ST_OK)
		return;
	purge_note(&s->purge, &row->job);
	row_delete(tx, row);
}

static void steer_one(struct tx *tx, struct row *row, struct steering *s, size_t i)
{
	if (s->ask->verb == STEER_PURGE && !s->ask->undoes)
		purge_row(tx, row, s, i);
	else
		steer_row(tx, row, s->ask, i, &s->results[i]);
}

static void tell_purged(struct tx *tx, const struct steering *s)
{
	struct buf data = BUF_INIT(EVENT_DATA_MAX);
	struct event event;
	if (purge_event(&s->purge, s->ask, tx->now, &data, &event))
		event_append(tx, &event, NULL);
	buf_release(&data);
}

static void steer_all(struct tx *tx, void *arg)
{
	struct steering *s = arg;
	uint64_t aside_before = tx->head.set_aside;
	purge_begin(&s->purge);
	tx_expect(tx, s->ask->verb == STEER_PURGE ? 1 : s->ask->n);
	rows_load(tx, s->ask->ids, s->ask->n, true); /* a retry grants what the trigger says */
	for (size_t i = 0; i < s->ask->n && tx->st == ST_OK; i++) {
		struct row *row = row_find(tx, s->ask->ids[i]);
		s->results[i] = (struct steer_result){0};
		if (row && !row->is_gone)
			steer_one(tx, row, s, i);
		else
			s->results[i].status = missing(tx, s->ask->ids[i], aside_before);
	}
	tell_purged(tx, s);
	purge_end(&s->purge);
}

enum status pg_steer(struct store *store, struct moment now, const struct steer_ask *ask,
	struct steer_result *results, struct why *why)
{
	struct steering s = {.ask = ask, .results = results};
	return tx_write(store, now, steer_all, &s, why);
}

static void pause_phases(struct tx *tx, void *arg)
{
	const struct steering *s = arg;
	uint32_t was = tx->head.paused_phases;
	tx->head.paused_phases = s->pause ? was | s->phases : was & ~s->phases;
	if (tx->head.paused_phases == was)
		return;
	struct event event = rules_paused(s->phases, s->pause, s->actor, tx->now);
	event_append(tx, &event, NULL);
	tx->wakes = !s->pause;
}

enum status pg_pause(struct store *store, struct moment now, uint32_t phases, bool pause, struct slice actor,
	struct why *why)
{
	struct steering s = {.phases = phases, .pause = pause, .actor = actor};
	return tx_write(store, now, pause_phases, &s, why);
}
