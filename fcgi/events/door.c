/* fcgi/events/door.c: see door.h. What is looked at, and in which order, is as in dispatch.c: a stranger
 * learns of nothing but that it is one. */
#include "fcgi/events/door.h"

#include "fcgi/access.h"
#include "fcgi/browser.h"
#include "fcgi/route.h"
#include "fcgi/tokens.h"
#include "spool/base/hash.h"
#include "spool/base/log.h"

enum { KEY_LOG_MS = 5000 };

static const struct route table[] = {{"GET", "/events", NULL, 0, SCOPE_READ, 0}};

static const char *const known[] = {
	"user_id", "workflow_id", "all", "kinds", "last_event_id", "ticket", NULL};

uint64_t door_caller_key(const struct request *request)
{
	const char *name = request->caller.name;
	return name[0] ? hash_text(1, slice_text(name)) : hash_text(2, request->param[PARAM_REMOTE_ADDR]);
}

static bool unauthorized(struct fault *fault, const char *field, const char *text)
{
	return fault_set(fault, PROBLEM_UNAUTHORIZED, field, "%s", text);
}

/* The ticket says who asked and for what; beside it only the place is asked for. */
static bool take_ticket(
	const struct door *door, const struct request *request, struct pass *pass, struct fault *fault)
{
	static struct log_limit limit;
	unsigned long suppressed;
	uint8_t key[TICKET_KEY_LEN];
	struct why why = WHY_INIT;
	if (ticket_key(door->opts->events.key_file, key, &why) != ST_OK) {
		if (log_allowed(&limit, KEY_LOG_MS, &suppressed))
			log_warning("event=ticket_key suppressed=%lu err=%s", suppressed, LOG_QT(why.text));
		return fault_set(fault, PROBLEM_EVENTS_UNAVAILABLE, NULL,
			"tickets cannot be checked now; try again later");
	}
	switch (ticket_open(key, query_get(&pass->query, "ticket"), request->now.wall_us, &pass->ticket)) {
	case TICKET_EXPIRED:
		return unauthorized(fault, "ticket", "the ticket has expired; ask for another");
	case TICKET_FORGED:
		return unauthorized(fault, "ticket", "the ticket is not good; ask for another");
	case TICKET_GOOD:
		break;
	}
	const char *token = caller_token(&pass->ticket.caller);
	if (token && !tokens_is_live(door->tokens, token, request->now.wall_us))
		return unauthorized(fault, "ticket", "whoever asked for the ticket may do so no longer");
	pass->caller = pass->ticket.caller;
	pass->interest = pass->ticket.interest;
	return true;
}

/* Who it is. false: the token or the ticket that was shown is no good. A query that cannot be read has none.
 */
static bool identify(const struct door *door, struct request *request, bool query_is_good, struct pass *pass,
	struct fault *fault)
{
	const struct access_rules rules = {
		door->opts->http.trusted_networks, door->opts->http.trusted_proxies, door->tokens};
	const char *complaint = access_identify(&rules, request, &request->caller);
	pass->caller = request->caller;
	if (complaint)
		return unauthorized(fault, "Authorization", complaint);
	if (!query_is_good || !query_has(&pass->query, "ticket"))
		return true;
	bool is_good = take_ticket(door, request, pass, fault);
	request->caller = pass->caller;
	return is_good;
}

static bool parse_seq(struct slice text, uint64_t *out)
{
	*out = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] < '0' || text.p[i] > '9' || *out > UINT64_MAX / 100)
			return false;
		*out = *out * 10 + (uint64_t)(text.p[i] - '0');
	}
	return text.len > 0;
}

/* The header is what a browser adds by itself when it comes back: newer than what its page wrote into the
 * address. */
static bool take_place(const struct request *request, struct pass *pass, struct fault *fault)
{
	struct slice header = request->param[PARAM_LAST_EVENT_ID];
	pass->has_place = header.len || query_has(&pass->query, "last_event_id");
	if (header.len)
		return parse_seq(header, &pass->after) ||
		       fault_set(fault, PROBLEM_BAD_HEADER, "Last-Event-ID",
			       "Last-Event-ID must be the id of an event, a number");
	return !pass->has_place || parse_seq(query_get(&pass->query, "last_event_id"), &pass->after) ||
	       fault_set(fault, PROBLEM_BAD_QUERY, "last_event_id",
		       "last_event_id must be the id of an event, a number");
}

static bool take_interest(const struct request *request, struct pass *pass, struct fault *fault)
{
	const struct query *query = &pass->query;
	if (!query_has(query, "ticket"))
		return interest_parse(query, &pass->interest, fault) &&
		       interest_is_allowed(&pass->interest, &pass->caller, fault) &&
		       take_place(request, pass, fault);
	if (query_has(query, "user_id") || query_has(query, "workflow_id") || query_has(query, "all") ||
		query_has(query, "kinds"))
		return fault_set(fault, PROBLEM_BAD_QUERY, "ticket",
			"the ticket says what it is for: beside it goes last_event_id alone");
	return take_place(request, pass, fault);
}

static bool refuse(struct reply *reply, const struct fault *fault)
{
	reply_fault(reply, fault);
	if (fault->problem == PROBLEM_UNAUTHORIZED)
		reply_header(reply, "WWW-Authenticate", "Bearer realm=\"clario-workflow\"");
	return false;
}

static bool refuse_path(struct slice path, struct fault *fault)
{
	return fault_set(fault, PROBLEM_NOT_FOUND, NULL, "Not found - %.*s",
		(int)(path.len < 200 ? path.len : 200), path.len ? path.p : "");
}

/* Whether this is somebody who may ask here at all, for this path. */
static bool admit(const struct opts *opts, const struct request *request, const struct pass *pass,
	const struct route_match *match, struct fault *fault)
{
	const struct browser_rules browsers = {opts->http.cors_origins, opts->http.hosts};
	if (pass->caller.scopes == SCOPE_NONE)
		return unauthorized(fault, NULL, "credentials are required");
	if (!browser_allows(&browsers, request, fault))
		return false;
	if (request->body_fault.problem != PROBLEM_NONE) {
		*fault = request->body_fault;
		return false;
	}
	return match->known_path || refuse_path(request->param[PARAM_PATH], fault);
}

static bool refuse_method(const struct route_match *match, struct reply *reply)
{
	struct fault fault;
	fault_set(&fault, PROBLEM_METHOD_NOT_ALLOWED, NULL, "this path answers %s", match->allow);
	reply_header(reply, "Allow", "%s", match->allow);
	return refuse(reply, &fault);
}

static bool answer_options(const struct route_match *match, struct reply *reply)
{
	reply->http_status = 204;
	reply_header(reply, "Allow", "%s", match->allow);
	return false;
}

bool door_decide(const struct door *door, struct request *request, struct pass *pass, struct reply *reply)
{
	const struct opts *opts = door->opts;
	const struct browser_rules browsers = {opts->http.cors_origins, opts->http.hosts};
	struct slice method = request->param[PARAM_METHOD];
	struct route_match match;
	struct fault fault, query_fault;
	route_find(table, 1, method, request->param[PARAM_PATH], &match);
	pass->has_place = false;
	browser_share(&browsers, request, reply);
	if (browser_is_preflight(&browsers, request)) {
		browser_preflight(reply);
		return false;
	}
	bool query_is_good = query_parse(request->param[PARAM_QUERY], known, &pass->query, &query_fault);
	if (!identify(door, request, query_is_good, pass, &fault) ||
		!admit(opts, request, pass, &match, &fault))
		return refuse(reply, &fault);
	if (slice_is(method, "OPTIONS"))
		return answer_options(&match, reply);
	if (!match.row)
		return refuse_method(&match, reply);
	if (!(pass->caller.scopes & SCOPE_READ)) {
		fault_set(&fault, PROBLEM_FORBIDDEN, NULL, "these credentials lack the scope read");
		return refuse(reply, &fault);
	}
	if (!query_is_good)
		return refuse(reply, &query_fault);
	if (!take_interest(request, pass, &fault))
		return refuse(reply, &fault);
	reply_header(reply, "Content-Type", "text/event-stream");
	reply_header(reply, "X-Accel-Buffering", "no");
	return !slice_is(method, "HEAD");
}
