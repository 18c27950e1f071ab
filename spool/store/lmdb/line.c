/* spool/store/lmdb/line.c: see line.h. */
#include "spool/store/lmdb/line.h"

#include "spool/store/common/record.h"
#include "spool/store/lmdb/aside.h"

/* The first id of the line after `after`; zero: none. */
static struct job_id next_in_line(struct tx *tx, uint64_t workflow_hash, struct job_id after)
{
	struct key prefix = key_workflow_prefix(workflow_hash, KIND_LINE),
		   from = key_line(workflow_hash, after);
	struct job_id id = {{0}};
	struct walk w;
	bool found = walk_open(&w, tx, TREE_WORKFLOW) && walk_from(&w, key_slice(&from));
	if (found && id_cmp(key_get_id(w.key, LINE_ID), after) == 0)
		found = walk_next(&w);
	if (found && key_has_prefix(w.key, &prefix))
		id = key_get_id(w.key, LINE_ID);
	walk_close(&w);
	return id;
}

bool line_is_first(struct tx *tx, uint64_t workflow_hash)
{
	struct key prefix = {0};
	struct walk w;
	key_add(&prefix, workflow_hash, 8);
	bool known = walk_open(&w, tx, TREE_WORKFLOW) && walk_from(&w, key_slice(&prefix)) &&
		     key_has_prefix(w.key, &prefix);
	walk_close(&w);
	return !known;
}

void line_enter(struct tx *tx, uint64_t workflow_hash, struct job_id id)
{
	struct key key = key_line(workflow_hash, id);
	tx_put(tx, TREE_WORKFLOW, key_slice(&key), (struct slice){"", 0});
}

static bool load_state(struct tx *tx, struct job_id id, struct job *job)
{
	struct key key = key_of_id(id);
	struct slice record;
	struct job_hashes hashes;
	*job = (struct job){.id = id};
	return tx_get(tx, TREE_JOB, key_slice(&key), &record) == ST_OK &&
	       record_decode_job(record, job, &hashes) == ST_OK;
}

/* How many jobs the workflow has, counted up to LINE_FEW + 1; *alone: a live one that stands in line. One
 * whose record cannot be read can neither be run nor be settled: it does not count as alive. */
static size_t look_around(struct tx *tx, uint64_t workflow_hash, struct job_id *alone)
{
	struct key prefix = key_workflow_prefix(workflow_hash, KIND_MEMBER);
	struct walk w;
	size_t n = 0;
	bool more = walk_open(&w, tx, TREE_WORKFLOW) && walk_from(&w, key_slice(&prefix));
	for (; more && n <= LINE_FEW && key_has_prefix(w.key, &prefix); more = walk_next(&w), n++) {
		struct job job;
		if (load_state(tx, key_get_id(w.key, MEMBER_ID), &job) && job.ordered &&
			!job_state_is_ended(job.state))
			*alone = job.id;
	}
	walk_close(&w);
	return n;
}

bool line_join(struct tx *tx, uint64_t workflow_hash, struct job_id id)
{
	struct job_id alone = {{0}};
	bool has_entries = !id_is_zero(next_in_line(tx, workflow_hash, (struct job_id){{0}}));
	size_t others = has_entries ? 0 : look_around(tx, workflow_hash, &alone);
	if (!id_is_zero(alone))
		line_enter(tx, workflow_hash, alone);
	if (has_entries || !id_is_zero(alone) || others >= LINE_FEW)
		line_enter(tx, workflow_hash, id);
	return !has_entries && id_is_zero(alone);
}

void line_pass(struct tx *tx, uint64_t workflow_hash)
{
	struct job_id alone = {{0}};
	if (id_is_zero(next_in_line(tx, workflow_hash, alone)) &&
		look_around(tx, workflow_hash, &alone) >= LINE_FEW && !id_is_zero(alone))
		line_enter(tx, workflow_hash, alone);
}

/* Give the turn to the first of the line that can be read. A damaged one is set aside, or it would block the
 * line. */
static void hand_on(struct tx *tx, uint64_t workflow_hash)
{
	for (;;) {
		struct job_id id = next_in_line(tx, workflow_hash, (struct job_id){{0}});
		struct loaded next;
		if (id_is_zero(id) || tx->st != ST_OK)
			return;
		enum status st = job_load(tx, id, JOB_STATE_ONLY, &next);
		if (st == ST_OK) {
			next.job.has_turn = true;
			job_update(tx, &next);
			loaded_release(&next);
			return;
		}
		struct key key = key_line(workflow_hash, id);
		tx_del(tx, TREE_WORKFLOW, key_slice(&key));
		aside_job(tx, id, NULL);
	}
}

void line_leave(struct tx *tx, const struct loaded *l)
{
	struct key key = key_line(l->hashes.workflow, l->job.id);
	struct job_id none = {{0}};
	if (!l->job.ordered || id_is_zero(next_in_line(tx, l->hashes.workflow, none)))
		return; /* most lines have no entry: one look tells, in a tree too large for the caches */
	tx_del_if_there(tx, TREE_WORKFLOW, key_slice(&key));
	if (l->had_turn)
		hand_on(tx, l->hashes.workflow);
}

void line_drop(struct tx *tx, uint64_t workflow_hash, struct job_id id)
{
	struct key key = key_line(workflow_hash, id);
	if (!tx_has(tx, TREE_WORKFLOW, key_slice(&key)))
		return;
	tx_del(tx, TREE_WORKFLOW, key_slice(&key));
	if (id_is_zero(line_holder(tx, workflow_hash)))
		hand_on(tx, workflow_hash);
}

struct job_id line_holder(struct tx *tx, uint64_t workflow_hash)
{
	struct job_id id = {{0}};
	struct job job;
	do
		id = next_in_line(tx, workflow_hash, id);
	while (!id_is_zero(id) && !(load_state(tx, id, &job) && job.has_turn));
	return id;
}
