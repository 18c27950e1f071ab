/* fcgi/events.c: what clario-fcgi has to do with streams of events: POST /events/ticket, which gives the
 * credentials for one to a page. The streams themselves are clario-events'. */
#include "fcgi/events/ticket.h"
#include "fcgi/handlers.h"

#include <stdio.h>

static bool parse(
	const struct request *request, struct ticket *ticket, struct query *query, struct fault *fault)
{
	static const char *const known[] = {"user_id", "workflow_id", "all", "kinds", NULL};
	if (request->body.len)
		return fault_set(fault, PROBLEM_BAD_QUERY, NULL,
			"what the ticket is for goes into the query, as for the stream; there is no body");
	ticket->caller = request->caller;
	return query_parse(request->param[PARAM_QUERY], known, query, fault) &&
	       interest_parse(query, &ticket->interest, fault) &&
	       interest_is_allowed(&ticket->interest, &ticket->caller, fault);
}

static void answer(struct reply *reply, const struct app *app, const struct ticket *ticket, struct slice text)
{
	struct jx_writer w = reply_open(reply);
	jx_string(&w, "ticket", text);
	jx_int(&w, "expires_in", app->opts->events.ticket_life_ms / 1000);
	jx_time(&w, "expires_at", ticket->expires_at_us);
	reply_close(reply, &w);
}

void events_ticket(struct app *app, const struct request *request, struct reply *reply)
{
	struct ticket ticket;
	struct query query;
	struct fault fault;
	struct why why = WHY_INIT;
	struct buf text = BUF_INIT(TICKET_TEXT_MAX);
	uint8_t key[TICKET_KEY_LEN];
	if (!parse(request, &ticket, &query, &fault)) {
		reply_fault(reply, &fault);
		return;
	}
	ticket.expires_at_us = request->now.wall_us + app->opts->events.ticket_life_ms * 1000;
	enum status st = ticket_key(app->opts->events.key_file, key, &why);
	if (st == ST_OK)
		st = ticket_seal(key, &ticket, &text);
	if (st == ST_OK) {
		answer(reply, app, &ticket, buf_slice(&text));
	} else {
		fault_set(&fault, PROBLEM_EVENTS_UNAVAILABLE, NULL,
			"tickets cannot be given now; try again later");
		why_set(&fault.detail, st, "%s", why.text);
		reply_fault(reply, &fault);
	}
	buf_release(&text);
}

/* nginx sends this path to clario-events; here it arrives when nginx has not been told. */
void events_elsewhere(struct app *app, const struct request *request, struct reply *reply)
{
	struct fault fault;
	(void)app;
	(void)request;
	fault_set(&fault, PROBLEM_EVENTS_UNAVAILABLE, NULL,
		"streams are served by clario-events: nginx needs this version's snippets");
	reply_fault(reply, &fault);
}
