/* tests/unit/test_ctl.c: clario-spool as a person or a script runs it: output, exit codes, refusals. */
#include "spool/base/jx.h"
#include "tests/unit/ctl_fixture.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void init__once(void **state)
{
	struct fixture *f = *state;
	assert_run(f, "init 2>&1", 1, "there is a spool in ");
	assert_run(f, "init --if-missing 2>&1", 0, "there is a spool in ");
}

static void refusals__have_their_codes(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *args;
		int code;
		const char *has;
	} rows[] = {
		{"2>&1", 2, "usage: clario-spool"},
		{"bogus 2>&1", 2, "there is no such command"},
		{"list --bogus 2>&1", 2, "bogus"},
		{"list --reason x 2>&1", 2, "this command does not take that option"},
		{"list extra 2>&1", 2, "an operand too many"},
		{"list --state waitin 2>&1", 2, "not a state"},
		{"list --phase 8 2>&1", 2, "not a phase"},
		{"list --since yesterday 2>&1", 2, "not a time"},
		{"list --limit 0 2>&1", 2, "not a number"},
		{"list --order up 2>&1", 2, "not an order"},
		{"show 2>&1", 2, "an operand is missing"},
		{"show nonsense 2>&1", 2, "not a job id"},
		{"show 00000000-0000-7000-8000-000000000000 2>&1", 1, "there is no such job"},
		{"workflow unheard-of", 1, NULL},
		{"workflow unheard-of --json", 1, NULL},
		{"cancel nonsense 2>&1", 1, "0 done, 1 not"},
		{"cancel --all 00000000-0000-7000-8000-000000000000 2>&1", 2, "give ids"},
		{"list --json --state 2>&1", 2, "requires an argument"},
		{"stats --state failed 2>&1", 2, "this command does not take that option"},
		{"init --json 2>&1", 2, "this command does not take that option"},
		{"init --all 2>&1", 2, "this command does not take that option"},
		{"workflow 2>&1", 2, "an operand is missing"},
		{"pause --phase 9 2>&1", 2, "not a phase"},
		{"events --after -1 2>&1", 2, "not an event's seq"},
		{"events --job x 2>&1", 2, "not a job id"},
		{"retry 2>&1", 2, "give ids"},
		{"retry --state failed 2>&1", 2, "give ids"},
		{"retry 00000000-0000-7000-8000-000000000000 2>&1", 1, "there is no such job"},
		{"completion zsh 2>&1", 2, "only bash"},
		{"help bogus 2>&1", 2, "no such command"},
		{"-s /nonexistent stats 2>&1", 69, "clario-spool init"},
		{"-c /nonexistent stats 2>&1", 78, "/nonexistent"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_run(f, rows[i].args, rows[i].code, rows[i].has);
	ctl_write_conf(f, "32M");
	assert_run(f, "stats 2>&1", 78, "spool.map-size = 16777216");
}

static void list__table_and_json_lines(void **state)
{
	struct fixture *f = *state;
	assert_run(f, "list", 0, "ID ");
	assert_int_equal(count_lines(f->out), 5);
	assert_non_null(strstr(f->out, "waiting (behind)"));
	assert_run(f, "list --json", 0, f->ids[3]);
	assert_int_equal(count_lines(f->out), 4);
	char *rest = f->out;
	for (char *line; (line = strsep(&rest, "\n")) && *line;) {
		json_t *job = json_loads(line, 0, NULL);
		assert_non_null(job);
		json_decref(job);
	}
	assert_run(f, "list --json --user bob --phase 3", 0, f->ids[2]);
	assert_int_equal(count_lines(f->out), 1);
	assert_run(f, "list --json --state failed --since 1h", 0, f->ids[0]);
	assert_run(f, "list --json --until 2001-01-01", 0, "");
	assert_int_equal(count_lines(f->out), 0);
	assert_run(f, "list --json --limit 2 --order asc", 0, f->ids[1]);
	assert_int_equal(count_lines(f->out), 2);
}

static void show__masks_what_looks_secret(void **state)
{
	struct fixture *f = *state;
	assert_run_id(f, "show --json", 0, 0, "\"outcome\":{\"data\":{\"api_key\":\"***\"}}");
	assert_null(strstr(f->out, "hush"));
	assert_run_id(f, "show --json --reveal", 0, 0, "\"outcome\":{\"data\":{\"api_key\":\"hush\"}}");
	assert_non_null(strstr(f->out, "\"payload\":{\"user_id\":\"x\",\"token\":\"hush\"}"));
	assert_run_id(f, "show", 0, 0, "answered 404");
	assert_null(strstr(f->out, "hush"));
	assert_non_null(strstr(f->out, "failed"));
	assert_non_null(strstr(f->out, "events\n"));
	assert_run_id(f, "show --reveal", 0, 0, "hush");
	assert_run_id(f, "show --json", 2, 0, f->ids[1]); /* whom it is behind */
	assert_null(strstr(f->out, "hush"));
	json_t *job = json_loads(f->out, 0, NULL);
	assert_non_null(job);
	json_decref(job);
}

static void workflow_and_events__tell_the_story(void **state)
{
	struct fixture *f = *state;
	assert_run(f, "workflow w-line", 0, "timeline");
	assert_run(f, "workflow w-line --json", 0, "\"kind\":\"accepted\"");
	assert_int_equal(count_lines(f->out), 4);
	assert_run(f, "events --json", 0, "\"seq\":1,");
	assert_int_equal(count_lines(f->out), 6);
	assert_run(f, "events --json --after 4 --limit 1", 0, "\"seq\":5,");
	assert_int_equal(count_lines(f->out), 1);
	assert_run(f, "events --user ann", 0, "failed");
	assert_run_id(f, "events --json --job", 3, 0, "\"to\":\"delayed\"");
	assert_run(f, "events --follow --limit 6", 0, "accepted");
	assert_int_equal(count_lines(f->out), 6);
}

static void stats__as_table_and_json(void **state)
{
	struct fixture *f = *state;
	assert_run(f, "stats", 0, "accepted ever: 4");
	assert_run(f, "stats --json", 0,
		"\"waiting\":2,\"delayed\":1,\"active\":0,\"completed\":0,\"failed\":1,");
	json_t *stats = json_loads(f->out, 0, NULL);
	assert_int_equal(json_integer_value(jx_path(stats, "phases.7.delayed")), 1);
	json_decref(stats);
}

static void steering__one_some_all(void **state)
{
	struct fixture *f = *state;
	char args[300];
	assert_run_id(f, "hold", 1, 0, "1 done, 0 not");
	assert_run_id(f, "hold", 1, 1, "is held: hold does not apply");
	assert_run_id(f, "release", 1, 0, "1 done");
	assert_run_id(f, "run-now", 3, 0, "1 done");
	assert_run_id(f, "retry --reason 'is back'", 0, 0, "1 done");
	assert_run_id(f, "events --job", 0, 0, "is back");
	assert_non_null(strstr(f->out, "[operator:"));
	snprintf(args, sizeof args, "cancel %s 00000000-0000-7000-8000-000000000000 2>&1", f->ids[0]);
	assert_run(f, args, 3, "1 done, 1 not");
	assert_run(f, "cancel --all --workflow w-line --json 2>&1", 0, "\"state\":\"cancelled\"");
	assert_non_null(strstr(f->out, "cancel: 2 done, 0 not"));
	snprintf(args, sizeof args, "retry - <<END 2>&1\n%s\n\n%s\nEND", f->ids[1], f->ids[2]);
	assert_run(f, args, 0, "retry: 2 done, 0 not");
	assert_run(f, "retry --all --state completed 2>&1", 0, "0 done, 0 not");
	assert_run(f, "hold --all --user bob --phase 2 --json 2>&1", 0,
		"\"done\":true,\"state\":\"held\",\"status\":\"ok\"");
	assert_run(f, "list --json --state held", 0, f->ids[1]);
	assert_int_equal(count_lines(f->out), 1);
	assert_run(f, "cancel --all --state waiting --limit 1 2>&1", 0, "1 done, 0 not");
}

/* A job with all the tries of the default policy before it, due at the beginning of 2035. */
static void show__tells_the_tries_to_come(void **state)
{
	struct fixture *f = *state;
	struct spool *sp = ctl_open_spool(f);
	struct trigger t = {.phase = 3,
		.run_at_us = INT64_C(2051222400000000),
		.attempts_allowed = 15,
		.give_up_after_us = INT64_C(86400000000),
		.workflow_id = slice_text("w-horizon"),
		.user_id = slice_text("ann"),
		.payload = slice_text("{}"),
		.source = slice_text("tests")};
	struct receipt r;
	assert_int_equal(spool_submit(sp, clock_now(), &t, 1, &r, NULL), ST_OK);
	id_text(r.id, f->ids[3]);
	spool_close(sp);
	assert_run_id(f, "show --json", 3, 0,
		",\"payload\":{},\"horizon\":{\"tries_left\":15,\"next_tries\":["
		"{\"attempt\":1,\"at\":\"2035-01-01T00:00:00.000Z\",\"earliest\":\"2035-01-01T00:00:00."
		"000Z\"},"
		"{\"attempt\":2,\"at\":\"2035-01-01T00:00:02.000Z\",\"earliest\":\"2035-01-01T00:00:01."
		"500Z\"},"
		"{\"attempt\":3,\"at\":\"2035-01-01T00:00:08.000Z\",\"earliest\":\"2035-01-01T00:00:06."
		"000Z\"},"
		"{\"attempt\":4,\"at\":\"2035-01-01T00:00:26.000Z\",\"earliest\":\"2035-01-01T00:00:19."
		"500Z\"},"
		"{\"attempt\":5,\"at\":\"2035-01-01T00:01:20.000Z\",\"earliest\":\"2035-01-01T00:01:00."
		"000Z\"}],"
		"\"last_try_at\":\"2035-01-01T07:36:26.000Z\",\"sure_until\":\"2035-01-01T05:42:19.500Z\"}}"
		"\n");
	assert_run_id(f, "show", 3, 0,
		"next tries       try 1, 2035-01-01 00:00:00\n"
		"                 try 2, 2035-01-01 00:00:02\n");
	assert_non_null(strstr(f->out, "                 and 10 more\n"
				       "last             try 15, 2035-01-01 07:36:26; not before "
				       "2035-01-01 05:42:19, whatever jitter takes\n"));
	assert_run_id(f, "show --json", 1, 0, "\"horizon\":{\"tries_left\":1,");
	assert_run_id(f, "show --json", 0, 0, ",\"horizon\":null}"); /* it has ended */
	assert_run_id(f, "show", 0, 0, "answered 404");
	assert_null(strstr(f->out, "next tries"));
}

static void steering__again_needs_a_reason(void **state)
{
	struct fixture *f = *state;
	assert_run_id(f, "retry --again", 0, 2, "--again needs a --reason");
	assert_run_id(f, "retry --again --reason ''", 0, 2, "--again needs a --reason");
	assert_run_id(f, "cancel --again --reason x", 0, 2, "this command does not take that option");
	assert_run_id(f, "retry --again --reason 'they lost it'", 1, 1, "is waiting: retry does not apply");
	assert_run_id(f, "retry --again --reason 'they lost it'", 0, 0, "1 done, 0 not");
	assert_run_id(f, "events --json --job", 0, 0, "\"kind\":\"replayed\"");
	assert_non_null(strstr(f->out, "\"from\":\"failed\",\"to\":\"waiting\""));
	assert_non_null(strstr(f->out, "\"actor\":\"operator:"));
	assert_non_null(strstr(f->out, "\"reason\":\"they lost it\""));
}

static void events__of_kinds_and_behind_a_seq(void **state)
{
	struct fixture *f = *state;
	assert_run(f, "events --json", 0, "\"kind\":\"failed\"");
	size_t all = count_lines(f->out);
	assert_run(f, "events --json --kinds accepted", 0, "\"kind\":\"accepted\"");
	assert_int_equal(count_lines(f->out), 4);
	assert_run(f, "events --format json --kinds claimed,failed", 0, "\"kind\":\"claimed\"");
	assert_int_equal(count_lines(f->out), 2);
	assert_run(f, "events --json --kinds failed --after 3", 0, NULL);
	assert_string_equal(f->out, "");
	assert_run(f, "events --json --limit 2", 0, NULL);
	assert_run(f, "events --json --after 2", 0, NULL);
	assert_int_equal(count_lines(f->out), all - 2);
	assert_run(f, "events --kinds failed,nonsense 2>&1", 2, "nonsense: not a kind of events");
	assert_run(f, "events --kinds '' 2>&1", 2, "not a kind of events");
	assert_run(f, "events --format xml 2>&1", 2, "xml: not a format: json or cloudevents");
}

/* As https://github.com/cloudevents/spec, JSON format 1.0, has them. */
static void events__as_cloudevents(void **state)
{
	struct fixture *f = *state;
	char want[600];
	assert_run(f, "pause --receiver shop --reason 'they migrate' 2>&1", 0, NULL);
	assert_run(f, "events --format cloudevents --kinds failed", 0, NULL);
	snprintf(want, sizeof want,
		"\"type\":\"clario.workflow.failed\",\"subject\":\"jobs/%s\",\"time\":\"20", f->ids[0]);
	assert_int_equal(count_lines(f->out), 1);
	assert_ptr_equal(strstr(f->out, "{\"specversion\":\"1.0\",\"id\":\"3\",\"source\":\"//"), f->out);
	assert_non_null(strstr(f->out, want));
	assert_non_null(
		strstr(f->out, "\"datacontenttype\":\"application/json\",\"data\":{\"seq\":3,\"at\":\"20"));
	assert_run(f, "events --format cloudevents --kinds paused", 0, "\"subject\":\"receivers/shop\"");
	char path[128];
	snprintf(path, sizeof path, "%s/clario.conf", f->dir);
	FILE *conf = fopen(path, "ae");
	assert_non_null(conf);
	fputs("[events]\nsource = https://ops.example.net/clario\n", conf);
	fclose(conf);
	assert_run(f, "events --format cloudevents --limit 1", 0,
		"\"id\":\"1\",\"source\":\"https://ops.example.net/clario\"");
}

static void cloudevents__source_must_be_a_uri(void **state)
{
	struct fixture *f = *state;
	char path[128];
	snprintf(path, sizeof path, "%s/clario.conf", f->dir);
	FILE *conf = fopen(path, "ae");
	assert_non_null(conf);
	fputs("[events]\nsource = two words\n", conf);
	fclose(conf);
	assert_run(f, "events 2>&1", 78, "events.source: not a URI");
}

static void pause__and_resume(void **state)
{
	struct fixture *f = *state;
	assert_run(f, "pause --phase 3", 0, "paused phase 3");
	assert_run(f, "stats", 0, "paused");
	assert_run(f, "pause", 0, "paused all phases");
	assert_run(f, "resume", 0, "resumed all phases");
	assert_run(f, "stats --json", 0, NULL);
	assert_null(strstr(f->out, "\"paused\":true"));
}

/* A worker that had calls. */
static void report_calls(struct fixture *f, uint32_t ok, uint32_t failed)
{
	static const struct breaker_policy policy = {.window_us = 60000000,
		.least_calls = 10,
		.failed_percent = 50,
		.open_us = 3600000000,
		.in_flight = 8};
	struct receiver_report w = {.name = "shop", .policy = &policy, .ok = ok, .failed = failed};
	struct claim_ask ask = {.owner = "tests:1", .reports = &w, .reports_n = 1};
	struct settlement s = {.id = {{1}}, .kind = SETTLE_RENEW};
	struct spool *sp = ctl_open_spool(f);
	size_t none;
	int64_t due;
	assert_int_equal(spool_exchange(sp, clock_now(), &s, 1, &ask, NULL, &none, &due, NULL), ST_OK);
	spool_close(sp);
}

static void receivers__as_table_and_json(void **state)
{
	struct fixture *f = *state;
	assert_run(f, "receivers", 0, NULL);
	assert_null(strstr(f->out, "shop"));
	report_calls(f, 4, 1);
	assert_run(f, "receivers", 0, "LATELY");
	assert_non_null(strstr(f->out, "shop     closed"));
	assert_non_null(strstr(f->out, "1 of 5 (20 %)"));
	report_calls(f, 0, 11);
	assert_run(f, "receivers", 0, "shop     open");
	assert_run(f, "receivers --json", 0, "{\"name\":\"shop\",\"breaker\":\"open\",\"paused\":false,");
	assert_int_equal(count_lines(f->out), 1);
	json_t *shop = json_loads(f->out, 0, NULL);
	assert_int_equal(json_integer_value(jx_path(shop, "calls_total")), 16);
	assert_int_equal(json_integer_value(jx_path(shop, "may_run")), 0);
	json_decref(shop);
	assert_run(f, "events --json", 0, "\"opened: 12 of 16 calls failed; a probe follows after 3600 s\"");
	assert_run(f, "resume --receiver shop", 0, "resumed receiver shop");
	assert_run(f, "receivers", 0, "shop     ramping");
}

static void submit_as(struct spool *sp, const char *source, const char *workflow, uint64_t max_jobs)
{
	struct receipt r;
	struct trigger t = {.phase = 2,
		.attempts_allowed = 1,
		.workflow_id = slice_text(workflow),
		.user_id = slice_text("u"),
		.payload = slice_text("{\"a\":1}"),
		.source = slice_text(source),
		.max_jobs = max_jobs};
	assert_int_equal(spool_submit(sp, clock_now(), &t, 1, &r, NULL), ST_OK);
	assert_int_equal(r.verdict, SUBMIT_ACCEPTED);
}

static void add_conf(struct fixture *f, const char *text)
{
	char path[128];
	snprintf(path, sizeof path, "%s/clario.conf", f->dir);
	FILE *conf = fopen(path, "ae");
	assert_non_null(conf);
	fputs(text, conf);
	fclose(conf);
}

static void callers__as_table_and_json(void **state)
{
	struct fixture *f = *state;
	assert_run(f, "callers", 0, NULL);
	assert_run(f, "callers --json", 0, NULL);
	assert_string_equal(f->out, ""); /* nobody's are counted */
	struct spool *sp = ctl_open_spool(f);
	submit_as(sp, "zoe", "w-1", 5);
	submit_as(sp, "amy", "w-2", 5);
	submit_as(sp, "zoe", "w-3", 5);
	spool_close(sp);
	add_conf(f, "[http]\ncaller-max-jobs = 5\n[caller.zoe]\nmax-bytes = 1k\nrate = 2.5\n"
		    "[caller.quiet]\nmax-jobs = 1\n");
	assert_run(f, "callers --json", 0,
		"{\"name\":\"amy\",\"jobs\":1,\"bytes\":7,\"max_jobs\":5}\n"
		"{\"name\":\"quiet\",\"jobs\":0,\"bytes\":0,\"max_jobs\":1}\n"
		"{\"name\":\"zoe\",\"jobs\":2,\"bytes\":14,\"max_jobs\":5,\"max_bytes\":1024,"
		"\"rate\":2.5}\n");
	assert_int_equal(count_lines(f->out), 3);
	assert_run(f, "callers", 0, "MAX JOBS");
	assert_non_null(strstr(f->out, "zoe"));
}

static void pause__a_receiver(void **state)
{
	struct fixture *f = *state;
	assert_run(f, "pause --receiver bank 2>&1", 0, "bank: no call to a receiver of that name");
	assert_non_null(strstr(f->out, "paused receiver bank\n"));
	assert_run(f, "pause --receiver shop --for 90m --reason 'they migrate'", 0,
		"paused receiver shop until 20");
	assert_run(f, "receivers", 0, "paused");
	assert_non_null(strstr(f->out, "operator:"));
	assert_run(f, "receivers --json", 0, "{\"name\":\"bank\"");
	assert_int_equal(count_lines(f->out), 2);
	assert_run(f, "events", 0, "paused         shop  they migrate  [operator:");
	report_calls(f, 0, 10);
	assert_run(f, "receivers", 0, "paused (open)");
	assert_run(f, "resume --receiver shop --reason 'they are back'", 0, "resumed receiver shop\n");
	assert_run(f, "receivers --json", 0, "\"breaker\":\"ramping\",\"paused\":false,");
	assert_run(f, "resume --receiver bank 2>&1", 0, "resumed receiver bank\n");
	assert_null(strstr(f->out, "no call"));
	assert_run(f, "receivers", 0, NULL);
	assert_null(strstr(f->out, "bank")); /* nobody called it, nobody paused it */
	static const char *const mistakes[] = {"pause --receiver 'a b'", "pause --receiver ''",
		"pause --receiver shop --phase 3", "pause --for 1h", "pause --reason x", "resume --reason x",
		"resume --receiver shop --for 1h", "pause --receiver shop --for 0s",
		"pause --receiver shop --for soon", "receivers shop"};
	for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
		char args[200];
		snprintf(args, sizeof args, "%s 2>&1", mistakes[i]);
		assert_run(f, args, 2, "clario-spool: ");
	}
}

static void help__completion__version(void **state)
{
	struct fixture *f = *state;
	assert_run(f, "help", 0, "commands:");
	assert_run(f, "--help", 0, "commands:");
	assert_run(f, "help list", 0, "--state STATE");
	assert_run(f, "list --help", 0, "usage: clario-spool list");
	assert_run(f, "--version", 0, "clario-spool ");
	assert_run(f, "completion bash | bash -n", 0, NULL);
	assert_run(f, "completion bash", 0, "complete -F _clario_spool clario-spool");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, ctl_setup, ctl_teardown)

static void care__acts_on_the_whole_spool(void **state)
{
	struct fixture *f = *state;
	char args[200];
	snprintf(args, sizeof args, "backup %s/copy.mdb", f->dir);
	assert_run(f, args, 0, "copy.mdb: ");
	assert_run(f, args, 1, NULL);
	snprintf(args, sizeof args, "verify %s/copy.mdb", f->dir);
	assert_run(f, args, 0, "the spool is sound");
	snprintf(args, sizeof args, "restore %s/copy.mdb 2>&1", f->dir);
	assert_run(f, args, 1, "is not empty");
	snprintf(args, sizeof args, "restore %s/copy.mdb --replace", f->dir);
	assert_run(f, args, 0, "the spool as it was: ");
	assert_run(f, "compact", 0, "MiB now");
	assert_run(f, "repair", 0, "set aside: 0, not found: 0, histories with a gap: 0");
	assert_run(f, "repair --json", 0, "\"jobs\":4");
	struct spool *sp = ctl_open_spool(f);
	assert_run(f, "repair 2>&1", 75, "is in use");
	spool_close(sp);
	assert_run(f, "verify --json", 0, "{\"findings\":0}");
	assert_run(f, "verify /nonexistent 2>&1", 69, "/nonexistent");
	assert_run(f, "verify /dev/null 2>&1", 65, "file: /dev/null is not a spool's data");
}

static void export__and_import_by_file_and_pipe(void **state)
{
	struct fixture *f = *state;
	char args[300];
	struct stat sb;
	assert_run(f, "export | grep -c '^{\"job\"'", 0, "4");
	snprintf(args, sizeof args, "export --reveal %s/all.jsonl", f->dir);
	assert_run(f, args, 0, NULL);
	snprintf(args, sizeof args, "%s/all.jsonl", f->dir);
	assert_int_equal(stat(args, &sb), 0);
	assert_int_equal(sb.st_mode & 0777, 0600);
	snprintf(args, sizeof args, "export %s/all.jsonl 2>&1", f->dir);
	assert_run(f, args, 1, "is there already");
	assert_run(f, "export /nonexistent/file 2>&1", 69, "cannot create /nonexistent/file.part");
	assert_run(f, "export >/dev/full 2>&1", 71, NULL);
	snprintf(args, sizeof args, "import %s/all.jsonl 2>&1", f->dir);
	assert_run(f, args, 1, "is not empty");
	snprintf(args, sizeof args, "import %s/all.jsonl --replace", f->dir);
	assert_run(f, args, 0, "jobs: 4, events: ");
	snprintf(args, sizeof args, "import - --replace --json <%s/all.jsonl", f->dir);
	assert_run(f, args, 0, "\"jobs\":4");
	assert_run(f, "import - --replace </dev/null 2>&1", 65, "ends after line 0");
	assert_run(f, "import /nonexistent --replace 2>&1", 69, "cannot open /nonexistent");
	/* Without --reveal it is for reading. */
	assert_run(f, "export", 0, "\"masked\":true");
	assert_null(strstr(f->out, "hush"));
	assert_run(f, "export --reveal", 0, "hush");
	assert_null(strstr(f->out, "\"masked\""));
	snprintf(args, sizeof args, "export %s/masked.jsonl", f->dir);
	assert_run(f, args, 0, NULL);
	snprintf(args, sizeof args, "import %s/masked.jsonl --replace 2>&1", f->dir);
	assert_run(f, args, 65, "made without --reveal");
	assert_run(f, "verify", 0, "the spool is sound");
	assert_run(f, "export --reveal", 0, "hush"); /* and what is there stays */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(init__once),
		CASE(refusals__have_their_codes),
		CASE(list__table_and_json_lines),
		CASE(show__masks_what_looks_secret),
		CASE(workflow_and_events__tell_the_story),
		CASE(stats__as_table_and_json),
		CASE(steering__one_some_all),
		CASE(show__tells_the_tries_to_come),
		CASE(steering__again_needs_a_reason),
		CASE(events__of_kinds_and_behind_a_seq),
		CASE(events__as_cloudevents),
		CASE(cloudevents__source_must_be_a_uri),
		CASE(pause__and_resume),
		CASE(receivers__as_table_and_json),
		CASE(callers__as_table_and_json),
		CASE(pause__a_receiver),
		CASE(help__completion__version),
		CASE(care__acts_on_the_whole_spool),
		CASE(export__and_import_by_file_and_pipe),
	};
	return cmocka_run_group_tests_name("ctl", tests, NULL, NULL);
}
