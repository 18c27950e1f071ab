/* spool/ctl/parse.c: the command line. Global options may stand before or after the command. */
#include "spool/base/clock.h"
#include "spool/ctl/ctl.h"

#include <ctype.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LONG_BASE = 256 };

void ctl_usage(FILE *to)
{
	fputs("usage: clario-spool [-c FILE] [-s DIR] COMMAND [OPTION...] [OPERAND...]\n\ncommands:\n", to);
	for (size_t i = 0; i < commands_n; i++)
		fprintf(to, "  %-13s%-10s %s\n", commands[i].name, commands[i].operands, commands[i].help);
	fputs("\nglobal options:\n"
	      "  -c, --config FILE   configuration (default " OPTS_FILE ")\n"
	      "  -s, --spool DIR     spool directory, instead of spool.path; to look, also a backup's file\n"
	      "  -h, --help          this text; with a command, that command's\n"
	      "  -V, --version       the version\n"
	      "\nexit codes:\n",
		to);
	for (size_t i = 0; i < exit_rows_n; i++)
		fprintf(to, "  %-13d%s\n", exit_rows[i].code, exit_rows[i].meaning);
	fputs("\nclario-spool help COMMAND lists the options of a command.\n", to);
}

void ctl_command_usage(const struct command *command, FILE *to)
{
	fprintf(to, "usage: clario-spool %s%s%s%s\n%s\n", command->name,
		command->options ? " [OPTION...]" : "", *command->operands ? " " : "", command->operands,
		command->help);
	for (size_t i = 0; i < option_rows_n; i++) {
		const struct option_row *row = &option_rows[i];
		char left[40];
		if (!(command->options & row->bit))
			continue;
		snprintf(left, sizeof left, "--%s %s", row->name, row->value ? row->value : "");
		fprintf(to, "  %-20s%s\n", left, row->help);
	}
}

static void usage_error(const struct ctl *ctl, const char *what, const char *about) __attribute__((noreturn));
static void usage_error(const struct ctl *ctl, const char *what, const char *about)
{
	fprintf(stderr, "clario-spool: %s: %s\n", about, what);
	if (ctl->command)
		ctl_command_usage(ctl->command, stderr);
	else
		fputs("see: clario-spool help\n", stderr);
	exit(DAEMON_USAGE);
}

static long parse_long(const struct ctl *ctl, const char *text, long min, long max, const char *what)
{
	char *end;
	long value = strtol(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || value < min || value > max)
		usage_error(ctl, what, text);
	return value;
}

static bool parse_span(const char *text, int64_t *us)
{
	static const struct {
		char unit;
		int64_t us;
	} units[] = {{'s', 1000000}, {'m', 60000000}, {'h', 3600000000}, {'d', 86400000000}};
	char *end;
	long long n = strtoll(text, &end, 10);
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (isdigit((unsigned char)*text) && end[0] == units[i].unit && !end[1] && n < 100000) {
			*us = n * units[i].us;
			return true;
		}
	return false;
}

static int64_t parse_time(const struct ctl *ctl, const char *text)
{
	static const char *const forms[] = {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ", "%Y-%m-%d"};
	int64_t ago_us;
	if (parse_span(text, &ago_us))
		return clock_now().wall_us - ago_us;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		struct tm tm = {0};
		const char *end = strptime(text, forms[i], &tm);
		if (end && !*end)
			return (int64_t)timegm(&tm) * 1000000;
	}
	usage_error(ctl,
		"not a time: expected 2026-11-24T10:00:00Z (UTC), 2026-11-24, or an age such as 90m, 24h, 7d",
		text);
}

/* One, or several with commas: whether the command takes so many is seen once it is known. */
static void take_phases(struct ctl *ctl, const char *value)
{
	for (const char *at = value;; at++) {
		char *end;
		long n = strtol(at, &end, 10);
		if (!isdigit((unsigned char)*at) || (*end && *end != ',') || n > STEP_LAST ||
			phase_slot((int)n) < 0)
			usage_error(ctl, "not a phase: 1-7 or 10-14", value);
		ctl->filter.phase = (int)n;
		ctl->phases |= UINT32_C(1) << phase_slot((int)n);
		if (!*end)
			return;
		at = end;
	}
}

static void take_scopes(struct ctl *ctl, const char *value)
{
	for (const char *at = value;; at++) {
		size_t len = strcspn(at, ",");
		enum scope scope;
		if (!scope_parse(slice_of(at, len), &scope))
			usage_error(ctl, "not a list of submit, read, operate", value);
		ctl->scopes |= scope;
		at += len;
		if (!*at)
			return;
	}
}

static void take_kinds(struct ctl *ctl, const char *value)
{
	struct slice bad;
	char text[64];
	ctl->events.kinds = event_kinds_parse(slice_text(value), &bad);
	if (ctl->events.kinds)
		return;
	snprintf(text, sizeof text, "%.*s", SLICE_ARG(bad));
	usage_error(ctl, "not a kind of events: see clario-spool(8)", text);
}

/* Here a span is one to come. */
static void take_expiry(struct ctl *ctl, const char *value)
{
	int64_t span_us, now_us = clock_now().wall_us;
	ctl->expires_at_us = parse_span(value, &span_us) ? now_us + span_us : parse_time(ctl, value);
	if (ctl->expires_at_us <= now_us)
		usage_error(ctl, "that is not a time to come", value);
}

static void take_filter(struct ctl *ctl, uint64_t option, const char *value)
{
	switch (option) {
	case OPTION_STATE:
		ctl->filter.has_state = job_state_parse(slice_text(value), &ctl->filter.state);
		if (!ctl->filter.has_state)
			usage_error(ctl,
				"not a state: waiting, delayed, active, completed, failed, held, cancelled",
				value);
		break;
	case OPTION_PHASE:
		take_phases(ctl, value);
		break;
	case OPTION_USER:
		ctl->filter.user_id = ctl->events.user_id = slice_text(value);
		break;
	case OPTION_WORKFLOW:
		ctl->filter.workflow_id = ctl->events.workflow_id = slice_text(value);
		break;
	case OPTION_SINCE:
		ctl->filter.since_us = parse_time(ctl, value);
		break;
	default:
		ctl->filter.until_us = parse_time(ctl, value);
		break;
	}
}

/* "50/s", "50" or "90/m". */
static int64_t parse_pace(const struct ctl *ctl, const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);
	bool is_minute = strcmp(end, "/m") == 0;
	if (!isdigit((unsigned char)*text) || n < 1 || n > 1000000 ||
		(*end && !is_minute && strcmp(end, "/s") != 0))
		usage_error(ctl, "not a rate: expected 50/s or 90/m", text);
	return (is_minute ? 60000000 : 1000000) / n;
}

/* Which events, and what they look like. */
static void take_event_option(struct ctl *ctl, uint64_t option, const char *value)
{
	switch (option) {
	case OPTION_AFTER:
		ctl->events.after_seq = (uint64_t)parse_long(ctl, value, 0, INT64_MAX, "not an event's seq");
		break;
	case OPTION_FORMAT:
		ctl->is_cloud = strcmp(value, "cloudevents") == 0;
		if (!ctl->is_cloud && strcmp(value, "json") != 0)
			usage_error(ctl, "not a format: json or cloudevents", value);
		break;
	case OPTION_KINDS:
		take_kinds(ctl, value);
		break;
	case OPTION_JOB:
		if (id_parse(slice_text(value), &ctl->events.job) != ST_OK)
			usage_error(ctl, "not a job id", value);
		break;
	default:
		break;
	}
}

static void take_option(struct ctl *ctl, uint64_t option, const char *value)
{
	switch (option) {
	case OPTION_LIMIT:
		ctl->limit = parse_long(ctl, value, 1, 1000000000, "not a number of rows");
		break;
	case OPTION_WHERE:
		ctl->where_text = value;
		break;
	case OPTION_SCAN_LIMIT:
		ctl->scan_limit = parse_long(ctl, value, 1, 1000000000, "not a number of jobs");
		break;
	case OPTION_RATE:
		ctl->pace_us = parse_pace(ctl, value);
		break;
	case OPTION_ORDER:
		ctl->filter.oldest_first = strcmp(value, "asc") == 0;
		if (!ctl->filter.oldest_first && strcmp(value, "desc") != 0)
			usage_error(ctl, "not an order: asc or desc", value);
		break;
	case OPTION_REASON:
		ctl->reason = value;
		break;
	case OPTION_RECEIVER:
		ctl->receiver = value;
		if (!receiver_name_is_valid(slice_text(value)))
			usage_error(ctl, "not the name of a receiver", value);
		break;
	case OPTION_FILE:
		ctl->file = value;
		break;
	case OPTION_URL:
		ctl->url = value;
		break;
	case OPTION_ID:
		ctl->id = value;
		break;
	case OPTION_FOR:
		if (!parse_span(value, &ctl->for_us) || ctl->for_us == 0)
			usage_error(ctl, "not a time: expected 30s, 90m, 24h, 7d", value);
		break;
	case OPTION_OLDER:
		if (!parse_span(value, &ctl->for_us))
			usage_error(ctl, "not an age: expected 24h, 7d, 90d", value);
		ctl->ended_before_us = clock_now().wall_us - ctl->for_us;
		break;
	case OPTION_SCOPE:
		take_scopes(ctl, value);
		break;
	case OPTION_EXPIRES:
		take_expiry(ctl, value);
		break;
	case OPTION_OVERLAP:
		if (!parse_span(value, &ctl->overlap_us))
			usage_error(ctl, "not a time: expected 0s, 90m, 24h, 7d", value);
		break;
	default:
		if (option & OPTION_FILTER)
			take_filter(ctl, option, value);
		else
			take_event_option(ctl, option, value);
		break;
	}
}

bool ctl_is_of_group(const struct command *command, const char *group)
{
	size_t len = strlen(group);
	return strncmp(command->name, group, len) == 0 && command->name[len] == ' ';
}

const struct command *ctl_find_command(char **words, int n, int *used)
{
	for (size_t i = 0; n > 0 && i < commands_n; i++) {
		const struct command *c = &commands[i];
		*used = strcmp(c->name, words[0]) == 0 ? 1 : 2;
		if (*used == 1 || (n > 1 && ctl_is_of_group(c, words[0]) &&
					  strcmp(c->name + strlen(words[0]) + 1, words[1]) == 0))
			return c;
	}
	return NULL;
}

/* No such command; if its first word is known, those that there are with it. */
static void refuse_command(const struct ctl *ctl, const char *word)
{
	bool is_group = false;
	for (size_t i = 0; i < commands_n; i++) {
		if (!ctl_is_of_group(&commands[i], word))
			continue;
		is_group = true;
		fprintf(stderr, "  %-13s%-10s %s\n", commands[i].name, commands[i].operands,
			commands[i].help);
	}
	usage_error(ctl, is_group ? "give one of these commands" : "there is no such command", word);
}

enum { GLOBALS = 4, LONGS_MAX = 64 };

static void fill_longs(struct option *longs)
{
	static const struct option globals[GLOBALS] = {
		{"config", required_argument, NULL, 'c'},
		{"spool", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
	};
	memcpy(longs, globals, sizeof globals);
	for (size_t i = 0; i < option_rows_n; i++)
		longs[GLOBALS + i] = (struct option){option_rows[i].name,
			option_rows[i].value ? required_argument : no_argument, NULL, LONG_BASE + (int)i};
}

/* The command is the first operand; options before it are kept until it is known. */
static void find_operands(struct ctl *ctl, int argc, char **argv, bool wants_help)
{
	if (optind < argc) {
		int used;
		ctl->command = ctl_find_command(argv + optind, argc - optind, &used);
		if (!ctl->command)
			refuse_command(ctl, argv[optind]);
		optind += used;
	}
	if (wants_help) {
		if (ctl->command)
			ctl_command_usage(ctl->command, stdout);
		else
			ctl_usage(stdout);
		exit(CTL_DONE);
	}
	if (!ctl->command) {
		ctl_usage(stderr);
		exit(DAEMON_USAGE);
	}
	ctl->args = argv + optind;
	ctl->args_n = argc - optind;
}

static void check_shape(struct ctl *ctl)
{
	const struct command *c = ctl->command;
	for (size_t i = 0; i < option_rows_n; i++)
		if (ctl->given & ~c->options & option_rows[i].bit)
			usage_error(ctl, "this command does not take that option", option_rows[i].name);
	/* only a token is for several */
	if ((ctl->phases & (ctl->phases - 1)) && !(c->options & OPTION_SCOPE))
		usage_error(ctl, "this command takes one phase", c->name);
	if (ctl->args_n < c->least)
		usage_error(ctl, "an operand is missing", c->name);
	if (c->most >= 0 && ctl->args_n > c->most)
		usage_error(ctl, "there is an operand too many", ctl->args[c->most]);
}

void ctl_parse(struct ctl *ctl, int argc, char **argv, const char **config, const char **spool_path)
{
	struct option longs[LONGS_MAX] = {0};
	bool wants_help = false;
	int c;
	fill_longs(longs);
	while ((c = getopt_long(argc, argv, "c:s:hV", longs, NULL)) != -1) {
		if (c >= LONG_BASE) {
			ctl->given |= option_rows[c - LONG_BASE].bit;
			take_option(ctl, option_rows[c - LONG_BASE].bit, optarg);
		} else if (c == 'c') {
			*config = optarg;
		} else if (c == 's') {
			*spool_path = optarg;
		} else if (c == 'h') {
			wants_help = true;
		} else if (c == 'V') {
			puts("clario-spool " CLARIO_VERSION);
			exit(CTL_DONE);
		} else {
			fputs("see: clario-spool help\n", stderr);
			exit(DAEMON_USAGE);
		}
	}
	find_operands(ctl, argc, argv, wants_help);
	check_shape(ctl);
}
