/* tests/unit/test_ctl_enqueue.c: triggers from a file: which are taken, what is told of the others by line,
 * and that a file sent again, or gone on with, doubles nothing. */
#include "tests/unit/ctl_fixture.h"

#include <stdio.h>
#include <string.h>

#define CASE(name) cmocka_unit_test_setup_teardown(name, ctl_setup, ctl_teardown)

static void write_text(struct fixture *f, const char *text)
{
	char path[128];
	snprintf(path, sizeof path, "%s/jobs.jsonl", f->dir);
	FILE *out = fopen(path, "we");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

/* "FILE" in args is the file; %s-free, so that it can be read at a glance. */
static int enqueue(struct fixture *f, const char *options)
{
	char args[700];
	snprintf(args, sizeof args, "enqueue --file %s/jobs.jsonl 2>&1 %s", f->dir, options);
	return ctl_run(f, args);
}

/* One that takes long tells how far it is, a line every few seconds. */
static void drop_progress(char *text)
{
	for (char *at; (at = strstr(text, "bytes read: "));) {
		char *rest = at + strcspn(at, "\n");
		rest += *rest == '\n';
		memmove(at, rest, strlen(rest) + 1);
	}
}

static void assert_enqueue(struct fixture *f, const char *options, int code, const char *all)
{
	int got = enqueue(f, options);
	drop_progress(f->out);
	if (got != code || strcmp(f->out, all) != 0)
		fail_msg("enqueue %s: exit %d, wanted %d with\n%s---\n%s", options, got, code, all, f->out);
}

static size_t jobs_of(struct fixture *f, const char *user)
{
	char args[100];
	snprintf(args, sizeof args, "list --json --user %s", user);
	assert_int_equal(ctl_run(f, args), 0);
	return count_lines(f->out);
}

static const char three[] =
	"{\"phase\":2,\"user_id\":\"eve\",\"sync_id\":\"w-a\",\"n\":1}\n"
	"\n"
	"  {\"step\":12,\"user_id\":\"eve\",\"sync_id\":\"w-b\"}\r\n"
	"{\"phase\":7,\"user_id\":\"eve\",\"claim_id\":\"c\",\"amount\":\"12.50\",\"priority\":1,"
	"\"delay_ms\":3600000,\"idempotency_key\":\"k-1\"}";

static void enqueue__takes_a_trigger_of_each_line_as_the_api_does(void **state)
{
	struct fixture *f = *state;
	write_text(f, three);
	assert_enqueue(f, "", 0, "enqueue: 3 accepted, 0 duplicates, 0 refused\n");
	assert_run(f, "list --json --user eve --phase 7", 0, "\"state\":\"delayed\"");
	assert_non_null(strstr(f->out, "\"priority\":1"));
	assert_non_null(strstr(f->out, "\"idempotency_key\":\"k-1\""));
	assert_non_null(strstr(f->out, "\"source\":\"operator:"));
	assert_non_null(strstr(f->out, "\"attempts_allowed\":15"));
	assert_run(f, "list --json --user eve --phase 12", 0, "\"workflow_id\":\"w-b\"");
	assert_run(f, "events --json --user eve", 0, "\"actor\":\"operator:");
}

static void enqueue__stores_a_line_byte_for_byte(void **state)
{
	struct fixture *f = *state;
	struct job jobs[1];
	struct cursor from = {""}, next;
	struct job_filter filter = {.user_id = slice_text("eve")};
	size_t n;
	write_text(f, " \t{\"phase\" : 2,\"user_id\":\"eve\", \"sync_id\":\"w\",\"x\":1.50,\"x\":0.10} \r\n");
	assert_enqueue(f, "", 0, "enqueue: 1 accepted, 0 duplicates, 0 refused\n");
	struct spool *sp = ctl_open_spool(f);
	assert_int_equal(spool_list(sp, &filter, &from, 1, true, jobs, &n, &next, NULL), ST_OK);
	assert_int_equal(n, 1);
	assert_true(slice_is(jobs[0].payload,
		"{\"phase\" : 2,\"user_id\":\"eve\", \"sync_id\":\"w\",\"x\":1.50,\"x\":0.10}"));
	job_release(&jobs[0]);
	spool_close(sp);
}

static void enqueue__again_doubles_nothing(void **state)
{
	struct fixture *f = *state;
	write_text(f, three);
	assert_enqueue(f, "", 0, "enqueue: 3 accepted, 0 duplicates, 0 refused\n");
	assert_enqueue(f, "", 0, "enqueue: 0 accepted, 3 duplicates, 0 refused\n");
	assert_int_equal(jobs_of(f, "eve"), 3);
	assert_int_equal(enqueue(f, "--json"), 0);
	assert_int_equal(count_lines(f->out), 4);
	assert_non_null(strstr(f->out, "{\"line\":3,\"success\":true,\"step\":12,\"job_id\":\""));
	assert_non_null(strstr(f->out, "\"duplicate\":true"));
}

static void enqueue__tells_each_bad_line_and_takes_the_others(void **state)
{
	struct fixture *f = *state;
	write_text(f, "{\"phase\":2,\"user_id\":\"eve\",\"sync_id\":\"w-a\"}\n"
		      "{\"phase\":2,\n"
		      "[]\n"
		      "{\"user_id\":\"eve\"}\n"
		      "{\"phase\":9,\"user_id\":\"eve\"}\n"
		      "{\"phase\":2,\"user_id\":\"eve\"}\n"
		      "{\"phase\":2,\"user_id\":\"eve\",\"sync_id\":\"w\",\"priority\":10}\n");
	assert_int_equal(enqueue(f, ""), 3);
	static const char *const told[] = {"clario-spool: line 2: ",
		"line 3: each trigger must be an object\n", "line 4: phase must be a number from 1 to 7\n",
		"line 5: phase must be a number from 1 to 7\n", "line 6: sync_id is required for Phase 2\n",
		"line 7: priority must be a number from 1 ",
		"enqueue: 1 accepted, 0 duplicates, 6 refused\n"};
	for (size_t i = 0; i < sizeof told / sizeof *told; i++)
		if (!strstr(f->out, told[i]))
			fail_msg("no \"%s\" in %s", told[i], f->out);
	assert_int_equal(jobs_of(f, "eve"), 1);
	assert_int_equal(enqueue(f, "--json"), 3);
	assert_non_null(
		strstr(f->out, "{\"line\":6,\"success\":false,\"error\":\"sync_id is required for Phase 2\","
			       "\"code\":\"missing_field\",\"field\":\"sync_id\"}\n"));
}

static void enqueue__of_nothing_good_is_an_answer_no(void **state)
{
	struct fixture *f = *state;
	write_text(f, "nonsense\n");
	assert_int_equal(enqueue(f, ""), 1);
	write_text(f, "");
	assert_enqueue(f, "", 0, "enqueue: 0 accepted, 0 duplicates, 0 refused\n");
	assert_run(f, "enqueue 2>&1", 2, "enqueue needs --file FILE");
	assert_run(f, "enqueue --file /nowhere/x 2>&1", 69, "cannot open /nowhere/x: No such file");
}

static void enqueue__refuses_a_key_with_other_data(void **state)
{
	struct fixture *f = *state;
	write_text(f, "{\"phase\":2,\"user_id\":\"eve\",\"sync_id\":\"w\",\"idempotency_key\":\"k\"}\n"
		      "{\"phase\":2,\"user_id\":\"eve\",\"sync_id\":\"v\",\"idempotency_key\":\"k\"}\n");
	assert_int_equal(enqueue(f, "--json"), 3);
	assert_non_null(strstr(
		f->out, "\"code\":\"idempotency_key_reused\",\"field\":\"idempotency_key\",\"job_id\":\""));
	assert_int_equal(jobs_of(f, "eve"), 1);
}

static void enqueue__tells_of_an_earlier_one_with_another_body(void **state)
{
	struct fixture *f = *state;
	write_text(f, "{\"phase\":2,\"user_id\":\"eve\",\"sync_id\":\"w\",\"n\":1}\n"
		      "{\"phase\":2,\"user_id\":\"eve\",\"sync_id\":\"w\",\"n\":2}\n");
	assert_enqueue(f, "", 0,
		"enqueue: 2 accepted, 0 duplicates, 0 refused\n"
		"1 have an earlier job of the same phase, workflow and user, with another body\n");
}

static void dry_run__only_counts(void **state)
{
	struct fixture *f = *state;
	write_text(f, three);
	assert_enqueue(f, "--dry-run", 0,
		"PHASE TRIGGERS\n    2        1\n    7        1\n   12        1\n"
		"enqueue: 3 would be submitted, 0 refused\n");
	assert_enqueue(f, "--dry-run --json 2>/dev/null", 0,
		"{\"dry_run\":true,\"good\":3,\"refused\":0,\"by_phase\":{\"2\":1,\"7\":1,\"12\":1}}\n");
	assert_int_equal(jobs_of(f, "eve"), 0);
}

static void after__goes_on_behind_a_line(void **state)
{
	struct fixture *f = *state;
	write_text(f, three);
	assert_enqueue(f, "--after 3", 0, "enqueue: 1 accepted, 0 duplicates, 0 refused\n");
	assert_run(f, "list --json --user eve", 0, "\"phase\":7");
	assert_int_equal(count_lines(f->out), 1);
}

static void enqueue__reads_the_standard_input(void **state)
{
	struct fixture *f = *state;
	assert_run(f, "enqueue --file - 2>&1 <<'E'\n{\"phase\":1,\"user_id\":\"eve\"}\nE", 0,
		"enqueue: 1 accepted, 0 duplicates, 0 refused\n");
	assert_int_equal(jobs_of(f, "eve"), 1);
}

static void write_many(struct fixture *f, size_t n, size_t padding)
{
	char path[128];
	snprintf(path, sizeof path, "%s/jobs.jsonl", f->dir);
	FILE *out = fopen(path, "we");
	assert_non_null(out);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "{\"phase\":2,\"user_id\":\"eve\",\"sync_id\":\"w-%zu\",\"x\":\"%0*d\"}\n", i,
			(int)padding, 0);
	fclose(out);
}

/* Where it says to go on: no line is left out, none comes twice. */
static void enqueue__of_more_than_there_is_room_for_can_be_gone_on_with(void **state)
{
	struct fixture *f = *state;
	write_many(f, 300, 100000); /* 30 MB into 16 */
	assert_int_equal(enqueue(f, ""), 73);
	const char *told = strstr(f->out, "--after ");
	assert_non_null(told);
	unsigned long line = strtoul(told + 8, NULL, 10);
	size_t there = jobs_of(f, "eve");
	assert_true(line > 0 && line < 300);
	assert_true(there >= line);
}

static void enqueue__ends_after_the_batch_when_interrupted(void **state)
{
	struct fixture *f = *state;
	char args[500];
	write_many(f, 120, 1);
	/* Interrupted when its first jobs are there, however long that takes. */
	snprintf(args, sizeof args,
		"--version >/dev/null; { d=%s; spool=\"$B/clario-spool -c $d/clario.conf\"; "
		"env --default-signal=INT $spool enqueue --file $d/jobs.jsonl --rate 10/s & "
		"until $spool list --user eve --json | grep -q .; do sleep 0.1; done; "
		"kill -s INT $!; wait $!; echo code=$?; } 2>&1",
		f->dir);
	assert_run(f, args, 0, "enqueue: interrupted: ");
	unsigned long line = strtoul(strstr(f->out, "--after ") + 8, NULL, 10);
	assert_true(line > 0 && line < 120);
	assert_int_equal(jobs_of(f, "eve"), line);
	snprintf(args, sizeof args, "--after %lu", line);
	assert_int_equal(enqueue(f, args), 0);
	assert_int_equal(jobs_of(f, "eve"), 120);
}

static void enqueue__commits_more_than_a_batch_and_an_overlong_line_is_one_fault(void **state)
{
	struct fixture *f = *state;
	char path[128];
	write_many(f, 450, 1);
	snprintf(path, sizeof path, "%s/jobs.jsonl", f->dir);
	FILE *out = fopen(path, "ae");
	assert_non_null(out);
	for (size_t i = 0; i < JOB_PAYLOAD_MAX + 10; i++)
		fputc('x', out);
	fputs("\n{\"phase\":2,\"user_id\":\"eve\",\"sync_id\":\"last\"}\n", out);
	fclose(out);
	assert_enqueue(f, "", 3,
		"clario-spool: line 451: the line is longer than 10485760 bytes\n"
		"enqueue: 451 accepted, 0 duplicates, 1 refused\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(enqueue__takes_a_trigger_of_each_line_as_the_api_does),
		CASE(enqueue__stores_a_line_byte_for_byte),
		CASE(enqueue__again_doubles_nothing),
		CASE(enqueue__tells_each_bad_line_and_takes_the_others),
		CASE(enqueue__of_nothing_good_is_an_answer_no),
		CASE(enqueue__refuses_a_key_with_other_data),
		CASE(enqueue__tells_of_an_earlier_one_with_another_body),
		CASE(dry_run__only_counts),
		CASE(after__goes_on_behind_a_line),
		CASE(enqueue__reads_the_standard_input),
		CASE(enqueue__of_more_than_there_is_room_for_can_be_gone_on_with),
		CASE(enqueue__ends_after_the_batch_when_interrupted),
		CASE(enqueue__commits_more_than_a_batch_and_an_overlong_line_is_one_fault),
	};
	return cmocka_run_group_tests_name("ctl_enqueue", tests, NULL, NULL);
}
