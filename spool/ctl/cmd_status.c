/* spool/ctl/cmd_status.c: status: one screen, and whether anything wants attention. */
#include "spool/ctl/glance.h"
#include "spool/ctl/out.h"

#include <stdlib.h>

static void write_phase(struct jx_writer *w, const struct glance *g, int slot)
{
	char name[16];
	int64_t oldest_us = g->oldest_due_us[slot];
	snprintf(name, sizeof name, "%d", phase_of_slot(slot));
	jx_open_object(w, name);
	for (int state = 0; state < JOB_STATE_N; state++)
		jx_int(w, job_state_name((enum job_state)state), (int64_t)g->stats.jobs[slot][state]);
	jx_bool(w, "paused", g->stats.paused_phases >> slot & 1);
	jx_int(w, "per_minute", (int64_t)(glance_rate(g, slot) + 0.5));
	if (oldest_us)
		jx_int(w, "oldest_ms", (g->now.wall_us - oldest_us) / 1000);
	else
		jx_null(w, "oldest_ms");
	jx_close_object(w);
}

static bool print_line(const struct glance *g)
{
	struct buf line;
	struct jx_writer w;
	out_json_begin(&line, &w);
	jx_open_object(&w, NULL);
	jx_time(&w, "at", g->now.wall_us);
	jx_open_object(&w, "phases");
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		write_phase(&w, g, slot);
	jx_close_object(&w);
	if (g->workers >= 0)
		jx_int(&w, "workers", g->workers);
	else
		jx_null(&w, "workers");
	jx_int(&w, "stalled", (int64_t)g->stalled);
	jx_int(&w, "behind", (int64_t)g->stats.behind);
	jx_int(&w, "bytes_used", (int64_t)g->stats.bytes_used);
	jx_int(&w, "bytes_cap", (int64_t)g->stats.bytes_cap);
	jx_time(&w, "backup_at", g->backup_at_us);
	jx_int(&w, "rates_over_ms", g->span_us / 1000);
	jx_open_array(&w, "attention");
	for (size_t i = 0; i < g->notes_n; i++) {
		jx_open_object(&w, NULL);
		jx_cstring(&w, "what", g->notes[i].what);
		jx_cstring(&w, "todo", g->notes[i].todo);
		jx_close_object(&w);
	}
	jx_close_array(&w);
	jx_close_object(&w);
	return out_json_end(&line);
}

int cmd_status(struct ctl *ctl)
{
	struct why why = WHY_INIT;
	struct glance *g = calloc(1, sizeof *g);
	if (!g)
		return DAEMON_SYSTEM;
	enum status st = glance_look(ctl, g, &why);
	bool ok = st == ST_OK && (ctl_has(ctl, OPTION_JSON) ? print_line(g) : glance_print(g));
	int code = st != ST_OK ? ctl_fail(st, &why) : !ok ? DAEMON_SYSTEM : g->notes_n ? CTL_NO : CTL_DONE;
	free(g);
	return code;
}
