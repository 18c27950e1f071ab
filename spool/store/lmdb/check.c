/* spool/store/lmdb/check.c: walk everything and compare. Each invariant is one pass; each finding is one
 * line. */
#include "spool/store/lmdb/event_io.h"
#include "spool/store/lmdb/job_io.h"
#include "spool/store/lmdb/line.h"
#include "spool/store/lmdb/record.h"
#include "spool/store/lmdb/verbs.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct check {
	struct tx *tx;
	spool_check_fn report;
	void *arg;
	struct why *why;
	uint64_t findings;
	/* What the walk over the jobs counts, to hold the counters and the indexes against. */
	uint64_t jobs, lines, chained_events;
	uint64_t places[PHASE_SLOTS][PLACE_N];
};

static void finding(struct check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void finding(struct check *c, const char *fmt, ...)
{
	char text[320];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (c->findings++ == 0)
		why_set(c->why, ST_CORRUPT, "%s", text);
	if (c->report)
		c->report(c->arg, text);
}

static void check_entry(
	struct check *c, enum tree tree, const struct key *key, const char *id, const char *what)
{
	if (!tx_has(c->tx, tree, key_slice(key)))
		finding(c, "job %s has no entry in %s", id, what);
}

/* From the newest event back to the first: each must be there, be this job's, and be older than the one
 * before. */
static void check_chain(struct check *c, const struct job *job, const char *id)
{
	uint64_t seq = job->last_event;
	if (seq == 0)
		finding(c, "job %s has no event", id);
	while (seq) {
		struct event event = {.seq = seq};
		struct key key = key_of_seq(seq);
		struct slice record;
		if (tx_get(c->tx, TREE_EVENT, key_slice(&key), &record) != ST_OK ||
			record_decode_event(record, &event) != ST_OK) {
			finding(c, "event %" PRIu64 " of job %s is missing or damaged", seq, id);
			return;
		}
		if (id_cmp(event.job, job->id) != 0)
			finding(c, "event %" PRIu64 " stands in the chain of job %s but is another's", seq,
				id);
		c->chained_events++;
		seq = event.prev < seq ? event.prev : 0;
	}
}

static void check_job(struct check *c, struct job_id job_id)
{
	struct loaded l;
	char id[JOB_ID_TEXT_LEN];
	uint64_t seed = c->tx->store->seed;
	id_text(job_id, id);
	enum status st = job_load(c->tx, job_id, JOB_WHOLE, &l);
	if (st != ST_OK) {
		finding(c, "the record of job %s is damaged or of an unknown version", id);
		return;
	}
	const struct job *job = &l.job;
	struct key member = key_member(seed, job);
	struct key line = key_line(l.hashes.workflow, job->id);
	bool stands_in_line = job->ordered && !job_state_is_ended(job->state);
	check_entry(c, TREE_QUEUE, &l.queue_key, id, "queue");
	check_entry(c, TREE_WORKFLOW, &member, id, "workflow");
	struct job_hashes hashes = job_hashes(c->tx->store, job);
	if (l.hashes.workflow != hashes.workflow || l.hashes.user != hashes.user)
		finding(c, "job %s carries the hash of another workflow or user", id);
	if (phase_slot(job->phase) < 0)
		finding(c, "job %s has phase %d", id, job->phase);
	else
		c->places[phase_slot(job->phase)][l.place]++;
	c->lines += stands_in_line && tx_has(c->tx, TREE_WORKFLOW, key_slice(&line));
	check_chain(c, job, id);
	loaded_release(&l);
}

static void check_jobs(struct check *c)
{
	struct walk w;
	bool more = walk_open(&w, c->tx, TREE_JOB) && walk_from(&w, (struct slice)SLICE_INIT);
	for (; more; more = walk_next(&w)) {
		c->jobs++;
		check_job(c, key_get_id(w.key, 0));
	}
	walk_close(&w);
}

static uint64_t entries(struct check *c, enum tree tree)
{
	MDB_stat st = {0};
	mdb_stat(c->tx->txn, c->tx->store->dbi[tree], &st);
	return st.ms_entries;
}

/* Every job has its entries; if there are as many entries as that makes, every entry has its job. */
static void check_sizes(struct check *c)
{
	const struct {
		enum tree tree;
		const char *name;
		uint64_t want;
	} rows[] = {
		{TREE_TRIGGER, "trigger", c->jobs},
		{TREE_QUEUE, "queue", c->jobs},
		{TREE_WORKFLOW, "workflow", c->jobs + c->lines},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (entries(c, rows[i].tree) != rows[i].want)
			finding(c, "tree %s has %" PRIu64 " entries, the jobs make %" PRIu64, rows[i].name,
				entries(c, rows[i].tree), rows[i].want);
}

static void check_counters(struct check *c)
{
	const struct head *head = &c->tx->head;
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		for (int place = 0; place < PLACE_N; place++)
			if (head->jobs[slot][place] != c->places[slot][place])
				finding(c, "counter of phase %d, place %d is %" PRIu64 ", there are %" PRIu64,
					phase_of_slot(slot), place, head->jobs[slot][place],
					c->places[slot][place]);
	if (head->accepted_total != c->jobs + head->removed_total + head->set_aside)
		finding(c,
			"accepted %" PRIu64 " is not present %" PRIu64 " + removed %" PRIu64
			" + set aside %" PRIu64,
			head->accepted_total, c->jobs, head->removed_total, head->set_aside);
}

/* The entries of one workflow are neighbours, its line before its jobs. */
struct line_count {
	uint64_t workflow_hash;
	unsigned jobs, alive, in_line, with_turn;
};

/* Of the live jobs that take turns exactly one has the turn, and all have entries in the line, unless there
 * is one such job among few. */
static void end_line(struct check *c, const struct line_count *l)
{
	bool may_lack_entry = l->alive == 1 && l->jobs <= LINE_FEW;
	if (l->alive && l->with_turn != 1)
		finding(c, "in the line of workflow hash %016" PRIx64 " %u of %u jobs have the turn",
			l->workflow_hash, l->with_turn, l->alive);
	if (l->in_line != l->alive && !(l->in_line == 0 && may_lack_entry))
		finding(c, "the line of workflow hash %016" PRIx64 " has %u entries for %u jobs",
			l->workflow_hash, l->in_line, l->alive);
}

static void count_member(struct check *c, struct line_count *l, struct job_id id)
{
	struct loaded loaded;
	l->jobs++;
	if (job_load(c->tx, id, JOB_STATE_ONLY, &loaded) != ST_OK)
		return; /* named already */
	bool takes_turns = loaded.job.ordered && !job_state_is_ended(loaded.job.state);
	l->alive += takes_turns;
	l->with_turn += takes_turns && loaded.job.has_turn;
	loaded_release(&loaded);
}

static void check_lines(struct check *c)
{
	struct line_count l = {0};
	struct walk w;
	bool more = walk_open(&w, c->tx, TREE_WORKFLOW) && walk_from(&w, (struct slice)SLICE_INIT);
	for (; more; more = walk_next(&w)) {
		if (key_get(w.key, 0, 8) != l.workflow_hash) {
			end_line(c, &l);
			l = (struct line_count){.workflow_hash = key_get(w.key, 0, 8)};
		}
		if (key_get(w.key, WORKFLOW_KIND, 1) == KIND_LINE)
			l.in_line++;
		else
			count_member(c, &l, key_get_id(w.key, MEMBER_ID));
	}
	end_line(c, &l);
	walk_close(&w);
}

static void check_unique_keys(struct check *c)
{
	struct walk w;
	bool more = walk_open(&w, c->tx, TREE_KEY) && walk_from(&w, (struct slice)SLICE_INIT);
	for (; more; more = walk_next(&w)) {
		struct job_id id = {{0}};
		char text[JOB_ID_TEXT_LEN];
		enum status st = record_decode_id(w.value, &id);
		struct key key = key_of_id(id);
		id_text(id, text);
		if (st != ST_OK)
			finding(c, "an entry in key is damaged");
		else if (!tx_has(c->tx, TREE_JOB, key_slice(&key)))
			finding(c, "an entry in key names job %s, which is not there", text);
	}
	walk_close(&w);
}

/* Events that belong to no chain are those of the spool itself and of jobs that were set aside. */
static void check_events(struct check *c)
{
	struct walk w;
	uint64_t free_events = 0;
	bool more = walk_open(&w, c->tx, TREE_EVENT) && walk_from(&w, (struct slice)SLICE_INIT);
	for (; more; more = walk_next(&w)) {
		struct event event = {.seq = key_get(w.key, 0, 8)};
		if (record_decode_event(w.value, &event) != ST_OK) {
			finding(c, "event %" PRIu64 " is damaged", event.seq);
			continue;
		}
		struct key job = key_of_id(event.job);
		if (event.seq >= c->tx->head.next_seq)
			finding(c, "event %" PRIu64 " is newer than the counter of events", event.seq);
		if (id_is_zero(event.job) || !tx_has(c->tx, TREE_JOB, key_slice(&job)))
			free_events++;
	}
	walk_close(&w);
	if (entries(c, TREE_EVENT) != c->chained_events + free_events)
		finding(c, "%" PRIu64 " events are not in the chain of their job",
			entries(c, TREE_EVENT) - c->chained_events - free_events);
}

enum status lmdb_check(struct store *store, spool_check_fn report, void *arg, struct why *why)
{
	struct tx tx;
	enum status st = tx_begin(&tx, store, TX_READ, (struct moment){0}, why);
	if (st != ST_OK)
		return st;
	struct check c = {.tx = &tx, .report = report, .arg = arg, .why = why};
	check_jobs(&c);
	check_sizes(&c);
	check_counters(&c);
	check_lines(&c);
	check_unique_keys(&c);
	check_events(&c);
	st = tx.st;
	if (st != ST_OK && why)
		*why = tx.why;
	tx_end(&tx);
	return st != ST_OK ? st : c.findings ? ST_CORRUPT : ST_OK;
}
