/* spool/daemon.c: see daemon.h. */
#include "spool/daemon.h"

#include "spool/base/log.h"
#include "spool/opts.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void print_usage(const char *program, FILE *to)
{
	fprintf(to,
		"usage: %s [-tv] [-c file] [-p pidfile]\n"
		"  -c, --config FILE   configuration (default " OPTS_FILE ")\n"
		"  -p, --pid-file FILE write the process id here\n"
		"  -t, --test          check the configuration, print what is in effect, and exit\n"
		"  -v, --verbose       log more\n"
		"  -h, --help          this text\n"
		"  -V, --version       the version\n",
		program);
}

static void take_option(const char *program, int c, struct daemon_args *args)
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
		print_usage(program, stdout);
		exit(DAEMON_STOPPED);
	case 'V':
		printf("%s %s\n", program, CLARIO_VERSION);
		exit(DAEMON_STOPPED);
	default:
		print_usage(program, stderr);
		exit(DAEMON_USAGE);
	}
}

static struct daemon_args parse(const char *program, int argc, char **argv)
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
	struct daemon_args args = {0};
	int c;
	while ((c = getopt_long(argc, argv, "c:p:tvhV", longs, NULL)) != -1)
		take_option(program, c, &args);
	if (optind < argc) {
		fprintf(stderr, "%s: %s: there are no operands\n", program, argv[optind]);
		print_usage(program, stderr);
		exit(DAEMON_USAGE);
	}
	return args;
}

int daemon_main(const char *program, int argc, char **argv, daemon_load load, daemon_run run)
{
	struct daemon_args args = parse(program, argc, argv);
	struct opts opts;
	struct why why = WHY_INIT;
	log_open(program, args.is_verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	if (load(args.config, &opts, &why) != ST_OK) {
		fprintf(stderr, "%s: %s\n", program, why.text);
		return DAEMON_CONFIG;
	}
	int code = DAEMON_STOPPED;
	if (args.check_only)
		opts_print(&opts, stdout, false);
	else
		code = run(&opts, &args);
	opts_release(&opts);
	return code;
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
