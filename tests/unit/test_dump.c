/* tests/unit/test_dump.c: a whole spool as text and back: lossless, whole or refused, and mistakes are named.
 */
#include "spool/dump/dump.h"
#include "tests/unit/care_fixture.h"

#include <stdlib.h>

/* --- items --- */

static char *text_of(const struct item *items, size_t n)
{
	char *text;
	size_t len;
	struct why why = WHY_INIT;
	struct dump_writer writer = {.to = open_memstream(&text, &len)};
	assert_non_null(writer.to);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(dump_write(&writer, &items[i], &why), ST_OK);
	assert_int_equal(dump_finish(&writer, &why), ST_OK);
	fclose(writer.to);
	return text;
}

/* Each item as it is read is written again at once, for its slices live until the next. */
static enum status copy_text(const char *text, size_t len, char **again, struct why *why)
{
	size_t copy_len;
	struct item item = {.kind = ITEM_TOTALS};
	struct dump_reader reader = {.from = fmemopen((void *)(uintptr_t)text, len, "r")};
	struct dump_writer writer = {.to = open_memstream(again, &copy_len)};
	enum status st;
	while ((st = dump_read(&reader, &item, why)) == ST_OK && item.kind != ITEM_END)
		assert_int_equal(dump_write(&writer, &item, why), ST_OK);
	if (st == ST_OK)
		assert_int_equal(dump_finish(&writer, why), ST_OK);
	dump_writer_release(&writer);
	fclose(writer.to);
	fclose(reader.from);
	dump_reader_release(&reader);
	return st;
}

static const struct job full_job = {
	.id = {{1, 0x99, 3, 4, 5, 6, 0x70, 8, 0x80, 10, 11, 12, 13, 14, 15, 16}},
	.phase = 7,
	.state = JOB_ACTIVE,
	.priority = 9,
	.ordered = true,
	.has_turn = true,
	.solo_user = true,
	.in_crowd = true,
	.is_forgotten = true,
	.accepted_at_us = 1789000000000001,
	.run_at_us = 1789000000000002,
	.started_at_us = 1789000000000003,
	.claimed_at_us = 1789000000000004,
	.finished_at_us = 1789000000000005,
	.give_up_at_us = 1789000000000006,
	.give_up_after_us = 86400000000,
	.attempts_made = 4000000000,
	.attempts_allowed = 5,
	.attempts_grant = 6,
	.crashes = 3,
	.lease = {7, 8, UINT64_MAX - 1, "host:123"},
	.last_event = 99,
	.workflow_id = {"w \"\\\x7f\xf0\x9f\x98\x80", 9},
	.user_id = {"u\0v", 3},
	.payload = {"{\"a\": 1.0,\n \"a\":2}", 18},
	.source = {"\xff\xfe", 2},
	.idempotency_key = {"k", 1},
	.traceparent = {"00-1", 4},
	.tracestate = {"a=b", 3},
	.error = {"\xc3\x28", 2},
	.outcome = {"{}", 2},
	.checkpoint = {"{\"c\":1}", 7},
};

static const struct event full_event = {
	.seq = 12,
	.prev = 11,
	.at_us = -5,
	.kind = EVENT_RETRY,
	.job = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}},
	.phase = 14,
	.from = JOB_ACTIVE,
	.to = EVENT_NO_STATE,
	.attempt = 3,
	.http_status = 503,
	.wait_ms = -1,
	.conn_ms = 2,
	.xfer_ms = 3,
	.span = UINT64_MAX - 2,
	.actor = {"worker:h:1", 10},
	.reason = {"r", 1},
	.name = {"n", 1},
	.room = {"m", 1},
	.data = {"{\"d\":[]}", 8},
};

static const struct receiver_state full_receiver = {
	.name = "shop:\"1\"",
	.breaker = BREAKER_PROBING,
	.is_paused = true,
	.paused_until_us = 1,
	.paused_by = "operator:\xc3\xa4",
	.opened_at_us = 2,
	.open_until_us = 3,
	.opened_times = UINT32_MAX,
	.window_at_us = 4,
	.window_us = 5,
	.now = {6, 7},
	.before = {8, 9},
	.ramp = 10,
	.step = {11, 12},
	.probe = 13,
	.probe_until_us = 14,
	.calls_total = 15,
	.failed_total = 16,
};

static const struct token full_token = {
	.name = "shop",
	.scopes = 5,
	.phases = 4095,
	.user = "\xc3\xa4*",
	.created_at_us = 1,
	.expires_at_us = 2,
	.revoked_at_us = 3,
	.now = {"clw_0123456789ab", {0, 1, 255}, 4},
	.old = {"clw_ba9876543210", {[31] = 1}, 5},
	.old_until_us = 6,
};

static void text__is_lossless(void **state)
{
	(void)state;
	struct item items[] = {
		{.kind = ITEM_TOTALS,
			.totals = {1, 2, 3, 4, 5, 6, 7, 8, 4095, 11, 10,
				{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, UINT32_MAX}}},
		{.kind = ITEM_BOOKMARK, .bookmark = {"notify-relay", 1}},
		{.kind = ITEM_RECEIVER, .receiver = full_receiver},
		{.kind = ITEM_TOKEN, .token = full_token},
		{.kind = ITEM_ASIDE, .aside = {{"j\0\xff", 3}, {"\x01\x02", 2}}},
		{.kind = ITEM_JOB, .job = full_job},
		{.kind = ITEM_EVENT, .event = full_event},
	};
	struct why why = WHY_INIT;
	char *text = text_of(items, sizeof items / sizeof *items), *again;
	if (copy_text(text, strlen(text), &again, &why) != ST_OK)
		fail_msg("%s\n%s", why.text, text);
	assert_string_equal(again, text);
	assert_non_null(strstr(text, "\"user_id\":{\"hex\":\"750076\"}"));
	assert_non_null(strstr(text, "\"paused_by\":\"operator:\xc3\xa4\",\"opened_at_us\":2,"));
	assert_non_null(strstr(text, "\"probe\":13,\"probe_until_us\":14,\"calls_total\":15,"));
	assert_non_null(strstr(
		text, "\"digest\":\"0001ff0000000000000000000000000000000000000000000000000000000000\""));
	assert_non_null(strstr(text, "\"old_rotated_at_us\":5,\"old_until_us\":6}"));
	assert_non_null(strstr(text, "\"crashes\":3,"));
	assert_non_null(strstr(text, "\"span\":\"fffffffffffffffd\""));
	assert_non_null(strstr(text, "\"lease_boot_id\":\"fffffffffffffffe\""));
	assert_non_null(strstr(text, "\"payload\":\"{\\\"a\\\": 1.0,\\n \\\"a\\\":2}\""));
	free(text);
	free(again);
}

/* Secrets are hidden, the rest is as it was, and nobody takes it for a whole one. */
static void text__masked_is_for_reading(void **state)
{
	(void)state;
	struct job job = full_job;
	struct event event = full_event;
	job.payload = slice_text("{\"n\": 1.0,\"token\":\"CANARY\"}");
	job.outcome = job.checkpoint = slice_text("{\"password\":\"CANARY\"}");
	job.error = slice_text("Bearer CANARY");
	event.data = slice_text("{\"secret\":\"CANARY\"}");
	event.reason = slice_text("api_key=CANARY");
	const struct item items[] = {
		{.kind = ITEM_TOTALS, .totals = {.format = ITEM_FORMAT, .next_seq = 10}},
		{.kind = ITEM_ASIDE, .aside = {{"j\0\xff", 3}, {"CANARY", 6}}},
		{.kind = ITEM_JOB, .job = job},
		{.kind = ITEM_EVENT, .event = event},
	};
	char *text, *again;
	size_t len;
	struct mask *mask;
	struct why why = WHY_INIT;
	assert_int_equal(mask_new(MASK_DEFAULT_FIELDS, &mask, &why), ST_OK);
	struct dump_writer writer = {.to = open_memstream(&text, &len), .mask = mask};
	for (size_t i = 0; i < sizeof items / sizeof *items; i++)
		assert_int_equal(dump_write(&writer, &items[i], &why), ST_OK);
	assert_int_equal(dump_finish(&writer, &why), ST_OK);
	fclose(writer.to);
	assert_non_null(strstr(text, "\"masked\":true"));
	assert_non_null(strstr(text, "\"payload\":\"{\\\"n\\\": 1.0,\\\"token\\\":\\\"***\\\"}\""));
	assert_null(strstr(text, "CANARY"));
	assert_null(strstr(text, "43414e415259")); /* the same as hexadecimal */
	assert_int_equal(copy_text(text, len, &again, &why), ST_INVALID);
	assert_non_null(strstr(why.text, "line 1: spool.masked: this export was made without --reveal"));
	free(again);
	free(text);
	mask_free(mask);
}

#define SPOOL_LINE "{\"spool\":{\"format\":1,\"next_seq\":10}}\n"
#define ID         "01990304-0506-7008-800a-0b0c0d0e0f10"

static void mistakes__are_named(void **state)
{
	(void)state;
	static const struct {
		const char *text, *words;
	} rows[] = {
		{"", "ends after line 0"},
		{"x\n", "line 1: "},
		{"[]\n", "line 1: : is not an object with one of"},
		{"{\"spool\":{}}\n", "line 1: spool.format: is missing"},
		{"{\"spool\":{\"format\":2}}\n",
			"line 1: spool.format: has a value of the wrong kind or size"},
		{"{\"end\":{\"items\":0}}\n", "line 1: end: an export begins with its spool line"},
		{SPOOL_LINE SPOOL_LINE, "line 2: spool: stands a second time"},
		{SPOOL_LINE, "ends after line 1 without its end line: it was cut short"},
		{SPOOL_LINE "{\"end\":{\"items\":2}}\n", "line 2: end.items: is not the number of lines"},
		{SPOOL_LINE "{\"end\":{\"items\":1}}\nx", "line 3: something stands after the end line"},
		{SPOOL_LINE "{\"job\":{}}\n", "line 2: job.id: is missing"},
		{SPOOL_LINE "{\"job\":{},\"event\":{}}\n", "line 2: : is not an object with one of"},
		{SPOOL_LINE "{\"job\":{\"id\":\"1\"}}\n", "line 2: job.id: has a value of the wrong kind"},
		{SPOOL_LINE "{\"job\":{\"colour\":1}}\n", "line 2: job.colour: is not a member"},
		{SPOOL_LINE "{\"job\":{\"phase\":15}}\n", "line 2: job.phase: has a value of the wrong"},
		{SPOOL_LINE "{\"job\":{\"phase\":1.5}}\n", "line 2: job.phase: has a value of the wrong"},
		{SPOOL_LINE "{\"job\":{\"state\":\"lost\"}}\n",
			"line 2: job.state: has a value of the wrong"},
		{SPOOL_LINE "{\"job\":{\"ordered\":1}}\n", "line 2: job.ordered: has a value of the wrong"},
		{SPOOL_LINE "{\"job\":{\"payload\":{\"hex\":\"0g\"}}}\n", "line 2: job.payload: has a value"},
		{SPOOL_LINE "{\"job\":{\"payload\":{\"hex\":\"0\"}}}\n", "line 2: job.payload: has a value"},
		{SPOOL_LINE "{\"job\":{\"lease_boot_id\":\"1\"}}\n",
			"line 2: job.lease_boot_id: has a value"},
		{SPOOL_LINE "{\"job\":{\"id\":\"" ID "\",\"phase\":8,\"state\":\"held\",\"priority\":1,"
			    "\"workflow_id\":\"w\"}}\n",
			"line 2: job.phase: there is no such phase"},
		{SPOOL_LINE "{\"event\":{\"seq\":0}}\n", "line 2: event.seq: has a value of the wrong kind"},
		{SPOOL_LINE "{\"event\":{\"kind\":\"x\"}}\n", "line 2: event.kind: has a value of the wrong"},
		{SPOOL_LINE "{\"aside\":{\"key\":\"6a0\"}}\n", "line 2: aside.key: has a value of the wrong"},
		{SPOOL_LINE "{\"bookmark\":{\"name\":\"\"}}\n", "line 2: bookmark.name: has a value of the"},
		{SPOOL_LINE "{\"receiver\":{\"name\":\"a\"}}\n", "line 2: receiver.breaker: is missing"},
		{SPOOL_LINE "{\"receiver\":{\"breaker\":\"ajar\"}}\n",
			"line 2: receiver.breaker: has a value"},
		{SPOOL_LINE "{\"token\":{\"name\":\"a\",\"scopes\":1,\"phases\":1,\"prefix\":\"p\"}}\n",
			"line 2: token.digest: is missing"},
		{SPOOL_LINE "{\"token\":{\"digest\":\"00\"}}\n", "line 2: token.digest: has a value of the"},
		{SPOOL_LINE "{\"token\":{\"scopes\":8}}\n", "line 2: token.scopes: has a value of the"},
		{SPOOL_LINE "{\"token\":{\"secret\":\"x\"}}\n", "line 2: token.secret: is not a member"},
		{SPOOL_LINE "{\"receiver\":{\"probe\":-1}}\n", "line 2: receiver.probe: has a value of the"},
		{SPOOL_LINE "{\"job\":\n", "line 2: "},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct why why = WHY_INIT;
		char *again;
		/* fmemopen() takes no empty text: a NUL byte is no line either. */
		enum status st = *rows[i].text ? copy_text(rows[i].text, strlen(rows[i].text), &again, &why)
					       : copy_text("\n", 1, &again, &why);
		free(again);
		assert_true(st == ST_INVALID || st == ST_CORRUPT);
		if (*rows[i].text && !strstr(why.text, rows[i].words))
			fail_msg("%s is told as \"%s\"", rows[i].text, why.text);
	}
}

/* --- a whole spool --- */

static enum status export_to(struct fixture *f, char **text)
{
	static const struct spool_watch nobody;
	size_t len;
	struct why why = WHY_INIT;
	struct dump_writer writer = {.to = open_memstream(text, &len)};
	enum status st = f->ops->export(f->store, f->now, dump_write, &writer, &nobody, &why);
	assert_int_equal(dump_finish(&writer, &why), ST_OK);
	fclose(writer.to);
	return st;
}

static enum status import_from(
	struct fixture *f, const char *text, bool replaces, struct care_result *result, struct why *why)
{
	struct dump_reader reader = {.from = fmemopen((void *)(uintptr_t)text, strlen(text), "r")};
	struct care_ask ask = {.verb = CARE_IMPORT,
		.path = "tests",
		.replaces = replaces,
		.source = dump_read,
		.source_arg = &reader};
	f->ops->close(f->store);
	f->store = NULL;
	enum status st = f->ops->care(&f->conf, &ask, NULL, result, why);
	dump_reader_release(&reader);
	fclose(reader.from);
	f->ops->open(&f->conf, &f->store, NULL);
	assert_non_null(f->store);
	return st;
}

/* What an import changes on purpose: the spool line and the end line tell of another moment, leases belong to
 * no boot, and the event that tells of the import joins. */
static void drop_what_changes(char *text)
{
	char *to = text, *line = text;
	while (*line) {
		char *next = strchr(line, '\n') + 1, *cut;
		size_t len = (size_t)(next - line);
		bool is_kept = strncmp(line, "{\"spool\"", 8) != 0 && strncmp(line, "{\"end\"", 6) != 0 &&
			       !memmem(line, len, "\"kind\":\"restored\"", 17);
		static const char lease[] = ",\"lease_boot_id\":\"0123456789abcdef\"";
		if (is_kept && (cut = memmem(line, len, ",\"lease_boot_id\"", 16))) {
			memmove(cut, cut + sizeof lease - 1, (size_t)(next - cut) - (sizeof lease - 1));
			len -= sizeof lease - 1;
		}
		if (is_kept) {
			memmove(to, line, len);
			to += len;
		}
		line = next;
	}
	*to = '\0';
}

static void import__gives_the_same_spool(void **state)
{
	struct fixture *f = *state;
	char *before, *after;
	struct care_result result;
	struct told told;
	struct why why = WHY_INIT;
	size_t removed;
	fill(f, 300);
	f->ops->remove(f->store, f->now, JOB_COMPLETED, INT64_MAX, 3, slice_text("tests"), &removed, NULL);
	f->ops->pause(f->store, f->now, 1 << phase_slot(4), true, slice_text("tests"), NULL);
	f->ops->bookmark_set(f->store, "reader", 17, NULL);
	struct stats was = stats_of(f);
	assert_int_equal(export_to(f, &before), ST_OK);
	f->conf.map_size *= 2; /* one use of it */
	if (import_from(f, before, true, &result, &why) != ST_OK)
		fail_msg("%s", why.text);
	assert_int_equal(result.jobs, 300 - removed);
	assert_int_equal(result.lost + result.set_aside + result.mended, 0);
	assert_int_equal(verify(f, f->dir, &told), ST_OK);
	struct stats is = stats_of(f);
	assert_memory_equal(is.jobs, was.jobs, sizeof is.jobs);
	assert_int_equal(is.accepted_total, was.accepted_total);
	assert_int_equal(is.removed_total, was.removed_total);
	assert_int_equal(is.paused_phases, was.paused_phases);
	assert_true(is.last_seq > was.last_seq);
	uint64_t bookmark;
	assert_int_equal(f->ops->bookmark_get(f->store, "reader", &bookmark, NULL), ST_OK);
	assert_int_equal(bookmark, 17);
	assert_int_equal(export_to(f, &after), ST_OK);
	drop_what_changes(before);
	drop_what_changes(after);
	assert_string_equal(before, after);
	free(before);
	free(after);
	/* What was being run is handed out again; keys block what they blocked. */
	assert_true(claim(f, 1) == 1);
	struct trigger t = make_trigger(2, "workflow-0", "user-0", "{\"a\":1}");
	t.idempotency_key = slice_text("key-0");
	assert_int_not_equal(submit(f, &t).verdict, SUBMIT_ACCEPTED);
}

static void import__refuses_what_is_not_whole(void **state)
{
	struct fixture *f = *state;
	char *text;
	struct care_result result;
	fill(f, 20);
	struct stats was = stats_of(f);
	assert_int_equal(export_to(f, &text), ST_OK);
	struct why why = WHY_INIT;
	assert_int_equal(import_from(f, text, false, &result, &why), ST_EXISTS);
	size_t len = strlen(text);
	for (size_t cut = 2; cut < len; cut += 1 + len / 40) {
		char was_there = text[len - cut];
		text[len - cut] = '\0';
		enum status st = import_from(f, text, true, &result, &why);
		assert_true(st == ST_CORRUPT || st == ST_INVALID);
		text[len - cut] = was_there;
	}
	/* One line twice, with the number of lines that fits. */
	char *job = strstr(text, "{\"job\"");
	size_t line = (size_t)(strchr(job, '\n') + 1 - job);
	uint64_t items = strtoull(strrchr(text, ':') + 1, NULL, 10);
	size_t room = len + line + 16;
	char *twice = malloc(room), *end = strstr(job, "{\"end\"");
	assert_non_null(twice);
	snprintf(twice, room, "%.*s%.*s{\"end\":{\"items\":%llu}}\n", (int)((size_t)(job - text) + line),
		text, (int)(end - job), job, (unsigned long long)items + 1);
	assert_int_equal(import_from(f, twice, true, &result, &why), ST_INVALID);
	assert_non_null(strstr(why.text, "twice"));
	free(twice);
	free(text);
	struct stats is = stats_of(f);
	assert_int_equal(is.accepted_total, was.accepted_total);
}

static void export__gives_what_it_can_read_and_says_so(void **state)
{
	struct fixture *f = *state;
	char *text;
	struct care_result result;
	struct why why = WHY_INIT;
	fill(f, 20);
	struct job_id bad = accept_job(f, 3, "spoilt", "u", "{\"kept\":true}");
	spoil(f, TREE_JOB, bad);
	assert_int_equal(export_to(f, &text), ST_CORRUPT);
	if (import_from(f, text, true, &result, &why) != ST_OK)
		fail_msg("%s", why.text);
	free(text);
	assert_int_equal(result.jobs, 20);
	assert_int_equal(stats_of(f).set_aside, 1);
	assert_int_equal(stats_of(f).accepted_total, 21);
	/* Its bytes went along. */
	assert_int_equal(export_to(f, &text), ST_OK);
	char id[JOB_ID_TEXT_LEN];
	id_text(bad, id);
	assert_null(strstr(strstr(text, "{\"job\""), "spoilt"));
	assert_non_null(strstr(text, "{\"aside\":{\"key\":\"6a"));
	assert_non_null(strstr(text, "{\"aside\":{\"key\":\"74"));
	free(text);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
	jx_init();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text__is_lossless),
		cmocka_unit_test(text__masked_is_for_reading),
		cmocka_unit_test(mistakes__are_named),
		CASE(import__gives_the_same_spool),
		CASE(import__refuses_what_is_not_whole),
		CASE(export__gives_what_it_can_read_and_says_so),
	};
	return cmocka_run_group_tests_name("dump", tests, NULL, NULL);
}
