/* spool/daemon.h: what clario-fcgi and clario-worker have in common from the outside: arguments, exit codes,
 * pid file. */
#ifndef SPOOL_DAEMON_H
#define SPOOL_DAEMON_H
#include "spool/base/status.h"
#include "spool/meter.h"

#include <stdbool.h>
#include <stddef.h>

/* After sysexits.h where it has a word for it; the ops tool uses the same numbers (clario-spool(8)). */
enum daemon_exit {
	DAEMON_STOPPED = 0,
	DAEMON_USAGE = 2,
	DAEMON_DAMAGED = 65,
	DAEMON_NOT_THERE = 69,
	DAEMON_SYSTEM = 71,
	DAEMON_FULL = 73,
	DAEMON_RESTART = 75, /* nothing is wrong with the configuration: start me again */
	DAEMON_DENIED = 77,
	DAEMON_CONFIG = 78,
};

struct daemon_args {
	const char *config, *pid_file;
	bool check_only, is_verbose;
};

/* The main function of a daemon: command line (-c, -p, -t, -v, -h, -V and their long forms), log,
 * configuration by load(), which is opts_load() or another of its kind; then the process gives up what it
 * does not need (base/confine.h), and run() follows, whose exit code it returns. As root it does not run
 * unless told (DAEMON_DENIED). -t prints what is in effect instead. */
struct opts;
typedef enum status (*daemon_load)(const char *file, struct opts *out, struct why *why);
typedef int (*daemon_run)(const struct opts *opts, const struct daemon_args *args);
int daemon_main(const char *program, int argc, char **argv, daemon_load load, daemon_run run);

/* A daemon's program may do other things than run: `PROGRAM [-c FILE] NAME ARGUMENT...`. run gets the
 * arguments from NAME on, for getopt, and the file given before it, or NULL; its value is the exit code. */
struct daemon_command {
	const char *name, *operands, *help;
	int (*run)(int argc, char **argv, const char *config);
};
int daemon_main_with(const char *program, int argc, char **argv, daemon_load load, daemon_run run,
	const struct daemon_command *commands, size_t commands_n);

int daemon_exit_code(enum status st);
/* meter_open(), and a line in the log where that fails: a daemon works without. */
void daemon_open_meter(const char *spool_path, enum meter_program program);
/* path NULL: nothing to do. */
NODISCARD enum status daemon_write_pid(const char *path, struct why *why);

#endif
