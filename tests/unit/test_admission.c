/* tests/unit/test_admission.c: who may do what: each credential at each route, all pairs, for a job that is
 * its own and one that is not. What is wanted comes from a small model of its own here: the table of routes
 * says what each is about, the table of credentials what each was given, and want() puts them together. */
#include "tests/unit/gate_fixture.h"

#include <fnmatch.h>
#include <stdio.h>
#include <unistd.h>

/* --- routes --- */

enum about { NOBODY, SUBMITTED, A_JOB, A_WORKFLOW, A_LIST, A_SELECTION, THE_WHOLE };

static const struct row {
	const char *method, *pattern;
	char scope; /* of "sro", '-': none */
	enum about about;
	int status; /* when it is allowed, of a job that waits */
} rows[] = {
	{"POST", "/phase/{}", 's', SUBMITTED, 200},
	{"POST", "/step/{}", 's', SUBMITTED, 200},
	{"POST", "/batch", 's', A_LIST, 200},
	{"POST", "/webhooks/{}", '-', NOBODY, 401}, /* credentials are nothing to it: it is not signed */
	{"GET", "/jobs", 'r', A_LIST, 200},
	{"POST", "/jobs/retry", 'o', A_LIST, 200},
	{"POST", "/jobs/cancel", 'o', A_SELECTION, 200},
	{"POST", "/jobs/hold", 'o', A_SELECTION, 200},
	{"POST", "/jobs/release", 'o', A_SELECTION, 200},
	{"POST", "/jobs/run-now", 'o', A_SELECTION, 200},
	{"GET", "/jobs/{}", 'r', A_JOB, 200},
	{"POST", "/jobs/{}/retry", 'o', A_JOB, 409},
	{"POST", "/jobs/{}/cancel", 'o', A_JOB, 200},
	{"POST", "/jobs/{}/hold", 'o', A_JOB, 200},
	{"POST", "/jobs/{}/release", 'o', A_JOB, 409},
	{"POST", "/jobs/{}/run-now", 'o', A_JOB, 409},
	{"POST", "/plans", 'o', THE_WHOLE, 400}, /* of nothing */
	{"GET", "/plans", 'r', THE_WHOLE, 200},
	{"GET", "/plans/{}", 'r', THE_WHOLE, 404},
	{"POST", "/plans/{}/apply", 'o', THE_WHOLE, 400}, /* without a reason */
	{"GET", "/operations", 'r', THE_WHOLE, 200},
	{"GET", "/operations/{}", 'r', THE_WHOLE, 404},
	{"POST", "/operations/{}/undo", 'o', THE_WHOLE, 404},
	{"GET", "/workflows/{*}", 'r', A_WORKFLOW, 200},
	{"GET", "/shape", 'r', A_LIST, 200},
	{"GET", "/failures", 'r', A_LIST, 200},
	{"GET", "/queue/stats", 'r', THE_WHOLE, 200},
	{"POST", "/queue/clean", 'o', THE_WHOLE, 200},
	{"POST", "/queue/pause", 'o', THE_WHOLE, 200},
	{"POST", "/queue/resume", 'o', THE_WHOLE, 200},
	{"GET", "/receivers", 'r', THE_WHOLE, 200},
	{"GET", "/metrics", 'r', THE_WHOLE, 200},
	{"GET", "/events", 'r', A_LIST, 503}, /* it is clario-events' */
	{"POST", "/events/ticket", 'r', THE_WHOLE, 200},
	{"GET", "/audit", 'r', THE_WHOLE, 200},
	{"GET", "/health", '-', NOBODY, 200},
	{"GET", "/healthz", '-', NOBODY, 200},
	{"GET", "/readyz", '-', NOBODY, 200},
	{"GET", "/openapi.json", '-', NOBODY, 200},
	{"GET", "/api/health", '-', NOBODY, 200},
};

static const struct row *row_of(const struct route *route)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (strcmp(rows[i].method, route->method) == 0 &&
			strcmp(rows[i].pattern, route->pattern) == 0)
			return &rows[i];
	fail_msg("%s %s: say in this test what it is about", route->method, route->pattern);
	return NULL;
}

/* --- credentials --- */

enum kind { TRUSTED, STRANGER, REFUSED, TOKEN };

/* What is done to get it; the header follows from that. */
enum way { NONE, TEXT, FRESH, ENDED, TAKEN_BACK, NEWER, OLDER, OLDER_OVER, SWAPPED, UPPER };

static const struct credential {
	const char *what;
	enum way way;
	const char *text; /* of TEXT: the header as it is */
	const char *peer, *forwarded;
	enum kind kind;
	const char *scopes; /* of TOKEN */
	int phases[4];      /* none: all */
	const char *user;
} credentials[] = {
	{"none, local", NONE, "", "127.0.0.1", "", TRUSTED, "", {0}, ""},
	{"none, local over IPv6", NONE, "", "::1", "", TRUSTED, "", {0}, ""},
	{"none, from elsewhere", NONE, "", "192.0.2.1", "", STRANGER, "", {0}, ""},
	{"none, forwarded from here", NONE, "", "127.0.0.1", "127.0.0.1", STRANGER, "", {0}, ""},
	{"another scheme, local", TEXT, "Basic dXNlcjpwYXNz", "127.0.0.1", "", TRUSTED, "", {0}, ""},
	{"another scheme, from elsewhere", TEXT, "Basic dXNlcjpwYXNz", "192.0.2.1", "", STRANGER, "", {0},
		""},
	{"no scheme, from elsewhere", TEXT, "clw_0123456789ab", "192.0.2.1", "", STRANGER, "", {0}, ""},
	{"an empty token, local", TEXT, "Bearer ", "127.0.0.1", "", REFUSED, "", {0}, ""},
	{"an empty token, from elsewhere", TEXT, "Bearer", "192.0.2.1", "", REFUSED, "", {0}, ""},
	{"two tokens", TEXT, "Bearer a b", "192.0.2.1", "", REFUSED, "", {0}, ""},
	{"garbage, local", TEXT, "Bearer \x01\xff{}", "127.0.0.1", "", REFUSED, "", {0}, ""},
	{"somebody else's token, local", TEXT, "Bearer eyJhbGciOiJIUzI1NiJ9.e30.c2ln", "127.0.0.1", "",
		REFUSED, "", {0}, ""},
	{"a huge one, local", TEXT, "huge", "127.0.0.1", "", REFUSED, "", {0}, ""},
	{"a huge one, from elsewhere", TEXT, "huge", "192.0.2.1", "", REFUSED, "", {0}, ""},
	{"unknown, local", TEXT,
		"Bearer clw_0123456789ab_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		"127.0.0.1", "", REFUSED, "", {0}, ""},
	{"of a known prefix, and another secret", SWAPPED, "", "192.0.2.1", "", REFUSED, "sro", {0}, ""},
	{"in capital letters", UPPER, "", "192.0.2.1", "", REFUSED, "sro", {0}, ""},
	{"expired", ENDED, "", "192.0.2.1", "", REFUSED, "sro", {0}, ""},
	{"expired, local", ENDED, "", "127.0.0.1", "", REFUSED, "sro", {0}, ""},
	{"revoked", TAKEN_BACK, "", "192.0.2.1", "", REFUSED, "sro", {0}, ""},
	{"revoked, local", TAKEN_BACK, "", "127.0.0.1", "", REFUSED, "sro", {0}, ""},
	{"rotated: the new one", NEWER, "", "192.0.2.1", "", TOKEN, "sro", {0}, ""},
	{"rotated: the old one", OLDER, "", "192.0.2.1", "", TOKEN, "sro", {0}, ""},
	{"rotated: the old one, after the overlap", OLDER_OVER, "", "192.0.2.1", "", REFUSED, "sro", {0}, ""},
	{"for all", FRESH, "", "192.0.2.1", "", TOKEN, "sro", {0}, ""},
	{"for all, forwarded", FRESH, "", "192.0.2.1", "203.0.113.9", TOKEN, "sro", {0}, ""},
	{"for all users by a pattern", FRESH, "", "192.0.2.1", "", TOKEN, "sro", {0}, "*"},
	{"to submit", FRESH, "", "192.0.2.1", "", TOKEN, "s", {0}, ""},
	{"to read", FRESH, "", "192.0.2.1", "", TOKEN, "r", {0}, ""},
	{"to read, local", FRESH, "", "127.0.0.1", "", TOKEN, "r", {0}, ""},
	{"to operate", FRESH, "", "192.0.2.1", "", TOKEN, "o", {0}, ""},
	{"to submit and read", FRESH, "", "192.0.2.1", "", TOKEN, "sr", {0}, ""},
	{"to read and operate", FRESH, "", "192.0.2.1", "", TOKEN, "ro", {0}, ""},
	{"for phase 2", FRESH, "", "192.0.2.1", "", TOKEN, "sro", {2}, ""},
	{"for phases 3, 4 and step 10", FRESH, "", "192.0.2.1", "", TOKEN, "sro", {3, 4, 10}, ""},
	{"for a user", FRESH, "", "192.0.2.1", "", TOKEN, "sro", {0}, "seller-7"},
	{"for users by a pattern", FRESH, "", "192.0.2.1", "", TOKEN, "sro", {0}, "seller-*"},
	{"for the other user", FRESH, "", "192.0.2.1", "", TOKEN, "sro", {0}, "buyer-9"},
	{"for nobody who is here", FRESH, "", "192.0.2.1", "", TOKEN, "sro", {0}, "seller"},
	{"for a user's phase 3", FRESH, "", "192.0.2.1", "", TOKEN, "sro", {3}, "seller-*"},
	{"to read a user's", FRESH, "", "127.0.0.1", "", TOKEN, "r", {0}, "seller-7"},
};
enum { CREDENTIALS = sizeof credentials / sizeof *credentials, HEADER_MAX = 8192 };

static struct token token_of(const struct credential *c, size_t i)
{
	struct token token = {.phases = c->phases[0] ? 0 : TOKEN_ALL_PHASES};
	snprintf(token.name, sizeof token.name, "t%zu", i);
	snprintf(token.user, sizeof token.user, "%s", c->user);
	for (const char *s = c->scopes; *s; s++)
		token.scopes |= *s == 's' ? SCOPE_SUBMIT : *s == 'r' ? SCOPE_READ : SCOPE_OPERATE;
	for (size_t k = 0; k < 4 && c->phases[k]; k++)
		token.phases |= UINT32_C(1) << phase_slot(c->phases[k]);
	return token;
}

static void get_header(struct fixture *f, const struct credential *c, size_t i, char out[HEADER_MAX + 1])
{
	struct token token = token_of(c, i);
	char text[TOKEN_TEXT_LEN + 1] = "", newer[TOKEN_TEXT_LEN + 1];
	int64_t age_us = 100 * S;
	if (c->way == NONE || c->way == TEXT) {
		snprintf(out, HEADER_MAX + 1, "%s", c->text);
		if (strcmp(c->text, "huge") == 0) {
			memset(out, 'a', HEADER_MAX);
			memcpy(out, "Bearer ", 7);
			out[HEADER_MAX] = '\0';
		}
		return;
	}
	if (c->way == ENDED)
		token.expires_at_us = f->now.wall_us;
	token_do(f, TOKEN_ADD, &token, age_us, 0, text);
	if (c->way == TAKEN_BACK)
		token_do(f, TOKEN_REVOKE, &token, 1, 0, NULL);
	if (c->way == NEWER || c->way == OLDER)
		token_do(f, TOKEN_ROTATE, &token, 50 * S, 50 * S + 1, newer);
	if (c->way == OLDER_OVER)
		token_do(f, TOKEN_ROTATE, &token, 50 * S, 50 * S, newer);
	if (c->way == SWAPPED)
		text[TOKEN_TEXT_LEN - 1] = text[TOKEN_TEXT_LEN - 1] == '0' ? '1' : '0';
	for (char *p = text; c->way == UPPER && *p; p++)
		*p = *p >= 'a' && *p <= 'f' ? (char)(*p - 'a' + 'A') : *p;
	if (c->way == UPPER)
		text[4] = 'A'; /* so that there is one */
	snprintf(out, HEADER_MAX + 1, "Bearer %s", c->way == NEWER ? newer : text);
}

/* --- what is asked for --- */

/* A job of whom, and of which phase; a step for the route of steps. */
static const struct target {
	int phase, step;
	const char *user;
} targets[] = {{2, 10, "seller-7"}, {3, 11, "buyer-9"}};

static bool is_limited(const struct credential *c)
{
	return c->kind == TOKEN && (c->phases[0] || (*c->user && strcmp(c->user, "*") != 0));
}

static bool is_own(const struct credential *c, int phase, const char *user)
{
	bool has_phase = c->phases[0] == 0;
	for (size_t i = 0; i < 4; i++)
		has_phase = has_phase || c->phases[i] == phase;
	return has_phase && (!*c->user || fnmatch(c->user, user, 0) == 0);
}

static int want(const struct credential *c, const struct row *row, const struct target *target, int phase)
{
	if (c->kind == REFUSED)
		return 401;
	if (row->scope == '-')
		return row->status;
	if (c->kind == STRANGER)
		return 401;
	if (c->kind == TOKEN && !strchr(c->scopes, row->scope))
		return 403;
	if (row->about == THE_WHOLE && is_limited(c))
		return 403;
	if (is_own(c, phase, target->user) || row->about == A_LIST || row->about == A_SELECTION ||
		row->about == THE_WHOLE)
		return row->status;
	return row->about == SUBMITTED ? 403 : 404;
}

/* The path, with a job made for it where it names one, and the body. */
struct ask {
	char path[300], body[300];
	int phase;
};

static struct ask ask_of(
	struct fixture *f, const struct route *route, const struct row *row, const struct target *target)
{
	static unsigned long number;
	struct ask ask = {.phase = strcmp(route->pattern, "/step/{}") == 0 ? target->step : target->phase};
	char hole[80] = "", workflow[40], trigger[200];
	const char *open = strchr(route->pattern, '{');
	size_t head = open ? (size_t)(open - route->pattern) : strlen(route->pattern);
	snprintf(workflow, sizeof workflow, "w-%lu", number++);
	snprintf(trigger, sizeof trigger, "{\"user_id\":\"%s\",\"sync_id\":\"%s\",\"phase\":%d}",
		target->user, workflow, target->phase);
	if (row->about == SUBMITTED)
		snprintf(hole, sizeof hole, "%d", ask.phase);
	if ((row->about == NOBODY || row->about == THE_WHOLE) && open)
		snprintf(hole, sizeof hole, "nobody");
	if (row->about == A_JOB)
		id_text(accept_job(f, target->phase, workflow, target->user), hole);
	if (row->about == A_WORKFLOW) {
		accept_job(f, target->phase, workflow, target->user);
		snprintf(hole, sizeof hole, "%s", workflow);
	}
	if (row->about == SUBMITTED)
		snprintf(ask.body, sizeof ask.body, "%s", trigger);
	if (row->about == A_SELECTION)
		snprintf(ask.body, sizeof ask.body, "{\"workflow_id\":\"%s\"}", workflow);
	if (strcmp(route->pattern, "/batch") == 0)
		snprintf(ask.body, sizeof ask.body, "[%s]", trigger);
	snprintf(ask.path, sizeof ask.path, "%s%.*s%s%s", route->flags & ROUTE_ROOT ? "" : BASE, (int)head,
		route->pattern, hole, open ? strchr(open, '}') + 1 : "");
	return ask;
}

static struct request request_of(struct fixture *f, const struct credential *c, const char *header,
	const char *method, const struct ask *ask)
{
	struct request request = {.now = f->now};
	request.param[PARAM_METHOD] = slice_text(method);
	request.param[PARAM_PATH] = slice_text(ask->path);
	request.param[PARAM_REMOTE_ADDR] = slice_text(c->peer);
	request.param[PARAM_X_FORWARDED_FOR] = slice_text(c->forwarded);
	request.param[PARAM_CONTENT_TYPE] = slice_text("application/json");
	request.param[PARAM_AUTHORIZATION] = slice_text(header);
	request.body = slice_text(ask->body);
	return request;
}

static const char *challenge_of(int status, enum kind kind, const struct row *row)
{
	if (row->status == 401 && kind != REFUSED)
		return ""; /* a signature is what it wants */
	if (status == 401)
		return kind == REFUSED ? "\r\nWWW-Authenticate: Bearer realm=\"clario-workflow\", "
					 "error=\"invalid_token\"\r\n"
				       : "\r\nWWW-Authenticate: Bearer realm=\"clario-workflow\"\r\n";
	return status == 403 && row->about != THE_WHOLE && row->about != SUBMITTED
		       ? "error=\"insufficient_scope\""
		       : "";
}

/* Nothing of what was shown comes back. */
static void assert_tells_no_secret(const struct reply *reply, const char *head, const char *header)
{
	const char *secret = strchr(header, ' ');
	if (!secret || strlen(secret) < 10)
		return;
	if (strstr(head, secret + 1) || (reply->body.len && strstr(reply->body.p, secret + 1)))
		fail_msg("an answer tells a token");
}

static void check_pair(struct fixture *f, const struct credential *c, const char *header,
	const struct route *route, const struct target *target)
{
	const struct row *row = row_of(route);
	struct ask ask = ask_of(f, route, row, target);
	struct request request = request_of(f, c, header, route->method, &ask);
	struct buf head = BUF_INIT(8192);
	struct reply reply;
	int status = want(c, row, target, ask.phase);
	reply_init(&reply);
	dispatch(&f->app, &request, &reply);
	reply_head_text(&reply, &head);
	if (reply.http_status != status)
		fail_msg("%s: %s %s of %s: %d, wanted %d: %.*s", c->what, route->method, ask.path,
			target->user, reply.http_status, status, (int)reply.body.len, reply.body.p);
	if (!strstr(head.p, challenge_of(status, c->kind, row)))
		fail_msg("%s: %s: %s", c->what, ask.path, head.p);
	if (strcmp(route->pattern, "/batch") == 0 && status == 200) {
		json_t *json = json_of(&reply);
		json_t *result = json_array_get(jx_get(json, "results"), 0);
		assert_int_equal(json_integer_value(jx_get(result, "status")),
			is_own(c, target->phase, target->user) ? 200 : 403);
		json_decref(json);
	}
	assert_tells_no_secret(&reply, head.p, header);
	buf_release(&head);
	reply_release(&reply);
}

/* Standard error, into a file and back. */
static int divert_log(FILE **into)
{
	*into = tmpfile();
	assert_non_null(*into);
	fflush(stderr);
	int kept = dup(2);
	assert_true(dup2(fileno(*into), 2) >= 0);
	return kept;
}

static char *restore_log(int kept, FILE *from)
{
	enum { ROOM = 8 << 20 };
	char *text = calloc(1, ROOM);
	assert_non_null(text);
	fflush(stderr);
	dup2(kept, 2);
	close(kept);
	rewind(from);
	assert_true(fread(text, 1, ROOM - 1, from) > 0);
	fclose(from);
	return text;
}

static void everybody__at_every_route(void **state)
{
	struct fixture *f = *state;
	static char headers[CREDENTIALS][HEADER_MAX + 1];
	struct why why = WHY_INIT;
	size_t pairs = 0;
	FILE *log;
	for (size_t i = 0; i < CREDENTIALS; i++)
		get_header(f, &credentials[i], i, headers[i]);
	assert_int_equal(tokens_renew(f->app.tokens, f->app.spool, &why), ST_OK);
	log_open("test", LOG_LEVEL_DEBUG);
	int kept = divert_log(&log);
	for (size_t i = 0; i < CREDENTIALS; i++)
		for (size_t r = 0; r < routes_n; r++)
			for (size_t t = 0; t < sizeof targets / sizeof *targets; t++, pairs++)
				check_pair(f, &credentials[i], headers[i], &routes[r], &targets[t]);
	char *text = restore_log(kept, log);
	log_open("test", LOG_LEVEL_ERR);
	for (size_t i = 0; i < CREDENTIALS; i++) {
		const char *secret = strchr(headers[i], ' ');
		if (secret && strlen(secret) > 10 && strstr(text, secret + 1))
			fail_msg("the log tells a token");
	}
	assert_non_null(strstr(text, " caller=token:t24"));
	assert_non_null(strstr(text, " caller=-"));
	assert_int_equal(pairs, CREDENTIALS * routes_n * 2);
	free(text);
}

/* A path or a method that is not there, an OPTIONS: a credential that is no good is looked at before those.
 */
static void nowhere__is_not_told_to_strangers(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *method, *path, *header;
		int status;
	} asks[] = {
		{"GET", "/nope", NULL, 404},
		{"GET", "/nope", "Basic abc", 401},
		{"GET", "/nope", "Bearer abc", 401},
		{"OPTIONS", BASE "/phase/1", "Bearer abc", 401},
		{"TRACE", BASE "/jobs", "Bearer abc", 401},
		{"HEAD", BASE "/jobs", "Bearer abc", 401},
	};
	for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
		struct reply reply = ask(f, asks[i].method, asks[i].path, "", asks[i].header, "");
		if (reply.http_status != asks[i].status)
			fail_msg("%s %s: %d", asks[i].method, asks[i].path, reply.http_status);
		reply_release(&reply);
	}
	const char *reader = token_for(f, "reader", SCOPE_READ, TOKEN_ALL_PHASES, "");
	struct reply reply = ask(f, "HEAD", BASE "/jobs", "", reader, "");
	assert_int_equal(reply.http_status, 200);
	reply_release(&reply);
	reply = ask(f, "DELETE", BASE "/jobs", "", reader, "");
	assert_int_equal(reply.http_status, 405);
	reply_release(&reply);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, gate_setup, gate_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(everybody__at_every_route),
		CASE(nowhere__is_not_told_to_strangers),
	};
	log_open("test", LOG_LEVEL_ERR);
	jx_init();
	return cmocka_run_group_tests_name("admission", tests, NULL, NULL);
}
