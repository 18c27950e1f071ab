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

/* Numbers have the digits that they came with: 96.40 read and written anew is 96.400000000000006. */
static void documents__are_shown_as_they_were_written(void **state)
{
	struct fixture *f = *state;
	struct spool *sp = ctl_open_spool(f);
	struct trigger t = {.phase = 3,
		.attempts_allowed = 1,
		.give_up_after_us = 1000000,
		.workflow_id = slice_text("w-money"),
		.user_id = slice_text("carl"),
		.payload =
			slice_text("{\n\t\"net\" : 96.40,\r\n\t\"many\": 12345678901234567890.10, "
				   "\"token\": 1,\n\t\"text\": \"a  \\\" b\\\\\", \"list\": [ 1, 2 ]\n}\n"),
		.source = slice_text("tests")};
	struct receipt r;
	assert_int_equal(spool_submit(sp, clock_now(), &t, 1, &r, NULL), ST_OK);
	id_text(r.id, f->ids[1]);
	spool_close(sp);
	assert_run_id(f, "show --json", 1, 0,
		"{\n\t\"net\" : 96.40,\r\n\t\"many\": 12345678901234567890.10, \"token\": \"***\",\n");
	assert_run_id(f, "show", 1, 0,
		"\npayload          {\"net\":96.40,\"many\":12345678901234567890.10,\"token\":\"***\","
		"\"text\":\"a  \\\" b\\\\\",\"list\":[1,2]}\n");
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

/* Plans and operations that were selected by the id, or say it as their reason. */
static void forget__what_was_selected_by_the_id(void **state)
{
	struct fixture *f = *state;
	assert_run(f, "retry --dry-run --where user=ann 2>&1", 0, "would be done to 1 job");
	assert_run(f, "hold --where 'user=bob state=delayed' 2>&1", 0, "hold: 1 done");
	assert_run(f, "release --where state=held --reason 'for ann and bob' 2>&1", 0, "release: 1 done");
	assert_run(f, "plans --json", 0, "\"where\":\"user=ann\"");
	assert_run(f, "forget --user ann 2>&1", 0, "took the id out of the notes of 2 plans and operations");
	assert_run(f, "plans --json", 0, "\"where\":\"***\"");
	assert_run(f, "operations --json", 0, "\"where\":\"state=held\"");
	assert_non_null(strstr(f->out, "\"reason\":\"***\""));
	assert_non_null(strstr(f->out, "\"where\":\"user=bob state=delayed\""));
	assert_run(f, "forget --user bob --cancel --json 2>/dev/null", 0, "\"notes\":1,");
	assert_run(f, "operations --json", 0, "\"where\":\"***\"");
	assert_null(strstr(f->out, "bob"));
}

/* What somebody has searched for is shown as the payload is. */
static void plans__with_secrets(void **state)
{
	struct fixture *f = *state;
	assert_run(
		f, "hold --where 'state=waiting body.token~hu' --reason 'a Bearer abcdefgh' 2>&1", 0, "done");
	assert_run(f, "operations --json", 0, "\"where\":\"***\"");
	assert_non_null(strstr(f->out, "\"reason\":\"a Bearer ***\""));
	assert_run(f, "operations", 0, "***");
	assert_null(strstr(f->out, "~hu"));
	assert_run(f, "cancel --dry-run --where 'state=held body.token~hu' --json 2>/dev/null", 0,
		"\"where\":\"***\"");
	assert_run(f, "plans", 0, "***");
	assert_null(strstr(f->out, "~hu"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, ctl_setup, ctl_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(secrets__are_hidden_by_every_command),
		CASE(documents__are_shown_as_they_were_written),
		CASE(forget__ended_jobs_and_no_others),
		CASE(forget__what_was_selected_by_the_id),
		CASE(plans__with_secrets),
	};
	return cmocka_run_group_tests_name("ctl_privacy", tests, NULL, NULL);
}
