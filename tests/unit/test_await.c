/* tests/unit/test_await.c: what a workflow awaits after a phase has completed, with a clock that the test
 * owns: when it begins, what ends it, who is told. Random histories: test_simulation.c. */
#include "spool/store/lmdb/await_io.h"
#include "tests/unit/care_fixture.h"

#include <stdio.h>

enum { MAX = 8 };
static const int64_t second_us = 1000000;

static size_t tell(struct fixture *f)
{
	size_t told;
	bool has_more;
	assert_int_equal(f->ops->await_tell(f->store, f->now, &told, &has_more, NULL), ST_OK);
	assert_false(has_more);
	return told;
}

static int setup(void **state)
{
	store_setup(state);
	struct fixture *f = *state;
	for (int phase = AWAIT_FIRST; phase <= AWAIT_LAST; phase++)
		f->conf.await_us[phase] = phase * 10 * second_us;
	store_reopen(f);
	return (int)tell(f);
}

static struct job_id complete(struct fixture *f, int phase, const char *workflow)
{
	struct job_id id = accept_job(f, phase, workflow, "u", "{}");
	assert_int_equal(claim(f, 1), 1);
	assert_int_equal(settle_held(f, 0, SETTLE_COMPLETE), ST_OK);
	return id;
}

static size_t stalled(struct fixture *f, struct stalled out[MAX])
{
	struct job_id at = {{0}};
	size_t n;
	assert_int_equal(f->ops->stalled(f->store, &at, out, MAX, &n, NULL), ST_OK);
	return n;
}

static size_t stalled_n(struct fixture *f)
{
	struct stalled out[MAX];
	return stalled(f, out);
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
	int64_t since_us = f->now.wall_us;
	struct job_id id = complete(f, 1, "w");
	pass_ms(f, 19999);
	assert_int_equal(tell(f), 0);
	assert_int_equal(stalled_n(f), 0);
	pass_ms(f, 1);
	assert_int_equal(tell(f), 1);
	assert_int_equal(stalled(f, out), 1);
	assert_string_equal(out[0].workflow_id, "w");
	assert_string_equal(out[0].user_id, "u");
	assert_int_equal(out[0].phase, 2);
	assert_int_equal(out[0].since_us, since_us);
	assert_int_equal(out[0].due_us, since_us + 20 * second_us);
	assert_int_equal(id_cmp(out[0].job, id), 0);
}

/* The outcome that is awaited for may be on its way to the disk. */
static void short_level__is_two_seconds_at_least(void **state)
{
	struct fixture *f = *state;
	f->conf.await_us[2] = 1000;
	store_reopen(f);
	complete(f, 1, "w");
	pass_ms(f, 1999);
	assert_int_equal(tell(f), 0);
	pass_ms(f, 1);
	assert_int_equal(tell(f), 1);
}

static void late__is_told_once_by_an_event_and_stays_listed(void **state)
{
	struct fixture *f = *state;
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
	assert_int_equal(stalled_n(f), 1);
}

/* Nobody looked meanwhile. */
static void completed_before_a_restart__is_told_after_it(void **state)
{
	struct fixture *f = *state;
	complete(f, 1, "w");
	pass_ms(f, 3600000);
	store_reopen(f);
	assert_int_equal(tell(f), 1);
}

static void completed_before_anybody_looked__is_history(void **state)
{
	struct fixture *f = *state;
	f->conf.await_us[2] = 0;
	store_reopen(f);
	struct job_id id = complete(f, 1, "w");
	assert_int_equal(f->ops->bookmark_set(f->store, "awaited-2", 0, NULL), ST_OK);
	pass_ms(f, 3600000);
	f->conf.await_us[2] = 20 * second_us;
	store_reopen(f);
	assert_int_equal(tell(f), 0);
	pass_ms(f, 3600000);
	assert_int_equal(tell(f), 0);
	char reason[200];
	assert_int_equal(stalled_events(f, id, reason, sizeof reason), 0);
}

static void clock_put_back__hides_nobody(void **state)
{
	struct fixture *f = *state;
	pass_ms(f, 3600000);
	assert_int_equal(tell(f), 0);
	f->now.wall_us -= 3600 * second_us;
	complete(f, 1, "w");
	f->now.wall_us += 20 * second_us;
	assert_int_equal(tell(f), 1);
	f->now.wall_us += 3600 * second_us;
	assert_int_equal(tell(f), 0);
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
	assert_int_equal(stalled_n(f), 2);
	accept_job(f, 2, "told", "u", "{}");
	assert_int_equal(stalled_n(f), 1);
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
	assert_int_equal(tell(f), 1);
	assert_int_equal(stalled(f, out), 1);
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
	assert_int_equal(tell(f), 0);
}

static void nothing_is_awaited__after_a_failure_the_end_or_where_none_is_set(void **state)
{
	struct fixture *f = *state;
	accept_job(f, 1, "failed", "u", "{}");
	assert_int_equal(claim(f, 1), 1);
	assert_int_equal(settle_held(f, 0, SETTLE_FAIL), ST_OK);
	complete(f, 5, "five");
	complete(f, 6, "six");
	complete(f, 7, "seven");
	complete(f, 11, "step");
	f->conf.await_us[2] = 0;
	store_reopen(f);
	complete(f, 1, "off");
	pass_ms(f, 1000000);
	assert_int_equal(tell(f), 0);
	assert_int_equal(stalled_n(f), 0);
}

/* Awaited again from its second end on. */
static void run_again__is_told_anew(void **state)
{
	struct fixture *f = *state;
	char reason[200];
	struct job_id id = complete(f, 1, "w");
	pass_ms(f, 20000);
	assert_int_equal(tell(f), 1);
	assert_int_equal(steer(f, id, STEER_REPLAY), ST_OK);
	assert_int_equal(stalled_n(f), 0);
	assert_int_equal(tell(f), 0);
	assert_int_equal(claim(f, 1), 1);
	assert_int_equal(settle_held(f, 0, SETTLE_COMPLETE), ST_OK);
	assert_int_equal(tell(f), 0);
	pass_ms(f, 20000);
	assert_int_equal(tell(f), 1);
	assert_int_equal(stalled_n(f), 1);
	assert_int_equal(stalled_events(f, id, reason, sizeof reason), 2);
}

static size_t records_in_file(struct fixture *f)
{
	struct tx tx;
	struct walk w;
	struct key all = await_prefix();
	size_t n = 0;
	assert_int_equal(tx_begin(&tx, f->store, TX_READ, f->now, NULL), ST_OK);
	bool more = walk_open(&w, &tx, TREE_META) && walk_from(&w, key_slice(&all));
	for (; more && key_has_prefix(w.key, &all); more = walk_next(&w))
		n++;
	walk_close(&w);
	tx_end(&tx);
	return n;
}

static void assert_records(struct fixture *f, size_t n)
{
	if (store_is(f, "postgres"))
		store_sql(f, "SELECT 1 / (count(*) = %zu)::integer FROM clario_stalled", n);
	else
		assert_int_equal(records_in_file(f), n);
}

static void removal_and_forgetting__leave_nothing_behind(void **state)
{
	struct fixture *f = *state;
	size_t removed;
	complete(f, 1, "w");
	pass_ms(f, 20000);
	assert_int_equal(tell(f), 1);
	pass_ms(f, 1000);
	assert_records(f, 1);
	assert_int_equal(f->ops->remove(f->store, f->now, JOB_COMPLETED, f->now.wall_us, 10,
				 slice_text("system"), &removed, NULL),
		ST_OK);
	assert_int_equal(removed, 1);
	assert_records(f, 0);
	complete(f, 1, "x");
	pass_ms(f, 20000);
	assert_int_equal(tell(f), 1);
	complete(f, 1, "y");
	struct forget forget = {0};
	struct forget_ask ask = {
		.user_id = slice_text("u"), .actor = slice_text("operator:t"), .chance = {1, 2, 3}};
	while (!forget.is_done)
		assert_int_equal(f->ops->forget(f->store, f->now, &ask, &forget, NULL), ST_OK);
	assert_records(f, 0);
	pass_ms(f, 20000);
	assert_int_equal(tell(f), 0);
}

static uint64_t counted(struct fixture *f)
{
	struct figures figures;
	assert_int_equal(f->ops->figures(f->store, &figures, NULL), ST_OK);
	return figures.stalled;
}

/* Of many: none is lost between two portions, and a page goes on where the one before it ended; and what is
 * over is tidied up, a portion at a time. */
static void many__are_told_in_portions_and_listed_in_pages(void **state)
{
	struct fixture *f = *state;
	ONLY_IF_LONG();
	enum { N = 1010 };
	size_t told, sum = 0, listed = 0, n;
	bool has_more;
	int portions = 0;
	char workflow[16];
	struct stalled out[MAX];
	struct job_id at = {{0}};
	for (int i = 0; i < N; i++) {
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
	assert_int_equal(portions, 4);
	assert_int_equal(counted(f), FIGURES_STALLED_MAX);
	do {
		assert_int_equal(f->ops->stalled(f->store, &at, out, MAX, &n, NULL), ST_OK);
		listed += n;
	} while (n == MAX);
	assert_int_equal(listed, N);
	for (int i = 0; i < N; i += 2) {
		snprintf(workflow, sizeof workflow, "w%d", i);
		accept_job(f, 2, workflow, "u", "{}");
	}
	for (int i = 0; i < N / 64 + 1; i++)
		assert_int_equal(tell(f), 0);
	assert_records(f, N / 2);
	assert_int_equal(counted(f), N / 2);
}

/* What does not stall writes nothing, but for the bookmark now and then. */
static uint64_t commits(struct fixture *f)
{
	MDB_envinfo info;
	mdb_env_info(f->store->env, &info);
	return info.me_last_txnid;
}

static void what_comes_in_time__costs_no_commit(void **state)
{
	struct fixture *f = *state;
	ONLY_FOR(f, "lmdb");
	char workflow[16];
	uint64_t spent = 0;
	for (int i = 0; i < 300; i++) {
		snprintf(workflow, sizeof workflow, "w%d", i);
		complete(f, 1, workflow);
		accept_job(f, 2, workflow, "u", "{}");
		assert_int_equal(claim(f, 1), 1);
		assert_int_equal(settle_held(f, 0, SETTLE_FAIL), ST_OK);
		pass_ms(f, 1000);
		uint64_t before = commits(f);
		assert_int_equal(tell(f), 0);
		spent += commits(f) - before;
	}
	assert_in_range(spent, 3, 5); /* 280 s that were looked at */
}

static void put_raw(struct fixture *f, struct job_id id, struct slice value)
{
	struct tx tx;
	struct key key = await_key(id);
	char text[JOB_ID_TEXT_LEN], hex[600] = "";
	if (store_is(f, "postgres")) {
		id_text(id, text);
		for (size_t i = 0; i < value.len; i++)
			snprintf(hex + 2 * i, 3, "%02x", (uint8_t)value.p[i]);
		store_sql(f, "INSERT INTO clario_stalled VALUES ('%s', decode('%s', 'hex'))", text, hex);
		return;
	}
	assert_int_equal(tx_begin(&tx, f->store, TX_WRITE, f->now, NULL), ST_OK);
	tx_put(&tx, TREE_META, key_slice(&key), value);
	assert_int_equal(tx_commit(&tx, NULL), ST_OK);
}

static void verify__names_what_is_damaged_or_of_no_job(void **state)
{
	struct fixture *f = *state;
	struct told told = {0};
	struct stalled stalled = {.phase = 2, .since_us = 1, .due_us = 2};
	struct job_id nobody = {{7}}, id = complete(f, 1, "w");
	struct buf record = BUF_INIT(256);
	assert_int_equal(verify(f, f->dir, &told), ST_OK);
	await_encode(&stalled, &record);
	put_raw(f, nobody, buf_slice(&record));
	assert_int_equal(verify(f, f->dir, &told), ST_CORRUPT);
	assert_non_null(strstr(told.all, "is said to have stalled after it, and it is not there"));
	assert_int_equal(tell(f), 0); /* and housekeeping takes it away */
	told = (struct told){0};
	assert_int_equal(verify(f, f->dir, &told), ST_OK);
	put_raw(f, id, slice_text("no record"));
	assert_int_equal(verify(f, f->dir, &told), ST_CORRUPT);
	assert_non_null(strstr(told.all, "what its workflow awaits is damaged"));
	assert_int_equal(stalled_n(f), 0);
	assert_int_equal(tell(f), 0);
	told = (struct told){0};
	assert_int_equal(verify(f, f->dir, &told), ST_OK);
	buf_release(&record);
}

static void record__keeps_its_form(void **state)
{
	(void)state;
	struct stalled stalled = {.phase = 3, .since_us = 1790000000000000, .due_us = 1790000120000000}, back;
	struct buf now = BUF_INIT(256), golden = BUF_INIT(256);
	char path[200], bytes[256];
	const char *root = getenv("CLARIO_SOURCE_DIR");
	snprintf(path, sizeof path, "%s/tests/golden/stalled.v1", root ? root : ".");
	await_encode(&stalled, &now);
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
	assert_int_equal(back.since_us, stalled.since_us);
	assert_int_equal(back.due_us, stalled.due_us);
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
		T(short_level__is_two_seconds_at_least),
		T(late__is_told_once_by_an_event_and_stays_listed),
		T(completed_before_a_restart__is_told_after_it),
		T(completed_before_anybody_looked__is_history),
		T(clock_put_back__hides_nobody),
		T(next_phase__ends_it_told_or_not),
		T(later_phase__ends_it_and_an_earlier_does_not),
		T(next_phase_that_was_there_already__leaves_nothing_to_await),
		T(nothing_is_awaited__after_a_failure_the_end_or_where_none_is_set),
		T(run_again__is_told_anew),
		T(removal_and_forgetting__leave_nothing_behind),
		T(many__are_told_in_portions_and_listed_in_pages),
		T(what_comes_in_time__costs_no_commit),
		T(verify__names_what_is_damaged_or_of_no_job),
		cmocka_unit_test(record__keeps_its_form),
	};
	return cmocka_run_group_tests_name("await", tests, NULL, NULL);
}
