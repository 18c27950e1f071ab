/* spool/store/postgres/rows.c: jobs of a transaction: loaded, changed, written by arrays. */
#include "spool/store/postgres/rows.h"

#include "spool/base/hash.h"
#include "spool/store/common/codec.h"
#include "spool/store/common/hashes.h"

#include <stdlib.h>

enum { JOB_MEM_MAX = 32 << 20, FIRST_CAP = 64, NO_CROWD = -1 };

/* --- the table of those that are loaded --- */

static struct row **slot_of(struct row **index, size_t cap, struct job_id id)
{
	uint64_t hash;
	memcpy(&hash, id.b + 8, sizeof hash);
	size_t i = (size_t)(hash * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (cap - 1);
	while (index[i] && id_cmp(index[i]->job.id, id) != 0)
		i = (i + 1) & (cap - 1);
	return &index[i];
}

struct row *row_find(struct tx *tx, struct job_id id)
{
	return tx->index_cap ? *slot_of(tx->index, tx->index_cap, id) : NULL;
}

static bool grow(struct tx *tx)
{
	size_t cap = tx->index_cap ? tx->index_cap * 2 : FIRST_CAP;
	struct row **rows = reallocarray(tx->rows, cap, sizeof *rows);
	if (rows)
		tx->rows = rows;
	struct row **index = rows ? calloc(cap, sizeof *index) : NULL;
	if (!index)
		return false;
	for (size_t i = 0; i < tx->rows_n; i++)
		*slot_of(index, cap, tx->rows[i]->job.id) = tx->rows[i];
	free(tx->index);
	tx->index = index;
	tx->index_cap = tx->rows_cap = cap;
	return true;
}

static struct row *row_add(struct tx *tx, struct job_id id)
{
	struct row *row = NULL;
	if (2 * tx->rows_n < tx->index_cap || grow(tx))
		row = calloc(1, sizeof *row);
	if (!row) {
		tx_fail(tx, ST_NOMEM, "out of memory while loading jobs");
		return NULL;
	}
	row->job = (struct job)JOB_INIT;
	row->job.id = id;
	tx->rows[tx->rows_n++] = row;
	*slot_of(tx->index, tx->index_cap, id) = row;
	return row;
}

void rows_release(struct tx *tx)
{
	for (size_t i = 0; i < tx->rows_n; i++) {
		job_release(&tx->rows[i]->job);
		free(tx->rows[i]);
	}
	free(tx->rows);
	free(tx->index);
	tx->rows = tx->index = NULL;
	tx->rows_n = tx->rows_cap = tx->index_cap = 0;
}

void rows_drop(struct tx *tx)
{
	rows_release(tx);
}

/* --- loading --- */

void natural_keys(uint64_t seed, const struct job *job, uint64_t *any, uint64_t *key)
{
	*any = hash_text(hash_text(seed ^ (uint64_t)job->phase, job->workflow_id), job->user_id);
	*key = hash_text(*any, job->payload);
}

static bool is_whole(const PGresult *r)
{
	return PQnfields(r) > 7;
}

static struct slice copy(char **at, struct slice bytes)
{
	struct slice out = slice_of(*at, bytes.len);
	if (bytes.len)
		memcpy(*at, bytes.p, bytes.len);
	*at += bytes.len;
	return out;
}

/* The records' bytes are copied into job->mem, which its texts point into. */
enum status job_decode(const PGresult *r, int i, struct job *out, uint64_t seed, struct job_hashes *hashes)
{
	struct slice state = col_bytes(r, i, 4), workflow = col_bytes(r, i, 5), charged = col_bytes(r, i, 6),
		     ask = SLICE_INIT;
	bool is_asked = is_whole(r);
	if (is_asked)
		ask = col_bytes(r, i, 7);
	*out = (struct job)JOB_INIT;
	out->id = col_id(r, i, 0);
	buf_init(&out->mem, JOB_MEM_MAX);
	char *at = buf_room(&out->mem, state.len + workflow.len + charged.len + ask.len + 1);
	if (!at)
		return ST_NOMEM;
	state = copy(&at, state);
	workflow = copy(&at, workflow);
	charged = copy(&at, charged);
	ask = copy(&at, ask);
	struct buf mem = out->mem;
	enum status st = record_decode_job(state, out, hashes);
	if (st == ST_OK && is_asked)
		st = record_decode_trigger(ask, true, out);
	out->mem = mem;
	if (st == ST_OK && !is_asked) {
		out->workflow_id = workflow;
		out->source = charged;
	}
	if (st == ST_OK && is_asked)
		*hashes = job_hashes(seed, out);
	if (st != ST_OK)
		job_release(out);
	return st;
}

static void put_aside(struct tx *tx, struct job_id id, char kind, struct slice bytes)
{
	char key[1 + sizeof id.b];
	struct args args = ARGS_INIT;
	key[0] = kind;
	memcpy(key + 1, id.b, sizeof id.b);
	arg_bytes(&args, slice_of(key, sizeof key));
	arg_bytes(&args, bytes);
	tx_exec(tx,
		"INSERT INTO clario_aside VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = "
		"excluded.value",
		&args);
	args_release(&args);
}

/* As lmdb's await_forget(): a job goes, or its workflow's name does. */
static void forget_stalled(struct tx *tx, const struct list *ids)
{
	struct args args = ARGS_INIT;
	PGresult *r = NULL;
	arg_list(&args, ids);
	if (tx->st == ST_OK)
		tx->st = link_run(
			tx->conn, "DELETE FROM clario_stalled WHERE job = ANY($1)", &args, &r, &tx->why);
	PQclear(r);
	args_release(&args);
}

/* Promise 8. What it counted for is known from its columns. */
static void set_aside(struct tx *tx, const PGresult *found, int i)
{
	struct job_id id = col_id(found, i, 0);
	int phase = (int)col_int(found, i, 1), place = (int)col_int(found, i, 2);
	struct args args = ARGS_INIT;
	arg_id(&args, id);
	PGresult *r = tx_query(tx, "SELECT state, ask FROM clario_job WHERE id = $1", &args);
	if (r && PQntuples(r) == 1) {
		put_aside(tx, id, 'j', col_bytes(r, 0, 0));
		put_aside(tx, id, 't', col_bytes(r, 0, 1));
		tx_exec(tx, "DELETE FROM clario_job WHERE id = $1", &args);
		tx_exec(tx, "DELETE FROM clario_stalled WHERE job = $1", &args);
		if (phase_slot(phase) >= 0 && (unsigned)place < PLACE_N)
			tx->head.jobs[phase_slot(phase)][place]--;
		tx->head.set_aside++;
		struct event event = {.at_us = tx->now.wall_us,
			.kind = EVENT_SET_ASIDE,
			.job = id,
			.phase = phase,
			.from = EVENT_NO_STATE,
			.to = EVENT_NO_STATE,
			.actor = slice_text("system"),
			.reason = slice_text("the job's record cannot be read; it was set aside")};
		event_append(tx, &event, NULL);
		accounts_recount(tx);
	}
	PQclear(r);
	args_release(&args);
}

static void note_loaded(struct tx *tx, struct row *row, const PGresult *r, int i)
{
	row->place = rules_place(&row->job);
	row->had_turn = row->job.ordered && row->job.has_turn;
	row->lease_us = col_int(r, i, 3);
	row->lease = row->job.lease;
	row->is_asked = is_whole(r);
	if (row->is_asked)
		natural_keys(tx->store->seed, &row->job, &row->natural_any, &row->natural_key);
}

struct row *row_of(struct tx *tx, const PGresult *r, int i, bool sets_aside)
{
	struct job job;
	struct job_hashes hashes;
	struct row *row = row_find(tx, col_id(r, i, 0));
	if (tx->st != ST_OK || (row && row->is_gone))
		return NULL;
	if (row && (row->is_dirty || row->is_new || row->is_asked >= is_whole(r)))
		return row;
	enum status st = job_decode(r, i, &job, tx->store->seed, &hashes);
	if (st == ST_OK && !row && !(row = row_add(tx, job.id))) {
		job_release(&job);
		return NULL;
	}
	if (st == ST_OK) {
		job_release(&row->job);
		row->job = job;
		row->hashes = hashes;
		note_loaded(tx, row, r, i);
		events_outdated(tx);
		return row;
	}
	if (st == ST_NOMEM)
		tx_fail(tx, st, "out of memory while loading a job");
	else if (sets_aside && !tx->is_alone)
		tx_want_all(tx); /* it is counted anew then */
	else if (sets_aside)
		set_aside(tx, r, i);
	return NULL;
}

static void load(struct tx *tx, const char *sql, const struct job_id *ids, size_t n, int place)
{
	struct list list = LIST_INIT(LIST_ID);
	struct args args = ARGS_INIT;
	for (size_t i = 0; i < n; i++)
		list_id(&list, ids[i]);
	arg_list(&args, &list);
	if (place >= 0)
		arg_int(&args, place);
	PGresult *r = n ? tx_query(tx, sql, &args) : NULL;
	for (int i = 0; r && i < PQntuples(r); i++)
		row_of(tx, r, i, true);
	PQclear(r);
	args_release(&args);
	list_release(&list);
}

#define LOCKED " FROM clario_job j WHERE j.id = ANY($1) ORDER BY j.id FOR UPDATE"
#define FREE   " FROM clario_job j WHERE j.id = ANY($1) AND j.place = $2 FOR UPDATE SKIP LOCKED"

void rows_load(struct tx *tx, const struct job_id *ids, size_t n, bool whole)
{
	load(tx, whole ? "SELECT " ROW_WHOLE LOCKED : "SELECT " ROW_STATE LOCKED, ids, n, -1);
}

void rows_load_free(struct tx *tx, const struct job_id *ids, size_t n, bool whole, enum place place)
{
	load(tx, whole ? "SELECT " ROW_WHOLE FREE : "SELECT " ROW_STATE FREE, ids, n, (int)place);
}

/* --- changing --- */

static void count(struct tx *tx, int phase, enum place place, int by)
{
	tx->head.jobs[phase_slot(phase)][place] += (uint64_t)by;
	tx->is_changed = true;
}

static void note_place(struct tx *tx, const struct job *job)
{
	if (rules_place(job) == PLACE_READY || rules_place(job) == PLACE_DELAYED)
		tx->wakes = true;
}

void row_insert(struct tx *tx, struct job *job)
{
	struct row *row = row_add(tx, job->id);
	if (!row)
		return;
	row->job = *job;
	row->hashes = job_hashes(tx->store->seed, job);
	row->place = rules_place(job);
	row->had_turn = job->ordered && job->has_turn;
	row->is_new = row->is_asked = true;
	natural_keys(tx->store->seed, job, &row->natural_any, &row->natural_key);
	count(tx, job->phase, row->place, 1);
	account_count(tx, job, place_is_live(row->place));
	note_place(tx, job);
	tx->head.accepted_total++;
	tx->last_id = job->id;
}

/* On the database's clock, so that any host can tell whether it is over. */
static void note_lease(struct tx *tx, struct row *row)
{
	const struct lease *lease = &row->job.lease;
	if (row->job.state != JOB_ACTIVE)
		row->lease_us = 0;
	else if (lease->token != row->lease.token || lease->deadline_boot_us != row->lease.deadline_boot_us)
		row->lease_us = tx->db_now_us + lease->deadline_boot_us - tx->now.boot_us;
	row->lease = *lease;
}

void row_update(struct tx *tx, struct row *row)
{
	enum place place = rules_place(&row->job);
	row->is_dirty = true;
	tx->is_changed = true;
	note_lease(tx, row);
	if (place != row->place) {
		count(tx, row->job.phase, row->place, -1);
		count(tx, row->job.phase, place, 1);
		account_count(tx, &row->job, place_is_live(place) - place_is_live(row->place));
		note_place(tx, &row->job);
		row->place = place;
	} else if (place == PLACE_DELAYED || place == PLACE_READY) {
		note_place(tx, &row->job);
	}
	if (!job_state_is_ended(row->job.state)) /* else it is wanted for the line that it leaves */
		row->had_turn = row->job.ordered && row->job.has_turn;
}

void row_rewrite(struct tx *tx, struct row *row)
{
	row->hashes = job_hashes(tx->store->seed, &row->job);
	natural_keys(tx->store->seed, &row->job, &row->natural_any, &row->natural_key);
	row->is_rewritten = true;
	row_update(tx, row);
}

void row_delete(struct tx *tx, struct row *row)
{
	row->is_gone = true;
	count(tx, row->job.phase, row->place, -1);
	account_count(tx, &row->job, -place_is_live(row->place));
	tx->head.removed_total++;
}

bool row_lease_is_over(const struct tx *tx, const struct row *row)
{
	const struct lease *lease = &row->job.lease;
	size_t len = strcspn(lease->owner, ":");
	bool is_ours =
		strcspn(tx->store->host, ":") == len && memcmp(tx->store->host, lease->owner, len) == 0;
	if (lease->boot_id == tx->now.boot_id || is_ours)
		return rules_lease_is_over(&row->job, tx->now);
	return row->job.state == JOB_ACTIVE && row->lease_us <= tx->db_now_us;
}

/* --- writing --- */

/* One statement's arrays. */
struct columns {
	struct list id, phase, place, priority, crowd, at, accepted, ordered, turn, lease, solo, any, natural,
		workflow, person, charged, key, state, ask;
};

static struct columns columns_init(void)
{
	const struct list ints = LIST_INIT(LIST_INT), bytes = LIST_INIT(LIST_BYTES), ids = LIST_INIT(LIST_ID);
	return (struct columns){ids, ints, ints, ints, ints, ints, ints, ints, ints, ints, ints, ints, ints,
		bytes, bytes, bytes, bytes, bytes, bytes};
}

static void columns_release(struct columns *c)
{
	struct list *lists = (struct list *)c;
	for (size_t i = 0; i < sizeof *c / sizeof *lists; i++)
		list_release(&lists[i]);
}

static void add_changing(struct tx *tx, struct columns *c, const struct row *row)
{
	const struct job *job = &row->job;
	bool by_user = job->in_crowd && row->place == PLACE_READY;
	list_id(&c->id, job->id);
	list_int(&c->place, row->place);
	list_int(&c->priority, rules_place_priority(job) | (by_user ? CROWD_BIT : 0));
	list_int(&c->crowd, by_user ? (int64_t)row->hashes.user : NO_CROWD);
	list_int(&c->at, rules_place_at_us(job));
	list_int(&c->turn, job->has_turn);
	list_int(&c->lease, row->lease_us);
	record_encode_job(job, &row->hashes, &tx->scratch);
	list_bytes(&c->state, buf_slice(&tx->scratch));
}

static void add_asked(struct tx *tx, struct columns *c, const struct row *row)
{
	const struct job *job = &row->job;
	list_int(&c->phase, job->phase);
	list_int(&c->accepted, job->accepted_at_us);
	list_int(&c->ordered, job->ordered);
	list_int(&c->solo, job->solo_user);
	list_int(&c->any, (int64_t)row->natural_any);
	list_int(&c->natural, (int64_t)row->natural_key);
	list_bytes(&c->workflow, job->workflow_id);
	list_bytes(&c->person, job->user_id);
	if (job->is_charged)
		list_bytes(&c->charged, job->source);
	else
		list_null(&c->charged);
	if (job->idempotency_key.len)
		list_bytes(&c->key, job->idempotency_key);
	else
		list_null(&c->key);
	record_encode_trigger(job, &tx->scratch);
	list_bytes(&c->ask, buf_slice(&tx->scratch));
}

static void add_args(struct args *args, const struct columns *c, bool asked)
{
	const struct list *changing[] = {
		&c->id, &c->place, &c->priority, &c->crowd, &c->at, &c->turn, &c->lease, &c->state};
	const struct list *once[] = {&c->phase, &c->accepted, &c->ordered, &c->solo, &c->any, &c->natural,
		&c->workflow, &c->person, &c->charged, &c->key, &c->ask};
	for (size_t i = 0; i < sizeof changing / sizeof *changing; i++)
		arg_list(args, changing[i]);
	for (size_t i = 0; asked && i < sizeof once / sizeof *once; i++)
		arg_list(args, once[i]);
}

static void put(struct tx *tx, const char *sql, const struct columns *c, bool asked)
{
	struct args args = ARGS_INIT;
	PGresult *r = NULL;
	add_args(&args, c, asked);
	if (tx->st == ST_OK)
		tx->st = link_run(tx->conn, sql, &args, &r, &tx->why);
	PQclear(r);
	args_release(&args);
}

#define CHANGING_ARRAYS                                                                                      \
	"$1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],"    \
	" $8::bytea[]"
#define ASKED_ARRAYS                                                                                         \
	"$9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[],"           \
	" $15::bytea[], $16::bytea[], $17::bytea[], $18::bytea[], $19::bytea[]"
#define CHANGING "id, place, priority, crowd, at_us, turn, lease_us, state"
#define ASKED                                                                                                \
	"phase, accepted_us, ordered, solo, natural_any, natural_key, workflow, person, charged, idem_key, " \
	"ask"

static void insert_new(struct tx *tx)
{
	struct columns c = columns_init();
	for (size_t i = 0; i < tx->rows_n; i++) {
		struct row *row = tx->rows[i];
		if (!row->is_new || row->is_gone)
			continue;
		add_changing(tx, &c, row);
		add_asked(tx, &c, row);
		row->is_new = row->is_dirty = row->is_rewritten = false;
	}
	if (c.id.n)
		put(tx,
			"INSERT INTO clario_job (id, place, priority, crowd, at_us, has_turn, lease_us, "
			"state, phase,"
			" accepted_us, is_ordered, is_solo, natural_any, natural_key, workflow, person, "
			"charged, idem_key, ask)"
			" SELECT id, place, priority, crowd, at_us, turn <> 0, lease_us, state, phase, "
			"accepted_us,"
			" ordered <> 0, solo <> 0, natural_any, natural_key, workflow, person, charged, "
			"idem_key, ask"
			" FROM unnest(" CHANGING_ARRAYS ", " ASKED_ARRAYS ") AS u(" CHANGING ", " ASKED ")",
			&c, true);
	columns_release(&c);
}

static void update_dirty(struct tx *tx)
{
	struct columns c = columns_init();
	for (size_t i = 0; i < tx->rows_n; i++) {
		struct row *row = tx->rows[i];
		if (row->is_gone || !row->is_dirty || row->is_rewritten)
			continue;
		add_changing(tx, &c, row);
		row->is_dirty = false;
	}
	if (c.id.n)
		put(tx,
			"UPDATE clario_job j SET place = u.place, priority = u.priority, crowd = u.crowd,"
			" at_us = u.at_us, has_turn = u.turn <> 0, lease_us = u.lease_us, state = u.state"
			" FROM unnest(" CHANGING_ARRAYS ") AS u(" CHANGING ") WHERE j.id = u.id",
			&c, false);
	columns_release(&c);
}

static void update_rewritten(struct tx *tx)
{
	struct columns c = columns_init();
	for (size_t i = 0; i < tx->rows_n; i++) {
		struct row *row = tx->rows[i];
		if (row->is_gone || !row->is_rewritten)
			continue;
		add_changing(tx, &c, row);
		add_asked(tx, &c, row);
		row->is_dirty = row->is_rewritten = false;
	}
	if (c.id.n)
		put(tx,
			"UPDATE clario_job j SET place = u.place, priority = u.priority, crowd = u.crowd,"
			" at_us = u.at_us, has_turn = u.turn <> 0, lease_us = u.lease_us, state = u.state,"
			" is_solo = u.solo <> 0, natural_any = u.natural_any, natural_key = u.natural_key,"
			" workflow = u.workflow, person = u.person, charged = u.charged, idem_key = "
			"u.idem_key, ask = u.ask"
			" FROM unnest(" CHANGING_ARRAYS ", " ASKED_ARRAYS ") AS u(" CHANGING ", " ASKED
			") WHERE j.id = u.id",
			&c, true);
	if (c.id.n)
		forget_stalled(tx, &c.id);
	columns_release(&c);
}

static void delete_gone(struct tx *tx)
{
	struct list ids = LIST_INIT(LIST_ID);
	struct args args = ARGS_INIT;
	PGresult *r = NULL;
	for (size_t i = 0; i < tx->rows_n; i++)
		if (tx->rows[i]->is_gone && !tx->rows[i]->is_deleted) {
			list_id(&ids, tx->rows[i]->job.id);
			tx->rows[i]->is_deleted = true;
		}
	arg_list(&args, &ids);
	if (ids.n) {
		tx->st = link_run(
			tx->conn, "DELETE FROM clario_event WHERE job = ANY($1)", &args, &r, &tx->why);
		PQclear(r);
		if (tx->st == ST_OK) {
			tx->st = link_run(
				tx->conn, "DELETE FROM clario_job WHERE id = ANY($1)", &args, &r, &tx->why);
			PQclear(r);
		}
		forget_stalled(tx, &ids);
	}
	args_release(&args);
	list_release(&ids);
}

void rows_flush(struct tx *tx)
{
	size_t news = 0, dirty = 0, rewritten = 0, gone = 0;
	for (size_t i = 0; i < tx->rows_n; i++) {
		const struct row *row = tx->rows[i];
		news += row->is_new;
		dirty += row->is_dirty;
		rewritten += row->is_rewritten;
		gone += row->is_gone && !row->is_deleted;
	}
	if (gone)
		delete_gone(tx);
	if (news && tx->st == ST_OK)
		insert_new(tx);
	if (rewritten && tx->st == ST_OK)
		update_rewritten(tx);
	if (dirty && tx->st == ST_OK)
		update_dirty(tx);
}
