/* spool/store/lmdb/dedupe.c: see dedupe.h. */
#include "spool/store/lmdb/dedupe.h"

#include "spool/store/common/record.h"

/* Jobs looked at under one natural key: with the payload's hash in the key more than one is a job that was
 * submitted again after it had failed, been cancelled or fallen out of the window. The newest stand last and
 * are looked at first. */
enum { CANDIDATES_MAX = 16 };

static bool load_unique(struct tx *tx, int kind, struct slice text, struct loaded *out)
{
	struct key key = key_unique(tx->store->seed, kind, text);
	struct slice record;
	struct job_id id;
	return tx_get(tx, TREE_KEY, key_slice(&key), &record) == ST_OK &&
	       record_decode_id(record, &id) == ST_OK && job_load(tx, id, JOB_WHOLE, out) == ST_OK;
}

/* A job whose explicit key this is answers for it, whatever its state, as long as it is retained. */
static void ask_explicit(struct tx *tx, const struct trigger *t, struct dedupe_answer *out)
{
	if (!load_unique(tx, KIND_EXPLICIT, t->idempotency_key, &out->first))
		return;
	out->verdict = rules_same_request(&out->first.job, t) ? SUBMIT_DUPLICATE : SUBMIT_KEY_REUSED;
}

static void ask_solo(struct tx *tx, const struct trigger *t, struct dedupe_answer *out)
{
	if (!load_unique(tx, KIND_SOLO, t->user_id, &out->first))
		return;
	enum dedupe dedupe = rules_dedupe(&out->first.job, t, &tx->store->dedupe, tx->now);
	if (dedupe == DEDUPE_NONE) {
		loaded_release(&out->first);
		return;
	}
	out->verdict = SUBMIT_DUPLICATE;
	out->body_differs = dedupe == DEDUPE_OTHER_BODY;
}

/* Ids under a prefix of the workflow tree, newest key first. */
static size_t candidates(struct tx *tx, const struct key *prefix, struct job_id *ids)
{
	struct key after = *prefix;
	struct walk w;
	size_t n = 0;
	bool more = walk_open(&w, tx, TREE_WORKFLOW);
	more = more && (key_after_prefix(&after) ? walk_before(&w, key_slice(&after)) : walk_last(&w));
	for (; more && n < CANDIDATES_MAX && key_has_prefix(w.key, prefix); more = walk_prev(&w))
		ids[n++] = key_get_id(w.key, MEMBER_ID);
	walk_close(&w);
	return n;
}

/* The first candidate that the rules call `wanted`. */
static bool find_candidate(struct tx *tx, const struct trigger *t, const struct key *prefix,
	enum dedupe wanted, struct loaded *out)
{
	struct job_id ids[CANDIDATES_MAX];
	size_t n = candidates(tx, prefix, ids);
	for (size_t i = 0; i < n; i++) {
		if (job_load(tx, ids[i], JOB_WHOLE, out) != ST_OK)
			continue;
		if (rules_dedupe(&out->job, t, &tx->store->dedupe, tx->now) == wanted)
			return true;
		loaded_release(out);
	}
	return false;
}

static void ask_natural(struct tx *tx, const struct trigger *t, struct dedupe_answer *out)
{
	struct job as_job = {.phase = t->phase,
		.workflow_id = t->workflow_id,
		.user_id = t->user_id,
		.payload = t->payload};
	struct key same = key_natural(tx->store->seed, &as_job, true);
	struct key any = key_natural(tx->store->seed, &as_job, false);
	struct loaded other;
	if (find_candidate(tx, t, &same, DEDUPE_SAME, &out->first)) {
		out->verdict = SUBMIT_DUPLICATE;
	} else if (find_candidate(tx, t, &any, DEDUPE_OTHER_BODY, &other)) {
		out->has_earlier = true;
		out->earlier = other.job.id;
		loaded_release(&other);
	}
}

void dedupe_ask(struct tx *tx, const struct trigger *t, bool is_first_of_workflow, struct dedupe_answer *out)
{
	*out = (struct dedupe_answer){.verdict = SUBMIT_ACCEPTED};
	if (t->idempotency_key.len)
		ask_explicit(tx, t, out);
	else if (t->solo_user)
		ask_solo(tx, t, out);
	else if (!is_first_of_workflow)
		ask_natural(tx, t, out);
}
