/* spool/ctl/cmd_receiver.c: receivers: how they are, and pausing one. */
#include "spool/base/clock.h"
#include "spool/ctl/ctl.h"
#include "spool/ctl/out.h"
#include "spool/show.h"

#include <stdlib.h>
#include <string.h>

struct receivers {
	struct receiver_state *list;
	size_t n;
	struct meter_reading *meters; /* NULL: nobody has counted, as in a copy */
};

/* More may come between counting and reading them. The caller frees the list. */
static enum status read_all(struct ctl *ctl, struct receivers *out, struct why *why)
{
	size_t cap;
	*out = (struct receivers){0};
	do {
		cap = out->n;
		free(out->list);
		out->list = calloc(cap + 1, sizeof *out->list);
		if (!out->list)
			return why_set(why, ST_NOMEM, "out of memory");
		enum status st = spool_receivers(ctl->spool, out->list, cap, &out->n, why);
		if (st != ST_OK)
			return st;
	} while (out->n > cap);
	return ST_OK;
}

/* --- looking --- */

static const struct out_column columns[] = {{"RECEIVER", false, false}, {"STATE", false, false},
	{"UNTIL", false, false}, {"PAUSED BY", false, true}, {"CALLS", true, false}, {"FAILED", true, false},
	{"LATELY", true, false}, {"P95", true, false}};
enum { COLUMNS = sizeof columns / sizeof *columns };

/* Milliseconds are told as such for longer than elsewhere: 250ms and 1900ms are not alike. */
static const char *call_time(char out[OUT_SPAN_LEN], const struct meter_histogram *times)
{
	enum { MS_MAX = 10000 };
	int64_t ms = show_call_ms(times, 0.95);
	if (ms < 0 || ms >= MS_MAX)
		return out_span(out, ms < 0 ? -1 : ms * 1000);
	snprintf(out, OUT_SPAN_LEN, "%lldms", (long long)ms);
	return out;
}

static bool add_row(struct libscols_table *table, const struct receiver_state *r,
	const struct meter_histogram *times, int64_t now_us)
{
	char p95[OUT_SPAN_LEN];
	char state[40], until[32], calls[24], failed[24], lately[64] = "-";
	bool is_paused = receiver_is_paused(r, now_us);
	struct call_count window = receiver_window(r, now_us);
	uint64_t in_window = (uint64_t)window.ok + window.failed;
	int64_t until_us = is_paused                       ? r->paused_until_us
			   : r->breaker == BREAKER_OPEN    ? r->open_until_us
			   : r->breaker == BREAKER_PROBING ? r->probe_until_us
							   : 0;
	if (!is_paused)
		snprintf(state, sizeof state, "%s", breaker_name(r->breaker));
	else if (r->breaker == BREAKER_CLOSED)
		snprintf(state, sizeof state, "paused");
	else
		snprintf(state, sizeof state, "paused (%s)", breaker_name(r->breaker));
	snprintf(calls, sizeof calls, "%llu", (unsigned long long)r->calls_total);
	snprintf(failed, sizeof failed, "%llu", (unsigned long long)r->failed_total);
	if (in_window)
		snprintf(lately, sizeof lately, "%u of %llu (%llu %%)", window.failed,
			(unsigned long long)in_window,
			(unsigned long long)(window.failed * 100ULL / in_window));
	const char *texts[COLUMNS] = {r->name, state, out_time(until, until_us),
		is_paused ? r->paused_by : NULL, calls, failed, lately, call_time(p95, times)};
	return out_row(table, texts, COLUMNS);
}

static bool print_line(const struct receiver_state *r, const struct meter_histogram *times, int64_t now_us)
{
	struct buf line;
	struct jx_writer w;
	out_json_begin(&line, &w);
	show_receiver(&w, NULL, r, times, now_us);
	return out_json_end(&line);
}

int cmd_receivers(struct ctl *ctl)
{
	struct why why = WHY_INIT;
	struct receivers all;
	int64_t now_us = clock_now().wall_us;
	bool json = ctl_has(ctl, OPTION_JSON);
	enum status st = read_all(ctl, &all, &why);
	struct libscols_table *table = st == ST_OK && !json ? out_table(columns, COLUMNS) : NULL;
	bool ok = json || table;
	if (meter_look(ctl->opts.spool.path, &all.meters, NULL) != ST_OK)
		all.meters = NULL;
	for (size_t i = 0; st == ST_OK && ok && i < all.n; i++) {
		const struct meter_histogram *times = meter_calls_of(all.meters, all.list[i].name);
		ok = json ? print_line(&all.list[i], times, now_us)
			  : add_row(table, &all.list[i], times, now_us);
	}
	meter_reading_free(all.meters);
	free(all.list);
	if (table)
		out_table_end(table);
	if (st != ST_OK)
		return ctl_fail(st, &why);
	return ok ? CTL_DONE : DAEMON_SYSTEM;
}

/* --- pausing --- */

static bool is_known(const struct receivers *all, const char *name)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->list[i].name, name) == 0)
			return true;
	return false;
}

int ctl_pause_receiver(struct ctl *ctl, bool pause)
{
	struct why why = WHY_INIT;
	struct receivers all;
	struct moment now = clock_now();
	if (ctl_has(ctl, OPTION_PHASE)) {
		fputs("clario-spool: give --phase or --receiver, not both\n", stderr);
		return DAEMON_USAGE;
	}
	int64_t until_us = ctl_has(ctl, OPTION_FOR) ? now.wall_us + ctl->for_us : 0;
	enum status st = read_all(ctl, &all, &why);
	bool is_new = st == ST_OK && !is_known(&all, ctl->receiver);
	free(all.list);
	if (st == ST_OK)
		st = spool_receiver_pause(ctl->spool, now, ctl->receiver, pause, until_us,
			slice_text(ctl->actor), slice_text(ctl->reason), &why);
	if (st != ST_OK)
		return ctl_fail(st, &why);
	if (is_new)
		fprintf(stderr,
			"clario-spool: %s: no call to a receiver of that name has been reported yet\n",
			ctl->receiver);
	printf("%s receiver %s", pause ? "paused" : "resumed", ctl->receiver);
	if (until_us) {
		char until[32];
		printf(" until %s", out_time(until, until_us));
	}
	putchar('\n');
	return CTL_DONE;
}
