/* tests/unit/test_ctl_token.c: clario-spool token as a person or a script runs it: what it prints where, what
 * it refuses, and that nothing but the moment of making tells a secret. */
#include "spool/base/jx.h"
#include "spool/model/token.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

struct fixture {
	char dir[64];
	char out[65536];
};

/* Run the tool; its exit code; what it printed into f->out. */
static int run(struct fixture *f, const char *args)
{
	char command[1024];
	const char *b = getenv("B");
	snprintf(command, sizeof command, "'%s/clario-spool' -c '%s/clario.conf' %s", b && *b ? b : "build",
		f->dir, args);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	size_t len = fread(f->out, 1, sizeof f->out - 1, pipe);
	f->out[len] = '\0';
	int code = pclose(pipe);
	assert_true(WIFEXITED(code));
	return WEXITSTATUS(code);
}

static void assert_run(struct fixture *f, const char *args, int code, const char *has)
{
	int got = run(f, args);
	if (got != code || (has && !strstr(f->out, has)))
		fail_msg("clario-spool %s: exit %d, wanted %d with \"%s\": %s", args, got, code,
			has ? has : "", f->out);
}

/* Add or rotate: standard output is the text, a line feed, and nothing else. */
static void make_text(struct fixture *f, const char *args, char text[TOKEN_TEXT_LEN + 1])
{
	char quiet[512];
	snprintf(quiet, sizeof quiet, "%s 2>'%s/talk'", args, f->dir);
	assert_run(f, quiet, 0, NULL);
	assert_int_equal(strlen(f->out), TOKEN_TEXT_LEN + 1);
	assert_int_equal(f->out[TOKEN_TEXT_LEN], '\n');
	memcpy(text, f->out, TOKEN_TEXT_LEN);
	text[TOKEN_TEXT_LEN] = '\0';
	assert_true(token_text_is_valid(slice_text(text)));
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	char path[128];
	snprintf(f->dir, sizeof f->dir, "/tmp/clario-ctl-token-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(path, sizeof path, "%s/clario.conf", f->dir);
	FILE *conf = fopen(path, "we");
	assert_non_null(conf);
	fprintf(conf, "[spool]\npath = %s/spool\nmap-size = 16M\n", f->dir);
	fclose(conf);
	assert_run(f, "init", 0, "created a spool in ");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[160];
	assert_run(f, "verify", 0, NULL);
	snprintf(command, sizeof command, "rm -rf '%s'", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static json_t *only_line(struct fixture *f)
{
	json_t *json;
	assert_run(f, "token list --json", 0, NULL);
	assert_int_equal(jx_parse(slice_text(f->out), 9, &json, NULL), ST_OK);
	return json;
}

static const char *text_of(const json_t *json, const char *member)
{
	const char *text = json_string_value(jx_get(json, member));
	return text ? text : "null";
}

static void add__prints_it_once(void **state)
{
	struct fixture *f = *state;
	char text[TOKEN_TEXT_LEN + 1], talk[128], phases[100];
	make_text(f, "token add shop --scope submit,read --phase 1,4,5,10 --user 'seller-*' --expires 90d",
		text);
	snprintf(talk, sizeof talk, "events; cat '%s/talk'", f->dir);
	assert_run(f, talk, 0, "token shop (clw_");
	assert_null(strstr(f->out, text + TOKEN_PREFIX_LEN));
	json_t *json = only_line(f);
	assert_string_equal(text_of(json, "name"), "shop");
	assert_string_equal(text_of(json, "state"), "active");
	assert_memory_equal(text_of(json, "prefix"), text, TOKEN_PREFIX_LEN);
	assert_string_equal(text_of(json, "user"), "seller-*");
	snprintf(phases, sizeof phases, "%s", strstr(f->out, "\"scopes\":"));
	assert_memory_equal(phases, "\"scopes\":[\"submit\",\"read\"],\"phases\":[1,4,5,10],",
		strlen("\"scopes\":[\"submit\",\"read\"],\"phases\":[1,4,5,10],"));
	assert_true(json_is_string(jx_get(json, "expires_at")));
	assert_true(json_is_null(jx_get(json, "revoked_at")));
	json_decref(json);
	assert_run(f, "token list", 0, "submit,read");
	assert_non_null(strstr(f->out, "1,4,5,10"));
}

static void life__as_the_tool_tells_it(void **state)
{
	struct fixture *f = *state;
	char first[TOKEN_TEXT_LEN + 1], second[TOKEN_TEXT_LEN + 1], has[64];
	make_text(f, "token add shop --scope operate", first);
	assert_run(f, "token add shop --scope read 2>&1", 1, "there is a token shop already");
	make_text(f, "token rotate shop --overlap 7d --reason 'each quarter'", second);
	assert_string_not_equal(first, second);
	json_t *json = only_line(f);
	assert_string_equal(text_of(json, "state"), "rotating");
	assert_memory_equal(text_of(json, "old_prefix"), first, TOKEN_PREFIX_LEN);
	assert_true(json_is_string(jx_get(json, "old_until")));
	json_decref(json);
	assert_run(f, "token revoke shop --reason 'it leaked' 2>&1", 0, "is revoked");
	assert_run(f, "token revoke shop 2>&1", 0, "was revoked already");
	assert_run(f, "token rotate shop 2>&1", 1, "was revoked: there is nothing to rotate");
	json = only_line(f);
	assert_string_equal(text_of(json, "state"), "revoked");
	json_decref(json);
	assert_run(f, "events", 0, "revoked: it leaked");
	assert_non_null(strstr(f->out, "rotated: each quarter"));
	snprintf(has, sizeof has, "operator:");
	assert_non_null(strstr(f->out, has));
	/* its name is free again */
	make_text(f, "token add shop --scope read", second);
	make_text(f, "token rotate shop --overlap 0s", first);
	json = only_line(f);
	assert_string_equal(text_of(json, "state"), "active");
	json_decref(json);
}

/* No secret and no digest, wherever one may look. */
static void secrets__are_nowhere(void **state)
{
	struct fixture *f = *state;
	static const char *const looks[] = {"token list", "token list --json", "events", "events --json",
		"stats", "stats --json", "list --json", "export"};
	char text[TOKEN_TEXT_LEN + 1], args[200];
	make_text(f, "token add shop --scope submit", text);
	for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
		snprintf(args, sizeof args, "%s 2>&1", looks[i]);
		assert_run(f, args, 0, NULL);
		if (strstr(f->out, text + TOKEN_PREFIX_LEN + 1))
			fail_msg("%s tells it", looks[i]);
		if (strcmp(looks[i], "export") != 0 && strstr(f->out, "digest"))
			fail_msg("%s tells a digest", looks[i]);
	}
	char grep[300];
	snprintf(grep, sizeof grep, "grep -rqF %s '%s/spool'", text + TOKEN_PREFIX_LEN + 1, f->dir);
	assert_int_not_equal(system(grep), 0);
}

static void mistakes__as_a_table(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *args;
		int code;
		const char *has;
	} rows[] = {
		{"token", 2, "give one of these commands"},
		{"token shop", 2, "token rotate"},
		{"token add", 2, "an operand is missing"},
		{"token add a b --scope read", 2, "an operand too many"},
		{"token add shop", 2, "--scope is missing"},
		{"token add 'a b' --scope read", 2, "a token's name has"},
		{"token add shop --scope", 2, "requires an argument"},
		{"token add shop --scope all", 2, "not a list of submit, read, operate"},
		{"token add shop --scope read,", 2, "not a list of submit, read, operate"},
		{"token add shop --scope read --phase 8", 2, "not a phase"},
		{"token add shop --scope read --phase 1,", 2, "not a phase"},
		{"token add shop --scope read --phase 1,,2", 2, "not a phase"},
		{"token add shop --scope read --user ''", 2, "--user"},
		{"token add shop --scope read --user 'a*b'", 2, "--user"},
		{"token add shop --scope read --expires 2020-01-01", 2, "not a time to come"},
		{"token add shop --scope read --expires 0s", 2, "not a time to come"},
		{"token add shop --scope read --expires soon", 2, "not a time"},
		{"token add shop --scope read --overlap 1h", 2, "does not take that option"},
		{"token rotate shop --overlap soon", 2, "not a time"},
		{"token rotate shop", 1, "there is no token shop"},
		{"token revoke shop", 1, "there is no token shop"},
		{"token list shop", 2, "an operand too many"},
		{"list --phase 1,2", 2, "this command takes one phase"},
		{"list --scope read", 2, "does not take that option"},
		{"help token", 0, "usage: clario-spool token revoke"},
		{"help token add", 0, "--expires TIME"},
		{"help token shop", 2, "there is no such command"},
		{"token add --help", 0, "usage: clario-spool token add [OPTION...] NAME"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char args[200];
		snprintf(args, sizeof args, "%s 2>&1", rows[i].args);
		assert_run(f, args, rows[i].code, rows[i].has);
	}
	assert_run(f, "token list --json", 0, "");
	assert_string_equal(f->out, "");
}

/* What bash offers after these words. */
static void assert_completes(struct fixture *f, const char *words, const char *want)
{
	char command[1024], got[2048];
	const char *b = getenv("B");
	snprintf(command, sizeof command,
		"bash -c 'eval \"$(\"%s/clario-spool\" completion bash)\"; COMP_WORDS=(clario-spool %s); "
		"COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _clario_spool; echo \"${COMPREPLY[*]}\"'",
		b && *b ? b : "build", words);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	got[fread(got, 1, sizeof got - 1, pipe)] = '\0';
	pclose(pipe);
	if (strcmp(got, want) != 0)
		fail_msg("%s: %s", words, got);
	(void)f;
}

static void completion__knows_both_words(void **state)
{
	struct fixture *f = *state;
	assert_completes(f, "tok", "token\n");
	assert_completes(f, "token \"\"", "add list revoke rotate\n");
	assert_completes(f, "token r", "revoke rotate\n");
	assert_completes(f, "token rotate --", "--help --reason --overlap\n");
	assert_completes(f, "token add shop --s", "--scope\n");
	assert_completes(f, "list --lim", "--limit\n");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(add__prints_it_once),
		CASE(life__as_the_tool_tells_it),
		CASE(secrets__are_nowhere),
		CASE(mistakes__as_a_table),
		CASE(completion__knows_both_words),
	};
	jx_init();
	return cmocka_run_group_tests_name("ctl token", tests, NULL, NULL);
}
