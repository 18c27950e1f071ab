/* spool/store/lmdb/verify.c: walk everything and compare. Each tree is one walk over its pages; each of its
 * entries is held against the records it belongs to; each finding names tree, job and what is wrong. */
#include "spool/store/lmdb/verify.h"

#include "spool/store/common/head.h"
#include "spool/store/common/record.h"
#include "spool/store/lmdb/account_io.h"
#include "spool/store/lmdb/await_io.h"
#include "spool/store/lmdb/job_io.h"
#include "spool/store/lmdb/key.h"
#include "spool/store/lmdb/line.h"
#include "spool/store/lmdb/receiver_io.h"
#include "spool/store/lmdb/token_io.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct verify {
	struct pages *pages;
	const struct verify_sink *sink;
	const char *tree; /* being walked */
	uint64_t findings;
	struct birth birth;
	struct head head;
	bool has_birth, has_head;
	/* What the walk over the jobs counts, to hold the counters against. */
	uint64_t jobs, chained_events, free_events, events;
	uint64_t places[PHASE_SLOTS][PLACE_N];
	/* What accounts say less what their jobs do. */
	struct tally accounts;
	bool has_unreadable; /* a job or an account: then it is not known whose is missing */
	/* The workflow being walked: its line's entries, its jobs, those of them that take turns and have not
	 * ended. */
	uint64_t workflow_hash;
	unsigned in_line, jobs_of_workflow, alive, with_turn;
};

static void found(struct verify *v, const char *job, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void found(struct verify *v, const char *job, const char *fmt, ...)
{
	char text[240];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	v->findings++;
	v->sink->found(v->sink->arg, v->tree, job, text);
}

static void hex_of(struct slice key, char *out, size_t cap)
{
	out[0] = '\0';
	for (size_t i = 0; i < key.len && 2 * i + 3 <= cap; i++)
		snprintf(out + 2 * i, 3, "%02x", (unsigned)(uint8_t)key.p[i]);
}

static void describe_damage(char *out, size_t cap, uint64_t pgno, struct slice after, const char *what)
{
	char hex[100], page[40] = "the tree";
	hex_of(after, hex, sizeof hex);
	if (pgno != PAGE_NONE)
		snprintf(page, sizeof page, "page %" PRIu64, pgno);
	snprintf(out, cap, "%s %s%s%s", page, what, hex[0] ? "; after key " : "", hex);
}

void verify_tell_meta(void *arg, uint64_t pgno, struct slice after, const char *what)
{
	const struct verify_sink *sink = arg;
	char text[240];
	describe_damage(text, sizeof text, pgno, after, what);
	sink->found(sink->arg, "file", "", text);
}

static void tell_damage(void *arg, uint64_t pgno, struct slice after, const char *what)
{
	struct verify *v = arg;
	char text[240];
	describe_damage(text, sizeof text, pgno, after, what);
	found(v, "", "%s", text);
}

static enum status get(struct verify *v, enum tree tree, const struct key *key, struct slice *value)
{
	return pages_get(v->pages, &v->pages->trees[tree], key_slice(key), value);
}

/* --- jobs --- */

/* A job as its two records tell it; slices point into the file. */
struct sight {
	struct job job;
	struct job_hashes hashes;
	char id[JOB_ID_TEXT_LEN];
};

static enum status see_state(struct verify *v, struct job_id id, struct sight *out)
{
	struct key key = key_of_id(id);
	struct slice record;
	*out = (struct sight){.job = JOB_INIT};
	out->job.id = id;
	id_text(id, out->id);
	enum status st = get(v, TREE_JOB, &key, &record);
	return st == ST_OK ? record_decode_job(record, &out->job, &out->hashes) : st;
}

static enum status see(struct verify *v, struct job_id id, struct sight *out)
{
	struct key key = key_of_id(id);
	struct slice record;
	enum status st = see_state(v, id, out);
	if (st == ST_OK)
		st = get(v, TREE_TRIGGER, &key, &record);
	return st == ST_OK ? record_decode_trigger(record, true, &out->job) : st;
}

static void want(struct verify *v, enum tree tree, const struct key *key, const char *id, const char *what)
{
	struct slice value;
	enum status st = get(v, tree, key, &value);
	if (st == ST_NOTFOUND)
		found(v, id, "job %s has no entry in %s", id, what);
	else if (st != ST_OK)
		found(v, id, "the entry of job %s in %s stands on a damaged page", id, what);
}

/* From the newest event back to the first: each must be there, be this job's, and be older than the one
 * before. */
static void check_chain(struct verify *v, const struct sight *s)
{
	uint64_t seq = s->job.last_event;
	if (seq == 0)
		found(v, s->id, "job %s has no event", s->id);
	while (seq) {
		struct event event = {.seq = seq};
		struct key key = key_of_seq(seq);
		struct slice record;
		if (get(v, TREE_EVENT, &key, &record) != ST_OK ||
			record_decode_event(record, &event) != ST_OK) {
			found(v, s->id, "event %" PRIu64 " of job %s is missing or damaged", seq, s->id);
			return;
		}
		if (id_cmp(event.job, s->job.id) != 0) {
			found(v, s->id, "event %" PRIu64 " stands in the chain of job %s but is another's",
				seq, s->id);
			return;
		}
		v->chained_events++;
		seq = event.prev < seq ? event.prev : 0;
	}
}

static void check_entries(struct verify *v, const struct sight *s)
{
	const struct job *job = &s->job;
	uint64_t seed = v->birth.seed;
	struct job_hashes hashes = job_hashes(seed, job);
	struct key queue = key_queue(job, s->hashes.user), member = key_member(seed, job);
	want(v, TREE_QUEUE, &queue, s->id, "queue");
	want(v, TREE_WORKFLOW, &member, s->id, "workflow");
	if (job->idempotency_key.len) {
		struct key key = key_unique(seed, KIND_EXPLICIT, job->idempotency_key);
		want(v, TREE_KEY, &key, s->id, "key");
	}
	if (s->hashes.workflow != hashes.workflow || s->hashes.user != hashes.user ||
		s->hashes.account != hashes.account)
		found(v, s->id, "job %s carries the hash of another workflow, user or caller", s->id);
}

static bool check_job(struct verify *v, struct slice key, struct slice value)
{
	struct sight s = {.job = JOB_INIT};
	v->jobs++;
	if (key.len != sizeof s.job.id.b) {
		found(v, "", "a key is %zu bytes long", key.len);
		return true;
	}
	enum status st = see_state(v, key_get_id(key, 0), &s);
	if (st == ST_OK)
		v->places[phase_slot(s.job.phase)][rules_place(&s.job)]++;
	bool is_tallied = account_tally(&v->accounts, key, value, -1, &(bool){true});
	v->has_unreadable |= st != ST_OK || !is_tallied;
	if (st != ST_OK)
		found(v, s.id, "the record of job %s is damaged or of an unknown version", s.id);
	else if ((st = see(v, s.job.id, &s)) == ST_NOTFOUND)
		found(v, s.id, "job %s has no trigger", s.id);
	else if (st != ST_OK)
		found(v, s.id, "the trigger of job %s is damaged or of an unknown version", s.id);
	else if (v->has_birth)
		check_entries(v, &s);
	if (s.job.last_event || st == ST_OK)
		check_chain(v, &s);
	return true;
}

static bool check_trigger(struct verify *v, struct slice key, struct slice value)
{
	struct sight s;
	if (key.len != sizeof s.job.id.b) {
		found(v, "", "a key is %zu bytes long", key.len);
		return true;
	}
	enum status st = see_state(v, key_get_id(key, 0), &s);
	if (st == ST_NOTFOUND)
		found(v, s.id, "there is a trigger of job %s, but no job", s.id);
	/* With a job whose own record is damaged nothing else has looked at it yet. */
	if (st != ST_OK && record_decode_trigger(value, true, &s.job) != ST_OK)
		found(v, s.id, "the trigger of job %s is damaged", s.id);
	return true;
}

/* --- indexes: each entry must be the one that its job makes --- */

static void check_entry(struct verify *v, struct slice key, struct slice value, struct slice made,
	const struct sight *s, enum status st)
{
	char hex[100];
	hex_of(key, hex, sizeof hex);
	if (st == ST_NOTFOUND)
		found(v, s->id, "entry %s names job %s, which is not there", hex, s->id);
	else if (st == ST_OK && !slice_eq(key, made))
		found(v, s->id, "entry %s is not what job %s makes", hex, s->id);
	else if (value.len)
		found(v, s->id, "entry %s of job %s has a value", hex, s->id);
}

static bool has_length(struct verify *v, struct slice key, size_t len)
{
	char hex[100];
	if (key.len == len)
		return true;
	hex_of(key, hex, sizeof hex);
	found(v, "", "entry %s is %zu bytes long", hex, key.len);
	return false;
}

static bool check_queue(struct verify *v, struct slice key, struct slice value)
{
	struct sight s;
	if (!has_length(v, key, key_queue_len(key)))
		return true;
	enum status st = see_state(v, key_queue_id(key), &s);
	struct key made = key_queue(&s.job, s.hashes.user);
	check_entry(v, key, value, key_slice(&made), &s, st);
	return true;
}

/* Of the live jobs of a workflow that take turns exactly one has the turn, and all have entries in its line,
 * unless there is one such job among few (line.h). */
static void end_workflow(struct verify *v)
{
	bool may_lack_entry = v->alive == 1 && v->jobs_of_workflow <= LINE_FEW;
	if (v->alive && v->with_turn != 1)
		found(v, "", "in the line of workflow hash %016" PRIx64 " %u of %u jobs have the turn",
			v->workflow_hash, v->with_turn, v->alive);
	if (v->in_line != v->alive && !(v->in_line == 0 && may_lack_entry))
		found(v, "", "the line of workflow hash %016" PRIx64 " has %u entries for %u jobs",
			v->workflow_hash, v->in_line, v->alive);
	v->in_line = v->jobs_of_workflow = v->alive = v->with_turn = 0;
}

static bool takes_turns(const struct job *job)
{
	return job->ordered && !job_state_is_ended(job->state);
}

static void check_line(struct verify *v, struct slice key, struct slice value)
{
	struct sight s;
	struct key made = {0};
	if (!has_length(v, key, LINE_ID + sizeof s.job.id.b))
		return;
	enum status st = see_state(v, key_get_id(key, LINE_ID), &s);
	if (st == ST_OK && takes_turns(&s.job))
		made = key_line(s.hashes.workflow, s.job.id);
	check_entry(v, key, value, key_slice(&made), &s, st);
	v->in_line += st == ST_OK; /* others are named already */
}

static void check_member(struct verify *v, struct slice key, struct slice value)
{
	struct sight s;
	struct key made = {0};
	if (!has_length(v, key, MEMBER_LEN))
		return;
	enum status st = see(v, key_get_id(key, MEMBER_ID), &s);
	if (st == ST_OK)
		made = key_member(v->birth.seed, &s.job);
	check_entry(v, key, value, key_slice(&made), &s, st);
	v->jobs_of_workflow++;
	/* The job's own record tells this also where its trigger is damaged. */
	if (see_state(v, key_get_id(key, MEMBER_ID), &s) == ST_OK && takes_turns(&s.job)) {
		v->alive++;
		v->with_turn += s.job.has_turn;
	}
}

static bool check_workflow(struct verify *v, struct slice key, struct slice value)
{
	if (key_get(key, 0, 8) != v->workflow_hash)
		end_workflow(v);
	v->workflow_hash = key_get(key, 0, 8);
	if (key_get(key, WORKFLOW_KIND, 1) == KIND_LINE)
		check_line(v, key, value);
	else
		check_member(v, key, value);
	return true;
}

static bool check_unique(struct verify *v, struct slice key, struct slice value)
{
	struct sight s;
	struct job_id id = {{0}};
	char hex[100];
	hex_of(key, hex, sizeof hex);
	if (record_decode_id(value, &id) != ST_OK) {
		found(v, "", "entry %s is damaged", hex);
		return true;
	}
	enum status st = see(v, id, &s);
	int kind = (int)key_get(key, 0, 1);
	struct key made = key_unique(
		v->birth.seed, kind, kind == KIND_EXPLICIT ? s.job.idempotency_key : s.job.user_id);
	bool is_known = kind == KIND_EXPLICIT || (kind == KIND_SOLO && s.job.solo_user);
	if (st == ST_OK && !is_known)
		made.len = 0;
	check_entry(v, key, (struct slice)SLICE_INIT, key_slice(&made), &s, st);
	return true;
}

/* --- events, meta, aside --- */

/* Events that belong to no chain are those of the spool itself and of jobs that were set aside. */
static bool check_event(struct verify *v, struct slice key, struct slice value)
{
	struct sight s;
	struct event event = {.seq = key_get(key, 0, 8)};
	v->events++;
	if (!has_length(v, key, sizeof event.seq))
		return true;
	if (record_decode_event(value, &event) != ST_OK) {
		found(v, "", "event %" PRIu64 " is damaged", event.seq);
		v->free_events++; /* the chain that misses it tells of it, if there is one */
		return true;
	}
	if (v->has_head && event.seq >= v->head.next_seq)
		found(v, "", "event %" PRIu64 " is newer than the counter of events", event.seq);
	if (id_is_zero(event.job) || see_state(v, event.job, &s) == ST_NOTFOUND)
		v->free_events++;
	return true;
}

static void take_account(struct verify *v, struct slice key, uint64_t hash, struct slice value)
{
	struct account account;
	bool ok = account_decode(value, &account) == ST_OK;
	if (!ok)
		found(v, "", "%.*s is damaged: what that caller has counts from nothing", SLICE_ARG(key));
	v->has_unreadable |= !ok || !tally_add(&v->accounts, hash, (int64_t)account.jobs,
					    (int64_t)account.bytes, (struct job_id){{0}});
}

static void check_stalled(struct verify *v, struct job_id id, struct slice value)
{
	struct stalled stalled;
	struct key key = key_of_id(id);
	struct slice record;
	char text[JOB_ID_TEXT_LEN];
	id_text(id, text);
	if (await_decode(value, &stalled) != ST_OK)
		found(v, text, "what its workflow awaits is damaged");
	if (get(v, TREE_JOB, &key, &record) == ST_NOTFOUND)
		found(v, text, "its workflow is said to have stalled after it, and it is not there");
}

static bool check_meta(struct verify *v, struct slice key, struct slice value)
{
	struct receiver_state receiver;
	struct token token;
	struct slice name;
	uint64_t number;
	struct job_id job;
	if (slice_is(key, "spool"))
		v->has_birth = birth_decode(value, &v->birth) == ST_OK;
	else if (slice_is(key, "head"))
		v->has_head = head_decode(value, &v->head) == ST_OK;
	else if (receiver_of_key(key, &name)) {
		if (receiver_decode(name, value, &receiver) != ST_OK)
			found(v, "", "%.*s is damaged: it counts as closed and not paused", SLICE_ARG(key));
	} else if (token_of_key(key, &name)) {
		if (token_decode(name, value, &token) != ST_OK)
			found(v, "", "%.*s is damaged: it lets nobody in", SLICE_ARG(key));
	} else if (account_of_key(key, &number)) {
		take_account(v, key, number, value);
	} else if (await_of_key(key, &job)) {
		check_stalled(v, job, value);
	} else if (key.len < 9 || memcmp(key.p, "bookmark.", 9) != 0)
		found(v, "", "there is a record of no known name");
	else if (record_decode_number(value, &number) != ST_OK)
		found(v, "", "%.*s is damaged", SLICE_ARG(key));
	return true;
}

static bool check_aside(struct verify *v, struct slice key, struct slice value)
{
	uint64_t kind = key_get(key, 0, 1);
	(void)value;
	if (has_length(v, key, 1 + sizeof(struct job_id)) && kind != 'j' && kind != 't')
		found(v, "", "there is an entry of no known kind");
	return true;
}

static void check_account(struct verify *v, const struct tally_row *row)
{
	struct key key = account_key(row->account);
	struct account account = {0};
	struct slice record;
	if (get(v, TREE_META, &key, &record) == ST_OK)
		(void)account_decode(record, &account);
	found(v, "",
		"caller %016" PRIx64 " (%.64s) counts %" PRIu64 " jobs and %" PRIu64
		" bytes, there are %" PRIi64 " and %" PRIi64,
		row->account, account.name, account.jobs, account.bytes, (int64_t)account.jobs - row->jobs,
		(int64_t)account.bytes - row->bytes);
}

static void check_accounts(struct verify *v)
{
	const struct tally *t = &v->accounts;
	for (size_t i = 0; !v->has_unreadable && i < t->cap; i++)
		if (t->rows[i].jobs || t->rows[i].bytes)
			check_account(v, &t->rows[i]);
	tally_release(&v->accounts);
}

static void check_counters(struct verify *v)
{
	const struct head *head = &v->head;
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		for (int place = 0; place < PLACE_N; place++)
			if (head->jobs[slot][place] != v->places[slot][place])
				found(v, "",
					"counter of phase %d, place %d is %" PRIu64 ", there are %" PRIu64,
					phase_of_slot(slot), place, head->jobs[slot][place],
					v->places[slot][place]);
	if (head->accepted_total != v->jobs + head->removed_total + head->set_aside)
		found(v, "",
			"accepted %" PRIu64 " is not present %" PRIu64 " + removed %" PRIu64
			" + set aside %" PRIu64,
			head->accepted_total, v->jobs, head->removed_total, head->set_aside);
}

static const struct {
	enum tree tree;
	bool (*check)(struct verify *v, struct slice key, struct slice value);
	bool needs_seed;
} walks[] = {
	{TREE_META, check_meta, false},
	{TREE_TRIGGER, check_trigger, false},
	{TREE_JOB, check_job, false},
	{TREE_QUEUE, check_queue, false},
	{TREE_WORKFLOW, check_workflow, true},
	{TREE_KEY, check_unique, true},
	{TREE_EVENT, check_event, false},
	{TREE_ASIDE, check_aside, false},
};

struct step {
	struct verify *v;
	bool (*check)(struct verify *v, struct slice key, struct slice value);
};

static bool take_entry(void *arg, struct slice key, struct slice value)
{
	struct step *step = arg;
	const struct verify_sink *sink = step->v->sink;
	if (sink->at)
		sink->at(sink->arg, step->v->tree, key);
	return !step->check || step->check(step->v, key, value);
}

static void damage_of_step(void *arg, uint64_t pgno, struct slice after, const char *what)
{
	tell_damage(((struct step *)arg)->v, pgno, after, what);
}

static void walk_one(struct verify *v, size_t i)
{
	struct step step = {v, walks[i].needs_seed && !v->has_birth ? NULL : walks[i].check};
	struct page_visit visit = {take_entry, damage_of_step, &step, true};
	v->tree = tree_names[walks[i].tree];
	pages_walk(v->pages, &v->pages->trees[walks[i].tree], &visit);
	if (walks[i].tree == TREE_WORKFLOW)
		end_workflow(v);
	if (walks[i].tree != TREE_META)
		return;
	if (!v->has_birth)
		found(v, "", "the record of the spool's format and seed is missing or damaged");
	if (!v->has_head)
		found(v, "", "the record of counters is missing or damaged");
}

uint64_t verify_pages(struct pages *pages, const struct verify_sink *sink)
{
	struct verify v = {.pages = pages, .sink = sink, .tree = "file"};
	struct page_visit visit = {NULL, tell_damage, &v, true};
	pages_find_trees(pages, &visit);
	for (size_t i = 0; i < sizeof walks / sizeof *walks; i++)
		walk_one(&v, i);
	v.tree = "free";
	pages_walk_free(pages, &visit);
	v.tree = "event";
	if (v.events > v.chained_events + v.free_events)
		found(&v, "", "%" PRIu64 " events are not in the chain of their job",
			v.events - v.chained_events - v.free_events);
	v.tree = "meta";
	if (v.has_head)
		check_counters(&v);
	check_accounts(&v);
	return v.findings;
}
