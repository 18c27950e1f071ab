/* tests/unit/test_store_reads.c: the second half of the suite that every engine passes: events, listings,
 * removal, fullness, and what is refused. */
#include "tests/unit/store_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void events__tell_the_whole_story(void **state)
{
	struct fixture *f = *state;
	static const enum event_kind want[] = {EVENT_ACCEPTED, EVENT_CLAIMED, EVENT_RETRY, EVENT_DUE,
		EVENT_CLAIMED, EVENT_NOTIFICATION, EVENT_COMPLETED};
	struct job_id id = accept_job(f, 3, "w", "u", "{}");
	accept_job(f, 2, "other", "someone", "{}");
	claim(f, 1);
	settle(f, id, 1, SETTLE_RETRY);
	pass_ms(f, 2000);
	claim(f, 2);
	struct notice notice = {EVENT_NOTIFICATION, slice_text("notification"), slice_text("user_u"),
		slice_text("{\"type\":\"info\"}"), slice_text("")};
	struct settlement s = {.id = id, .token = 2, .kind = SETTLE_COMPLETE, .outcome = slice_text("{}")};
	size_t n;
	s.notices = &notice;
	s.notices_n = 1;
	assert_int_equal(
		f->ops->exchange(f->store, f->now, &s, 1, NULL, NULL, &n, &f->next_due_us, NULL), ST_OK);
	struct event events[32];
	uint64_t last = 0;
	struct event_filter by_workflow = {.workflow_id = slice_text("w")};
	assert_int_equal(f->ops->events(f->store, &by_workflow, 32, events, &n, &last, NULL), ST_OK);
	assert_int_equal(n, sizeof want / sizeof *want);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(events[i].kind, want[i]);
		assert_int_equal(id_cmp(events[i].job, id), 0);
		assert_true(
			i == 0 || (events[i].seq > events[i - 1].seq && events[i].prev == events[i - 1].seq));
		assert_true(slice_is(events[i].workflow_id, "w"));
		assert_true(slice_is(events[i].user_id, "u"));
	}
	assert_true(slice_is(events[0].actor, "caller:tests"));
	assert_true(slice_is(events[1].actor, "worker:host:1"));
	assert_int_equal(events[2].http_status, 503);
	assert_true(slice_is(events[5].room, "user_u"));
	assert_true(slice_is(events[5].data, "{\"type\":\"info\"}"));
	for (size_t i = 0; i < n; i++)
		event_release(&events[i]);
}

static void events__stream_by_seq_and_filter_by_user(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 20; i++) {
		char workflow[8];
		snprintf(workflow, sizeof workflow, "w%d", i);
		accept_job(f, 2, workflow, i % 2 ? "odd" : "even", "{}");
	}
	struct event events[8];
	struct event_filter filter = {.user_id = slice_text("odd")};
	size_t n, seen = 0;
	uint64_t last = 0;
	do {
		assert_int_equal(f->ops->events(f->store, &filter, 8, events, &n, &last, NULL), ST_OK);
		for (size_t i = 0; i < n; i++) {
			assert_true(slice_is(events[i].user_id, "odd"));
			assert_true(events[i].seq > filter.after_seq);
			event_release(&events[i]);
		}
		seen += n;
		filter.after_seq = last;
	} while (n);
	assert_int_equal(seen, 10);
	assert_int_equal(last, stats_of(f).last_seq);
}

static size_t list_all(struct fixture *f, const struct job_filter *filter, size_t page, struct job_id *ids)
{
	struct cursor at = {""}, next;
	struct job jobs[16];
	size_t total = 0, n;
	do {
		assert_int_equal(
			f->ops->list(f->store, filter, &at, page, false, jobs, &n, &next, NULL), ST_OK);
		for (size_t i = 0; i < n; i++) {
			if (ids)
				ids[total] = jobs[i].id;
			total++;
			assert_int_equal(jobs[i].payload.len, 0);
			job_release(&jobs[i]);
		}
		at = next;
	} while (at.text[0]);
	return total;
}

static void list__pages_by_every_index(void **state)
{
	struct fixture *f = *state;
	struct job_id ids[30], got[30];
	for (int i = 0; i < 30; i++) {
		char workflow[8];
		snprintf(workflow, sizeof workflow, "w%d", i % 10);
		ids[i] = accept_job(f, 2 + i % 3, workflow, i % 2 ? "odd" : "even", "{}");
		pass_ms(f, 1);
	}
	for (size_t page = 1; page <= 16; page += 5) {
		struct job_filter all = {0}, user = {.user_id = slice_text("odd")};
		struct job_filter workflow = {.workflow_id = slice_text("w3")};
		struct job_filter waiting = {.has_state = true, .state = JOB_WAITING, .phase = 2};
		assert_int_equal(list_all(f, &all, page, got), 30);
		for (int i = 0; i < 30; i++)
			assert_int_equal(id_cmp(got[i], ids[29 - i]), 0);
		all.oldest_first = true;
		assert_int_equal(list_all(f, &all, page, got), 30);
		for (int i = 0; i < 30; i++)
			assert_int_equal(id_cmp(got[i], ids[i]), 0);
		assert_int_equal(list_all(f, &user, page, NULL), 15);
		assert_int_equal(list_all(f, &workflow, page, NULL), 3);
		assert_int_equal(list_all(f, &waiting, page, NULL), 10);
		struct job_filter since = {.since_us = f->now.wall_us - 5000};
		assert_int_equal(list_all(f, &since, page, NULL), 5);
	}
	struct job_filter failed = {.has_state = true, .state = JOB_FAILED};
	assert_int_equal(list_all(f, &failed, 5, NULL), 0);
}

static void list__ended_jobs_by_when_they_ended(void **state)
{
	struct fixture *f = *state;
	struct job_id ids[9], got[9];
	for (int i = 0; i < 9; i++) {
		char workflow[8];
		snprintf(workflow, sizeof workflow, "w%d", i);
		ids[i] = accept_job(f, 2 + i % 3, workflow, "u", "{}");
	}
	claim(f, 9);
	for (int i = 8; i >= 0; i--) {
		pass_ms(f, 10);
		settle(f, ids[i], 1, SETTLE_FAIL);
	}
	struct job_filter failed = {.has_state = true, .state = JOB_FAILED};
	for (size_t page = 1; page < 5; page++) {
		assert_int_equal(list_all(f, &failed, page, got), 9);
		for (int i = 0; i < 9; i++)
			assert_int_equal(id_cmp(got[i], ids[i]), 0);
	}
}

/* Its index has them by phase and by hashes, which here go the other way, or any. */
static void list__a_workflow_comes_in_the_order_accepted(void **state)
{
	enum { JOBS = 30 };
	struct fixture *f = *state;
	struct job_id ids[JOBS + 16], got[JOBS + 16];
	for (int i = 0; i < JOBS; i++) {
		char body[16];
		snprintf(body, sizeof body, "{\"n\":%d}", i * 7919);
		ids[i] = accept_job(f, 7 - i * 6 / JOBS, "w", i % 3 ? "u" : "v", body);
		accept_job(f, 3, "other", "u", body);
		pass_ms(f, i % 4);
	}
	for (size_t page = 1; page <= 16; page += 3) {
		struct job_filter w = {.workflow_id = slice_text("w")};
		assert_int_equal(list_all(f, &w, page, got), JOBS);
		for (int i = 0; i < JOBS; i++)
			assert_int_equal(id_cmp(got[i], ids[JOBS - 1 - i]), 0);
		w.oldest_first = w.has_state = true;
		w.state = JOB_WAITING;
		assert_int_equal(list_all(f, &w, page, got), JOBS);
		for (int i = 0; i < JOBS; i++)
			assert_int_equal(id_cmp(got[i], ids[i]), 0);
		w.user_id = slice_text("v");
		assert_int_equal(list_all(f, &w, page, got), JOBS / 3);
		for (int i = 0; i < JOBS / 3; i++)
			assert_int_equal(id_cmp(got[i], ids[3 * i]), 0);
	}
}

/* Accepted while somebody pages through: behind the place reached when that goes oldest first, and not seen
 * when it goes newest first. */
static void list__a_cursor_of_a_workflow_holds_its_place(void **state)
{
	struct fixture *f = *state;
	struct job_filter w = {.workflow_id = slice_text("w"), .oldest_first = true};
	struct cursor from = {""}, next;
	struct job jobs[2];
	size_t n;
	accept_job(f, 7, "w", "u", "{\"n\":1}");
	struct job_id second = accept_job(f, 6, "w", "u", "{\"n\":2}");
	struct job_id third = accept_job(f, 4, "w", "u", "{\"n\":3}");
	assert_int_equal(f->ops->list(f->store, &w, &from, 1, false, jobs, &n, &next, NULL), ST_OK);
	assert_int_equal(n, 1);
	job_release(&jobs[0]);
	from = next;
	struct job_id fourth = accept_job(f, 2, "w", "u", "{\"n\":4}");
	assert_int_equal(f->ops->list(f->store, &w, &from, 2, false, jobs, &n, &next, NULL), ST_OK);
	assert_int_equal(n, 2);
	assert_int_equal(id_cmp(jobs[0].id, second), 0);
	assert_int_equal(id_cmp(jobs[1].id, third), 0);
	job_release(&jobs[0]);
	job_release(&jobs[1]);
	from = next;
	assert_int_equal(f->ops->list(f->store, &w, &from, 2, false, jobs, &n, &next, NULL), ST_OK);
	assert_int_equal(n, 1);
	assert_int_equal(id_cmp(jobs[0].id, fourth), 0);
	assert_string_equal(next.text, "");
	job_release(&jobs[0]);
}

/* More jobs than are sorted: found by passing over all jobs, in the same order. */
static void list__a_workflow_of_very_many_jobs(void **state)
{
	ONLY_IF_LONG();
	enum { MANY = 10080, BATCH = 504, PAGE = 16 };
	struct fixture *f = *state;
	static struct trigger triggers[BATCH];
	static struct receipt receipts[BATCH];
	static struct submission list[BATCH];
	static struct job_id got[MANY];
	char bodies[BATCH][16];
	for (int i = 0; i < MANY; i++) {
		int k = i % BATCH;
		snprintf(bodies[k], sizeof bodies[k], "%d", i);
		triggers[k] = make_trigger(7 - i % 6, k ? "w" : "few", "u", bodies[k]);
		list[k] = (struct submission){&triggers[k], &receipts[k]};
		if (k == BATCH - 1)
			assert_int_equal(store_submit(f->ops, f->store, f->now, list, BATCH, NULL), ST_OK);
	}
	struct job_filter w = {.workflow_id = slice_text("w"), .oldest_first = true};
	struct job_filter few = {.workflow_id = slice_text("few")};
	assert_int_equal(list_all(f, &w, PAGE, got), MANY - MANY / BATCH);
	for (size_t i = 1; i < MANY - MANY / BATCH; i++)
		assert_true(id_cmp(got[i - 1], got[i]) < 0);
	assert_int_equal(list_all(f, &few, PAGE, got), MANY / BATCH);
}

static void list__a_foreign_cursor_is_refused(void **state)
{
	struct fixture *f = *state;
	static const char *const bad[] = {
		"x", "2.", "2.zz", "99.00", "5.0011", "2.00112233445566778899aabbccddee"};
	struct job_filter all = {0};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct cursor from = {""}, next;
		struct job jobs[1];
		size_t n;
		strncpy(from.text, bad[i], sizeof from.text - 1);
		assert_int_equal(
			f->ops->list(f->store, &all, &from, 1, false, jobs, &n, &next, NULL), ST_INVALID);
	}
}

static void remove__only_what_is_old_and_all_that_belongs_to_it(void **state)
{
	struct fixture *f = *state;
	struct trigger t = make_trigger(2, "old", "u", "{}");
	t.idempotency_key = slice_text("k");
	submit(f, &t);
	accept_job(f, 3, "young", "u", "{}");
	claim(f, 1);
	settle_held(f, 0, SETTLE_COMPLETE);
	pass_ms(f, 1000);
	claim(f, 1);
	settle_held(f, 0, SETTLE_COMPLETE);
	size_t removed;
	assert_int_equal(f->ops->remove(f->store, f->now, JOB_COMPLETED, f->now.wall_us - 500000, 10,
				 slice_text("system"), &removed, NULL),
		ST_OK);
	assert_int_equal(removed, 1);
	struct stats stats = stats_of(f);
	assert_int_equal(stats.removed_total, 1);
	assert_int_equal(stats_state(&stats, JOB_COMPLETED), 1);
	assert_int_equal(submit(f, &t).verdict, SUBMIT_ACCEPTED); /* its key went with it */
	assert_int_equal(
		f->ops->remove(f->store, f->now, JOB_ACTIVE, INT64_MAX, 10, slice_text("x"), &removed, NULL),
		ST_INVALID);
	store_check(f);
}

static size_t remove_all(struct fixture *f, enum job_state state)
{
	size_t removed;
	assert_int_equal(f->ops->remove(f->store, f->now, state, f->now.wall_us + 1, 3, slice_text("x"),
				 &removed, NULL),
		ST_OK);
	return removed;
}

/* What a signed delivery is known by stays as long as its signature may be good, whoever cleans; others go.
 */
static void remove__reserved_keys_are_kept_for_their_time(void **state)
{
	struct fixture *f = *state;
	struct receipt signed_ones[4];
	f->conf.keep_reserved_us = 600000000;
	store_reopen(f);
	for (int i = 0; i < 4; i++) {
		char workflow[8], other[8], key[32];
		snprintf(workflow, sizeof workflow, "w%d", i);
		snprintf(other, sizeof other, "o%d", i);
		snprintf(key, sizeof key, "webhook:shop id=%d", i);
		struct trigger t = make_trigger(7, workflow, "u", "{}");
		t.idempotency_key = slice_text(key);
		signed_ones[i] = submit(f, &t);
		accept_job(f, 7, other, "u", "{}");
	}
	assert_int_equal(remove_all(f, JOB_WAITING), 3); /* past those that stay */
	assert_int_equal(remove_all(f, JOB_WAITING), 1);
	assert_int_equal(remove_all(f, JOB_WAITING), 0);
	claim(f, 2);
	settle_held(f, 0, SETTLE_COMPLETE);
	settle_held(f, 1, SETTLE_COMPLETE);
	pass_ms(f, 599999);
	assert_int_equal(remove_all(f, JOB_COMPLETED), 0);
	struct trigger again = make_trigger(7, "w0", "u", "{}");
	again.idempotency_key = slice_text("webhook:shop id=0");
	struct receipt receipt = submit(f, &again);
	assert_int_equal(receipt.verdict, SUBMIT_DUPLICATE);
	assert_int_equal(id_cmp(receipt.id, signed_ones[0].id), 0);
	pass_ms(f, 2);
	assert_int_equal(remove_all(f, JOB_COMPLETED), 2);
	assert_int_equal(remove_all(f, JOB_WAITING), 2);
	assert_int_equal(submit(f, &again).verdict, SUBMIT_ACCEPTED);
}

static void remove__waiting_jobs_let_their_followers_pass(void **state)
{
	struct fixture *f = *state;
	size_t removed;
	accept_job(f, 2, "w", "u", "{}");
	pass_ms(f, 1000);
	struct job_id second = accept_job(f, 3, "w", "u", "{}");
	assert_int_equal(f->ops->remove(f->store, f->now, JOB_WAITING, f->now.wall_us - 500000, 10,
				 slice_text("operator:x"), &removed, NULL),
		ST_OK);
	assert_int_equal(removed, 1);
	assert_int_equal(claim(f, 10), 1);
	assert_int_equal(id_cmp(f->held[0].id, second), 0);
}

/* Fewer than could be are all that there were: of a line, and of more than are collected at a time. */
static void remove__fewer_than_may_go_are_all(void **state)
{
	struct fixture *f = *state;
	ONLY_IF_LONG();
	size_t removed;
	for (int i = 0; i < 5; i++) {
		char payload[16];
		snprintf(payload, sizeof payload, "{\"n\":%d}", i);
		accept_job(f, i == 2 ? 1 : 3, "line", "u", payload);
	}
	assert_int_equal(remove_all(f, JOB_WAITING), 3);
	assert_int_equal(remove_all(f, JOB_WAITING), 2);
	for (int i = 0; i < 600; i++) {
		char workflow[8];
		snprintf(workflow, sizeof workflow, "w%d", i);
		accept_job(f, 2, workflow, "u", "{}");
	}
	assert_int_equal(f->ops->remove(f->store, f->now, JOB_WAITING, f->now.wall_us + 1, 601,
				 slice_text("x"), &removed, NULL),
		ST_OK);
	assert_int_equal(removed, 600);
	struct stats stats = stats_of(f);
	assert_int_equal(stats_state(&stats, JOB_WAITING), 0);
}

/* Where the pages of the file end that were ever written. */
static off_t written_end(const char *path)
{
	static const char zeros[4096];
	char page[sizeof zeros];
	off_t end = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	for (off_t at = 0; pread(fd, page, sizeof page, at) == sizeof page; at += sizeof page)
		if (memcmp(page, zeros, sizeof page) != 0)
			end = at + (off_t)sizeof page;
	close(fd);
	return end;
}

/* n jobs, and all of them removed in one commit. true: the file ends in pages that were never written, which
 * depends on the trees' shapes, and so on the jobs' ids. */
static bool leaves_unwritten_end(struct fixture *f, const char *path, int n, off_t *end)
{
	struct stat sb;
	size_t removed;
	for (int i = 0; i < n; i++) {
		char workflow[16];
		snprintf(workflow, sizeof workflow, "w%d", i);
		accept_job(f, 2, workflow, "u", "{}");
	}
	assert_int_equal(f->ops->remove(f->store, f->now, JOB_WAITING, f->now.wall_us + 1, (size_t)n + 1,
				 slice_text("x"), &removed, NULL),
		ST_OK);
	assert_int_equal(removed, n);
	*end = written_end(path);
	assert_int_equal(stat(path, &sb), 0);
	return *end < sb.st_size;
}

/* LMDB does not write a page that it takes and frees in one commit, and then the file may be shorter than its
 * state tells, which is no damage; to be cut short by more is. */
static void remove__very_many_leave_a_sound_file(void **state)
{
	struct fixture *f = *state;
	ONLY_FOR(f, "lmdb");
	struct why why = WHY_INIT;
	struct stat sb;
	char path[128];
	off_t end;
	snprintf(path, sizeof path, "%s/lmdb/data.mdb", f->dir);
	bool is_shown = false;
	for (int n = 600; n <= 3600 && !is_shown; n += 600) /* each needs more pages than the one before */
		is_shown = leaves_unwritten_end(f, path, n, &end);
	assert_true(is_shown);
	store_check(f);
	assert_int_equal(truncate(path, end), 0); /* as if the writer had died there */
	store_check(f);
	store_reopen(f);
	assert_int_equal(stat(path, &sb), 0);
	assert_true(end < sb.st_size);
	accept_job(f, 2, "w", "u", "{}");
	store_check(f);
	f->ops->close(f->store);
	f->store = NULL;
	assert_int_equal(truncate(path, 24 * 4096), 0);
	assert_int_equal(f->ops->open(&f->conf, &f->store, &why), ST_CORRUPT);
	assert_non_null(strstr(why.text, "it was cut short"));
	f->store = NULL;
}

static void depth__is_refused_and_outcomes_still_work(void **state)
{
	struct fixture *f = *state;
	f->conf.max_depth = 2;
	store_reopen(f);
	accept_job(f, 2, "a", "u", "{}");
	struct trigger t = make_trigger(2, "b", "u", "{}"), more = make_trigger(2, "c", "u", "{}");
	assert_int_equal(submit(f, &t).verdict, SUBMIT_ACCEPTED);
	struct receipt r = submit(f, &more);
	assert_int_equal(r.verdict, SUBMIT_REFUSED);
	assert_int_equal(r.status, ST_DEEP);
	assert_int_equal(submit(f, &t).verdict, SUBMIT_DUPLICATE); /* what is in already is still answered */
	claim(f, 1);
	settle_held(f, 0, SETTLE_COMPLETE);
	assert_int_equal(submit(f, &more).verdict, SUBMIT_ACCEPTED);
}

static void disk__nearly_full_closes_intake_alone(void **state)
{
	struct fixture *f = *state;
	ONLY_FOR(f, "lmdb");
	accept_job(f, 2, "a", "u", "{}");
	struct trigger more = make_trigger(2, "b", "u", "{}");
	f->conf.disk_full_at_percent = 1;
	store_reopen(f);
	bool is_full = stats_of(f).disk_full; /* unless less than a hundredth of it is used; see
						 tests/fault/test_disk.c */
	assert_int_equal(submit(f, &more).status, is_full ? ST_NOSPACE : ST_OK);
	assert_int_equal(claim(f, 1), 1);
	assert_int_equal(settle_held(f, 0, SETTLE_COMPLETE), ST_OK);
	f->conf.disk_full_at_percent = 100;
	store_reopen(f);
	assert_int_equal(submit(f, &more).verdict, is_full ? SUBMIT_ACCEPTED : SUBMIT_DUPLICATE);
}

static void full__refuses_intake_settles_and_recovers(void **state)
{
	struct fixture *f = *state;
	ONLY_FOR(f, "lmdb");
	char *big = calloc(1, 400001);
	memset(big, ' ', 400000);
	int accepted = 0;
	for (; accepted < 1000; accepted++) {
		char workflow[16];
		snprintf(workflow, sizeof workflow, "w%d", accepted);
		struct trigger t = make_trigger(2, workflow, "u", big);
		struct receipt r = submit(f, &t);
		if (r.verdict == SUBMIT_REFUSED) {
			assert_int_equal(r.status, ST_FULL);
			break;
		}
	}
	free(big);
	assert_in_range(accepted, 20, 200);
	assert_true(stats_of(f).intake_full);
	size_t removed = 1;
	for (int done = 0; done < accepted; done++) {
		assert_int_equal(claim(f, 1), 1);
		assert_int_equal(settle_held(f, 0, SETTLE_COMPLETE), ST_OK);
	}
	pass_ms(f, 1);
	while (removed)
		assert_int_equal(f->ops->remove(f->store, f->now, JOB_COMPLETED, f->now.wall_us, 50,
					 slice_text("x"), &removed, NULL),
			ST_OK);
	struct trigger t = make_trigger(2, "after", "u", "{}");
	for (int tries = 0; tries < 400; tries++) { /* the share in use is measured anew every 200 ms */
		if (submit(f, &t).verdict == SUBMIT_ACCEPTED)
			return;
		clock_sleep_ms(5);
	}
	fail_msg("intake did not come back");
}

static void bookmark__is_kept(void **state)
{
	struct fixture *f = *state;
	uint64_t value = 9;
	assert_int_equal(f->ops->bookmark_get(f->store, "relay", &value, NULL), ST_OK);
	assert_int_equal(value, 0);
	assert_int_equal(f->ops->bookmark_set(f->store, "relay", 77, NULL), ST_OK);
	store_reopen(f);
	assert_int_equal(f->ops->bookmark_get(f->store, "relay", &value, NULL), ST_OK);
	assert_int_equal(value, 77);
}

static void open__refuses_with_a_clear_message(void **state)
{
	struct fixture *f = *state;
	struct why why = WHY_INIT;
	struct store *other;
	struct spool_conf conf = f->conf;
	assert_int_equal(f->ops->init(&conf, &why), ST_EXISTS);
	f->ops->close(f->store);
	f->store = NULL;
	if (store_is(f, "postgres")) {
		store_sql(f, "INSERT INTO clario_schema VALUES (99)");
		assert_int_equal(f->ops->open(&conf, &other, &why), ST_VERSION);
		assert_non_null(strstr(why.text, "newer"));
		store_sql(f, "DROP TABLE clario_schema");
		assert_int_equal(f->ops->open(&conf, &other, &why), ST_NOTFOUND);
		assert_non_null(strstr(why.text, "clario-spool init"));
		assert_null(other);
		return;
	}
	conf.map_size *= 2;
	assert_int_equal(f->ops->open(&conf, &other, &why), ST_VERSION);
	assert_non_null(strstr(why.text, "map-size"));
	conf = f->conf;
	conf.path = "/tmp/clario-there-is-none";
	assert_int_equal(f->ops->open(&conf, &other, &why), ST_NOTFOUND);
	assert_non_null(strstr(why.text, "clario-spool init"));
	assert_null(other);
}

static void read_only__looks_and_does_not_touch(void **state)
{
	struct fixture *f = *state;
	struct job_id id = accept_job(f, 2, "w", "u", "{}");
	f->conf.read_only = true;
	store_reopen(f);
	assert_int_equal(state_of(f, id), JOB_WAITING);
	struct trigger t = make_trigger(2, "x", "u", "{}");
	struct receipt r;
	struct submission one = {&t, &r};
	assert_int_equal(store_submit(f->ops, f->store, f->now, &one, 1, NULL), ST_DENIED);
	assert_int_equal(f->ops->sync(f->store, NULL), ST_OK); /* spool_sync(): what was read is lasting */
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(events__tell_the_whole_story),
		CASE(events__stream_by_seq_and_filter_by_user),
		CASE(list__pages_by_every_index),
		CASE(list__ended_jobs_by_when_they_ended),
		CASE(list__a_workflow_comes_in_the_order_accepted),
		CASE(list__a_cursor_of_a_workflow_holds_its_place),
		CASE(list__a_workflow_of_very_many_jobs),
		CASE(list__a_foreign_cursor_is_refused),
		CASE(remove__only_what_is_old_and_all_that_belongs_to_it),
		CASE(remove__reserved_keys_are_kept_for_their_time),
		CASE(remove__waiting_jobs_let_their_followers_pass),
		CASE(remove__fewer_than_may_go_are_all),
		CASE(remove__very_many_leave_a_sound_file),
		CASE(depth__is_refused_and_outcomes_still_work),
		CASE(disk__nearly_full_closes_intake_alone),
		CASE(full__refuses_intake_settles_and_recovers),
		CASE(bookmark__is_kept),
		CASE(open__refuses_with_a_clear_message),
		CASE(read_only__looks_and_does_not_touch),
	};
	return cmocka_run_group_tests_name("store reads", tests, NULL, NULL);
}
