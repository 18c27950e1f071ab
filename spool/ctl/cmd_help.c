/* spool/ctl/cmd_help.c: help and completion, both from the tables. */
#include "spool/ctl/ctl.h"

#include <string.h>

int cmd_help(struct ctl *ctl)
{
	if (ctl->args_n == 0) {
		ctl_usage(stdout);
		return CTL_DONE;
	}
	int used, told = 0;
	const struct command *command = ctl_find_command(ctl->args, ctl->args_n, &used);
	if (command && used == ctl->args_n) {
		ctl_command_usage(command, stdout);
		return CTL_DONE;
	}
	for (size_t i = 0; ctl->args_n == 1 && i < commands_n; i++)
		if (ctl_is_of_group(&commands[i], ctl->args[0])) {
			ctl_command_usage(&commands[i], stdout);
			told++;
		}
	if (told)
		return CTL_DONE;
	fprintf(stderr, "clario-spool: %s: there is no such command\n", ctl->args[0]);
	return DAEMON_USAGE;
}

static void print_options(const struct command *command)
{
	bool takes_jobs = strncmp(command->operands, "ID...", 5) == 0;
	for (size_t i = 0; i < option_rows_n; i++)
		if (command->options & option_rows[i].bit)
			printf(" --%s", option_rows[i].name);
	puts(takes_jobs ? "\" takes_jobs=1 ;;" : "\" ;;");
}

/* What only the spool knows: ids of its newest jobs, its receivers; from the one that the line is about. */
static void print_lookups(void)
{
	puts("\tlocal where=() takes_jobs= i\n\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	     "\t\tcase ${COMP_WORDS[i]} in\n"
	     "\t\t-c|--config|-s|--spool) where+=(\"${COMP_WORDS[i]}\" \"${COMP_WORDS[i+1]}\") ;;\n"
	     "\t\tesac\n\tdone\n"
	     "\tlocal ids=(\"${COMP_WORDS[0]}\" \"${where[@]}\" list --limit 200 --json)\n"
	     "\tlocal names=(\"${COMP_WORDS[0]}\" \"${where[@]}\" receivers --json)");
}

/* The first words of all commands, each once. */
static void print_first_words(void)
{
	for (size_t i = 0; i < commands_n; i++) {
		int len = (int)strcspn(commands[i].name, " ");
		bool is_again = i > 0 && strncmp(commands[i].name, commands[i - 1].name, (size_t)len) == 0 &&
				commands[i - 1].name[len] == ' ';
		if (!is_again)
			printf("%s%.*s", i ? " " : "", len, commands[i].name);
	}
}

/* A group's case stands where its first command does. Its second words, until one of them was given. */
static void print_group_case(size_t first)
{
	int len = (int)strcspn(commands[first].name, " ");
	printf("\t%.*s) case \" ${COMP_WORDS[*]:1:COMP_CWORD-1} \" in\n", len, commands[first].name);
	size_t i = first;
	for (; i < commands_n && strncmp(commands[i].name, commands[first].name, (size_t)len + 1) == 0; i++) {
		printf("\t\t*\" %s \"*) options=\"--help", commands[i].name);
		print_options(&commands[i]);
	}
	printf("\t\t*) options=\"");
	for (size_t k = first; k < i; k++)
		printf("%s%s", k > first ? " " : "", commands[k].name + len + 1);
	puts("\" ;;\n\t\tesac ;;");
}

static void print_command_case(size_t i)
{
	const struct command *command = &commands[i];
	int len = (int)strcspn(command->name, " ");
	if (command->name[len]) {
		if (i == 0 || strncmp(command->name, commands[i - 1].name, (size_t)len + 1) != 0)
			print_group_case(i);
		return;
	}
	printf("\t%s) options=\"--help", command->name);
	print_options(command);
}

/* Options whose values are known, but for --state. Of a list the last one is completed. */
static void print_value_cases(void)
{
	puts("\t--order) COMPREPLY=($(compgen -W \"asc desc\" -- \"$cur\")); return ;;\n"
	     "\t--format) COMPREPLY=($(compgen -W \"json cloudevents\" -- \"$cur\")); return ;;\n"
	     "\t--file) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n"
	     "\t--kinds) local before=; [[ $cur == *,* ]] && before=${cur%,*},");
	printf("\t\tCOMPREPLY=($(compgen -P \"$before\" -W \"");
	for (int i = 0; i < EVENT_KIND_N; i++)
		printf("%s%s", i ? " " : "", event_kind_name((enum event_kind)i));
	puts("\" -- \"${cur##*,}\")); return ;;");
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
	print_first_words();
	puts("\"\n\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
	     "\t\t[[ \" $commands \" == *\" $word \"* ]] && command=$word && break\n\tdone");
	print_lookups();
	puts("\tcase $prev in\n\t-c|--config) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n"
	     "\t-s|--spool) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;");
	puts("\t--job) COMPREPLY=($(compgen -W \"$(\"${ids[@]}\" 2>/dev/null | sed 's/^{\"id\":\"//; "
	     "s/\".*//')\" -- \"$cur\")); return ;;\n"
	     "\t--receiver) COMPREPLY=($(compgen -W \"$(\"${names[@]}\" 2>/dev/null | sed "
	     "'s/^{\"name\":\"//; s/\".*//')\" -- \"$cur\")); return ;;");
	printf("\t--state) COMPREPLY=($(compgen -W \"");
	for (int i = 0; i < JOB_STATE_N; i++)
		printf("%s%s", i ? " " : "", job_state_name((enum job_state)i));
	puts("\" -- \"$cur\")); return ;;");
	print_value_cases();
	puts("\tesac");
	puts("\tcase $command in\n\t'') options=\"$commands --config --spool --help --version\" ;;");
	for (size_t i = 0; i < commands_n; i++)
		print_command_case(i);
	/* Names that are there, as the tool lists them. */
	puts("\tesac\n\tcase $command in\n"
	     "\tapply) options+=\" $(clario-spool plans --json 2>/dev/null | "
	     "sed -n 's/.*\"plan\":\"\\([^\"]*\\)\".*/\\1/p')\" ;;\n"
	     "\tundo) options+=\" $(clario-spool operations --json 2>/dev/null | "
	     "sed -n 's/.*\"operation\":\"\\([^\"]*\\)\".*/\\1/p')\" ;;");
	puts("\tesac\n\t[[ $takes_jobs && $cur != -* ]] && options=$(\"${ids[@]}\" 2>/dev/null |\n"
	     "\t\tsed 's/^{\"id\":\"//; s/\".*//')\n\tCOMPREPLY=($(compgen -W \"$options\" -- "
	     "\"$cur\"))\n}\ncomplete -F _clario_spool "
	     "clario-spool");
	return CTL_DONE;
}
