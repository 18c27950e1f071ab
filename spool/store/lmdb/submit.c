/* spool/store/lmdb/submit.c: a batch of triggers becomes jobs in one transaction (promises 1, 4, 6). */
#include "spool/store/lmdb/account_io.h"
#include "spool/store/lmdb/dedupe.h"
#include "spool/store/lmdb/event_io.h"
#include "spool/store/lmdb/line.h"
#include "spool/store/lmdb/room.h"
#include "spool/store/lmdb/verbs.h"
#include "spool/store/lmdb/wake.h"

static void refuse(struct receipt *receipt, enum status st, const char *text)
{
	receipt->verdict = SUBMIT_REFUSED;
	receipt->status = why_set(&receipt->why, st, "%s", text);
}

/* Jobs that have not ended. */
static uint64_t depth(const struct head *head)
{
	return head_place(head, PLACE_READY) + head_place(head, PLACE_BEHIND) +
	       head_place(head, PLACE_DELAYED) + head_place(head, PLACE_ACTIVE) +
	       head_place(head, PLACE_HELD);
}

/* What a trigger meets in the spool. */
struct setting {
	uint64_t workflow_hash;
	bool is_first_of_workflow;
	struct dedupe_answer answer;
};

static bool take_place(struct tx *tx, const struct setting *at, struct job_id id)
{
	if (at->is_first_of_workflow)
		return true;
	if (tx->store->ordering)
		return line_join(tx, at->workflow_hash, id);
	line_pass(tx, at->workflow_hash);
	return true;
}

static void accept(struct tx *tx, const struct trigger *t, const struct setting *at, struct job_id *last,
	struct receipt *receipt)
{
	struct job job;
	struct event event;
	*last = id_next(*last, tx->now.wall_us);
	bool has_turn = take_place(tx, at, *last);
	rules_accept(&job, t, *last, tx->now, tx->store->ordering, has_turn, &event);
	job.in_crowd = crowd_note(&tx->store->crowd, key_user_hash(tx->store->seed, t->user_id), tx->now);
	event_append(tx, &event, &job);
	job_insert(tx, &job);
	receipt_of_new(receipt, &job);
	receipt->has_earlier = at->answer.has_earlier;
	receipt->earlier = at->answer.earlier;
}

static void submit_one(struct tx *tx, const struct trigger *t, struct job_id *last, bool disk_is_full,
	struct receipt *receipt)
{
	struct setting at = {.workflow_hash = key_workflow_hash(tx->store->seed, t->workflow_id)};
	*receipt = (struct receipt){.verdict = SUBMIT_REFUSED};
	receipt->status = rules_check_trigger(t, &receipt->why);
	if (receipt->status != ST_OK)
		return;
	at.is_first_of_workflow = line_is_first(tx, at.workflow_hash);
	dedupe_ask(tx, t, at.is_first_of_workflow, &at.answer);
	if (at.answer.verdict != SUBMIT_ACCEPTED) {
		receipt_of_first(receipt, &at.answer.first.job, at.answer.verdict, at.answer.body_differs);
		loaded_release(&at.answer.first);
	} else if (room_map_is_full(tx->store))
		refuse(receipt, ST_FULL, "the spool is full; intake is closed until there is room");
	else if (disk_is_full)
		refuse(receipt, ST_NOSPACE,
			"the spool's file system is nearly full; intake is closed until there is room");
	else if (tx->store->max_depth && depth(&tx->head) >= (uint64_t)tx->store->max_depth)
		refuse(receipt, ST_DEEP, "the backlog is as deep as spool.max-depth allows");
	else if (!account_has_room(tx, t, &receipt->why))
		receipt->status = ST_QUOTA;
	else
		accept(tx, t, &at, last, receipt);
}

enum status lmdb_submit(
	struct store *store, struct moment now, const struct submission *list, size_t n, struct why *why)
{
	struct tx tx;
	enum status st = tx_begin(&tx, store, TX_WRITE, now, why);
	if (st != ST_OK)
		return st;
	struct job_id last = job_last_id(&tx);
	bool disk_is_full = room_disk_is_full(store);
	for (size_t i = 0; i < n && tx.st == ST_OK; i++)
		submit_one(&tx, list[i].trigger, &last, disk_is_full, list[i].receipt);
	bool wakes = tx.wakes;
	st = tx_commit_unsynced(&tx, why);
	if (st == ST_OK && wakes)
		wake_ring(store);
	return st;
}
