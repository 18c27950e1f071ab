/* spool/store/lmdb/await_io.c: see await_io.h. */
#include "spool/store/lmdb/await_io.h"

#include "spool/store/common/record.h"

enum { MEMBERS_MAX = 64 };
static const char prefix[] = "stalled.";
enum { PREFIX_LEN = sizeof prefix - 1, KEY_LEN = PREFIX_LEN + 16 };

struct key await_prefix(void)
{
	struct key key = {.len = PREFIX_LEN};
	memcpy(key.b, prefix, key.len);
	return key;
}

struct key await_key(struct job_id id)
{
	struct key key = await_prefix();
	key_add_id(&key, id);
	return key;
}

bool await_of_key(struct slice key, struct job_id *id)
{
	if (key.len != KEY_LEN || memcmp(key.p, prefix, PREFIX_LEN) != 0)
		return false;
	*id = key_get_id(key, PREFIX_LEN);
	return true;
}

/* Of very many it is taken for granted. */
static bool has_come(struct tx *tx, uint64_t workflow_hash, int phase, struct job_id since)
{
	struct key members = key_workflow_prefix(workflow_hash, KIND_MEMBER), from = members;
	struct walk w;
	bool found = false;
	key_add(&from, (uint64_t)phase, 1);
	bool more = walk_open(&w, tx, TREE_WORKFLOW) && walk_from(&w, key_slice(&from));
	for (int i = 0; more && !found && key_has_prefix(w.key, &members); more = walk_next(&w)) {
		if (!await_is_met(phase, (int)key_get(w.key, members.len, 1)))
			break; /* the steps, which stand behind the phases */
		found = ++i > MEMBERS_MAX || id_cmp(key_get_id(w.key, MEMBER_ID), since) > 0;
	}
	walk_close(&w);
	return found;
}

bool await_is_open(struct tx *tx, const struct loaded *l, int phase)
{
	const struct job *job = &l->job;
	return job->state == JOB_COMPLETED && !job->is_forgotten && await_next(job->phase) == phase &&
	       !has_come(tx, l->hashes.workflow, phase, job->id);
}

void await_forget(struct tx *tx, struct job_id id)
{
	struct key key = await_key(id);
	tx_del_if_there(tx, TREE_META, key_slice(&key));
}
