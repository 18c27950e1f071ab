/* spool/store/lmdb/aside.c: see aside.h. */
#include "spool/store/lmdb/aside.h"

#include "spool/store/common/record.h"
#include "spool/store/lmdb/account_io.h"
#include "spool/store/lmdb/await_io.h"
#include "spool/store/lmdb/event_io.h"
#include "spool/store/lmdb/job_io.h"
#include "spool/store/lmdb/line.h"

enum { FOUND_MAX = 4, ASIDE_RECORD_MAX = 16 << 20 };

/* Keep the bytes as they are, under kind | id. */
static void keep(struct tx *tx, enum tree tree, char kind, struct job_id id)
{
	struct key key = key_of_id(id), to = {0};
	struct slice record;
	struct buf copy = BUF_INIT(ASIDE_RECORD_MAX);
	if (tx_get(tx, tree, key_slice(&key), &record) != ST_OK)
		return;
	buf_add_slice(&copy, record);
	key_add(&to, (uint8_t)kind, 1);
	key_add_id(&to, id);
	tx_put(tx, TREE_ASIDE, key_slice(&to), buf_slice(&copy));
	tx_del(tx, tree, key_slice(&key));
	buf_release(&copy);
}

/* The tree of keys holds the job's id as value, all other indexes end their keys with it. */
static bool names_job(enum tree tree, const struct walk *w, struct job_id id)
{
	struct job_id named;
	if (tree == TREE_KEY)
		return record_decode_id(w->value, &named) == ST_OK && id_cmp(named, id) == 0;
	return w->key.len >= sizeof id.b && id_cmp(key_get_id(w->key, w->key.len - sizeof id.b), id) == 0;
}

static size_t find_entries(struct tx *tx, enum tree tree, struct job_id id, struct key found[FOUND_MAX])
{
	size_t n = 0;
	struct walk w;
	bool more = walk_open(&w, tx, tree) && walk_from(&w, (struct slice)SLICE_INIT);
	for (; more && n < FOUND_MAX; more = walk_next(&w)) {
		if (w.key.len > sizeof found->b || !names_job(tree, &w, id))
			continue;
		found[n].len = w.key.len;
		memcpy(found[n++].b, w.key.p, w.key.len);
	}
	walk_close(&w);
	return n;
}

static void drop_queue_entry(struct tx *tx, struct job_id id, const struct key *queue_key)
{
	struct key found[FOUND_MAX];
	size_t n = 1;
	if (queue_key)
		found[0] = *queue_key;
	else
		n = find_entries(tx, TREE_QUEUE, id, found);
	for (size_t i = 0; i < n; i++) {
		tx_del_if_there(tx, TREE_QUEUE, key_slice(&found[i]));
		int slot = phase_slot(found[i].b[1]);
		if (slot >= 0 && found[i].b[0] < PLACE_N)
			tx->head.jobs[slot][found[i].b[0]]--;
	}
}

static void drop_by_scan(struct tx *tx, struct job_id id)
{
	struct key found[FOUND_MAX];
	size_t n = find_entries(tx, TREE_KEY, id, found);
	for (size_t i = 0; i < n; i++)
		tx_del_if_there(tx, TREE_KEY, key_slice(&found[i]));
	n = find_entries(tx, TREE_WORKFLOW, id, found);
	for (size_t i = 0; i < n; i++) {
		struct slice key = key_slice(&found[i]);
		if (key_get(key, WORKFLOW_KIND, 1) == KIND_LINE)
			line_drop(tx, key_get(key, 0, 8), id);
		else
			tx_del_if_there(tx, TREE_WORKFLOW, key);
	}
}

static void drop_by_trigger(struct tx *tx, const struct job *job, uint64_t workflow_hash)
{
	struct key member = key_member(tx->store->seed, job);
	tx_del_if_there(tx, TREE_WORKFLOW, key_slice(&member));
	job_drop_keys(tx, job);
	line_drop(tx, workflow_hash, job->id);
	await_forget(tx, job->id);
}

/* The keys of the indexes follow from the trigger alone but for the phase, which the job's record and the key
 * of its queue entry hold. */
static bool read_trigger(
	struct tx *tx, struct job_id id, const struct key *queue_key, struct job *out, struct buf *mem)
{
	struct key key = key_of_id(id);
	struct slice record;
	*out = (struct job){.id = id, .phase = queue_key ? queue_key->b[1] : 0};
	if (!out->phase || tx_get(tx, TREE_TRIGGER, key_slice(&key), &record) != ST_OK)
		return false;
	buf_add_slice(mem, record);
	return buf_status(mem) == ST_OK && record_decode_trigger(buf_slice(mem), true, out) == ST_OK;
}

/* What its own record says is taken off its account. false: that cannot be read. */
static bool discharge(struct tx *tx, struct job_id id)
{
	struct key key = key_of_id(id);
	struct job job = {.id = id};
	struct job_hashes hashes;
	struct slice record;
	if (tx_get(tx, TREE_JOB, key_slice(&key), &record) != ST_OK ||
		record_decode_job(record, &job, &hashes) != ST_OK)
		return false;
	account_count(tx, &job, hashes.account, -!job_state_is_ended(job.state));
	return true;
}

void aside_job(struct tx *tx, struct job_id id, const struct key *queue_key)
{
	struct buf mem = BUF_INIT(ASIDE_RECORD_MAX);
	struct job job;
	if (tx->st != ST_OK)
		return;
	bool is_readable = read_trigger(tx, id, queue_key, &job, &mem);
	bool is_discharged = discharge(tx, id);
	drop_queue_entry(tx, id, queue_key);
	keep(tx, TREE_JOB, 'j', id);
	keep(tx, TREE_TRIGGER, 't', id);
	if (is_readable)
		drop_by_trigger(tx, &job, key_workflow_hash(tx->store->seed, job.workflow_id));
	else
		drop_by_scan(tx, id);
	if (!is_discharged)
		account_recount(tx);
	tx->head.set_aside++;
	struct event event = {
		.at_us = tx->now.wall_us,
		.kind = EVENT_SET_ASIDE,
		.job = id,
		.phase = queue_key ? queue_key->b[1] : 0,
		.from = EVENT_NO_STATE,
		.to = EVENT_NO_STATE,
		.actor = slice_text("system"),
		.reason = slice_text("the job's record cannot be read; it was set aside"),
	};
	event_append(tx, &event, NULL);
	buf_release(&mem);
}
