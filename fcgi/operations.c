/* fcgi/operations.c: GET /operations, GET /operations/{id}, POST /operations/{id}/undo. */
#include "fcgi/bulk.h"
#include "fcgi/handlers.h"
#include "fcgi/listing.h"

#include <stdlib.h>

enum { LIST_DEFAULT = 50, LIST_MAX = 500, LOOKS = 20 /* of STEER_BATCH events each, in one request */ };

static bool parse_limit(const struct request *request, struct listing *ask, struct fault *fault)
{
	static const char *const names[] = {"limit", NULL};
	struct query query;
	*ask = (struct listing){.limit = LIST_DEFAULT, .limit_max = LIST_MAX};
	if (!query_parse(request->param[PARAM_QUERY], names, &query, fault))
		return false;
	return !query_has(&query, "limit") ||
	       listing_set(ask, "limit", query_get(&query, "limit"), PROBLEM_BAD_QUERY, fault);
}

void operations_show(struct app *app, const struct request *request, struct reply *reply)
{
	struct listing ask;
	struct fault fault;
	struct why why = WHY_INIT;
	size_t n = 0;
	if (!parse_limit(request, &ask, &fault)) {
		reply_fault(reply, &fault);
		return;
	}
	struct operation *list = calloc(ask.limit, sizeof *list);
	enum status st =
		list ? operations_list(app->opts->spool.path, request->now, list, ask.limit, &n, &why)
		     : ST_NOMEM;
	if (st == ST_OK) {
		struct jx_writer w = reply_open(reply);
		jx_open_array(&w, "operations");
		for (size_t i = 0; i < n; i++) {
			operation_hide(&list[i], app->opts);
			operation_show(&w, NULL, &list[i]);
		}
		jx_close_array(&w);
		reply_close(reply, &w);
	} else {
		bulk_fault(reply, st, &why);
	}
	free(list);
}

void operations_show_one(struct app *app, const struct request *request, struct reply *reply)
{
	struct operation op;
	struct why why = WHY_INIT;
	enum status st = operation_load(app->opts->spool.path, request->capture, request->now, &op, &why);
	if (st != ST_OK) {
		bulk_fault(reply, st, &why);
		return;
	}
	operation_hide(&op, app->opts);
	struct jx_writer w = reply_open(reply);
	operation_show(&w, "operation", &op);
	reply_close(reply, &w);
}

static enum status undo(struct app *app, const struct request *request, const struct bulk_ask *ask,
	struct operation *op, uint64_t *left, struct why *why)
{
	char actor[APP_ACTOR_MAX];
	const char *path = app->opts->spool.path;
	enum status st = operation_load(path, request->capture, request->now, op, why);
	uint64_t before = op->undone + op->kept;
	int looks = LOOKS;
	if (st == ST_OK)
		do
			st = operation_undo(app->spool, path, request->now, op,
				slice_text(app_actor(request, actor)), ask->reason, why);
		while (st == ST_OK && !op->is_undone && --looks > 0 &&
			op->undone + op->kept - before < ask->limit);
	return st == ST_OK ? operation_undo_left(app->spool, op, left, why) : st;
}

void operations_undo(struct app *app, const struct request *request, struct reply *reply)
{
	static const char *const names[] = {"reason", "limit", NULL};
	struct parsed parsed = {NULL, 0};
	struct bulk_ask ask;
	struct operation op;
	struct fault fault;
	struct why why = WHY_INIT;
	uint64_t left = 0;
	if (!bulk_parse(app, request, names, &parsed, &ask, &fault)) {
		reply_fault(reply, &fault);
		return;
	}
	enum status st = undo(app, request, &ask, &op, &left, &why);
	if (st == ST_OK) {
		operation_hide(&op, app->opts);
		struct jx_writer w = reply_open(reply);
		operation_show(&w, "operation", &op);
		jx_int(&w, "events_left", (int64_t)left);
		reply_close(reply, &w);
	} else {
		bulk_fault(reply, st, &why);
	}
	app_parsed_release(app, &parsed);
}
