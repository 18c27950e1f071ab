/* tests/unit/test_where.c: selections: what is one, what is wrong with what is none and where, which jobs it
 * selects; and that the store, by its indexes, finds the same ones as looking at each job does. */
#include "spool/base/decimal.h"
#include "spool/base/jfind.h"
#include "spool/where.h"
#include "tests/unit/store_fixture.h"

#include <stdio.h>
#include <string.h>

#define NOW_US  INT64_C(1790000000000000) /* 2026-09-21T14:13:20Z */
#define HOUR_US INT64_C(3600000000)

static struct opts opts;
static struct where_env env = {.now_us = NOW_US, .opts = &opts};

/* Phase 3 calls shop, 7 shop and bank. */
static void fill_opts(void)
{
	static const struct {
		int phase;
		size_t receiver;
	} calls[] = {{3, 0}, {7, 0}, {7, 1}, {0, 1}};
	snprintf(opts.receivers[0].name, sizeof opts.receivers[0].name, "shop");
	snprintf(opts.receivers[1].name, sizeof opts.receivers[1].name, "bank");
	opts.receivers_n = 2;
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		opts.call[i].phase = calls[i].phase;
		opts.call[i].receiver = calls[i].receiver;
	}
	opts.calls_n = sizeof calls / sizeof *calls;
}

static void decimals__compare_exactly(void **state)
{
	(void)state;
	static const char *const ascending[] = {"-1e9", "-100.5", "-100.49", "-0.1", "0", "0.0009e0", "1e-3",
		"0.01", "0.1", "1", "1.0000000000000000000000000000000000001", "99.99", "100", "100.5", "1e3",
		"12345678901234567890.1", "12345678901234567890.2", "9e99999999999"};
	static const char *const same[][2] = {{"1", "1.000"}, {"100", "1e2"}, {"0.5", "5e-1"}, {"-0", "0.00"},
		{"007", "7"}, {"1.20", "12E-1"}};
	static const char *const none[] = {
		"", "-", ".5", "5.", "1e", "1e+", "+1", "1 ", "0x1", "1.2.3", "NaN"};
	struct decimal a, b;
	for (size_t i = 0; i < sizeof ascending / sizeof *ascending; i++)
		for (size_t k = 0; k < sizeof ascending / sizeof *ascending; k++) {
			assert_true(decimal_parse(slice_text(ascending[i]), &a));
			assert_true(decimal_parse(slice_text(ascending[k]), &b));
			int order = decimal_compare(&a, &b);
			if (order != (i < k ? -1 : i > k))
				fail_msg("%s and %s: %d", ascending[i], ascending[k], order);
		}
	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		assert_true(decimal_parse(slice_text(same[i][0]), &a));
		assert_true(decimal_parse(slice_text(same[i][1]), &b));
		assert_int_equal(decimal_compare(&a, &b), 0);
	}
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		if (decimal_parse(slice_text(none[i]), &a))
			fail_msg("%s", none[i]);
}

static void jfind__walks_a_text(void **state)
{
	(void)state;
	static const struct {
		const char *json, *path, *raw; /* raw NULL: not there */
	} rows[] = {
		{"{\"a\":1}", "a", "1"},
		{" {\"b\" : {\"a\" : [1, {\"x\":\"}\\\"\"}, 3]} , \"c\":0}", "b.a.1.x", "\"}\\\"\""},
		{"{\"b\":{\"a\":[1,2,3]},\"c\":0}", "c", "0"},
		{"{\"b\":{\"a\":[1,2,3]}}", "b.a.2", "3"},
		{"{\"b\":{\"a\":[1,2,3]}}", "b.a.3", NULL},
		{"{\"b\":{\"a\":[]}}", "b.a.0", NULL},
		{"{\"a\":1,\"a\":2}", "a", "2"},
		{"{\"\\u0061\":1}", "a", "1"},
		{"{\"0\":{\"1\":true}}", "0.1", "true"},
		{"\xef\xbb\xbf{\"a\":null}", "a", "null"},
		{"{\"a\":{}}", "a.b", NULL},
		{"{\"a\":1}", "a.b", NULL},
		{"[5]", "0", "5"},
		{"[5]", "x", NULL},
		{"7", "a", NULL},
		{"", "a", NULL},
		{"{", "a", NULL},
		{"{\"a\"", "a", NULL},
		{"{\"a\":", "a", NULL},
		{"{\"a\\", "a", NULL},
		{"{\"\\u00", "a", NULL},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct slice raw;
		bool found = jfind(slice_text(rows[i].json), slice_text(rows[i].path), &raw);
		if (found != (rows[i].raw != NULL) || (found && !slice_is(raw, rows[i].raw)))
			fail_msg("%s %s", rows[i].json, rows[i].path);
	}
	struct buf text = BUF_INIT(100);
	jfind_text(slice_text("a\\n\\u00e9\\ud83d\\ude00\\/"), &text);
	assert_true(slice_is(buf_slice(&text), "a\n\xc3\xa9\xf0\x9f\x98\x80/"));
	buf_release(&text);
}

static void parse__faults_have_a_place(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t at;
		const char *says;
	} rows[] = {
		{"phse=7", 0, "there is no field phse; there are id state phase"},
		{"state=failed phase", 18, "an operator is missing after phase"},
		{"state=failed and phase=7", 13, "parted by blanks alone"},
		{"=7", 0, "a field is missing"},
		{"phase=", 6, "a value is missing"},
		{"phase=  ", 8, "a value is missing"},
		{"phase=8", 6, "not a phase: 8; there are 1 to 7 and 10 to 14"},
		{"phase=3,9", 8, "not a phase: 9"},
		{"phase=3,", 8, "a value is missing"},
		{"phase>3,4", 7, "only = != and ~ take a list"},
		{"phase~3", 5, "phase takes = != < <= > >="},
		{"state=Failed", 6, "not a state: Failed; there are waiting"},
		{"state>failed", 5, "state takes = !="},
		{"state==failed", 6, "needs quotes"},
		{"age=1h", 3, "age takes < <= > >="},
		{"age>1", 4, "not a span of time: 1;"},
		{"age>1y", 4, "not a span of time"},
		{"age>99999999999999999999d", 4, "not a span of time"},
		{"run_at<yesterday", 7, "not a time: yesterday; expected 2026-11-24T10:00:00Z"},
		{"run_at<2026-02-31", 7, "not a time"},
		{"accepted<1969-01-01", 9, "not a time"},
		{"priority<x", 9, "not a number: x"},
		{"priority<-1", 9, "not a number: -1"},
		{"attempts>99999999999", 9, "not a number"},
		{"error>x", 5, "error takes = != ~"},
		{"error~\"50", 6, "a quote that is not closed"},
		{"error~\"a\\x\"", 8, "not an escape"},
		{"error~\"a\tb\"", 8, "a control character"},
		{"error~a\"b", 7, "written in \"quotes\""},
		{"error~\"a\"b", 9, "a blank is missing between two terms"},
		{"id=17", 3, "not a job's id: 17"},
		{"receiver=nobody", 9, "the configuration has no receiver nobody"},
		{"body=1", 0, "body needs the path of a member"},
		{"body.=1", 0, "a path has 1 to 16 names"},
		{"body..a=1", 5, "an empty name in a path"},
		{"body.a.=1", 6, "an empty name in a path"},
		{"body.a>x", 7, "not a number: x"},
		{"body.1.2.3.4.5.6.7.8.9.0.1.2.3.4.5.6.7=1", 0, "a path has 1 to 16 names"},
		{"user=u1 \"x\"", 8, "a field is missing"},
		{"st\xc3\xa4te=failed", 0, "there is no field st;"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct where w;
		size_t at;
		struct why why = WHY_INIT;
		enum status st = where_parse(slice_text(rows[i].text), &env, &w, &at, &why);
		if (st != ST_INVALID || at != rows[i].at || !strstr(why.text, rows[i].says))
			fail_msg("%s: %zu, %s", rows[i].text, at, why.text);
	}
}

static void parse__is_bounded(void **state)
{
	(void)state;
	static char text[WHERE_TEXT_MAX + 2];
	struct where w;
	size_t at;
	struct why why = WHY_INIT;
	memset(text, 'x', sizeof text);
	memcpy(text, "user=", 5);
	assert_int_equal(where_parse(slice_of(text, WHERE_TEXT_MAX), &env, &w, &at, &why), ST_OK);
	assert_int_equal(where_parse(slice_of(text, WHERE_TEXT_MAX + 1), &env, &w, &at, &why), ST_INVALID);
	assert_string_equal(why.text, "longer than 2048 bytes");
	for (size_t i = 0; i <= WHERE_TERMS_MAX; i++)
		memcpy(text + i * 8, "phase=1 ", 8);
	assert_int_equal(where_parse(slice_of(text, WHERE_TERMS_MAX * 8), &env, &w, &at, &why), ST_OK);
	assert_int_equal(
		where_parse(slice_of(text, WHERE_TERMS_MAX * 8 + 7), &env, &w, &at, &why), ST_INVALID);
	assert_string_equal(why.text, "more than 32 terms");
	for (size_t i = 0; i < WHERE_VALUES_MAX + 1; i++)
		memcpy(text + 6 + i * 2, "1,", 2);
	assert_int_equal(
		where_parse(slice_of(text, 6 + WHERE_VALUES_MAX * 2 - 1), &env, &w, &at, &why), ST_OK);
	assert_int_equal(
		where_parse(slice_of(text, 6 + WHERE_VALUES_MAX * 2 + 1), &env, &w, &at, &why), ST_INVALID);
	assert_string_equal(why.text, "more than 64 values");
}

static struct job sample(void)
{
	static const char payload[] = "{\"amount\":\"120.50\",\"n\":0.1,\"big\":12345678901234567890.1,"
				      "\"flag\":true,\"none\":null,\"text\":\"He said \\\"NO\\\"\\n\","
				      "\"in\":{\"list\":[{\"x\":7}]}}";
	struct job job = {.phase = 7,
		.state = JOB_FAILED,
		.priority = 3,
		.attempts_made = 4,
		.attempts_allowed = 15,
		.accepted_at_us = NOW_US - 2 * HOUR_US,
		.run_at_us = NOW_US - HOUR_US,
		.finished_at_us = NOW_US - HOUR_US / 2,
		.workflow_id = slice_text("w-1"),
		.user_id = slice_text("u-1"),
		.source = slice_text("payments"),
		.error = slice_text("call fee: answered 503, \"later\""),
		.payload = slice_text(payload)};
	assert_int_equal(id_parse(slice_text("01a2103f-d904-7000-8000-00005cac7b5c"), &job.id), ST_OK);
	return job;
}

static const struct {
	const char *text;
	bool matches, is_scan;
} matches[] = {
	{"", true, false},
	{"  \t\n", true, false},
	{"phase=7", true, false},
	{"step=7", true, false},
	{" phase  =  7 ", true, false},
	{"phase=1,7", true, false},
	{"phase = 1, 7 state = held, failed", true, false},
	{"phase!=7", false, false},
	{"phase!=1,2", true, false},
	{"phase>6", true, false},
	{"phase>7", false, false},
	{"phase>=7 phase<=7", true, false},
	{"phase<10", true, false},
	{"state=failed", true, false},
	{"state=\"failed\"", true, false},
	{"state=waiting,failed", true, false},
	{"state!=failed", false, false},
	{"phase=7 state=failed age>1h error~\"503\" body.amount>100", true, true},
	{"phase=7 state=failed age>1h error~\"504\" body.amount>100", false, true},
	{"age>1h", true, false},
	{"age>=2h age<=2h", true, false},
	{"age>2h", false, false},
	{"age<1h59m59s", false, false},
	{"age<2h1ms", true, false},
	{"accepted>2026-09-21", true, false},
	{"accepted_at<2026-09-21T12:13:20.001Z", true, false},
	{"accepted<2026-09-21T12:13:20Z", false, false},
	{"accepted<=2026-09-21T12:13:20Z", true, false},
	{"accepted>=3h", true, false},
	{"accepted>=1h", false, false},
	{"run_at<now", true, true},
	{"run_at<2h", false, true},
	{"run_at>+1h", false, true},
	{"run_at<+1h", true, true},
	{"started<now", false, true}, /* it has not */
	{"started>1970-01-01", false, true},
	{"finished>=30m", true, true},
	{"finished>30m", false, true},
	{"wait>1s", false, true}, /* it does not wait */
	{"user=u-1", true, false},
	{"user_id=u-1", true, false},
	{"user=u-1,u-2", true, true},
	{"user=U-1", false, false},
	{"user~U", true, true},
	{"user=u-2 user=u-1", false, false},
	{"user!=u-2", true, true},
	{"user=\"\"", false, false},
	{"workflow=w-1", true, false},
	{"workflow!=w-1", false, true},
	{"receiver=shop", true, false},
	{"receiver=bank", true, false},
	{"receiver=shop,bank", true, false},
	{"receiver!=bank", false, false},
	{"source=payments", true, true},
	{"source!=payments", false, true},
	{"key=\"\"", true, true},
	{"error=\"\"", false, true},
	{"error~ANSWERED", true, true},
	{"error~404,503", true, true},
	{"error~\", \\\"LATER\\\"\"", true, true},
	{"attempts>=3", true, true},
	{"attempts=4 attempts_allowed=15 crashes=0", true, true},
	{"attempts!=4", false, true},
	{"priority<3", false, true},
	{"priority=1,3", true, true},
	{"id=01a2103f-d904-7000-8000-00005cac7b5c", true, true},
	{"id!=01A2103F-D904-7000-8000-00005CAC7B5C", false, true},
	{"body.amount=120.5", true, true},
	{"body.amount=\"120.50\"", true, true},
	{"body.amount!=120.500", false, true},
	{"body.amount<120.51 body.amount>120.49", true, true},
	{"body.amount<120.5", false, true},
	{"body.amount~120", true, true},
	{"body.amount=1,2,1.205e2", true, true},
	{"body.n=0.1", true, true},
	{"body.n=0.1000000000000000055511151231257827", false, true},
	{"body.big>12345678901234567890", true, true},
	{"body.big=12345678901234567890", false, true},
	{"body.flag=true", true, true},
	{"body.flag=1", false, true},
	{"body.none=null", true, true},
	{"body.missing=1", false, true},
	{"body.missing!=1", true, true},
	{"body.missing~\"\"", false, true},
	{"body.text=\"He said \\\"NO\\\"\\n\"", true, true},
	{"body.text~no", true, true},
	{"body.text>1", false, true},
	{"body.in~x", false, true},
	{"body.in.list.0.x=7", true, true},
	{"body.in.list.1.x=7", false, true},
};

static void matches__as_a_table(void **state)
{
	(void)state;
	struct job job = sample();
	for (size_t i = 0; i < sizeof matches / sizeof *matches; i++) {
		static struct where w;
		size_t at;
		struct why why = WHY_INIT;
		if (where_parse(slice_text(matches[i].text), &env, &w, &at, &why) != ST_OK)
			fail_msg("%s: %zu, %s", matches[i].text, at, why.text);
		if (where_matches(&w, &job) != matches[i].matches || where_is_scan(&w) != matches[i].is_scan)
			fail_msg("%s", matches[i].text);
	}
}

/* A draw that a failure can be told by. */
static uint64_t seed;
static unsigned draw(unsigned below)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned)(seed >> 33) % below;
}

enum { JOBS = 240 };

static void fill_store(struct fixture *f)
{
	static const enum settle_kind ends[] = {SETTLE_COMPLETE, SETTLE_FAIL, SETTLE_RETRY};
	static const enum steer_verb acts[] = {STEER_HOLD, STEER_CANCEL, STEER_RETRY, STEER_RUN_NOW};
	static struct job_id ids[JOBS];
	for (int i = 0; i < JOBS; i++) {
		char workflow[16], user[16], payload[80];
		snprintf(workflow, sizeof workflow, "w-%u", draw(60));
		snprintf(user, sizeof user, "u-%u", draw(12));
		snprintf(payload, sizeof payload, "{\"amount\":%u.%u,\"i\":%d}", draw(300), draw(10), i);
		struct trigger t =
			make_trigger(phase_of_slot((int)draw(PHASE_SLOTS)), workflow, user, payload);
		t.priority = 1 + (int)draw(9);
		if (draw(4) == 0)
			t.run_at_us = f->now.wall_us + draw(1000) * 1000000;
		ids[i] = submit(f, &t).id;
		pass_ms(f, draw(60000));
		if (draw(2) && claim(f, 1 + draw(3)))
			for (size_t k = 0; k < f->held_n; k++)
				if (draw(8))
					assert_int_equal(settle_held(f, k, ends[draw(3)]), ST_OK);
		if (draw(3) == 0)
			(void)steer(f, ids[draw((unsigned)i + 1)], acts[draw(4)]);
	}
}

static const char *random_term(char out[64])
{
	static const char *const states[] = {
		"waiting", "delayed", "active", "completed", "failed", "held", "cancelled"};
	static const char *const orders[] = {"<", "<=", ">", ">="}, *const equals[] = {"=", "!="};
	switch (draw(9)) {
	case 0:
		snprintf(out, 64, "state%s%s,%s", equals[draw(2)], states[draw(7)], states[draw(7)]);
		break;
	case 1:
		snprintf(out, 64, "state=%s", states[draw(7)]);
		break;
	case 2:
		snprintf(out, 64, "phase%s%d", draw(2) ? equals[draw(2)] : orders[draw(4)],
			phase_of_slot((int)draw(PHASE_SLOTS)));
		break;
	case 3:
		snprintf(out, 64, "age%s%um", orders[draw(4)], draw(180));
		break;
	case 4:
		snprintf(out, 64, "user%su-%u", equals[draw(4) == 0], draw(12));
		break;
	case 5:
		snprintf(out, 64, "workflow%sw-%u", equals[draw(2)], draw(60));
		break;
	case 6:
		snprintf(out, 64, "receiver%s%s", equals[draw(2)], draw(2) ? "shop" : "bank");
		break;
	case 7:
		snprintf(out, 64, "body.amount%s%u", orders[draw(4)], draw(300));
		break;
	default:
		snprintf(out, 64, "attempts%s%u", orders[draw(4)], draw(3));
		break;
	}
	return out;
}

struct found {
	struct job_id ids[JOBS * 2];
	size_t n;
	uint64_t scanned;
};

static int by_id(const void *a, const void *b)
{
	return id_cmp(*(const struct job_id *)a, *(const struct job_id *)b);
}

/* Page by page, and what the test says of each when there is one. */
static void find(struct fixture *f, struct job_filter filter, const struct where *w, struct found *out)
{
	struct cursor at = {""}, next;
	out->n = 0;
	filter.scanned = &out->scanned;
	do {
		struct job jobs[7];
		size_t n;
		struct why why = WHY_INIT;
		if (f->ops->list(f->store, &filter, &at, 7, w != NULL, jobs, &n, &next, &why) != ST_OK)
			fail_msg("%s", why.text);
		for (size_t i = 0; i < n; i++) {
			assert_true(w || jobs[i].payload.len == 0);
			if (!w || where_matches(w, &jobs[i]))
				out->ids[out->n++] = jobs[i].id;
			job_release(&jobs[i]);
		}
		assert_true(out->n < JOBS * 2);
		at = next;
	} while (at.text[0]);
	qsort(out->ids, out->n, sizeof *out->ids, by_id);
}

static void selections__by_index_and_by_force_are_equal(void **state)
{
	struct fixture *f = *state;
	ONLY_IF_LONG();
	static struct where w;
	static struct found quick, slow;
	const char *wanted = getenv("WHERE_SEED");
	size_t hits = 0;
	seed = wanted ? strtoull(wanted, NULL, 10) : (uint64_t)clock_mono_us();
	print_message("# WHERE_SEED=%llu\n", (unsigned long long)seed);
	fill_store(f);
	struct where_env here = {.now_us = f->now.wall_us, .opts = &opts};
	for (int round = 0; round < 400; round++) {
		char text[512] = "", term[64];
		size_t at;
		struct why why = WHY_INIT;
		for (unsigned n = 1 + draw(4); n > 0; n--)
			snprintf(text + strlen(text), sizeof text - strlen(text), "%s ", random_term(term));
		if (where_parse(slice_text(text), &here, &w, &at, &why) != ST_OK)
			fail_msg("%s: %s", text, why.text);
		struct job_filter filter = {.oldest_first = draw(2)};
		find(f, filter, &w, &slow);
		where_narrow(&w, &filter);
		assert_int_equal(filter.test != NULL, where_is_scan(&w));
		find(f, filter, NULL, &quick);
		if (quick.n != slow.n || memcmp(quick.ids, slow.ids, quick.n * sizeof *quick.ids) != 0)
			fail_msg("%s: %zu by index, %zu by force", text, quick.n, slow.n);
		hits += quick.n;
	}
	assert_true(hits > 1000); /* it did select */
}

static const char *const WORKFLOWS[] = {
	"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t"};

/* A test that lets few through: the work of a page is bounded all the same, and what was looked at counted.
 */
static void scans__are_counted(void **state)
{
	struct fixture *f = *state;
	static struct where w;
	struct found found = {0};
	size_t at;
	for (int i = 0; i < 20; i++)
		accept_job(f, 2, WORKFLOWS[i], i == 7 ? "u-7" : "u", "{\"x\":1}");
	assert_int_equal(where_parse(slice_text("source=tests user~7"), &env, &w, &at, NULL), ST_OK);
	struct job_filter filter = {0};
	where_narrow(&w, &filter);
	find(f, filter, NULL, &found);
	assert_int_equal(found.n, 1);
	assert_int_equal(found.scanned, 20);
	assert_int_equal(where_parse(slice_text("state=failed"), &env, &w, &at, NULL), ST_OK);
	filter = (struct job_filter){0};
	where_narrow(&w, &filter);
	found.scanned = 0;
	find(f, filter, NULL, &found);
	assert_int_equal(found.scanned, 0);
}

/* Since is found by the ids of jobs: those before it are not read. */
static void since__reads_nothing_older(void **state)
{
	struct fixture *f = *state;
	struct found found = {0};
	for (int i = 0; i < 20; i++, pass_ms(f, 1000))
		accept_job(f, 2, WORKFLOWS[i], "u", "{\"x\":1}");
	for (int oldest = 0; oldest < 2; oldest++) {
		struct job_filter filter = {.since_us = f->now.wall_us - 5000000, .oldest_first = oldest};
		found.scanned = 0;
		find(f, filter, NULL, &found);
		assert_int_equal(found.n, 5);
		assert_int_equal(found.scanned, 5);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decimals__compare_exactly),
		cmocka_unit_test(jfind__walks_a_text),
		cmocka_unit_test(parse__faults_have_a_place),
		cmocka_unit_test(parse__is_bounded),
		cmocka_unit_test(matches__as_a_table),
		cmocka_unit_test_setup_teardown(
			selections__by_index_and_by_force_are_equal, store_setup, store_teardown),
		cmocka_unit_test_setup_teardown(scans__are_counted, store_setup, store_teardown),
		cmocka_unit_test_setup_teardown(since__reads_nothing_older, store_setup, store_teardown),
	};
	fill_opts();
	return cmocka_run_group_tests_name("where", tests, NULL, NULL);
}
