/* spool/ctl/cmd_failures.c: failures: failed jobs in groups of one phase and one error. */
#include "spool/base/clock.h"
#include "spool/ctl/ctl.h"
#include "spool/ctl/out.h"
#include "spool/failures.h"

#include <langinfo.h>

enum { DEFAULT_ROWS = 20 };

static const struct out_column columns[] = {{"JOBS", true, false}, {"PHASE", true, false},
	{"RECEIVER", false, false}, {"STATUS", true, false}, {"FIRST", false, false}, {"LAST", false, false},
	{"NEWEST", false, false}, {"ERROR", false, true}};
enum { COLUMNS = sizeof columns / sizeof *columns };

/* As the terminal can show it. */
static void add_error(struct buf *to, const char *error)
{
	static const char dots[] = "\xe2\x80\xa6";
	bool is_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	for (const char *at; !is_utf8 && (at = strstr(error, dots)); error = at + strlen(dots)) {
		buf_add(to, error, (size_t)(at - error));
		buf_text(to, "...");
	}
	buf_text(to, error);
}

static bool add_row(struct libscols_table *table, const struct opts *opts, const struct failure_group *g)
{
	struct buf error = BUF_INIT(2 * FAILURE_ERROR_MAX);
	char jobs[24], phase[16], status[16], first[32], last[32], id[JOB_ID_TEXT_LEN];
	snprintf(jobs, sizeof jobs, "%llu", (unsigned long long)g->jobs);
	snprintf(phase, sizeof phase, "%d", g->phase);
	snprintf(status, sizeof status, "%d", g->status);
	id_text(g->newest, id);
	add_error(&error, g->error);
	const char *texts[COLUMNS] = {jobs, phase, failure_receiver(g, opts), g->status ? status : NULL,
		out_time(first, g->first_at_us), out_time(last, g->last_at_us), id, error.p};
	bool ok = buf_status(&error) == ST_OK && out_row(table, texts, COLUMNS);
	buf_release(&error);
	return ok;
}

static bool print_line(
	const struct failure_group *g, struct slice within, const struct where_env *env, bool is_complete)
{
	struct buf line;
	struct jx_writer w;
	out_json_begin(&line, &w);
	jx_open_object(&w, NULL);
	failure_json(&w, g, within, env);
	jx_bool(&w, "complete", is_complete);
	jx_close_object(&w);
	return out_json_end(&line);
}

static void tell_rest(const struct ctl *ctl, const struct failures *f, size_t rows)
{
	if (f->is_cut)
		fprintf(stderr,
			"clario-spool: the newest %llu failed %s looked at, there are more; see "
			"--scan-limit, or narrow it by phase, user or age\n",
			(unsigned long long)f->jobs, PLURAL(f->jobs, "job was", "jobs were"));
	if (f->outside)
		fprintf(stderr, "clario-spool: %llu jobs are in none of the first %d groups\n",
			(unsigned long long)f->outside, FAILURES_GROUPS_MAX);
	if (!ctl_has(ctl, OPTION_JSON) && f->n > rows)
		fprintf(stderr, "clario-spool: there %s %zu more %s; see --limit\n",
			PLURAL(f->n - rows, "is", "are"), f->n - rows,
			PLURAL(f->n - rows, "group", "groups"));
}

static int print(struct ctl *ctl, const struct failures *f)
{
	bool json = ctl_has(ctl, OPTION_JSON), ok = true;
	struct where_env env = {.now_us = clock_now().wall_us, .opts = &ctl->opts};
	size_t rows = ctl->limit ? (size_t)ctl->limit : json ? f->n : DEFAULT_ROWS;
	struct libscols_table *table = json || !f->n ? NULL : out_table(columns, COLUMNS);
	if (!json && f->n && !table)
		return DAEMON_SYSTEM;
	for (size_t i = 0; ok && i < f->n && i < rows; i++)
		ok = json ? print_line(&f->groups[i], slice_text(ctl->selection), &env, !f->is_cut)
			  : add_row(table, &ctl->opts, &f->groups[i]);
	if (table)
		out_table_end(table);
	tell_rest(ctl, f, rows);
	return !ok ? DAEMON_SYSTEM : f->is_cut || f->outside ? CTL_PARTLY : f->n ? CTL_DONE : CTL_NO;
}

/* Exit 1 is for none, as with stalled. */
int cmd_failures(struct ctl *ctl)
{
	struct failures failures;
	struct why why = WHY_INIT;
	struct failures_ask ask = {.opts = &ctl->opts,
		.mask = ctl->opts.privacy.mask,
		.filter = ctl->filter,
		.most = (size_t)ctl->scan_limit,
		.scanned = &ctl->scanned};
	enum status st = failures_look(ctl->spool, &ask, &failures, &why);
	int code = st == ST_OK ? print(ctl, &failures) : ctl_fail(st, &why);
	failures_release(&failures);
	return code;
}
