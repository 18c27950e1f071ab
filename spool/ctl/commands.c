/* spool/ctl/commands.c: the tables of commands and options. */
#include "spool/ctl/ctl.h"

const struct option_row option_rows[] = {
	{"state", "STATE", "waiting, delayed, active, completed, failed, held or cancelled", OPTION_STATE},
	{"phase", "N", "phase 1-7 or legacy step 10-14", OPTION_PHASE},
	{"user", "ID", "user_id", OPTION_USER},
	{"workflow", "ID", "workflow_id", OPTION_WORKFLOW},
	{"since", "TIME",
		"accepted at or after: 2026-11-24T10:00:00Z, 2026-11-24, or an age such as 90m, 24h, 7d",
		OPTION_SINCE},
	{"until", "TIME", "accepted before; as --since", OPTION_UNTIL},
	{"limit", "N", "at most so many", OPTION_LIMIT},
	{"order", "asc|desc", "oldest or newest first (default desc)", OPTION_ORDER},
	{"reason", "TEXT", "why; stands in the event", OPTION_REASON},
	{"all", NULL, "every job that the filter options select, instead of ids", OPTION_ALL},
	{"follow", NULL, "go on with what comes, until interrupted", OPTION_FOLLOW},
	{"after", "SEQ", "events after this one", OPTION_AFTER},
	{"job", "ID", "events of this job", OPTION_JOB},
	{"reveal", NULL, "show values that look like secrets", OPTION_REVEAL},
	{"if-missing", NULL, "an existing spool is no failure", OPTION_IF_MISSING},
	{"json", NULL, "JSON lines, for programs", OPTION_JSON},
};
const size_t option_rows_n = sizeof option_rows / sizeof *option_rows;

enum { STEER_OPTIONS = OPTION_ALL | OPTION_FILTER | OPTION_REASON | OPTION_LIMIT | OPTION_JSON };

const struct command commands[] = {
	{"init", "", "create the spool", 0, 0, ACCESS_NONE, OPTION_IF_MISSING, 0, cmd_init},
	{"list", "", "list jobs", 0, 0, ACCESS_READ,
		OPTION_FILTER | OPTION_LIMIT | OPTION_ORDER | OPTION_JSON, 0, cmd_list},
	{"show", "ID...", "show jobs: record, payload, events", 1, -1, ACCESS_READ,
		OPTION_REVEAL | OPTION_JSON, 0, cmd_show},
	{"workflow", "ID", "show a workflow: its jobs and its timeline", 1, 1, ACCESS_READ, OPTION_JSON, 0,
		cmd_workflow},
	{"stats", "", "counts by phase and state, totals, room", 0, 0, ACCESS_READ, OPTION_JSON, 0,
		cmd_stats},
	{"events", "", "the audit events, oldest first", 0, 0, ACCESS_READ,
		OPTION_FOLLOW | OPTION_AFTER | OPTION_JOB | OPTION_WORKFLOW | OPTION_USER | OPTION_LIMIT |
			OPTION_JSON,
		0, cmd_events},
	{"retry", "ID...|-", "run failed or cancelled jobs again, with a new allowance", 0, -1, ACCESS_WRITE,
		STEER_OPTIONS, STEER_RETRY, cmd_steer},
	{"cancel", "ID...|-", "end jobs without running them", 0, -1, ACCESS_WRITE, STEER_OPTIONS,
		STEER_CANCEL, cmd_steer},
	{"hold", "ID...|-", "keep waiting or delayed jobs from running", 0, -1, ACCESS_WRITE, STEER_OPTIONS,
		STEER_HOLD, cmd_steer},
	{"release", "ID...|-", "let held jobs run again", 0, -1, ACCESS_WRITE, STEER_OPTIONS, STEER_RELEASE,
		cmd_steer},
	{"run-now", "ID...|-", "make delayed jobs due at once", 0, -1, ACCESS_WRITE, STEER_OPTIONS,
		STEER_RUN_NOW, cmd_steer},
	{"pause", "", "claim no more jobs, of one phase or of all", 0, 0, ACCESS_WRITE, OPTION_PHASE, 1,
		cmd_pause},
	{"resume", "", "end a pause", 0, 0, ACCESS_WRITE, OPTION_PHASE, 0, cmd_pause},
	{"verify", "[FILE|DIR]", "hold every page, record, index and counter against the others", 0, 1,
		ACCESS_NONE, OPTION_JSON, 0, cmd_verify},
	{"completion", "bash", "print the completion for a shell", 1, 1, ACCESS_NONE, 0, 0, cmd_completion},
	{"help", "[COMMAND]", "explain a command, or list all", 0, 1, ACCESS_NONE, 0, 0, cmd_help},
};
const size_t commands_n = sizeof commands / sizeof *commands;
