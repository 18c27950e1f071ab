/* spool/store/lmdb/key.c: see key.h. */
#include "spool/store/lmdb/key.h"

#include "spool/base/hash.h"

void key_add(struct key *key, uint64_t value, int bytes)
{
	for (int i = bytes - 1; i >= 0; i--)
		key->b[key->len++] = (uint8_t)(value >> (8 * i));
}

void key_add_id(struct key *key, struct job_id id)
{
	memcpy(key->b + key->len, id.b, sizeof id.b);
	key->len += sizeof id.b;
}

uint64_t key_get(struct slice key, size_t at, int bytes)
{
	uint64_t value = 0;
	for (int i = 0; i < bytes && at + (size_t)i < key.len; i++)
		value = value << 8 | (uint8_t)key.p[at + (size_t)i];
	return value;
}

struct job_id key_get_id(struct slice key, size_t at)
{
	struct job_id id = {{0}};
	if (key.len >= at + sizeof id.b)
		memcpy(id.b, key.p + at, sizeof id.b);
	return id;
}

bool key_has_prefix(struct slice key, const struct key *prefix)
{
	return key.len >= prefix->len && memcmp(key.p, prefix->b, prefix->len) == 0;
}

bool key_after_prefix(struct key *prefix)
{
	while (prefix->len > 0 && prefix->b[prefix->len - 1] == 0xff)
		prefix->len--;
	if (prefix->len == 0)
		return false;
	prefix->b[prefix->len - 1]++;
	return true;
}

struct key key_of_id(struct job_id id)
{
	struct key key = {0};
	key_add_id(&key, id);
	return key;
}

struct key key_of_seq(uint64_t seq)
{
	struct key key = {0};
	key_add(&key, seq, 8);
	return key;
}

struct key key_queue_prefix(enum place place, int phase)
{
	struct key key = {0};
	key_add(&key, place, 1);
	key_add(&key, (uint64_t)phase, 1);
	return key;
}

struct key key_queue(const struct job *job, uint32_t user_hash)
{
	bool by_user = job->in_crowd && rules_place(job) == PLACE_READY;
	struct key key = key_queue_prefix(rules_place(job), job->phase);
	key_add(&key, (uint64_t)rules_place_priority(job) | (by_user ? CROWD_BIT : 0), 1);
	if (by_user)
		key_add(&key, user_hash, 4);
	key_add(&key, (uint64_t)rules_place_at_us(job), 8);
	key_add_id(&key, job->id);
	return key;
}

size_t key_queue_len(struct slice key)
{
	bool by_user = key_get(key, 0, 1) == PLACE_READY && key_get(key, QUEUE_PRIORITY, 1) & CROWD_BIT;
	return by_user ? CROWD_LEN : QUEUE_LEN;
}

int64_t key_queue_at(struct slice key)
{
	return (int64_t)key_get(key, key_queue_len(key) - QUEUE_LEN + QUEUE_AT, 8);
}

struct job_id key_queue_id(struct slice key)
{
	return key_get_id(key, key_queue_len(key) - QUEUE_LEN + QUEUE_ID);
}

struct key key_workflow_prefix(uint64_t workflow_hash, int kind)
{
	struct key key = {0};
	key_add(&key, workflow_hash, 8);
	key_add(&key, (uint64_t)kind, 1);
	return key;
}

struct key key_line(uint64_t workflow_hash, struct job_id id)
{
	struct key key = key_workflow_prefix(workflow_hash, KIND_LINE);
	key_add_id(&key, id);
	return key;
}

struct key key_natural(uint64_t seed, const struct job *job, bool with_payload)
{
	struct key key = key_workflow_prefix(key_workflow_hash(seed, job->workflow_id), KIND_MEMBER);
	key_add(&key, (uint64_t)job->phase, 1);
	key_add(&key, key_user_hash(seed, job->user_id), 4);
	if (with_payload)
		key_add(&key, hash_text(seed, job->payload) & UINT32_MAX, 4);
	return key;
}

struct key key_member(uint64_t seed, const struct job *job)
{
	struct key key = key_natural(seed, job, true);
	key_add_id(&key, job->id);
	return key;
}

struct key key_unique(uint64_t seed, int kind, struct slice text)
{
	struct key key = {0};
	key_add(&key, (uint64_t)kind, 1);
	key_add(&key, hash_text(seed, text), 8);
	key_add(&key, hash_text(~seed, text), 8);
	return key;
}
