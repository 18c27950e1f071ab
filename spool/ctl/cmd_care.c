/* spool/ctl/cmd_care.c: verify, and the acts on a spool as a whole: backup, restore, compact, repair, import.
 */
#include "spool/ctl/ctl.h"
#include "spool/ctl/out.h"
#include "spool/ctl/progress.h"

#include <string.h>

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
	struct spool_conf conf = opts_spool_conf(&ctl->opts);
	conf.path = path;
	enum status st = spool_verify(&conf, &watch, &why);
	progress_clear(&r.bar);
	if (st != ST_OK && st != ST_CORRUPT)
		return ctl_fail(st, &why);
	if (r.as_json)
		printf("{\"findings\":%llu}\n", (unsigned long long)r.findings);
	else if (st == ST_OK)
		puts("the spool is sound");
	else
		fprintf(stderr, "clario-spool: %s: %llu %s\n", path, (unsigned long long)r.findings,
			PLURAL(r.findings, "finding", "findings"));
	return daemon_exit_code(st);
}

int cmd_verify(struct ctl *ctl)
{
	return verify(ctl, ctl->args_n ? ctl->args[0] : ctl->opts.spool.path);
}

/* From records: it counts them. */
static bool builds_anew(enum care_verb verb)
{
	return verb == CARE_REPAIR || verb == CARE_IMPORT;
}

static void print_result_json(const struct care_result *c, const char *act, enum care_verb verb)
{
	struct buf line;
	struct jx_writer w;
	out_json_begin(&line, &w);
	jx_open_object(&w, NULL);
	jx_cstring(&w, "act", act);
	jx_cstring(&w, "path", c->path);
	jx_int(&w, "bytes_before", (int64_t)c->bytes_before);
	jx_int(&w, "bytes_after", (int64_t)c->bytes_after);
	if (builds_anew(verb)) {
		jx_int(&w, "jobs", (int64_t)c->jobs);
		jx_int(&w, "events", (int64_t)c->events);
		jx_int(&w, "set_aside", (int64_t)c->set_aside);
		jx_int(&w, "lost", (int64_t)c->lost);
		jx_int(&w, "mended", (int64_t)c->mended);
		jx_cstring(&w, "aside_path", c->aside_path);
	}
	jx_close_object(&w);
	out_json_end(&line);
}

static void print_counts(const struct care_result *c)
{
	printf("jobs: %llu, events: %llu\nset aside: %llu, not found: %llu, histories with a gap: %llu\n",
		(unsigned long long)c->jobs, (unsigned long long)c->events, (unsigned long long)c->set_aside,
		(unsigned long long)c->lost, (unsigned long long)c->mended);
	if (c->aside_path[0])
		printf("what could not be read: %s\n", c->aside_path);
}

static void print_result(const struct ctl *ctl, const struct care_result *c, enum care_verb verb)
{
	if (ctl_has(ctl, OPTION_JSON)) {
		print_result_json(c, ctl->command->name, verb);
		return;
	}
	if (builds_anew(verb))
		print_counts(c);
	if (verb == CARE_BACKUP)
		printf("%s: %.1f MiB\n", c->path, (double)c->bytes_after / (1 << 20));
	else
		printf("%.1f MiB before, %.1f MiB now\n", (double)c->bytes_before / (1 << 20),
			(double)c->bytes_after / (1 << 20));
	if (verb != CARE_BACKUP && c->path[0])
		printf("the spool as it was: %s\n", c->path);
}

/* For monitors (clario_backup_time_seconds). The backup is made; that it cannot be noted is no failure of it.
 */
static void note_backup(const struct spool_conf *conf)
{
	struct spool *spool;
	struct why why = WHY_INIT;
	enum status st = spool_open(conf, &spool, &why);
	if (st == ST_OK) {
		st = spool_bookmark_set(spool, "backup", (uint64_t)clock_now().wall_us, &why);
		spool_close(spool);
	}
	if (st != ST_OK)
		fprintf(stderr, "clario-spool: the time of the backup could not be noted: %s\n", why.text);
}

int ctl_care(struct ctl *ctl, const struct care_ask *ask)
{
	struct report r = {.bar = {.what = ctl->command->name}, .as_json = ctl_has(ctl, OPTION_JSON)};
	struct spool_watch watch = {.found = print_finding, .progress = show_progress, .arg = &r};
	struct spool_conf conf = opts_spool_conf(&ctl->opts);
	struct care_result result;
	struct why why = WHY_INIT;
	enum status st = spool_care(&conf, ask, &watch, &result, &why);
	progress_clear(&r.bar);
	if (st == ST_INVALID && ask->source) /* not the command is wrong but the data: EX_DATAERR */
		st = ST_CORRUPT;
	if (st != ST_OK)
		return ctl_fail_or_no(st, &why);
	if (ask->verb == CARE_BACKUP)
		note_backup(&conf);
	print_result(ctl, &result, ask->verb);
	return CTL_DONE;
}

int cmd_care(struct ctl *ctl)
{
	struct care_ask ask = {.verb = (enum care_verb)ctl->command->arg,
		.path = ctl->args_n ? ctl->args[0] : "",
		.replaces = ctl_has(ctl, OPTION_REPLACE),
		.skips_verify = ctl_has(ctl, OPTION_NO_VERIFY)};
	return ctl_care(ctl, &ask);
}
