/* spool/ctl/cmd_care.c: verify: whether a spool, or a copy of one, is whole. */
#include "spool/ctl/ctl.h"
#include "spool/ctl/out.h"
#include "spool/ctl/progress.h"

struct report {
	struct progress bar;
	bool as_json;
	uint64_t findings;
};

static void print_finding_json(const struct spool_finding *f)
{
	struct buf line;
	struct jx_writer w;
	out_json_begin(&line, &w);
	jx_open_object(&w, NULL);
	jx_cstring(&w, "tree", f->tree);
	if (*f->job)
		jx_cstring(&w, "job_id", f->job);
	else
		jx_null(&w, "job_id");
	jx_cstring(&w, "finding", f->what);
	jx_cstring(&w, "advice", f->advice);
	jx_close_object(&w);
	out_json_end(&line);
}

static void print_finding(void *arg, const struct spool_finding *f)
{
	struct report *r = arg;
	progress_clear(&r->bar);
	r->findings++;
	if (r->as_json)
		print_finding_json(f);
	else
		printf("%s: %s (%s)\n", f->tree, f->what, f->advice);
}

static void show_progress(void *arg, uint64_t done, uint64_t total)
{
	progress_show(&((struct report *)arg)->bar, done, total);
}

static int verify(struct ctl *ctl, const char *path)
{
	struct report r = {.bar = {.what = "verify"}, .as_json = ctl_has(ctl, OPTION_JSON)};
	struct spool_watch watch = {.found = print_finding, .progress = show_progress, .arg = &r};
	struct why why = WHY_INIT;
	enum status st = spool_verify(ctl->opts.spool.store, path, &watch, &why);
	progress_clear(&r.bar);
	if (st != ST_OK && st != ST_CORRUPT)
		return ctl_fail(st, &why);
	if (r.as_json)
		printf("{\"findings\":%llu}\n", (unsigned long long)r.findings);
	else if (st == ST_OK)
		puts("the spool is sound");
	else
		fprintf(stderr, "clario-spool: %s: %llu findings\n", path, (unsigned long long)r.findings);
	return daemon_exit_code(st);
}

int cmd_verify(struct ctl *ctl)
{
	return verify(ctl, ctl->args_n ? ctl->args[0] : ctl->opts.spool.path);
}
