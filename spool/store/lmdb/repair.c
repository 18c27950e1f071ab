/* spool/store/lmdb/repair.c: the records out of a damaged file into a new spool: along the trees as far as
 * they lead, then out of every page that they should have led to. */
#include "spool/store/lmdb/repair.h"

#include "spool/base/clock.h"
#include "spool/store/common/record.h"
#include "spool/store/lmdb/account_io.h"
#include "spool/store/lmdb/await_io.h"
#include "spool/store/lmdb/key.h"
#include "spool/store/lmdb/receiver_io.h"
#include "spool/store/lmdb/token_io.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { WRITES_PER_TX = 2000, SCRATCH_MAX = 16 << 20, SEQ_SLACK = 1 << 20 };
#define SEQ_END (UINT64_C(1) << 32)

void id_list_add(struct repair *r, struct id_list *list, struct job_id id)
{
	if (list->n == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 256;
		struct job_id *ids = realloc(list->ids, cap * sizeof *ids);
		if (!ids) {
			tx_fail_status(&r->tx, ST_NOMEM, "out of memory");
			return;
		}
		list->ids = ids;
		list->cap = cap;
	}
	list->ids[list->n++] = id;
}

void repair_wrote(struct repair *r)
{
	struct why why = WHY_INIT;
	if (++r->in_tx < WRITES_PER_TX || r->tx.st != ST_OK)
		return;
	r->in_tx = 0;
	r->tx.head_changed = true;
	enum status st = tx_commit(&r->tx, &why);
	if (st == ST_OK)
		st = tx_begin(&r->tx, r->store, TX_WRITE, clock_now(), &why);
	if (st != ST_OK) {
		r->tx.st = st;
		r->tx.why = why;
	}
}

/* --- setting aside --- */

static void open_aside(struct repair *r)
{
	struct care_result *result = r->care->result;
	if (r->aside)
		return;
	snprintf(result->aside_path, sizeof result->aside_path, "%.400s/aside-%s.jsonl", r->care->conf->path,
		r->care->stamp);
	r->aside = fopen(result->aside_path, "we");
	if (!r->aside)
		tx_fail_status(&r->tx, ST_IO, "the file of what is set aside cannot be written");
}

static void write_hex(FILE *to, struct slice bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		fprintf(to, "%02x", (unsigned)(uint8_t)bytes.p[i]);
}

void repair_aside(struct repair *r, enum tree tree, struct slice key, struct slice value, const char *reason)
{
	struct key to = {0};
	open_aside(r);
	if (!r->aside)
		return;
	fprintf(r->aside, "{\"tree\":\"%s\",\"reason\":\"%s\",\"key\":\"", tree_names[tree], reason);
	write_hex(r->aside, key);
	fputs("\",\"bytes\":\"", r->aside);
	write_hex(r->aside, value);
	fputs("\"}\n", r->aside);
	if ((tree != TREE_JOB && tree != TREE_TRIGGER) || key.len != sizeof(struct job_id))
		return;
	key_add(&to, tree == TREE_JOB ? 'j' : 't', 1);
	key_add_id(&to, key_get_id(key, 0));
	tx_put(&r->tx, TREE_ASIDE, key_slice(&to), value);
	id_list_add(r, &r->unreadable, key_get_id(key, 0));
	repair_wrote(r);
}

/* --- records: whole, and of which kind --- */

static uint64_t newness(struct slice key, struct slice record)
{
	struct job job = {.id = key_get_id(key, 0)};
	struct job_hashes hashes;
	return record_decode_job(record, &job, &hashes) == ST_OK ? job.last_event : 0;
}

/* A number beyond those that were given: its key is damaged. Without the counter, one that no spool reaches.
 */
static bool is_seq(const struct repair *r, uint64_t seq)
{
	uint64_t end = !r->has_head         ? SEQ_END
		       : r->old.is_fallback ? r->head.next_seq + SEQ_SLACK
					    : r->head.next_seq;
	return seq > 0 && seq < end;
}

static bool is_whole(enum tree tree, struct slice key, struct slice record)
{
	struct job job = {.id = key_get_id(key, 0)};
	struct event event = {.seq = key_get(key, 0, 8)};
	struct job_hashes hashes;
	switch (tree) {
	case TREE_JOB:
		return key.len == sizeof job.id.b && record_decode_job(record, &job, &hashes) == ST_OK;
	case TREE_TRIGGER:
		return key.len == sizeof job.id.b && record_decode_trigger(record, true, &job) == ST_OK;
	default:
		return key.len == sizeof event.seq && record_decode_event(record, &event) == ST_OK;
	}
}

/* A record that no tree leads to does not say what it is: it is what it comes out as again when it is
 * encoded. */
static bool is_exactly(struct repair *r, enum tree tree, struct slice key, struct slice record)
{
	struct job job = {.id = key_get_id(key, 0)};
	struct buf again = BUF_INIT(SCRATCH_MAX);
	struct job_hashes hashes;
	if (!is_whole(tree, key, record))
		return false;
	if (tree == TREE_JOB && record_decode_job(record, &job, &hashes) == ST_OK)
		record_encode_job(&job, &hashes, &again);
	else if (tree == TREE_TRIGGER && record_decode_trigger(record, true, &job) == ST_OK)
		record_encode_trigger(&job, &again);
	bool is = slice_eq(buf_slice(&again), record);
	if (buf_status(&again) != ST_OK)
		tx_fail_status(&r->tx, buf_status(&again), "out of memory");
	buf_release(&again);
	return is;
}

static void stage(struct repair *r, enum tree tree, struct slice key, struct slice record)
{
	struct slice there;
	if (tx_get(&r->tx, tree, key, &there) == ST_OK &&
		(tree != TREE_JOB || newness(key, there) >= newness(key, record)))
		return;
	tx_put(&r->tx, tree, key, record);
	if (tree == TREE_EVENT && key_get(key, 0, 8) > r->newest_seq)
		r->newest_seq = key_get(key, 0, 8);
	repair_wrote(r);
}

/* --- along the trees --- */

static bool take_record(void *arg, struct slice key, struct slice value)
{
	struct repair *r = arg;
	r->guard->done++;
	guard_at(r->guard, tree_names[r->tree], key);
	if (r->tree == TREE_ASIDE)
		tx_put(&r->tx, TREE_ASIDE, key, value);
	else if (is_whole(r->tree, key, value) && (r->tree != TREE_EVENT || is_seq(r, key_get(key, 0, 8))))
		stage(r, r->tree, key, value);
	else
		repair_aside(r, r->tree, key, value, "checksum or structure");
	return r->tx.st == ST_OK;
}

static void note_damage(void *arg, uint64_t pgno, struct slice after, const char *what)
{
	struct repair *r = arg;
	(void)after;
	(void)what;
	r->is_damaged = true;
	if (pgno != PAGE_NONE)
		pages_unsee(&r->old, pgno);
}

static void note_nothing(void *arg, uint64_t pgno, struct slice after, const char *what)
{
	(void)arg;
	(void)pgno;
	(void)after;
	(void)what;
}

/* Records that are as they may be are taken over as they are. */
static void take_named(struct repair *r, struct slice key, struct slice value)
{
	struct receiver_state receiver;
	struct token token;
	struct slice name;
	uint64_t number;
	bool is_whole = receiver_of_key(key, &name) ? receiver_decode(name, value, &receiver) == ST_OK
			: token_of_key(key, &name)  ? token_decode(name, value, &token) == ST_OK
						    : record_decode_number(value, &number) == ST_OK;
	if (is_whole)
		tx_put(&r->tx, TREE_META, key, value);
}

static bool take_meta(void *arg, struct slice key, struct slice value)
{
	struct repair *r = arg;
	uint64_t number;
	struct job_id job;
	if (account_of_key(key, &number))
		return true; /* follows from the jobs */
	if (await_of_key(key, &job))
		return true; /* who stalled until now is told in events */
	if (slice_is(key, "spool"))
		r->has_birth = birth_decode(value, &r->birth) == ST_OK;
	else if (slice_is(key, "head"))
		r->has_head = head_decode(value, &r->head) == ST_OK;
	else
		take_named(r, key, value);
	return true;
}

static void walk_records(struct repair *r)
{
	static const enum tree trees[] = {TREE_TRIGGER, TREE_JOB, TREE_EVENT, TREE_ASIDE};
	struct page_visit visit = {take_record, note_damage, r, true};
	for (size_t i = 0; i < sizeof trees / sizeof *trees; i++) {
		r->tree = trees[i];
		pages_walk(&r->old, &r->old.trees[r->tree], &visit);
	}
}

/* --- out of the pages that no tree leads to --- */

static bool take_sifted(void *arg, struct slice key, struct slice value)
{
	struct repair *r = arg;
	guard_at(r->guard, "pages", key);
	if (key.len == 8 && is_seq(r, key_get(key, 0, 8)) && is_whole(TREE_EVENT, key, value))
		stage(r, TREE_EVENT, key, value);
	else if (key.len == 16 && is_exactly(r, TREE_JOB, key, value))
		stage(r, TREE_JOB, key, value);
	else if (key.len == 16 && is_exactly(r, TREE_TRIGGER, key, value))
		stage(r, TREE_TRIGGER, key, value);
	return true;
}

/* Free pages hold the past: jobs as they were, and jobs that were removed. They are looked at only if the
 * newest state is gone, for then some of them are it. */
static void sift_pages(struct repair *r)
{
	struct page_visit visit = {take_sifted, NULL, r, false};
	for (uint64_t pgno = 2; pgno < r->old.count && r->tx.st == ST_OK; pgno++) {
		guard_at(r->guard, "pages", (struct slice)SLICE_INIT);
		if (pages_is_seen(&r->old, pgno) || (pages_is_free(&r->old, pgno) && !r->old.is_fallback))
			continue;
		pages_sift(&r->old, pgno, &visit);
		r->care->result->sifted_pages++;
	}
}

/* --- the whole --- */

enum status repair_begin(struct repair *r, struct why *why)
{
	struct spool_conf conf = *r->care->conf;
	conf.path = r->care->stage;
	conf.read_only = false;
	enum status st = init_spool(&conf, why);
	if (st == ST_OK)
		st = env_open(&conf, &r->store, why);
	if (st != ST_OK)
		return st;
	r->store->is_audited = false; /* the counters come last */
	return tx_begin(&r->tx, r->store, TX_WRITE, clock_now(), why);
}

/* Under the old seed the hashes stay what they were; without it there is a new one. */
static void keep_birth(struct repair *r)
{
	if (!r->has_birth)
		return;
	r->birth.map_size = (uint64_t)r->care->conf->map_size;
	birth_encode(&r->birth, &r->tx.scratch);
	tx_put(&r->tx, TREE_META, slice_text("spool"), buf_slice(&r->tx.scratch));
	r->store->seed = r->birth.seed;
}

static void take_all(struct repair *r)
{
	struct page_visit finding = {NULL, note_damage, r, true}, meta = {take_meta, note_damage, r, true},
			  freeing = {NULL, note_nothing, r, true};
	r->is_damaged = r->old.is_fallback || r->old.main.root == PAGE_NONE;
	pages_find_trees(&r->old, &finding);
	pages_walk(&r->old, &r->old.trees[TREE_META], &meta);
	keep_birth(r);
	r->guard->total = r->old.trees[TREE_JOB].entries + r->old.trees[TREE_TRIGGER].entries +
			  r->old.trees[TREE_EVENT].entries;
	walk_records(r);
	if (r->is_damaged) {
		pages_walk_free(&r->old, &freeing);
		sift_pages(r);
	}
}

static void tell_counts(struct repair *r)
{
	const struct care_result *result = r->care->result;
	struct buf data = BUF_INIT(256);
	buf_fmt(&data, "{\"jobs\":%llu,\"set_aside\":%llu,\"lost\":%llu,\"mended\":%llu}",
		(unsigned long long)result->jobs, (unsigned long long)result->set_aside,
		(unsigned long long)result->lost, (unsigned long long)result->mended);
	repair_tell(r, NULL, "the spool was rebuilt from its records", buf_slice(&data));
	buf_release(&data);
}

enum status repair_end(struct repair *r, enum status st, struct why *why)
{
	r->tx.head_changed = true;
	if (st == ST_OK)
		st = tx_commit(&r->tx, why);
	else if (r->store)
		tx_end(&r->tx);
	if (r->aside && (fflush(r->aside) != 0 || fsync(fileno(r->aside)) != 0) && st == ST_OK)
		st = why_errno(why, errno, "cannot write %s", r->care->result->aside_path);
	if (r->aside)
		fclose(r->aside);
	free(r->unreadable.ids);
	free(r->broken.ids);
	free(r->chained);
	env_close(r->store);
	pages_close(&r->old);
	return st;
}

enum status care_repair(void *arg, struct guard *guard, struct why *why)
{
	struct repair r = {.care = arg, .guard = guard};
	struct page_visit visit = {NULL, note_nothing, &r, false};
	enum status st = pages_open(r.care->from, PAGES_ANY, &r.old, &visit, why);
	if (st == ST_OK)
		st = repair_begin(&r, why);
	if (st == ST_OK) {
		take_all(&r);
		rebuild(&r);
		tell_counts(&r);
	}
	return repair_end(&r, st, why);
}
