/* fcgi/scrape.c: GET /metrics: gather what is told, and tell it in the form that is asked for. Counters and
 * first entries of indexes only: what it costs does not depend on how much is stored. */
#include "fcgi/handlers.h"
#include "fcgi/metrics.h"
#include "spool/spool.h"

#include <stdlib.h>
#include <strings.h>

#define OPEN_METRICS "application/openmetrics-text"
#define PLAIN        "text/plain"

/* The plain form for who asks for that and not for the other; everybody else gets OpenMetrics. */
static bool wants_plain(struct slice accept)
{
	bool has_plain = false;
	for (size_t i = 0; i < accept.len; i++) {
		size_t left = accept.len - i;
		if (left >= sizeof OPEN_METRICS - 1 &&
			strncasecmp(accept.p + i, OPEN_METRICS, sizeof OPEN_METRICS - 1) == 0)
			return false;
		has_plain |=
			left >= sizeof PLAIN - 1 && strncasecmp(accept.p + i, PLAIN, sizeof PLAIN - 1) == 0;
	}
	return has_plain;
}

static enum status read_bookmarks(struct app *app, struct metrics_view *view, struct why *why)
{
	uint64_t relay = 0, backup = 0;
	enum status st = spool_bookmark_get(app->spool, "backup", &backup, why);
	if (st == ST_OK && app->opts->notify.url && app->opts->notify.url[0])
		st = spool_bookmark_get(app->spool, "notify-relay", &relay, why);
	uint64_t newest = view->figures.stats.last_seq;
	view->backup_at_us = (int64_t)backup;
	view->notify_backlog = relay && relay < newest ? newest - relay : 0;
	return st;
}

static enum status gather(struct app *app, struct metrics_view *view, struct why *why)
{
	size_t n;
	enum status st = spool_figures(app->spool, &view->figures, why);
	if (st == ST_OK)
		st = spool_receivers(app->spool, view->receivers, METRICS_RECEIVERS_MAX, &n, why);
	if (st == ST_OK) {
		view->receivers_n = n < METRICS_RECEIVERS_MAX ? n : METRICS_RECEIVERS_MAX;
		st = read_bookmarks(app, view, why);
	}
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		view->service_level_ms[slot] = app->opts->phase[slot].service_level_ms;
	return st;
}

/* Nobody counts where the meter could not be opened: what the spool itself knows is told all the same. */
static enum status gather_meters(struct app *app, struct meter_reading **out, struct why *why)
{
	enum status st = meter_read(app->opts->spool.path, out, why);
	if (st != ST_NOTFOUND)
		return st;
	*out = calloc(1, sizeof **out);
	return *out ? ST_OK : why_set(why, ST_NOMEM, "out of memory");
}

void metrics_show(struct app *app, const struct request *request, struct reply *reply)
{
	struct why why = WHY_INIT;
	struct meter_reading *meters = NULL;
	bool is_plain = wants_plain(request->param[PARAM_ACCEPT]);
	struct metrics_view *view = calloc(1, sizeof *view);
	enum status st = view ? gather_meters(app, &meters, &why) : why_set(&why, ST_NOMEM, "out of memory");
	if (st == ST_OK)
		st = gather(app, view, &why);
	if (st == ST_OK) {
		view->meters = meters;
		view->now_us = request->now.wall_us;
		buf_clear(&reply->body);
		metrics_write(view, !is_plain, &reply->body);
		st = buf_status(&reply->body);
		reply->content_type = is_plain ? PLAIN "; version=0.0.4; charset=utf-8"
					       : OPEN_METRICS "; version=1.0.0; charset=utf-8";
	}
	if (st != ST_OK) {
		buf_release(&reply->body);
		reply->content_type = NULL;
		reply_status(reply, st, &why, PROBLEM_SPOOL_UNAVAILABLE);
	}
	meter_reading_free(meters);
	free(view);
}
