/* tests/unit/golden.c: see golden.h. */
#include "tests/unit/golden.h"

#include "tests/support/unit.h"

#include <ctype.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *pattern, *with;
} rules[] = {
	{"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "ID"},
	{"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{3}Z)?", "TIME"},
	{"/tmp/clario-ctl-[A-Za-z0-9]{6}", "DIR"},
	{"_ms\":-?[0-9]+", "_ms\":N"},
	{"\"bytes_used\":[0-9]+", "\"bytes_used\":N"},
	{"[0-9]+\\.[0-9] of", "N of"},
	{"[0-9]+ % of the spool", "N % of the spool"},
	{" [0-9]+(ms|s|m|h|d)\\b", " SPAN"},
	{"  +", " "},
	{" +\n", "\n"},
};

static void replace_all(char *text, const char *pattern, const char *with)
{
	regex_t regex;
	regmatch_t m;
	size_t len = strlen(with);
	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED), 0);
	while (regexec(&regex, text, 1, &m, 0) == 0) {
		char *at = text + m.rm_so, *end = text + m.rm_eo;
		memmove(at + len, end, strlen(end) + 1);
		memcpy(at, with, len);
		text = at + len;
	}
	regfree(&regex);
}

void golden_make_alike(char *text)
{
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		replace_all(text, rules[i].pattern, rules[i].with);
}

void golden_assert(const char *name, char *text)
{
	char path[300], want[65536];
	const char *root = getenv("CLARIO_SOURCE_DIR");
	golden_make_alike(text);
	snprintf(path, sizeof path, "%s/tests/golden/ctl/%s", root ? root : ".", name);
	if (getenv("CLARIO_WRITE_GOLDEN")) {
		FILE *to = fopen(path, "we");
		assert_non_null(to);
		fputs(text, to);
		assert_int_equal(fclose(to), 0);
	}
	FILE *in = fopen(path, "re");
	if (!in)
		fail_msg("cannot read %s", path);
	want[fread(want, 1, sizeof want - 1, in)] = '\0';
	fclose(in);
	if (strcmp(want, text) != 0)
		fail_msg("%s: wanted\n%s\nbut it is\n%s", name, want, text);
}
