/* spool/ctl/glance.c: see glance.h. Each part is bounded: the cost does not grow with the spool. */
#include "spool/ctl/glance.h"

#include "spool/base/clock.h"
#include "spool/crew.h"
#include "spool/ctl/out.h"

#include <stdarg.h>

enum { TAIL_EVENTS = 4000, EVENTS_PAGE = 200, STALLED_PAGE = 50 };
static const int64_t minute_us = 60000000;

/* --- looking --- */

/* As the metrics tell them, so that screen and alert agree. Waiting is also what is behind another of its
 * workflow. */
static enum status take_figures(struct ctl *ctl, struct glance *g, struct why *why)
{
	struct figures figures;
	enum status st = spool_figures(ctl->spool, &figures, why);
	if (st != ST_OK)
		return st;
	g->stats = figures.stats;
	for (int slot = 0; slot < PHASE_SLOTS; slot++) {
		int64_t at_us = figures.oldest_at_us[FIGURES_WAITING][slot],
			behind_us = figures.oldest_at_us[FIGURES_BEHIND][slot];
		if (behind_us < at_us)
			at_us = behind_us;
		g->oldest_due_us[slot] = at_us == INT64_MAX ? 0 : at_us;
	}
	return ST_OK;
}

static void count_event(struct glance *g, const struct event *e, int64_t from_us)
{
	int slot = phase_slot(e->phase);
	bool is_end = e->kind == EVENT_COMPLETED || e->kind == EVENT_FAILED;
	if (is_end && slot >= 0 && e->at_us >= from_us)
		g->ended[slot]++;
}

/* The newest events; of a busy spool they reach back less than a minute. */
static enum status count_ended(struct ctl *ctl, struct glance *g, struct why *why)
{
	struct event events[EVENTS_PAGE];
	uint64_t last = g->stats.last_seq;
	struct event_filter filter = {.after_seq = last > TAIL_EVENTS ? last - TAIL_EVENTS : 0};
	int64_t from_us = g->now.wall_us - minute_us;
	bool is_cut = filter.after_seq > 0;
	for (;;) {
		size_t n;
		uint64_t seen;
		enum status st = spool_events(ctl->spool, &filter, EVENTS_PAGE, events, &n, &seen, why);
		if (st != ST_OK)
			return st;
		for (size_t i = 0; i < n; i++) {
			if (is_cut && events[i].at_us > from_us)
				from_us = events[i].at_us;
			is_cut = false;
			count_event(g, &events[i], from_us);
			event_release(&events[i]);
		}
		if (seen == filter.after_seq || seen >= last)
			break;
		filter.after_seq = seen;
	}
	g->span_us = g->now.wall_us > from_us ? g->now.wall_us - from_us : 1;
	return ST_OK;
}

static enum status count_stalled(struct ctl *ctl, struct glance *g, struct why *why)
{
	struct stalled page[STALLED_PAGE];
	struct job_id at = {{0}};
	size_t n;
	do {
		enum status st = spool_stalled(ctl->spool, &at, page, STALLED_PAGE, &n, why);
		if (st != ST_OK)
			return st;
		g->stalled += n;
	} while (n == STALLED_PAGE && g->stalled < GLANCE_STALLED);
	return ST_OK;
}

/* --- what wants attention --- */

static struct glance_note *add_note(struct glance *g, int phase, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static struct glance_note *add_note(struct glance *g, int phase, const char *fmt, ...)
{
	va_list ap;
	struct glance_note *note = &g->notes[g->notes_n < GLANCE_NOTES ? g->notes_n++ : GLANCE_NOTES - 1];
	*note = (struct glance_note){.phase = phase};
	va_start(ap, fmt);
	vsnprintf(note->what, sizeof note->what, fmt, ap);
	va_end(ap);
	return note;
}
#define ADVISE(note, ...) snprintf((note)->todo, sizeof(note)->todo, __VA_ARGS__)

static void note_phase(struct glance *g, const struct opts *opts, int slot)
{
	const uint64_t *jobs = g->stats.jobs[slot];
	int phase = phase_of_slot(slot);
	int64_t level_us = opts->phase[slot].service_level_ms * 1000;
	int64_t age_us = g->oldest_due_us[slot] ? g->now.wall_us - g->oldest_due_us[slot] : 0;
	char age[OUT_SPAN_LEN], level[OUT_SPAN_LEN];
	if (g->stats.paused_phases >> slot & 1)
		ADVISE(add_note(g, phase, "%s %d is paused", phase_word(phase), phase),
			"clario-spool resume --phase %d", phase);
	if (level_us && age_us > level_us)
		ADVISE(add_note(g, phase, "%s %d: the oldest has waited for %s, its service level is %s",
			       phase_word(phase), phase, out_span(age, age_us), out_span(level, level_us)),
			"clario-spool list --state waiting --phase %d --order asc, then explain", phase);
	if (jobs[JOB_FAILED])
		ADVISE(add_note(g, phase, "%llu %s of %s %d %s failed", (unsigned long long)jobs[JOB_FAILED],
			       PLURAL(jobs[JOB_FAILED], "job", "jobs"), phase_word(phase), phase,
			       PLURAL(jobs[JOB_FAILED], "has", "have")),
			"clario-spool list --state failed --phase %d, then retry", phase);
	if (jobs[JOB_HELD])
		ADVISE(add_note(g, phase, "%llu %s of %s %d %s held", (unsigned long long)jobs[JOB_HELD],
			       PLURAL(jobs[JOB_HELD], "job", "jobs"), phase_word(phase), phase,
			       PLURAL(jobs[JOB_HELD], "is", "are")),
			"clario-spool list --state held --phase %d, then release", phase);
}

static void note_receiver(struct glance *g, const struct receiver_state *r)
{
	if (receiver_is_paused(r, g->now.wall_us))
		ADVISE(add_note(g, 0, "the receiver %s is paused", r->name),
			"clario-spool resume --receiver %s", r->name);
	else if (receiver_may_run(r, g->now.wall_us) == 0)
		ADVISE(add_note(g, 0, "the breaker of the receiver %s is %s", r->name,
			       breaker_name(r->breaker)),
			"see to %s; clario-spool receivers tells when it is tried again", r->name);
}

static void note_room(struct glance *g)
{
	const struct stats *s = &g->stats;
	if (s->intake_full)
		ADVISE(add_note(g, 0, "the spool is full: new jobs are refused"),
			"let workers work it off, lower queue.keep-*, or clario-spool compact with a larger "
			"map");
	if (s->disk_full)
		ADVISE(add_note(g, 0, "the file system is nearly full: new jobs are refused"),
			"make room on the file system of the spool");
	if (s->set_aside)
		ADVISE(add_note(g, 0, "%llu %s could not be read and %s set aside",
			       (unsigned long long)s->set_aside, PLURAL(s->set_aside, "record", "records"),
			       PLURAL(s->set_aside, "was", "were")),
			"clario-spool verify, then repair or restore");
}

static void note_all(struct glance *g, const struct opts *opts)
{
	uint64_t ready = stats_state(&g->stats, JOB_WAITING) + stats_state(&g->stats, JOB_ACTIVE) +
			 stats_state(&g->stats, JOB_DELAYED);
	note_room(g);
	if (g->workers == 0 && ready)
		ADVISE(add_note(g, 0, "no worker lives, and %llu %s one", (unsigned long long)ready,
			       PLURAL(ready, "job wants", "jobs want")),
			"start clario-worker");
	for (size_t i = 0; i < g->receivers_n; i++)
		note_receiver(g, &g->receivers[i]);
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		note_phase(g, opts, slot);
	if (g->stalled)
		ADVISE(add_note(g, 0, "%zu%s %s for a phase that did not come", g->stalled,
			       g->stalled >= GLANCE_STALLED ? " or more" : "",
			       PLURAL(g->stalled, "workflow waits", "workflows wait")),
			"clario-spool stalled");
}

enum status glance_look(struct ctl *ctl, struct glance *g, struct why *why)
{
	uint64_t backup_at_us = 0;
	*g = (struct glance){.now = clock_now()};
	enum status st = take_figures(ctl, g, why);
	if (st == ST_OK)
		st = count_ended(ctl, g, why);
	if (st == ST_OK)
		st = spool_receivers(ctl->spool, g->receivers, GLANCE_RECEIVERS, &g->receivers_n, why);
	if (st == ST_OK)
		st = count_stalled(ctl, g, why);
	if (st == ST_OK)
		st = spool_bookmark_get(ctl->spool, "backup", &backup_at_us, why);
	if (st != ST_OK)
		return st;
	if (g->receivers_n > GLANCE_RECEIVERS)
		g->receivers_n = GLANCE_RECEIVERS;
	g->backup_at_us = (int64_t)backup_at_us;
	g->workers = crew_count_of(ctl->opts.spool.store, ctl->opts.spool.path);
	note_all(g, &ctl->opts);
	return ST_OK;
}

double glance_rate(const struct glance *g, int slot)
{
	return (double)g->ended[slot] * (double)minute_us / (double)g->span_us;
}

/* --- showing --- */

static const struct out_column columns[] = {{"PHASE", true, false}, {"", false, true},
	{"WAITING", true, false}, {"DELAYED", true, false}, {"ACTIVE", true, false}, {"FAILED", true, false},
	{"HELD", true, false}, {"PER MIN", true, false}, {"OLDEST", true, false}};
enum { COLUMNS = sizeof columns / sizeof *columns };

static bool has_note(const struct glance *g, int phase)
{
	for (size_t i = 0; i < g->notes_n; i++)
		if (g->notes[i].phase == phase)
			return true;
	return false;
}

/* Steps that nobody uses any more would only fill the screen. */
static bool is_idle_step(const struct glance *g, int slot)
{
	uint64_t sum = g->ended[slot] + (g->stats.paused_phases >> slot & 1);
	for (int state = 0; state < JOB_STATE_N; state++)
		sum += g->stats.jobs[slot][state];
	return phase_is_step(phase_of_slot(slot)) && sum == 0;
}

static bool add_phase(struct libscols_table *table, const struct glance *g, int slot)
{
	static const enum job_state states[] = {JOB_WAITING, JOB_DELAYED, JOB_ACTIVE, JOB_FAILED, JOB_HELD};
	enum { STATES = sizeof states / sizeof *states };
	char number[16], counts[STATES][24], rate[24], oldest[OUT_SPAN_LEN];
	int phase = phase_of_slot(slot);
	const char *row[COLUMNS] = {number, phase_info(phase)->title};
	snprintf(number, sizeof number, "%d", phase);
	for (int i = 0; i < STATES; i++) {
		snprintf(counts[i], sizeof counts[i], "%llu",
			(unsigned long long)g->stats.jobs[slot][states[i]]);
		row[2 + i] = counts[i];
	}
	snprintf(rate, sizeof rate, "%.0f", glance_rate(g, slot));
	row[2 + STATES] = rate;
	row[3 + STATES] =
		g->oldest_due_us[slot] ? out_span(oldest, g->now.wall_us - g->oldest_due_us[slot]) : NULL;
	return out_row_in(table, row, COLUMNS, has_note(g, phase) ? "yellow" : NULL);
}

static void print_line_of(const struct glance *g)
{
	const struct stats *s = &g->stats;
	char backup[OUT_SPAN_LEN], span[OUT_SPAN_LEN], cap[32] = "";
	if (g->workers >= 0)
		printf("workers: %d, ", g->workers);
	printf("receivers: %zu, behind another of its workflow: %llu\n", g->receivers_n,
		(unsigned long long)s->behind);
	if (s->bytes_cap) /* a database has none */
		snprintf(cap, sizeof cap, " of %.1f", (double)s->bytes_cap / (1 << 20));
	printf("room: %.1f%s MiB used, last backup: %s%s, rates over %s\n", (double)s->bytes_used / (1 << 20),
		cap, g->backup_at_us ? out_span(backup, g->now.wall_us - g->backup_at_us) : "none known",
		g->backup_at_us ? " ago" : "", out_span(span, g->span_us));
}

static void print_notes(const struct glance *g)
{
	const char *red = out_is_colored() ? "\033[31m" : "", *plain = *red ? "\033[0m" : "";
	if (g->notes_n == 0) {
		puts("\nNothing wants attention.");
		return;
	}
	puts("\nWants attention:");
	for (size_t i = 0; i < g->notes_n; i++)
		printf("  %s%s%s\n      %s\n", red, g->notes[i].what, plain, g->notes[i].todo);
}

bool glance_print(const struct glance *g)
{
	struct libscols_table *table = out_table(columns, COLUMNS);
	bool ok = table != NULL;
	for (int slot = 0; ok && slot < PHASE_SLOTS; slot++)
		if (!is_idle_step(g, slot))
			ok = add_phase(table, g, slot);
	if (table)
		out_table_end(table);
	if (ok) {
		putchar('\n');
		print_line_of(g);
		print_notes(g);
	}
	return ok;
}
