/* fcgi/query.c: see query.h. */
#include "fcgi/query.h"

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

/* Decode into to, which has room for raw.len bytes. false: a broken or a NUL escape. */
static bool decode(struct slice raw, char *to, size_t *len)
{
	*len = 0;
	for (size_t i = 0; i < raw.len; i++) {
		char c = raw.p[i];
		if (c == '%') {
			int high = i + 2 < raw.len ? hex_value(raw.p[i + 1]) : -1;
			int low = high < 0 ? -1 : hex_value(raw.p[i + 2]);
			if (low < 0 || high + low == 0)
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '+') {
			c = ' ';
		}
		to[(*len)++] = c;
	}
	return true;
}

static const char *find_known(const char *const *known, struct slice name)
{
	for (; *known; known++)
		if (slice_is(name, *known))
			return *known;
	return NULL;
}

static bool add_item(
	struct query *q, struct slice name, struct slice value, const char *const *known, struct fault *fault)
{
	const char *found = find_known(known, name);
	if (!found)
		return fault_set(fault, PROBLEM_BAD_QUERY, NULL, "there is no parameter %.*s here",
			(int)(name.len < 64 ? name.len : 64), name.p);
	for (size_t i = 0; i < q->n; i++)
		if (q->items[i].name == found)
			return fault_set(fault, PROBLEM_BAD_QUERY, found, "%s is given twice", found);
	if (q->n == QUERY_ITEMS_MAX)
		return fault_set(fault, PROBLEM_BAD_QUERY, NULL, "too many parameters");
	q->items[q->n].name = found;
	q->items[q->n++].value = value;
	return true;
}

/* *at: where the next decoded text goes in q->text, which has room for all of the raw query. */
static bool parse_pair(
	struct query *q, struct slice pair, size_t *at, const char *const *known, struct fault *fault)
{
	const char *equals = memchr(pair.p, '=', pair.len);
	size_t name_raw = equals ? (size_t)(equals - pair.p) : pair.len;
	struct slice value_raw = SLICE_INIT;
	size_t name_len, value_len;
	char *to = q->text + *at;
	if (equals)
		value_raw = slice_of(equals + 1, pair.len - name_raw - 1);
	if (!decode(slice_of(pair.p, name_raw), to, &name_len) ||
		!decode(value_raw, to + name_len, &value_len))
		return fault_set(fault, PROBLEM_BAD_QUERY, NULL, "the query has a broken %% escape");
	*at += name_len + value_len;
	return add_item(q, slice_of(to, name_len), slice_of(to + name_len, value_len), known, fault);
}

bool query_parse(struct slice raw, const char *const *known, struct query *out, struct fault *fault)
{
	size_t at = 0;
	out->n = 0;
	if (raw.len > QUERY_TEXT_MAX)
		return fault_set(
			fault, PROBLEM_BAD_QUERY, NULL, "the query must not exceed %d bytes", QUERY_TEXT_MAX);
	while (raw.len) {
		const char *end = memchr(raw.p, '&', raw.len);
		size_t len = end ? (size_t)(end - raw.p) : raw.len;
		size_t step = end ? len + 1 : len;
		if (len && !parse_pair(out, slice_of(raw.p, len), &at, known, fault))
			return false;
		raw = slice_of(raw.p + step, raw.len - step);
	}
	return true;
}

bool query_has(const struct query *query, const char *name)
{
	for (size_t i = 0; i < query->n; i++)
		if (strcmp(query->items[i].name, name) == 0)
			return true;
	return false;
}

struct slice query_get(const struct query *query, const char *name)
{
	for (size_t i = 0; i < query->n; i++)
		if (strcmp(query->items[i].name, name) == 0)
			return query->items[i].value;
	return (struct slice)SLICE_INIT;
}

bool query_kinds(const struct query *query, uint64_t *kinds, struct fault *fault)
{
	struct slice bad; /* not told, as it may be anything */
	*kinds = 0;
	if (!query_has(query, "kinds"))
		return true;
	*kinds = event_kinds_parse(query_get(query, "kinds"), &bad);
	return *kinds || fault_set(fault, PROBLEM_BAD_QUERY, "kinds",
				 "kinds must be kinds of events as clario-spool events shows them, with "
				 "commas: failed,cancelled");
}
