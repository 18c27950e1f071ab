/* spool/store/lmdb/await_io.c: see await_io.h. */
#include "spool/store/lmdb/await_io.h"

#include "spool/store/lmdb/record.h"

enum { TOLD = 6, DEADLINE = 7, HASH = 15, KEY_LEN = 23, FOLLOWERS_MAX = 64 };
static const char prefix[] = "await.";

struct key await_key(uint64_t workflow_hash)
{
	return key_workflow_prefix(workflow_hash, KIND_AWAIT);
}

struct key await_time_prefix(bool is_told)
{
	struct key key = {.len = sizeof prefix - 1};
	memcpy(key.b, prefix, key.len);
	key_add(&key, is_told, 1);
	return key;
}

struct key await_time_key(const struct await *await, uint64_t workflow_hash)
{
	struct key key = await_time_prefix(await->is_told);
	key_add(&key, (uint64_t)await->deadline_us, 8);
	key_add(&key, workflow_hash, 8);
	return key;
}

bool await_of_key(struct slice key, uint64_t *hash)
{
	if (key.len != KEY_LEN || memcmp(key.p, prefix, sizeof prefix - 1) != 0)
		return false;
	*hash = key_get(key, HASH, 8);
	return true;
}

void await_encode(const struct await *await, struct buf *out)
{
	record_begin(out);
	write_fixed(out, (uint64_t)await->phase, 1);
	write_fixed(out, await->is_told, 1);
	write_varint(out, (uint64_t)await->since_us);
	write_varint(out, (uint64_t)await->deadline_us);
	buf_add(out, await->job.b, sizeof await->job.b);
	record_end(out);
}

enum status await_decode(struct slice record, struct await *out)
{
	struct slice body;
	*out = (struct await){0};
	enum status st = record_open(record, &body);
	if (st != ST_OK)
		return st;
	struct reader r = {(const uint8_t *)body.p, (const uint8_t *)body.p + body.len, false};
	out->phase = (int)read_fixed(&r, 1);
	uint64_t told = read_fixed(&r, 1);
	out->is_told = told == 1;
	out->since_us = (int64_t)read_varint(&r);
	out->deadline_us = (int64_t)read_varint(&r);
	struct slice id = read_bytes(&r, sizeof out->job.b);
	if (r.bad || told > 1 || phase_slot(out->phase) < 0 || out->deadline_us < out->since_us ||
		out->since_us < 0)
		return ST_CORRUPT;
	memcpy(out->job.b, id.p, sizeof out->job.b);
	return ST_OK;
}

enum status await_load(struct tx *tx, uint64_t workflow_hash, struct await *out)
{
	struct key key = await_key(workflow_hash);
	struct slice record;
	*out = (struct await){0};
	enum status st = tx_get(tx, TREE_WORKFLOW, key_slice(&key), &record);
	return st == ST_OK ? await_decode(record, out) : st;
}

void await_put(struct tx *tx, uint64_t workflow_hash, const struct await *await)
{
	struct key key = await_key(workflow_hash), by_time = await_time_key(await, workflow_hash);
	await_encode(await, &tx->scratch);
	tx_put(tx, TREE_WORKFLOW, key_slice(&key), buf_slice(&tx->scratch));
	tx_put(tx, TREE_META, key_slice(&by_time), (struct slice){"", 0});
	tx->head_changed = true;
}

void await_delete(struct tx *tx, uint64_t workflow_hash, const struct await *await)
{
	struct key key = await_key(workflow_hash), by_time = await_time_key(await, workflow_hash);
	tx_del_if_there(tx, TREE_WORKFLOW, key_slice(&key));
	tx_del_if_there(tx, TREE_META, key_slice(&by_time));
	tx->head_changed = true;
}

/* Has a job of this phase come since that one was accepted? Of very many it is taken for granted. */
static bool has_come(struct tx *tx, uint64_t workflow_hash, int phase, struct job_id since)
{
	struct key members = key_workflow_prefix(workflow_hash, KIND_MEMBER);
	struct walk w;
	bool found = false;
	key_add(&members, (uint64_t)phase, 1);
	bool more = walk_open(&w, tx, TREE_WORKFLOW) && walk_from(&w, key_slice(&members));
	for (int i = 0; more && !found && key_has_prefix(w.key, &members); more = walk_next(&w))
		found = ++i > FOLLOWERS_MAX || id_cmp(key_get_id(w.key, MEMBER_ID), since) > 0;
	walk_close(&w);
	return found;
}

void await_begin(struct tx *tx, const struct loaded *l)
{
	struct await old,
		await = {.job = l->job.id, .phase = await_next(l->job.phase), .since_us = tx->now.wall_us};
	uint64_t hash = l->hashes.workflow;
	int64_t level_us = await.phase ? tx->store->service_level_us[phase_slot(await.phase)] : 0;
	if (level_us <= 0 || await.since_us < 0 || has_come(tx, hash, await.phase, l->job.id))
		return;
	await.deadline_us = await.since_us + level_us;
	if (await_load(tx, hash, &old) == ST_OK) {
		if (old.phase > await.phase)
			return; /* a phase of the past was run again */
		await_delete(tx, hash, &old);
	}
	await_put(tx, hash, &await);
}

void await_note(struct tx *tx, uint64_t workflow_hash, int phase)
{
	struct await await;
	if (await_load(tx, workflow_hash, &await) == ST_OK && await_is_over(&await, phase))
		await_delete(tx, workflow_hash, &await);
}

void await_forget(struct tx *tx, uint64_t workflow_hash, struct job_id id)
{
	struct await await;
	if (await_load(tx, workflow_hash, &await) == ST_OK && id_cmp(await.job, id) == 0)
		await_delete(tx, workflow_hash, &await);
}
