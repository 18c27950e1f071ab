/* spool/ctl/cmd_help.c: help and completion, both from the tables. */
#include "spool/ctl/ctl.h"

#include <string.h>

int cmd_help(struct ctl *ctl)
{
	if (ctl->args_n == 0) {
		ctl_usage(stdout);
		return CTL_DONE;
	}
	for (size_t i = 0; i < commands_n; i++)
		if (strcmp(commands[i].name, ctl->args[0]) == 0) {
			ctl_command_usage(&commands[i], stdout);
			return CTL_DONE;
		}
	fprintf(stderr, "clario-spool: %s: there is no such command\n", ctl->args[0]);
	return DAEMON_USAGE;
}

static void print_command_case(const struct command *command)
{
	printf("\t%s) options=\"--help", command->name);
	for (size_t i = 0; i < option_rows_n; i++)
		if (command->options & option_rows[i].bit)
			printf(" --%s", option_rows[i].name);
	printf("\" ;;\n");
}

int cmd_completion(struct ctl *ctl)
{
	if (strcmp(ctl->args[0], "bash") != 0) {
		fprintf(stderr, "clario-spool: %s: only bash is known\n", ctl->args[0]);
		return DAEMON_USAGE;
	}
	puts("_clario_spool()\n{\n\tlocal cur prev command= options= word\n\tcur=${COMP_WORDS[COMP_CWORD]}\n"
	     "\tprev=${COMP_WORDS[COMP_CWORD-1]}\n\tCOMPREPLY=()");
	printf("\tlocal commands=\"");
	for (size_t i = 0; i < commands_n; i++)
		printf("%s%s", i ? " " : "", commands[i].name);
	puts("\"\n\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
	     "\t\t[[ \" $commands \" == *\" $word \"* ]] && command=$word && break\n\tdone\n"
	     "\tcase $prev in\n\t-c|--config) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n"
	     "\t-s|--spool) COMPREPLY=($(compgen -d -- \"$cur\")); return ;;");
	printf("\t--state) COMPREPLY=($(compgen -W \"");
	for (int i = 0; i < JOB_STATE_N; i++)
		printf("%s%s", i ? " " : "", job_state_name((enum job_state)i));
	puts("\" -- \"$cur\")); return ;;\n\t--order) COMPREPLY=($(compgen -W \"asc desc\" -- \"$cur\")); "
	     "return ;;\n\tesac");
	puts("\tcase $command in\n\t'') options=\"$commands --config --spool --help --version\" ;;");
	for (size_t i = 0; i < commands_n; i++)
		print_command_case(&commands[i]);
	/* Names that are there, as the tool lists them. */
	puts("\tesac\n\tcase $command in\n"
	     "\tapply) options+=\" $(clario-spool plans --json 2>/dev/null | "
	     "sed -n 's/.*\"plan\":\"\\([^\"]*\\)\".*/\\1/p')\" ;;\n"
	     "\tundo) options+=\" $(clario-spool operations --json 2>/dev/null | "
	     "sed -n 's/.*\"operation\":\"\\([^\"]*\\)\".*/\\1/p')\" ;;");
	puts("\tesac\n\tCOMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n}\ncomplete -F _clario_spool "
	     "clario-spool");
	return CTL_DONE;
}
