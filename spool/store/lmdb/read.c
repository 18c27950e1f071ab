/* spool/store/lmdb/read.c: one job, events. Read transactions live for one call only: a long one
 * would keep every page that is freed meanwhile from being used again. */
#include "spool/store/common/record.h"
#include "spool/store/lmdb/event_io.h"
#include "spool/store/lmdb/line.h"
#include "spool/store/lmdb/verbs.h"

#include <stdio.h>
#include <stdlib.h>

/* Events looked at per call when a filter passes most of them over. */
enum { EVENTS_SCAN_MAX = 20000, JOBS_OF_WORKFLOW_MAX = 4096, HISTORY_MAX = 65536 };

static enum status begin_read(struct tx *tx, struct store *store, struct why *why)
{
	return tx_begin(tx, store, TX_READ, (struct moment){0}, why);
}

/* A read ends with the sticky failure, or the verdict of what was looked for. */
static enum status end_read(struct tx *tx, enum status st, struct why *why)
{
	if (tx->st != ST_OK) {
		st = tx->st;
		if (why)
			*why = tx->why;
	}
	tx_end(tx);
	return st;
}

enum status lmdb_get(struct store *store, struct job_id id, struct job *out, struct why *why)
{
	struct tx tx;
	struct loaded l;
	*out = (struct job)JOB_INIT;
	enum status st = begin_read(&tx, store, why);
	if (st != ST_OK)
		return st;
	st = job_load(&tx, id, JOB_WHOLE, &l);
	if (st == ST_OK) {
		if (l.place == PLACE_BEHIND)
			l.job.behind = line_holder(&tx, l.hashes.workflow);
		*out = l.job;
	} else {
		why_set(why, st,
			st == ST_NOTFOUND ? "there is no such job" : "the job's record cannot be read");
	}
	return end_read(&tx, st, why);
}

/* Whoever accepted it stands in the job: one who proved his name by that, others by what they say they are.
 */
static const char caller[] = "caller:";

static struct slice take(const char **at, size_t len)
{
	struct slice text = slice_of(*at, len);
	*at += len;
	return text;
}

/* Who and what the event was about, from its job while that is retained. */
static void add_ids(struct tx *tx, struct event *event)
{
	struct loaded l;
	if (id_is_zero(event->job) || job_load(tx, event->job, JOB_WITHOUT_PAYLOAD, &l) != ST_OK)
		return;
	struct slice record = buf_slice(&event->mem);
	struct buf mem = BUF_INIT(event->mem.max);
	buf_add_slice(&mem, record);
	buf_add_slice(&mem, l.job.workflow_id);
	buf_add_slice(&mem, l.job.user_id);
	buf_add_slice(&mem, l.job.traceparent);
	size_t said = token_is_proved(l.job.source) ? 0 : sizeof caller - 1;
	buf_add(&mem, caller, said);
	buf_add_slice(&mem, l.job.source);
	struct event whole = {.seq = event->seq};
	if (buf_status(&mem) == ST_OK && record_decode_event(slice_of(mem.p, record.len), &whole) == ST_OK) {
		const char *at = mem.p + record.len;
		whole.workflow_id = take(&at, l.job.workflow_id.len);
		whole.user_id = take(&at, l.job.user_id.len);
		whole.traceparent = take(&at, l.job.traceparent.len);
		if (whole.kind == EVENT_ACCEPTED)
			whole.actor = take(&at, said + l.job.source.len);
		event_release(event);
		*event = whole;
		event->mem = mem;
	} else {
		buf_release(&mem);
	}
	loaded_release(&l);
}

static bool kind_matches(const struct event *event, const struct event_filter *filter)
{
	return !filter->kinds || filter->kinds >> event->kind & 1;
}

static bool event_matches(const struct event *event, const struct event_filter *filter)
{
	if (filter->workflow_id.len && !slice_eq(event->workflow_id, filter->workflow_id))
		return false;
	return kind_matches(event, filter) &&
	       (!filter->user_id.len || slice_eq(event->user_id, filter->user_id));
}

/* The stream: ascending from after_seq, bounded in what is looked at. */
static void read_stream(struct tx *tx, const struct event_filter *filter, size_t max, struct event *events,
	size_t *n, uint64_t *last_seen)
{
	struct key from = key_of_seq(filter->after_seq + 1);
	struct walk w;
	bool more = walk_open(&w, tx, TREE_EVENT) && walk_from(&w, key_slice(&from));
	for (size_t looked = 0; more && *n < max && looked < EVENTS_SCAN_MAX;
		looked++, more = walk_next(&w)) {
		uint64_t seq = key_get(w.key, 0, 8);
		struct event event;
		*last_seen = seq;
		if (event_copy(seq, w.value, &event) != ST_OK)
			continue; /* damaged: `check` names it */
		if (kind_matches(&event, filter))
			add_ids(tx, &event);
		if (event_matches(&event, filter))
			events[(*n)++] = event;
		else
			event_release(&event);
	}
	walk_close(&w);
}

struct seqs {
	uint64_t *list;
	size_t n, cap;
};

static void add_chain(struct tx *tx, struct job_id id, uint64_t after, struct seqs *seqs)
{
	struct loaded l;
	if (job_load(tx, id, JOB_STATE_ONLY, &l) != ST_OK)
		return;
	uint64_t seq = l.job.last_event;
	loaded_release(&l);
	while (seq > after && seqs->n < HISTORY_MAX) {
		struct event event = {.seq = seq};
		struct key key = key_of_seq(seq);
		struct slice record;
		if (seqs->n == seqs->cap) {
			size_t cap = seqs->cap ? seqs->cap * 2 : 64;
			uint64_t *list = reallocarray(seqs->list, cap, sizeof *list);
			if (!list) {
				tx_fail_status(tx, ST_NOMEM, "out of memory while reading a history");
				return;
			}
			seqs->list = list;
			seqs->cap = cap;
		}
		if (tx_get(tx, TREE_EVENT, key_slice(&key), &record) != ST_OK ||
			record_decode_event(record, &event) != ST_OK)
			return;
		seqs->list[seqs->n++] = seq;
		seq = event.prev;
	}
}

static void add_workflow_chains(struct tx *tx, struct slice workflow_id, uint64_t after, struct seqs *seqs)
{
	struct key prefix = key_workflow_prefix(key_workflow_hash(tx->store->seed, workflow_id), KIND_MEMBER);
	struct walk w;
	bool more = walk_open(&w, tx, TREE_WORKFLOW) && walk_from(&w, key_slice(&prefix));
	for (size_t i = 0; more && i < JOBS_OF_WORKFLOW_MAX && key_has_prefix(w.key, &prefix); i++) {
		add_chain(tx, key_get_id(w.key, MEMBER_ID), after, seqs);
		more = walk_next(&w);
	}
	walk_close(&w);
}

static int by_seq(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

/* The history of a job or a workflow, through the chains. */
static void read_history(struct tx *tx, const struct event_filter *filter, size_t max, struct event *events,
	size_t *n, uint64_t *last_seen)
{
	struct seqs seqs = {0};
	if (!id_is_zero(filter->job))
		add_chain(tx, filter->job, filter->after_seq, &seqs);
	else
		add_workflow_chains(tx, filter->workflow_id, filter->after_seq, &seqs);
	if (seqs.n)
		qsort(seqs.list, seqs.n, sizeof *seqs.list, by_seq);
	for (size_t i = 0; i < seqs.n && *n < max; i++) {
		struct event event;
		*last_seen = seqs.list[i];
		if (event_load(tx, seqs.list[i], &event) != ST_OK)
			continue;
		add_ids(tx, &event);
		if (event_matches(&event, filter))
			events[(*n)++] = event;
		else
			event_release(&event);
	}
	free(seqs.list);
}

enum status lmdb_events(struct store *store, const struct event_filter *filter, size_t max,
	struct event *events, size_t *n, uint64_t *last_seen, struct why *why)
{
	struct tx tx;
	*n = 0;
	*last_seen = filter->after_seq;
	enum status st = begin_read(&tx, store, why);
	if (st != ST_OK)
		return st;
	if (id_is_zero(filter->job) && !filter->workflow_id.len)
		read_stream(&tx, filter, max, events, n, last_seen);
	else
		read_history(&tx, filter, max, events, n, last_seen);
	if (tx.st != ST_OK) {
		for (size_t i = 0; i < *n; i++)
			event_release(&events[i]);
		*n = 0;
	}
	return end_read(&tx, ST_OK, why);
}
