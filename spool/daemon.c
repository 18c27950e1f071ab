/* spool/daemon.c: see daemon.h. */
#include "spool/daemon.h"

#include "spool/base/confine.h"
#include "spool/base/log.h"
#include "spool/opts.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct program {
	const char *name;
	const struct daemon_command *commands;
	size_t commands_n;
};

static void print_usage(const struct program *p, FILE *to)
{
	fprintf(to, "usage: %s [-tv] [-c file] [-p pidfile]\n", p->name);
	for (size_t i = 0; i < p->commands_n; i++)
		fprintf(to, "       %s [-c file] %s %s\n", p->name, p->commands[i].name,
			p->commands[i].operands);
	fputs("  -c, --config FILE   configuration (default " OPTS_FILE ")\n"
	      "  -p, --pid-file FILE write the process id here\n"
	      "  -t, --test          check the configuration, print what is in effect, and exit\n"
	      "  -v, --verbose       log more\n"
	      "  -h, --help          this text\n"
	      "  -V, --version       the version\n",
		to);
	for (size_t i = 0; i < p->commands_n; i++)
		fprintf(to, "  %-19s %s\n", p->commands[i].name, p->commands[i].help);
}

static void take_option(const struct program *p, int c, struct daemon_args *args)
{
	switch (c) {
	case 'c':
		args->config = optarg;
		break;
	case 'p':
		args->pid_file = optarg;
		break;
	case 't':
		args->check_only = true;
		break;
	case 'v':
		args->is_verbose = true;
		break;
	case 'h':
		print_usage(p, stdout);
		exit(DAEMON_STOPPED);
	case 'V':
		printf("%s %s\n", p->name, CLARIO_VERSION);
		exit(DAEMON_STOPPED);
	default:
		print_usage(p, stderr);
		exit(DAEMON_USAGE);
	}
}

static const struct daemon_command *find_command(const struct program *p, const char *name)
{
	for (size_t i = 0; i < p->commands_n; i++)
		if (strcmp(p->commands[i].name, name) == 0)
			return &p->commands[i];
	return NULL;
}

/* Up to the command's name, if there is one: what stands behind that is its own. */
static const struct daemon_command *parse(
	const struct program *p, int argc, char **argv, struct daemon_args *args)
{
	static const struct option longs[] = {
		{"config", required_argument, NULL, 'c'},
		{"pid-file", required_argument, NULL, 'p'},
		{"test", no_argument, NULL, 't'},
		{"verbose", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	int c;
	while ((c = getopt_long(argc, argv, "+c:p:tvhV", longs, NULL)) != -1)
		take_option(p, c, args);
	if (optind == argc)
		return NULL;
	const struct daemon_command *command = find_command(p, argv[optind]);
	if (!command) {
		fprintf(stderr, "%s: %s: %s\n", p->name, argv[optind],
			p->commands_n ? "there is no such command" : "there are no operands");
		print_usage(p, stderr);
		exit(DAEMON_USAGE);
	}
	if (args->check_only || args->is_verbose || args->pid_file) {
		fprintf(stderr, "%s: only -c goes with %s\n", p->name, command->name);
		print_usage(p, stderr);
		exit(DAEMON_USAGE);
	}
	return command;
}

static int run_command(const struct daemon_command *command, int argc, char **argv, const char *config)
{
	int from = optind;
	argv[from] = argv[0]; /* whom getopt complains as */
	optind = 0;           /* getopt starts anew */
	return command->run(argc - from, argv + from, config);
}

/* After the configuration was read, which may have been handed over as a descriptor. */
static enum status confine(struct why *why)
{
	enum status st = confine_refuse_root(why);
	if (st != ST_OK)
		return st;
	confine_descriptors();
	return confine_process(why);
}

static int run_confined(
	const char *program, daemon_run run, const struct opts *opts, const struct daemon_args *args)
{
	struct why why = WHY_INIT;
	enum status st = confine(&why);
	if (st == ST_OK)
		return run(opts, args);
	fprintf(stderr, "%s: %s\n", program, why.text);
	return daemon_exit_code(st);
}

int daemon_main_with(const char *program, int argc, char **argv, daemon_load load, daemon_run run,
	const struct daemon_command *commands, size_t commands_n)
{
	const struct program p = {program, commands, commands_n};
	struct daemon_args args = {0};
	struct opts opts;
	struct why why = WHY_INIT;
	confine_standard();
	const struct daemon_command *command = parse(&p, argc, argv, &args);
	if (command)
		return run_command(command, argc, argv, args.config);
	log_open(program, args.is_verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	if (load(args.config, &opts, &why) != ST_OK) {
		fprintf(stderr, "%s: %s\n", program, why.text);
		return DAEMON_CONFIG;
	}
	opts_wipe_environment();
	int code = DAEMON_STOPPED;
	if (args.check_only)
		opts_print(&opts, stdout, false);
	else
		code = run_confined(program, run, &opts, &args);
	opts_release(&opts);
	return code;
}

int daemon_main(const char *program, int argc, char **argv, daemon_load load, daemon_run run)
{
	return daemon_main_with(program, argc, argv, load, run, NULL, 0);
}

int daemon_exit_code(enum status st)
{
	static const unsigned char codes[ST_N] = {
		[ST_OK] = DAEMON_STOPPED,
		[ST_NOTFOUND] = DAEMON_NOT_THERE,
		[ST_EXISTS] = DAEMON_CONFIG,
		[ST_INVALID] = DAEMON_CONFIG,
		[ST_CONFLICT] = DAEMON_CONFIG,
		[ST_BUSY] = DAEMON_RESTART,
		[ST_FULL] = DAEMON_FULL,
		[ST_NOSPACE] = DAEMON_FULL,
		[ST_DEEP] = DAEMON_FULL,
		[ST_NOMEM] = DAEMON_SYSTEM,
		[ST_IO] = DAEMON_SYSTEM,
		[ST_CORRUPT] = DAEMON_DAMAGED,
		[ST_VERSION] = DAEMON_CONFIG,
		[ST_DENIED] = DAEMON_DENIED,
	};
	return (unsigned)st < ST_N ? codes[st] : DAEMON_SYSTEM;
}

void daemon_open_meter(const char *spool_path, enum meter_program program)
{
	struct why why = WHY_INIT;
	if (meter_open(spool_path, program, &why) != ST_OK)
		log_warning("event=unmetered err=%s", LOG_QT(why.text));
}

enum status daemon_write_pid(const char *path, struct why *why)
{
	if (!path)
		return ST_OK;
	FILE *file = fopen(path, "we");
	if (!file)
		return why_errno(why, errno, "cannot write %s", path);
	fprintf(file, "%ld\n", (long)getpid());
	return fclose(file) == 0 ? ST_OK : why_errno(why, errno, "cannot write %s", path);
}
