/* spool/ctl/cmd_workers.c: workers: who works, since when, at what: the leases of each. */
#include "spool/base/clock.h"
#include "spool/crew.h"
#include "spool/ctl/ctl.h"
#include "spool/ctl/out.h"
#include "spool/model/rules.h"

#include <stdlib.h>

enum { PAGE = 200, LEASES_MAX = 20000 };

struct lease_of {
	char owner[JOB_OWNER_MAX];
	struct job_id id;
	int phase;
	int64_t since_us, left_ms;
	bool is_over;
};
struct leases {
	struct lease_of *list;
	size_t n;
	bool is_cut;
};

static void note(struct leases *l, const struct job *job, struct moment now)
{
	struct lease_of *to = &l->list[l->n++];
	*to = (struct lease_of){.id = job->id,
		.phase = job->phase,
		.since_us = job->claimed_at_us,
		.is_over = rules_lease_is_over(job, now)};
	memcpy(to->owner, job->lease.owner, sizeof to->owner);
	to->left_ms = to->is_over ? 0 : (job->lease.deadline_boot_us - now.boot_us) / 1000;
}

static int by_owner(const void *a, const void *b)
{
	const struct lease_of *x = a, *y = b;
	int order = strcmp(x->owner, y->owner);
	return order ? order : (x->since_us > y->since_us) - (x->since_us < y->since_us);
}

static enum status read_leases(struct ctl *ctl, struct moment now, struct leases *out, struct why *why)
{
	struct job jobs[PAGE];
	struct cursor at = {""}, next;
	struct job_filter filter = {.has_state = true, .state = JOB_ACTIVE, .oldest_first = true};
	out->list = calloc(LEASES_MAX, sizeof *out->list);
	if (!out->list)
		return why_set(why, ST_NOMEM, "out of memory");
	do {
		size_t n;
		enum status st = spool_list(ctl->spool, &filter, &at, PAGE, false, jobs, &n, &next, why);
		if (st != ST_OK)
			return st;
		for (size_t i = 0; i < n; i++) {
			if (out->n < LEASES_MAX)
				note(out, &jobs[i], now);
			else
				out->is_cut = true;
			job_release(&jobs[i]);
		}
		at = next;
	} while (at.text[0] && !out->is_cut);
	qsort(out->list, out->n, sizeof *out->list, by_owner);
	return ST_OK;
}

/* A worker, with its leases list[first..first + n). */
struct worker_row {
	const char *name;
	enum { IS_ALIVE, IS_DEAD, IS_UNKNOWN } life;
	const struct lease_of *leases;
	size_t n;
};

static const struct out_column columns[] = {{"WORKER", false, false}, {"LIVES", false, false},
	{"JOBS", true, false}, {"LONGEST", true, false}, {"LEASE ENDS IN", true, false},
	{"RUNS", false, true}};
enum { COLUMNS = sizeof columns / sizeof *columns };

static void list_phases(const struct worker_row *row, char *out, size_t cap)
{
	size_t per_slot[PHASE_SLOTS] = {0}, len = 0;
	out[0] = '\0';
	for (size_t i = 0; i < row->n; i++)
		per_slot[phase_slot(row->leases[i].phase)]++;
	for (int slot = 0; slot < PHASE_SLOTS; slot++) {
		int phase = phase_of_slot(slot);
		if (per_slot[slot] && len < cap)
			len += (size_t)snprintf(out + len, cap - len, "%s%s %d: %zu", len ? ", " : "",
				phase_word(phase), phase, per_slot[slot]);
	}
}

static bool add_row(struct libscols_table *table, const struct worker_row *row, struct moment now)
{
	static const char *const lives[] = {"yes", "no", "?"};
	char jobs[24], longest[OUT_SPAN_LEN] = "-", left[OUT_SPAN_LEN] = "-", runs[256];
	const char *longest_text = "-", *left_text = "-";
	int64_t least_ms = INT64_MAX;
	for (size_t i = 0; i < row->n; i++)
		if (row->leases[i].left_ms < least_ms)
			least_ms = row->leases[i].left_ms;
	if (row->n) {
		longest_text = out_span(longest, now.wall_us - row->leases[0].since_us);
		left_text = least_ms <= 0 ? "over" : out_span(left, least_ms * 1000);
	}
	snprintf(jobs, sizeof jobs, "%zu", row->n);
	list_phases(row, runs, sizeof runs);
	const char *texts[COLUMNS] = {
		row->name, lives[row->life], jobs, longest_text, left_text, runs[0] ? runs : NULL};
	return out_row_in(table, texts, COLUMNS, row->life == IS_DEAD ? "red" : NULL);
}

static bool print_line(const struct worker_row *row)
{
	struct buf line;
	struct jx_writer w;
	out_json_begin(&line, &w);
	jx_open_object(&w, NULL);
	jx_cstring(&w, "worker", row->name);
	if (row->life == IS_UNKNOWN)
		jx_null(&w, "alive");
	else
		jx_bool(&w, "alive", row->life == IS_ALIVE);
	jx_open_array(&w, "jobs");
	for (size_t i = 0; i < row->n; i++) {
		char id[JOB_ID_TEXT_LEN];
		id_text(row->leases[i].id, id);
		jx_open_object(&w, NULL);
		jx_cstring(&w, "id", id);
		jx_int(&w, phase_word(row->leases[i].phase), row->leases[i].phase);
		jx_time(&w, "since", row->leases[i].since_us);
		jx_int(&w, "lease_ends_in_ms", row->leases[i].left_ms);
		jx_close_object(&w);
	}
	jx_close_array(&w);
	jx_close_object(&w);
	return out_json_end(&line);
}

/* Those that live or died unseen, then owners of leases that have no mark: dead, or on another host. */
static size_t gather(const struct leases *leases, const struct crew_member *crew, int crew_n, bool sees_all,
	struct worker_row *rows)
{
	size_t n = 0;
	for (int i = 0; i < crew_n; i++)
		rows[n++] = (struct worker_row){crew[i].name, crew[i].lives ? IS_ALIVE : IS_DEAD, NULL, 0};
	for (size_t i = 0; i < leases->n; i++) {
		size_t at = 0;
		while (at < n && strcmp(rows[at].name, leases->list[i].owner) != 0)
			at++;
		if (at == n)
			rows[n++] = (struct worker_row){
				leases->list[i].owner, sees_all ? IS_DEAD : IS_UNKNOWN, NULL, 0};
		if (rows[at].n++ == 0)
			rows[at].leases = &leases->list[i];
	}
	return n;
}

static int print(struct ctl *ctl, const struct leases *leases, struct moment now)
{
	struct crew_member *crew = calloc(CREW_MAX, sizeof *crew);
	struct worker_row *rows = calloc(CREW_MAX + leases->n, sizeof *rows);
	bool json = ctl_has(ctl, OPTION_JSON), ok = crew && rows;
	int crew_n = ok ? crew_look(ctl->opts.spool.path, crew) : -1;
	bool sees_all = crew_n >= 0 && strcmp(ctl->opts.spool.store, "lmdb") == 0;
	size_t n = ok ? gather(leases, crew, crew_n, sees_all, rows) : 0, living = 0;
	struct libscols_table *table = json ? NULL : out_table(columns, COLUMNS);
	ok = ok && (json || table);
	for (size_t i = 0; ok && i < n; i++) {
		ok = json ? print_line(&rows[i]) : add_row(table, &rows[i], now);
		living += rows[i].life == IS_ALIVE;
	}
	if (table)
		out_table_end(table);
	if (leases->is_cut)
		fprintf(stderr, "clario-spool: %d leases were looked at, there are more\n", LEASES_MAX);
	if (crew_n < 0)
		fputs("clario-spool: this is a copy: whether they live is not to be seen\n", stderr);
	free(crew);
	free(rows);
	return !ok ? DAEMON_SYSTEM : living || !sees_all ? CTL_DONE : CTL_NO;
}

/* Exit 1: none lives. */
int cmd_workers(struct ctl *ctl)
{
	struct leases leases = {0};
	struct why why = WHY_INIT;
	struct moment now = clock_now();
	enum status st = read_leases(ctl, now, &leases, &why);
	int code = st == ST_OK ? print(ctl, &leases, now) : ctl_fail(st, &why);
	free(leases.list);
	return code;
}
