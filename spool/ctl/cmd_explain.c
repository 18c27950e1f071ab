/* spool/ctl/cmd_explain.c: explain: why a job does not run. */
#include "spool/ctl/ctl.h"
#include "spool/ctl/out.h"
#include "spool/explain.h"

static bool print_line(const struct job *job, const struct explanation *e)
{
	struct buf line;
	struct jx_writer w;
	char id[JOB_ID_TEXT_LEN];
	id_text(job->id, id);
	out_json_begin(&line, &w);
	jx_open_object(&w, NULL);
	jx_cstring(&w, "id", id);
	jx_cstring(&w, "state", job_state_name(job->state));
	explain_json(&w, "explanation", e);
	jx_close_object(&w);
	return out_json_end(&line);
}

static void print_text(const char *id, const struct explanation *e)
{
	char at[32];
	printf("%s: ", id);
	out_text(slice_text(e->text));
	putchar('\n');
	if (e->next_at_us)
		printf("  moves next at %s UTC\n", out_time(at, e->next_at_us));
	if (e->todo[0]) {
		fputs("  what to do: ", stdout);
		out_text(slice_text(e->todo));
		putchar('\n');
	}
}

static int explain_one(struct ctl *ctl, const char *text)
{
	struct job job;
	struct job_id id;
	struct explanation e;
	struct why why = WHY_INIT;
	if (!ctl_id(text, &id))
		return DAEMON_USAGE;
	enum status st = spool_get(ctl->spool, id, &job, &why);
	if (st != ST_OK) {
		fprintf(stderr, "clario-spool: %s: %s\n", text, why.text);
		return st == ST_NOTFOUND ? CTL_NO : daemon_exit_code(st);
	}
	st = explain_job(ctl->spool, &ctl->opts, clock_now(), &job,
		ctl_has(ctl, OPTION_REVEAL) ? NULL : ctl->opts.privacy.mask, &e, &why);
	bool ok = true;
	if (st == ST_OK && ctl_has(ctl, OPTION_JSON))
		ok = print_line(&job, &e);
	else if (st == ST_OK)
		print_text(text, &e);
	job_release(&job);
	if (st != ST_OK)
		return ctl_fail(st, &why);
	return ok ? CTL_DONE : DAEMON_SYSTEM;
}

int cmd_explain(struct ctl *ctl)
{
	int worst = CTL_DONE;
	for (int i = 0; i < ctl->args_n; i++) {
		int code = explain_one(ctl, ctl->args[i]);
		worst = code > worst ? code : worst;
	}
	return worst;
}
