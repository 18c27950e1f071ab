/* spool/store/lmdb/list.c: pages of jobs. The filter chooses the index that narrows most; the rest is
 * compared job by job, and the number of jobs looked at per call is bounded. Users have no index: it would
 * cost each submit a page of its own to write, and a hash in the job's record makes passing over a job cheap.
 *
 * A listing walks one lane per prefix (a state has one per phase) and merges them by what follows the prefix:
 * for states that is (priority, time, id), the order in which they will run or in which they ended; those in
 * the crowd stand behind the others, by user. The cursor is that suffix of the last job looked at, in hex, so
 * that every lane can go on from it.
 *
 * The jobs of a workflow come by time, as all jobs do, but its index has them by natural key: their ids,
 * which ascend with time, are gathered and sorted for each page. A workflow of more than MEMBERS_MAX jobs is
 * found by passing over all jobs. Either way the cursor is an id among all jobs. */
#include "spool/store/lmdb/line.h"
#include "spool/store/lmdb/verbs.h"

#include <stdio.h>
#include <stdlib.h>

/* The work of one call: loading a job is worth so many glances at one, which tell another user's job from its
 * hash. */
enum {
	LOOK = 16,
	EFFORT_MAX = 10000 * LOOK,
	PREFIXES_MAX = PHASE_SLOTS * (JOB_STATE_N + 1),
	MEMBERS_MAX = 10000
};
/* Reading so many bytes of a payload is worth another glance. */
enum { GLANCE_BYTES = 256 };

/* The part of a tree that a listing walks: the keys with one of these prefixes, all of the same length. Each
 * key ends in an id. */
struct span {
	enum tree tree;
	struct key prefixes[PREFIXES_MAX];
	size_t n;
};

struct lane {
	struct walk walk;
	bool live;
};

struct listing {
	struct tx *tx;
	const struct job_filter *filter;
	const struct span *span;
	uint64_t workflow_hash;
	uint32_t user_hash;
	bool with_payload;
	struct job *jobs;
	size_t max, *n;
	struct lane lanes[PREFIXES_MAX];
	struct key last; /* suffix of the last key looked at */
};

static void span_add(struct span *span, struct key prefix)
{
	span->prefixes[span->n++] = prefix;
}

static bool wants_state(const struct job_filter *f, enum job_state state)
{
	return (!f->has_state || f->state == state) && (!f->states || f->states & 1u << state);
}

static bool wants_phase(const struct job_filter *f, int phase)
{
	return (!f->phase || f->phase == phase) && (!f->phases || f->phases & 1u << phase_slot(phase));
}

static void span_of_state(struct span *span, const struct job_filter *f, enum job_state state)
{
	static const struct {
		enum place first, second;
	} places[JOB_STATE_N] = {
		[JOB_WAITING] = {PLACE_READY, PLACE_BEHIND},
		[JOB_DELAYED] = {PLACE_DELAYED, PLACE_DELAYED},
		[JOB_ACTIVE] = {PLACE_ACTIVE, PLACE_ACTIVE},
		[JOB_COMPLETED] = {PLACE_COMPLETED, PLACE_COMPLETED},
		[JOB_FAILED] = {PLACE_FAILED, PLACE_FAILED},
		[JOB_HELD] = {PLACE_HELD, PLACE_HELD},
		[JOB_CANCELLED] = {PLACE_CANCELLED, PLACE_CANCELLED},
	};
	enum place first = places[state].first, second = places[state].second;
	span->tree = TREE_QUEUE;
	for (int slot = 0; slot < PHASE_SLOTS; slot++) {
		int phase = phase_of_slot(slot);
		if (!wants_phase(f, phase))
			continue;
		span_add(span, key_queue_prefix(first, phase));
		if (second != first)
			span_add(span, key_queue_prefix(second, phase));
	}
}

static struct span span_of(const struct job_filter *f)
{
	struct span span = {.tree = TREE_JOB};
	if (f->workflow_id.len || !(f->has_state || f->states))
		span_add(&span, (struct key){0});
	else
		for (int state = 0; state < JOB_STATE_N; state++)
			if (wants_state(f, (enum job_state)state))
				span_of_state(&span, f, (enum job_state)state);
	return span;
}

static bool matches(const struct job *job, const struct job_filter *f)
{
	return wants_state(f, job->state) && wants_phase(f, job->phase) &&
	       (!f->workflow_id.len || slice_eq(job->workflow_id, f->workflow_id)) &&
	       (!f->user_id.len || slice_eq(job->user_id, f->user_id)) &&
	       (!f->since_us || job->accepted_at_us >= f->since_us) &&
	       (!f->until_us || job->accepted_at_us < f->until_us);
}

/* Is it certain, from its hashes alone, that the job is of another user or workflow? */
static bool is_other(const struct listing *l, struct job_id id, struct slice record)
{
	const struct job_filter *f = l->filter;
	struct key key = key_of_id(id);
	if (!f->user_id.len && !f->workflow_id.len)
		return false;
	if (!record.len && tx_get(l->tx, TREE_JOB, key_slice(&key), &record) != ST_OK)
		return false;
	return (f->user_id.len && record_peek_user(record) != l->user_hash) ||
	       (f->workflow_id.len && record_peek_workflow(record) != l->workflow_hash);
}

/* The payload was needed for the test alone: it may be large, and a page has many. false: not there any more.
 */
static bool drop_payload(struct listing *l, struct loaded *loaded)
{
	struct job_id id = loaded->job.id;
	loaded_release(loaded);
	return job_load(l->tx, id, JOB_WITHOUT_PAYLOAD, loaded) == ST_OK;
}

/* record: of the job, if it is at hand. Returns the effort. */
static unsigned look_at(struct listing *l, struct job_id id, struct slice record)
{
	const struct job_filter *f = l->filter;
	bool tests_payload = f->test && f->test_payload;
	struct loaded loaded;
	if (is_other(l, id, record))
		return 1;
	if (f->scanned)
		++*f->scanned;
	enum job_parts parts = l->with_payload || tests_payload ? JOB_WHOLE : JOB_WITHOUT_PAYLOAD;
	if (job_load(l->tx, id, parts, &loaded) != ST_OK)
		return LOOK; /* damaged: `check` names it */
	unsigned effort = LOOK + (unsigned)(loaded.job.payload.len / GLANCE_BYTES);
	if (!matches(&loaded.job, f) || (f->test && !f->test(f->test_arg, &loaded.job))) {
		loaded_release(&loaded);
		return effort;
	}
	if (tests_payload && !l->with_payload && !drop_payload(l, &loaded))
		return effort;
	if (loaded.place == PLACE_BEHIND)
		loaded.job.behind = line_holder(l->tx, loaded.hashes.workflow);
	l->jobs[(*l->n)++] = loaded.job;
	return effort;
}

/* --- lanes --- */

static struct slice suffix_of(const struct listing *l, size_t i)
{
	size_t skip = l->span->prefixes[i].len;
	struct slice key = l->lanes[i].walk.key;
	return slice_of(key.p + skip, key.len - skip);
}

/* Where all jobs are walked by id, those accepted before a time need no look: no id is older than its job. */
static bool bounds_ids(const struct listing *l)
{
	return l->span->tree == TREE_JOB && l->filter->since_us > 0;
}

static bool is_too_old(const struct listing *l, struct slice key)
{
	return bounds_ids(l) && key.len >= sizeof(struct job_id) &&
	       id_time_ms(key_get_id(key, 0)) < l->filter->since_us / 1000;
}

static void lane_settle(struct listing *l, size_t i, bool found)
{
	struct lane *lane = &l->lanes[i];
	lane->live = found && key_has_prefix(lane->walk.key, &l->span->prefixes[i]) &&
		     lane->walk.key.len <= sizeof l->last.b && !is_too_old(l, lane->walk.key);
}

static void lane_step(struct listing *l, size_t i)
{
	struct walk *w = &l->lanes[i].walk;
	lane_settle(l, i, l->filter->oldest_first ? walk_next(w) : walk_prev(w));
}

/* Stand at the first key of the lane, or behind the suffix `after`. */
static void lane_enter(struct listing *l, size_t i, const struct key *after)
{
	struct walk *w = &l->lanes[i].walk;
	struct key at = l->span->prefixes[i];
	bool found = walk_open(w, l->tx, l->span->tree);
	if (after) {
		memcpy(at.b + at.len, after->b, after->len);
		at.len += after->len;
	} else if (bounds_ids(l) && l->filter->oldest_first) {
		key_add(&at, (uint64_t)(l->filter->since_us / 1000), 6);
	}
	if (found && l->filter->oldest_first) {
		found = walk_from(w, key_slice(&at));
		if (found && after && slice_eq(w->key, key_slice(&at)))
			found = walk_next(w);
	} else if (found && after) {
		found = walk_before(w, key_slice(&at));
	} else if (found) {
		found = key_after_prefix(&at) ? walk_before(w, key_slice(&at)) : walk_last(w);
	}
	lane_settle(l, i, found);
}

static int compare_suffix(struct slice a, struct slice b)
{
	int order = memcmp(a.p, b.p, a.len < b.len ? a.len : b.len);
	return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* The lane whose job comes next, or -1. */
static int best_lane(const struct listing *l)
{
	int best = -1;
	for (size_t i = 0; i < l->span->n; i++) {
		if (!l->lanes[i].live)
			continue;
		int order = best < 0 ? 0 : compare_suffix(suffix_of(l, i), suffix_of(l, (size_t)best));
		if (best < 0 || (l->filter->oldest_first ? order < 0 : order > 0))
			best = (int)i;
	}
	return best;
}

/* true: there is more, behind l->last. */
static bool walk_lanes(struct listing *l, const struct key *after)
{
	const struct slice none = SLICE_INIT;
	int i;
	for (size_t lane = 0; lane < l->span->n; lane++)
		lane_enter(l, lane, after);
	for (unsigned effort = 0; (i = best_lane(l)) >= 0;) {
		if (*l->n == l->max || effort >= EFFORT_MAX)
			break;
		struct slice suffix = suffix_of(l, (size_t)i);
		struct slice record = l->span->tree == TREE_JOB ? l->lanes[i].walk.value : none;
		struct job_id id = {{0}};
		l->last.len = suffix.len;
		memcpy(l->last.b, suffix.p, suffix.len);
		if (suffix.len >= sizeof id.b)
			id = key_get_id(suffix, suffix.len - sizeof id.b);
		effort += look_at(l, id, record);
		lane_step(l, (size_t)i);
	}
	for (size_t lane = 0; lane < l->span->n; lane++)
		walk_close(&l->lanes[lane].walk);
	return i >= 0;
}

/* --- the jobs of one workflow --- */

struct members {
	struct job_id ids[MEMBERS_MAX];
	size_t n;
	bool too_many;
};

static int compare_ids(const void *a, const void *b)
{
	return id_cmp(*(const struct job_id *)a, *(const struct job_id *)b);
}

static void gather_members(struct listing *l, struct members *m)
{
	struct key prefix = key_workflow_prefix(l->workflow_hash, KIND_MEMBER);
	struct walk w;
	bool more = walk_open(&w, l->tx, TREE_WORKFLOW) && walk_from(&w, key_slice(&prefix));
	for (; more && key_has_prefix(w.key, &prefix); more = walk_next(&w)) {
		if (w.key.len != MEMBER_LEN)
			continue;
		m->too_many = m->n == MEMBERS_MAX;
		if (m->too_many)
			break;
		m->ids[m->n++] = key_get_id(w.key, MEMBER_ID);
	}
	walk_close(&w);
	qsort(m->ids, m->n, sizeof *m->ids, compare_ids);
}

/* As walk_lanes(). */
static bool walk_members(struct listing *l, const struct members *m, const struct key *after)
{
	const struct slice none = SLICE_INIT;
	struct job_id from = after ? key_get_id(key_slice(after), 0) : (struct job_id){{0}};
	unsigned effort = 0;
	for (size_t i = 0; i < m->n; i++) {
		struct job_id id = m->ids[l->filter->oldest_first ? i : m->n - 1 - i];
		int order = after ? id_cmp(id, from) : 0;
		if (after && (l->filter->oldest_first ? order <= 0 : order >= 0))
			continue;
		if (*l->n == l->max || effort >= EFFORT_MAX)
			return true;
		l->last = key_of_id(id);
		effort += look_at(l, id, none);
	}
	return false;
}

static bool walk_workflow(struct listing *l, const struct key *after)
{
	struct members *m = calloc(1, sizeof *m);
	if (!m) {
		tx_fail_status(l->tx, ST_NOMEM, "out of memory");
		return false;
	}
	gather_members(l, m);
	bool more = m->too_many ? walk_lanes(l, after) : walk_members(l, m, after);
	free(m);
	return more;
}

/* "<tree>.<hex of the suffix>" */
static void cursor_write(const struct listing *l, struct cursor *out)
{
	int at = snprintf(out->text, sizeof out->text, "%d.", (int)l->span->tree);
	for (size_t i = 0; i < l->last.len; i++)
		at += snprintf(out->text + at, sizeof out->text - (size_t)at, "%02x", l->last.b[i]);
}

static bool cursor_read(const struct cursor *cursor, const struct span *span, struct key *suffix)
{
	int tree, skip = 0;
	unsigned byte;
	size_t room = sizeof suffix->b - (span->n ? span->prefixes[0].len : 0);
	*suffix = (struct key){0};
	if (sscanf(cursor->text, "%d.%n", &tree, &skip) != 1 || skip == 0 || tree != (int)span->tree)
		return false;
	const char *p = cursor->text + skip;
	for (; p[0] && p[1] && suffix->len < room && sscanf(p, "%2x", &byte) == 1; p += 2)
		suffix->b[suffix->len++] = (uint8_t)byte;
	return *p == '\0' && suffix->len >= sizeof(struct job_id);
}

enum status lmdb_list(struct store *store, const struct job_filter *filter, const struct cursor *from,
	size_t max, bool with_payload, struct job *jobs, size_t *n, struct cursor *next, struct why *why)
{
	struct tx tx;
	struct key after;
	struct span span = span_of(filter);
	bool resumes = from && from->text[0];
	*n = 0;
	next->text[0] = '\0';
	if (filter->nothing)
		return ST_OK;
	if (resumes && !cursor_read(from, &span, &after))
		return why_set(why, ST_INVALID, "the cursor does not belong to this listing");
	enum status st = tx_begin(&tx, store, TX_READ, (struct moment){0}, why);
	if (st != ST_OK)
		return st;
	struct listing l = {.tx = &tx,
		.filter = filter,
		.span = &span,
		.workflow_hash = key_workflow_hash(store->seed, filter->workflow_id),
		.user_hash = key_user_hash(store->seed, filter->user_id),
		.with_payload = with_payload,
		.jobs = jobs,
		.max = max,
		.n = n};
	const struct key *behind = resumes ? &after : NULL;
	if (filter->workflow_id.len ? walk_workflow(&l, behind) : walk_lanes(&l, behind))
		cursor_write(&l, next);
	st = tx.st;
	if (st != ST_OK) {
		for (size_t i = 0; i < *n; i++)
			job_release(&jobs[i]);
		*n = 0;
		if (why)
			*why = tx.why;
	}
	tx_end(&tx);
	return st;
}
