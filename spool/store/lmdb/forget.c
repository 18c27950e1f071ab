/* spool/store/lmdb/forget.c: a person leaves the spool, and the jobs stay: a bounded number of jobs, or of
 * events, in each transaction. What is to be changed is found in a read transaction, for nearly all that is
 * looked at is somebody else's. */
#include "spool/store/common/record.h"
#include "spool/store/lmdb/event_io.h"
#include "spool/store/lmdb/job_io.h"
#include "spool/store/lmdb/verbs.h"

enum { JOBS_MAX = 64, EVENTS_MAX = 512, RECORDS_MAX = 64, LOOK_MAX = 20000, USER_AT = MEMBER_ID - 8 };

/* What one call has found and done. */
struct step {
	const struct forget_ask *ask;
	struct forget *forget;
	struct job_id ids[JOBS_MAX];
	uint64_t seqs[EVENTS_MAX];
	struct key keys[RECORDS_MAX];
	size_t n;
	uint64_t jobs, events, records, live;
};

/* --- jobs --- */

static void find_jobs(struct tx *tx, struct step *s)
{
	struct forget *f = s->forget;
	uint32_t user_hash = key_user_hash(tx->store->seed, s->ask->user_id);
	struct key from = key_of_id(f->after);
	struct walk w;
	bool more = walk_open(&w, tx, TREE_JOB) && walk_from(&w, key_slice(&from));
	if (more && !id_is_zero(f->after) && slice_eq(w.key, key_slice(&from)))
		more = walk_next(&w);
	for (size_t looked = 0; more && looked < LOOK_MAX && s->n < JOBS_MAX; looked++) {
		f->after = key_get_id(w.key, 0);
		if (record_peek_user(w.value) == user_hash)
			s->ids[s->n++] = f->after;
		more = walk_next(&w);
	}
	f->jobs_done = !more;
	walk_close(&w);
}

/* Whether jobs of another user belong to the workflow. Their entries stand by phase, and in that by user: a
 * look before and one behind this user's are enough. */
static bool is_shared(struct tx *tx, const struct loaded *l)
{
	struct key prefix = key_workflow_prefix(l->hashes.workflow, KIND_MEMBER);
	bool is = false;
	struct walk w;
	if (!walk_open(&w, tx, TREE_WORKFLOW))
		return false;
	struct key at = prefix;
	while (!is && walk_from(&w, key_slice(&at)) && key_has_prefix(w.key, &prefix)) {
		is = key_get(w.key, USER_AT, 4) != l->hashes.user;
		at.len = prefix.len;
		key_add(&at, key_get(w.key, prefix.len, 1), 1);
		key_add(&at, l->hashes.user, 4);
		if (!is && !key_after_prefix(&at))
			break;
	}
	walk_close(&w);
	return is;
}

static void put_event(struct tx *tx, const struct event *event)
{
	struct key key = key_of_seq(event->seq);
	record_encode_event(event, &tx->scratch);
	tx_put(tx, TREE_EVENT, key_slice(&key), buf_slice(&tx->scratch));
}

/* false: there is none that can be read. */
static bool read_event(struct tx *tx, uint64_t seq, struct event *event)
{
	struct key key = key_of_seq(seq);
	struct slice record;
	*event = (struct event){.seq = seq};
	return tx_get(tx, TREE_EVENT, key_slice(&key), &record) == ST_OK &&
	       record_decode_event(record, event) == ST_OK;
}

static void forget_chain(struct tx *tx, struct step *s, uint64_t seq)
{
	struct event event;
	while (seq && tx->st == ST_OK && read_event(tx, seq, &event)) {
		uint64_t prev = event.prev;
		if (forget_event(&event)) {
			put_event(tx, &event);
			s->events++;
		}
		seq = prev;
	}
}

/* One that cannot be read is left as it is: `verify` names it. */
static void forget_one(struct tx *tx, struct step *s, struct job_id id)
{
	struct loaded l;
	struct forget_names names;
	if (job_load(tx, id, JOB_WHOLE, &l) != ST_OK)
		return;
	if (slice_eq(l.job.user_id, s->ask->user_id)) {
		if (job_state_is_ended(l.job.state)) {
			struct key member = key_member(tx->store->seed, &l.job);
			job_drop_keys(tx, &l.job);
			forget_job(&l.job, s->ask, is_shared(tx, &l), &names);
			job_rewrite(tx, &l, &member);
			forget_chain(tx, s, l.job.last_event);
			s->jobs++;
		} else {
			s->live++;
		}
	}
	loaded_release(&l);
}

static void forget_jobs(struct tx *tx, struct step *s)
{
	for (size_t i = 0; i < s->n && tx->st == ST_OK; i++)
		forget_one(tx, s, s->ids[i]);
}

/* --- events of jobs that are gone, or that their job's chain no longer reaches --- */

static bool job_is_forgotten(struct slice record)
{
	struct job job = JOB_INIT;
	struct job_hashes hashes;
	return record_decode_job(record, &job, &hashes) == ST_OK && job.is_forgotten;
}

static bool is_to_forget(struct tx *tx, const struct step *s, const struct event *event)
{
	struct event bare = *event;
	struct key key = key_of_id(event->job);
	struct slice record;
	if (event->kind == EVENT_FORGOTTEN || event->kind == EVENT_REMOVED || !forget_event(&bare))
		return false;
	if (!id_is_zero(event->job) && tx_get(tx, TREE_JOB, key_slice(&key), &record) == ST_OK)
		return job_is_forgotten(record);
	return forget_is_named(event, s->ask->user_id);
}

static void find_events(struct tx *tx, struct step *s)
{
	struct forget *f = s->forget;
	struct key from = key_of_seq(f->seen + 1);
	struct walk w;
	bool more = walk_open(&w, tx, TREE_EVENT) && walk_from(&w, key_slice(&from));
	for (size_t looked = 0; more && looked < LOOK_MAX && s->n < EVENTS_MAX; looked++) {
		struct event event = {.seq = key_get(w.key, 0, 8)};
		f->seen = event.seq;
		if (record_decode_event(w.value, &event) == ST_OK && is_to_forget(tx, s, &event))
			s->seqs[s->n++] = event.seq;
		more = walk_next(&w);
	}
	f->events_done = !more;
	walk_close(&w);
}

static void forget_events(struct tx *tx, struct step *s)
{
	struct event event;
	for (size_t i = 0; i < s->n && tx->st == ST_OK; i++) {
		if (!read_event(tx, s->seqs[i], &event) || !forget_event(&event))
			continue;
		put_event(tx, &event);
		s->events++;
	}
}

/* --- records that were set aside: what they say nobody knows, but the id can be seen in them --- */

static void find_records(struct tx *tx, struct step *s)
{
	struct slice id = s->ask->user_id;
	struct walk w;
	bool more = walk_open(&w, tx, TREE_ASIDE) && walk_from(&w, (struct slice)SLICE_INIT);
	for (; more && s->n < RECORDS_MAX; more = walk_next(&w)) {
		if (w.value.len < id.len || w.key.len > sizeof s->keys[0].b ||
			!memmem(w.value.p, w.value.len, id.p, id.len))
			continue;
		s->keys[s->n].len = w.key.len;
		memcpy(s->keys[s->n++].b, w.key.p, w.key.len);
	}
	s->forget->is_done = !more;
	walk_close(&w);
}

static void forget_records(struct tx *tx, struct step *s)
{
	for (size_t i = 0; i < s->n; i++)
		tx_put(tx, TREE_ASIDE, key_slice(&s->keys[i]), (struct slice){"", 0});
	s->records = s->n;
}

/* --- one step --- */

static void append_forgotten(struct tx *tx, const struct step *s)
{
	char data[FORGET_DATA_MAX];
	struct event event = forget_told(s->ask, s->jobs, s->events, s->records, tx->now, data);
	event_append(tx, &event, NULL);
}

typedef void (*part)(struct tx *tx, struct step *s);

static enum status look(struct store *store, struct moment now, struct step *s, part find, struct why *why)
{
	struct tx tx;
	enum status st = tx_begin(&tx, store, TX_READ, now, why);
	if (st != ST_OK)
		return st;
	find(&tx, s);
	st = tx.st;
	if (st != ST_OK && why)
		*why = tx.why;
	tx_end(&tx);
	return st;
}

static enum status change(struct store *store, struct moment now, struct step *s, part act, struct why *why)
{
	struct tx tx;
	enum status st = tx_begin(&tx, store, TX_WRITE, now, why);
	if (st != ST_OK)
		return st;
	act(&tx, s);
	if (tx.st == ST_OK && !s->jobs && !s->events && !s->records) {
		tx_end(&tx);
		return ST_OK;
	}
	append_forgotten(&tx, s);
	return tx_commit(&tx, why);
}

enum status lmdb_forget(struct store *store, struct moment now, const struct forget_ask *ask,
	struct forget *forget, struct why *why)
{
	static const struct {
		part find, act;
	} parts[] = {{find_jobs, forget_jobs}, {find_events, forget_events}, {find_records, forget_records}};
	struct forget next = *forget;
	struct step s = {.ask = ask, .forget = &next};
	size_t at = next.events_done ? 2 : next.jobs_done ? 1 : 0;
	if (ask->user_id.len == 0)
		return why_set(why, ST_INVALID, "whom to forget is not said");
	enum status st = look(store, now, &s, parts[at].find, why);
	if (st == ST_OK && s.n)
		st = change(store, now, &s, parts[at].act, why);
	if (st != ST_OK)
		return st;
	*forget = next;
	forget->jobs += s.jobs;
	forget->events += s.events;
	forget->records += s.records;
	forget->live += s.live;
	return ST_OK;
}
