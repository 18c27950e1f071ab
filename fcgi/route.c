/* fcgi/route.c: see route.h. */
#include "fcgi/route.h"

#include <strings.h>

static bool starts_with(struct slice text, const char *prefix)
{
	size_t len = strlen(prefix);
	return text.len >= len && strncasecmp(text.p, prefix, len) == 0;
}

static struct slice skip(struct slice text, size_t len)
{
	return slice_of(text.p + len, text.len - len);
}

static struct slice tidy(struct slice path)
{
	while (path.len > 1 && path.p[0] == '/' && path.p[1] == '/')
		path = skip(path, 1);
	if (path.len > 1 && path.p[path.len - 1] == '/')
		path.len--;
	return path;
}

static bool pattern_matches(const char *pattern, struct slice path, struct slice *capture)
{
	const char *hole = strchr(pattern, '{');
	if (!hole)
		return path.len == strlen(pattern) && starts_with(path, pattern);
	size_t head = (size_t)(hole - pattern);
	if (path.len <= head || strncasecmp(path.p, pattern, head) != 0)
		return false;
	path = skip(path, head);
	const char *tail = strchr(hole, '}') + 1;
	const char *slash = hole[1] == '*' ? NULL : memchr(path.p, '/', path.len);
	*capture = slash ? slice_of(path.p, (size_t)(slash - path.p)) : path;
	path = skip(path, capture->len);
	return capture->len > 0 && path.len == strlen(tail) && starts_with(path, tail);
}

static bool row_has_path(const struct route *row, struct slice path, struct slice *capture)
{
	if (row->flags & ROUTE_ROOT)
		return pattern_matches(row->pattern, path, capture);
	if (!starts_with(path, ROUTE_PREFIX))
		return false;
	return pattern_matches(row->pattern, skip(path, strlen(ROUTE_PREFIX)), capture);
}

static bool method_fits(const struct route *row, struct slice method)
{
	return slice_is(method, row->method) || (slice_is(method, "HEAD") && strcmp(row->method, "GET") == 0);
}

static void add_allow(struct route_match *out, const char *methods)
{
	size_t len = strlen(out->allow), more = strlen(methods);
	if (strstr(out->allow, methods) || len + more + 3 > sizeof out->allow)
		return;
	if (len) {
		memcpy(out->allow + len, ", ", 2);
		len += 2;
	}
	memcpy(out->allow + len, methods, more + 1);
}

void route_find(
	const struct route *table, size_t n, struct slice method, struct slice path, struct route_match *out)
{
	*out = (struct route_match){.is_open = true};
	path = tidy(path);
	for (size_t i = 0; i < n; i++) {
		struct slice capture = SLICE_INIT;
		if (!row_has_path(&table[i], path, &capture))
			continue;
		out->known_path = true;
		out->is_open = out->is_open && table[i].scope == SCOPE_NONE;
		add_allow(out, strcmp(table[i].method, "GET") == 0 ? "GET, HEAD" : table[i].method);
		if (!out->row && method_fits(&table[i], method)) {
			out->row = &table[i];
			out->capture = capture;
		}
	}
	out->is_open = out->is_open && out->known_path;
	if (out->known_path)
		add_allow(out, "OPTIONS");
}
