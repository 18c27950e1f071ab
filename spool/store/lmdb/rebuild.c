/* spool/store/lmdb/rebuild.c: a whole spool from records: every index entry, chain, line and counter anew. */
#include "spool/store/lmdb/repair.h"

#include "spool/store/common/record.h"
#include "spool/store/lmdb/event_io.h"
#include "spool/store/lmdb/job_io.h"
#include "spool/store/lmdb/line.h"

#include <stdlib.h>

enum { PAGE_OF_IDS = 256 };

/* The next ids of a tree whose keys are ids, after *at. Collected first: what is done to them writes. */
static size_t next_ids(struct repair *r, enum tree tree, struct job_id *at, struct job_id ids[PAGE_OF_IDS])
{
	struct key from = key_of_id(*at);
	struct walk w;
	size_t n = 0;
	bool more = walk_open(&w, &r->tx, tree) && walk_from(&w, key_slice(&from));
	for (; more && n < PAGE_OF_IDS; more = walk_next(&w))
		if (id_cmp(key_get_id(w.key, 0), *at) != 0)
			ids[n++] = key_get_id(w.key, 0);
	walk_close(&w);
	if (n)
		*at = ids[n - 1];
	return n;
}

static void each_id(struct repair *r, enum tree tree, void (*act)(struct repair *r, struct job_id id))
{
	struct job_id at = {{0}}, ids[PAGE_OF_IDS];
	size_t n;
	while (r->tx.st == ST_OK && (n = next_ids(r, tree, &at, ids)) > 0)
		for (size_t i = 0; i < n; i++) {
			struct key key = key_of_id(ids[i]);
			guard_at(r->guard, tree_names[tree], key_slice(&key));
			act(r, ids[i]);
			repair_wrote(r);
		}
}

static void move_aside(struct repair *r, enum tree tree, struct job_id id, const char *reason)
{
	struct key key = key_of_id(id);
	struct slice record;
	struct buf copy = BUF_INIT(16 << 20);
	if (tx_get(&r->tx, tree, key_slice(&key), &record) != ST_OK)
		return;
	buf_add_slice(&copy, record);
	repair_aside(r, tree, key_slice(&key), buf_slice(&copy), reason);
	tx_del(&r->tx, tree, key_slice(&key));
	buf_release(&copy);
}

/* --- chains of events --- */

static void set_bit(struct repair *r, uint64_t seq)
{
	if (seq <= r->newest_seq)
		r->chained[seq / 8] |= (uint8_t)(1 << seq % 8);
}

static bool chain_is_whole(struct repair *r, const struct job *job)
{
	uint64_t seq = job->last_event;
	if (seq == 0)
		return false;
	while (seq) {
		struct event event = {.seq = seq};
		struct key key = key_of_seq(seq);
		struct slice record;
		if (tx_get(&r->tx, TREE_EVENT, key_slice(&key), &record) != ST_OK ||
			record_decode_event(record, &event) != ST_OK || id_cmp(event.job, job->id) != 0)
			return false;
		set_bit(r, seq);
		seq = event.prev < seq ? event.prev : 0;
	}
	return true;
}

static int compare_ids(const void *a, const void *b)
{
	return id_cmp(*(const struct job_id *)a, *(const struct job_id *)b);
}

static void sort_ids(struct id_list *list)
{
	size_t n = 0;
	if (list->n)
		qsort(list->ids, list->n, sizeof *list->ids, compare_ids);
	for (size_t i = 0; i < list->n; i++)
		if (n == 0 || id_cmp(list->ids[i], list->ids[n - 1]) != 0)
			list->ids[n++] = list->ids[i];
	list->n = n;
}

/* Where a job stands in a sorted list; -1: it does not. */
static ptrdiff_t find_id(const struct id_list *list, struct job_id id)
{
	const struct job_id *at =
		list->n ? bsearch(&id, list->ids, list->n, sizeof *list->ids, compare_ids) : NULL;
	return at ? at - list->ids : -1;
}

static void each_event(
	struct repair *r, void (*act)(struct repair *r, struct event *event, void *arg), void *arg)
{
	uint64_t seq = 0;
	for (;;) {
		struct key from = key_of_seq(seq + 1);
		struct event event = {0};
		struct walk w;
		bool found = walk_open(&w, &r->tx, TREE_EVENT) && walk_from(&w, key_slice(&from));
		enum status st = ST_NOTFOUND;
		if (found) {
			seq = key_get(w.key, 0, 8);
			st = event_copy(seq, w.value, &event);
		}
		walk_close(&w);
		if (!found || r->tx.st != ST_OK)
			return;
		guard_at(r->guard, "event", key_slice(&from));
		if (st == ST_OK)
			act(r, &event, arg);
		event_release(&event);
		repair_wrote(r);
	}
}

/* An event of a job that is there and in whose chain it is not: the chain is made anew. */
static void find_unchained(struct repair *r, struct event *event, void *arg)
{
	struct key key = key_of_id(event->job);
	(void)arg;
	if (event->seq <= r->newest_seq && r->chained[event->seq / 8] >> event->seq % 8 & 1)
		return;
	if (!id_is_zero(event->job) && tx_has(&r->tx, TREE_JOB, key_slice(&key)))
		id_list_add(r, &r->broken, event->job);
}

static void relink(struct repair *r, struct event *event, void *arg)
{
	uint64_t *last = arg;
	ptrdiff_t at = find_id(&r->broken, event->job);
	if (at < 0)
		return;
	if (event->prev != last[at]) {
		struct key key = key_of_seq(event->seq);
		event->prev = last[at];
		record_encode_event(event, &r->tx.scratch);
		tx_put(&r->tx, TREE_EVENT, key_slice(&key), buf_slice(&r->tx.scratch));
	}
	last[at] = event->seq;
}

void repair_tell(struct repair *r, struct job *job, const char *reason, struct slice data)
{
	struct event event = {.kind = EVENT_REPAIRED,
		.at_us = r->tx.now.wall_us,
		.phase = job ? job->phase : 0,
		.from = EVENT_NO_STATE,
		.to = EVENT_NO_STATE,
		.actor = slice_text("operator"),
		.reason = slice_text(reason),
		.data = data};
	if (job)
		event.job = job->id;
	event_append(&r->tx, &event, job);
}

static void mend_chains(struct repair *r)
{
	each_event(r, find_unchained, NULL);
	sort_ids(&r->broken);
	uint64_t *last = calloc(r->broken.n + 1, sizeof *last);
	if (!last) {
		tx_fail_status(&r->tx, ST_NOMEM, "out of memory");
		return;
	}
	if (r->broken.n)
		each_event(r, relink, last);
	for (size_t i = 0; i < r->broken.n && r->tx.st == ST_OK; i++) {
		struct loaded l;
		if (job_load(&r->tx, r->broken.ids[i], JOB_STATE_ONLY, &l) != ST_OK)
			continue;
		l.job.last_event = last[i];
		repair_tell(r, &l.job, "its history has a gap", (struct slice)SLICE_INIT);
		job_update(&r->tx, &l);
		loaded_release(&l);
		repair_wrote(r);
		r->care->result->mended++;
	}
	free(last);
}

/* --- jobs --- */

static void enter_job(struct repair *r, struct job_id id)
{
	struct loaded l;
	struct key key = key_of_id(id);
	if (!tx_has(&r->tx, TREE_TRIGGER, key_slice(&key))) {
		move_aside(r, TREE_JOB, id, "its trigger is lost");
		return;
	}
	if (job_load(&r->tx, id, JOB_WHOLE, &l) != ST_OK) {
		move_aside(r, TREE_JOB, id, "cannot be read");
		move_aside(r, TREE_TRIGGER, id, "its job cannot be read");
		return;
	}
	job_enter(&r->tx, &l.job, false);
	if (l.job.ordered && !job_state_is_ended(l.job.state))
		line_enter(&r->tx, key_workflow_hash(r->store->seed, l.job.workflow_id), id);
	if (!chain_is_whole(r, &l.job))
		id_list_add(r, &r->broken, id);
	r->care->result->jobs++;
	loaded_release(&l);
}

static void leave_trigger(struct repair *r, struct job_id id)
{
	struct key key = key_of_id(id);
	if (!tx_has(&r->tx, TREE_JOB, key_slice(&key)))
		move_aside(r, TREE_TRIGGER, id, "its job is lost");
}

/* --- lines: exactly one of each has the turn --- */

/* The first key of the line after key; false: there is no more line. */
static bool next_line_entry(struct repair *r, struct key *key)
{
	struct walk w;
	bool more = walk_open(&w, &r->tx, TREE_WORKFLOW) && walk_from(&w, key_slice(key));
	if (more && slice_eq(w.key, key_slice(key)))
		more = walk_next(&w);
	while (more && key_get(w.key, WORKFLOW_KIND, 1) != KIND_LINE) {
		struct key after = key_workflow_prefix(key_get(w.key, 0, 8), KIND_MEMBER);
		more = key_after_prefix(&after) && walk_from(&w, key_slice(&after));
	}
	if (more) {
		key->len = w.key.len;
		memcpy(key->b, w.key.p, w.key.len);
	}
	walk_close(&w);
	return more;
}

/* At the job's own entry: it has the turn if it is the line's holder. */
static void set_turn(struct repair *r, struct job_id id, struct job_id holder)
{
	struct loaded l;
	if (job_load(&r->tx, id, JOB_STATE_ONLY, &l) != ST_OK)
		return;
	bool has_turn = id_cmp(id, holder) == 0;
	if (l.job.has_turn != has_turn) {
		l.job.has_turn = has_turn;
		job_update(&r->tx, &l);
		repair_wrote(r);
	}
	loaded_release(&l);
}

/* Who has the turn: one that is being run, else one that has it, else the first. */
static int claim_to_turn(struct repair *r, struct job_id id)
{
	struct loaded l;
	if (job_load(&r->tx, id, JOB_STATE_ONLY, &l) != ST_OK)
		return 0;
	int claim = l.job.state == JOB_ACTIVE ? 3 : l.job.has_turn ? 2 : 1;
	loaded_release(&l);
	return claim;
}

static void mend_line(struct repair *r, struct key first)
{
	struct job_id holder = {{0}};
	int best = 0;
	uint64_t hash = key_get(key_slice(&first), 0, 8);
	struct key at = first;
	do {
		struct job_id id = key_get_id(key_slice(&at), LINE_ID);
		int claim = claim_to_turn(r, id);
		if (claim > best)
			holder = id;
		best = claim > best ? claim : best;
	} while (next_line_entry(r, &at) && key_get(key_slice(&at), 0, 8) == hash);
	at = first;
	do
		set_turn(r, key_get_id(key_slice(&at), LINE_ID), holder);
	while (next_line_entry(r, &at) && key_get(key_slice(&at), 0, 8) == hash);
}

static void mend_lines(struct repair *r)
{
	struct key at = {.len = 1};
	while (r->tx.st == ST_OK && next_line_entry(r, &at)) {
		guard_at(r->guard, "workflow", key_slice(&at));
		mend_line(r, at);
		at = key_workflow_prefix(key_get(key_slice(&at), 0, 8), KIND_MEMBER);
	}
}

/* --- counters --- */

/* A job one copy of whose record was unreadable may have been found whole elsewhere: then it is not aside. */
static uint64_t count_aside(struct repair *r)
{
	uint64_t n = 0;
	sort_ids(&r->unreadable);
	for (size_t i = 0; i < r->unreadable.n && r->tx.st == ST_OK; i++) {
		struct key id = key_of_id(r->unreadable.ids[i]), key = {0};
		bool is_there = tx_has(&r->tx, TREE_JOB, key_slice(&id));
		n += !is_there;
		for (const char *kind = "jt"; is_there && *kind; kind++) {
			key.len = 0;
			key_add(&key, (uint8_t)*kind, 1);
			key_add_id(&key, r->unreadable.ids[i]);
			tx_del_if_there(&r->tx, TREE_ASIDE, key_slice(&key));
		}
	}
	return n;
}

static void set_counters(struct repair *r)
{
	struct care_result *result = r->care->result;
	struct head *head = &r->tx.head;
	result->set_aside = count_aside(r);
	head->removed_total = r->has_head ? r->head.removed_total : 0;
	head->paused_phases = r->has_head ? r->head.paused_phases : 0;
	head->set_aside = (r->has_head ? r->head.set_aside : 0) + result->set_aside;
	head->accepted_total = result->jobs + head->removed_total + head->set_aside;
	if (r->has_head && r->head.accepted_total > head->accepted_total) {
		result->lost = r->head.accepted_total - head->accepted_total;
		head->set_aside += result->lost;
		head->accepted_total = r->head.accepted_total;
	}
	if (r->has_head) {
		head->recent_n = r->head.recent_n;
		head->recent_at = r->head.recent_at;
		memcpy(head->recent_ms, r->head.recent_ms, sizeof head->recent_ms);
	}
}

void rebuild(struct repair *r)
{
	MDB_stat st = {0};
	r->tx.head.next_seq = r->newest_seq + 1;
	if (r->has_head && r->head.next_seq > r->tx.head.next_seq)
		r->tx.head.next_seq = r->head.next_seq;
	r->chained = calloc(1, r->newest_seq / 8 + 1);
	if (!r->chained) {
		tx_fail_status(&r->tx, ST_NOMEM, "out of memory");
		return;
	}
	each_id(r, TREE_JOB, enter_job);
	each_id(r, TREE_TRIGGER, leave_trigger);
	mend_chains(r);
	mend_lines(r);
	set_counters(r);
	if (r->tx.st == ST_OK && mdb_stat(r->tx.txn, r->store->dbi[TREE_EVENT], &st) == 0)
		r->care->result->events = st.ms_entries;
}
