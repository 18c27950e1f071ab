/* spool/ctl/ctl.h: what the commands of clario-spool share: the parsed command line, the open spool, the
 * table of commands.
 *
 * One row of the table is a command: its dispatch, its usage and help, the options it takes and its
 * completion come from that row alone. */
#ifndef SPOOL_CTL_CTL_H
#define SPOOL_CTL_CTL_H
#include "spool/daemon.h"
#include "spool/opts.h"
#include "spool/where.h"

#include <stdio.h>

/* Beside the exit codes of daemon.h. */
enum { CTL_DONE = 0, CTL_NO = 1, CTL_PARTLY = 3 };

/* Options, as bits: a command names those it takes, and any other is a usage error. Of 64 bits, which an enum
 * has not. */
#define OPTION_BIT(n)     (UINT64_C(1) << (n))
#define OPTION_STATE      OPTION_BIT(0)
#define OPTION_PHASE      OPTION_BIT(1)
#define OPTION_USER       OPTION_BIT(2)
#define OPTION_WORKFLOW   OPTION_BIT(3)
#define OPTION_SINCE      OPTION_BIT(4)
#define OPTION_UNTIL      OPTION_BIT(5)
#define OPTION_LIMIT      OPTION_BIT(6)
#define OPTION_ORDER      OPTION_BIT(7)
#define OPTION_REASON     OPTION_BIT(8)
#define OPTION_ALL        OPTION_BIT(9)
#define OPTION_FOLLOW     OPTION_BIT(10)
#define OPTION_AFTER      OPTION_BIT(11)
#define OPTION_JOB        OPTION_BIT(12)
#define OPTION_REVEAL     OPTION_BIT(13)
#define OPTION_IF_MISSING OPTION_BIT(14)
#define OPTION_JSON       OPTION_BIT(15)
#define OPTION_REPLACE    OPTION_BIT(16)
#define OPTION_NO_VERIFY  OPTION_BIT(17)
#define OPTION_RECEIVER   OPTION_BIT(18)
#define OPTION_FOR        OPTION_BIT(19)
#define OPTION_AGAIN      OPTION_BIT(20)
#define OPTION_SCOPE      OPTION_BIT(21)
#define OPTION_EXPIRES    OPTION_BIT(22)
#define OPTION_OVERLAP    OPTION_BIT(23)
#define OPTION_CANCEL     OPTION_BIT(24)
#define OPTION_FILE       OPTION_BIT(25)
#define OPTION_URL        OPTION_BIT(26)
#define OPTION_ID         OPTION_BIT(27)
#define OPTION_PRINT      OPTION_BIT(28)
#define OPTION_WHERE      OPTION_BIT(29)
#define OPTION_DRY_RUN    OPTION_BIT(30)
#define OPTION_RATE       OPTION_BIT(31)
#define OPTION_SCAN_LIMIT OPTION_BIT(32)
#define OPTION_FORMAT     OPTION_BIT(33)
#define OPTION_KINDS      OPTION_BIT(34)
#define OPTION_OLDER      OPTION_BIT(35)
#define OPTION_FILTER                                                                                        \
	(OPTION_STATE | OPTION_PHASE | OPTION_USER | OPTION_WORKFLOW | OPTION_SINCE | OPTION_UNTIL)

struct ctl {
	struct opts opts;
	const char *config; /* that was given, or NULL */
	const char *spool_path;
	struct spool *spool;
	const struct command *command;
	char **args; /* operands, after the command's name */
	int args_n;
	uint64_t given; /* bits of the options that were given */
	struct job_filter filter;
	struct event_filter events;
	long limit; /* 0: none */
	const char *reason;
	const char *receiver;
	bool is_cloud;               /* --format cloudevents */
	const char *file, *url, *id; /* of webhook test; file: of enqueue, too */
	int64_t for_us;
	uint32_t scopes, phases; /* bits of enum scope, of phase_slot() */
	int64_t expires_at_us, overlap_us;
	char actor[80];
	const char *where_text;  /* --where */
	int64_t ended_before_us; /* --older-than */
	long scan_limit;         /* jobs read to be compared, at most */
	int64_t pace_us;         /* --rate: one job in so long; 0: as fast as it goes */
	/* The selection, whatever options it was made of: as text, as terms, and in the filter. */
	char selection[WHERE_TEXT_MAX + 1];
	struct where where;
	uint64_t scanned;
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
	uint64_t options;
	int arg; /* of the handler: a steer verb, pause or resume, what to do with a token */
	int (*run)(struct ctl *ctl);
};
extern const struct command commands[];
extern const size_t commands_n;

struct option_row {
	const char *name, *value; /* value NULL: a switch */
	const char *help;
	uint64_t bit;
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

static inline bool ctl_has(const struct ctl *ctl, uint64_t option)
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
/* --where and the short options become one selection, and that the filter. false: complained. */
bool ctl_select(struct ctl *ctl);
/* Is the selection one that must read jobs to compare them? Then it is bounded, and how many were is told. */
bool ctl_scan_is_over(const struct ctl *ctl); /* the bound is reached */
/* 0, or CTL_PARTLY when the bound ended it. */
int ctl_tell_scan(const struct ctl *ctl, bool is_cut);
/* --dry-run: a plan of what is selected, or of these ids. The exit code. */
int ctl_plan(struct ctl *ctl, enum steer_verb verb);
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
int cmd_enqueue(struct ctl *ctl);
int cmd_apply(struct ctl *ctl);
int cmd_undo(struct ctl *ctl);
int cmd_plans(struct ctl *ctl);
int cmd_operations(struct ctl *ctl);
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
