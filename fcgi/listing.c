/* fcgi/listing.c: see listing.h. A row per parameter. */
#include "fcgi/listing.h"

#include "spool/when.h"

#include <stdio.h>

typedef bool (*setter)(struct listing *out, struct slice value);

/* Decimal digits with a value up to max. */
static bool take_number(struct slice text, size_t max, size_t *out)
{
	*out = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		*out = *out * 10 + (size_t)(text.p[i] - '0');
		if (*out > max)
			return false;
	}
	return text.len > 0;
}

static bool set_state(struct listing *out, struct slice value)
{
	out->filter.has_state = true;
	return job_state_parse(value, &out->filter.state);
}

static bool set_number(struct listing *out, struct slice value, size_t first, size_t last)
{
	size_t n;
	bool ok = out->filter.phase == 0 && take_number(value, last, &n) && n >= first;
	if (ok)
		out->filter.phase = (int)n;
	return ok;
}

static bool set_phase(struct listing *out, struct slice value)
{
	return set_number(out, value, PHASE_FIRST, PHASE_LAST);
}

static bool set_step(struct listing *out, struct slice value)
{
	return set_number(out, value, STEP_FIRST, STEP_LAST);
}

static bool set_text(struct slice *to, struct slice value)
{
	*to = value;
	return value.len >= 1 && value.len <= JOB_TEXT_MAX;
}

static bool set_user_id(struct listing *out, struct slice value)
{
	return set_text(&out->filter.user_id, value);
}

static bool set_workflow_id(struct listing *out, struct slice value)
{
	return set_text(&out->filter.workflow_id, value);
}

static bool set_since(struct listing *out, struct slice value)
{
	return when_parse(value, &out->filter.since_us);
}

static bool set_until(struct listing *out, struct slice value)
{
	return when_parse(value, &out->filter.until_us);
}

static bool set_order(struct listing *out, struct slice value)
{
	out->filter.oldest_first = slice_is(value, "asc");
	return out->filter.oldest_first || slice_is(value, "desc");
}

static bool set_limit(struct listing *out, struct slice value)
{
	return take_number(value, out->limit_max, &out->limit) && out->limit > 0;
}

/* Whether it fits this listing only the spool can tell. */
static bool set_cursor(struct listing *out, struct slice value)
{
	if (value.len == 0 || value.len >= sizeof out->cursor.text || memchr(value.p, '\0', value.len))
		return false;
	memcpy(out->cursor.text, value.p, value.len);
	out->cursor.text[value.len] = '\0';
	return true;
}

/* What it says only the whole of the configuration can tell. */
static bool set_where(struct listing *out, struct slice value)
{
	out->where_text = value.p ? value : slice_text("");
	return value.len <= WHERE_TEXT_MAX;
}

const char *const listing_names[] = {"state", "phase", "step", "user_id", "workflow_id", "since", "until",
	"order", "limit", "cursor", "where", NULL};

static const struct {
	const char *name;
	setter set;
	const char *wanted;
} table[] = {
	{"state", set_state, "one of waiting, delayed, active, completed, failed, held, cancelled"},
	{"phase", set_phase, "a number from 1 to 7 (without step)"},
	{"step", set_step, "a number from 10 to 14 (without phase)"},
	{"user_id", set_user_id, "a text of 1 to 256 bytes"},
	{"workflow_id", set_workflow_id, "a text of 1 to 256 bytes"},
	{"since", set_since, "a time such as 2026-11-24T02:18:55Z, or milliseconds since 1970"},
	{"until", set_until, "a time such as 2026-11-24T02:18:55Z, or milliseconds since 1970"},
	{"order", set_order, "asc or desc"},
	{"limit", set_limit, "a number from 1 to the largest page"},
	{"cursor", set_cursor, "the next_cursor of the page before"},
	{"where", set_where, "a selection of at most 2048 bytes, such as: state=failed age>1h"},
};

bool listing_set(
	struct listing *out, const char *name, struct slice value, enum problem kind, struct fault *fault)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		if (strcmp(table[i].name, name) != 0)
			continue;
		return table[i].set(out, value) ||
		       fault_set(fault, kind, table[i].name, "%s must be %s", name, table[i].wanted);
	}
	return fault_set(fault, kind, NULL, "there is no parameter %.64s here", name);
}

bool listing_from_query_with(
	struct slice raw, const char *more, struct query *query, struct listing *out, struct fault *fault)
{
	enum { NAMES = sizeof listing_names / sizeof *listing_names };
	const char *known[NAMES + 1] = {NULL};
	memcpy(known, listing_names, sizeof listing_names);
	known[NAMES - 1] = more;
	if (!query_parse(raw, known, query, fault))
		return false;
	for (size_t i = 0; i < query->n; i++)
		if (query->items[i].name != more && !listing_set(out, query->items[i].name,
							    query->items[i].value, PROBLEM_BAD_QUERY, fault))
			return false;
	return true;
}

bool listing_from_query(struct slice raw, struct query *query, struct listing *out, struct fault *fault)
{
	return listing_from_query_with(raw, NULL, query, out, fault);
}

bool listing_from_json(
	const json_t *object, char scratch[LISTING_SCRATCH], struct listing *out, struct fault *fault)
{
	enum { NUMBER = 24 };
	const char *name;
	json_t *value;
	size_t used = 0;
	json_object_foreach((json_t *)object, name, value)
	{
		struct slice text = jx_text(value);
		if (json_is_integer(value) && used + NUMBER <= LISTING_SCRATCH) {
			int len = snprintf(
				scratch + used, NUMBER, "%lld", (long long)json_integer_value(value));
			text = slice_of(scratch + used, (size_t)len);
			used += NUMBER;
		}
		if (!listing_set(out, name, text, PROBLEM_BAD_FIELD, fault))
			return false;
	}
	return true;
}

bool listing_parse_where(struct slice text, const struct where_env *env, struct where *where,
	enum problem kind, struct fault *fault)
{
	struct why why = WHY_INIT;
	size_t at;
	if (where_parse(text, env, where, &at, &why) == ST_OK)
		return true;
	fault_set(fault, kind, "where", "%s", why.text);
	fault->place = at + 1;
	return false;
}

bool listing_select(struct listing *out, const struct where_env *env, struct where *where, enum problem kind,
	struct fault *fault)
{
	if (!listing_parse_where(out->where_text, env, where, kind, fault))
		return false;
	where_narrow(where, &out->filter);
	return true;
}

/* Before anything else is asked of a job: what others have is not even counted. */
static bool is_own(const void *arg, const struct job *job)
{
	const struct listing_own *own = arg;
	if (!caller_may(own->caller, job->phase, job->user_id))
		return false;
	++*own->scanned;
	return !own->test || own->test(own->test_arg, job);
}

bool listing_narrow(struct listing *out, const struct caller *caller)
{
	struct job_filter *f = &out->filter;
	struct slice user = slice_text(caller->user_pattern);
	bool is_one_user = user.len && user.p[user.len - 1] != '*';
	f->scanned = &out->read;
	if (!caller_is_limited(caller))
		return true;
	f->phases = f->phases ? f->phases & caller->phases : caller->phases;
	if (!f->phases || !caller_may_any(caller, f->phase, f->user_id))
		return false;
	if (!f->user_id.len && is_one_user)
		f->user_id = user;
	out->own = (struct listing_own){caller, f->test, f->test_arg, &out->scanned};
	f->test = is_own;
	f->test_arg = &out->own;
	return true;
}

uint64_t listing_scanned(const struct listing *l)
{
	return l->own.caller ? l->scanned : l->read;
}
