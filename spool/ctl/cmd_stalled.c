/* spool/ctl/cmd_stalled.c: stalled: workflows whose next phase did not come in time. */
#include "spool/base/clock.h"
#include "spool/ctl/ctl.h"
#include "spool/ctl/out.h"

enum { PAGE = 64, DEFAULT_LIMIT = 100 };

static const struct out_column columns[] = {{"WORKFLOW", false, true}, {"USER", false, true},
	{"AWAITS", true, false}, {"LATE BY", true, false}, {"DUE", false, false}, {"LAST JOB", false, false}};
enum { COLUMNS = sizeof columns / sizeof *columns };

static bool add_row(struct libscols_table *table, const struct stalled *s, int64_t now_us)
{
	char awaits[24], late[OUT_SPAN_LEN], due[32], id[JOB_ID_TEXT_LEN];
	snprintf(awaits, sizeof awaits, "phase %d", s->phase);
	id_text(s->job, id);
	const char *texts[COLUMNS] = {s->workflow_id, s->user_id, awaits, out_span(late, now_us - s->due_us),
		out_time(due, s->due_us), id};
	return out_row(table, texts, COLUMNS);
}

static bool print_line(const struct stalled *s, int64_t now_us)
{
	struct buf line;
	struct jx_writer w;
	char id[JOB_ID_TEXT_LEN];
	id_text(s->job, id);
	out_json_begin(&line, &w);
	jx_open_object(&w, NULL);
	jx_cstring(&w, "workflow_id", s->workflow_id);
	jx_cstring(&w, "user_id", s->user_id);
	jx_int(&w, "awaits_phase", s->phase);
	jx_cstring(&w, "job_id", id);
	jx_time(&w, "since", s->since_us);
	jx_time(&w, "due_at", s->due_us);
	jx_int(&w, "late_ms", (now_us - s->due_us) / 1000);
	jx_close_object(&w);
	return out_json_end(&line);
}

/* Exit 1 is for none: that is the answer that is hoped for, but still no. */
int cmd_stalled(struct ctl *ctl)
{
	struct stalled page[PAGE];
	struct job_id at = {{0}};
	struct why why = WHY_INIT;
	struct moment now = clock_now();
	bool json = ctl_has(ctl, OPTION_JSON), ok = true;
	long left = ctl->limit ? ctl->limit : json ? INT32_MAX : DEFAULT_LIMIT;
	struct libscols_table *table = json ? NULL : out_table(columns, COLUMNS);
	enum status st = ST_OK;
	size_t n = 0, shown = 0, max;
	if (!json && !table)
		return DAEMON_SYSTEM;
	do {
		max = left < PAGE ? (size_t)left : PAGE;
		st = spool_stalled(ctl->spool, &at, page, max, &n, &why);
		for (size_t i = 0; st == ST_OK && ok && i < n; i++)
			ok = json ? print_line(&page[i], now.wall_us) : add_row(table, &page[i], now.wall_us);
		shown += n;
		left -= (long)n;
	} while (st == ST_OK && ok && n == max && left > 0);
	if (table && shown)
		out_table_end(table);
	else if (table)
		scols_unref_table(table);
	if (st != ST_OK)
		return ctl_fail(st, &why);
	if (table && left == 0)
		fputs("clario-spool: there may be more; see --limit\n", stderr);
	return !ok ? DAEMON_SYSTEM : shown ? CTL_DONE : CTL_NO;
}
