/* fcgi/workflow.c: GET /workflows/{id}: where a workflow stands, its jobs, and its history.
 *
 * The status says what is to be expected next, in this order: running (a job is active), waiting (a job waits
 * or is delayed), held (only held ones are left), failed (a job failed and none of its phase has completed
 * since), cancelled (the newest job was), completed. The step is that of the job begun last. */
#include "fcgi/handlers.h"
#include "fcgi/listing.h"
#include "fcgi/reveal.h"
#include "spool/show.h"
#include "spool/spool.h"

#include <stdio.h>
#include <stdlib.h>

enum { JOBS_MAX = 500, EVENTS_MAX = 1000, TOTAL_STEPS = PHASE_LAST, SHOWN_BYTES_MAX = 16 << 20 };

struct workflow {
	struct job jobs[JOBS_MAX]; /* newest first */
	size_t n;
	struct cursor next;
	struct event events[EVENTS_MAX];
	size_t events_n;
	bool events_full; /* as many were read as may be: there may be more */
	uint64_t last_seen;
};

static void workflow_free(struct workflow *wf)
{
	for (size_t i = 0; wf && i < wf->n; i++)
		job_release(&wf->jobs[i]);
	for (size_t i = 0; wf && i < wf->events_n; i++)
		event_release(&wf->events[i]);
	free(wf);
}

/* Did a later job of the same phase end well? */
static bool is_made_good(const struct workflow *wf, size_t failed)
{
	for (size_t i = 0; i < failed; i++)
		if (wf->jobs[i].phase == wf->jobs[failed].phase && wf->jobs[i].state == JOB_COMPLETED)
			return true;
	return false;
}

static const char *status_of(const struct workflow *wf)
{
	size_t n[JOB_STATE_N] = {0}, unmended = 0;
	for (size_t i = 0; i < wf->n; i++) {
		n[wf->jobs[i].state]++;
		unmended += wf->jobs[i].state == JOB_FAILED && !is_made_good(wf, i);
	}
	if (n[JOB_ACTIVE])
		return "running";
	if (n[JOB_WAITING] + n[JOB_DELAYED])
		return "waiting";
	if (n[JOB_HELD])
		return "held";
	if (unmended)
		return "failed";
	return wf->jobs[0].state == JOB_CANCELLED ? "cancelled" : "completed";
}

/* The job begun last; the oldest when none has been. */
static const struct job *furthest(const struct workflow *wf)
{
	const struct job *best = &wf->jobs[wf->n - 1];
	for (size_t i = wf->n; i-- > 0;)
		if (wf->jobs[i].started_at_us > best->started_at_us)
			best = &wf->jobs[i];
	return best;
}

static void write_summary(struct jx_writer *w, const struct workflow *wf)
{
	const struct job *at = furthest(wf);
	const struct phase_info *info = phase_info(at->phase);
	jx_string(w, "workflow_id", at->workflow_id);
	jx_string(w, "user_id", at->user_id);
	jx_cstring(w, "status", status_of(wf));
	jx_int(w, "step", at->phase);
	jx_int(w, "total_steps", TOTAL_STEPS);
	jx_cstring(w, "current_step", info ? info->current : "");
	jx_int(w, "percent", info ? info->percent : 0);
}

/* Within what each phase should come and run; 0: no matter. */
static void write_levels(struct jx_writer *w, const struct opts *opts)
{
	jx_open_object(w, "service_levels_ms");
	for (int phase = PHASE_FIRST; phase <= PHASE_LAST; phase++) {
		char key[16];
		snprintf(key, sizeof key, "%d", phase);
		jx_int(w, key, opts->phase[phase_slot(phase)].service_level_ms);
	}
	jx_close_object(w);
}

static void write_workflow(
	struct jx_writer *w, const struct workflow *wf, const struct opts *opts, const struct mask *mask)
{
	size_t shown = 0;
	write_summary(w, wf);
	write_levels(w, opts);
	jx_open_array(w, "jobs");
	for (size_t i = wf->n; i-- > 0;)
		show_job(w, &wf->jobs[i], false, mask);
	jx_close_array(w);
	jx_open_array(w, "events");
	for (; shown < wf->events_n && w->out->len < SHOWN_BYTES_MAX; shown++)
		show_event(w, &wf->events[shown], mask);
	jx_close_array(w);
	if (wf->next.text[0])
		jx_bool(w, "more_jobs", true);
	if (shown < wf->events_n)
		jx_int(w, "events_after", shown ? (int64_t)wf->events[shown - 1].seq : 0);
	else if (wf->events_full)
		jx_int(w, "events_after", (int64_t)wf->last_seen);
}

/* What the query asks for: events after which, and shown how. */
static bool parse_query(const struct app *app, const struct request *request, uint64_t *after,
	const struct mask **mask, struct fault *fault)
{
	static const char *const known[] = {"after", REVEAL_PARAM, NULL};
	struct query query;
	if (!query_parse(request->param[PARAM_QUERY], known, &query, fault))
		return false;
	struct slice text = query_get(&query, "after");
	*after = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] < '0' || text.p[i] > '9' || *after > UINT64_MAX / 100)
			return fault_set(fault, PROBLEM_BAD_QUERY, "after", "after must be an event's seq");
		*after = *after * 10 + (uint64_t)(text.p[i] - '0');
	}
	return reveal_ask(app, request, &query, mask, fault);
}

static void keep_own_jobs(struct app *app, struct workflow *wf, const struct caller *caller)
{
	size_t kept = 0;
	for (size_t i = 0; i < wf->n; i++) {
		if (lookup_may_show(app, caller, &wf->jobs[i]))
			wf->jobs[kept++] = wf->jobs[i];
		else
			job_release(&wf->jobs[i]);
	}
	wf->n = kept;
}

static void keep_own_events(struct workflow *wf, const struct caller *caller)
{
	size_t kept = 0;
	for (size_t i = 0; i < wf->events_n; i++) {
		if (!caller_is_limited(caller) ||
			caller_may(caller, wf->events[i].phase, wf->events[i].user_id))
			wf->events[kept++] = wf->events[i];
		else
			event_release(&wf->events[i]);
	}
	wf->events_n = kept;
}

/* A workflow none of whose jobs is the caller's business is not there. */
static enum status read_workflow(struct app *app, const struct caller *caller, struct slice id,
	uint64_t after, struct workflow *wf, struct why *why)
{
	struct listing ask = {.filter = {.workflow_id = id}};
	if (!listing_narrow(&ask, caller))
		return why_set(why, ST_NOTFOUND, "there is no such workflow");
	const struct event_filter events = {
		.workflow_id = id, .user_id = ask.filter.user_id, .after_seq = after};
	enum status st = spool_list(
		app->spool, &ask.filter, &ask.cursor, JOBS_MAX, false, wf->jobs, &wf->n, &wf->next, why);
	if (st != ST_OK)
		return st;
	keep_own_jobs(app, wf, caller);
	if (wf->n == 0)
		return why_set(why, ST_NOTFOUND, "there is no such workflow");
	st = spool_events(app->spool, &events, EVENTS_MAX, wf->events, &wf->events_n, &wf->last_seen, why);
	wf->events_full = st == ST_OK && wf->events_n == EVENTS_MAX;
	if (st == ST_OK)
		keep_own_events(wf, caller);
	return st;
}

void workflow_show(struct app *app, const struct request *request, struct reply *reply)
{
	struct fault fault;
	uint64_t after;
	const struct mask *mask;
	struct why why = WHY_INIT;
	if (request->capture.len > JOB_TEXT_MAX) {
		fault_set(&fault, PROBLEM_BAD_ID, "workflow_id", "workflow_id must not exceed %d bytes",
			JOB_TEXT_MAX);
		reply_fault(reply, &fault);
		return;
	}
	if (!parse_query(app, request, &after, &mask, &fault)) {
		reply_fault(reply, &fault);
		return;
	}
	struct workflow *wf = calloc(1, sizeof *wf);
	enum status st =
		wf ? read_workflow(app, &request->caller, request->capture, after, wf, &why) : ST_NOMEM;
	if (st == ST_OK) {
		struct jx_writer w = reply_open(reply);
		write_workflow(&w, wf, app->opts, mask);
		reply_close(reply, &w);
	} else {
		reply_status(reply, st, &why, PROBLEM_WORKFLOW_NOT_FOUND);
	}
	workflow_free(wf);
}
