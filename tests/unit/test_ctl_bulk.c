/* tests/unit/test_ctl_bulk.c: clario-spool on many jobs: --where, --dry-run, apply, undo; what it says and
 * with which exit code, also when it is interrupted. */
#include "spool/base/jx.h"
#include "spool/spool.h"
#include "tests/support/unit.h"

#include <ctype.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

struct fixture {
	char dir[64];
	char out[65536];
	char plan[64], operation[64]; /* the names last seen */
};

/* Names differ from run to run: out of the text, into *name. */
static void take_names(char *text, const char *kind, char *name)
{
	size_t len = strlen(kind);
	for (char *p = text; (p = strstr(p, kind)); p++) {
		size_t tail = strspn(p + len, "0123456789abcdef-");
		if (!isdigit((unsigned char)p[len]))
			continue;
		snprintf(name, 64, "%.*s", (int)(len + tail), p);
		for (size_t i = 0; i < len; i++)
			p[i] = (char)toupper((unsigned char)p[i]);
		memmove(p + len - 1, p + len + tail, strlen(p + len + tail) + 1);
	}
}

/* Run the tool by the shell; its output, with standard error, into f->out. */
static int run(struct fixture *f, const char *args)
{
	char command[2048];
	const char *b = getenv("B");
	snprintf(command, sizeof command,
		"TOOL='%s/clario-spool' CONF='%s/clario.conf'\n"
		"tool() { \"$TOOL\" -c \"$CONF\" \"$@\"; }\n{ %s\n} 2>&1",
		b && *b ? b : "build", f->dir, args);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	size_t len = fread(f->out, 1, sizeof f->out - 1, pipe);
	f->out[len] = '\0';
	int code = pclose(pipe);
	assert_true(WIFEXITED(code));
	take_names(f->out, "plan-", f->plan);
	take_names(f->out, "operation-", f->operation);
	return WEXITSTATUS(code);
}

static void assert_run(struct fixture *f, const char *args, int code, const char *has)
{
	int got = run(f, args);
	if (got != code || (has && !strstr(f->out, has)))
		fail_msg("%s: exit %d, wanted %d with \"%s\": %s", args, got, code, has ? has : "", f->out);
}

static void assert_prints(struct fixture *f, const char *args, int code, const char *all)
{
	int got = run(f, args);
	if (got != code || strcmp(f->out, all) != 0)
		fail_msg("%s: exit %d, wanted %d with\n%s---\n%s", args, got, code, all, f->out);
}

static size_t lines(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += *text == '\n';
	return n;
}

static struct spool *open_spool(struct fixture *f)
{
	char path[128];
	struct spool *sp;
	struct why why = WHY_INIT;
	snprintf(path, sizeof path, "%s/spool", f->dir);
	struct spool_conf conf = {.store = "lmdb",
		.path = path,
		.map_size = 16 << 20,
		.full_at_percent = 85,
		.ordering = true,
		.dedupe_window_us = 1000000};
	if (spool_open(&conf, &sp, &why) != ST_OK)
		fail_msg("%s", why.text);
	return sp;
}

static size_t work(struct spool *sp, size_t max, enum settle_kind kind)
{
	struct job jobs[20];
	struct claim_ask ask = {.owner = "tests:1", .max = max, .lease_ms = 60000};
	size_t n, none;
	int64_t due;
	assert_int_equal(spool_exchange(sp, clock_now(), NULL, 0, &ask, jobs, &n, &due, NULL), ST_OK);
	for (size_t i = 0; i < n; i++) {
		struct settlement s = {.id = jobs[i].id,
			.token = jobs[i].lease.token,
			.kind = kind,
			.error = slice_text(jobs[i].phase == 3 ? "answered 404" : "answered 503")};
		assert_int_equal(
			spool_exchange(sp, clock_now(), &s, 1, NULL, NULL, &none, &due, NULL), ST_OK);
		job_release(&jobs[i]);
	}
	return n;
}

/* Twelve failed: phases 2, 3, 7, of users u0 to u3, with amounts 0 to 110; and two that are delayed. */
static void fill(struct fixture *f)
{
	static const int phases[] = {2, 3, 7};
	struct spool *sp = open_spool(f);
	for (int i = 0; i < 14; i++) {
		char workflow[16], user[16], payload[64];
		struct receipt r;
		snprintf(workflow, sizeof workflow, "w-%d", i);
		snprintf(user, sizeof user, "u%d", i % 4);
		snprintf(payload, sizeof payload, "{\"amount\":\"%d.50\"}", i * 10);
		struct trigger t = {.phase = i < 12 ? phases[i % 3] : 5,
			.attempts_allowed = 1,
			.give_up_after_us = 1000000,
			.run_at_us = i < 12 ? 0 : clock_now().wall_us + INT64_C(3600000000),
			.workflow_id = slice_text(workflow),
			.user_id = slice_text(user),
			.payload = slice_text(payload),
			.source = slice_text("tests")};
		assert_int_equal(spool_submit(sp, clock_now(), &t, 1, &r, NULL), ST_OK);
	}
	assert_int_equal(work(sp, 20, SETTLE_FAIL), 12);
	spool_close(sp);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	char path[128];
	snprintf(f->dir, sizeof f->dir, "/tmp/clario-bulk-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(path, sizeof path, "%s/clario.conf", f->dir);
	FILE *conf = fopen(path, "we");
	assert_non_null(conf);
	fprintf(conf,
		"[spool]\npath = %s/spool\nmap-size = 16M\n[receiver]\nintegrations-url = http://a/\n"
		"python-url = http://b/\n",
		f->dir);
	fclose(conf);
	assert_run(f, "tool init", 0, "created a spool in ");
	fill(f);
	*state = f;
	return 0;
}

static int remove_entry(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
	(void)sb;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	assert_run(f, "tool verify", 0, "the spool is sound");
	nftw(f->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static void where__mistakes_are_pointed_at(void **state)
{
	struct fixture *f = *state;
	assert_prints(f, "tool list --where 'state=failed phase=9'", 2,
		"clario-spool: --where: not a phase: 9; there are 1 to 7 and 10 to 14\n"
		"  state=failed phase=9\n"
		"                     ^\n");
	/* Characters of several bytes take one place; options come behind and move nothing. */
	assert_prints(f, "tool list --user u1 --where 'user=\xc3\xa4\xc3\xb6 age=1h'", 2,
		"clario-spool: --where: age takes < <= > >=\n"
		"  user=\xc3\xa4\xc3\xb6 age=1h user=\"u1\"\n"
		"             ^\n");
	assert_prints(f, "tool hold --where 'state=failed phase'", 2,
		"clario-spool: --where: an operator is missing after phase: = != < <= > >= ~\n"
		"  state=failed phase\n"
		"                    ^\n");
	assert_run(f, "tool list --where 'receiver=nobody'", 2, "the configuration has no receiver nobody");
	assert_run(f, "tool list --where \"error~$(printf '%02100d')\"", 2, "longer than 2048 bytes");
	assert_run(f, "tool stats --where phase=1", 2, "this command does not take that option");
	assert_run(f, "tool list --scan-limit 0", 2, "not a number of jobs");
	assert_run(f, "tool retry --where phase=1 --rate 1/d", 2, "not a rate: expected 50/s or 90/m");
	assert_run(f, "tool retry --where phase=1 01a2103f-d904-7000-8000-00005cac7b5c", 2, "give ids");
}

static void list__selects(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *args;
		size_t n; /* lines, with those of talk */
	} rows[] = {
		{"--where ''", 14},
		{"--where state=failed", 12},
		{"--where 'state=failed phase=3,7'", 8},
		{"--state failed --where 'phase!=2'", 8},
		{"--state delayed --where 'state=failed'", 0},
		{"--where 'state=failed user=u1'", 3},
		{"--user u1 --since 1h", 4},
		{"--where 'age>1h'", 0},
		{"--where 'receiver=integrations'", 8},
		{"--where 'body.amount>99 state!=delayed'", 2 + 1},
		{"--where 'error~404'", 4 + 1},
		{"--where 'run_at>now'", 2 + 1},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char args[200];
		snprintf(args, sizeof args, "tool list --json %s", rows[i].args);
		assert_run(f, args, 0, NULL);
		if (lines(f->out) != rows[i].n)
			fail_msg("%s: %zu lines: %s", rows[i].args, lines(f->out), f->out);
	}
	assert_run(f, "tool list --where 'error~404'", 0, "clario-spool: scanned 14 jobs\n");
	assert_run(f, "tool list --where 'error~\"no such\"' --scan-limit 5", 0, "scanned 14 jobs\n");
}

/* Enough of them that a scan has several pages. */
static void scans__stop_at_their_limit(void **state)
{
	struct fixture *f = *state;
	struct spool *sp = open_spool(f);
	for (int i = 0; i < 300; i++) {
		char workflow[16];
		struct receipt r;
		snprintf(workflow, sizeof workflow, "more-%d", i);
		struct trigger t = {.phase = 1,
			.attempts_allowed = 1,
			.give_up_after_us = 1000000,
			.workflow_id = slice_text(workflow),
			.user_id = slice_text("u"),
			.payload = slice_text("{}"),
			.source = slice_text("tests")};
		assert_int_equal(spool_submit(sp, clock_now(), &t, 1, &r, NULL), ST_OK);
	}
	spool_close(sp);
	assert_run(f, "tool list --json --where source=tests --scan-limit 100", 3,
		"clario-spool: scanned 100 jobs\nclario-spool: stopped there, there may be more; see "
		"--scan-limit");
	assert_int_equal(lines(f->out), 102);
	assert_run(
		f, "tool hold --where 'phase=1 source=tests' --scan-limit 100", 3, "hold: 200 done, 0 not\n");
	assert_run(f, "tool hold --dry-run --where 'source=tests' --scan-limit 100", 3,
		"there may be more than are in the plan");
}

static const char PLAN_TABLE[] = "PHASE JOBS RECEIVERS\n"
				 "    3    4 python\n"
				 "    7    4 integrations python\n"
				 "\n"
				 "RECEIVER     JOBS\n"
				 "integrations    4\n"
				 "python          8\n";

static void plan__apply__undo(void **state)
{
	struct fixture *f = *state;
	char args[300], want[1024];
	snprintf(want, sizeof want,
		"%sretry would be done to 8 jobs; 2 more are in a state that does not allow it\n"
		"within a day: clario-spool apply PLAN --reason TEXT\n",
		PLAN_TABLE);
	assert_prints(f, "tool retry --dry-run --where 'phase>=3'", 0, want);
	assert_run(f, "tool list --json --state failed", 0, NULL);
	assert_int_equal(lines(f->out), 12); /* nothing was done */
	assert_run(f, "tool plans", 0, "PLAN retry    8    8 ");
	assert_run(f, "tool plans --json", 0, "\"jobs\":8,\"unfit\":2,");
	assert_non_null(strstr(f->out,
		"\"phases\":{\"3\":4,\"7\":4},\"receivers\":{\"integrations\":4,\"python\":8},\"left\":8,"));
	snprintf(args, sizeof args, "tool apply %s", f->plan);
	assert_run(f, args, 2, "apply needs a --reason");
	/* One of them is cancelled meanwhile, and so another job than was looked at. */
	assert_run(f, "tool retry --where 'workflow=w-1' && tool cancel --where 'workflow=w-1'", 0, NULL);
	snprintf(args, sizeof args, "tool apply %s --reason 'is back'", f->plan);
	assert_prints(f, args, 3,
		"retry: 7 done, 1 changed meanwhile, 0 gone, 0 left\n"
		"undo with: clario-spool undo OPERATION\n");
	char operation[64];
	snprintf(operation, sizeof operation, "%s", f->operation);
	assert_run(f,
		"tool events --json | grep -c '\"operation\":.*\"reason\":\"is back\"\\|\"reason\":\"is "
		"back\".*\"operation\":'",
		0, "7\n");
	struct spool *sp = open_spool(f);
	assert_int_equal(work(sp, 2, SETTLE_COMPLETE), 2);
	spool_close(sp);
	snprintf(args, sizeof args, "tool undo %s --reason oops", operation);
	assert_prints(f, args, 3, "undo retry: 5 undone, 2 have moved on since\n");
	assert_run(f, "tool list --json --state failed", 0, NULL);
	assert_int_equal(lines(f->out), 4 + 5);
	assert_run(f, "tool operations", 0, "OPERATION                        ACT ");
	assert_non_null(strstr(f->out, "\nOPERATION retry  "));
	assert_non_null(strstr(f->out, "   7       1      5 operator:"));
	snprintf(args, sizeof args, "tool operations --json --limit 1");
	assert_run(f, args, 0, "\"done\":7,\"skipped\":1,\"ended\":true,");
	assert_non_null(strstr(f->out, "\"undone\":5,\"kept\":2,\"undo_ended\":true}"));
	assert_non_null(strstr(f->out, "\"where\":\"phase>=3\",\"plan\":\"PLAN\""));
	snprintf(args, sizeof args, "tool apply %s --reason x --json", f->plan);
	assert_run(f, args, 3, "\"left\":0,\"done\":7,\"changed\":1,\"gone\":0,");
}

static void direct__acts_are_operations(void **state)
{
	struct fixture *f = *state;
	char args[300];
	assert_prints(f, "tool retry --where 'phase=2 error~503' --reason x", 0,
		"retry: 4 done, 0 not\nundo with: clario-spool undo OPERATION\nclario-spool: scanned 14 "
		"jobs\n");
	snprintf(args, sizeof args, "tool undo %s", f->operation);
	assert_prints(f, args, 0, "undo retry: 4 undone, 0 have moved on since\n");
	assert_prints(f, args, 0, "undo retry: 4 undone, 0 have moved on since\n");
	assert_run(f,
		"tool list --json --state delayed | sed 's/.*\"id\":\"\\([^\"]*\\).*/\\1/' | tool run-now -",
		0, "run-now: 2 done, 0 not\nundo with: clario-spool undo OPERATION\n");
	snprintf(args, sizeof args, "tool undo %s --json", f->operation);
	assert_run(f, args, 0, "\"undone\":2,\"kept\":0,");
	assert_run(f, "tool list --json --state delayed", 0, NULL);
	assert_int_equal(lines(f->out), 2);
	/* Of ids on the command line there is no operation, but a plan can be made. */
	assert_prints(f,
		"tool hold $(tool list --json --state delayed | sed 's/.*\"id\":\"\\([^\"]*\\).*/\\1/')", 0,
		"hold: 2 done, 0 not\n");
	assert_run(f,
		"tool list --json --state held | sed 's/.*\"id\":\"\\([^\"]*\\).*/\\1/' | tool release "
		"--dry-run -",
		0, "    5    2 -\n");
	assert_prints(f, "tool release --dry-run --where state=failed", 1,
		"clario-spool: release applies to none of the 12 jobs selected\n");
	assert_run(f, "tool apply plan-20260101-000000-000000 --reason x", 1, "there is no such plan");
	assert_run(f, "tool undo operation-20260101-000000-000000", 1, "there is no such operation");
	assert_run(f, "tool undo ../../etc/passwd", 1, "there is no such operation");
	assert_run(f, "tool hold --all --dry-run --limit 3", 2, "do not go with --dry-run");
}

static void completion__knows_the_names(void **state)
{
	struct fixture *f = *state;
	static const char script[] =
		"export TOOL CONF; bash -c 'clario-spool() { \"$TOOL\" -c \"$CONF\" \"$@\"; }\n"
		"eval \"$(clario-spool completion bash)\"\n"
		"COMP_WORDS=(clario-spool apply plan-); COMP_CWORD=2; _clario_spool; echo "
		"\"(${COMPREPLY[*]})\"\n"
		"COMP_WORDS=(clario-spool undo op); _clario_spool; echo \"(${COMPREPLY[*]})\"'";
	assert_prints(f, script, 0, "()\n()\n");
	assert_run(f, "tool retry --dry-run --where phase=2 && tool hold --where state=delayed", 0, NULL);
	assert_prints(f, script, 0, "(PLAN)\n(OPERATION)\n");
}

static void completion__knows_values(void **state)
{
	struct fixture *f = *state;
	static const char script[] =
		"export TOOL CONF; bash -c 'eval \"$(\"$TOOL\" completion bash)\"\n"
		"COMP_WORDS=(clario-spool events --format cl); COMP_CWORD=3; _clario_spool; echo "
		"\"(${COMPREPLY[*]})\"\n"
		"COMP_WORDS=(clario-spool events --kinds failed,cance); _clario_spool; echo "
		"\"(${COMPREPLY[*]})\"\n"
		"COMP_WORDS=(clario-spool purge --old); COMP_CWORD=2; _clario_spool; echo "
		"\"(${COMPREPLY[*]})\"'";
	assert_prints(f, script, 0, "(cloudevents)\n(failed,cancelled)\n(--older-than)\n");
}

/* Begin in the background what takes seconds, wait for its first batches, send it a signal, and give its
 * code. */
static void assert_interrupted(
	struct fixture *f, const char *args, const char *signal, int more_than, int code, const char *has)
{
	char script[600];
	snprintf(script, sizeof script,
		"(exec \"$TOOL\" -c \"$CONF\" %s) & pid=$!\n"
		"until [ $(tool list --json --state waiting | wc -l) -gt %d ]; do sleep 0.05; done\n"
		"kill -%s $pid; wait $pid",
		args, more_than, signal);
	assert_run(f, script, code, has);
}

/* At four a second twelve jobs take three seconds: each time it ends before. */
static void interrupted__and_killed(void **state)
{
	struct fixture *f = *state;
	char args[300], again[200];
	assert_run(f, "tool retry --dry-run --where state=failed", 0, "retry would be done to 12 jobs\n");
	snprintf(again, sizeof again, "tool apply %s --reason x", f->plan);
	snprintf(args, sizeof args, "apply %s --reason x --rate 4/s", f->plan);
	assert_interrupted(f, args, "INT", 0, 3, "retry: interrupted: ");
	assert_non_null(strstr(f->out, "go on with: clario-spool apply PLAN --reason TEXT\n"));
	assert_run(f, "tool list --json --state waiting | wc -l", 0, NULL);
	assert_interrupted(f, args, "KILL", (int)strtol(f->out, NULL, 10), 137, NULL);
	assert_run(f, again, 0, "retry: 12 done, 0 changed meanwhile, 0 gone, 0 left\n");
	snprintf(args, sizeof args, "tool undo %s", f->operation);
	assert_run(f, args, 0, "undo retry: 12 undone, 0 have moved on");
	assert_interrupted(f, "retry --all --state failed --rate 4/s", "TERM", 0, 3, "retry: interrupted: ");
	assert_non_null(strstr(f->out, "undo with: clario-spool undo OPERATION\n"));
}

static void purge__by_plan_by_age_and_by_id(void **state)
{
	struct fixture *f = *state;
	assert_run(f, "tool purge --where phase=2", 2, "purge needs a --reason");
	assert_run(f, "tool purge --older-than 5 --reason x", 2, "5: not an age");
	assert_run(f, "tool purge --older-than 1h --all --reason x", 0, "purge: 0 done, 0 not\n");
	assert_run(f, "tool purge --where phase=5 --reason x", 1, "is delayed: purge does not apply\n");
	assert_non_null(strstr(f->out, "purge: 0 done, 2 not\n"));
	assert_run(f, "tool purge --where phase=2 --dry-run", 0, "purge would be done to 4 jobs\n");
	assert_run(f, "tool list --json --state failed | wc -l", 0, "12\n");
	char args[200];
	snprintf(args, sizeof args, "tool apply %s --reason 'they asked'", f->plan);
	assert_run(f, args, 0, "purge: 4 done, 0 changed meanwhile, 0 gone, 0 left\n");
	assert_null(strstr(f->out, "undo with"));
	snprintf(args, sizeof args,
		"tool undo $(tool operations --limit 1 --json | sed -n "
		"'s/.*\"operation\":\"\\([^\"]*\\).*/\\1/p')");
	assert_run(f, args, 1, "what was purged is gone: ");
	assert_run(f, "tool events --json --kinds removed", 0,
		"\"reason\":\"they asked\",\"operation\":\"OPERATION");
	assert_non_null(strstr(f->out, "\"actor\":\"operator:"));
	assert_non_null(strstr(f->out, "\"data\":{\"removed\":4,\"failed\":4,\"job_ids\":[\""));
	assert_run(f,
		"tool list --json --state failed | sed 's/{\"id\":\"\\([^\"]*\\).*/\\1/' | head -1 | "
		"tool purge --reason x -",
		0, "purge: 1 done, 0 not\n");
	assert_run(f, "tool purge --older-than 0s --state failed --reason x", 0, "purge: 7 done, 0 not\n");
	assert_run(f, "tool stats --json", 0, "\"removed_total\":12");
	assert_run(f, "tool verify", 0, "the spool is sound");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(purge__by_plan_by_age_and_by_id),
		CASE(where__mistakes_are_pointed_at),
		CASE(list__selects),
		CASE(scans__stop_at_their_limit),
		CASE(plan__apply__undo),
		CASE(direct__acts_are_operations),
		CASE(completion__knows_the_names),
		CASE(completion__knows_values),
		CASE(interrupted__and_killed),
	};
	return cmocka_run_group_tests_name("ctl_bulk", tests, NULL, NULL);
}
