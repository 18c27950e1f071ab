/* spool/ctl/ctl.h: what the commands of clario-spool share: the parsed command line, the open spool, the
 * table of commands.
 *
 * One row of the table is a command: its dispatch, its usage and help, the options it takes and its
 * completion come from that row alone. */
#ifndef SPOOL_CTL_CTL_H
#define SPOOL_CTL_CTL_H
#include "spool/daemon.h"
#include "spool/opts.h"

#include <stdio.h>

/* Beside the exit codes of daemon.h. */
enum { CTL_DONE = 0, CTL_NO = 1, CTL_PARTLY = 3 };

/* Options, as bits: a command names those it takes, and any other is a usage error. */
enum ctl_option {
	OPTION_STATE = 1 << 0,
	OPTION_PHASE = 1 << 1,
	OPTION_USER = 1 << 2,
	OPTION_WORKFLOW = 1 << 3,
	OPTION_SINCE = 1 << 4,
	OPTION_UNTIL = 1 << 5,
	OPTION_LIMIT = 1 << 6,
	OPTION_ORDER = 1 << 7,
	OPTION_REASON = 1 << 8,
	OPTION_ALL = 1 << 9,
	OPTION_FOLLOW = 1 << 10,
	OPTION_AFTER = 1 << 11,
	OPTION_JOB = 1 << 12,
	OPTION_REVEAL = 1 << 13,
	OPTION_IF_MISSING = 1 << 14,
	OPTION_JSON = 1 << 15,
	OPTION_REPLACE = 1 << 16,
	OPTION_NO_VERIFY = 1 << 17,
	OPTION_RECEIVER = 1 << 18,
	OPTION_FOR = 1 << 19,
	OPTION_AGAIN = 1 << 20,
	OPTION_SCOPE = 1 << 21,
	OPTION_EXPIRES = 1 << 22,
	OPTION_OVERLAP = 1 << 23,
	OPTION_CANCEL = 1 << 24,
	OPTION_FILE = 1 << 25,
	OPTION_URL = 1 << 26,
	OPTION_ID = 1 << 27,
	OPTION_PRINT = 1 << 28,
	OPTION_FILTER =
		OPTION_STATE | OPTION_PHASE | OPTION_USER | OPTION_WORKFLOW | OPTION_SINCE | OPTION_UNTIL,
};

struct ctl {
	struct opts opts;
	const char *config; /* that was given, or NULL */
	const char *spool_path;
	struct spool *spool;
	const struct command *command;
	char **args; /* operands, after the command's name */
	int args_n;
	unsigned given; /* bits of the options that were given */
	struct job_filter filter;
	struct event_filter events;
	long limit; /* 0: none */
	const char *reason;
	const char *receiver;
	const char *file, *url, *id; /* of webhook test */
	int64_t for_us;
	uint32_t scopes, phases; /* bits of enum scope, of phase_slot() */
	int64_t expires_at_us, overlap_us;
	char actor[80];
};

/* exit.c: what each exit code means, in order; the manual tells the same. */
struct exit_row {
	int code;
	const char *meaning;
};
extern const struct exit_row exit_rows[];
extern const size_t exit_rows_n;

enum command_access { ACCESS_NONE, ACCESS_READ, ACCESS_WRITE };

struct command {
	const char *name; /* one word, or two: those that share the first belong together */
	const char *operands, *help;
	int least, most; /* operands; most -1: any number */
	enum command_access access;
	unsigned options;
	int arg; /* of the handler: a steer verb, pause or resume, what to do with a token */
	int (*run)(struct ctl *ctl);
};
extern const struct command commands[];
extern const size_t commands_n;

struct option_row {
	const char *name, *value; /* value NULL: a switch */
	const char *help;
	enum ctl_option bit;
};
extern const struct option_row option_rows[];
extern const size_t option_rows_n;

/* parse.c: the command line into *ctl. Ends the process for help, version and mistakes. */
void ctl_parse(struct ctl *ctl, int argc, char **argv, const char **config, const char **spool_path);
void ctl_usage(FILE *to);
void ctl_command_usage(const struct command *command, FILE *to);
/* The command that the words begin with; NULL: none. *used: how many of them are its name. */
const struct command *ctl_find_command(char **words, int n, int *used);
/* Whether the command's name has two words, of which this is the first. */
bool ctl_is_of_group(const struct command *command, const char *group);

static inline bool ctl_has(const struct ctl *ctl, enum ctl_option option)
{
	return ctl->given & option;
}
/* Complain on stderr and give the exit code of a status. */
int ctl_fail(enum status st, const struct why *why);
/* The same, but that something is there already is an answer: no. */
int ctl_fail_or_no(enum status st, const struct why *why);
/* An act on the spool as a whole, with a bar, and what came of it. The exit code. */
int ctl_care(struct ctl *ctl, const struct care_ask *ask);
/* Pause or resume the receiver that was named. The exit code. */
int ctl_pause_receiver(struct ctl *ctl, bool pause);
/* A job id from an operand. false: complained. */
bool ctl_id(const char *text, struct job_id *out);

int cmd_explain(struct ctl *ctl);
int cmd_stalled(struct ctl *ctl);
int cmd_workers(struct ctl *ctl);
int cmd_shape(struct ctl *ctl);
int cmd_status(struct ctl *ctl);
int cmd_top(struct ctl *ctl);
int cmd_doctor(struct ctl *ctl);
int cmd_init(struct ctl *ctl);
int cmd_list(struct ctl *ctl);
int cmd_show(struct ctl *ctl);
int cmd_workflow(struct ctl *ctl);
int cmd_stats(struct ctl *ctl);
int cmd_events(struct ctl *ctl);
int cmd_steer(struct ctl *ctl);
int cmd_pause(struct ctl *ctl);
int cmd_receivers(struct ctl *ctl);
int cmd_tokens(struct ctl *ctl);
int cmd_token_change(struct ctl *ctl);
int cmd_callers(struct ctl *ctl);
int cmd_verify(struct ctl *ctl);
int cmd_care(struct ctl *ctl);
int cmd_export(struct ctl *ctl);
int cmd_import(struct ctl *ctl);
int cmd_forget(struct ctl *ctl);
int cmd_webhook(struct ctl *ctl);
int cmd_completion(struct ctl *ctl);
int cmd_help(struct ctl *ctl);

#endif
