/* fcgi/health.c: what monitors ask. /health and its kin answer as the replaced service did; /healthz says
 * that the process lives, /readyz whether a trigger sent now would be taken. */
#include "fcgi/handlers.h"
#include "spool/spool.h"

static struct jx_writer open_status(struct reply *reply, const char *status)
{
	struct jx_writer w;
	buf_clear(&reply->body);
	jx_begin(&w, &reply->body);
	jx_open_object(&w, NULL);
	jx_cstring(&w, "status", status);
	return w;
}

void health_service(struct app *app, const struct request *request, struct reply *reply)
{
	(void)app;
	struct jx_writer w = open_status(reply, "ok");
	jx_time(&w, "timestamp", request->now.wall_us);
	jx_cstring(&w, "service", "integrations-backend");
	jx_cstring(&w, "version", CLARIO_VERSION);
	reply_close(reply, &w);
}

void health_routes(struct app *app, const struct request *request, struct reply *reply)
{
	(void)app;
	(void)request;
	struct jx_writer w = open_status(reply, "ok");
	jx_cstring(&w, "service", "workflow-routes");
	jx_cstring(&w, "message", "Workflow routes are active");
	reply_close(reply, &w);
}

void health_alive(struct app *app, const struct request *request, struct reply *reply)
{
	(void)app;
	(void)request;
	struct jx_writer w = open_status(reply, "ok");
	reply_close(reply, &w);
}

static bool is_ready(struct app *app, struct fault *fault)
{
	struct stats stats;
	struct why why = WHY_INIT;
	if (atomic_load(&app->stopping))
		return fault_set(fault, PROBLEM_STOPPING, NULL, "clario-fcgi is stopping");
	if (spool_is_broken(app->spool))
		return fault_set(fault, PROBLEM_SPOOL_UNAVAILABLE, NULL, "the spool must be opened anew");
	enum status st = spool_stats(app->spool, &stats, &why);
	if (st != ST_OK) {
		fault_of_status(fault, st, &why, PROBLEM_SPOOL_UNAVAILABLE);
		return false;
	}
	if (stats.intake_full)
		return fault_set(fault, PROBLEM_SPOOL_FULL, NULL, "the spool is full");
	if (stats.disk_full)
		return fault_set(fault, PROBLEM_DISK_FULL, NULL, "the spool's file system is nearly full");
	return true;
}

void health_ready(struct app *app, const struct request *request, struct reply *reply)
{
	struct fault fault;
	(void)request;
	if (!is_ready(app, &fault)) {
		reply_fault(reply, &fault);
		return;
	}
	struct jx_writer w = open_status(reply, "ready");
	reply_close(reply, &w);
}
