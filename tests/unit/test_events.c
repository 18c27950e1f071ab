/* tests/unit/test_events.c: streams of events: who may ask for which, what stands in them, tickets, and what
 * is sent when the peer takes little. */
#include "tests/support/unit.h"

#include "fcgi/events/door.h"
#include "fcgi/events/outlet.h"
#include "fcgi/events/sse.h"
#include "fcgi/records.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint8_t key[TICKET_KEY_LEN] = "0123456789abcdef0123456789abcde";

/* --- interest --- */

static const struct caller everybody = {.scopes = SCOPE_ALL, .phases = CALLER_ALL_PHASES},
			   reader = {.scopes = SCOPE_READ, .phases = CALLER_ALL_PHASES},
			   of_users = {.scopes = SCOPE_READ | SCOPE_OPERATE,
				   .phases = CALLER_ALL_PHASES,
				   .user_pattern = "shop-*"},
			   of_phase_7 = {.scopes = SCOPE_READ, .phases = 1 << 6};

static bool parse(const char *text, struct query *query, struct interest *out, struct fault *fault)
{
	static const char *const known[] = {"user_id", "workflow_id", "all", "kinds", NULL};
	return query_parse(slice_text(text), known, query, fault) && interest_parse(query, out, fault);
}

static void interest__an_empty_filter_is_none(void **state)
{
	(void)state;
	static const char *const bad[] = {"user_id=", "workflow_id", "all=", "all=yes", "user_id=a&user_id=b",
		"kinds=", "kinds=failed", "kinds=notification,failed", "all=1&kinds=failed,",
		"all=1&kinds=nonsense"};
	struct query query;
	struct interest interest;
	struct fault fault;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_false(parse(bad[i], &query, &interest, &fault));
		assert_int_equal(fault.problem, PROBLEM_BAD_QUERY);
	}
	assert_true(parse("all=0", &query, &interest, &fault));
	assert_false(interest.all);
	assert_true(parse("user_id=a%20b&workflow_id=w&all=1", &query, &interest, &fault));
	assert_true(slice_is(interest.user_id, "a b") && slice_is(interest.workflow_id, "w") && interest.all);
	assert_int_equal(interest.kinds, 0);
}

static void interest__covers_the_kinds_that_were_named(void **state)
{
	(void)state;
	struct event event = {.job = {{1}}, .phase = 1};
	struct query query;
	struct interest interest;
	struct fault fault;
	assert_true(parse("all=1&kinds=failed,undone", &query, &interest, &fault));
	for (int kind = 0; kind < EVENT_KIND_N; kind++) {
		event.kind = (enum event_kind)kind;
		assert_int_equal(interest_covers(&interest, &everybody, &event),
			kind == EVENT_FAILED || kind == EVENT_UNDONE);
	}
	assert_true(parse("kinds=progress", &query, &interest, &fault));
	event.kind = EVENT_PROGRESS;
	assert_true(interest_covers(&interest, &everybody, &event));
	event.kind = EVENT_NOTIFICATION;
	assert_false(interest_covers(&interest, &everybody, &event));
}

static void interest__what_callers_may_ask_for(void **state)
{
	(void)state;
	static const struct {
		const struct caller *caller;
		const char *query;
		bool may;
	} rows[] = {
		{&everybody, "", true},
		{&everybody, "all=1", true},
		{&reader, "", true},
		{&reader, "all=1", false},
		{&of_users, "", false},
		{&of_users, "all=1", false},
		{&of_users, "user_id=shop-1", true},
		{&of_users, "user_id=shop-1&all=1", true},
		{&of_users, "user_id=shop", false},
		{&of_users, "workflow_id=w", true},
		{&of_users, "user_id=other&workflow_id=w", false},
		{&of_phase_7, "", false},
		{&of_phase_7, "user_id=a", true},
	};
	struct query query;
	struct interest interest;
	struct fault fault;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_true(parse(rows[i].query, &query, &interest, &fault));
		if (interest_is_allowed(&interest, rows[i].caller, &fault) != rows[i].may)
			fail_msg("row %zu: %s", i, rows[i].query);
	}
}

static void interest__covers_what_is_asked_and_allowed(void **state)
{
	(void)state;
	static const struct {
		const struct caller *caller;
		const char *query;
		enum event_kind kind;
		int phase;
		const char *user, *workflow;
		bool want;
	} rows[] = {
		{&everybody, "", EVENT_NOTIFICATION, 1, "u", "w", true},
		{&everybody, "", EVENT_PROGRESS, 1, "u", "w", true},
		{&everybody, "", EVENT_COMPLETED, 1, "u", "w", false},
		{&everybody, "all=1", EVENT_COMPLETED, 1, "u", "w", true},
		{&everybody, "all=1", EVENT_PAUSED, 0, "", "", true},
		{&everybody, "user_id=u", EVENT_PROGRESS, 1, "u", "w", true},
		{&everybody, "user_id=u", EVENT_PROGRESS, 1, "u2", "w", false},
		{&everybody, "workflow_id=w", EVENT_PROGRESS, 1, "u", "w", true},
		{&everybody, "workflow_id=w", EVENT_PROGRESS, 1, "u", "w2", false},
		{&everybody, "user_id=u&workflow_id=w", EVENT_PROGRESS, 1, "u", "w", true},
		{&everybody, "user_id=u&workflow_id=w", EVENT_PROGRESS, 1, "u2", "w", false},
		{&of_users, "workflow_id=w", EVENT_PROGRESS, 1, "shop-1", "w", true},
		{&of_users, "workflow_id=w", EVENT_PROGRESS, 1, "other", "w", false},
		{&of_users, "workflow_id=w&all=1", EVENT_PAUSED, 0, "", "", false},
		{&of_phase_7, "user_id=u", EVENT_PROGRESS, 7, "u", "w", true},
		{&of_phase_7, "user_id=u", EVENT_PROGRESS, 6, "u", "w", false},
	};
	struct query query;
	struct interest interest;
	struct fault fault;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct event event = {.kind = rows[i].kind,
			.phase = rows[i].phase,
			.job = {{rows[i].phase != 0}},
			.user_id = slice_text(rows[i].user),
			.workflow_id = slice_text(rows[i].workflow)};
		assert_true(parse(rows[i].query, &query, &interest, &fault));
		if (interest_covers(&interest, rows[i].caller, &event) != rows[i].want)
			fail_msg("row %zu", i);
	}
	/* A job that is gone has no user any more: nobody with limits can claim it. */
	const struct event orphan = {.kind = EVENT_PROGRESS, .phase = 1, .job = {{1}}};
	assert_true(parse("workflow_id=w", &query, &interest, &fault));
	interest.workflow_id = (struct slice)SLICE_INIT;
	assert_false(interest_covers(&interest, &of_users, &orphan));
}

/* --- the text of a stream --- */

static void assert_text(struct buf *out, const char *want)
{
	assert_int_equal(buf_status(out), ST_OK);
	assert_string_equal(out->p, want);
	buf_clear(out);
}

static void sse__framing(void **state)
{
	(void)state;
	struct buf out = BUF_INIT(4096);
	struct event event = {.seq = 7,
		.kind = EVENT_NOTIFICATION,
		.from = EVENT_NO_STATE,
		.to = EVENT_NO_STATE,
		.name = slice_text("notification"),
		.data = slice_text("{\"a\":1}")};
	sse_event(&out, &event, false, NULL);
	assert_text(&out, "id: 7\nevent: notification\ndata: {\"a\":1}\n\n");
	event.data = slice_text("{\n\"a\":\r\n1,\r\"b\":2}\n");
	sse_event(&out, &event, false, NULL);
	assert_text(&out,
		"id: 7\nevent: notification\ndata: {\ndata: \"a\":\ndata: 1,\ndata: \"b\":2}\ndata: \n\n");
	event.name = slice_text("x\nid: 9\r\ndata: forged");
	event.data = slice_text("");
	sse_event(&out, &event, false, NULL);
	assert_text(&out, "id: 7\nevent: x id: 9  data: forged\ndata: \n\n");
	event.name = slice_text("n");
	sse_event(&out, &event, true, NULL);
	assert_text(&out, "id: 7\nevent: audit\ndata: "
			  "{\"seq\":7,\"at\":null,\"kind\":\"notification\",\"name\":\"n\"}\n\n");
	struct mask *mask = NULL;
	assert_int_equal(mask_new("token", &mask, NULL), ST_OK);
	event.data = slice_text("{\"token\":\"t\", \"a\":1.50}");
	sse_event(&out, &event, false, mask);
	assert_text(&out, "id: 7\nevent: n\ndata: {\"token\":\"***\", \"a\":1.50}\n\n");
	mask_free(mask);
	sse_begin(&out, 2500, 41);
	assert_text(&out, "retry: 2500\nid: 41\n\n");
	sse_beat(&out, 42);
	assert_text(&out, ":\nid: 42\n\n");
	sse_gap(&out, 4, 9);
	assert_text(&out, "id: 8\nevent: gap\ndata: {\"after\":4,\"before\":9}\n\n");
	buf_release(&out);
}

/* --- tickets --- */

static void fill(char *text, size_t len)
{
	memset(text, 'x', len);
	text[len] = '\0';
}

static void ticket__says_who_and_what(void **state)
{
	(void)state;
	struct ticket ticket = {.expires_at_us = 1000, .caller = of_users}, back;
	struct buf text = BUF_INIT(TICKET_TEXT_MAX);
	static char user[JOB_TEXT_MAX + 1], workflow[JOB_TEXT_MAX + 1];
	fill(user, JOB_TEXT_MAX); /* as long as there may be any */
	fill(workflow, JOB_TEXT_MAX);
	fill(ticket.caller.user_pattern, JOB_TEXT_MAX);
	fill(ticket.caller.name, CALLER_NAME_MAX);
	ticket.interest = (struct interest){slice_text(user), slice_text(workflow), UINT64_MAX - 1, true};
	assert_int_equal(ticket_seal(key, &ticket, &text), ST_OK);
	assert_int_equal(ticket_open(key, buf_slice(&text), 999, &back), TICKET_GOOD);
	assert_int_equal(back.caller.scopes, ticket.caller.scopes);
	assert_int_equal(back.caller.phases, ticket.caller.phases);
	assert_string_equal(back.caller.name, ticket.caller.name);
	assert_string_equal(back.caller.user_pattern, ticket.caller.user_pattern);
	assert_true(slice_is(back.interest.user_id, user));
	assert_true(slice_is(back.interest.workflow_id, workflow));
	assert_true(back.interest.all);
	assert_true(back.interest.kinds == UINT64_MAX - 1);
	assert_int_equal(ticket_open(key, buf_slice(&text), 1000, &back), TICKET_EXPIRED);
	buf_release(&text);
}

/* Every digit changed, every length but its own, another key. */
static void ticket__nothing_of_it_can_be_changed(void **state)
{
	(void)state;
	struct ticket ticket = {.expires_at_us = 1000, .caller = reader}, back;
	struct buf text = BUF_INIT(TICKET_TEXT_MAX);
	uint8_t other[TICKET_KEY_LEN] = {1};
	ticket.interest.user_id = slice_text("u");
	assert_int_equal(ticket_seal(key, &ticket, &text), ST_OK);
	assert_int_equal(ticket_open(other, buf_slice(&text), 1, &back), TICKET_FORGED);
	for (size_t i = 0; i < text.len; i++) {
		char was = text.p[i];
		text.p[i] = was == '0' ? '1' : '0';
		assert_int_equal(ticket_open(key, buf_slice(&text), 1, &back), TICKET_FORGED);
		text.p[i] = (char)(was & ~0x20);
		if (text.p[i] != was)
			assert_int_equal(ticket_open(key, buf_slice(&text), 1, &back), TICKET_FORGED);
		text.p[i] = was;
		assert_int_equal(ticket_open(key, slice_of(text.p, i), 1, &back), TICKET_FORGED);
	}
	buf_text(&text, "00");
	assert_int_equal(ticket_open(key, buf_slice(&text), 1, &back), TICKET_FORGED);
	while (text.len + 2 < 3 * TICKET_TEXT_MAX && buf_status(&text) == ST_OK)
		buf_text(&text, "00");
	assert_int_equal(ticket_open(key, buf_slice(&text), 1, &back), TICKET_FORGED);
	buf_release(&text);
}

static char dir[] = "/tmp/clario-events-XXXXXX", key_path[64];

static int make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/clario-events-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(key_path, sizeof key_path, "%s/events.key", dir);
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(key_path);
	return rmdir(dir); /* nothing else was left in it */
}

static void key__is_made_once_and_is_ours_alone(void **state)
{
	(void)state;
	uint8_t first[TICKET_KEY_LEN], again[TICKET_KEY_LEN];
	struct stat sb;
	struct why why = WHY_INIT;
	assert_int_equal(ticket_key(key_path, first, NULL), ST_OK);
	assert_int_equal(ticket_key(key_path, again, NULL), ST_OK);
	assert_memory_equal(first, again, sizeof first);
	assert_int_equal(stat(key_path, &sb), 0);
	assert_int_equal(sb.st_mode & 07777, 0600);
	assert_int_equal(chmod(key_path, 0640), 0);
	assert_int_equal(ticket_key(key_path, again, &why), ST_INVALID);
	assert_non_null(strstr(why.text, "0600"));
	assert_int_equal(chmod(key_path, 0600), 0);
	assert_int_equal(truncate(key_path, TICKET_KEY_LEN - 1), 0);
	assert_int_equal(ticket_key(key_path, again, &why), ST_INVALID);
	assert_int_equal(unlink(key_path), 0);
	assert_int_equal(ticket_key(key_path, again, NULL), ST_OK);
	assert_memory_not_equal(first, again, sizeof first);
	assert_int_equal(unlink(key_path), 0);
	assert_int_equal(symlink("/dev/zero", key_path), 0);
	assert_int_not_equal(ticket_key(key_path, again, &why), ST_OK);
	assert_int_equal(ticket_key("/nowhere/events.key", again, &why), ST_NOTFOUND);
}

/* --- the door --- */

static char networks[] = "127.0.0.0/8", nobody[] = "";

static struct opts door_opts(void)
{
	return (struct opts){.http = {.trusted_networks = networks,
				     .trusted_proxies = nobody,
				     .cors_origins = nobody,
				     .hosts = nobody},
		.events = {.key_file = key_path, .ticket_life_ms = 1000}};
}

struct knock {
	const char *method, *path, *query, *peer, *last_event_id, *origin;
	int status; /* 0: a stream */
	const char *code;
};

static void knock(const struct knock *row, size_t i, struct pass *pass)
{
	struct opts opts = door_opts();
	struct request request = {.now = {.wall_us = 5000}};
	struct reply reply;
	reply_init(&reply);
	request.param[PARAM_METHOD] = slice_text(row->method);
	request.param[PARAM_PATH] = slice_text(row->path);
	request.param[PARAM_QUERY] = slice_text(row->query);
	request.param[PARAM_REMOTE_ADDR] = slice_text(row->peer ? row->peer : "127.0.0.1");
	request.param[PARAM_LAST_EVENT_ID] = slice_text(row->last_event_id);
	request.param[PARAM_ORIGIN] = slice_text(row->origin);
	request.param[PARAM_HOST] = slice_text("clario.example");
	bool is_stream = door_decide(&(struct door){&opts, NULL}, &request, pass, &reply);
	const char *code = problem_code(reply.problem);
	if (is_stream != (row->status == 0) || reply.http_status != (row->status ? row->status : 200) ||
		(row->code && strcmp(code, row->code) != 0))
		fail_msg("row %zu: %s %s?%s: %d %s", i, row->method, row->path, row->query, reply.http_status,
			code);
	reply_release(&reply);
}

#define EVENTS "/api/v1/workflow/events"

static void door__as_a_table(void **state)
{
	(void)state;
	static const struct knock rows[] = {
		{"GET", EVENTS, "", NULL, NULL, NULL, 0, NULL},
		{"GET", "/API/v1/Workflow/Events/", "user_id=u&workflow_id=w", NULL, "12", NULL, 0, NULL},
		{"HEAD", EVENTS, "", NULL, NULL, NULL, 200, "ok"},
		{"OPTIONS", EVENTS, "", NULL, NULL, NULL, 204, "ok"},
		{"POST", EVENTS, "", NULL, NULL, NULL, 405, "method_not_allowed"},
		{"GET", "/api/v1/workflow/event", "", NULL, NULL, NULL, 404, "not_found"},
		{"GET", EVENTS, "user=u", NULL, NULL, NULL, 400, "bad_query"},
		{"GET", EVENTS, "user_id=%zz", NULL, NULL, NULL, 400, "bad_query"},
		{"GET", EVENTS, "last_event_id=", NULL, NULL, NULL, 400, "bad_query"},
		{"GET", EVENTS, "last_event_id=-1", NULL, NULL, NULL, 400, "bad_query"},
		{"GET", EVENTS, "last_event_id=99999999999999999999", NULL, NULL, NULL, 400, "bad_query"},
		{"GET", EVENTS, "last_event_id=1", NULL, "x", NULL, 400, "bad_header"},
		{"GET", EVENTS, "ticket=00", NULL, NULL, NULL, 401, "unauthorized"},
		/* strangers learn nothing */
		{"GET", EVENTS, "", "192.0.2.1", NULL, NULL, 401, "unauthorized"},
		{"GET", EVENTS, "user=u", "192.0.2.1", NULL, NULL, 401, "unauthorized"},
		{"POST", EVENTS, "", "192.0.2.1", NULL, NULL, 401, "unauthorized"},
		{"GET", "/api/v1/workflow/event", "", "192.0.2.1", NULL, NULL, 401, "unauthorized"},
		/* a page that may have made its own name lead here */
		{"GET", EVENTS, "", NULL, NULL, "http://clario.example", 403, "unknown_host"},
	};
	struct pass pass;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		knock(&rows[i], i, &pass);
}

static void door__the_header_is_newer_than_the_address(void **state)
{
	(void)state;
	struct pass pass;
	knock(&(struct knock){"GET", EVENTS, "last_event_id=5", NULL, NULL, NULL, 0, NULL}, 0, &pass);
	assert_true(pass.has_place && pass.after == 5);
	knock(&(struct knock){"GET", EVENTS, "last_event_id=5", NULL, "8", NULL, 0, NULL}, 1, &pass);
	assert_true(pass.has_place && pass.after == 8);
	knock(&(struct knock){"GET", EVENTS, "", NULL, "", NULL, 0, NULL}, 2, &pass);
	assert_false(pass.has_place);
}

static void ticket_query(const struct ticket *ticket, const char *more, char out[2048])
{
	uint8_t file_key[TICKET_KEY_LEN];
	struct buf text = BUF_INIT(TICKET_TEXT_MAX);
	assert_int_equal(ticket_key(key_path, file_key, NULL), ST_OK);
	assert_int_equal(ticket_seal(file_key, ticket, &text), ST_OK);
	snprintf(out, 2048, "ticket=%s%s", text.p, more);
	buf_release(&text);
}

static void door__a_ticket_is_as_good_as_who_asked_for_it(void **state)
{
	(void)state;
	struct ticket ticket = {.expires_at_us = 6000, .caller = of_users};
	struct pass pass;
	char query[2048];
	ticket.interest.workflow_id = slice_text("w");
	ticket_query(&ticket, "&last_event_id=3", query);
	knock(&(struct knock){"GET", EVENTS, query, "192.0.2.1", NULL, NULL, 0, NULL}, 0, &pass);
	assert_string_equal(pass.caller.user_pattern, "shop-*");
	assert_true(slice_is(pass.interest.workflow_id, "w") && pass.after == 3);
	ticket_query(&ticket, "&workflow_id=w2", query);
	knock(&(struct knock){"GET", EVENTS, query, "192.0.2.1", NULL, NULL, 400, "bad_query"}, 1, &pass);
	ticket.expires_at_us = 5000;
	ticket_query(&ticket, "", query);
	/* ... also for one who would need none: a page shall hear that it has to ask for another */
	knock(&(struct knock){"GET", EVENTS, query, NULL, NULL, NULL, 401, "unauthorized"}, 2, &pass);
}

/* --- the outlet --- */

/* Read what there is, as nginx would: the content of all STDOUT records, in order. */
static void read_records(int fd, struct buf *raw, struct buf *out)
{
	char bytes[65536];
	ssize_t n;
	while ((n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
		buf_add(raw, bytes, (size_t)n);
	const uint8_t *p = (const uint8_t *)raw->p, *end = p + raw->len;
	while (end - p >= RECORDS_HEADER) {
		size_t len = (size_t)(p[4] << 8 | p[5]);
		if ((size_t)(end - p) < RECORDS_HEADER + len)
			break;
		assert_int_equal(p[0], 1);
		assert_int_equal(p[2] << 8 | p[3], 513);
		if (p[1] == 6)
			buf_add(out, p + RECORDS_HEADER, len);
		p += RECORDS_HEADER + len;
	}
	size_t rest = (size_t)(end - p);
	memmove(raw->p, p, rest);
	raw->len = rest;
}

static void outlet__keeps_what_is_not_taken(void **state)
{
	(void)state;
	enum { LEN = 1 << 20 };
	int pair[2];
	size_t kept = 0;
	struct outlet outlet;
	struct buf raw = BUF_INIT(4 << 20), got = BUF_INIT(4 << 20);
	char *text = malloc(LEN);
	for (size_t i = 0; i < LEN; i++)
		text[i] = (char)(i * 7 >> 3);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	outlet_init(&outlet, pair[0], &kept);
	outlet.request_id = 513;
	outlet_put(&outlet, slice_text("small"));
	assert_true(outlet_is_idle(&outlet) && kept == 0);
	outlet_put(&outlet, slice_of(text, LEN));
	assert_false(outlet_is_idle(&outlet));
	assert_true(kept > 0 && kept < LEN + LEN / 64);
	outlet_end(&outlet);
	while (!outlet_is_idle(&outlet)) {
		read_records(pair[1], &raw, &got);
		outlet_flush(&outlet);
	}
	assert_int_equal(kept, 0);
	assert_null(outlet.kept.p);
	read_records(pair[1], &raw, &got);
	assert_int_equal(raw.len, 0);
	assert_int_equal(got.len, 5 + LEN);
	assert_memory_equal(got.p, "small", 5);
	assert_memory_equal(got.p + 5, text, LEN);
	close(pair[1]);
	outlet_put(&outlet, slice_text("nobody"));
	assert_true(outlet.is_broken);
	outlet_release(&outlet);
	close(pair[0]);
	buf_release(&raw);
	buf_release(&got);
	free(text);
}

static void outlet__what_is_kept_is_bounded(void **state)
{
	(void)state;
	int pair[2];
	size_t kept = 0;
	struct outlet outlet;
	static char text[OUTLET_TEXT_MAX];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	outlet_init(&outlet, pair[0], &kept);
	outlet_put(&outlet, slice_of(text, sizeof text));
	assert_false(outlet.is_broken);
	outlet_put(&outlet, slice_of(text, sizeof text)); /* without waiting: against the rule */
	assert_true(outlet.is_broken);
	assert_true(kept < sizeof text + (1 << 20));
	outlet_release(&outlet);
	assert_int_equal(kept, 0);
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interest__an_empty_filter_is_none),
		cmocka_unit_test(interest__covers_the_kinds_that_were_named),
		cmocka_unit_test(interest__what_callers_may_ask_for),
		cmocka_unit_test(interest__covers_what_is_asked_and_allowed),
		cmocka_unit_test(sse__framing),
		cmocka_unit_test(ticket__says_who_and_what),
		cmocka_unit_test(ticket__nothing_of_it_can_be_changed),
		cmocka_unit_test_setup_teardown(key__is_made_once_and_is_ours_alone, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(door__as_a_table, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
			door__the_header_is_newer_than_the_address, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(
			door__a_ticket_is_as_good_as_who_asked_for_it, make_dir, remove_dir),
		cmocka_unit_test(outlet__keeps_what_is_not_taken),
		cmocka_unit_test(outlet__what_is_kept_is_bounded),
	};
	return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}
