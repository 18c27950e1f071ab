/* tests/unit/test_ctl_manual.c: what the manual of clario-spool promises: the keys that programs read, and
 * examples that run; and what its completion knows of the spool. */
#include "spool/base/jx.h"
#include "spool/ctl/ctl.h"
#include "tests/unit/ctl_fixture.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *read_manual(void)
{
	enum { MANUAL_ROOM = 1 << 20 };
	char path[300], *text = calloc(1, MANUAL_ROOM);
	const char *root = getenv("CLARIO_SOURCE_DIR");
	snprintf(path, sizeof path, "%s/spool/ctl/clario-spool.8", root ? root : ".");
	FILE *in = fopen(path, "re");
	if (!in || !text)
		fail_msg("cannot read %s", path);
	text[fread(text, 1, MANUAL_ROOM - 1, in)] = '\0';
	fclose(in);
	return text;
}

static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);
	for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
		if (!isalnum((unsigned char)at[-1]) && at[-1] != '_' && !isalnum((unsigned char)at[len]) &&
			at[len] != '_')
			return true;
	return false;
}

static void assert_keys_are_told(const char *manual, const char *command, const json_t *value)
{
	const char *key;
	size_t i;
	json_t *inner;
	if (json_is_array(value))
		json_array_foreach(value, i, inner) assert_keys_are_told(manual, command, inner);
	json_object_foreach((json_t *)value, key, inner)
	{
		if (!isdigit((unsigned char)*key) && !has_word(manual, key))
			fail_msg("the manual does not tell of %s, which %s writes", key, command);
		if (strcmp(key, "outcome") != 0 &&
			strcmp(key, "checkpoint") != 0) /* those are others' words */
			assert_keys_are_told(manual, command, inner);
	}
}

static void manual__tells_the_keys_of_all_that_is_written(void **state)
{
	struct fixture *f = *state;
	static const char *const writers[] = {"status", "shape user", "stalled", "workers", "doctor", "stats",
		"list", "events", "receivers", "callers", "token list", "explain"};
	char *manual = read_manual(), args[200];
	ctl_add_old(f, "w-stalled", true);
	ctl_add_old(f, "w-leased", false);
	for (size_t i = 0; i < sizeof writers / sizeof *writers; i++) {
		char *rest = f->out, *line;
		bool is_explain = strcmp(writers[i], "explain") == 0;
		snprintf(args, sizeof args, "%s --json %s", writers[i], is_explain ? f->ids[0] : "");
		ctl_run(f, args);
		while ((line = strsep(&rest, "\n")) && *line) {
			json_t *value = json_loads(line, 0, NULL);
			if (!value)
				fail_msg("%s writes what is no JSON: %s", writers[i], line);
			assert_keys_are_told(manual, writers[i], value);
			json_decref(value);
		}
	}
	free(manual);
}

/* What stands in a block of examples, as a shell reads it. */
static void write_examples(FILE *to, const char *manual)
{
	const char *at = strstr(manual, "\n.Sh EXAMPLES\n"), *end = at ? strstr(at + 1, "\n.Sh ") : NULL;
	bool is_literal = false;
	assert_non_null(end);
	for (at += 1; at < end; at += strcspn(at, "\n") + 1) {
		int len = (int)strcspn(at, "\n");
		is_literal =
			strncmp(at, ".Bd -literal", 12) == 0 || (is_literal && strncmp(at, ".Ed", 3) != 0);
		bool is_line = strncmp(at, ".Dl ", 4) == 0;
		if (is_line)
			at += 4, len -= 4;
		if ((!is_literal && !is_line) || at[0] == '.')
			continue;
		if (len > 2 && strncmp(at + len - 2, "\\e", 2) == 0)
			fprintf(to, "%.*s\\\n", len - 2, at);
		else
			fprintf(to, "%.*s\n", len, at);
	}
}

/* Each command of an example is one that is understood: its exit code is written down by a stand-in. */
static void manual__has_examples_that_run(void **state)
{
	struct fixture *f = *state;
	char path[300], command[800], line[300], cwd[300];
	char *manual = read_manual();
	const char *b = getenv("B");
	assert_non_null(getcwd(cwd, sizeof cwd));
	b = b && *b ? b : "build";
	snprintf(path, sizeof path, "%s/clario-spool", f->dir);
	FILE *to = fopen(path, "we");
	assert_non_null(to);
	fprintf(to,
		"#!/bin/sh\ntimeout 10 '%s%s%s/clario-spool' -c '%s/clario.conf' \"$@\"\ncode=$?\n"
		"echo \"$code $*\" >>'%s/codes'\nexit $code\n",
		*b == '/' ? "" : cwd, *b == '/' ? "" : "/", b, f->dir, f->dir);
	fclose(to);
	assert_int_equal(chmod(path, 0700), 0);
	snprintf(path, sizeof path, "%s/examples", f->dir);
	to = fopen(path, "we");
	assert_non_null(to);
	fprintf(to, "pick-ids() { echo %s; }\n", f->ids[1]);
	write_examples(to, manual);
	fclose(to);
	free(manual);
	/* a bash, for the name of that function */
	snprintf(command, sizeof command, "cd '%s' && PATH=\"$PWD:$PATH\" bash examples >out 2>&1 </dev/null",
		f->dir);
	(void)!system(command);
	snprintf(path, sizeof path, "%s/codes", f->dir);
	FILE *codes = fopen(path, "re");
	assert_non_null(codes);
	size_t n = 0;
	while (fgets(line, sizeof line, codes)) {
		int code = (int)strtol(line, NULL, 10);
		bool is_endless = code == 124 && strstr(line, "--follow");
		if (code > CTL_PARTLY ? !is_endless : code == DAEMON_USAGE)
			fail_msg("an example is not understood: exit %s", line);
		n++;
	}
	fclose(codes);
	assert_in_range(n, 15, 100);
}

static void completion__knows_ids_and_receivers(void **state)
{
	struct fixture *f = *state;
	char command[900], prefix[JOB_ID_TEXT_LEN];
	const char *b = getenv("B");
	static const char *const lines[] = {"explain", "show", "retry", "events --job"};
	b = b && *b ? b : "build";
	assert_run(f, "pause --receiver shop --reason x 2>/dev/null", 0, NULL);
	for (size_t i = 0; i <= sizeof lines / sizeof *lines; i++) {
		bool is_receiver = i == sizeof lines / sizeof *lines;
		snprintf(prefix, sizeof prefix, "%.34s", f->ids[1]);
		snprintf(command, sizeof command,
			"bash -c 'source <(%s/clario-spool completion bash)\n"
			"COMP_WORDS=(%s/clario-spool -c %s/clario.conf %s \"%s\")\n"
			"COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _clario_spool; echo \"${COMPREPLY[*]}\"'",
			b, b, f->dir, is_receiver ? "pause --receiver" : lines[i],
			is_receiver ? "sh" : prefix);
		FILE *pipe = popen(command, "r");
		assert_non_null(pipe);
		f->out[fread(f->out, 1, sizeof f->out - 1, pipe)] = '\0';
		assert_int_equal(pclose(pipe), 0);
		if (!strstr(f->out, is_receiver ? "shop" : f->ids[1]))
			fail_msg("%s: %s", is_receiver ? "--receiver" : lines[i], f->out);
	}
	assert_run(f, "resume --receiver shop --reason x", 0, NULL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, ctl_setup, ctl_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(manual__tells_the_keys_of_all_that_is_written),
		T(manual__has_examples_that_run),
		T(completion__knows_ids_and_receivers),
	};
	return cmocka_run_group_tests_name("ctl_manual", tests, NULL, NULL);
}
