/* tests/unit/test_policy.c: `clario-worker policy`: what it prints, to the byte, and what it refuses. */
#include "tests/support/unit.h"
#include "worker/policy.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct retry_opts DEFAULT = {.attempts = 15,
	.base_ms = 2000,
	.factor_milli = 3000,
	.cap_ms = 3600000,
	.give_up_after_ms = 86400000,
	.jitter = 1};

static void assert_prints(const struct retry_opts *policy, const struct policy_ask *ask, const char *want)
{
	char *text;
	size_t len;
	FILE *to = open_memstream(&text, &len);
	assert_non_null(to);
	policy_print(policy, ask, to);
	fclose(to);
	assert_string_equal(text, want);
	free(text);
}

#define DEFAULT_TRIES                                                                                        \
	"phase 3: attempts 15, base 2s, factor 3, cap 1h, give-up-after 1d, jitter on\n"                     \
	"\n"                                                                                                 \
	"  TRY         WAIT SINCE THE FIRST  AT EARLIEST\n"                                                  \
	"    1            -              0s           0s\n"                                                  \
	"    2           2s              2s         1.5s\n"                                                  \
	"    3           6s              8s           6s\n"                                                  \
	"    4          18s             26s        19.5s\n"                                                  \
	"    5          54s           1m20s           1m\n"                                                  \
	"    6        2m42s            4m2s         3m1s\n"                                                  \
	"    7         8m6s           12m8s         9m6s\n"                                                  \
	"    8       24m18s          36m26s       27m19s\n"                                                  \
	"    9           1h        1h36m26s     1h12m19s\n"                                                  \
	"   10           1h        2h36m26s     1h57m19s\n"                                                  \
	"   11           1h        3h36m26s     2h42m19s\n"                                                  \
	"   12           1h        4h36m26s     3h27m19s\n"                                                  \
	"   13           1h        5h36m26s     4h12m19s\n"                                                  \
	"   14           1h        6h36m26s     4h57m19s\n"                                                  \
	"   15           1h        7h36m26s     5h42m19s\n"                                                  \
	"\n"                                                                                                 \
	"Then the attempts are used up.\n"                                                                   \
	"Horizon: a job lives through an outage of 7h36m26s, and of 5h42m19s whatever jitter takes.\n"

static void prints__the_tries(void **state)
{
	(void)state;
	struct policy_ask ask = {.phase = 3, .rate = 1};
	assert_prints(&DEFAULT, &ask, DEFAULT_TRIES);
}

static void prints__an_outage(void **state)
{
	(void)state;
	struct policy_ask ask = {.phase = 3, .outage_ms = 7200000, .rate = 5};
	assert_prints(&DEFAULT, &ask,
		DEFAULT_TRIES "\n"
			      "Outage of 2h, 5 jobs a second meanwhile\n"
			      "\n"
			      "A JOB OF ITS    TRIES IN VAIN  DELIVERED BY\n"
			      "beginning                   9  try 10, 36m26s after\n"
			      "middle                      8  try 9, 36m26s after\n"
			      "last moment                 1  try 2, 2s after\n"
			      "No job is lost.\n"
			      "\n"
			      "AFTER ITS END           TRIES/S\n"
			      "0s to 10s                  34.0\n"
			      "10s to 1m                  25.2\n"
			      "1m to 2m                   20.0\n"
			      "2m to 5m                   16.2\n"
			      "5m to 10m                  13.1\n"
			      "10m to 30m                  8.6\n"
			      "30m to 1h                   8.9\n"
			      "From try 9 on each wait is the cap: all jobs older than 36m26s at the "
			      "outage's end come back "
			      "within 1h of it.\n");
}

static void prints__what_is_lost(void **state)
{
	(void)state;
	static const struct retry_opts quick = {.attempts = 6,
		.base_ms = 500,
		.factor_milli = 1500,
		.cap_ms = 10000,
		.give_up_after_ms = 3000};
	struct policy_ask ask = {.phase = 12, .outage_ms = 20000, .rate = 100};
	assert_prints(&quick, &ask,
		"step 12: attempts 6, base 500ms, factor 1.5, cap 10s, give-up-after 3s, jitter off\n"
		"\n"
		"  TRY         WAIT SINCE THE FIRST  AT EARLIEST\n"
		"    1            -              0s           0s\n"
		"    2        500ms           500ms        500ms\n"
		"    3        750ms           1.25s        1.25s\n"
		"    4       1.125s          2.375s       2.375s\n"
		"\n"
		"The next would come later than give-up-after, 3s.\n"
		"Horizon: a job lives through an outage of 2.375s.\n"
		"\n"
		"Outage of 20s, 100 jobs a second meanwhile\n"
		"\n"
		"A JOB OF ITS    TRIES IN VAIN  DELIVERED BY\n"
		"beginning                   4  none: it is lost\n"
		"middle                      4  none: it is lost\n"
		"last moment                 1  try 2, 500ms after\n"
		"The jobs of its first 17.625s are lost: 1762.\n"
		"\n"
		"AFTER ITS END           TRIES/S\n"
		"0s to 10s                  23.8\n");
}

static void prints__what_jitter_may_lose(void **state)
{
	(void)state;
	struct retry_opts policy = DEFAULT;
	struct policy_ask ask = {.phase = 3, .outage_ms = 6 * 3600000, .rate = 1};
	char *text;
	size_t len;
	FILE *to = open_memstream(&text, &len);
	policy_print(&policy, &ask, to);
	fclose(to);
	assert_non_null(strstr(text, "\nNo job is lost without jitter; jobs of its first 17m40s may be, if "
				     "jitter takes its most.\n"));
	free(text);
}

static void assert_run(const char *args, int code, const char *has)
{
	char command[500], said[8192];
	const char *b = getenv("B");
	snprintf(command, sizeof command, "'%s/clario-worker' %s 2>&1", b && *b ? b : "build", args);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	said[fread(said, 1, sizeof said - 1, pipe)] = '\0';
	int got = pclose(pipe);
	if (!WIFEXITED(got) || WEXITSTATUS(got) != code || !strstr(said, has))
		fail_msg("clario-worker %s: %d, wanted %d with \"%s\": %s", args, WEXITSTATUS(got), code, has,
			said);
}

static void command__takes_the_configuration_and_its_arguments(void **state)
{
	(void)state;
	char path[] = "/tmp/clario-policy-XXXXXX", args[200];
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	dprintf(fd, "[retry]\nattempts = 4\n[phase.7]\nattempts = 2\n");
	close(fd);
	snprintf(args, sizeof args, "policy -c %s --phase 7", path);
	assert_run(args, 0, "phase 7: attempts 2, base 2s");
	snprintf(args, sizeof args, "-c %s policy --phase 10 --outage 1m --rate 2", path);
	assert_run(args, 0, "step 10: attempts 4, base 2s");
	assert_run(args, 0, "Outage of 1m, 2 jobs a second meanwhile");
	FILE *to = fopen(path, "we");
	fputs("[retry]\n", to);
	fclose(to);
	assert_run(args, 0, "step 10"); /* nothing is set */
	to = fopen(path, "we");
	fputs("[nonsense]\nx = 1\n", to);
	fclose(to);
	assert_run(args, 78, "there is no section [nonsense]");
	unlink(path);
}

static void command__refuses(void **state)
{
	(void)state;
	static const struct {
		const char *args;
		int code;
		const char *has;
	} rows[] = {
		{"policy -c /dev/null", 2, "--phase is missing"},
		{"policy -c /dev/null --phase 8", 2, "not a phase: 1-7 or 10-14"},
		{"policy -c /dev/null --phase 0", 2, "must be between 1 and 14"},
		{"policy -c /dev/null --phase x", 2, "policy.phase = x"},
		{"policy -c /dev/null --phase 3 --outage 5", 2, "expected a duration such as"},
		{"policy -c /dev/null --phase 3 --outage 0s", 2, "must be between 1ms and 365d"},
		{"policy -c /dev/null --phase 3 --rate 0", 2, "must be between 1 and 1000000"},
		{"policy -c /dev/null --phase 3 x", 2, "policy takes no operands"},
		{"policy -c /dev/null --phase", 2, "requires an argument"},
		{"policy --bogus", 2, "usage: clario-worker policy"},
		{"-t policy --phase 3", 2, "only -c goes with policy"},
		{"bogus", 2, "there is no such command"},
		{"policy --help", 0, "usage: clario-worker policy"},
		{"--help", 0, "policy --phase N [--outage DURATION] [--rate N]"},
		{"policy -c /nonexistent --phase 3", 78, "/nonexistent"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_run(rows[i].args, rows[i].code, rows[i].has);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints__the_tries),
		cmocka_unit_test(prints__an_outage),
		cmocka_unit_test(prints__what_is_lost),
		cmocka_unit_test(prints__what_jitter_may_lose),
		cmocka_unit_test(command__takes_the_configuration_and_its_arguments),
		cmocka_unit_test(command__refuses),
	};
	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
