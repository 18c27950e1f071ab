/* fcgi/survey.c: GET /shape and GET /failures: what is counted over jobs, as the ops tool counts it. A walk,
 * bounded in jobs and in time, which says so when it was cut short. It reads a page of jobs at a time, each a
 * state of its own: no writer waits for it, and no old state is kept from being used again. Some of the
 * threads alone may do so at a time: the others take submits meanwhile. */
#include "spool/survey.h"
#include "fcgi/handlers.h"
#include "fcgi/listing.h"
#include "spool/failures.h"
#include "spool/spool.h"

enum { LOOK_MAX = 200000, LOOK_MS = 2000, ROWS_DEFAULT = 100, ROWS_MAX = 1000 };

static int64_t stop_at(void)
{
	return clock_mono_us() + LOOK_MS * INT64_C(1000);
}

static bool is_wanted(const struct job_filter *f, int slot, enum job_state state)
{
	bool has_phase =
		(!f->phase || phase_slot(f->phase) == slot) && (!f->phases || f->phases & 1u << slot);
	return has_phase && (f->has_state ? f->state == state : !job_state_is_ended(state));
}

static bool may_count(struct app *app, struct reply *reply)
{
	struct fault fault;
	if (budget_take(&app->counts, 1))
		return true;
	fault_set(
		&fault, PROBLEM_COUNTS_BUSY, NULL, "as much is being counted as may be at a time; try again");
	reply_fault(reply, &fault);
	return false;
}

/* How many there are, by the counters, where these can tell: of phases and states alone. */
static void write_counted(struct app *app, struct jx_writer *w, const struct job_filter *f)
{
	struct stats stats;
	uint64_t sum = 0;
	bool is_counted = !f->user_id.len && !f->workflow_id.len && !f->since_us && !f->until_us &&
			  !f->test && !f->states && !f->nothing;
	if (!is_counted || spool_stats(app->spool, &stats, NULL) != ST_OK) {
		jx_null(w, "jobs");
		return;
	}
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		for (int state = 0; state < JOB_STATE_N; state++)
			if (is_wanted(f, slot, (enum job_state)state))
				sum += stats.jobs[slot][state];
	jx_int(w, "jobs", (int64_t)sum);
}

/* --- shape --- */

static bool parse_shape(const struct request *request, struct query *query, struct listing *listing,
	enum survey_by *by, struct fault *fault)
{
	static const char *const known[] = {"by", "state", "phase", "step", "limit", NULL};
	*by = SURVEY_PHASE;
	if (!query_parse(request->param[PARAM_QUERY], known, query, fault))
		return false;
	for (size_t i = 0; i < query->n; i++) {
		const char *name = query->items[i].name;
		struct slice value = query->items[i].value;
		if (strcmp(name, "by") != 0) {
			if (!listing_set(listing, name, value, PROBLEM_BAD_QUERY, fault))
				return false;
		} else if (!survey_by_parse(value, by)) {
			return fault_set(
				fault, PROBLEM_BAD_QUERY, "by", "by must be phase, receiver or user");
		}
	}
	if (listing->filter.has_state && job_state_is_ended(listing->filter.state))
		return fault_set(fault, PROBLEM_BAD_QUERY, "state",
			"state must be one of waiting, delayed, active, held: ages are told of what has not "
			"ended");
	return true;
}

static void write_shape(struct app *app, struct reply *reply, const struct survey_ask *ask,
	const struct survey *s, size_t limit)
{
	struct jx_writer w = reply_open(reply);
	jx_cstring(&w, "by", survey_by_name(ask->by));
	jx_open_array(&w, "buckets");
	for (int i = 0; i < SURVEY_BUCKETS; i++)
		jx_cstring(&w, NULL, survey_bucket_name(i));
	jx_close_array(&w);
	jx_bool(&w, "complete", !s->is_cut);
	jx_int(&w, "looked_at", (int64_t)s->all.total);
	write_counted(app, &w, &ask->filter);
	jx_open_object(&w, "all");
	survey_row_json(&w, &s->all);
	jx_close_object(&w);
	jx_open_array(&w, "rows");
	for (size_t i = 0; i < s->n && i < limit; i++) {
		jx_open_object(&w, NULL);
		survey_row_json(&w, &s->rows[i]);
		jx_close_object(&w);
	}
	jx_close_array(&w);
	jx_int(&w, "rows_total", (int64_t)s->n);
	reply_close(reply, &w);
}

static void shape_counted(struct app *app, const struct request *request, struct reply *reply)
{
	struct query query;
	struct listing listing = {.limit = ROWS_DEFAULT, .limit_max = ROWS_MAX};
	struct survey_ask ask = {.most = LOOK_MAX, .until_mono_us = stop_at()};
	struct survey survey = {.all.name = "all"};
	struct fault fault;
	struct why why = WHY_INIT;
	enum status st = ST_OK;
	if (!parse_shape(request, &query, &listing, &ask.by, &fault)) {
		reply_fault(reply, &fault);
		return;
	}
	bool is_any = listing_narrow(&listing, &request->caller);
	ask.filter = listing.filter;
	ask.filter.nothing = !is_any;
	if (is_any)
		st = survey_look(app->spool, app->opts, request->now, &ask, &survey, &why);
	if (st == ST_OK)
		write_shape(app, reply, &ask, &survey, listing.limit);
	else
		reply_status(reply, st, &why, PROBLEM_INTERNAL);
	survey_release(&survey);
}

void shape_show(struct app *app, const struct request *request, struct reply *reply)
{
	if (!may_count(app, reply))
		return;
	shape_counted(app, request, reply);
	budget_give(&app->counts, 1);
}

/* --- failures --- */

/* What was asked for beyond the phase, as text: the selection of each group stands within it. */
static bool write_within(const struct listing *listing, struct buf *within)
{
	buf_add_slice(within, listing->where_text);
	if (listing->filter.user_id.len) {
		buf_text(within, within->len ? " user=" : "user=");
		where_quote(within, listing->filter.user_id);
	}
	return buf_status(within) == ST_OK;
}

static bool parse_failures(struct app *app, const struct request *request, struct query *query,
	struct listing *listing, struct where *where, struct buf *within, struct fault *fault)
{
	static const char *const known[] = {"phase", "step", "user_id", "where", "limit", NULL};
	struct where_env env = app_where_env(app, request);
	if (!query_parse(request->param[PARAM_QUERY], known, query, fault))
		return false;
	for (size_t i = 0; i < query->n; i++)
		if (!listing_set(
			    listing, query->items[i].name, query->items[i].value, PROBLEM_BAD_QUERY, fault))
			return false;
	listing->filter.has_state = true;
	listing->filter.state = JOB_FAILED;
	return (write_within(listing, within) || fault_set(fault, PROBLEM_INTERNAL, NULL, "out of memory")) &&
	       listing_select(listing, &env, where, PROBLEM_BAD_QUERY, fault);
}

static void write_failures(struct app *app, const struct request *request, struct reply *reply,
	const struct failures *f, const struct listing *listing, struct slice within)
{
	struct where_env env = app_where_env(app, request);
	struct jx_writer w = reply_open(reply);
	jx_bool(&w, "complete", !f->is_cut);
	jx_int(&w, "looked_at", (int64_t)listing_scanned(listing));
	write_counted(app, &w, &listing->filter);
	jx_open_array(&w, "groups");
	for (size_t i = 0; i < f->n && i < listing->limit; i++) {
		jx_open_object(&w, NULL);
		failure_json(&w, &f->groups[i], within, &env);
		jx_close_object(&w);
	}
	jx_close_array(&w);
	jx_int(&w, "groups_total", (int64_t)f->n);
	jx_int(&w, "ungrouped", (int64_t)f->outside);
	reply_close(reply, &w);
}

static void failures_counted(struct app *app, const struct request *request, struct reply *reply)
{
	struct query query;
	struct listing listing = {.limit = ROWS_DEFAULT, .limit_max = ROWS_MAX};
	struct failures failures = {0};
	struct where where;
	struct buf within = BUF_INIT(WHERE_TEXT_MAX + 4 * JOB_TEXT_MAX);
	struct fault fault;
	struct why why = WHY_INIT;
	enum status st = ST_OK;
	if (!parse_failures(app, request, &query, &listing, &where, &within, &fault)) {
		reply_fault(reply, &fault);
		buf_release(&within);
		return;
	}
	bool is_any = listing_narrow(&listing, &request->caller);
	struct failures_ask ask = {.opts = app->opts,
		.mask = app->opts->privacy.mask,
		.filter = listing.filter,
		.most = LOOK_MAX,
		.until_mono_us = stop_at(),
		.scanned = &listing.read};
	listing.filter.nothing |= !is_any;
	if (is_any)
		st = failures_look(app->spool, &ask, &failures, &why);
	if (st == ST_OK)
		write_failures(app, request, reply, &failures, &listing, buf_slice(&within));
	else
		reply_status(reply, st, &why, PROBLEM_INTERNAL);
	failures_release(&failures);
	buf_release(&within);
}

void failures_show(struct app *app, const struct request *request, struct reply *reply)
{
	if (!may_count(app, reply))
		return;
	failures_counted(app, request, reply);
	budget_give(&app->counts, 1);
}
