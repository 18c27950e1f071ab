/* fcgi/events/interest.c: see interest.h. */
#include "fcgi/events/interest.h"

static bool take_text(const struct query *query, const char *name, struct slice *out, struct fault *fault)
{
	*out = query_get(query, name);
	if (!query_has(query, name) || (out->len >= 1 && out->len <= JOB_TEXT_MAX))
		return true;
	return fault_set(fault, PROBLEM_BAD_QUERY, name, "%s must have 1 to %d bytes", name, JOB_TEXT_MAX);
}

static bool take_all(const struct query *query, bool *out, struct fault *fault)
{
	struct slice text = query_get(query, "all");
	*out = slice_is(text, "1");
	return *out || slice_is(text, "0") || !query_has(query, "all") ||
	       fault_set(fault, PROBLEM_BAD_QUERY, "all", "all must be 1 or 0");
}

static bool take_kinds(const struct query *query, struct interest *out, struct fault *fault)
{
	static const uint64_t for_people = UINT64_C(1) << EVENT_NOTIFICATION | UINT64_C(1) << EVENT_PROGRESS;
	if (!query_kinds(query, &out->kinds, fault))
		return false;
	if (!out->all && out->kinds & ~for_people)
		return fault_set(fault, PROBLEM_BAD_QUERY, "kinds",
			"without all=1 there are only notification and progress");
	return true;
}

bool interest_parse(const struct query *query, struct interest *out, struct fault *fault)
{
	*out = (struct interest){0};
	return take_text(query, "user_id", &out->user_id, fault) &&
	       take_text(query, "workflow_id", &out->workflow_id, fault) &&
	       take_all(query, &out->all, fault) && take_kinds(query, out, fault);
}

bool interest_is_allowed(const struct interest *interest, const struct caller *caller, struct fault *fault)
{
	if (interest->all && !(caller->scopes & SCOPE_OPERATE))
		return fault_set(fault, PROBLEM_FORBIDDEN, "all",
			"these credentials lack the scope operate, which the whole audit needs");
	if (interest->user_id.len && !caller_may_any(caller, 0, interest->user_id))
		return fault_set(fault, PROBLEM_FORBIDDEN, "user_id",
			"these credentials do not allow jobs of this user");
	if (caller_is_limited(caller) && !interest->user_id.len && !interest->workflow_id.len)
		return fault_set(fault, PROBLEM_FORBIDDEN, NULL,
			"these credentials are for some phases or users only: name a user_id or a "
			"workflow_id");
	return true;
}

/* What concerns no single job (a pause, a breaker, a removal) concerns everybody who sees all jobs. */
static bool is_business_of(const struct event *event, const struct caller *caller)
{
	return !caller_is_limited(caller) ||
	       (!id_is_zero(event->job) && caller_may(caller, event->phase, event->user_id));
}

bool interest_covers(const struct interest *interest, const struct caller *caller, const struct event *event)
{
	if (!interest->all && event->kind != EVENT_NOTIFICATION && event->kind != EVENT_PROGRESS)
		return false;
	if (interest->kinds && !(interest->kinds >> event->kind & 1))
		return false;
	if (interest->user_id.len && !slice_eq(interest->user_id, event->user_id))
		return false;
	if (interest->workflow_id.len && !slice_eq(interest->workflow_id, event->workflow_id))
		return false;
	return is_business_of(event, caller);
}
