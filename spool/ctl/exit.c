/* spool/ctl/exit.c: the exit codes, in one table: help and the manual tell what stands here. */
#include "spool/ctl/ctl.h"

const struct exit_row exit_rows[] = {
	{CTL_DONE, "done, or found"},
	{CTL_NO, "the answer is no"},
	{DAEMON_USAGE, "a mistake on the command line"},
	{CTL_PARTLY, "done for some of the jobs only"},
	{DAEMON_DAMAGED, "the spool, or a copy, is damaged"},
	{DAEMON_NOT_THERE, "the spool or a daemon is not there"},
	{DAEMON_SYSTEM, "a failure of the system"},
	{DAEMON_FULL, "full"},
	{DAEMON_RESTART, "busy; try again"},
	{DAEMON_DENIED, "not allowed"},
	{DAEMON_CONFIG, "a mistake in the configuration, or a spool of another size or format"},
};
const size_t exit_rows_n = sizeof exit_rows / sizeof *exit_rows;
