/* fcgi/steer.c: POST /jobs/{id}/VERB and POST /jobs/retry. */
#include "fcgi/handlers.h"
#include "fcgi/listing.h"
#include "spool/spool.h"

#include <stdlib.h>

enum { RETRY_DEFAULT = 100, RETRY_MAX = 1000 };

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

/* The filter comes in the query or in the body, not in both. Only jobs that have ended badly can be retried.
 */
static bool parse_filter(struct app *app, const struct request *request, struct parsed *parsed,
	struct query *query, char scratch[LISTING_SCRATCH], struct listing *ask, struct fault *fault)
{
	*ask = (struct listing){.limit = RETRY_DEFAULT, .limit_max = RETRY_MAX};
	ask->filter.oldest_first = true;
	if (request->body.len && request->param[PARAM_QUERY].len)
		return fault_set(fault, PROBLEM_BAD_QUERY, NULL,
			"the filter is given in the query or in the body, not in both");
	if (!app_parse_body(app, request, parsed, fault))
		return false;
	if (!json_is_object(parsed->json))
		return fault_set(fault, PROBLEM_BODY_NOT_OBJECT, NULL, "the body must be a JSON object");
	if (!listing_from_json(parsed->json, scratch, ask, fault) ||
		!listing_from_query(request->param[PARAM_QUERY], query, ask, fault))
		return false;
	if (!ask->filter.has_state)
		ask->filter.state = JOB_FAILED;
	ask->filter.has_state = true;
	if (ask->filter.state == JOB_FAILED || ask->filter.state == JOB_CANCELLED)
		return true;
	return fault_set(fault, request->body.len ? PROBLEM_BAD_FIELD : PROBLEM_BAD_QUERY, "state",
		"state must be failed or cancelled to be retried");
}

struct retry_many {
	struct job jobs[RETRY_MAX];
	struct job_id ids[RETRY_MAX];
	struct steer_result results[RETRY_MAX];
	size_t n, retried;
	struct cursor next;
};

static enum status retry_page(struct app *app, const struct request *request, const struct listing *ask,
	struct retry_many *m, struct why *why)
{
	char actor[APP_ACTOR_MAX];
	enum status st = spool_list(
		app->spool, &ask->filter, &ask->cursor, ask->limit, false, m->jobs, &m->n, &m->next, why);
	size_t found = m->n;
	m->n = 0;
	for (size_t i = 0; st == ST_OK && i < found; i++) {
		if (caller_may(&request->caller, m->jobs[i].phase, m->jobs[i].user_id))
			m->ids[m->n++] = m->jobs[i].id;
		job_release(&m->jobs[i]);
	}
	if (st != ST_OK || m->n == 0)
		return st;
	st = spool_steer(app->spool, request->now, STEER_RETRY, m->ids, m->n,
		slice_text(app_actor(request, actor)), slice_text("retried by filter"), m->results, why);
	for (size_t i = 0; st == ST_OK && i < m->n; i++)
		m->retried += m->results[i].status == ST_OK;
	return st;
}

static void answer_many(struct reply *reply, const struct retry_many *m)
{
	struct jx_writer w = reply_open(reply);
	jx_int(&w, "retried", (int64_t)m->retried);
	jx_int(&w, "skipped", (int64_t)(m->n - m->retried));
	if (m->next.text[0])
		jx_cstring(&w, "next_cursor", m->next.text);
	else
		jx_null(&w, "next_cursor");
	reply_close(reply, &w);
}

void steer_retry_many(struct app *app, const struct request *request, struct reply *reply)
{
	struct parsed parsed = {NULL, 0};
	struct query query;
	struct listing ask;
	char scratch[LISTING_SCRATCH];
	struct fault fault;
	struct why why = WHY_INIT;
	if (!parse_filter(app, request, &parsed, &query, scratch, &ask, &fault)) {
		reply_fault(reply, &fault);
		app_parsed_release(app, &parsed);
		return;
	}
	bool is_any = listing_narrow(&ask, &request->caller);
	struct retry_many *m = calloc(1, sizeof *m);
	enum status st = !m ? ST_NOMEM : is_any ? retry_page(app, request, &ask, m, &why) : ST_OK;
	if (st == ST_OK)
		answer_many(reply, m);
	else if (st == ST_INVALID) /* bounds were checked, so it is the cursor */
		reply_fault(
			reply, &(struct fault){.problem = PROBLEM_BAD_QUERY, .field = "cursor", .why = why});
	else
		reply_status(reply, st, &why, PROBLEM_INTERNAL);
	free(m);
	app_parsed_release(app, &parsed);
}
