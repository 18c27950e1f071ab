/* spool/ctl/cmd_look.c: list, show, workflow: jobs as people and programs read them. */
#include "spool/cloud_event.h"
#include "spool/ctl/ctl.h"
#include "spool/ctl/out.h"
#include "spool/horizon.h"
#include "spool/show.h"

#include <stdlib.h>

enum { PAGE = 100, DEFAULT_LIMIT = 100, EVENTS_PAGE = 200 };

/* NULL: all is shown. */
static const struct mask *mask_of(const struct ctl *ctl)
{
	return ctl_has(ctl, OPTION_REVEAL) ? NULL : ctl->opts.privacy.mask;
}

static bool print_job_line(const struct ctl *ctl, const struct job *job)
{
	struct buf line;
	struct jx_writer w;
	out_json_begin(&line, &w);
	show_job(&w, job, false, mask_of(ctl));
	return out_json_end(&line);
}

static bool print_whole_line(const struct ctl *ctl, const struct job *job)
{
	struct buf line;
	struct jx_writer w;
	out_json_begin(&line, &w);
	show_job_open(&w, job, true, mask_of(ctl));
	horizon_json(&w, &ctl->opts, job);
	jx_close_object(&w);
	return out_json_end(&line);
}

static const struct out_column job_columns[] = {{"ID", false, false}, {"PHASE", true, false},
	{"STATE", false, false}, {"TRIES", true, false}, {"ACCEPTED", false, false},
	{"DUE OR ENDED", false, false}, {"WORKFLOW", false, true}, {"USER", false, true},
	{"ERROR", false, true}};
enum { JOB_COLUMNS = sizeof job_columns / sizeof *job_columns, STATE_COLUMN = 2 };

static const char *color_of(enum job_state state)
{
	static const char *const colours[JOB_STATE_N] = {[JOB_ACTIVE] = "cyan",
		[JOB_COMPLETED] = "green",
		[JOB_FAILED] = "red",
		[JOB_HELD] = "yellow",
		[JOB_CANCELLED] = "darkgray"};
	return colours[state];
}

static bool add_job_row(const struct ctl *ctl, struct libscols_table *table, const struct job *job)
{
	struct buf shown = BUF_INIT(JOB_ERROR_MAX * 4);
	char id[JOB_ID_TEXT_LEN], phase[16], tries[32], accepted[32], when[32];
	char workflow[JOB_TEXT_MAX + 1], user[JOB_TEXT_MAX + 1], error[JOB_ERROR_MAX + 1];
	id_text(job->id, id);
	snprintf(phase, sizeof phase, "%d", job->phase);
	snprintf(tries, sizeof tries, "%u/%u", job->attempts_made, job->attempts_allowed);
	snprintf(workflow, sizeof workflow, "%.*s", SLICE_ARG(job->workflow_id));
	snprintf(user, sizeof user, "%.*s", SLICE_ARG(job->user_id));
	mask_member(mask_of(ctl), "error", job->error, &shown);
	snprintf(error, sizeof error, "%.*s", SLICE_ARG(buf_slice(&shown)));
	buf_release(&shown);
	bool is_behind = job->state == JOB_WAITING && !job->has_turn;
	const char *texts[JOB_COLUMNS] = {id, phase,
		is_behind ? "waiting (behind)" : job_state_name(job->state), tries,
		out_time(accepted, job->accepted_at_us),
		out_time(when, job->finished_at_us ? job->finished_at_us : job->run_at_us), workflow, user,
		error[0] ? error : NULL};
	bool ok = out_row(table, texts, JOB_COLUMNS);
	if (ok)
		out_color_cell(table, STATE_COLUMN, color_of(job->state));
	return ok;
}

/* Go through the selection page by page. print is called for each job; *shown (may be NULL) counts them. */
static int each_job(struct ctl *ctl, long limit,
	bool (*print)(const struct ctl *, struct libscols_table *, const struct job *),
	struct libscols_table *table, size_t *shown)
{
	struct cursor at = {""}, next;
	struct job jobs[PAGE];
	struct why why = WHY_INIT;
	bool ok = true, is_cut;
	do {
		size_t n, max = limit > 0 && limit < PAGE ? (size_t)limit : PAGE;
		enum status st = spool_list(ctl->spool, &ctl->filter, &at, max, false, jobs, &n, &next, &why);
		if (st != ST_OK)
			return ctl_fail(st, &why);
		for (size_t i = 0; i < n; i++) {
			ok = ok && print(ctl, table, &jobs[i]);
			job_release(&jobs[i]);
		}
		limit -= (long)n;
		if (shown)
			*shown += n;
		at = next;
		is_cut = at.text[0] && limit > 0 && ctl_scan_is_over(ctl);
	} while (ok && at.text[0] && limit > 0 && !is_cut);
	if (at.text[0] && !is_cut && table)
		fprintf(stderr, "clario-spool: there are more; see --limit\n");
	return !ok ? DAEMON_SYSTEM : ctl_tell_scan(ctl, is_cut);
}

static bool print_json_job(const struct ctl *ctl, struct libscols_table *table, const struct job *job)
{
	(void)table;
	return print_job_line(ctl, job);
}

int cmd_list(struct ctl *ctl)
{
	if (ctl_has(ctl, OPTION_JSON))
		return each_job(ctl, ctl->limit ? ctl->limit : INT32_MAX, print_json_job, NULL, NULL);
	struct libscols_table *table = out_table(job_columns, JOB_COLUMNS);
	if (!table)
		return DAEMON_SYSTEM;
	int code = each_job(ctl, ctl->limit ? ctl->limit : DEFAULT_LIMIT, add_job_row, table, NULL);
	out_table_end(table);
	return code;
}

static void print_between(const char *before, struct slice text, const char *after)
{
	if (!text.len)
		return;
	fputs(before, stdout);
	out_text(text);
	fputs(after, stdout);
}

static void print_masked(
	const struct ctl *ctl, const char *name, const char *before, struct slice text, const char *after)
{
	struct buf shown = BUF_INIT(text.len * 4 + 16);
	mask_member(mask_of(ctl), name, text, &shown);
	print_between(before, buf_slice(&shown), after);
	buf_release(&shown);
}

static void print_move(const struct event *e)
{
	if (e->from != EVENT_NO_STATE)
		printf("%s ", job_state_name((enum job_state)e->from));
	if (e->to != EVENT_NO_STATE)
		printf("-> %s", job_state_name((enum job_state)e->to));
}

static void print_event(const struct ctl *ctl, const struct event *e)
{
	char at[32];
	printf("%8llu  %s  %-13s", (unsigned long long)e->seq, out_time(at, e->at_us),
		event_kind_name(e->kind));
	if (e->phase)
		printf(" phase %d", e->phase);
	if (e->attempt)
		printf(", try %u", e->attempt);
	fputs("  ", stdout);
	print_move(e);
	if (event_is_operators(e->kind))
		print_between("  (", e->name, ")");
	else
		print_between("", e->name, "");
	print_between(" to ", e->room, "");
	if (e->http_status)
		printf("  HTTP %d", e->http_status);
	if (e->span) {
		char span[SHOW_SPAN_LEN];
		printf("  span %s", show_span(e->span, span));
	}
	print_masked(ctl, "reason", "  ", e->reason, "");
	print_between("  [", e->actor, "]");
	putchar('\n');
}

static void print_event_json(const struct ctl *ctl, const struct event *e)
{
	struct buf line;
	struct jx_writer w;
	char source[CLOUD_SOURCE_MAX];
	out_json_begin(&line, &w);
	if (ctl->is_cloud)
		cloud_event_show(&w, e, cloud_event_source(&ctl->opts, source), mask_of(ctl));
	else
		show_event(&w, e, mask_of(ctl));
	out_json_end(&line);
}

/* All events of a filter that are there now; *last is where it ended. */
static enum status each_event(
	struct ctl *ctl, struct event_filter *filter, bool json, long *left, struct why *why)
{
	struct event events[EVENTS_PAGE];
	for (;;) {
		size_t n, max = *left > 0 && *left < EVENTS_PAGE ? (size_t)*left : EVENTS_PAGE;
		uint64_t last;
		enum status st = spool_events(ctl->spool, filter, max, events, &n, &last, why);
		if (st != ST_OK)
			return st;
		/* A program goes on behind the seq that it saw last, so what it sees must be lasting. */
		if (json && n > 0)
			st = spool_sync(ctl->spool, why);
		for (size_t i = 0; i < n && st == ST_OK; i++) {
			if (json)
				print_event_json(ctl, &events[i]);
			else
				print_event(ctl, &events[i]);
		}
		for (size_t i = 0; i < n; i++)
			event_release(&events[i]);
		if (st != ST_OK)
			return st;
		*left -= *left > 0 ? (long)n : 0;
		bool is_end = last == filter->after_seq || (ctl->limit && *left <= 0);
		filter->after_seq = last;
		if (is_end)
			return ST_OK;
	}
}

static void print_field(const char *name, struct slice value)
{
	if (!value.len)
		return;
	printf("%-17s", name);
	print_between("", value, "\n");
}

static void print_times(const struct job *job)
{
	const struct {
		const char *name;
		int64_t at_us;
	} rows[] = {{"accepted", job->accepted_at_us}, {"due", job->run_at_us},
		{"first started", job->started_at_us}, {"finished", job->finished_at_us},
		{"gives up", job->give_up_at_us}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[32];
		if (rows[i].at_us)
			printf("%-17s%s\n", rows[i].name, out_time(text, rows[i].at_us));
	}
}

static void print_horizon(const struct opts *opts, const struct job *job)
{
	struct horizon h;
	char at[32], sure[32];
	if (!horizon_look(opts, job, &h))
		return;
	for (size_t i = 0; i < h.n && i < HORIZON_SHOWN; i++)
		printf("%-17stry %u, %s\n", i ? "" : "next tries", h.tries[i].attempt,
			out_time(at, h.tries[i].at_us));
	if (h.n > HORIZON_SHOWN)
		printf("%-17sand %zu more\n", "", h.n - HORIZON_SHOWN);
	printf("%-17stry %u, %s; not before %s, whatever jitter takes\n", "last", h.last.attempt,
		out_time(at, h.last.at_us), out_time(sure, h.sure_us));
}

static void print_text_field(const struct ctl *ctl, const char *title, const char *name, struct slice text)
{
	if (!text.len)
		return;
	printf("%-17s", title);
	print_masked(ctl, name, "", text, "\n");
}

/* On one line: blanks between the tokens of JSON mean nothing, and all else stays as it was written. */
static void join_lines(struct buf *json)
{
	size_t n = 0;
	bool in_string = false;
	for (size_t i = 0; i < json->len; i++) {
		char c = json->p[i];
		if (!in_string && memchr(" \t\r\n", c, 4))
			continue;
		json->p[n++] = c;
		if (c == '"')
			in_string = !in_string;
		else if (c == '\\' && in_string && i + 1 < json->len)
			json->p[n++] = json->p[++i];
	}
	json->len = n;
}

static void print_json_field(const struct ctl *ctl, const char *name, struct slice json)
{
	struct buf shown = BUF_INIT(64 << 20);
	if (!json.len)
		return;
	mask_json(mask_of(ctl), json, &shown);
	join_lines(&shown);
	printf("%-17s", name);
	print_between("", buf_slice(&shown), "\n");
	buf_release(&shown);
}

static void print_job(struct ctl *ctl, const struct job *job)
{
	char id[JOB_ID_TEXT_LEN], behind[JOB_ID_TEXT_LEN];
	id_text(job->id, id);
	printf("%-17s%s\n%-17s%d\n%-17s%s\n", "job", id, phase_word(job->phase), job->phase, "state",
		job_state_name(job->state));
	print_field("workflow", job->workflow_id);
	print_field("user", job->user_id);
	printf("%-17s%d\n%-17s%u of %u\n", "priority", job->priority, "attempts", job->attempts_made,
		job->attempts_allowed);
	if (job->crashes)
		printf("%-17s%u of %d\n", "crashes", job->crashes, JOB_CRASHES_MAX);
	if (job->in_crowd)
		printf("%-17s%s\n", "in crowd", "yes: its user submits far more than others");
	if (!id_is_zero(job->behind)) {
		id_text(job->behind, behind);
		printf("%-17s%s\n", "behind", behind);
	}
	if (job->lease.owner[0])
		printf("%-17s%s, token %llu\n", "leased to", job->lease.owner,
			(unsigned long long)job->lease.token);
	print_times(job);
	print_horizon(&ctl->opts, job);
	print_text_field(ctl, "idempotency key", "idempotency_key", job->idempotency_key);
	print_text_field(ctl, "source", "source", job->source);
	print_field("traceparent", job->traceparent);
	print_text_field(ctl, "error", "error", job->error);
	print_json_field(ctl, "outcome", job->outcome);
	print_json_field(ctl, "checkpoint", job->checkpoint);
	print_json_field(ctl, "payload", job->payload);
}

static int show_one(struct ctl *ctl, const char *text)
{
	struct job job;
	struct why why = WHY_INIT;
	long left = 0;
	struct event_filter filter = {0};
	if (!ctl_id(text, &filter.job))
		return DAEMON_USAGE;
	enum status st = spool_get(ctl->spool, filter.job, &job, &why);
	if (st != ST_OK) {
		fprintf(stderr, "clario-spool: %s: %s\n", text, why.text);
		return st == ST_NOTFOUND ? CTL_NO : daemon_exit_code(st);
	}
	if (ctl_has(ctl, OPTION_JSON)) {
		print_whole_line(ctl, &job);
	} else {
		print_job(ctl, &job);
		puts("events");
		st = each_event(ctl, &filter, false, &left, &why);
	}
	job_release(&job);
	return st == ST_OK ? CTL_DONE : ctl_fail(st, &why);
}

int cmd_show(struct ctl *ctl)
{
	int worst = CTL_DONE;
	for (int i = 0; i < ctl->args_n; i++) {
		int code = show_one(ctl, ctl->args[i]);
		worst = code > worst ? code : worst;
	}
	return worst;
}

int cmd_workflow(struct ctl *ctl)
{
	struct why why = WHY_INIT;
	long left = 0;
	bool json = ctl_has(ctl, OPTION_JSON);
	struct libscols_table *table = json ? NULL : out_table(job_columns, JOB_COLUMNS);
	ctl->filter = (struct job_filter){.workflow_id = slice_text(ctl->args[0]), .oldest_first = true};
	struct event_filter filter = {.workflow_id = ctl->filter.workflow_id};
	if (!json && !table)
		return DAEMON_SYSTEM;
	size_t shown = 0;
	int code = each_job(ctl, INT32_MAX, json ? print_json_job : add_job_row, table, &shown);
	if (table)
		out_table_end(table);
	if (code != CTL_DONE || shown == 0)
		return code != CTL_DONE ? code : CTL_NO;
	if (!json)
		puts("\ntimeline");
	enum status st = each_event(ctl, &filter, json, &left, &why);
	return st == ST_OK ? CTL_DONE : ctl_fail(st, &why);
}

int cmd_events(struct ctl *ctl)
{
	enum { FOLLOW_MS = 100 };
	struct why why = WHY_INIT;
	struct event_filter filter = ctl->events;
	long left = ctl->limit;
	bool json = ctl->given & (OPTION_JSON | OPTION_FORMAT);
	for (;;) {
		enum status st = each_event(ctl, &filter, json, &left, &why);
		if (st != ST_OK)
			return ctl_fail(st, &why);
		if (!ctl_has(ctl, OPTION_FOLLOW) || (ctl->limit && left <= 0) || fflush(stdout) != 0)
			return CTL_DONE;
		clock_sleep_ms(FOLLOW_MS);
	}
}
