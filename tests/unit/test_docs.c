/* tests/unit/test_docs.c: manuals and the shipped configuration against the tables that the programs run on.
 */
#include "spool/ctl/ctl.h"
#include "spool/show.h"
#include "tests/support/unit.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

/* The source's root: the current directory, unless CLARIO_SOURCE_DIR names another. */
static void source_path(char out[512], const char *path)
{
	const char *root = getenv("CLARIO_SOURCE_DIR");
	snprintf(out, 512, "%s/%s", root && *root ? root : ".", path);
}

static char *read_file(const char *name)
{
	enum { ROOM = 1 << 20 };
	char path[512];
	source_path(path, name);
	FILE *in = fopen(path, "re");
	char *text = calloc(1, ROOM);
	if (!in || !text)
		fail_msg("cannot read %s", path);
	text[fread(text, 1, ROOM - 1, in)] = '\0';
	fclose(in);
	return text;
}

static void assert_tells(const char *text, const char *file, const char *what)
{
	if (!strstr(text, what))
		fail_msg("%s does not tell of: %s", file, what);
}

static bool is_pattern(const struct conf_row *row)
{
	return strchr(row->section, '*') != NULL;
}

static void shipped_configuration__has_every_row_at_its_default(void **state)
{
	(void)state;
	char *text = read_file("packaging/clario.conf");
	const char *at = text, *section = "";
	for (size_t i = 0; i < opts_rows_n; i++) {
		const struct conf_row *row = &opts_rows[i];
		char want[300];
		if (is_pattern(row))
			continue; /* those of the operator's own: the example tells them */
		if (strcmp(section, row->section) != 0) {
			section = row->section;
			snprintf(want, sizeof want, "\n[%s]\n", section);
			at = strstr(at, want);
			if (!at)
				fail_msg("clario.conf has no section [%s], or not in the order of the table",
					section);
		}
		if (row->def && *row->def)
			snprintf(want, sizeof want, "\n#%s = %s\n", row->key, row->def);
		else
			snprintf(want, sizeof want, "\n#%s =\n", row->key);
		at = strstr(at, want);
		if (!at)
			fail_msg("clario.conf: [%s] lacks%s", section, want);
	}
	free(text);
}

static void clean_environment(void)
{
	static const char *const names[] = {"INTEGRATIONS_URL", "PYTHON_API_URL", "PYTHON_API_JWT_SECRET",
		"INTERNAL_API_KEY", "NODE_ENV", "AMAZON_SPAPI_BASE_URL"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unsetenv(names[i]);
}

/* The whole configuration as text, secrets apart; the caller frees it. */
static char *printed(const struct opts *opts)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);
	assert_non_null(to);
	opts_print(opts, to, false);
	fclose(to);
	return text;
}

/* Is line "#key = value"? */
static bool is_shipped_value(const char *line)
{
	size_t key = strspn(line + 1, "abcdefghijklmnopqrstuvwxyz-");
	return line[0] == '#' && key > 0 && strncmp(line + 1 + key, " = ", 3) == 0;
}

/* packaging/clario.conf with every value that stands there put in force; [webhook.NAME] stands for sections
 * that are not there. */
static void write_uncommented(const char *path)
{
	char *text = read_file("packaging/clario.conf"), *rest = text;
	FILE *out = fopen(path, "we");
	bool is_pattern_section = false;
	assert_non_null(out);
	for (char *line; (line = strsep(&rest, "\n"));) {
		if (line[0] == '[' || strncmp(line, "#[", 2) == 0)
			is_pattern_section = strstr(line, ".NAME]") != NULL;
		fprintf(out, "%s\n", is_shipped_value(line) && !is_pattern_section ? line + 1 : line);
	}
	fclose(out);
	free(text);
}

static void assert_gives_defaults(const char *path)
{
	struct opts opts = {0}, defaults = {0};
	struct why why = WHY_INIT;
	if (opts_load(path, &opts, &why) != ST_OK)
		fail_msg("%s", why.text);
	assert_int_equal(opts_load("/dev/null", &defaults, &why), ST_OK);
	char *got = printed(&opts), *want = printed(&defaults);
	assert_string_equal(got, want);
	free(got);
	free(want);
	opts_release(&opts);
	opts_release(&defaults);
}

static void shipped_configuration__gives_the_defaults_commented_or_not(void **state)
{
	(void)state;
	char path[512], scratch[] = "/tmp/clario-docs-XXXXXX";
	clean_environment();
	source_path(path, "packaging/clario.conf");
	assert_gives_defaults(path);
	int fd = mkstemp(scratch);
	assert_true(fd >= 0);
	close(fd);
	write_uncommented(scratch);
	assert_gives_defaults(scratch);
	unlink(scratch);
}

/* The examples of what is the operator's own (receiver, call, webhooks), line by line after "#" and a tab. */
static void shipped_configuration__has_an_example_that_works(void **state)
{
	(void)state;
	char scratch[] = "/tmp/clario-docs-XXXXXX";
	char *text = read_file("packaging/clario.conf"), *rest = text;
	struct opts opts;
	struct why why = WHY_INIT;
	int calls[CALLS_MAX];
	clean_environment();
	FILE *out = fdopen(mkstemp(scratch), "w");
	assert_non_null(out);
	for (char *line; (line = strsep(&rest, "\n"));)
		if (strncmp(line, "#\t", 2) == 0)
			fprintf(out, "%s\n", line + 2);
	fclose(out);
	if (opts_load(scratch, &opts, &why) != ST_OK)
		fail_msg("%s", why.text);
	assert_int_equal(opts.receivers_n, RECEIVER_N + 1);
	assert_int_equal(opts_phase_calls(&opts, 3, calls), 2);
	assert_string_equal(
		opts.call[calls[1]].body, "{\"user\": ${user_id},\n\"claims\": ${payload.claims}}");
	assert_int_equal(opts.webhooks_n, 2);
	assert_true(opts_webhook_has_phase(&opts.webhooks[0], 6));
	assert_true(opts_webhook_has_phase(&opts.webhooks[1], 7));
	opts_release(&opts);
	unlink(scratch);
	free(text);
}

/* How many of the operator's own there can be is told in words. */
static void shipped_configuration__tells_the_limits(void **state)
{
	(void)state;
	char *conf = read_file("packaging/clario.conf"), *manual = read_file("packaging/clario.conf.5"),
	     want[80];
	snprintf(
		want, sizeof want, "up to %d and %d of them", CALLS_MAX - CALL_N, RECEIVERS_MAX - RECEIVER_N);
	assert_tells(conf, "clario.conf", want);
	snprintf(want, sizeof want, "up to %d of your own", CALLS_MAX - CALL_N);
	assert_tells(manual, "clario.conf.5", want);
	snprintf(want, sizeof want, "up to %d of your own", RECEIVERS_MAX - RECEIVER_N);
	assert_tells(manual, "clario.conf.5", want);
	snprintf(want, sizeof want, "for one caller, of up to %d.", CALLERS_MAX);
	assert_tells(manual, "clario.conf.5", want);
	snprintf(want, sizeof want, "up to %d", WEBHOOKS_MAX);
	assert_tells(strstr(conf, "# Webhooks: "), "clario.conf", want);
	snprintf(want, sizeof want, "Sources of webhooks, up to %d of your own", WEBHOOKS_MAX);
	assert_tells(manual, "clario.conf.5", want);
	snprintf(want, sizeof want, "At most %d, of at least", WEBHOOK_SECRETS_MAX);
	assert_tells(manual, "clario.conf.5", want);
	snprintf(want, sizeof want, "more than %d bytes", SECRET_MAX);
	assert_tells(manual, "clario.conf.5", want);
	free(conf);
	free(manual);
}

/* Every row has its help before it, in the first section that has its like. */
static void shipped_configuration__explains_every_row(void **state)
{
	(void)state;
	char *text = read_file("packaging/clario.conf");
	for (size_t i = 0; i < opts_rows_n; i++) {
		char want[300];
		if (!conf_row_has_value(&opts_rows[i]))
			continue;
		snprintf(want, sizeof want, "\n# %s\n#%s =", opts_rows[i].help, opts_rows[i].key);
		assert_tells(text, "clario.conf", want);
	}
	free(text);
}

/* The section of the manual that tells a row: phases and calls share one each. */
static void manual_section(const struct conf_row *row, char *out, size_t cap)
{
	const char *section = row->section;
	if (strncmp(section, "phase.", 6) == 0 && strcmp(row->key, "fee-rate") != 0)
		section = "phase.N";
	else if (strncmp(section, "call.", 5) == 0)
		section = "call.NAME";
	else if (strncmp(section, "receiver.", 9) == 0)
		section = "receiver.NAME";
	else if (strncmp(section, "caller.", 7) == 0)
		section = "caller.NAME";
	else if (strncmp(section, "webhook.", 8) == 0)
		section = "webhook.NAME";
	snprintf(out, cap, "\n.Ss [%s]\n", section);
}

/* What the manual says of a row, up to the next row; the caller frees it. */
static char *manual_entry(const char *text, const struct conf_row *row)
{
	char section[100], item[100];
	manual_section(row, section, sizeof section);
	snprintf(item, sizeof item, "\n.It Cm %s\n", row->key);
	const char *from = strstr(text, section);
	const char *end = from ? strstr(from + 1, "\n.S") : NULL;
	const char *at = from ? strstr(from, item) : NULL;
	if (!at || !end || at > end)
		fail_msg("clario.conf.5 does not tell of %s.%s", row->section, row->key);
	at += strlen(item) - 1;
	const char *next = strstr(at, "\n.It "), *last = strstr(at, "\n.El\n");
	return strndup(at, (size_t)((next && next < last ? next : last) - at));
}

/* "Duration, 1ms to 1d; ...": both ends are the row's own. */
static void assert_range(const char *entry, const struct conf_row *row)
{
	char low[40], high[40];
	struct opts opts = {0};
	const char *kind = strrchr(entry, '\n');
	if (row->kind == CONF_SWITCH || (row->min == 0 && row->max == 0))
		return;
	if (!kind || sscanf(kind, "\n%*[A-Za-z], %39s to %39[^;.]", low, high) != 2)
		fail_msg("clario.conf.5 tells no range of %s.%s:%s", row->section, row->key, entry);
	if (is_pattern(row))
		return; /* the entry is that of the built-in ones, whose rows have been looked at */
	const int64_t *value = (const int64_t *)((const char *)&opts + row->offset);
	assert_int_equal(conf_set(opts_rows, opts_rows_n, &opts, row->section, row->key, low, NULL), ST_OK);
	assert_int_equal(*value, row->min);
	assert_int_equal(conf_set(opts_rows, opts_rows_n, &opts, row->section, row->key, high, NULL), ST_OK);
	assert_int_equal(*value, row->max);
}

static bool is_told_in_the_table_of_calls(const struct conf_row *row)
{
	static const char *const keys[] = {
		"phase", "receiver", "method", "path", "timeout", "auth", "success"};
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (strcmp(row->key, keys[i]) == 0)
			return strncmp(row->section, "call.", 5) == 0;
	return false;
}

static void assert_default(const char *entry, const struct conf_row *row)
{
	char want[200];
	if (is_told_in_the_table_of_calls(row))
		return;
	bool by_phase = strcmp(row->key, "service-level") == 0 || strcmp(row->key, "awaited") == 0;
	int phase = by_phase ? (int)strtol(row->section + strlen("phase."), NULL, 10) : 0;
	if (phase_is_step(phase))
		snprintf(want, sizeof want, ", %s for steps.", row->def);
	else if (phase)
		snprintf(want, sizeof want, " %s for phase %d", row->def, phase);
	else if (!row->def)
		snprintf(want, sizeof want, "; unset by default.");
	else
		snprintf(want, sizeof want, "; default %s.", *row->def ? row->def : "empty");
	if (!strstr(entry, want))
		fail_msg("clario.conf.5, %s.%s: wanted \"%s\" in:%s", row->section, row->key, want, entry);
}

static void manual__of_the_configuration_has_every_row(void **state)
{
	(void)state;
	char *text = read_file("packaging/clario.conf.5");
	for (size_t i = 0; i < opts_rows_n; i++) {
		if (!conf_row_has_value(&opts_rows[i]))
			continue;
		char *entry = manual_entry(text, &opts_rows[i]);
		assert_range(entry, &opts_rows[i]);
		assert_default(entry, &opts_rows[i]);
		free(entry);
	}
	free(text);
}

static const char *call_default(const char *section, const char *key)
{
	for (size_t i = 0; i < opts_rows_n; i++)
		if (strcmp(opts_rows[i].section, section) == 0 && strcmp(opts_rows[i].key, key) == 0)
			return opts_rows[i].def;
	fail_msg("there is no %s.%s", section, key);
	return NULL;
}

static void manual__of_the_configuration_has_every_call(void **state)
{
	(void)state;
	char *text = read_file("packaging/clario.conf.5");
	struct opts opts;
	char want[300];
	assert_int_equal(opts_load("/dev/null", &opts, NULL), ST_OK);
	for (int call = 0; call < CALL_N; call++) {
		const char *name = opts.call[call].name;
		char section[40];
		snprintf(section, sizeof section, "call.%s", name);
		snprintf(want, sizeof want, "\n.It %s Ta %s Ta %s Ta %s Ta %s Ta %s Ta %s\n", name,
			call_default(section, "phase"), call_default(section, "receiver"),
			call_default(section, "method"), call_default(section, "timeout"),
			call_default(section, "auth"), call_default(section, "success"));
		assert_tells(text, "clario.conf.5", want);
		snprintf(want, sizeof want, "\n.It %s Ta %s\n", name, call_default(section, "path"));
		assert_tells(text, "clario.conf.5", want);
	}
	snprintf(want, sizeof want, "(one of your own has %s, %s, %s, %s)", call_default("call.*", "method"),
		call_default("call.*", "timeout"), call_default("call.*", "auth"),
		call_default("call.*", "success"));
	assert_tells(text, "clario.conf.5", want);
	opts_release(&opts);
	free(text);
}

static void manual__of_the_configuration_has_every_variable(void **state)
{
	(void)state;
	static const char *const names[] = {"INTEGRATIONS_URL", "PYTHON_API_URL", "PYTHON_API_JWT_SECRET",
		"INTERNAL_API_KEY", "NODE_ENV", "AMAZON_SPAPI_BASE_URL", "CREDENTIALS_DIRECTORY"};
	char *text = read_file("packaging/clario.conf.5");
	const char *environment = strstr(text, "\n.Sh ENVIRONMENT\n");
	assert_non_null(environment);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		assert_tells(environment, "clario.conf.5, ENVIRONMENT", names[i]);
	free(text);
}

/* Does text have what, and no more of a word after it? */
static bool has_word(const char *text, const char *what)
{
	for (const char *at = text; (at = strstr(at, what)); at++)
		if (strchr(" \n", at[strlen(what)]))
			return true;
	return false;
}

static void manual__of_the_tool_has_every_command_and_option(void **state)
{
	(void)state;
	char *text = read_file("spool/ctl/clario-spool.8");
	char want[100];
	for (size_t i = 0; i < commands_n; i++) {
		snprintf(want, sizeof want, "\n.It Cm %s", commands[i].name);
		if (!has_word(text, want))
			fail_msg("clario-spool.8 does not tell of the command %s", commands[i].name);
	}
	for (size_t i = 0; i < option_rows_n; i++) {
		snprintf(want, sizeof want, "Fl -%s", option_rows[i].name);
		if (!has_word(text, want))
			fail_msg("clario-spool.8 does not tell of the option --%s", option_rows[i].name);
	}
	free(text);
}

static void manual__of_the_tool_has_every_exit_code(void **state)
{
	(void)state;
	static const int codes[] = {CTL_DONE, CTL_NO, DAEMON_USAGE, CTL_PARTLY, DAEMON_DAMAGED,
		DAEMON_NOT_THERE, DAEMON_SYSTEM, DAEMON_FULL, DAEMON_RESTART, DAEMON_DENIED, DAEMON_CONFIG};
	char *text = read_file("spool/ctl/clario-spool.8");
	const char *status = strstr(text, "\n.Sh EXIT STATUS\n");
	assert_non_null(status);
	assert_int_equal(exit_rows_n, sizeof codes / sizeof *codes);
	for (size_t i = 0; i < exit_rows_n; i++) {
		char want[200];
		const char *meaning = exit_rows[i].meaning;
		assert_int_equal(exit_rows[i].code, codes[i]);
		snprintf(want, sizeof want, "\n.It %d\n%c%s", codes[i], toupper((unsigned char)*meaning),
			meaning + 1);
		assert_tells(status, "clario-spool.8, EXIT STATUS", want);
	}
	free(text);
}

/* Members as programs read them: those that show.c writes for a job and an event with everything set. */
static void assert_tells_members(const char *text, void (*show)(struct jx_writer *))
{
	struct buf line = BUF_INIT(8192);
	struct jx_writer w;
	json_t *object, *value;
	const char *key;
	jx_begin(&w, &line);
	show(&w);
	assert_int_equal(jx_parse(buf_slice(&line), 9, &object, NULL), ST_OK);
	json_object_foreach(object, key, value)
	{
		char want[60];
		snprintf(want, sizeof want, "\n.It Li %s", key);
		if (!has_word(text, want))
			fail_msg("clario-spool.8 does not tell of the member %s", key);
	}
	json_decref(object);
	buf_release(&line);
}

static void show_a_receiver(struct jx_writer *w)
{
	struct receiver_state receiver = {.name = "shop"};
	show_receiver(w, NULL, &receiver, 0);
}

static void show_a_token(struct jx_writer *w)
{
	struct token token = {.name = "shop"};
	show_token(w, &token, 0);
}

static void show_a_job(struct jx_writer *w)
{
	struct job job = {.phase = 1};
	show_job(w, &job, true, NULL);
}

static void show_an_event(struct jx_writer *w)
{
	struct slice text = slice_text("1");
	struct event event = {.job = {{1}},
		.phase = 1,
		.attempt = 1,
		.http_status = 1,
		.wait_ms = 1,
		.conn_ms = 1,
		.xfer_ms = 1,
		.actor = text,
		.reason = text,
		.name = text,
		.room = text,
		.data = text,
		.span = 1,
		.traceparent = slice_text("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
		.workflow_id = text,
		.user_id = text};
	show_event(w, &event, NULL);
}

static void manual__of_the_tool_has_every_member_and_kind(void **state)
{
	(void)state;
	char *text = read_file("spool/ctl/clario-spool.8");
	assert_tells_members(text, show_a_job);
	assert_tells_members(text, show_an_event);
	assert_tells_members(text, show_a_receiver);
	assert_tells_members(text, show_a_token);
	for (int kind = 0; kind < EVENT_KIND_N; kind++) {
		const char *name = event_kind_name((enum event_kind)kind);
		if (strcmp(name, "unknown") != 0)
			assert_tells(text, "clario-spool.8", name);
	}
	free(text);
}

static void manuals__of_the_daemons_have_their_options(void **state)
{
	(void)state;
	static const char *const files[] = {
		"fcgi/clario-fcgi.8", "fcgi/events/clario-events.8", "worker/clario-worker.8"};
	static const char *const options[] = {"Fl c , -config", "Fl h , -help", "Fl p , -pid-file",
		"Fl t , -test", "Fl v , -verbose", "Fl V , -version"};
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		char *text = read_file(files[i]);
		for (size_t k = 0; k < sizeof options / sizeof *options; k++)
			assert_tells(text, files[i], options[k]);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shipped_configuration__has_every_row_at_its_default),
		cmocka_unit_test(shipped_configuration__gives_the_defaults_commented_or_not),
		cmocka_unit_test(shipped_configuration__has_an_example_that_works),
		cmocka_unit_test(shipped_configuration__tells_the_limits),
		cmocka_unit_test(shipped_configuration__explains_every_row),
		cmocka_unit_test(manual__of_the_configuration_has_every_row),
		cmocka_unit_test(manual__of_the_configuration_has_every_call),
		cmocka_unit_test(manual__of_the_configuration_has_every_variable),
		cmocka_unit_test(manual__of_the_tool_has_every_command_and_option),
		cmocka_unit_test(manual__of_the_tool_has_every_exit_code),
		cmocka_unit_test(manual__of_the_tool_has_every_member_and_kind),
		cmocka_unit_test(manuals__of_the_daemons_have_their_options),
	};
	return cmocka_run_group_tests_name("docs", tests, NULL, NULL);
}
