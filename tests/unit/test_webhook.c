/* tests/unit/test_webhook.c: POST /webhooks/{source} around its signature: who is let in, what everybody else
 * is told, and the trigger that comes of an event. Nothing here reaches the spool. */
#include "tests/support/unit.h"

#include "fcgi/dispatch.h"
#include "spool/base/log.h"
#include "spool/model/rules.h"
#include "spool/webhook_sign.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BASE   "/api/v1/workflow/webhooks/"
#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define NOW_S  INT64_C(1790000000)
#define EVENT  "{\"type\":\"claim.rejected\",\"user\":\"u\",\"claim\":\"c\",\"reason\":\"r\"}"

static struct opts opts;
static struct app app = {.opts = &opts, .large_parse = PTHREAD_MUTEX_INITIALIZER};

/* A request with the headers of a delivery. */
struct delivery {
	struct request request;
	struct buf signature;
	char time[32], lines[6][1024];
	char *env[8];
	size_t env_n;
};

static void add_header(struct delivery *d, const char *name, const char *value)
{
	snprintf(d->lines[d->env_n], sizeof d->lines[0], "%s=%s", name, value);
	d->env[d->env_n] = d->lines[d->env_n];
	d->env[++d->env_n] = NULL;
}

static void begin(struct delivery *d, const char *path, const char *body)
{
	*d = (struct delivery){.request = {.now = {.wall_us = NOW_S * 1000000}}};
	d->request.env = d->env;
	d->request.param[PARAM_METHOD] = slice_text("POST");
	d->request.param[PARAM_PATH] = slice_text(path);
	d->request.param[PARAM_REMOTE_ADDR] = slice_text("192.0.2.7"); /* no trusted network */
	d->request.param[PARAM_CONTENT_TYPE] = slice_text("application/json");
	d->request.body = slice_text(body);
	snprintf(d->time, sizeof d->time, "%lld", (long long)NOW_S);
	buf_init(&d->signature, 512);
}

static void sign_standard(struct delivery *d, const char *source, const char *id)
{
	for (size_t i = 0; i < opts.webhooks_n; i++) {
		struct webhook_delivery what = {
			.id = slice_text(id), .timestamp = slice_text(d->time), .body = d->request.body};
		if (strcmp(opts.webhooks[i].name, source) == 0)
			assert_int_equal(webhook_sign(&opts.webhooks[i], &what, &d->signature), ST_OK);
	}
	add_header(d, "HTTP_WEBHOOK_ID", id);
	add_header(d, "HTTP_WEBHOOK_TIMESTAMP", d->time);
	add_header(d, "HTTP_WEBHOOK_SIGNATURE", d->signature.p);
}

static void sign_plain(struct delivery *d)
{
	for (size_t i = 0; i < opts.webhooks_n; i++) {
		struct webhook_delivery what = {.body = d->request.body};
		if (strcmp(opts.webhooks[i].name, "plain") == 0)
			assert_int_equal(webhook_sign(&opts.webhooks[i], &what, &d->signature), ST_OK);
	}
	add_header(d, "HTTP_X_MY_SIGNATURE", d->signature.p);
}

/* The trigger, if it comes to a submit; the caller ends both. */
static bool submits(struct delivery *d, struct intake *intake, struct reply *reply)
{
	reply_init(reply);
	enum dispatched done = dispatch_begin(&app, &d->request, intake, reply);
	assert_int_not_equal(done, DISPATCH_MAY_BLOCK);
	return done == DISPATCH_SUBMIT;
}

static void end(struct delivery *d, struct intake *intake, struct reply *reply)
{
	intake_release(intake);
	reply_release(reply);
	buf_release(&d->signature);
}

static void event__becomes_a_trigger(void **state)
{
	(void)state;
	struct delivery d;
	struct intake intake = {0};
	struct reply reply;
	begin(&d, BASE "cases", EVENT);
	sign_standard(&d, "cases", "msg_1");
	/* What is not signed may ask for nothing. */
	d.request.param[PARAM_IDEMPOTENCY_KEY] = slice_text("mine");
	d.request.param[PARAM_PRIORITY] = slice_text("1");
	d.request.param[PARAM_DELAY] = slice_text("1h");
	d.request.param[PARAM_SOURCE] = slice_text("somebody");
	d.request.param[PARAM_TRACEPARENT] =
		slice_text("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
	assert_true(submits(&d, &intake, &reply));
	const struct trigger *t = intake.submit.triggers;
	assert_int_equal(t->phase, 6);
	assert_true(slice_is(t->user_id, "u") && slice_is(t->workflow_id, "rejection_c"));
	assert_true(slice_is(t->source, "webhook:cases"));
	assert_true(slice_is(t->idempotency_key, "webhook:cases id=msg_1"));
	assert_true(rules_key_is_reserved(t->idempotency_key));
	assert_true(slice_is(t->payload,
		"{\"user_id\":\"u\",\"claim_id\":\"c\",\"rejection_reason\":\"r\",\"event\":" EVENT "}"));
	assert_int_equal(t->priority, 0);
	assert_int_equal(t->run_at_us, 0);
	assert_true(t->traceparent.len == 55);
	assert_true(t->attempts_allowed > 0 && t->give_up_after_us > 0);
	assert_string_equal(d.request.caller.name, "webhook:cases");
	assert_int_equal(d.request.caller.scopes, SCOPE_SUBMIT);
	assert_int_equal(d.request.caller.phases, 1u << phase_slot(6));
	end(&d, &intake, &reply);
}

static void keys__of_each_kind(void **state)
{
	(void)state;
	char id[256], want[400];
	struct delivery d;
	struct intake intake = {0};
	struct reply reply;
	/* 256 bytes hold "webhook:cases id=" and 239 more. */
	for (size_t len = 239; len <= 240; len++) {
		memset(id, 'x', len);
		id[len] = '\0';
		begin(&d, BASE "cases", EVENT);
		sign_standard(&d, "cases", id);
		assert_true(submits(&d, &intake, &reply));
		snprintf(want, sizeof want, "webhook:cases id=%s", id);
		if (len == 240) /* printf 'x%.0s' $(seq 240) | sha256sum */
			snprintf(want, sizeof want,
				"webhook:cases id-sha256="
				"718df6704d8a06104f8188195d17166c1276cffc91da8c756b925d29dcc60a71");
		assert_true(slice_is(intake.submit.triggers->idempotency_key, want));
		end(&d, &intake, &reply);
	}
	begin(&d, BASE "plain", "{\"user\":\"u\",\"claim\":\"c\",\"amount\":5}");
	sign_plain(&d);
	assert_true(submits(&d, &intake, &reply));
	assert_true(slice_is(intake.submit.triggers->idempotency_key,
		"webhook:plain "
		"body-sha256=3a4d192e3d681c33c50f10e7fc88258e738e4fa832c680663386fa1e64b5d79f"));
	assert_true(slice_is(intake.submit.triggers->payload,
		"{\"user_id\":\"u\",\"claim_id\":\"c\",\"amount\":\"0.05\"}"));
	end(&d, &intake, &reply);
}

static void whatever_is_wrong__the_answer_is_the_same(void **state)
{
	(void)state;
	static const struct {
		const char *path, *signed_as;
		int headers; /* so many of them are sent */
		int later_s;
		bool spoils_body, is_local;
	} rows[] = {
		{BASE "nobody", "cases", 3, 0, false, false},
		{BASE "nobody", "cases", 0, 0, false, true},
		{BASE "CASES", "cases", 3, 0, false, false},
		{BASE "cases", "other", 3, 0, false, false},
		{BASE "cases", "cases", 0, 0, false, false},
		{BASE "cases", "cases", 0, 0, false, true}, /* trusted-networks do not count here */
		{BASE "cases", "cases", 1, 0, false, false},
		{BASE "cases", "cases", 2, 0, false, false},
		{BASE "cases", "cases", 3, 301, false, false},
		{BASE "cases", "cases", 3, -301, false, false},
		{BASE "cases", "cases", 3, 0, true, false},
		{BASE "plain", "cases", 3, 0, false, false},
	};
	char *first = NULL;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct delivery d;
		struct intake intake = {0};
		struct reply reply;
		struct buf whole = BUF_INIT(8192);
		begin(&d, rows[i].path, EVENT);
		sign_standard(&d, rows[i].signed_as, "msg_1");
		d.env[rows[i].headers] = NULL;
		d.request.now.wall_us += rows[i].later_s * INT64_C(1000000);
		if (rows[i].spoils_body)
			d.request.body = slice_text("not even JSON");
		if (rows[i].is_local)
			d.request.param[PARAM_REMOTE_ADDR] = slice_text("127.0.0.1");
		if (submits(&d, &intake, &reply))
			fail_msg("row %zu is let in", i);
		assert_int_equal(reply.http_status, 401);
		reply_head_text(&reply, &whole);
		buf_add_slice(&whole, reply_body(&reply));
		if (!first)
			first = strdup(whole.p);
		assert_string_equal(whole.p, first);
		assert_non_null(strstr(whole.p, "WWW-Authenticate: "));
		buf_release(&whole);
		end(&d, &intake, &reply);
	}
	free(first);
}

/* Which of two would it be? */
static void headers__given_twice_are_none(void **state)
{
	(void)state;
	for (int twice = 0; twice < 3; twice++) {
		struct delivery d;
		struct intake intake = {0};
		struct reply reply;
		begin(&d, BASE "cases", EVENT);
		sign_standard(&d, "cases", "msg_1");
		snprintf(d.lines[3], sizeof d.lines[3], "%s", d.lines[twice]);
		d.env[3] = d.lines[3];
		d.env[4] = NULL;
		assert_false(submits(&d, &intake, &reply));
		assert_int_equal(reply.http_status, 401);
		end(&d, &intake, &reply);
	}
}

static void answers__to_what_is_signed(void **state)
{
	(void)state;
	static const struct {
		const char *body;
		int status;
		const char *has;
	} rows[] = {
		{"{", 400, "\"code\":\"bad_json\""},
		{"7", 400, "\"code\":\"body_not_object\""},
		{"", 422, "\"code\":\"bad_event\",\"field\":\"type\",\"pointer\":\"/type\""},
		{"{}", 422, "\"code\":\"bad_event\",\"field\":\"type\",\"pointer\":\"/type\""},
		{"{\"type\":\"claim.rejected\",\"user\":\"u\",\"reason\":\"r\"}", 422,
			"{\"success\":false,\"error\":\"claim_id: there is nothing at "
			"/claim\",\"code\":\"bad_event\","
			"\"field\":\"claim_id\",\"pointer\":\"/claim\"}"},
		{"{\"type\":\"order.made\",\"user\":1}", 200,
			"{\"success\":true,\"ignored\":true,\"type\":\"order.made\"}"},
		{"{\"type\":\"a\\n\\\"b\"}", 200, "\"type\":\"a\\n\\\"b\""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct delivery d;
		struct intake intake = {0};
		struct reply reply;
		begin(&d, BASE "cases", rows[i].body);
		sign_standard(&d, "cases", "msg_1");
		assert_false(submits(&d, &intake, &reply));
		if (reply.http_status != rows[i].status || !strstr(reply_body(&reply).p, rows[i].has))
			fail_msg("%s: %d %s", rows[i].body, reply.http_status, reply_body(&reply).p);
		end(&d, &intake, &reply);
	}
	struct delivery d;
	struct intake intake = {0};
	struct reply reply;
	begin(&d, BASE "cases", EVENT);
	sign_standard(&d, "cases", "msg_1");
	d.request.param[PARAM_CONTENT_TYPE] = slice_text("text/plain");
	assert_false(submits(&d, &intake, &reply));
	assert_int_equal(reply.http_status, 415);
	end(&d, &intake, &reply);
}

static void bodies__of_a_megabyte_and_more(void **state)
{
	(void)state;
	struct buf body = BUF_INIT(2 << 20);
	buf_text(&body, "{\"type\":\"other\",\"x\":\"");
	while (body.len < (1 << 20) - 2)
		buf_byte(&body, 'x');
	buf_text(&body, "\"}");
	for (int more = 0; more <= 1; more++) {
		struct delivery d;
		struct intake intake = {0};
		struct reply reply;
		if (more)
			buf_byte(&body, ' ');
		begin(&d, BASE "cases", body.p);
		sign_standard(&d, "cases", "msg_1");
		assert_false(submits(&d, &intake, &reply));
		assert_int_equal(reply.http_status, more ? 413 : 200);
		end(&d, &intake, &reply);
	}
	buf_release(&body);
}

static void methods__are_told_to_all(void **state)
{
	(void)state;
	static const char *const names[] = {"cases", "nobody"};
	for (size_t i = 0; i < 2; i++) {
		struct delivery d;
		struct intake intake = {0};
		struct reply reply;
		char path[64];
		snprintf(path, sizeof path, BASE "%s", names[i]);
		begin(&d, path, "");
		d.request.param[PARAM_METHOD] = slice_text("GET");
		assert_false(submits(&d, &intake, &reply));
		assert_int_equal(reply.http_status, 405);
		end(&d, &intake, &reply);
	}
}

static int setup(void **state)
{
	static const char text[] =
		"[webhook.cases]\nsecret = " SECRET "\ntype = /type\nrejected = claim.rejected\n"
		"user-id = /user\nclaim-id = /claim\nreason = /reason\n"
		"[webhook.other]\nsecret = whsec_c2VjcmV0IG9mIHNvbWVib2R5IGVsc2U=\nphase = 6\n"
		"user-id = /user\nclaim-id = /claim\nreason = /reason\n"
		"[webhook.plain]\nsignature = hmac\nheader = X-My-Signature\nsecret = "
		"0123456789abcdef\nphase = 7\n"
		"user-id = /user\nclaim-id = /claim\namount = /amount\namount-scale = 2\nkeep-event = no\n";
	char path[] = "/tmp/clario-webhook-XXXXXX";
	struct why why = WHY_INIT;
	int fd = mkstemp(path);
	(void)state;
	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	if (opts_load(path, &opts, &why) != ST_OK)
		fail_msg("%s", why.text);
	unlink(path);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	opts_release(&opts);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(event__becomes_a_trigger),
		cmocka_unit_test(keys__of_each_kind),
		cmocka_unit_test(whatever_is_wrong__the_answer_is_the_same),
		cmocka_unit_test(headers__given_twice_are_none),
		cmocka_unit_test(answers__to_what_is_signed),
		cmocka_unit_test(bodies__of_a_megabyte_and_more),
		cmocka_unit_test(methods__are_told_to_all),
	};
	log_open("test", LOG_LEVEL_ERR);
	jx_init();
	return cmocka_run_group_tests_name("webhook", tests, setup, teardown);
}
