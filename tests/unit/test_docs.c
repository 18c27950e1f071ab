/* tests/unit/test_docs.c: manuals and the shipped configuration against the tables that the programs run on.
 */
#include "spool/ctl/ctl.h"
#include "tests/support/unit.h"

#include <string.h>

static char *read_file(const char *path)
{
	FILE *in = fopen(path, "re");
	char *text = calloc(1, 1 << 20);
	if (!in || !text)
		fail_msg("cannot read %s", path);
	text[fread(text, 1, (1 << 20) - 1, in)] = '\0';
	fclose(in);
	return text;
}

static void assert_tells(const char *text, const char *file, const char *what)
{
	if (!strstr(text, what))
		fail_msg("%s does not tell of: %s", file, what);
}

static void shipped_configuration__has_every_row_at_its_default(void **state)
{
	(void)state;
	char *text = read_file("packaging/clario.conf");
	const char *at = text, *section = "";
	for (size_t i = 0; i < opts_rows_n; i++) {
		const struct conf_row *row = &opts_rows[i];
		char want[300];
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

static void shipped_configuration__is_valid(void **state)
{
	(void)state;
	struct opts opts;
	struct why why = WHY_INIT;
	if (opts_load("packaging/clario.conf", &opts, &why) != ST_OK)
		fail_msg("%s", why.text);
	opts_release(&opts);
}

static void manual__of_the_configuration_has_every_row(void **state)
{
	(void)state;
	char *text = read_file("packaging/clario.conf.5");
	for (size_t i = 0; i < opts_rows_n; i++) {
		char want[100];
		snprintf(want, sizeof want, ".It Cm %s\n", opts_rows[i].key);
		assert_tells(text, "clario.conf.5", want);
	}
	free(text);
}

static void manual__of_the_tool_has_every_command_and_option(void **state)
{
	(void)state;
	char *text = read_file("spool/ctl/clario-spool.8");
	for (size_t i = 0; i < commands_n; i++) {
		char want[100];
		snprintf(want, sizeof want, ".It Cm %s", commands[i].name);
		assert_tells(text, "clario-spool.8", want);
	}
	for (size_t i = 0; i < option_rows_n; i++) {
		char want[100];
		snprintf(want, sizeof want, "Fl -%s", option_rows[i].name);
		if (strcmp(option_rows[i].name, "all") == 0)
			snprintf(want, sizeof want, "Fl -all");
		assert_tells(text, "clario-spool.8", want);
	}
	free(text);
}

static void manuals__of_the_daemons_have_their_options(void **state)
{
	(void)state;
	static const char *const files[] = {"fcgi/clario-fcgi.8", "worker/clario-worker.8"};
	static const char *const options[] = {"Fl c , -config", "Fl h , -help", "Fl p , -pid-file",
		"Fl t , -test", "Fl v , -verbose", "Fl V , -version"};
	for (size_t i = 0; i < 2; i++) {
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
		cmocka_unit_test(shipped_configuration__is_valid),
		cmocka_unit_test(manual__of_the_configuration_has_every_row),
		cmocka_unit_test(manual__of_the_tool_has_every_command_and_option),
		cmocka_unit_test(manuals__of_the_daemons_have_their_options),
	};
	return cmocka_run_group_tests_name("docs", tests, NULL, NULL);
}
