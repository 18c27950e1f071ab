/* tests/fuzz/fuzz_where.c: a selection and, behind a newline, a payload to try it on. It is taken, or refused
 * with words and a place within it; = and != never agree. */
#include "tests/fuzz/fuzz.h"

#include "spool/where.h"

#include <string.h>

const char *const fuzz_seeds[] = {
	"phase=7 state=failed age>1h error~\"503\" body.amount>100\n{\"amount\":\"120.50\"}",
	"state=failed,held phase!=3 user=u-1 workflow=w source=s key=k "
	"id=01a2103f-d904-7000-8000-00005cac7b5c\n",
	"attempts>=3 run_at<2026-11-24T10:00:00.5Z priority<3 wait>1h30m crashes=0 started>+2h "
	"finished<now\n",
	"error~\"a \\\"b\\\" \\\\ \\n\" body.a.0.b=1.50e3,true\n{\"a\":[{\"b\":\"\\u0061\\ud83d\\ude00\"}]}",
	"body.x!=-0.001\n{\"x\":-1E-3,\"\\u0078\":[{},[\"]\"]]}",
	NULL,
};

/* The same with each = turned into != and the reverse. */
static void check_opposites(struct where *w, const struct job *job)
{
	for (size_t i = 0; i < w->n; i++) {
		struct where one = *w;
		one.n = 1;
		one.terms[0] = w->terms[i];
		if (one.terms[0].op != WHERE_IS && one.terms[0].op != WHERE_IS_NOT)
			continue;
		bool before = where_matches(&one, job);
		one.terms[0].op = one.terms[0].op == WHERE_IS ? WHERE_IS_NOT : WHERE_IS;
		one.terms[0].mask = ~one.terms[0].mask;
		must(where_matches(&one, job) != before);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct where w;
	static struct mask *mask;
	const char *text = (const char *)data, *end = size ? memchr(text, '\n', size) : NULL;
	size_t len = end ? (size_t)(end - text) : size, at;
	if (!mask)
		must(mask_new(MASK_DEFAULT_FIELDS ", /in/list/0", &mask, NULL) == ST_OK);
	struct where_env env = {.now_us = INT64_C(1790000000000000), .mask = size % 2 ? mask : NULL};
	struct why why = WHY_INIT;
	struct job job = {.phase = 7, .state = JOB_FAILED, .error = slice_text("answered 503")};
	/* A copy of its own, so that a look beyond its end is one. */
	char *payload = malloc(size - len + 1);
	must(payload);
	if (end)
		memcpy(payload, end + 1, size - len - 1);
	job.payload = slice_of(payload, end ? size - len - 1 : 0);
	if (where_parse(slice_of(text, len), &env, &w, &at, &why) != ST_OK) {
		must(why.text[0] != '\0' && at <= len);
	} else {
		struct job_filter filter = {0};
		where_narrow(&w, &filter);
		bool matches = where_matches(&w, &job);
		must(!matches || !filter.nothing);
		must(!matches || !filter.test || filter.test(filter.test_arg, &job));
		check_opposites(&w, &job);
	}
	free(payload);
	return 0;
}
