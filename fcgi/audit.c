/* fcgi/audit.c: GET /audit: the spool's events, newest first; with acts=1 only what people and programs did
 * beyond sending triggers: who steered what, and why. Or oldest first behind a seq, for who takes all of them
 * elsewhere and goes on where it was: as they are, or as CloudEvents. */
#include "fcgi/handlers.h"
#include "fcgi/reveal.h"
#include "spool/cloud_event.h"
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
	uint64_t after;  /* is_onward: behind this one, oldest first */
	uint64_t kinds;  /* bits; 0: any */
	size_t limit;
	bool only_acts, is_onward, is_cloud;
	char source[CLOUD_SOURCE_MAX];
	const struct mask *mask;
};

static bool take_digits(struct slice text, uint64_t min, uint64_t max, uint64_t *out)
{
	*out = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] < '0' || text.p[i] > '9' || *out > max / 10)
			return false;
		*out = *out * 10 + (uint64_t)(text.p[i] - '0');
	}
	return text.len > 0 && *out >= min && *out <= max;
}

/* The parameter, or the type that is asked for; both only say what the answer looks like. */
static bool take_format(
	const struct request *request, const struct query *query, struct ask *ask, struct fault *fault)
{
	struct slice accept = request->param[PARAM_ACCEPT], format = query_get(query, "format");
	bool is_given = query_has(query, "format");
	ask->is_cloud = is_given ? slice_is(format, "cloudevents")
				 : accept.len && memmem(accept.p, accept.len, CLOUD_EVENT_BATCH,
							 sizeof CLOUD_EVENT_BATCH - 1);
	ask->is_onward = ask->is_cloud || query_has(query, "after");
	if (is_given && !ask->is_cloud && !slice_is(format, "json"))
		return fault_set(fault, PROBLEM_BAD_QUERY, "format", "format must be json or cloudevents");
	if (ask->is_onward && ask->before)
		return fault_set(fault, PROBLEM_BAD_QUERY, "before",
			"before goes from the newest event back; after, and CloudEvents, from the oldest on");
	return true;
}

static bool take_place(const struct query *query, struct ask *ask, struct fault *fault)
{
	uint64_t limit = PAGE_DEFAULT;
	if (query_has(query, "before") &&
		!take_digits(query_get(query, "before"), 1, INT64_MAX, &ask->before))
		return fault_set(fault, PROBLEM_BAD_QUERY, "before", "before must be an event's seq");
	if (query_has(query, "after") && !take_digits(query_get(query, "after"), 0, INT64_MAX, &ask->after))
		return fault_set(
			fault, PROBLEM_BAD_QUERY, "after", "after must be an event's seq; 0: from the first");
	if (query_has(query, "limit") && !take_digits(query_get(query, "limit"), 1, PAGE_MAX, &limit))
		return fault_set(
			fault, PROBLEM_BAD_QUERY, "limit", "limit must be a number from 1 to %d", PAGE_MAX);
	ask->limit = (size_t)limit;
	return true;
}

static bool parse(const struct app *app, const struct request *request, struct ask *ask, struct fault *fault)
{
	static const char *const known[] = {
		"before", "after", "limit", "acts", "kinds", "format", REVEAL_PARAM, NULL};
	struct query query;
	*ask = (struct ask){0};
	if (!query_parse(request->param[PARAM_QUERY], known, &query, fault) ||
		!take_place(&query, ask, fault) || !query_kinds(&query, &ask->kinds, fault) ||
		!take_format(request, &query, ask, fault))
		return false;
	struct slice acts = query_get(&query, "acts");
	if (query_has(&query, "acts") && !slice_is(acts, "0") && !slice_is(acts, "1"))
		return fault_set(fault, PROBLEM_BAD_QUERY, "acts", "acts must be 0 or 1");
	ask->only_acts = slice_is(acts, "1");
	cloud_event_source(app->opts, ask->source);
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

static bool is_asked_for(const struct ask *ask, const struct event *event)
{
	return (!ask->only_acts || is_act(event)) && (!ask->kinds || ask->kinds >> event->kind & 1);
}

static void write_one(struct ask *ask, struct jx_writer *w, const struct event *event)
{
	if (ask->is_cloud)
		cloud_event_show(w, event, ask->source, ask->mask);
	else
		show_event(w, event, ask->mask);
	ask->limit = w->out->len < PAGE_BYTES_MAX ? ask->limit - 1 : 0;
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
		if (is_asked_for(ask, &events[i]))
			write_one(ask, w, &events[i]);
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

/* --- oldest first --- */

/* ask->after moves on, over what was not asked for, too. */
static enum status write_next(struct app *app, struct ask *ask, struct jx_writer *w, struct event *events,
	bool *has_more, struct why *why)
{
	struct event_filter filter = {.after_seq = ask->after, .kinds = ask->kinds};
	uint64_t seen;
	size_t n = 0;
	enum status st = spool_events(app->spool, &filter, WINDOW, events, &n, &seen, why);
	*has_more = st == ST_OK && seen != ask->after;
	for (size_t i = 0; i < n && ask->limit > 0; i++) {
		ask->after = events[i].seq;
		if (is_asked_for(ask, &events[i]))
			write_one(ask, w, &events[i]);
	}
	if (st == ST_OK && ask->limit > 0)
		ask->after = seen;
	for (size_t i = 0; i < n; i++)
		event_release(&events[i]);
	return st;
}

/* Whoever reads goes on by number, so what was read is made lasting before it is told. */
static enum status write_onward(struct app *app, struct ask *ask, struct jx_writer *w, struct why *why)
{
	struct event *events = calloc(WINDOW, sizeof *events);
	enum status st = events ? ST_OK : why_set(why, ST_NOMEM, "out of memory");
	bool has_more = true;
	for (int i = 0; st == ST_OK && i < LOOKS && ask->limit > 0 && has_more; i++)
		st = write_next(app, ask, w, events, &has_more, why);
	free(events);
	return st == ST_OK ? spool_sync(app->spool, why) : st;
}

static void show_json_onward(struct app *app, struct ask *ask, struct reply *reply)
{
	struct why why = WHY_INIT;
	struct jx_writer w = reply_open(reply);
	jx_open_array(&w, "events");
	enum status st = write_onward(app, ask, &w, &why);
	jx_close_array(&w);
	jx_int(&w, "next_after", (int64_t)ask->after);
	if (st == ST_OK)
		reply_close(reply, &w);
	else
		reply_status(reply, st, &why, PROBLEM_INTERNAL);
}

/* A batch is an array of events and nothing else: where to go on stands in the head. */
static void show_cloud_events(struct app *app, struct ask *ask, struct reply *reply)
{
	struct why why = WHY_INIT;
	struct jx_writer w;
	buf_clear(&reply->body);
	jx_begin(&w, &reply->body);
	jx_open_array(&w, NULL);
	enum status st = write_onward(app, ask, &w, &why);
	jx_close_array(&w);
	if (st == ST_OK)
		st = buf_status(&reply->body);
	if (st != ST_OK) {
		reply_status(reply, st, &why, PROBLEM_INTERNAL);
		return;
	}
	reply->content_type = CLOUD_EVENT_BATCH;
	reply_header(reply, "X-Clario-Next-After", "%llu", (unsigned long long)ask->after);
}

static void show_back(struct app *app, struct ask *ask, struct reply *reply)
{
	struct stats stats;
	struct why why = WHY_INIT;
	enum status st = spool_stats(app->spool, &stats, &why);
	uint64_t upto = st == ST_OK ? stats.last_seq : 0;
	if (ask->before && ask->before - 1 < upto)
		upto = ask->before - 1;
	struct jx_writer w = reply_open(reply);
	jx_open_array(&w, "events");
	if (st == ST_OK)
		st = write_page(app, ask, &w, &upto, &why);
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

void audit_show(struct app *app, const struct request *request, struct reply *reply)
{
	struct ask ask;
	struct fault fault;
	if (!parse(app, request, &ask, &fault))
		reply_fault(reply, &fault);
	else if (ask.is_cloud)
		show_cloud_events(app, &ask, reply);
	else if (ask.is_onward)
		show_json_onward(app, &ask, reply);
	else
		show_back(app, &ask, reply);
}
