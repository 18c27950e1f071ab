/* fcgi/receivers.c: GET /receivers, and /queue/pause and /queue/resume when they name a receiver. */
#include "fcgi/handlers.h"
#include "spool/show.h"
#include "spool/spool.h"
#include "spool/when.h"

#include <stdlib.h>

/* More may come between counting and reading them. The caller frees *list, which is not NULL on ST_OK. */
static enum status read_all(struct app *app, struct receiver_state **list, size_t *n, struct why *why)
{
	size_t cap;
	*list = NULL;
	*n = 0;
	do {
		cap = *n;
		free(*list);
		*list = calloc(cap + 1, sizeof **list);
		if (!*list)
			return why_set(why, ST_NOMEM, "out of memory");
		enum status st = spool_receivers(app->spool, *list, cap, n, why);
		if (st != ST_OK)
			return st;
	} while (*n > cap);
	return ST_OK;
}

void receivers_show(struct app *app, const struct request *request, struct reply *reply)
{
	struct receiver_state *list;
	struct why why = WHY_INIT;
	size_t n;
	enum status st = read_all(app, &list, &n, &why);
	if (st == ST_OK) {
		struct jx_writer w = reply_open(reply);
		jx_open_array(&w, "receivers");
		for (size_t i = 0; i < n; i++)
			show_receiver(&w, NULL, &list[i], request->now.wall_us);
		jx_close_array(&w);
		reply_close(reply, &w);
	} else {
		reply_status(reply, st, &why, PROBLEM_INTERNAL);
	}
	free(list);
}

struct ask {
	struct slice name, reason;
	int64_t until_us;
};

static bool parse(
	const struct request *request, const struct query *query, struct ask *ask, struct fault *fault)
{
	struct slice span = query_get(query, "for");
	int64_t span_us;
	*ask = (struct ask){.name = query_get(query, "receiver"), .reason = query_get(query, "reason")};
	if (!receiver_name_is_valid(ask->name))
		return fault_set(fault, PROBLEM_BAD_QUERY, "receiver",
			"receiver must be 1 to %d visible ASCII characters", RECEIVER_NAME_MAX);
	if (query_has(query, "phase") || query_has(query, "step"))
		return fault_set(fault, PROBLEM_BAD_QUERY, "receiver",
			"give a receiver, or a phase or step, not both");
	if (ask->reason.len > EVENT_REASON_MAX)
		return fault_set(fault, PROBLEM_BAD_QUERY, "reason", "reason must not exceed %d bytes",
			EVENT_REASON_MAX);
	if (!query_has(query, "for"))
		return true;
	if (!request->arg || !when_parse_span(span, &span_us) || span_us <= 0)
		return fault_set(fault, PROBLEM_BAD_QUERY, "for",
			"for goes with a pause, and is a time such as 90s, 30m or 2h");
	ask->until_us = request->now.wall_us + span_us;
	return true;
}

static void answer(struct reply *reply, const struct request *request, const struct receiver_state *list,
	size_t n, const char *name)
{
	struct receiver_state unknown;
	const struct receiver_state *r = &unknown;
	receiver_init(&unknown, slice_text(name));
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].name, name) == 0)
			r = &list[i];
	struct jx_writer w = reply_open(reply);
	jx_cstring(&w, "message", request->arg ? "Paused" : "Resumed");
	show_receiver(&w, "receiver", r, request->now.wall_us);
	reply_close(reply, &w);
}

void receivers_pause(
	struct app *app, const struct request *request, const struct query *query, struct reply *reply)
{
	char actor[APP_ACTOR_MAX], name[RECEIVER_NAME_MAX + 1];
	struct receiver_state *list = NULL;
	struct fault fault;
	struct ask ask;
	struct why why = WHY_INIT;
	size_t n = 0;
	if (!parse(request, query, &ask, &fault)) {
		reply_fault(reply, &fault);
		return;
	}
	snprintf(name, sizeof name, "%.*s", SLICE_ARG(ask.name));
	enum status st = spool_receiver_pause(app->spool, request->now, name, request->arg, ask.until_us,
		slice_text(app_actor(request, actor)), ask.reason, &why);
	if (st == ST_OK)
		st = read_all(app, &list, &n, &why);
	if (st == ST_OK)
		answer(reply, request, list, n, name);
	else
		reply_status(reply, st, &why, PROBLEM_INTERNAL);
	free(list);
}
