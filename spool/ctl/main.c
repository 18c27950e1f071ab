/* spool/ctl/main.c: clario-spool: what ops people inspect and steer the spool with. Opens the spool itself,
 * so it works with the daemons running and without. */
#include "spool/base/confine.h"
#include "spool/base/jx.h"
#include "spool/base/log.h"
#include "spool/ctl/ctl.h"

#include <stdlib.h>
#include <unistd.h>

/* Whom root has become; "": nobody. */
static char owner[CONFINE_NAME];

/* NOTFOUND is 69 when the spool is not there; a job that is not there is the answer "no", which commands
 * give. */
int ctl_fail(enum status st, const struct why *why)
{
	fprintf(stderr, "clario-spool: %s\n", why->text[0] ? why->text : status_name(st));
	if (st == ST_DENIED && owner[0])
		fprintf(stderr, "clario-spool: started as root, it works as %s, whom the spool belongs to\n",
			owner);
	return daemon_exit_code(st);
}

int ctl_fail_or_no(enum status st, const struct why *why)
{
	int code = ctl_fail(st, why);
	return st == ST_EXISTS ? CTL_NO : code;
}

bool ctl_id(const char *text, struct job_id *out)
{
	if (id_parse(slice_text(text), out) == ST_OK)
		return true;
	fprintf(stderr, "clario-spool: %s: not a job id\n", text);
	return false;
}

static void set_actor(struct ctl *ctl)
{
	const char *name = getenv("SUDO_USER");
	if (!name || !*name)
		name = getenv("USER");
	if (name && *name)
		snprintf(ctl->actor, sizeof ctl->actor, "operator:%s", name);
	else
		snprintf(ctl->actor, sizeof ctl->actor, "operator:%u", (unsigned)getuid());
}

static int open_and_run(struct ctl *ctl)
{
	struct why why = WHY_INIT;
	struct spool_conf conf = opts_spool_conf(&ctl->opts);
	conf.read_only = ctl->command->access == ACCESS_READ;
	enum status st = spool_open(&conf, &ctl->spool, &why);
	if (st != ST_OK)
		return ctl_fail(st, &why);
	int code = ctl->command->run(ctl);
	spool_close(ctl->spool);
	return code;
}

static int run(struct ctl *ctl, const char *config, const char *spool_path)
{
	struct why why = WHY_INIT;
	ctl->config = config;
	ctl->spool_path = spool_path;
	if (ctl->command->run == cmd_help || ctl->command->run == cmd_completion ||
		ctl->command->run ==
			cmd_doctor) /* it finds out for itself whether there is a configuration */
		return ctl->command->run(ctl);
	enum status st = opts_load(config, &ctl->opts, &why);
	if (st == ST_OK && spool_path)
		st = conf_set(opts_rows, opts_rows_n, &ctl->opts, "spool", "path", spool_path, &why);
	if (st != ST_OK)
		return ctl_fail(ST_INVALID, &why);
	st = confine_to_owner(ctl->opts.spool.path, owner, &why);
	if (st == ST_OK)
		st = confine_process(&why);
	if (st != ST_OK)
		return ctl_fail(st, &why);
	opts_wipe_environment();
	if (ctl->command->options & OPTION_WHERE && !ctl_select(ctl)) {
		opts_release(&ctl->opts);
		return DAEMON_USAGE;
	}
	int code = ctl->command->access == ACCESS_NONE ? ctl->command->run(ctl) : open_and_run(ctl);
	opts_release(&ctl->opts);
	return code;
}

int main(int argc, char **argv)
{
	struct ctl ctl = {.reason = "", .scan_limit = 1000000};
	const char *config = NULL, *spool_path = NULL;
	confine_standard();
	log_open("clario-spool", LOG_LEVEL_WARNING);
	jx_init();
	set_actor(&ctl);
	ctl_parse(&ctl, argc, argv, &config, &spool_path);
	int code = run(&ctl, config, spool_path);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fputs("clario-spool: cannot write the output\n", stderr);
		return DAEMON_SYSTEM;
	}
	return code;
}
