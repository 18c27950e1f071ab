/* fcgi/plans.c: POST /plans, GET /plans, GET /plans/{id}, POST /plans/{id}/apply. */
#include "fcgi/bulk.h"
#include "fcgi/handlers.h"
#include "fcgi/listing.h"
#include "spool/plan.h"

#include <stdio.h>
#include <stdlib.h>

enum { LOOK_MAX = 100000 }; /* jobs that one request reads for a plan */

static bool is_known(const char *const *names, const char *name)
{
	for (; *names; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

static bool take_member(struct bulk_ask *out, const char *name, json_t *value, struct fault *fault)
{
	if (strcmp(name, "limit") == 0) {
		json_int_t n = json_is_integer(value) ? json_integer_value(value) : 0;
		out->limit = (size_t)n;
		return (n >= 1 && n <= BULK_MAX) || fault_set(fault, PROBLEM_BAD_FIELD, "limit",
							    "limit must be a number from 1 to %d", BULK_MAX);
	}
	const struct {
		const char *name; /* static, for the fault */
		struct slice *to;
		size_t max;
	} texts[] = {{"verb", &out->verb, 16}, {"where", &out->where, WHERE_TEXT_MAX},
		{"reason", &out->reason, EVENT_REASON_MAX}};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		if (strcmp(name, texts[i].name) != 0)
			continue;
		*texts[i].to = jx_text(value);
		if (!texts[i].to->p || texts[i].to->len > texts[i].max)
			return fault_set(fault, PROBLEM_BAD_FIELD, texts[i].name,
				"%s must be a text of at most %zu bytes", texts[i].name, texts[i].max);
	}
	return true;
}

bool bulk_parse(struct app *app, const struct request *request, const char *const *names,
	struct parsed *parsed, struct bulk_ask *out, struct fault *fault)
{
	const char *name;
	json_t *value;
	*out = (struct bulk_ask){.limit = BULK_DEFAULT};
	if (!app_parse_body(app, request, parsed, fault))
		return false;
	bool ok = json_is_object(parsed->json) ||
		  fault_set(fault, PROBLEM_BODY_NOT_OBJECT, NULL, "the body must be a JSON object");
	json_object_foreach(parsed->json, name, value)
	{
		if (!ok)
			break;
		ok = is_known(names, name) ? take_member(out, name, value, fault)
					   : fault_set(fault, PROBLEM_BAD_FIELD, NULL,
						     "there is no member %.64s here", name);
	}
	if (!ok)
		app_parsed_release(app, parsed);
	return ok;
}

void bulk_fault(struct reply *reply, enum status st, const struct why *why)
{
	struct fault fault;
	if (st == ST_BUSY) {
		fault_set(&fault, PROBLEM_STATE_CONFLICT, NULL, "%s", why->text);
		reply_fault(reply, &fault);
		return;
	}
	reply_status(reply, st, why, PROBLEM_NOT_FOUND);
}

static bool parse_plan(struct app *app, const struct request *request, const struct bulk_ask *ask,
	enum steer_verb *verb, struct where *where, struct fault *fault)
{
	struct where_env env = app_where_env(app, request);
	if (!ask->verb.p || !ask->where.p)
		return fault_set(fault, PROBLEM_MISSING_FIELD, ask->verb.p ? "where" : "verb",
			"%s is missing", ask->verb.p ? "where" : "verb");
	/* What cannot be undone is for who may read the spool itself: clario-spool purge. */
	if (!steer_verb_parse(ask->verb, verb) || *verb == STEER_PURGE)
		return fault_set(fault, PROBLEM_BAD_FIELD, "verb",
			"verb must be retry, cancel, hold, release, run-now or replay");
	return listing_parse_where(ask->where, &env, where, PROBLEM_BAD_QUERY, fault);
}

static enum status make(struct app *app, const struct request *request, const struct bulk_ask *ask,
	enum steer_verb verb, const struct where *where, struct plan_writer *w, struct why *why)
{
	struct job_filter filter = {.oldest_first = true};
	struct cursor at = {""};
	char actor[APP_ACTOR_MAX];
	w->plan.verb = verb;
	snprintf(w->plan.where, sizeof w->plan.where, "%.*s", SLICE_ARG(ask->where));
	snprintf(w->plan.actor, sizeof w->plan.actor, "%s", app_actor(request, actor));
	where_narrow(where, &filter);
	enum status st = plan_begin(w, app->opts->spool.path, request->now, why);
	if (st == ST_OK)
		st = plan_select(w, app->spool, &filter, &at, LOOK_MAX, NULL, NULL, why);
	if (st == ST_OK && w->plan.jobs)
		return plan_end(w, why);
	plan_drop(w);
	w->plan.name[0] = '\0'; /* nothing to be done: nothing is kept */
	return st;
}

static void answer_plan(const struct app *app, struct reply *reply, struct plan *plan)
{
	plan_hide(plan, app->opts);
	struct jx_writer w = reply_open(reply);
	plan_show(&w, "plan", plan, app->opts);
	reply_close(reply, &w);
}

void plans_make(struct app *app, const struct request *request, struct reply *reply)
{
	static const char *const names[] = {"verb", "where", NULL};
	struct parsed parsed = {NULL, 0};
	struct bulk_ask ask;
	struct where where;
	enum steer_verb verb;
	struct fault fault;
	struct why why = WHY_INIT;
	if (!bulk_parse(app, request, names, &parsed, &ask, &fault) ||
		!parse_plan(app, request, &ask, &verb, &where, &fault)) {
		reply_fault(reply, &fault);
		app_parsed_release(app, &parsed);
		return;
	}
	struct plan_writer *w = calloc(1, sizeof *w);
	enum status st = w ? make(app, request, &ask, verb, &where, w, &why) : ST_NOMEM;
	if (st == ST_OK)
		answer_plan(app, reply, &w->plan);
	else
		bulk_fault(reply, st, &why);
	free(w);
	app_parsed_release(app, &parsed);
}

void plans_show(struct app *app, const struct request *request, struct reply *reply)
{
	struct plan *list = calloc(PLANS_MAX, sizeof *list);
	struct why why = WHY_INIT;
	size_t n = 0;
	enum status st =
		list ? plans_list(app->opts->spool.path, request->now, list, PLANS_MAX, &n, &why) : ST_NOMEM;
	if (st == ST_OK) {
		struct jx_writer w = reply_open(reply);
		jx_open_array(&w, "plans");
		for (size_t i = 0; i < n; i++) {
			plan_hide(&list[i], app->opts);
			plan_show(&w, NULL, &list[i], app->opts);
		}
		jx_close_array(&w);
		reply_close(reply, &w);
	} else {
		bulk_fault(reply, st, &why);
	}
	free(list);
}

void plans_show_one(struct app *app, const struct request *request, struct reply *reply)
{
	struct plan plan;
	struct why why = WHY_INIT;
	enum status st = plan_load(app->opts->spool.path, request->capture, request->now, &plan, &why);
	if (st == ST_OK)
		answer_plan(app, reply, &plan);
	else
		bulk_fault(reply, st, &why);
}

static enum status apply(struct app *app, const struct request *request, const struct bulk_ask *ask,
	struct plan_run *run, struct why *why)
{
	char actor[APP_ACTOR_MAX];
	enum status st = plan_open(run, app->spool, app->opts->spool.path, request->capture, request->now,
		slice_text(app_actor(request, actor)), ask->reason, why);
	if (st != ST_OK)
		return st;
	for (size_t left = ask->limit; st == ST_OK && left > 0 && !plan_is_over(run);) {
		uint64_t before = run->plan.at;
		st = plan_step(run, request->now, left, why);
		left -= (size_t)(run->plan.at - before);
	}
	plan_close(run);
	return st;
}

void plans_apply(struct app *app, const struct request *request, struct reply *reply)
{
	static const char *const names[] = {"reason", "limit", NULL};
	struct parsed parsed = {NULL, 0};
	struct bulk_ask ask;
	struct fault fault;
	struct why why = WHY_INIT;
	if (!bulk_parse(app, request, names, &parsed, &ask, &fault) ||
		(!ask.reason.len && !fault_set(&fault, PROBLEM_MISSING_FIELD, "reason",
					    "reason is missing: it stands in the events"))) {
		reply_fault(reply, &fault);
		app_parsed_release(app, &parsed);
		return;
	}
	struct plan_run *run = calloc(1, sizeof *run);
	enum status st = run ? apply(app, request, &ask, run, &why) : ST_NOMEM;
	if (st == ST_OK)
		answer_plan(app, reply, &run->plan);
	else
		bulk_fault(reply, st, &why);
	free(run);
	app_parsed_release(app, &parsed);
}
