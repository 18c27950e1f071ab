/* tests/unit/test_ctl_privacy.c: clario-spool and what is nobody's business: secrets it does not show, people
 * it forgets. */
#include "spool/base/clock.h"
#include "tests/unit/ctl_fixture.h"

#include <stdio.h>
#include <string.h>

/* What one of the commands shows, all show; and what one hides. */
static void secrets__are_hidden_by_every_command(void **state)
{
	struct fixture *f = *state;
	struct spool *sp = ctl_open_spool(f);
	struct trigger t = {.phase = 3,
		.attempts_allowed = 1,
		.give_up_after_us = 1000000,
		.workflow_id = slice_text("w-secret"),
		.user_id = slice_text("carl"),
		.priority = 1,
		.payload = slice_text("{\"password\":\"hush\"}"),
		.source = slice_text("tests")};
	struct receipt r;
	struct claim_ask ask = {.owner = "tests:1", .max = 1, .lease_ms = 1000};
	struct job job;
	size_t n, none;
	int64_t due;
	assert_int_equal(spool_submit(sp, clock_now(), &t, 1, &r, NULL), ST_OK);
	assert_int_equal(spool_exchange(sp, clock_now(), NULL, 0, &ask, &job, &n, &due, NULL), ST_OK);
	assert_int_equal(id_cmp(job.id, r.id), 0);
	struct notice notice = {.kind = EVENT_NOTIFICATION,
		.name = slice_text("notification"),
		.room = slice_text("user_carl"),
		.data = slice_text("{\"cookie\":\"hush\"}")};
	struct settlement s = {.id = job.id,
		.token = 1,
		.kind = SETTLE_FAIL,
		.error = slice_text("it said Bearer hush"),
		.outcome = slice_text("{\"secret\":\"hush\"}"),
		.notices = &notice,
		.notices_n = 1};
	assert_int_equal(spool_exchange(sp, clock_now(), &s, 1, NULL, NULL, &none, &due, NULL), ST_OK);
	job_release(&job);
	spool_close(sp);
	static const char *const commands[] = {"list", "list --json", "workflow w-secret",
		"workflow w-secret --json", "events", "events --json", "export"};
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		char args[100];
		assert_run(f, commands[i], 0, NULL);
		assert_null(strstr(f->out, "hush"));
		snprintf(args, sizeof args, "%s --reveal", commands[i]);
		assert_run(f, args, 0, "hush");
	}
	/* The table is the configuration's. */
	char path[128];
	snprintf(path, sizeof path, "%s/clario.conf", f->dir);
	FILE *conf = fopen(path, "ae");
	assert_non_null(conf);
	fputs("[privacy]\nsecret-fields = /user_id,\n\tidempotency_key\n", conf);
	fclose(conf);
	assert_run_id(f, "show --json", 1, 0, "\"payload\":{\"user_id\":\"***\",\"token\":\"hush\"}");
	conf = fopen(path, "ae");
	assert_non_null(conf);
	fputs("\tto*ken\n", conf);
	fclose(conf);
	assert_run(f, "list 2>&1", 78, "privacy.secret-fields: a * stands before or after a name");
}

static void forget__ended_jobs_and_no_others(void **state)
{
	struct fixture *f = *state;
	assert_run(f, "forget 2>&1", 2, "forget needs --user ID");
	assert_run(
		f, "forget --user ann --reason 'ann wrote' 2>&1", 2, "the reason would stand in the event");
	assert_run(f, "forget --user nobody 2>&1", 1, "forgot jobs: 0,");
	assert_run(f, "forget --user ann --reason 'letter 7' 2>&1", 0, "forgot jobs: 1,");
	assert_non_null(strstr(f->out, "clario-spool compact"));
	assert_run_id(f, "show --reveal", 0, 0, "forgotten-");
	assert_null(strstr(f->out, "hush"));
	assert_null(strstr(f->out, "ann"));
	assert_run(f, "events --json", 0, "\"kind\":\"forgotten\",\"actor\":\"operator:");
	assert_non_null(strstr(f->out, "\"reason\":\"letter 7\",\"data\":{\"jobs\":1,"));
	assert_null(strstr(f->out, "\"ann\""));
	assert_run_id(f, "retry", 0, 1, "does not apply");
	assert_run(f, "forget --user bob 2>&1", 3, f->ids[3]);
	assert_non_null(strstr(f->out, "3 jobs of this user have not ended"));
	assert_run_id(f, "show --reveal", 1, 0, "hush");
	assert_run(f, "forget --user bob --cancel --json 2>/dev/null", 0, "{\"jobs\":3,\"events\":");
	assert_non_null(strstr(f->out, "\"cancelled\":3,\"live\":0}"));
	assert_run(f, "stats", 0, "accepted ever: 4");
	assert_run(f, "export --reveal", 0, "\"is_forgotten\":true");
	assert_null(strstr(f->out, "hush"));
	assert_null(strstr(f->out, "bob"));
	assert_run(f, "list --user bob --json", 0, "");
	assert_int_equal(count_lines(f->out), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, ctl_setup, ctl_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(secrets__are_hidden_by_every_command),
		CASE(forget__ended_jobs_and_no_others),
	};
	return cmocka_run_group_tests_name("ctl_privacy", tests, NULL, NULL);
}
