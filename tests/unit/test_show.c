/* tests/unit/test_show.c: the JSON of jobs, events, receivers and tokens, to the byte, and the masking of
 * secrets. */
#include "spool/base/clock.h"
#include "spool/show.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>

static void job__to_the_byte(void **state)
{
	(void)state;
	struct job job = {
		.id = {{0x01, 0x9a, 0, 0, 0, 1, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 0xff}},
		.phase = 3,
		.state = JOB_FAILED,
		.priority = 5,
		.attempts_made = 2,
		.attempts_allowed = 15,
		.crashes = 2,
		.accepted_at_us = INT64_C(1795486735123000),
		.run_at_us = INT64_C(1795486735123000),
		.finished_at_us = INT64_C(1795486736000000),
		.workflow_id = slice_text("w\"1"),
		.user_id = slice_text("u"),
		.source = slice_text("127.0.0.1"),
		.error = slice_text("answered 404"),
		.outcome = slice_text("{\"amount\": 1.10}"),
		.payload = slice_text("{ \"a\" : 1 }"),
	};
	struct buf out = BUF_INIT(4096);
	struct jx_writer w;
	jx_begin(&w, &out);
	show_job(&w, &job, true, NULL);
	assert_string_equal(out.p,
		"{\"id\":\"019a0000-0001-7000-8000-0000000000ff\",\"phase\":3,\"workflow_id\":\"w\\\"1\","
		"\"user_id\":\"u\","
		"\"state\":\"failed\",\"priority\":5,\"attempts_made\":2,\"attempts_allowed\":15,"
		"\"crashes\":2,\"in_crowd\":false,"
		"\"accepted_at\":\"2026-11-24T02:18:55.123Z\",\"run_at\":\"2026-11-24T02:18:55.123Z\","
		"\"started_at\":null,"
		"\"finished_at\":\"2026-11-24T02:18:56.000Z\",\"give_up_at\":null,\"behind\":null,\"lease\":"
		"null,"
		"\"idempotency_key\":null,\"source\":\"127.0.0.1\",\"traceparent\":null,\"trace_id\":null,"
		"\"error\":\"answered "
		"404\","
		"\"outcome\":{\"amount\": 1.10},\"checkpoint\":null,\"payload\":{ \"a\" : 1 }}");
	buf_release(&out);
	job.phase = 12;
	job.state = JOB_WAITING;
	job.behind = job.id;
	job.in_crowd = true;
	jx_begin(&w, &out);
	show_job(&w, &job, false, NULL);
	assert_non_null(strstr(out.p, "\"step\":12,"));
	assert_non_null(strstr(out.p, "\"behind\":\"019a0000-0001-7000-8000-0000000000ff\""));
	assert_non_null(strstr(out.p, "\"in_crowd\":true"));
	assert_null(strstr(out.p, "payload"));
	buf_release(&out);
}

static void job__lease_while_active(void **state)
{
	(void)state;
	struct moment now = clock_now();
	struct job job = {.phase = 1, .state = JOB_ACTIVE};
	struct buf out = BUF_INIT(4096);
	struct jx_writer w;
	snprintf(job.lease.owner, sizeof job.lease.owner, "host:1");
	job.lease.token = 7;
	job.lease.boot_id = now.boot_id + 1; /* of an earlier boot: it is over */
	job.lease.deadline_boot_us = now.boot_us + 9000000;
	jx_begin(&w, &out);
	show_job(&w, &job, false, NULL);
	assert_non_null(strstr(out.p, "\"lease\":{\"owner\":\"host:1\",\"token\":7,\"deadline_in_ms\":0}"));
	buf_clear(&out);
	job.lease.boot_id = now.boot_id;
	jx_begin(&w, &out);
	show_job(&w, &job, false, NULL);
	json_t *shown;
	assert_int_equal(jx_parse(buf_slice(&out), 9, &shown, NULL), ST_OK);
	assert_in_range(json_integer_value(jx_path(shown, "lease.deadline_in_ms")), 1, 9000);
	json_decref(shown);
	buf_release(&out);
}

/* A kind's name, and the least that an event of it has. */
static void event__every_kind_to_the_byte(void **state)
{
	(void)state;
	static const char *const names[] = {"accepted", "claimed", "completed", "retry", "failed", "released",
		"lease_expired", "due", "held", "unheld", "cancelled", "retried", "run_now", "removed",
		"rolled_back", "checkpoint", "fenced", "paused", "resumed", "set_aside", "notification",
		"progress", "restored", "repaired", "breaker", "crashed", "replayed", "token", "forgotten",
		"undone", "stalled"};
	assert_int_equal(sizeof names / sizeof *names, EVENT_KIND_N);
	for (int kind = 0; kind < EVENT_KIND_N; kind++) {
		char want[200];
		struct event event = {.seq = 1,
			.at_us = 1000,
			.kind = (enum event_kind)kind,
			.phase = 14,
			.from = JOB_WAITING,
			.to = EVENT_NO_STATE};
		struct buf out = BUF_INIT(4096);
		struct jx_writer w;
		jx_begin(&w, &out);
		show_event(&w, &event, NULL);
		snprintf(want, sizeof want,
			"{\"seq\":1,\"at\":\"1970-01-01T00:00:00.001Z\",\"kind\":\"%s\",\"step\":14,"
			"\"from\":\"waiting\"}",
			names[kind]);
		assert_string_equal(out.p, want);
		buf_release(&out);
	}
}

static void event__everything_set(void **state)
{
	(void)state;
	struct event event = {.seq = 2,
		.at_us = 1000,
		.kind = EVENT_FENCED,
		.job = {{1}},
		.phase = 7,
		.workflow_id = slice_text("w"),
		.user_id = slice_text("u\n"),
		.from = JOB_ACTIVE,
		.to = JOB_COMPLETED,
		.attempt = 3,
		.actor = slice_text("worker:h:1"),
		.reason = slice_text("late"),
		.http_status = 200,
		.wait_ms = 1,
		.conn_ms = 2,
		.xfer_ms = 3,
		.traceparent = slice_text("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
		.span = 0x00f067aa0ba902b7,
		.name = slice_text("n"),
		.room = slice_text("r"),
		.data = slice_text("[1, 2]")};
	struct buf out = BUF_INIT(4096);
	struct jx_writer w;
	jx_begin(&w, &out);
	show_event(&w, &event, NULL);
	assert_string_equal(out.p,
		"{\"seq\":2,\"at\":\"1970-01-01T00:00:00.001Z\",\"kind\":\"fenced\","
		"\"job_id\":\"01000000-0000-0000-0000-000000000000\",\"phase\":7,\"workflow_id\":\"w\","
		"\"user_id\":\"u\\n\",\"from\":\"active\",\"to\":\"completed\",\"attempt\":3,"
		"\"actor\":\"worker:h:1\",\"reason\":\"late\",\"http_status\":200,\"wait_ms\":1,"
		"\"conn_ms\":2,\"xfer_ms\":3,"
		"\"trace_id\":\"0af7651916cd43dd8448eb211c80319c\",\"span_id\":\"00f067aa0ba902b7\",\"name\":"
		"\"n\",\"room\":\"r\",\"data\":[1, 2]}");
	buf_release(&out);
}

static void event__only_what_applies(void **state)
{
	(void)state;
	struct event event = {.seq = 7,
		.at_us = INT64_C(1795486735123000),
		.kind = EVENT_PAUSED,
		.from = EVENT_NO_STATE,
		.to = EVENT_NO_STATE,
		.actor = slice_text("operator:me")};
	struct buf out = BUF_INIT(4096);
	struct jx_writer w;
	jx_begin(&w, &out);
	show_event(&w, &event, NULL);
	assert_string_equal(out.p, "{\"seq\":7,\"at\":\"2026-11-24T02:18:55.123Z\",\"kind\":\"paused\","
				   "\"actor\":\"operator:me\"}");
	buf_clear(&out);
	event = (struct event){.seq = 8,
		.at_us = 1000,
		.kind = EVENT_RETRY,
		.job = {{1}},
		.phase = 3,
		.from = JOB_ACTIVE,
		.to = JOB_DELAYED,
		.attempt = 2,
		.http_status = 503,
		.xfer_ms = 4,
		.reason = slice_text("answered 503"),
		.workflow_id = slice_text("w"),
		.user_id = slice_text("u")};
	jx_begin(&w, &out);
	show_event(&w, &event, NULL);
	assert_string_equal(out.p, "{\"seq\":8,\"at\":\"1970-01-01T00:00:00.001Z\",\"kind\":\"retry\",\"job_"
				   "id\":\"01000000-0000-0000-0000-000000000000\","
				   "\"phase\":3,\"workflow_id\":\"w\",\"user_id\":\"u\",\"from\":\"active\","
				   "\"to\":\"delayed\",\"attempt\":2,"
				   "\"reason\":\"answered 503\",\"http_status\":503,\"xfer_ms\":4}");
	buf_clear(&out);
	event = (struct event){.seq = 9,
		.at_us = 1000,
		.kind = EVENT_NOTIFICATION,
		.from = EVENT_NO_STATE,
		.to = EVENT_NO_STATE,
		.name = slice_text("notification"),
		.room = slice_text("user_u"),
		.data = slice_text("{\"type\":\"info\"}")};
	jx_begin(&w, &out);
	show_event(&w, &event, NULL);
	assert_string_equal(out.p,
		"{\"seq\":9,\"at\":\"1970-01-01T00:00:00.001Z\",\"kind\":\"notification\","
		"\"name\":\"notification\",\"room\":\"user_u\",\"data\":{\"type\":\"info\"}}");
	buf_release(&out);
}

static void trace_id__of_what_is_a_traceparent(void **state)
{
	(void)state;
	static const struct {
		const char *text, *id;
	} rows[] = {
		{"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
			"0af7651916cd43dd8448eb211c80319c"},
		{"01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-later",
			"0af7651916cd43dd8448eb211c80319c"},
		{"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0", ""},
		{"00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", ""},
		{"00-0af7651916cd43dd8448eb211c80319cb-7ad6b7169203331-01", ""},
		{"000-af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", ""},
		{"", ""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (!slice_eq(show_trace_id(slice_text(rows[i].text)), slice_text(rows[i].id)))
			fail_msg("%s", rows[i].text);
}

/* Every member that a caller, a receiver or a payload made. */
static void masked__wherever_it_may_stand(void **state)
{
	(void)state;
	struct mask *mask;
	struct job job = {.phase = 1,
		.idempotency_key = slice_text("CANARY"),
		.source = slice_text("token=CANARY"),
		.error = slice_text("call x: Bearer CANARY"),
		.outcome = slice_text("{\"data\":{\"secret\":\"CANARY\"}}"),
		.checkpoint = slice_text("{\"token\":\"CANARY\"}"),
		.payload = slice_text("{\"a\" : 1.10,\"deep\":[{\"pin\":\"CANARY\"}]}")};
	struct event event = {.kind = EVENT_RETRY,
		.reason = slice_text("{\"password\":\"CANARY\"}"),
		.data = slice_text("{\"cookie\":\"CANARY\"}")};
	struct buf out = BUF_INIT(4096);
	struct jx_writer w;
	assert_int_equal(mask_new(MASK_DEFAULT_FIELDS ", idempotency_key, /deep/0/pin", &mask, NULL), ST_OK);
	jx_begin(&w, &out);
	show_job(&w, &job, true, mask);
	assert_non_null(strstr(out.p, "\"payload\":{\"a\" : 1.10,\"deep\":[{\"pin\":\"***\"}]}"));
	assert_non_null(strstr(out.p, "\"idempotency_key\":\"***\""));
	assert_null(strstr(out.p, "CANARY"));
	buf_clear(&out);
	jx_begin(&w, &out);
	show_event(&w, &event, mask);
	assert_non_null(strstr(out.p, "\"data\":{\"cookie\":\"***\"}"));
	assert_null(strstr(out.p, "CANARY"));
	buf_release(&out);
	mask_free(mask);
}

static void receiver__to_the_byte(void **state)
{
	(void)state;
	const int64_t at_us = INT64_C(1795486735123000);
	struct receiver_state r = {.name = "shop",
		.is_paused = true,
		.paused_until_us = at_us + 1000000,
		.paused_by = "operator:ann",
		.window_at_us = at_us,
		.window_us = 60000000,
		.now = {1, 2},
		.before = {3, 4},
		.calls_total = 100,
		.failed_total = 20};
	struct buf out = BUF_INIT(4096);
	struct jx_writer w;
	jx_begin(&w, &out);
	show_receiver(&w, NULL, &r, at_us);
	assert_string_equal(out.p,
		"{\"name\":\"shop\",\"breaker\":\"closed\",\"paused\":true,"
		"\"paused_until\":\"2026-11-24T02:18:56.123Z\",\"paused_by\":\"operator:ann\","
		"\"opened_at\":null,\"open_until\":null,\"opened_times\":0,\"may_run\":0,"
		"\"window_calls\":10,\"window_failed\":6,\"calls_total\":100,\"failed_total\":20}");
	buf_clear(&out);
	r.breaker = BREAKER_OPEN;
	r.opened_at_us = at_us;
	r.open_until_us = at_us + 30000000;
	r.opened_times = 2;
	jx_begin(&w, &out);
	show_receiver(&w, NULL, &r, at_us + 31000000); /* the pause is over, half of the window has passed */
	assert_string_equal(out.p,
		"{\"name\":\"shop\",\"breaker\":\"open\",\"paused\":false,\"paused_until\":null,"
		"\"paused_by\":null,\"opened_at\":\"2026-11-24T02:18:55.123Z\","
		"\"open_until\":\"2026-11-24T02:19:25.123Z\",\"opened_times\":2,\"may_run\":0,"
		"\"window_calls\":3,\"window_failed\":2,\"calls_total\":100,\"failed_total\":20}");
	buf_clear(&out);
	r.breaker = BREAKER_CLOSED;
	jx_begin(&w, &out);
	show_receiver(&w, NULL, &r, at_us + 31000000);
	assert_non_null(strstr(out.p, "\"may_run\":null,"));
	buf_release(&out);
}

/* Every member at its value, and at none; of neither secret more than its prefix. */
static void token__to_the_byte(void **state)
{
	(void)state;
	struct buf out = BUF_INIT(8192);
	struct jx_writer w;
	const int64_t at_us = INT64_C(1704067200000000); /* 2024-01-01 */
	struct token t = {.name = "shop",
		.scopes = SCOPE_SUBMIT | SCOPE_READ,
		.phases = 1 << 0 | 1 << 7,
		.user = "seller-*",
		.created_at_us = at_us,
		.expires_at_us = at_us + 90000000,
		.now = {"clw_0123456789ab", {1}, at_us + 10000000},
		.old = {"clw_ba9876543210", {2}, at_us},
		.old_until_us = at_us + 30000000};
	jx_begin(&w, &out);
	show_token(&w, &t, at_us + 20000000);
	assert_string_equal(out.p,
		"{\"name\":\"shop\",\"state\":\"rotating\",\"prefix\":\"clw_0123456789ab\","
		"\"scopes\":[\"submit\",\"read\"],\"phases\":[1,10],\"user\":\"seller-*\","
		"\"created_at\":\"2024-01-01T00:00:00.000Z\",\"expires_at\":\"2024-01-01T00:01:30.000Z\","
		"\"revoked_at\":null,\"rotated_at\":\"2024-01-01T00:00:10.000Z\","
		"\"old_prefix\":\"clw_ba9876543210\",\"old_until\":\"2024-01-01T00:00:30.000Z\"}");
	buf_clear(&out);
	jx_begin(&w, &out);
	t.phases = TOKEN_ALL_PHASES;
	t.user[0] = '\0';
	t.expires_at_us = 0;
	t.now.created_at_us = at_us;
	t.revoked_at_us = at_us + 1000000;
	show_token(&w, &t, at_us + 20000000);
	assert_string_equal(out.p, "{\"name\":\"shop\",\"state\":\"revoked\",\"prefix\":\"clw_0123456789ab\","
				   "\"scopes\":[\"submit\",\"read\"],\"phases\":null,\"user\":null,"
				   "\"created_at\":\"2024-01-01T00:00:00.000Z\",\"expires_at\":null,"
				   "\"revoked_at\":\"2024-01-01T00:00:01.000Z\",\"rotated_at\":null,"
				   "\"old_prefix\":null,\"old_until\":null}");
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(job__to_the_byte),
		cmocka_unit_test(job__lease_while_active),
		cmocka_unit_test(event__only_what_applies),
		cmocka_unit_test(receiver__to_the_byte),
		cmocka_unit_test(token__to_the_byte),
		cmocka_unit_test(event__every_kind_to_the_byte),
		cmocka_unit_test(event__everything_set),
		cmocka_unit_test(trace_id__of_what_is_a_traceparent),
		cmocka_unit_test(masked__wherever_it_may_stand),
	};
	return cmocka_run_group_tests_name("show", tests, NULL, NULL);
}
