/* tests/unit/gate_fixture.c: see gate_fixture.h. */
#include "tests/unit/gate_fixture.h"

#include "spool/secret.h"

#include <stdio.h>
#include <unistd.h>

int gate_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct why why = WHY_INIT;
	assert_non_null(f);
	snprintf(f->dir, sizeof f->dir, "%s/clario-gate-XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->spool_path, sizeof f->spool_path, "%s/spool", f->dir);
	assert_int_equal(opts_load(NULL, &f->opts, &why), ST_OK);
	free(f->opts.spool.path);
	f->opts.spool.path = strdup(f->spool_path);
	f->opts.spool.map_size = 64 << 20;
	free(f->opts.events.key_file);
	assert_true(asprintf(&f->opts.events.key_file, "%s/events.key", f->dir) > 0);
	struct spool_conf conf = opts_spool_conf(&f->opts);
	conf.disk_full_at_percent = 0;
	assert_int_equal(spool_init(&conf, &why), ST_OK);
	f->app.opts = &f->opts;
	budget_init(&f->app.counts, 1);
	pthread_mutex_init(&f->app.large_parse, NULL);
	assert_int_equal(spool_open(&conf, &f->app.spool, &why), ST_OK);
	f->app.tokens = tokens_new();
	assert_non_null(f->app.tokens);
	f->now = clock_now();
	*state = f;
	return 0;
}

int gate_teardown(void **state)
{
	struct fixture *f = *state;
	char command[160];
	struct why why = WHY_INIT;
	assert_int_equal(spool_check(f->app.spool, NULL, NULL, &why), ST_OK);
	tokens_free(f->app.tokens);
	spool_close(f->app.spool);
	pthread_mutex_destroy(&f->app.large_parse);
	opts_release(&f->opts);
	snprintf(command, sizeof command, "rm -rf %s", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

void token_do(struct fixture *f, enum token_act act, const struct token *token, int64_t ago_us,
	int64_t overlap_us, char text[TOKEN_TEXT_LEN + 1])
{
	struct token_change change = {.act = act, .token = *token, .overlap_us = overlap_us};
	struct moment then = f->now;
	struct token after;
	struct why why = WHY_INIT;
	then.wall_us -= ago_us;
	if (act != TOKEN_REVOKE)
		assert_int_equal(secret_draw(&change.token.now, text, &why), ST_OK);
	if (spool_token_change(f->app.spool, then, &change, slice_text("operator:tests"),
		    (struct slice)SLICE_INIT, &after, &why) != ST_OK)
		fail_msg("%s", why.text);
}

const char *token_for(struct fixture *f, const char *name, unsigned scopes, uint32_t phases, const char *user)
{
	static char headers[8][TOKEN_TEXT_LEN + 16];
	static int at;
	char text[TOKEN_TEXT_LEN + 1], *header = headers[at++ % 8];
	struct token token = {.scopes = scopes, .phases = phases};
	struct why why = WHY_INIT;
	snprintf(token.name, sizeof token.name, "%s", name);
	snprintf(token.user, sizeof token.user, "%s", user);
	token_do(f, TOKEN_ADD, &token, 0, 0, text);
	assert_int_equal(tokens_renew(f->app.tokens, f->app.spool, &why), ST_OK);
	snprintf(header, sizeof headers[0], "Bearer %s", text);
	return header;
}

struct job_id accept_job(struct fixture *f, int phase, const char *workflow, const char *user)
{
	struct trigger trigger = {.phase = phase,
		.attempts_allowed = 1,
		.give_up_after_us = 3600 * S,
		.workflow_id = slice_text(workflow),
		.user_id = slice_text(user),
		.payload = slice_text("{}"),
		.source = slice_text("tests")};
	struct receipt receipt;
	struct why why = WHY_INIT;
	assert_int_equal(spool_submit(f->app.spool, f->now, &trigger, 1, &receipt, &why), ST_OK);
	assert_int_equal(receipt.verdict, SUBMIT_ACCEPTED);
	return receipt.id;
}

struct reply ask(struct fixture *f, const char *method, const char *path, const char *query,
	const char *authorization, const char *body)
{
	struct request request = {.now = f->now};
	struct reply reply;
	request.param[PARAM_METHOD] = slice_text(method);
	request.param[PARAM_PATH] = slice_text(path);
	request.param[PARAM_QUERY] = slice_text(query);
	request.param[PARAM_REMOTE_ADDR] = slice_text(authorization ? "192.0.2.1" : "127.0.0.1");
	request.param[PARAM_CONTENT_TYPE] = slice_text("application/json");
	request.param[PARAM_AUTHORIZATION] = slice_text(authorization);
	request.body = slice_text(body);
	reply_init(&reply);
	dispatch(&f->app, &request, &reply);
	return reply;
}

json_t *json_of(const struct reply *reply)
{
	json_t *json = NULL;
	assert_int_equal(jx_parse(reply_body(reply), 64, &json, NULL), ST_OK);
	return json;
}
