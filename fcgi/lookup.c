/* fcgi/lookup.c: GET /jobs/{id} and GET /jobs. */
#include "fcgi/handlers.h"
#include "fcgi/listing.h"
#include "fcgi/reveal.h"
#include "spool/explain.h"
#include "spool/horizon.h"
#include "spool/show.h"
#include "spool/spool.h"

enum {
	PAGE_DEFAULT = 50,
	PAGE_MAX = 500,
	FETCH_MAX = 50,           /* jobs in memory at one time */
	PAGE_BYTES_MAX = 8 << 20, /* a page of jobs with large outcomes ends early */
	SCAN_MAX = 20000,         /* so does one for which many jobs had to be read */
};

/* The job is there: that it cannot be explained is no reason not to show it. */
static void write_explanation(
	const struct app *app, struct jx_writer *w, const struct job *job, const struct mask *mask)
{
	struct explanation e;
	if (explain_job(app->spool, app->opts, clock_now(), job, mask, &e, NULL) == ST_OK)
		explain_json(w, "explanation", &e);
	else
		jx_null(w, "explanation");
}

static void answer_job(
	const struct app *app, struct reply *reply, const struct job *job, const struct mask *mask)
{
	struct buf text = BUF_INIT(REPLY_BODY_MAX / 2);
	struct jx_writer shown, w = reply_open(reply);
	jx_begin(&shown, &text);
	show_job_open(&shown, job, true, mask);
	horizon_json(&shown, app->opts, job);
	write_explanation(app, &shown, job, mask);
	jx_close_object(&shown);
	if (buf_status(&text) != ST_OK)
		w.out->fail = buf_status(&text);
	jx_raw(&w, "job", buf_slice(&text));
	buf_release(&text);
	reply_close(reply, &w);
}

bool lookup_may_show(struct app *app, const struct caller *caller, struct job *job)
{
	if (!caller_may(caller, job->phase, job->user_id))
		return false;
	if (!id_is_zero(job->behind) && !app_is_own(app, caller, job->behind))
		job->behind = (struct job_id){{0}};
	return true;
}

void lookup_job(struct app *app, const struct request *request, struct reply *reply)
{
	struct job_id id;
	struct job job;
	struct fault fault;
	struct why why = WHY_INIT;
	const struct mask *mask;
	if (id_parse(request->capture, &id) != ST_OK) {
		fault_set(&fault, PROBLEM_BAD_ID, "id", "a job's id is a UUID");
		reply_fault(reply, &fault);
		return;
	}
	reply->job = id;
	if (!reveal_ask_only(app, request, &mask, &fault)) {
		reply_fault(reply, &fault);
		return;
	}
	enum status st = spool_get(app->spool, id, &job, &why);
	if (st != ST_OK) {
		reply_status(reply, st, &why, PROBLEM_JOB_NOT_FOUND);
		return;
	}
	if (lookup_may_show(app, &request->caller, &job))
		answer_job(app, reply, &job, mask);
	else
		reply_status(
			reply, ST_NOTFOUND, &(struct why){"there is no such job"}, PROBLEM_JOB_NOT_FOUND);
	job_release(&job);
}

/* Returns how many of them were written: those that are the caller's business. All are released. */
static size_t write_own(struct app *app, const struct caller *caller, const struct mask *mask,
	struct jx_writer *w, struct job *jobs, size_t n)
{
	size_t written = 0;
	for (size_t i = 0; i < n; i++) {
		if (lookup_may_show(app, caller, &jobs[i])) {
			show_job(w, &jobs[i], false, mask);
			written++;
		}
		job_release(&jobs[i]);
	}
	return written;
}

/* Append jobs until the page is full in number or bytes, or there are no more. */
static enum status write_page(struct app *app, const struct caller *caller, struct listing *ask,
	const struct mask *mask, struct jx_writer *w, struct why *why)
{
	struct job jobs[FETCH_MAX];
	enum status st = ST_OK;
	do {
		size_t n, max = ask->limit < FETCH_MAX ? ask->limit : FETCH_MAX;
		struct cursor next;
		st = spool_list(app->spool, &ask->filter, &ask->cursor, max, false, jobs, &n, &next, why);
		if (st != ST_OK)
			break;
		ask->limit -= write_own(app, caller, mask, w, jobs, n);
		ask->cursor = next;
		if (n == 0)
			break;
	} while (ask->limit > 0 && ask->cursor.text[0] && w->out->len < PAGE_BYTES_MAX &&
		 ask->read < SCAN_MAX);
	return st;
}

void lookup_jobs(struct app *app, const struct request *request, struct reply *reply)
{
	struct query query;
	struct listing ask = {.limit = PAGE_DEFAULT, .limit_max = PAGE_MAX};
	struct fault fault;
	struct why why = WHY_INIT;
	const struct mask *mask;
	struct where where;
	struct where_env env = app_where_env(app, request);
	if (!listing_from_query_with(request->param[PARAM_QUERY], REVEAL_PARAM, &query, &ask, &fault) ||
		!reveal_ask(app, request, &query, &mask, &fault) ||
		!listing_select(&ask, &env, &where, PROBLEM_BAD_QUERY, &fault)) {
		reply_fault(reply, &fault);
		return;
	}
	bool is_any = listing_narrow(&ask, &request->caller);
	struct jx_writer w = reply_open(reply);
	jx_open_array(&w, "jobs");
	enum status st = is_any ? write_page(app, &request->caller, &ask, mask, &w, &why) : ST_OK;
	jx_close_array(&w);
	if (st == ST_INVALID) {
		fault_set(&fault, PROBLEM_BAD_QUERY, "cursor", "%s", why.text);
		reply_fault(reply, &fault);
		return;
	}
	if (st != ST_OK) {
		reply_status(reply, st, &why, PROBLEM_INTERNAL);
		return;
	}
	if (is_any && ask.cursor.text[0])
		jx_cstring(&w, "next_cursor", ask.cursor.text);
	else
		jx_null(&w, "next_cursor");
	if (where_is_scan(&where))
		jx_int(&w, "scanned", (int64_t)listing_scanned(&ask));
	reply_close(reply, &w);
}
