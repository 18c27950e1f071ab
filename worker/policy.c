/* worker/policy.c: see policy.h. Times are taken without jitter, which only brings tries forward; what it may
 * change is said beside them. */
#include "worker/policy.h"

#include "spool/retry.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>

#define SECOND_US INT64_C(1000000)

enum { SPAN_LEN = 40 };

/* "1d2h", "7h36m26s", "1.5s", "50ms": milliseconds below a minute, whole seconds above. */
static const char *span_text(int64_t us, char out[SPAN_LEN])
{
	static const struct {
		int64_t us;
		char name;
	} units[] = {
		{86400 * SECOND_US, 'd'}, {3600 * SECOND_US, 'h'}, {60 * SECOND_US, 'm'}, {SECOND_US, 's'}};
	int len = 0;
	out[0] = '\0';
	us = (us + 999) / 1000 * 1000;
	if (us > 0 && us < SECOND_US) {
		snprintf(out, SPAN_LEN, "%" PRId64 "ms", us / 1000);
		return out;
	}
	if (us < 60 * SECOND_US && us % SECOND_US) {
		len = snprintf(out, SPAN_LEN, "%.3f", (double)us / SECOND_US);
		while (out[len - 1] == '0')
			len--;
		snprintf(out + len, SPAN_LEN - (size_t)len, "s");
		return out;
	}
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (us >= units[i].us)
			len += snprintf(out + len, SPAN_LEN - (size_t)len, "%" PRId64 "%c", us / units[i].us,
				units[i].name);
		us %= units[i].us;
	}
	return len ? out : "0s";
}

static const char *span_ms(int64_t ms, char out[SPAN_LEN])
{
	return span_text(ms * 1000, out);
}

static void print_rules(const struct retry_opts *policy, const struct policy_ask *ask, FILE *to)
{
	char base[SPAN_LEN], cap[SPAN_LEN], end[SPAN_LEN];
	fprintf(to,
		"%s %" PRId64 ": attempts %" PRId64
		", base %s, factor %g, cap %s, give-up-after %s, jitter %s\n",
		phase_word((int)ask->phase), ask->phase, policy->attempts, span_ms(policy->base_ms, base),
		(double)policy->factor_milli / 1000, span_ms(policy->cap_ms, cap),
		span_ms(policy->give_up_after_ms, end), policy->jitter ? "on" : "off");
}

static void print_tries(const struct retry_try *tries, size_t n, FILE *to)
{
	fprintf(to, "\n%5s %12s %15s %12s\n", "TRY", "WAIT", "SINCE THE FIRST", "AT EARLIEST");
	for (size_t i = 0; i < n; i++) {
		char wait[SPAN_LEN], at[SPAN_LEN], earliest[SPAN_LEN];
		fprintf(to, "%5u %12s %15s %12s\n", tries[i].attempt,
			i ? span_text(tries[i].wait_us, wait) : "-", span_text(tries[i].at_us, at),
			span_text(tries[i].earliest_us, earliest));
	}
}

static void print_horizon(
	const struct retry_opts *policy, const struct retry_try *tries, size_t n, int64_t sure_us, FILE *to)
{
	char end[SPAN_LEN], horizon[SPAN_LEN], sure[SPAN_LEN];
	if (n >= (size_t)policy->attempts)
		fprintf(to, "\nThen the attempts are used up.\n");
	else
		fprintf(to, "\nThe next would come later than give-up-after, %s.\n",
			span_ms(policy->give_up_after_ms, end));
	fprintf(to, "Horizon: a job lives through an outage of %s", span_text(tries[n - 1].at_us, horizon));
	if (sure_us < tries[n - 1].at_us)
		fprintf(to, ", and of %s whatever jitter takes", span_text(sure_us, sure));
	fputs(".\n", to);
}

/* One job that comes while so much of the outage is left. */
static void print_job(const struct retry_try *tries, size_t n, const char *when, int64_t left_us, FILE *to)
{
	char after[SPAN_LEN];
	size_t first = retry_first_after(tries, n, left_us);
	fprintf(to, "%-14s %14zu", when, first);
	if (first == n)
		fputs("  none: it is lost\n", to);
	else
		fprintf(to, "  try %u, %s after\n", tries[first].attempt,
			span_text(tries[first].at_us - left_us, after));
}

static void print_losses(
	const struct retry_try *tries, size_t n, int64_t sure_us, const struct policy_ask *ask, FILE *to)
{
	char early[SPAN_LEN];
	int64_t outage_us = ask->outage_ms * 1000, horizon_us = tries[n - 1].at_us;
	if (outage_us <= horizon_us && outage_us <= sure_us) {
		fputs("No job is lost.\n", to);
	} else if (outage_us <= horizon_us) {
		fprintf(to,
			"No job is lost without jitter; jobs of its first %s may be, if jitter takes its "
			"most.\n",
			span_text(outage_us - sure_us, early));
	} else {
		fprintf(to, "The jobs of its first %s are lost: %" PRId64 ".\n",
			span_text(outage_us - horizon_us, early),
			(outage_us - horizon_us) * ask->rate / SECOND_US);
	}
}

static int64_t longest_wait_us(const struct retry_try *tries, size_t n, int64_t outage_us)
{
	int64_t longest = 0;
	for (size_t k = 1; k < n && tries[k - 1].at_us < outage_us; k++)
		longest = tries[k].wait_us > longest ? tries[k].wait_us : longest;
	return longest;
}

static void print_load(const struct retry_try *tries, size_t n, const struct policy_ask *ask, FILE *to)
{
	static const int edges_s[] = {0, 10, 60, 120, 300, 600, 1800, 3600, 7200, 86400, 30 * 86400};
	int64_t outage_us = ask->outage_ms * 1000, longest = longest_wait_us(tries, n, outage_us);
	fprintf(to, "\n%-20s %10s\n", "AFTER ITS END", "TRIES/S");
	for (size_t i = 0; i + 1 < sizeof edges_s / sizeof *edges_s; i++) {
		char from[SPAN_LEN], until[SPAN_LEN], both[2 * SPAN_LEN];
		int64_t from_us = edges_s[i] * SECOND_US, until_us = edges_s[i + 1] * SECOND_US;
		if (from_us >= longest)
			break;
		double load = retry_load(tries, n, outage_us, from_us, until_us) * (double)ask->rate;
		snprintf(both, sizeof both, "%s to %s", span_text(from_us, from), span_text(until_us, until));
		fprintf(to, "%-20s %10.1f\n", both, load);
	}
}

/* Where waits stop growing, jobs of any age come back within one of them. */
static void print_bunching(const struct retry_opts *policy, const struct retry_try *tries, size_t n,
	const struct policy_ask *ask, FILE *to)
{
	char old[SPAN_LEN], cap[SPAN_LEN];
	for (size_t k = 1; k < n && tries[k].at_us <= (ask->outage_ms + policy->cap_ms) * 1000; k++)
		if (tries[k].wait_us == policy->cap_ms * 1000 && tries[k - 1].at_us < ask->outage_ms * 1000) {
			fprintf(to,
				"From try %u on each wait is the cap: all jobs older than %s at the outage's "
				"end come "
				"back within %s of it.\n",
				tries[k].attempt, span_text(tries[k - 1].at_us, old),
				span_ms(policy->cap_ms, cap));
			return;
		}
}

static void print_outage(const struct retry_opts *policy, const struct retry_try *tries, size_t n,
	int64_t sure_us, const struct policy_ask *ask, FILE *to)
{
	char outage[SPAN_LEN];
	int64_t outage_us = ask->outage_ms * 1000;
	fprintf(to, "\nOutage of %s, %" PRId64 " job%s a second meanwhile\n\n", span_text(outage_us, outage),
		ask->rate, ask->rate == 1 ? "" : "s");
	fprintf(to, "%-14s %14s  %s\n", "A JOB OF ITS", "TRIES IN VAIN", "DELIVERED BY");
	print_job(tries, n, "beginning", outage_us, to);
	print_job(tries, n, "middle", outage_us / 2, to);
	print_job(tries, n, "last moment", 1, to);
	print_losses(tries, n, sure_us, ask, to);
	print_load(tries, n, ask, to);
	print_bunching(policy, tries, n, ask, to);
}

void policy_print(const struct retry_opts *policy, const struct policy_ask *ask, FILE *to)
{
	struct retry_start start = {.attempts_allowed = (uint32_t)policy->attempts,
		.give_up_at_us = policy->give_up_after_ms * 1000};
	struct retry_try tries[RETRY_TRIES_MAX];
	size_t n = retry_tries(policy, &start, tries, RETRY_TRIES_MAX);
	int64_t sure_us = retry_sure_us(policy, &start);
	print_rules(policy, ask, to);
	print_tries(tries, n, to);
	print_horizon(policy, tries, n, sure_us, to);
	if (ask->outage_ms)
		print_outage(policy, tries, n, sure_us, ask, to);
}

void policy_usage(FILE *to)
{
	fputs("usage: clario-worker policy [-c file] --phase N [--outage DURATION] [--rate N]\n"
	      "  -c, --config FILE   configuration (default " OPTS_FILE ")\n"
	      "  --phase N           phase 1-7 or legacy step 10-14\n"
	      "  --outage DURATION   what becomes of jobs while the receiver is down so long: 2h, 90m\n"
	      "  --rate N            jobs a second that come meanwhile (default 1)\n"
	      "  -h, --help          this text\n",
		to);
}

#define AT(member) offsetof(struct policy_ask, member)
static const struct conf_row argument_rows[] = {
	{"policy", "phase", CONF_INT, AT(phase), PHASE_FIRST, STEP_LAST, NULL, NULL, ""},
	{"policy", "outage", CONF_DURATION, AT(outage_ms), 1, INT64_C(365) * 86400000, NULL, NULL, ""},
	{"policy", "rate", CONF_INT, AT(rate), 1, 1000000, NULL, NULL, ""},
};

static void usage_error(const char *what) __attribute__((noreturn));
static void usage_error(const char *what)
{
	fprintf(stderr, "clario-worker: %s\n", what);
	policy_usage(stderr);
	exit(DAEMON_USAGE);
}

static void parse(int argc, char **argv, const char **config, struct policy_ask *ask)
{
	static const struct option longs[] = {
		{"phase", required_argument, NULL, 0},
		{"outage", required_argument, NULL, 0},
		{"rate", required_argument, NULL, 0},
		{"config", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct why why = WHY_INIT;
	int c, at = 0;
	while ((c = getopt_long(argc, argv, "c:h", longs, &at)) != -1) {
		if (c == 'h') {
			policy_usage(stdout);
			exit(DAEMON_STOPPED);
		} else if (c == 'c') {
			*config = optarg;
		} else if (c != 0) {
			policy_usage(stderr);
			exit(DAEMON_USAGE);
		} else if (conf_set(argument_rows, sizeof argument_rows / sizeof *argument_rows, ask,
				   "policy", longs[at].name, optarg, &why) != ST_OK) {
			usage_error(why.text);
		}
	}
	if (optind < argc)
		usage_error("policy takes no operands");
	if (ask->phase == 0)
		usage_error("--phase is missing");
	if (phase_slot((int)ask->phase) < 0)
		usage_error("not a phase: 1-7 or 10-14");
}

int policy_main(int argc, char **argv, const char *config)
{
	struct policy_ask ask = {.rate = 1};
	struct opts opts;
	struct why why = WHY_INIT;
	parse(argc, argv, &config, &ask);
	if (opts_load(config, &opts, &why) != ST_OK) {
		fprintf(stderr, "clario-worker: %s\n", why.text);
		return DAEMON_CONFIG;
	}
	struct retry_opts policy = opts_retry(&opts, (int)ask.phase);
	policy_print(&policy, &ask, stdout);
	opts_release(&opts);
	return fflush(stdout) == 0 ? DAEMON_STOPPED : DAEMON_SYSTEM;
}
