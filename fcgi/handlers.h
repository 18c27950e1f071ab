/* fcgi/handlers.h: every handler of the route table. Each fills reply and returns; none blocks on anything
 * but the spool. */
#ifndef FCGI_HANDLERS_H
#define FCGI_HANDLERS_H
#include "fcgi/app.h"
#include "fcgi/query.h"
#include "fcgi/route.h"
#include "spool/model/job.h"

void intake_trigger(struct app *app, const struct request *request, struct reply *reply); /* arg: is a step */
void batch_submit(struct app *app, const struct request *request, struct reply *reply);
void webhook_submit(struct app *app, const struct request *request, struct reply *reply);

void lookup_job(struct app *app, const struct request *request, struct reply *reply);
void lookup_jobs(struct app *app, const struct request *request, struct reply *reply);
void workflow_show(struct app *app, const struct request *request, struct reply *reply);

/* Whether the caller may see the job; if so it no longer names one before it in its line that the caller may
 * not. */
bool lookup_may_show(struct app *app, const struct caller *caller, struct job *job);

void steer_job(
	struct app *app, const struct request *request, struct reply *reply); /* arg: enum steer_verb */
void steer_many(struct app *app, const struct request *request, struct reply *reply); /* arg: the same */

void plans_make(struct app *app, const struct request *request, struct reply *reply);
void plans_show(struct app *app, const struct request *request, struct reply *reply);
void plans_show_one(struct app *app, const struct request *request, struct reply *reply);
void plans_apply(struct app *app, const struct request *request, struct reply *reply);
void operations_show(struct app *app, const struct request *request, struct reply *reply);
void operations_show_one(struct app *app, const struct request *request, struct reply *reply);
void operations_undo(struct app *app, const struct request *request, struct reply *reply);

void queue_stats(struct app *app, const struct request *request, struct reply *reply);
void queue_clean(struct app *app, const struct request *request, struct reply *reply);
void queue_pause(struct app *app, const struct request *request, struct reply *reply); /* arg: pause or not */

void shape_show(struct app *app, const struct request *request, struct reply *reply);
void failures_show(struct app *app, const struct request *request, struct reply *reply);

void receivers_show(struct app *app, const struct request *request, struct reply *reply);
/* What /queue/pause and /queue/resume do when their query names a receiver. */
void receivers_pause(
	struct app *app, const struct request *request, const struct query *query, struct reply *reply);

void events_ticket(struct app *app, const struct request *request, struct reply *reply);
void events_elsewhere(struct app *app, const struct request *request, struct reply *reply);

void audit_show(struct app *app, const struct request *request, struct reply *reply);

void health_service(struct app *app, const struct request *request, struct reply *reply);
void health_routes(struct app *app, const struct request *request, struct reply *reply);
void health_alive(struct app *app, const struct request *request, struct reply *reply);
void health_ready(struct app *app, const struct request *request, struct reply *reply);
void metrics_show(struct app *app, const struct request *request, struct reply *reply);
void openapi_show(struct app *app, const struct request *request, struct reply *reply);

extern const struct route routes[];
extern const size_t routes_n;

#endif
