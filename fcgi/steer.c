/* fcgi/steer.c: POST /jobs/{id}/VERB and POST /jobs/VERB. */
#include "fcgi/handlers.h"
#include "fcgi/listing.h"
#include "spool/base/log.h"
#include "spool/model/rules.h"
#include "spool/operation.h"

#include <stdio.h>
#include <stdlib.h>

enum { MANY_DEFAULT = 100, MANY_MAX = 1000 };

static void answer_conflict(
	struct reply *reply, enum steer_verb verb, const char *id, const struct steer_result *result)
{
	struct fault fault;
	fault_set(&fault, PROBLEM_STATE_CONFLICT, NULL, "a job that is %s does not allow %s",
		job_state_name(result->state), steer_verb_name(verb));
	struct jx_writer w = reply_fault_open(reply, &fault);
	jx_cstring(&w, "job_id", id);
	jx_cstring(&w, "state", job_state_name(result->state));
	reply_close(reply, &w);
}

static void answer_steered(struct reply *reply, const char *id, const struct steer_result *result)
{
	struct jx_writer w = reply_open(reply);
	jx_cstring(&w, "job_id", id);
	jx_cstring(&w, "state", job_state_name(result->state));
	reply_close(reply, &w);
}

/* again=1 makes a replay of a retry; other verbs do not know it. */
static bool parse_again(
	const struct query *query, struct slice reason, enum steer_verb *verb, struct fault *fault)
{
	struct slice again = query_get(query, "again");
	if (!again.p || slice_is(again, "0"))
		return true;
	if (!slice_is(again, "1"))
		return fault_set(fault, PROBLEM_BAD_QUERY, "again", "again must be 0 or 1");
	*verb = STEER_REPLAY;
	return reason.len || fault_set(fault, PROBLEM_BAD_QUERY, "reason", "again needs a reason");
}

static bool parse_query(const struct request *request, struct query *query, enum steer_verb *verb,
	struct slice *reason, struct fault *fault)
{
	static const char *const known[] = {"reason", NULL}, *const known_retry[] = {"reason", "again", NULL};
	if (!query_parse(
		    request->param[PARAM_QUERY], *verb == STEER_RETRY ? known_retry : known, query, fault))
		return false;
	*reason = query_get(query, "reason");
	if (reason->len > EVENT_REASON_MAX)
		return fault_set(fault, PROBLEM_BAD_QUERY, "reason", "reason must not exceed %d bytes",
			EVENT_REASON_MAX);
	return parse_again(query, *reason, verb, fault);
}

static void answer_not_found(struct reply *reply)
{
	reply_status(reply, ST_NOTFOUND, &(struct why){"there is no such job"}, PROBLEM_JOB_NOT_FOUND);
}

void steer_job(struct app *app, const struct request *request, struct reply *reply)
{
	enum steer_verb verb = (enum steer_verb)request->arg;
	char actor[APP_ACTOR_MAX], text[JOB_ID_TEXT_LEN];
	struct steer_result result;
	struct query query;
	struct slice reason;
	struct fault fault;
	struct job_id id;
	struct why why = WHY_INIT;
	bool ok = id_parse(request->capture, &id) == ST_OK ||
		  fault_set(&fault, PROBLEM_BAD_ID, "id", "a job's id is a UUID");
	if (!ok || !parse_query(request, &query, &verb, &reason, &fault)) {
		reply_fault(reply, &fault);
		return;
	}
	reply->job = id;
	id_text(id, text);
	if (!app_is_own(app, &request->caller, id)) {
		answer_not_found(reply);
		return;
	}
	enum status st = spool_steer(app->spool, request->now, verb, &id, 1,
		slice_text(app_actor(request, actor)), reason, &result, &why);
	if (st != ST_OK)
		reply_status(reply, st, &why, PROBLEM_JOB_NOT_FOUND);
	else if (result.status == ST_OK)
		answer_steered(reply, text, &result);
	else if (result.status == ST_CONFLICT)
		answer_conflict(reply, verb, text, &result);
	else if (result.status == ST_NOTFOUND)
		answer_not_found(reply);
	else
		reply_status(reply, result.status, NULL, PROBLEM_JOB_NOT_FOUND);
}

/* Jobs that the verb can be done to, and for a retry those that failed, unless others are asked for. */
static bool default_states(struct listing *ask, enum steer_verb verb, enum problem kind, struct fault *fault)
{
	struct job_filter *f = &ask->filter;
	if (f->has_state || f->states)
		return !f->has_state || rules_steer_allows(verb, f->state) ||
		       fault_set(fault, kind, "state", "a job that is %s does not allow %s",
			       job_state_name(f->state), steer_verb_name(verb));
	if (verb != STEER_RETRY && !f->phase && !f->phases && !f->user_id.len && !f->workflow_id.len &&
		!f->since_us && !f->until_us && !f->test)
		return fault_set(fault, kind, NULL, "say which jobs: %s of all there are needs a state",
			steer_verb_name(verb));
	for (int state = 0; state < JOB_STATE_N; state++)
		if (verb == STEER_RETRY ? state == JOB_FAILED
					: rules_steer_allows(verb, (enum job_state)state))
			f->states |= 1u << state;
	return true;
}

/* The filter comes in the query or in the body, not in both. */
static bool parse_filter(struct app *app, const struct request *request, struct parsed *parsed,
	struct query *query, char scratch[LISTING_SCRATCH], struct listing *ask, struct where *where,
	struct fault *fault)
{
	enum problem kind = request->body.len ? PROBLEM_BAD_FIELD : PROBLEM_BAD_QUERY;
	struct where_env env = app_where_env(app, request);
	*ask = (struct listing){.limit = MANY_DEFAULT, .limit_max = MANY_MAX};
	ask->filter.oldest_first = true;
	if (request->body.len && request->param[PARAM_QUERY].len)
		return fault_set(fault, PROBLEM_BAD_QUERY, NULL,
			"the filter is given in the query or in the body, not in both");
	if (!app_parse_body(app, request, parsed, fault))
		return false;
	if (!json_is_object(parsed->json))
		return fault_set(fault, PROBLEM_BODY_NOT_OBJECT, NULL, "the body must be a JSON object");
	return listing_from_json(parsed->json, scratch, ask, fault) &&
	       listing_from_query(request->param[PARAM_QUERY], query, ask, fault) &&
	       listing_select(ask, &env, where, PROBLEM_BAD_QUERY, fault) &&
	       default_states(ask, (enum steer_verb)request->arg, kind, fault);
}

struct many {
	struct job jobs[MANY_MAX];
	struct job_id ids[MANY_MAX];
	struct steer_result results[MANY_MAX];
	size_t n, done;
	struct operation op; /* name "": none */
	struct cursor next;
};

/* It can be undone, unless there is no room for a note. */
static void begin_operation(
	struct app *app, const struct request *request, const struct listing *ask, struct many *m)
{
	char actor[APP_ACTOR_MAX];
	m->op.verb = (enum steer_verb)request->arg;
	snprintf(m->op.actor, sizeof m->op.actor, "%s", app_actor(request, actor));
	snprintf(m->op.reason, sizeof m->op.reason, "%s",
		m->op.verb == STEER_RETRY ? "retried by filter" : "by filter");
	snprintf(m->op.where, sizeof m->op.where, "%.*s", SLICE_ARG(ask->where_text));
	if (operation_begin(app->spool, app->opts->spool.path, request->now, &m->op, NULL) != ST_OK)
		m->op.name[0] = '\0';
}

static enum status steer_ids(struct app *app, const struct request *request, struct many *m, struct why *why)
{
	enum status st = ST_OK;
	for (size_t at = 0; st == ST_OK && at < m->n; at += STEER_BATCH) {
		size_t n = m->n - at < STEER_BATCH ? m->n - at : STEER_BATCH;
		if (m->op.name[0])
			st = operation_steer(app->spool, app->opts->spool.path, request->now, &m->op,
				m->ids + at, NULL, n, m->results, why);
		else
			st = spool_steer(app->spool, request->now, m->op.verb, m->ids + at, n,
				slice_text(m->op.actor), slice_text(m->op.reason), m->results, why);
		for (size_t i = 0; st == ST_OK && i < n; i++)
			m->done += m->results[i].status == ST_OK;
	}
	/* What was done is done, and can be undone without the note of its end. */
	if (m->op.name[0] && operation_end(app->spool, app->opts->spool.path, &m->op, NULL) != ST_OK)
		log_warning("operation=%s err=\"cannot note its end\"", m->op.name);
	return st;
}

static enum status steer_page(
	struct app *app, const struct request *request, struct listing *ask, struct many *m, struct why *why)
{
	enum status st = spool_list(
		app->spool, &ask->filter, &ask->cursor, ask->limit, false, m->jobs, &m->n, &m->next, why);
	for (size_t i = 0; st == ST_OK && i < m->n; i++) {
		m->ids[i] = m->jobs[i].id;
		job_release(&m->jobs[i]);
	}
	if (st != ST_OK || m->n == 0)
		return st;
	begin_operation(app, request, ask, m);
	return steer_ids(app, request, m, why);
}

static void text_or_null(struct jx_writer *w, const char *key, const char *text)
{
	if (text[0])
		jx_cstring(w, key, text);
	else
		jx_null(w, key);
}

static void answer_many(
	struct reply *reply, const struct many *m, const struct listing *ask, bool is_retry, bool is_scan)
{
	struct jx_writer w = reply_open(reply);
	jx_int(&w, is_retry ? "retried" : "done", (int64_t)m->done);
	jx_int(&w, "skipped", (int64_t)(m->n - m->done));
	text_or_null(&w, "next_cursor", m->next.text);
	text_or_null(&w, "operation", m->op.name);
	if (is_scan)
		jx_int(&w, "scanned", (int64_t)listing_scanned(ask));
	reply_close(reply, &w);
}

void steer_many(struct app *app, const struct request *request, struct reply *reply)
{
	struct parsed parsed = {NULL, 0};
	struct query query;
	struct listing ask;
	struct where where;
	char scratch[LISTING_SCRATCH];
	struct fault fault;
	struct why why = WHY_INIT;
	if (!parse_filter(app, request, &parsed, &query, scratch, &ask, &where, &fault)) {
		reply_fault(reply, &fault);
		app_parsed_release(app, &parsed);
		return;
	}
	bool is_any = listing_narrow(&ask, &request->caller);
	struct many *m = calloc(1, sizeof *m);
	enum status st = !m ? ST_NOMEM : is_any ? steer_page(app, request, &ask, m, &why) : ST_OK;
	if (st == ST_OK)
		answer_many(reply, m, &ask, request->arg == STEER_RETRY, where_is_scan(&where));
	else if (st == ST_INVALID) /* bounds were checked, so it is the cursor */
		reply_fault(
			reply, &(struct fault){.problem = PROBLEM_BAD_QUERY, .field = "cursor", .why = why});
	else
		reply_status(reply, st, &why, PROBLEM_INTERNAL);
	free(m);
	app_parsed_release(app, &parsed);
}
