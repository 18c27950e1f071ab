/* fcgi/audit.c: GET /audit: the spool's events, newest first; with acts=1 only what people and programs did
 * beyond sending triggers: who steered what, and why. */
#include "fcgi/handlers.h"
#include "fcgi/reveal.h"
#include "spool/show.h"
#include "spool/spool.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	PAGE_DEFAULT = 100,
	PAGE_MAX = 500,
	WINDOW = 200,            /* events in memory at one time */
	LOOKS = 50,              /* windows that one request looks at */
	PAGE_BYTES_MAX = 8 << 20 /* a page of events with large data ends early */
};

struct ask {
	uint64_t before; /* 0: from the newest */
	size_t limit;
	bool only_acts;
	const struct mask *mask;
};

static bool take_digits(struct slice text, uint64_t max, uint64_t *out)
{
	*out = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] < '0' || text.p[i] > '9' || *out > max / 10)
			return false;
		*out = *out * 10 + (uint64_t)(text.p[i] - '0');
	}
	return text.len > 0 && *out >= 1 && *out <= max;
}

static bool parse(const struct app *app, const struct request *request, struct ask *ask, struct fault *fault)
{
	static const char *const known[] = {"before", "limit", "acts", REVEAL_PARAM, NULL};
	struct query query;
	uint64_t limit = PAGE_DEFAULT;
	*ask = (struct ask){0};
	if (!query_parse(request->param[PARAM_QUERY], known, &query, fault))
		return false;
	if (query_has(&query, "before") && !take_digits(query_get(&query, "before"), INT64_MAX, &ask->before))
		return fault_set(fault, PROBLEM_BAD_QUERY, "before", "before must be an event's seq");
	if (query_has(&query, "limit") && !take_digits(query_get(&query, "limit"), PAGE_MAX, &limit))
		return fault_set(
			fault, PROBLEM_BAD_QUERY, "limit", "limit must be a number from 1 to %d", PAGE_MAX);
	struct slice acts = query_get(&query, "acts");
	if (query_has(&query, "acts") && !slice_is(acts, "0") && !slice_is(acts, "1"))
		return fault_set(fault, PROBLEM_BAD_QUERY, "acts", "acts must be 0 or 1");
	ask->limit = (size_t)limit;
	ask->only_acts = slice_is(acts, "1");
	return reveal_ask(app, request, &query, &ask->mask, fault);
}

static bool begins_with(struct slice text, const char *with)
{
	size_t len = strlen(with);
	return text.len >= len && memcmp(text.p, with, len) == 0;
}

/* A trigger that was sent is no act on the queue, but for one that an operator enqueued; and what the daemons
 * do by themselves is none either. */
static bool is_act(const struct event *event)
{
	if (event->kind == EVENT_ACCEPTED)
		return begins_with(event->actor, "operator:");
	return !begins_with(event->actor, "worker:") && !begins_with(event->actor, "webhook:") &&
	       !slice_is(event->actor, "system");
}

/* The first event that there still is; 0: none. */
static enum status oldest(struct app *app, uint64_t *seq, struct why *why)
{
	struct event_filter all = {0};
	struct event event = {0};
	uint64_t seen;
	size_t n = 0;
	enum status st = spool_events(app->spool, &all, 1, &event, &n, &seen, why);
	*seq = st == ST_OK && n ? event.seq : 0;
	if (n)
		event_release(&event);
	return st;
}

/* Those of (from, *upto], newest first, until the page is full; *upto goes down to what was not looked at
 * yet. */
static enum status write_window(struct app *app, struct ask *ask, struct jx_writer *w, struct event *events,
	uint64_t from, uint64_t *upto, struct why *why)
{
	struct event_filter filter = {.after_seq = from};
	uint64_t seen;
	size_t n = 0, i;
	enum status st = spool_events(app->spool, &filter, (size_t)(*upto - from), events, &n, &seen, why);
	for (i = n; i-- > 0 && ask->limit > 0;) {
		if (events[i].seq > *upto)
			continue;
		*upto = events[i].seq - 1;
		if (ask->only_acts && !is_act(&events[i]))
			continue;
		show_event(w, &events[i], ask->mask);
		ask->limit = w->out->len < PAGE_BYTES_MAX ? ask->limit - 1 : 0;
	}
	if (ask->limit > 0)
		*upto = from;
	for (i = 0; i < n; i++)
		event_release(&events[i]);
	return st;
}

static enum status write_page(
	struct app *app, struct ask *ask, struct jx_writer *w, uint64_t *upto, struct why *why)
{
	struct event *events = calloc(WINDOW, sizeof *events);
	uint64_t first = 0;
	enum status st = events ? oldest(app, &first, why) : why_set(why, ST_NOMEM, "out of memory");
	for (int i = 0; st == ST_OK && i < LOOKS && ask->limit > 0 && first && *upto >= first; i++)
		st = write_window(app, ask, w, events, *upto > WINDOW ? *upto - WINDOW : 0, upto, why);
	if (!first || *upto < first)
		*upto = 0;
	free(events);
	return st;
}

void audit_show(struct app *app, const struct request *request, struct reply *reply)
{
	struct ask ask;
	struct fault fault;
	struct stats stats;
	struct why why = WHY_INIT;
	if (!parse(app, request, &ask, &fault)) {
		reply_fault(reply, &fault);
		return;
	}
	enum status st = spool_stats(app->spool, &stats, &why);
	uint64_t upto = st == ST_OK ? stats.last_seq : 0;
	if (ask.before && ask.before - 1 < upto)
		upto = ask.before - 1;
	struct jx_writer w = reply_open(reply);
	jx_open_array(&w, "events");
	if (st == ST_OK)
		st = write_page(app, &ask, &w, &upto, &why);
	jx_close_array(&w);
	if (st != ST_OK) {
		reply_status(reply, st, &why, PROBLEM_INTERNAL);
		return;
	}
	if (upto)
		jx_int(&w, "next_before", (int64_t)upto + 1);
	else
		jx_null(&w, "next_before");
	reply_close(reply, &w);
}
