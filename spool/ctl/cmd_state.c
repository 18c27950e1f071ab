/* spool/ctl/cmd_state.c: stats: how the spool as a whole is. */
#include "spool/ctl/ctl.h"
#include "spool/ctl/out.h"

static void print_stats_json(const struct stats *s)
{
	struct buf line;
	struct jx_writer w;
	out_json_begin(&line, &w);
	jx_open_object(&w, NULL);
	for (int state = 0; state < JOB_STATE_N; state++)
		jx_int(&w, job_state_name((enum job_state)state),
			(int64_t)stats_state(s, (enum job_state)state));
	jx_int(&w, "behind", (int64_t)s->behind);
	jx_int(&w, "accepted_total", (int64_t)s->accepted_total);
	jx_int(&w, "removed_total", (int64_t)s->removed_total);
	jx_int(&w, "set_aside", (int64_t)s->set_aside);
	jx_int(&w, "last_seq", (int64_t)s->last_seq);
	jx_int(&w, "bytes_used", (int64_t)s->bytes_used);
	jx_int(&w, "bytes_cap", (int64_t)s->bytes_cap);
	jx_bool(&w, "intake_full", s->intake_full);
	jx_bool(&w, "disk_full", s->disk_full);
	jx_open_object(&w, "phases");
	for (int slot = 0; slot < PHASE_SLOTS; slot++) {
		char name[16];
		snprintf(name, sizeof name, "%d", phase_of_slot(slot));
		jx_open_object(&w, name);
		for (int state = 0; state < JOB_STATE_N; state++)
			jx_int(&w, job_state_name((enum job_state)state), (int64_t)s->jobs[slot][state]);
		jx_bool(&w, "paused", s->paused_phases >> slot & 1);
		jx_close_object(&w);
	}
	jx_close_object(&w);
	jx_close_object(&w);
	out_json_end(&line);
}

enum { STATS_COLUMNS = JOB_STATE_N + 2 };

static bool add_stats_row(
	struct libscols_table *table, const char *name, const uint64_t counts[JOB_STATE_N], bool paused)
{
	char texts[JOB_STATE_N][24];
	const char *row[STATS_COLUMNS] = {name};
	for (int i = 0; i < JOB_STATE_N; i++) {
		snprintf(texts[i], sizeof texts[i], "%llu", (unsigned long long)counts[i]);
		row[1 + i] = texts[i];
	}
	row[STATS_COLUMNS - 1] = paused ? "paused" : "";
	return out_row(table, row, STATS_COLUMNS);
}

static void print_stats_table(const struct stats *s)
{
	static const struct out_column columns[STATS_COLUMNS] = {{"PHASE", true, false},
		{"WAITING", true, false}, {"DELAYED", true, false}, {"ACTIVE", true, false},
		{"COMPLETED", true, false}, {"FAILED", true, false}, {"HELD", true, false},
		{"CANCELLED", true, false}, {"", false, false}};
	struct libscols_table *table = out_table(columns, STATS_COLUMNS);
	uint64_t sums[JOB_STATE_N];
	bool ok = table != NULL;
	for (int slot = 0; ok && slot < PHASE_SLOTS; slot++) {
		char name[16];
		snprintf(name, sizeof name, "%d", phase_of_slot(slot));
		ok = add_stats_row(table, name, s->jobs[slot], s->paused_phases >> slot & 1);
	}
	for (int state = 0; state < JOB_STATE_N; state++)
		sums[state] = stats_state(s, (enum job_state)state);
	if (ok && add_stats_row(table, "all", sums, false))
		out_table_end(table);
}

int cmd_stats(struct ctl *ctl)
{
	struct stats s;
	char cap[32] = "";
	struct why why = WHY_INIT;
	enum status st = spool_stats(ctl->spool, &s, &why);
	if (st != ST_OK)
		return ctl_fail(st, &why);
	if (ctl_has(ctl, OPTION_JSON)) {
		print_stats_json(&s);
		return CTL_DONE;
	}
	print_stats_table(&s);
	if (s.bytes_cap) /* a database has none */
		snprintf(cap, sizeof cap, " of %.1f", (double)s.bytes_cap / (1 << 20));
	printf("\nbehind another of its workflow: %llu\naccepted ever: %llu, removed: %llu, set aside: %llu\n"
	       "room: %.1f%s MiB used%s\n",
		(unsigned long long)s.behind, (unsigned long long)s.accepted_total,
		(unsigned long long)s.removed_total, (unsigned long long)s.set_aside,
		(double)s.bytes_used / (1 << 20), cap,
		s.intake_full ? "; FULL, intake is closed"
		: s.disk_full ? "; DISK FULL, intake is closed"
			      : "");
	return CTL_DONE;
}
