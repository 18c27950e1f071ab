/* spool/store/lmdb/job_io.c: see job_io.h. */
#include "spool/store/lmdb/job_io.h"

#include "spool/store/common/record.h"
#include "spool/store/lmdb/account_io.h"
#include "spool/store/lmdb/await_io.h"
#include "spool/store/lmdb/event_io.h"
#include "spool/store/lmdb/line.h"

enum { JOB_MEM_MAX = 16 << 20 };

void loaded_release(struct loaded *l)
{
	job_release(&l->job);
}

/* Slices into the store die at the next write or with the transaction: give the job a copy of what it shows.
 */
static enum status own_strings(struct job *job)
{
	struct slice *const strings[] = {&job->workflow_id, &job->user_id, &job->payload, &job->source,
		&job->idempotency_key, &job->traceparent, &job->tracestate, &job->error, &job->outcome,
		&job->checkpoint};
	enum { STRINGS_N = sizeof strings / sizeof *strings };
	size_t total = 0;
	for (size_t i = 0; i < STRINGS_N; i++)
		total += strings[i]->len;
	buf_init(&job->mem, JOB_MEM_MAX);
	char *at = buf_room(&job->mem, total);
	if (!at)
		return buf_status(&job->mem);
	for (size_t i = 0; i < STRINGS_N; i++) {
		size_t len = strings[i]->len;
		if (len)
			memcpy(at, strings[i]->p, len);
		*strings[i] = len ? slice_of(at, len) : (struct slice)SLICE_INIT;
		at += len;
	}
	return ST_OK;
}

static enum status decode(struct tx *tx, struct slice state, enum job_parts parts, struct loaded *l)
{
	struct key key = key_of_id(l->job.id);
	struct slice trigger;
	enum status st = record_decode_job(state, &l->job, &l->hashes);
	if (st != ST_OK || parts == JOB_STATE_ONLY)
		return st;
	st = tx_get(tx, TREE_TRIGGER, key_slice(&key), &trigger);
	if (st == ST_NOTFOUND)
		return ST_CORRUPT; /* a job whose trigger is gone */
	return st == ST_OK ? record_decode_trigger(trigger, parts == JOB_WHOLE, &l->job) : st;
}

enum status job_load(struct tx *tx, struct job_id id, enum job_parts parts, struct loaded *out)
{
	struct key key = key_of_id(id);
	struct slice state;
	*out = (struct loaded){.job = JOB_INIT};
	out->job.id = id;
	enum status st = tx_get(tx, TREE_JOB, key_slice(&key), &state);
	if (st == ST_OK)
		st = decode(tx, state, parts, out);
	if (st == ST_OK && own_strings(&out->job) != ST_OK)
		st = tx_fail_status(tx, ST_NOMEM, "out of memory while loading a job");
	if (st != ST_OK) {
		loaded_release(out);
		return st;
	}
	out->queue_key = key_queue(&out->job, out->hashes.user);
	out->place = rules_place(&out->job);
	out->had_turn = out->job.ordered && out->job.has_turn;
	return ST_OK;
}

static void count(struct tx *tx, int phase, enum place place, int by)
{
	tx->head.jobs[phase_slot(phase)][place] += (uint64_t)by;
	tx->head_changed = true;
}

static void put_state(struct tx *tx, const struct job *job, const struct job_hashes *hashes, bool is_new)
{
	struct key key = key_of_id(job->id);
	record_encode_job(job, hashes, &tx->scratch);
	if (is_new)
		tx_append(tx, TREE_JOB, key_slice(&key), buf_slice(&tx->scratch));
	else
		tx_put(tx, TREE_JOB, key_slice(&key), buf_slice(&tx->scratch));
}

static void put_queue(struct tx *tx, const struct job *job, const struct key *key)
{
	tx_put(tx, TREE_QUEUE, key_slice(key), (struct slice){"", 0});
	if (rules_place(job) == PLACE_READY || rules_place(job) == PLACE_DELAYED)
		tx->wakes = true;
}

void job_update(struct tx *tx, struct loaded *l)
{
	struct key now = key_queue(&l->job, l->hashes.user);
	put_state(tx, &l->job, &l->hashes, false);
	if (now.len == l->queue_key.len && memcmp(now.b, l->queue_key.b, now.len) == 0)
		return;
	tx_del(tx, TREE_QUEUE, key_slice(&l->queue_key));
	put_queue(tx, &l->job, &now);
	bool was_live = place_is_live(l->place);
	count(tx, l->job.phase, l->place, -1);
	l->place = rules_place(&l->job);
	account_count(tx, &l->job, l->hashes.account, place_is_live(l->place) - was_live);
	l->queue_key = now;
	count(tx, l->job.phase, l->place, 1);
}

static void put_unique_keys(struct tx *tx, const struct job *job)
{
	if (!job->idempotency_key.len && !job->solo_user)
		return;
	record_encode_id(job->id, &tx->scratch);
	if (job->idempotency_key.len) {
		struct key key = key_unique(tx->store->seed, KIND_EXPLICIT, job->idempotency_key);
		tx_put(tx, TREE_KEY, key_slice(&key), buf_slice(&tx->scratch));
	}
	if (job->solo_user) {
		struct key key = key_unique(tx->store->seed, KIND_SOLO, job->user_id);
		tx_put(tx, TREE_KEY, key_slice(&key), buf_slice(&tx->scratch));
	}
}

void job_enter(struct tx *tx, const struct job *job, bool is_new)
{
	uint64_t seed = tx->store->seed;
	struct job_hashes hashes = job_hashes(seed, job);
	struct key member = key_member(seed, job), queue = key_queue(job, hashes.user);
	struct slice empty = {"", 0};
	put_state(tx, job, &hashes, is_new);
	put_queue(tx, job, &queue);
	tx_put(tx, TREE_WORKFLOW, key_slice(&member), empty);
	put_unique_keys(tx, job);
	count(tx, job->phase, rules_place(job), 1);
	account_count(tx, job, hashes.account, place_is_live(rules_place(job)));
}

void job_insert(struct tx *tx, struct job *job)
{
	struct key id = key_of_id(job->id);
	record_encode_trigger(job, &tx->scratch);
	tx_append(tx, TREE_TRIGGER, key_slice(&id), buf_slice(&tx->scratch));
	job_enter(tx, job, true);
	tx->head.accepted_total++;
}

void job_rewrite(struct tx *tx, struct loaded *l, const struct key *member)
{
	struct key id = key_of_id(l->job.id), now = key_member(tx->store->seed, &l->job);
	await_forget(tx, l->job.id);
	l->hashes = job_hashes(tx->store->seed, &l->job);
	record_encode_trigger(&l->job, &tx->scratch);
	tx_put(tx, TREE_TRIGGER, key_slice(&id), buf_slice(&tx->scratch));
	tx_del(tx, TREE_WORKFLOW, key_slice(member));
	tx_put(tx, TREE_WORKFLOW, key_slice(&now), (struct slice){"", 0});
	job_update(tx, l);
}

/* A unique key may have passed on to a later job (a solo user's does): it goes only with the job it names. */
static void del_unique_key(struct tx *tx, int kind, struct slice text, struct job_id id)
{
	struct key key = key_unique(tx->store->seed, kind, text);
	struct slice record;
	struct job_id named = {{0}};
	if (tx_get(tx, TREE_KEY, key_slice(&key), &record) != ST_OK)
		return;
	if (record_decode_id(record, &named) != ST_OK || id_cmp(named, id) == 0)
		tx_del_if_there(tx, TREE_KEY, key_slice(&key));
}

static bool is_live(struct tx *tx, struct job_id id)
{
	struct loaded l;
	if (job_load(tx, id, JOB_STATE_ONLY, &l) != ST_OK)
		return false;
	bool live = !job_state_is_ended(l.job.state);
	loaded_release(&l);
	return live;
}

void job_revive_keys(struct tx *tx, const struct job *job)
{
	struct key key = key_unique(tx->store->seed, KIND_SOLO, job->user_id);
	struct slice record;
	struct job_id named;
	if (!job->solo_user)
		return;
	if (tx_get(tx, TREE_KEY, key_slice(&key), &record) == ST_OK &&
		record_decode_id(record, &named) == ST_OK && is_live(tx, named))
		return;
	record_encode_id(job->id, &tx->scratch);
	tx_put(tx, TREE_KEY, key_slice(&key), buf_slice(&tx->scratch));
}

void job_drop_keys(struct tx *tx, const struct job *job)
{
	if (job->idempotency_key.len)
		del_unique_key(tx, KIND_EXPLICIT, job->idempotency_key, job->id);
	if (job->solo_user || job->phase == PHASE_FIRST)
		del_unique_key(tx, KIND_SOLO, job->user_id, job->id);
}

void job_delete(struct tx *tx, struct loaded *l)
{
	struct job *job = &l->job;
	struct key id = key_of_id(job->id), member = key_member(tx->store->seed, job);
	line_leave(tx, l);
	await_forget(tx, job->id);
	events_delete(tx, job);
	job_drop_keys(tx, job);
	tx_del(tx, TREE_QUEUE, key_slice(&l->queue_key));
	tx_del(tx, TREE_WORKFLOW, key_slice(&member));
	tx_del(tx, TREE_TRIGGER, key_slice(&id));
	tx_del(tx, TREE_JOB, key_slice(&id));
	count(tx, job->phase, l->place, -1);
	account_count(tx, job, l->hashes.account, -place_is_live(l->place));
	tx->head.removed_total++;
}

struct job_id job_last_id(struct tx *tx)
{
	struct job_id id = {{0}};
	struct walk w;
	if (walk_open(&w, tx, TREE_JOB) && walk_last(&w))
		id = key_get_id(w.key, 0);
	walk_close(&w);
	return id;
}
