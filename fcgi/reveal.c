/* fcgi/reveal.c: see reveal.h. */
#include "fcgi/reveal.h"

#include "spool/base/log.h"

static void log_reveal(const struct request *request)
{
	char actor[APP_ACTOR_MAX];
	log_info("event=revealed actor=%s req=%s path=%s peer=%s", LOG_QT(app_actor(request, actor)),
		LOG_Q(request->param[PARAM_REQUEST_ID]), LOG_Q(request->param[PARAM_PATH]),
		LOG_Q(request->param[PARAM_REMOTE_ADDR]));
}

bool reveal_ask(const struct app *app, const struct request *request, const struct query *query,
	const struct mask **mask, struct fault *fault)
{
	struct slice value = query_get(query, REVEAL_PARAM);
	*mask = app->opts->privacy.mask;
	if (!query_has(query, REVEAL_PARAM) || slice_is(value, "0"))
		return true;
	if (!slice_is(value, "1"))
		return fault_set(fault, PROBLEM_BAD_QUERY, REVEAL_PARAM, "reveal must be 0 or 1");
	if (!(request->caller.scopes & SCOPE_OPERATE))
		return fault_set(fault, PROBLEM_FORBIDDEN, REVEAL_PARAM,
			"reveal shows secrets: these credentials lack the scope operate");
	log_reveal(request);
	*mask = NULL;
	return true;
}

bool reveal_ask_only(
	const struct app *app, const struct request *request, const struct mask **mask, struct fault *fault)
{
	static const char *const known[] = {REVEAL_PARAM, NULL};
	struct query query;
	return query_parse(request->param[PARAM_QUERY], known, &query, fault) &&
	       reveal_ask(app, request, &query, mask, fault);
}
