/* fcgi/lookup.c: GET /jobs/{id} and GET /jobs. */
#include "fcgi/handlers.h"
#include "fcgi/listing.h"
#include "spool/show.h"
#include "spool/spool.h"

enum {
	PAGE_DEFAULT = 50,
	PAGE_MAX = 500,
	FETCH_MAX = 50,           /* jobs in memory at one time */
	PAGE_BYTES_MAX = 8 << 20, /* a page of jobs with large outcomes ends early */
	SCAN_MAX = 20000,         /* so does one for which many jobs had to be read */
};

static void answer_job(struct reply *reply, const struct job *job)
{
	struct buf text = BUF_INIT(REPLY_BODY_MAX / 2);
	struct jx_writer shown, w = reply_open(reply);
	jx_begin(&shown, &text);
	show_job(&shown, job, true);
	jx_raw(&w, "job", buf_slice(&text));
	buf_release(&text);
	reply_close(reply, &w);
}

void lookup_job(struct app *app, const struct request *request, struct reply *reply)
{
	struct job_id id;
	struct job job;
	struct fault fault;
	struct why why = WHY_INIT;
	if (id_parse(request->capture, &id) != ST_OK) {
		fault_set(&fault, PROBLEM_BAD_ID, "id", "a job's id is a UUID");
		reply_fault(reply, &fault);
		return;
	}
	reply->job = id;
	enum status st = spool_get(app->spool, id, &job, &why);
	if (st != ST_OK) {
		reply_status(reply, st, &why, PROBLEM_JOB_NOT_FOUND);
		return;
	}
	answer_job(reply, &job);
	job_release(&job);
}

/* Append jobs until the page is full in number or bytes, or there are no more. */
static enum status write_page(struct app *app, struct listing *ask, struct jx_writer *w, struct why *why)
{
	struct job jobs[FETCH_MAX];
	enum status st = ST_OK;
	do {
		size_t n, max = ask->limit < FETCH_MAX ? ask->limit : FETCH_MAX;
		struct cursor next;
		st = spool_list(app->spool, &ask->filter, &ask->cursor, max, false, jobs, &n, &next, why);
		if (st != ST_OK)
			break;
		for (size_t i = 0; i < n; i++) {
			show_job(w, &jobs[i], false);
			job_release(&jobs[i]);
		}
		ask->limit -= n;
		ask->cursor = next;
		if (n == 0)
			break;
	} while (ask->limit > 0 && ask->cursor.text[0] && w->out->len < PAGE_BYTES_MAX &&
		 *ask->filter.scanned < SCAN_MAX);
	return st;
}

void lookup_jobs(struct app *app, const struct request *request, struct reply *reply)
{
	struct query query;
	struct listing ask = {.limit = PAGE_DEFAULT, .limit_max = PAGE_MAX};
	struct fault fault;
	struct why why = WHY_INIT;
	struct where where;
	struct where_env env = app_where_env(app, request);
	uint64_t scanned = 0;
	ask.filter.scanned = &scanned;
	if (!listing_from_query(request->param[PARAM_QUERY], &query, &ask, &fault) ||
		!listing_narrow(&ask, &env, &where, PROBLEM_BAD_QUERY, &fault)) {
		reply_fault(reply, &fault);
		return;
	}
	struct jx_writer w = reply_open(reply);
	jx_open_array(&w, "jobs");
	enum status st = write_page(app, &ask, &w, &why);
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
	if (ask.cursor.text[0])
		jx_cstring(&w, "next_cursor", ask.cursor.text);
	else
		jx_null(&w, "next_cursor");
	if (where_is_scan(&where))
		jx_int(&w, "scanned", (int64_t)scanned);
	reply_close(reply, &w);
}
