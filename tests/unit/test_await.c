/* tests/unit/test_await.c: what a workflow awaits after a phase has completed, with a clock that the test
 * owns: when it begins, what ends it, who is told. Random histories: test_simulation.c. */
#include "spool/store/lmdb/await_io.h"
#include "tests/unit/care_fixture.h"

#include <stdio.h>

enum { MAX = 8 };
static const int64_t second_us = 1000000;

static int setup(void **state)
{
	store_setup(state);
	struct fixture *f = *state;
	for (int phase = 1; phase <= 7; phase++)
		f->conf.service_level_us[phase_slot(phase)] = phase * 10 * second_us;
	store_reopen(f);
	return 0;
}

static struct job_id complete(struct fixture *f, int phase, const char *workflow)
{
	struct job_id id = accept_job(f, phase, workflow, "u", "{}");
	assert_int_equal(claim(f, 1), 1);
	assert_int_equal(settle_held(f, 0, SETTLE_COMPLETE), ST_OK);
	return id;
}

static size_t late(struct fixture *f, struct stalled out[MAX])
{
	struct stalled_at at = {0};
	size_t n;
	assert_int_equal(f->ops->stalled(f->store, f->now, &at, out, MAX, &n, NULL), ST_OK);
	return n;
}

static size_t late_n(struct fixture *f)
{
	struct stalled out[MAX];
	return late(f, out);
}

static size_t tell(struct fixture *f)
{
	size_t told;
	bool has_more;
	assert_int_equal(f->ops->await_tell(f->store, f->now, &told, &has_more, NULL), ST_OK);
	return told;
}

static size_t stalled_events(struct fixture *f, struct job_id id, char *reason, size_t cap)
{
	struct event events[32];
	size_t n, found = 0;
	uint64_t last;
	struct event_filter filter = {.job = id};
	assert_int_equal(f->ops->events(f->store, &filter, 32, events, &n, &last, NULL), ST_OK);
	for (size_t i = 0; i < n; i++) {
		if (events[i].kind == EVENT_STALLED) {
			snprintf(reason, cap, "%.*s", SLICE_ARG(events[i].reason));
			found++;
		}
		event_release(&events[i]);
	}
	return found;
}

static void chain__goes_from_one_to_five(void **state)
{
	(void)state;
	static const int next[] = {0, 2, 3, 4, 5, 0, 0, 0};
	for (int phase = 1; phase <= 7; phase++)
		assert_int_equal(await_next(phase), next[phase]);
	for (int step = STEP_FIRST; step <= STEP_LAST; step++)
		assert_int_equal(await_next(step), 0);
}

static void completed__awaits_the_next_phase_for_its_service_level(void **state)
{
	struct fixture *f = *state;
	struct stalled out[MAX];
	struct job_id id = complete(f, 1, "w");
	pass_ms(f, 19999);
	assert_int_equal(late_n(f), 0);
	assert_int_equal(tell(f), 0);
	pass_ms(f, 1);
	assert_int_equal(late(f, out), 1);
	assert_string_equal(out[0].workflow_id, "w");
	assert_string_equal(out[0].user_id, "u");
	assert_int_equal(out[0].await.phase, 2);
	assert_false(out[0].await.is_told);
	assert_int_equal(out[0].await.deadline_us, f->now.wall_us);
	assert_int_equal(id_cmp(out[0].await.job, id), 0);
}

static void late__is_told_once_by_an_event_and_stays_listed(void **state)
{
	struct fixture *f = *state;
	struct stalled out[MAX];
	char reason[200];
	struct job_id id = complete(f, 2, "w");
	pass_ms(f, 30000);
	assert_int_equal(stalled_events(f, id, reason, sizeof reason), 0);
	assert_int_equal(tell(f), 1);
	assert_int_equal(tell(f), 0);
	store_reopen(f);
	assert_int_equal(tell(f), 0);
	assert_int_equal(stalled_events(f, id, reason, sizeof reason), 1);
	assert_string_equal(reason, "phase 3 did not come within 30 s after phase 2 had completed");
	assert_int_equal(late(f, out), 1);
	assert_true(out[0].await.is_told);
}

static void next_phase__ends_it_told_or_not(void **state)
{
	struct fixture *f = *state;
	complete(f, 1, "told");
	complete(f, 1, "untold");
	complete(f, 1, "other");
	pass_ms(f, 20000);
	accept_job(f, 2, "untold", "u", "{}");
	assert_int_equal(tell(f), 2);
	assert_int_equal(late_n(f), 2);
	accept_job(f, 2, "told", "u", "{}");
	assert_int_equal(late_n(f), 1);
}

static void later_phase__ends_it_and_an_earlier_does_not(void **state)
{
	struct fixture *f = *state;
	complete(f, 2, "w");
	complete(f, 2, "x");
	pass_ms(f, 30000);
	accept_job(f, 7, "w", "u", "{}");
	accept_job(f, 1, "x", "u", "{}");
	accept_job(f, 12, "x", "u", "{}");
	struct stalled out[MAX];
	assert_int_equal(late(f, out), 1);
	assert_string_equal(out[0].workflow_id, "x");
}

static void next_phase_that_was_there_already__leaves_nothing_to_await(void **state)
{
	struct fixture *f = *state;
	accept_job(f, 1, "w", "u", "{}");
	accept_job(f, 2, "w", "u", "{}");
	assert_int_equal(claim(f, 1), 1);
	assert_int_equal(settle_held(f, 0, SETTLE_COMPLETE), ST_OK);
	pass_ms(f, 20000);
	assert_int_equal(late_n(f), 0);
}

static void nothing_is_awaited__after_a_failure_the_end_or_without_a_level(void **state)
{
	struct fixture *f = *state;
	accept_job(f, 1, "failed", "u", "{}");
	assert_int_equal(claim(f, 1), 1);
	assert_int_equal(settle_held(f, 0, SETTLE_FAIL), ST_OK);
	complete(f, 5, "five");
	complete(f, 6, "six");
	complete(f, 7, "seven");
	complete(f, 11, "step");
	f->conf.service_level_us[phase_slot(2)] = 0;
	store_reopen(f);
	complete(f, 1, "off");
	pass_ms(f, 1000000);
	assert_int_equal(late_n(f), 0);
}

static void removal_and_forgetting__leave_nothing_behind(void **state)
{
	struct fixture *f = *state;
	size_t removed;
	complete(f, 1, "w");
	pass_ms(f, 20000);
	assert_int_equal(tell(f), 1);
	pass_ms(f, 1000);
	assert_int_equal(f->ops->remove(f->store, f->now, JOB_COMPLETED, f->now.wall_us, 10,
				 slice_text("system"), &removed, NULL),
		ST_OK);
	assert_int_equal(removed, 1);
	assert_int_equal(late_n(f), 0);
	complete(f, 1, "x");
	struct forget forget = {0};
	struct forget_ask ask = {
		.user_id = slice_text("u"), .actor = slice_text("operator:t"), .chance = {1, 2, 3}};
	while (!forget.is_done)
		assert_int_equal(f->ops->forget(f->store, f->now, &ask, &forget, NULL), ST_OK);
	pass_ms(f, 20000);
	assert_int_equal(late_n(f), 0);
}

/* Of many: none is lost between two portions, and a page goes on where the one before it ended. */
static void many__are_told_in_portions_and_listed_in_pages(void **state)
{
	struct fixture *f = *state;
	enum { N = 600 };
	size_t told, sum = 0, listed = 0, n;
	bool has_more;
	int portions = 0;
	struct stalled out[MAX];
	struct stalled_at at = {0};
	for (int i = 0; i < N; i++) {
		char workflow[16];
		snprintf(workflow, sizeof workflow, "w%d", i);
		complete(f, 1, workflow);
	}
	pass_ms(f, 20000);
	do {
		assert_int_equal(f->ops->await_tell(f->store, f->now, &told, &has_more, NULL), ST_OK);
		sum += told;
		portions++;
	} while (has_more);
	assert_int_equal(sum, N);
	assert_int_equal(portions, 3);
	do {
		assert_int_equal(f->ops->stalled(f->store, f->now, &at, out, MAX, &n, NULL), ST_OK);
		listed += n;
	} while (n == MAX);
	assert_int_equal(listed, N);
}

static void put_raw(struct fixture *f, enum tree tree, struct key key, struct slice value)
{
	struct tx tx;
	assert_int_equal(tx_begin(&tx, f->store, TX_WRITE, f->now, NULL), ST_OK);
	tx_put(&tx, tree, key_slice(&key), value);
	assert_int_equal(tx_commit(&tx, NULL), ST_OK);
}

static void del_raw(struct fixture *f, enum tree tree, struct key key)
{
	struct tx tx;
	assert_int_equal(tx_begin(&tx, f->store, TX_WRITE, f->now, NULL), ST_OK);
	tx_del(&tx, tree, key_slice(&key));
	assert_int_equal(tx_commit(&tx, NULL), ST_OK);
}

static void verify__names_one_without_the_other(void **state)
{
	struct fixture *f = *state;
	struct told told = {0};
	struct await await = {.phase = 2, .since_us = 1, .deadline_us = 2};
	struct slice none = {"", 0};
	assert_int_equal(verify(f, f->dir, &told), ST_OK);
	put_raw(f, TREE_META, await_time_key(&await, 7), none);
	assert_int_equal(verify(f, f->dir, &told), ST_CORRUPT);
	assert_non_null(strstr(told.all, "hash 0000000000000007, which awaits nothing then"));
	assert_int_equal(tell(f), 0); /* and housekeeping takes it away */
	told = (struct told){0};
	assert_int_equal(verify(f, f->dir, &told), ST_OK);
	put_raw(f, TREE_WORKFLOW, await_key(7), slice_text("no record"));
	assert_int_equal(verify(f, f->dir, &told), ST_CORRUPT);
	assert_non_null(strstr(told.all, "0000000000000007 awaits is damaged"));
	del_raw(f, TREE_WORKFLOW, await_key(7));
	struct buf record = BUF_INIT(256);
	await_encode(&await, &record);
	put_raw(f, TREE_WORKFLOW, await_key(7), buf_slice(&record));
	buf_release(&record);
	told = (struct told){0};
	assert_int_equal(verify(f, f->dir, &told), ST_CORRUPT);
	assert_non_null(strstr(told.all, "awaits has no entry in meta"));
	del_raw(f, TREE_WORKFLOW, await_key(7));
}

static void record__keeps_its_form(void **state)
{
	(void)state;
	struct await await = {.job = {{1, 2, 3}},
			     .phase = 3,
			     .is_told = true,
			     .since_us = 1790000000000000,
			     .deadline_us = 1790000120000000},
		     back;
	struct buf now = BUF_INIT(256), golden = BUF_INIT(256);
	char path[200], bytes[256];
	const char *root = getenv("CLARIO_SOURCE_DIR");
	snprintf(path, sizeof path, "%s/tests/golden/await.v1", root ? root : ".");
	await_encode(&await, &now);
	if (getenv("CLARIO_WRITE_GOLDEN")) {
		FILE *out = fopen(path, "we");
		fwrite(now.p, 1, now.len, out);
		fclose(out);
	}
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	buf_add(&golden, bytes, fread(bytes, 1, sizeof bytes, file));
	fclose(file);
	assert_true(slice_eq(buf_slice(&now), buf_slice(&golden)));
	assert_int_equal(await_decode(buf_slice(&golden), &back), ST_OK);
	assert_int_equal(back.phase, 3);
	assert_true(back.is_told);
	assert_int_equal(back.since_us, await.since_us);
	assert_int_equal(back.deadline_us, await.deadline_us);
	assert_int_equal(id_cmp(back.job, await.job), 0);
	for (size_t len = 0; len < golden.len; len++)
		assert_int_not_equal(await_decode(slice_of(golden.p, len), &back), ST_OK);
	buf_release(&now);
	buf_release(&golden);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, store_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chain__goes_from_one_to_five),
		T(completed__awaits_the_next_phase_for_its_service_level),
		T(late__is_told_once_by_an_event_and_stays_listed),
		T(next_phase__ends_it_told_or_not),
		T(later_phase__ends_it_and_an_earlier_does_not),
		T(next_phase_that_was_there_already__leaves_nothing_to_await),
		T(nothing_is_awaited__after_a_failure_the_end_or_without_a_level),
		T(removal_and_forgetting__leave_nothing_behind),
		T(many__are_told_in_portions_and_listed_in_pages),
		T(verify__names_one_without_the_other),
		cmocka_unit_test(record__keeps_its_form),
	};
	return cmocka_run_group_tests_name("await", tests, NULL, NULL);
}
