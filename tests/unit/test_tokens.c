/* tests/unit/test_tokens.c: tokens in clario-fcgi: the header they come in, the snapshot they are held
 * against, whose jobs their bearers see and steer, and what stands of them in jobs and events. */
#include "tests/unit/gate_fixture.h"

#include "fcgi/bearer.h"
#include "spool/secret.h"

#include <sched.h>
#include <stdio.h>
#include <unistd.h>

/* spool_tokens() as it is, or failing. */
static bool is_unreadable;
enum status __real_spool_tokens(struct spool *sp, struct token *out, size_t cap, size_t *n, struct why *why);
enum status __wrap_spool_tokens(struct spool *sp, struct token *out, size_t cap, size_t *n, struct why *why);
enum status __wrap_spool_tokens(struct spool *sp, struct token *out, size_t cap, size_t *n, struct why *why)
{
	*n = 0;
	return is_unreadable ? why_set(why, ST_IO, "the disk is gone")
			     : __real_spool_tokens(sp, out, cap, n, why);
}

/* --- the header --- */

static void header__as_a_table(void **state)
{
	(void)state;
	static const struct {
		const char *header;
		enum bearer want;
		const char *token;
	} rows[] = {
		{"", BEARER_NONE, ""},
		{"   ", BEARER_NONE, ""},
		{"Basic abc", BEARER_NONE, ""},
		{"Bearers abc", BEARER_NONE, ""},
		{"Bear", BEARER_NONE, ""},
		{"Bearer abc", BEARER_SHOWN, "abc"},
		{"bEARER abc", BEARER_SHOWN, "abc"},
		{" Bearer \t abc ", BEARER_SHOWN, "abc"},
		{"Bearer\tabc", BEARER_SHOWN, "abc"},
		{"Bearer a-._~+/9==", BEARER_SHOWN, "a-._~+/9=="},
		{"Bearer", BEARER_BROKEN, ""},
		{"Bearer ", BEARER_BROKEN, ""},
		{"Bearer =", BEARER_BROKEN, ""},
		{"Bearer a=b", BEARER_BROKEN, ""},
		{"Bearer a b", BEARER_BROKEN, ""},
		{"Bearer a,b", BEARER_BROKEN, ""},
		{"Bearer \"abc\"", BEARER_BROKEN, ""},
		{"Bearer \xc3\xa4", BEARER_BROKEN, ""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct slice token;
		if (bearer_take(slice_text(rows[i].header), &token) != rows[i].want ||
			!slice_is(token, rows[i].token))
			fail_msg("%s", rows[i].header);
	}
}

/* --- the snapshot --- */

static int status_of(struct fixture *f, const char *header)
{
	struct reply reply = ask(f, "GET", BASE "/queue/stats", "", header, "");
	int status = reply.http_status;
	reply_release(&reply);
	return status;
}

static void changes__count_once_they_are_read(void **state)
{
	struct fixture *f = *state;
	struct token token = {.name = "shop", .scopes = SCOPE_READ, .phases = TOKEN_ALL_PHASES};
	char text[TOKEN_TEXT_LEN + 1], newer[TOKEN_TEXT_LEN + 1], old_header[128], new_header[128];
	struct why why = WHY_INIT;
	token_do(f, TOKEN_ADD, &token, 1, 0, text);
	snprintf(old_header, sizeof old_header, "Bearer %s", text);
	assert_int_equal(status_of(f, old_header), 401);
	assert_int_equal(tokens_renew(f->app.tokens, f->app.spool, &why), ST_OK);
	assert_int_equal(status_of(f, old_header), 200);
	token_do(f, TOKEN_ROTATE, &token, 0, S, newer);
	snprintf(new_header, sizeof new_header, "Bearer %s", newer);
	assert_int_equal(status_of(f, new_header), 401);
	assert_int_equal(tokens_renew(f->app.tokens, f->app.spool, &why), ST_OK);
	assert_int_equal(status_of(f, new_header), 200);
	assert_int_equal(status_of(f, old_header), 200);
	/* time alone ends it: nothing need be read */
	f->now.wall_us += S;
	assert_int_equal(status_of(f, old_header), 401);
	assert_int_equal(status_of(f, new_header), 200);
	token_do(f, TOKEN_REVOKE, &token, 0, 0, NULL);
	assert_int_equal(tokens_renew(f->app.tokens, f->app.spool, &why), ST_OK);
	assert_int_equal(status_of(f, new_header), 401);
}

static void refusals__say_why_to_who_has_the_secret(void **state)
{
	struct fixture *f = *state;
	struct token token = {.name = "shop", .scopes = SCOPE_READ, .phases = TOKEN_ALL_PHASES};
	const char *header = token_for(f, "shop", SCOPE_READ, TOKEN_ALL_PHASES, "");
	char other[200];
	struct why why = WHY_INIT;
	snprintf(other, sizeof other, "%s", header);
	other[strlen(other) - 1] = other[strlen(other) - 1] == '0' ? '1' : '0';
	token_do(f, TOKEN_REVOKE, &token, 0, 0, NULL);
	assert_int_equal(tokens_renew(f->app.tokens, f->app.spool, &why), ST_OK);
	struct reply reply = ask(f, "GET", BASE "/jobs", "", header, "");
	assert_non_null(
		strstr(reply.body.p, "\"error\":\"the token was revoked\",\"code\":\"unauthorized\""));
	reply_release(&reply);
	reply = ask(f, "GET", BASE "/jobs", "", other, "");
	assert_non_null(strstr(reply.body.p, "\"error\":\"the token is not known\""));
	reply_release(&reply);
}

static void many__are_found_each(void **state)
{
	struct fixture *f = *state;
	enum { MANY = 100 };
	static char texts[MANY][TOKEN_TEXT_LEN + 1];
	struct token found;
	struct why why = WHY_INIT;
	for (int i = 0; i < MANY; i++) {
		struct token token = {.scopes = SCOPE_READ, .phases = 1};
		snprintf(token.name, sizeof token.name, "t%d", i);
		token_do(f, TOKEN_ADD, &token, 0, 0, texts[i]);
	}
	assert_int_equal(tokens_renew(f->app.tokens, f->app.spool, &why), ST_OK);
	for (int i = 0; i < MANY; i++) {
		char name[16];
		snprintf(name, sizeof name, "t%d", i);
		assert_int_equal(tokens_check(f->app.tokens, slice_text(texts[i]), f->now.wall_us, &found),
			TOKEN_GOOD);
		assert_string_equal(found.name, name);
	}
	assert_int_equal(tokens_check(NULL, slice_text(texts[0]), f->now.wall_us, &found), TOKEN_UNKNOWN);
}

/* Two tokens of one prefix cannot come from the tool, but from an import. */
static void prefixes__may_be_shared(void **state)
{
	struct fixture *f = *state;
	char a[TOKEN_TEXT_LEN + 1], b[TOKEN_TEXT_LEN + 1];
	struct token found, token = {.name = "a", .scopes = SCOPE_READ, .phases = 1};
	struct token_change change = {.act = TOKEN_ADD, .token = token};
	struct why why = WHY_INIT;
	token_do(f, TOKEN_ADD, &token, 0, 0, a);
	memcpy(b, a, sizeof b);
	b[TOKEN_TEXT_LEN - 1] = b[TOKEN_TEXT_LEN - 1] == '0' ? '1' : '0';
	memcpy(change.token.name, "b", 2);
	memcpy(change.token.now.prefix, b, TOKEN_PREFIX_LEN);
	assert_true(secret_digest(slice_text(b), change.token.now.digest));
	assert_int_equal(spool_token_change(f->app.spool, f->now, &change, slice_text("operator:tests"),
				 (struct slice)SLICE_INIT, &found, &why),
		ST_OK);
	assert_int_equal(tokens_renew(f->app.tokens, f->app.spool, &why), ST_OK);
	assert_int_equal(tokens_check(f->app.tokens, slice_text(a), f->now.wall_us, &found), TOKEN_GOOD);
	assert_string_equal(found.name, "a");
	assert_int_equal(tokens_check(f->app.tokens, slice_text(b), f->now.wall_us, &found), TOKEN_GOOD);
	assert_string_equal(found.name, "b");
}

static void unreadable__keeps_what_was_known_and_says_so(void **state)
{
	struct fixture *f = *state;
	const char *header = token_for(f, "shop", SCOPE_READ, TOKEN_ALL_PHASES, "");
	char text[1024] = "";
	FILE *log = tmpfile();
	assert_non_null(log);
	fflush(stderr);
	int kept = dup(2);
	dup2(fileno(log), 2);
	is_unreadable = true;
	tokens_tend(f->app.tokens, f->app.spool);
	tokens_tend(f->app.tokens, f->app.spool);
	is_unreadable = false;
	dup2(kept, 2);
	close(kept);
	rewind(log);
	text[fread(text, 1, sizeof text - 1, log)] = '\0';
	fclose(log);
	assert_non_null(strstr(text, "event=tokens err=\"the disk is gone\""));
	assert_null(strstr(strchr(text, '\n'), "event=tokens")); /* once a minute is enough */
	assert_int_equal(status_of(f, header), 200);
	tokens_tend(f->app.tokens, f->app.spool);
	assert_int_equal(status_of(f, header), 200);
}

struct crowd {
	struct fixture *f;
	const char *text;
	atomic_bool is_over;
	atomic_ulong checks, bad;
};

static void *check_on(void *arg)
{
	struct crowd *crowd = arg;
	while (!atomic_load(&crowd->is_over)) {
		struct token found;
		enum token_verdict verdict = tokens_check(
			crowd->f->app.tokens, slice_text(crowd->text), crowd->f->now.wall_us, &found);
		atomic_fetch_add(&crowd->checks, 1);
		if (verdict != TOKEN_GOOD || strcmp(found.name, "shop") != 0)
			atomic_fetch_add(&crowd->bad, 1);
	}
	return NULL;
}

static void checks__while_it_is_renewed(void **state)
{
	struct fixture *f = *state;
	char header[TOKEN_TEXT_LEN + 16];
	snprintf(header, sizeof header, "%s", token_for(f, "shop", SCOPE_READ, 1, ""));
	struct why why = WHY_INIT;
	struct crowd crowd = {.f = f, .text = header + strlen("Bearer ")};
	pthread_t threads[3];
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, check_on, &crowd), 0);
	while (atomic_load(&crowd.checks) == 0)
		sched_yield();
	for (int i = 0; i < 60; i++) {
		char name[16];
		snprintf(name, sizeof name, "more%d", i);
		token_for(f, name, SCOPE_READ, 1, "");
	}
	/* The threads may have come late. */
	while (atomic_load(&crowd.checks) < 1000)
		assert_int_equal(tokens_renew(f->app.tokens, f->app.spool, &why), ST_OK);
	atomic_store(&crowd.is_over, true);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&crowd.bad), 0);
}

/* --- whose jobs --- */

/* The users of a listing's jobs, in order, with spaces; *cursor is the next one. */
static const char *users_in(struct reply *reply, char out[400], char cursor[200])
{
	json_t *json = json_of(reply), *job;
	size_t i, len = 0;
	assert_int_equal(reply->http_status, 200);
	out[0] = '\0';
	json_array_foreach(jx_get(json, "jobs"), i, job) len += (size_t)snprintf(
		out + len, 400 - len, "%s%s", i ? " " : "", json_string_value(jx_get(job, "user_id")));
	const char *next = json_string_value(jx_get(json, "next_cursor"));
	snprintf(cursor, 200, "%s", next ? next : "");
	json_decref(json);
	reply_release(reply);
	return out;
}

static void assert_lists(struct fixture *f, const char *header, const char *query, const char *users)
{
	char out[400], cursor[200];
	struct reply reply = ask(f, "GET", BASE "/jobs", query, header, "");
	assert_string_equal(users_in(&reply, out, cursor), users);
	assert_string_equal(cursor, "");
}

static void lists__leave_others_out(void **state)
{
	struct fixture *f = *state;
	accept_job(f, 2, "w1", "seller-1");
	accept_job(f, 3, "w2", "seller-2");
	accept_job(f, 2, "w3", "buyer-1");
	assert_lists(f, NULL, "order=asc", "seller-1 seller-2 buyer-1");
	const char *all = token_for(f, "all", SCOPE_READ, TOKEN_ALL_PHASES, "");
	assert_lists(f, all, "order=asc", "seller-1 seller-2 buyer-1");
	const char *sellers = token_for(f, "sellers", SCOPE_READ, TOKEN_ALL_PHASES, "seller-*");
	assert_lists(f, sellers, "order=asc", "seller-1 seller-2");
	assert_lists(f, sellers, "user_id=buyer-1", "");
	assert_lists(f, sellers, "state=waiting&phase=3", "seller-2");
	const char *one = token_for(f, "one", SCOPE_READ, TOKEN_ALL_PHASES, "seller-2");
	assert_lists(f, one, "", "seller-2");
	assert_lists(f, one, "user_id=seller-1", "");
	const char *phase = token_for(f, "phase", SCOPE_READ, 1u << phase_slot(2), "");
	assert_lists(f, phase, "order=asc", "seller-1 buyer-1");
	assert_lists(f, phase, "phase=3", "");
	const char *both = token_for(f, "both", SCOPE_READ, 1u << phase_slot(2) | 1u << phase_slot(4), "s*");
	assert_lists(f, both, "", "seller-1");
}

/* However many jobs are others': a page is bounded work, and the next one goes on from there. */
static void lists__go_on_past_many_others(void **state)
{
	struct fixture *f = *state;
	enum { OTHERS = 10500 };
	static struct trigger triggers[OTHERS];
	static struct receipt receipts[OTHERS];
	static char workflows[OTHERS][16];
	char out[400], cursor[200] = "", query[300];
	struct why why = WHY_INIT;
	const char *sellers = token_for(f, "sellers", SCOPE_READ, TOKEN_ALL_PHASES, "seller-*");
	for (int i = 0; i < OTHERS; i++) {
		snprintf(workflows[i], sizeof workflows[i], "w-%d", i);
		triggers[i] = (struct trigger){.phase = 2,
			.attempts_allowed = 1,
			.give_up_after_us = 3600 * S,
			.workflow_id = slice_text(workflows[i]),
			.user_id = slice_text("buyer"),
			.payload = slice_text("{}")};
	}
	assert_int_equal(spool_submit(f->app.spool, f->now, triggers, OTHERS, receipts, &why), ST_OK);
	accept_job(f, 2, "w-last", "seller-2");
	struct reply reply = ask(f, "GET", BASE "/jobs", "order=asc", sellers, "");
	assert_string_equal(users_in(&reply, out, cursor), "");
	assert_string_not_equal(cursor, "");
	snprintf(query, sizeof query, "order=asc&cursor=%s", cursor);
	reply = ask(f, "GET", BASE "/jobs", query, sellers, "");
	assert_string_equal(users_in(&reply, out, cursor), "seller-2");
	assert_string_equal(cursor, "");
	/* who asks for others by name does not even hear that there are many */
	reply = ask(f, "GET", BASE "/jobs", "user_id=buyer", sellers, "");
	assert_string_equal(users_in(&reply, out, cursor), "");
	assert_string_equal(cursor, "");
}

static json_t *get(struct fixture *f, const char *method, const char *path, const char *header)
{
	struct reply reply = ask(f, method, path, "", header, "");
	json_t *json = json_of(&reply);
	reply_release(&reply);
	return json;
}

static void retries__by_filter_leave_others_alone(void **state)
{
	struct fixture *f = *state;
	struct job_id ids[2] = {accept_job(f, 2, "w1", "seller-1"), accept_job(f, 2, "w2", "buyer-1")};
	struct steer_result results[2];
	struct job job;
	struct why why = WHY_INIT;
	const char *sellers = token_for(f, "sellers", SCOPE_OPERATE, TOKEN_ALL_PHASES, "seller-*");
	assert_int_equal(spool_steer(f->app.spool, f->now, STEER_CANCEL, ids, 2, slice_text("operator:tests"),
				 (struct slice)SLICE_INIT, results, &why),
		ST_OK);
	struct reply reply = ask(f, "POST", BASE "/jobs/retry", "state=cancelled", sellers, "");
	json_t *json = json_of(&reply);
	assert_int_equal(json_integer_value(jx_get(json, "retried")), 1);
	assert_int_equal(json_integer_value(jx_get(json, "skipped")), 0);
	json_decref(json);
	reply_release(&reply);
	reply = ask(f, "POST", BASE "/jobs/retry", "state=cancelled&user_id=buyer-1", sellers, "");
	json = json_of(&reply);
	assert_int_equal(json_integer_value(jx_get(json, "retried")), 0);
	assert_true(json_is_null(jx_get(json, "next_cursor")));
	json_decref(json);
	reply_release(&reply);
	assert_int_equal(spool_get(f->app.spool, ids[0], &job, &why), ST_OK);
	assert_int_equal(job.state, JOB_WAITING);
	job_release(&job);
	assert_int_equal(spool_get(f->app.spool, ids[1], &job, &why), ST_OK);
	assert_int_equal(job.state, JOB_CANCELLED);
	job_release(&job);
}

/* What is somebody else's cannot be told from what is not there, by no word of the answer. */
static void others__are_as_if_not_there(void **state)
{
	struct fixture *f = *state;
	static const char *const forms[][2] = {{"GET", BASE "/jobs/%s"}, {"POST", BASE "/jobs/%s/cancel"},
		{"POST", BASE "/jobs/%s/hold"}, {"POST", BASE "/jobs/%s/retry"}};
	const char *header = token_for(f, "sellers", SCOPE_ALL, TOKEN_ALL_PHASES, "seller-*");
	char other[JOB_ID_TEXT_LEN];
	id_text(accept_job(f, 2, "w1", "buyer-1"), other);
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		char theirs[200], nobodys[200];
		snprintf(theirs, sizeof theirs, "%s", forms[i][1]);
		char *hole = strstr(theirs, "%s");
		snprintf(nobodys, sizeof nobodys, "%.*s01990304-0506-7008-800a-0b0c0d0e0f10%s",
			(int)(hole - theirs), theirs, hole + 2);
		char tail[40];
		snprintf(tail, sizeof tail, "%s", hole + 2);
		snprintf(hole, sizeof theirs - (size_t)(hole - theirs), "%s%s", other, tail);
		struct reply a = ask(f, forms[i][0], theirs, "", header, ""),
			     b = ask(f, forms[i][0], nobodys, "", header, "");
		assert_int_equal(a.http_status, 404);
		assert_string_equal(a.body.p, b.body.p);
		reply_release(&a);
		reply_release(&b);
	}
	struct reply a = ask(f, "GET", BASE "/workflows/w1", "", header, ""),
		     b = ask(f, "GET", BASE "/workflows/w2", "", header, "");
	assert_int_equal(a.http_status, 404);
	assert_string_equal(a.body.p, b.body.p);
	reply_release(&a);
	reply_release(&b);
}

static void workflows__show_the_own_part(void **state)
{
	struct fixture *f = *state;
	accept_job(f, 2, "w", "buyer-1");
	char own[JOB_ID_TEXT_LEN], path[100];
	id_text(accept_job(f, 3, "w", "seller-1"), own);
	static const char *const patterns[] = {"seller-*", "seller-1"};
	for (size_t i = 0; i < 2; i++) {
		char name[4];
		snprintf(name, sizeof name, "t%zu", i);
		const char *header = token_for(f, name, SCOPE_READ, TOKEN_ALL_PHASES, patterns[i]);
		json_t *json = get(f, "GET", BASE "/workflows/w", header);
		json_t *jobs = jx_get(json, "jobs"), *events = jx_get(json, "events");
		assert_int_equal(json_array_size(jobs), 1);
		assert_string_equal(json_string_value(jx_get(json_array_get(jobs, 0), "id")), own);
		assert_true(json_is_null(jx_get(json_array_get(jobs, 0), "behind"))); /* it is the buyer's */
		assert_int_equal(json_array_size(events), 1);
		assert_string_equal(json_string_value(jx_get(json_array_get(events, 0), "job_id")), own);
		assert_string_equal(json_string_value(jx_get(json, "user_id")), "seller-1");
		json_decref(json);
		snprintf(path, sizeof path, BASE "/jobs/%s", own);
		json = get(f, "GET", path, header);
		assert_true(json_is_null(jx_path(json, "job.behind")));
		assert_string_equal(json_string_value(jx_path(json, "job.explanation.cause")), "behind");
		assert_string_equal(json_string_value(jx_path(json, "job.explanation.text")),
			"An earlier job of its workflow has the turn, and must end first; besides, no worker "
			"lives.");
		json_decref(json);
	}
	json_t *json = get(f, "GET", BASE "/workflows/w", NULL);
	assert_int_equal(json_array_size(jx_get(json, "jobs")), 2);
	assert_int_equal(json_array_size(jx_get(json, "events")), 2);
	assert_true(json_is_string(jx_get(json_array_get(jx_get(json, "jobs"), 1), "behind")));
	json_decref(json);
}

static struct reply submit_keyed(struct fixture *f, const char *user, const char *header)
{
	struct request request = {.now = f->now};
	struct reply reply;
	char body[100];
	snprintf(body, sizeof body, "{\"user_id\":\"%s\",\"sync_id\":\"s\"}", user);
	request.param[PARAM_METHOD] = slice_text("POST");
	request.param[PARAM_PATH] = slice_text(BASE "/phase/2");
	request.param[PARAM_REMOTE_ADDR] = slice_text("127.0.0.1");
	request.param[PARAM_CONTENT_TYPE] = slice_text("application/json");
	request.param[PARAM_IDEMPOTENCY_KEY] = slice_text("k-1");
	request.param[PARAM_AUTHORIZATION] = slice_text(header);
	request.body = slice_text(body);
	reply_init(&reply);
	dispatch(&f->app, &request, &reply);
	return reply;
}

/* A key that is another's is in use, and that is all that is told. */
static void keys__of_others_name_no_job(void **state)
{
	struct fixture *f = *state;
	const char *limited = token_for(f, "limited", SCOPE_SUBMIT, TOKEN_ALL_PHASES, "seller-*");
	const char *whole = token_for(f, "whole", SCOPE_SUBMIT, TOKEN_ALL_PHASES, "");
	struct reply reply = submit_keyed(f, "buyer", NULL);
	assert_int_equal(reply.http_status, 200);
	reply_release(&reply);
	reply = submit_keyed(f, "seller-1", limited);
	assert_int_equal(reply.http_status, 422);
	assert_null(strstr(reply.body.p, "job_id"));
	reply_release(&reply);
	reply = submit_keyed(f, "seller-1", whole);
	assert_int_equal(reply.http_status, 422);
	assert_non_null(strstr(reply.body.p, "job_id"));
	reply_release(&reply);
	reply = ask(f, "POST", BASE "/batch", "", limited,
		"[{\"phase\":2,\"user_id\":\"seller-1\",\"sync_id\":\"s\",\"idempotency_key\":\"k-1\"}]");
	assert_non_null(strstr(reply.body.p, "idempotency_key_reused"));
	assert_null(strstr(reply.body.p, "job_id"));
	reply_release(&reply);
}

/* --- what stands of it --- */

static void deeds__are_the_tokens(void **state)
{
	struct fixture *f = *state;
	char path[120], expect[40];
	const char *header = token_for(f, "shop", SCOPE_ALL, TOKEN_ALL_PHASES, "");
	struct reply reply =
		ask(f, "POST", BASE "/phase/2", "", header, "{\"user_id\":\"u\",\"sync_id\":\"s\"}");
	json_t *json = json_of(&reply), *event;
	size_t i;
	assert_int_equal(reply.http_status, 200);
	snprintf(path, sizeof path, BASE "/jobs/%s/hold", json_string_value(jx_get(json, "job_id")));
	json_decref(json);
	reply_release(&reply);
	json_decref(get(f, "POST", path, header));
	*strrchr(path, '/') = '\0';
	json = get(f, "GET", path, header);
	assert_string_equal(json_string_value(jx_path(json, "job.source")), "token:shop");
	json_decref(json);
	json = get(f, "GET", BASE "/workflows/s", header);
	assert_int_equal(json_array_size(jx_get(json, "events")), 2);
	snprintf(expect, sizeof expect, "token:shop");
	json_array_foreach(jx_get(json, "events"), i, event)
		assert_string_equal(json_string_value(jx_get(event, "actor")), expect);
	json_decref(json);
}

static void names__cannot_be_claimed(void **state)
{
	struct fixture *f = *state;
	struct request request = {.now = f->now};
	struct reply reply;
	char actor[APP_ACTOR_MAX];
	request.param[PARAM_METHOD] = slice_text("POST");
	request.param[PARAM_PATH] = slice_text(BASE "/phase/2");
	request.param[PARAM_REMOTE_ADDR] = slice_text("127.0.0.1");
	request.param[PARAM_CONTENT_TYPE] = slice_text("application/json");
	request.param[PARAM_SOURCE] = slice_text("token:shop");
	request.body = slice_text("{\"user_id\":\"u\",\"sync_id\":\"s\"}");
	reply_init(&reply);
	dispatch(&f->app, &request, &reply);
	assert_int_equal(reply.http_status, 400);
	assert_non_null(strstr(reply.body.p, "\"field\":\"X-Clario-Source\""));
	/* what steers says so too, and there it is marked */
	assert_string_equal(app_actor(&request, actor), "caller:token:shop");
	reply_release(&reply);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, gate_setup, gate_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header__as_a_table),
		CASE(changes__count_once_they_are_read),
		CASE(refusals__say_why_to_who_has_the_secret),
		CASE(many__are_found_each),
		CASE(prefixes__may_be_shared),
		CASE(unreadable__keeps_what_was_known_and_says_so),
		CASE(checks__while_it_is_renewed),
		CASE(lists__leave_others_out),
		CASE(lists__go_on_past_many_others),
		CASE(retries__by_filter_leave_others_alone),
		CASE(others__are_as_if_not_there),
		CASE(workflows__show_the_own_part),
		CASE(keys__of_others_name_no_job),
		CASE(deeds__are_the_tokens),
		CASE(names__cannot_be_claimed),
	};
	log_open("test", LOG_LEVEL_ERR);
	jx_init();
	return cmocka_run_group_tests_name("tokens", tests, NULL, NULL);
}
