/* fcgi/dispatch.c: the table of routes, and what happens to every request around its handler: who may, is
 * there such a path, is there a body to work on, and one line in the log. */
#include "fcgi/dispatch.h"
#include "fcgi/access.h"
#include "fcgi/browser.h"
#include "fcgi/handlers.h"
#include "fcgi/limit.h"
#include "fcgi/webhook.h"
#include "spool/base/log.h"

#include <stdio.h>

enum { FAILURE_LOG_MS = 200 };

const struct route routes[] = {
	{"POST", "/phase/{}", intake_trigger, false, SCOPE_SUBMIT, ROUTE_SUBMIT},
	{"POST", "/step/{}", intake_trigger, true, SCOPE_SUBMIT, ROUTE_SUBMIT},
	{"POST", "/batch", batch_submit, 0, SCOPE_SUBMIT, 0},
	{"POST", "/webhooks/{}", webhook_submit, 0, SCOPE_NONE, ROUTE_SUBMIT | ROUTE_SIGNED},

	{"GET", "/jobs", lookup_jobs, 0, SCOPE_READ, 0},
	{"POST", "/jobs/retry", steer_many, STEER_RETRY, SCOPE_OPERATE, 0},
	{"POST", "/jobs/cancel", steer_many, STEER_CANCEL, SCOPE_OPERATE, 0},
	{"POST", "/jobs/hold", steer_many, STEER_HOLD, SCOPE_OPERATE, 0},
	{"POST", "/jobs/release", steer_many, STEER_RELEASE, SCOPE_OPERATE, 0},
	{"POST", "/jobs/run-now", steer_many, STEER_RUN_NOW, SCOPE_OPERATE, 0},
	{"GET", "/jobs/{}", lookup_job, 0, SCOPE_READ, 0},
	{"POST", "/jobs/{}/retry", steer_job, STEER_RETRY, SCOPE_OPERATE, 0},
	{"POST", "/jobs/{}/cancel", steer_job, STEER_CANCEL, SCOPE_OPERATE, 0},
	{"POST", "/jobs/{}/hold", steer_job, STEER_HOLD, SCOPE_OPERATE, 0},
	{"POST", "/jobs/{}/release", steer_job, STEER_RELEASE, SCOPE_OPERATE, 0},
	{"POST", "/jobs/{}/run-now", steer_job, STEER_RUN_NOW, SCOPE_OPERATE, 0},
	{"POST", "/plans", plans_make, 0, SCOPE_OPERATE, ROUTE_WHOLE},
	{"GET", "/plans", plans_show, 0, SCOPE_READ, ROUTE_WHOLE},
	{"GET", "/plans/{}", plans_show_one, 0, SCOPE_READ, ROUTE_WHOLE},
	{"POST", "/plans/{}/apply", plans_apply, 0, SCOPE_OPERATE, ROUTE_WHOLE},
	{"GET", "/operations", operations_show, 0, SCOPE_READ, ROUTE_WHOLE},
	{"GET", "/operations/{}", operations_show_one, 0, SCOPE_READ, ROUTE_WHOLE},
	{"POST", "/operations/{}/undo", operations_undo, 0, SCOPE_OPERATE, ROUTE_WHOLE},
	{"GET", "/workflows/{*}", workflow_show, 0, SCOPE_READ, 0},

	{"GET", "/queue/stats", queue_stats, 0, SCOPE_READ, ROUTE_WHOLE},
	{"POST", "/queue/clean", queue_clean, 0, SCOPE_OPERATE, ROUTE_WHOLE},
	{"POST", "/queue/pause", queue_pause, true, SCOPE_OPERATE, ROUTE_WHOLE},
	{"POST", "/queue/resume", queue_pause, false, SCOPE_OPERATE, ROUTE_WHOLE},
	{"GET", "/receivers", receivers_show, 0, SCOPE_READ, ROUTE_WHOLE},
	{"GET", "/audit", audit_show, 0, SCOPE_READ, ROUTE_WHOLE},

	{"GET", "/events", events_elsewhere, 0, SCOPE_READ, 0},
	{"POST", "/events/ticket", events_ticket, 0, SCOPE_READ, 0},

	{"GET", "/metrics", metrics_show, 0, SCOPE_READ, ROUTE_WHOLE},
	{"GET", "/metrics", metrics_show, 0, SCOPE_READ, ROUTE_WHOLE | ROUTE_ROOT},

	{"GET", "/health", health_routes, 0, SCOPE_NONE, 0},
	{"GET", "/healthz", health_alive, 0, SCOPE_NONE, 0},
	{"GET", "/readyz", health_ready, 0, SCOPE_NONE, 0},
	{"GET", "/openapi.json", openapi_show, 0, SCOPE_NONE, 0},
	{"GET", "/health", health_service, 0, SCOPE_NONE, ROUTE_ROOT},
	{"GET", "/api/health", health_service, 0, SCOPE_NONE, ROUTE_ROOT},
	{"GET", "/healthz", health_alive, 0, SCOPE_NONE, ROUTE_ROOT},
	{"GET", "/readyz", health_ready, 0, SCOPE_NONE, ROUTE_ROOT},
};
const size_t routes_n = sizeof routes / sizeof *routes;

#define CHALLENGE "Bearer realm=\"clario-workflow\""

static void refuse_stranger(struct reply *reply)
{
	struct fault fault;
	fault_set(&fault, PROBLEM_UNAUTHORIZED, NULL, "credentials are required");
	reply_fault(reply, &fault);
	reply_header(reply, "WWW-Authenticate", CHALLENGE);
}

/* Also for whoever would have been let in without: who shows a token that is no good shall know. */
static void refuse_token(const char *complaint, struct reply *reply)
{
	struct fault fault;
	fault_set(&fault, PROBLEM_UNAUTHORIZED, "Authorization", "%s", complaint);
	reply_fault(reply, &fault);
	reply_header(reply, "WWW-Authenticate", CHALLENGE ", error=\"invalid_token\"");
}

static void refuse_scope(enum scope scope, struct reply *reply)
{
	struct fault fault;
	fault_set(&fault, PROBLEM_FORBIDDEN, NULL, "these credentials lack the scope %s", scope_name(scope));
	reply_fault(reply, &fault);
	reply_header(reply, "WWW-Authenticate", CHALLENGE ", error=\"insufficient_scope\", scope=\"%s\"",
		scope_name(scope));
}

static void refuse_part(struct reply *reply)
{
	struct fault fault;
	fault_set(&fault, PROBLEM_FORBIDDEN, NULL,
		"these credentials are for some phases or users only, and this is about all jobs");
	reply_fault(reply, &fault);
}

static void refuse_path(const struct request *request, struct reply *reply)
{
	struct fault fault;
	struct slice path = request->param[PARAM_PATH];
	fault_set(&fault, PROBLEM_NOT_FOUND, NULL, "Not found - %.*s", (int)(path.len < 200 ? path.len : 200),
		path.len ? path.p : "");
	reply_fault(reply, &fault);
}

static void refuse_method(const struct route_match *match, struct reply *reply)
{
	struct fault fault;
	fault_set(&fault, PROBLEM_METHOD_NOT_ALLOWED, NULL, "this path answers %s", match->allow);
	reply_header(reply, "Allow", "%s", match->allow);
	reply_fault(reply, &fault);
}

/* Whether there is a handler to run, which is then *row; otherwise the reply says why not. */
static bool admit(struct app *app, struct request *request, struct reply *reply, const struct route **row)
{
	const struct access_rules rules = {
		app->opts->http.trusted_networks, app->opts->http.trusted_proxies, app->tokens};
	const struct browser_rules browsers = {app->opts->http.cors_origins, app->opts->http.hosts};
	struct slice method = request->param[PARAM_METHOD];
	struct route_match match;
	struct fault fault;
	route_find(routes, routes_n, method, request->param[PARAM_PATH], &match);
	*row = NULL;
	const char *complaint = access_identify(&rules, request, &request->caller);
	browser_share(&browsers, request, reply);
	if (browser_is_preflight(&browsers, request)) {
		browser_preflight(reply);
	} else if (complaint) {
		refuse_token(complaint, reply);
	} else if (!match.is_open && request->caller.scopes == SCOPE_NONE) {
		refuse_stranger(reply);
	} else if (!match.is_open && !browser_allows(&browsers, request, &fault)) {
		reply_fault(reply, &fault);
	} else if (request->body_fault.problem != PROBLEM_NONE) {
		reply_fault(reply, &request->body_fault);
	} else if (!match.known_path) {
		refuse_path(request, reply);
	} else if (slice_is(method, "OPTIONS")) {
		reply->http_status = 204;
		reply_header(reply, "Allow", "%s", match.allow);
	} else if (!match.row) {
		refuse_method(&match, reply);
	} else if ((match.row->scope & request->caller.scopes) != match.row->scope) {
		refuse_scope(match.row->scope, reply);
	} else if ((match.row->flags & ROUTE_WHOLE) && caller_is_limited(&request->caller)) {
		refuse_part(reply);
	} else if (!(match.row->flags & ROUTE_SIGNED) ||
		   webhook_identify(app, request, match.capture, reply)) {
		request->capture = match.capture;
		request->arg = match.row->arg;
		*row = match.row;
	}
	return *row;
}

/* What is open to everybody tells nothing and costs nothing: probes are not to be refused. */
static bool admit_now(
	struct app *app, const struct request *request, const struct route *row, struct reply *reply)
{
	bool is_signed = row->flags & ROUTE_SIGNED;
	return (row->scope == SCOPE_NONE && !is_signed) ||
	       limit_admit(app, request, is_signed || row->scope == SCOPE_SUBMIT, reply);
}

/* For reasons of ours requests fail by the many, and so do those of a caller who is beyond its limits. */
static bool comes_by_the_many(enum problem problem)
{
	return problem_info(problem)->http_status >= 500 || problem == PROBLEM_RATE_LIMITED ||
	       problem == PROBLEM_QUOTA_EXCEEDED;
}

/* Which level, and whether at all: of lines that come by the many most are only counted. */
static bool wants_line(const struct reply *reply, enum log_level *level, unsigned long *suppressed)
{
	static struct log_limit limits[PROBLEM_N];
	*suppressed = 0;
	*level = LOG_LEVEL_DEBUG;
	if (reply->problem == PROBLEM_NONE)
		return log_wants(LOG_LEVEL_DEBUG);
	*level = problem_info(reply->problem)->http_status < 500 ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING;
	if (!comes_by_the_many(reply->problem))
		return true;
	return log_allowed(&limits[reply->problem], FAILURE_LOG_MS, suppressed);
}

/* Ids and sizes only: neither a body nor a query string ever gets here. */
static void log_answer(const struct request *request, const struct reply *reply)
{
	char job[JOB_ID_TEXT_LEN] = "-", more[LOG_QUOTE_CAP + 64] = "";
	enum log_level level;
	unsigned long suppressed;
	limit_note(reply->problem);
	if (!wants_line(reply, &level, &suppressed))
		return;
	if (!id_is_zero(reply->job))
		id_text(reply->job, job);
	if (comes_by_the_many(reply->problem))
		snprintf(more, sizeof more, " suppressed=%lu err=%s", suppressed, LOG_QT(reply->detail.text));
	log_line(level,
		"job=%s req=%s method=%s path=%s status=%d code=%s field=%s body=%zu peer=%s caller=%s%s",
		job, LOG_Q(request->param[PARAM_REQUEST_ID]), LOG_Q(request->param[PARAM_METHOD]),
		LOG_Q(request->param[PARAM_PATH]), reply->http_status, problem_code(reply->problem),
		reply->field ? reply->field : "-", request->body.len,
		LOG_Q(request->param[PARAM_REMOTE_ADDR]),
		request->caller.name[0] ? request->caller.name : "-", more);
}

void dispatch(struct app *app, struct request *request, struct reply *reply)
{
	const struct route *row;
	if (admit(app, request, reply, &row) && admit_now(app, request, row, reply))
		row->handle(app, request, reply);
	log_answer(request, reply);
}

enum dispatched dispatch_begin(
	struct app *app, struct request *request, struct intake *intake, struct reply *reply)
{
	const struct route *row;
	if (admit(app, request, reply, &row) && !(row->flags & ROUTE_SUBMIT))
		return DISPATCH_MAY_BLOCK;
	if (row && admit_now(app, request, row, reply) &&
		(row->flags & ROUTE_SIGNED ? webhook_prepare : intake_prepare)(app, request, intake, reply))
		return DISPATCH_SUBMIT;
	log_answer(request, reply);
	return DISPATCH_ANSWERED;
}

void dispatch_end(const struct request *request, struct intake *intake, struct reply *reply)
{
	intake_answer(intake, reply);
	intake_release(intake);
	log_answer(request, reply);
}
