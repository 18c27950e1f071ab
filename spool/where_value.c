/* spool/where_value.c: see where_value.h. */
#include "spool/where_value.h"

#include <stdio.h>
#include <time.h>

#define SPAN_MAX_US (INT64_C(36500) * 86400 * 1000000)

static bool take_unit(struct slice *text, int64_t *us)
{
	static const struct {
		const char *name;
		int64_t us;
	} units[] = {{"ms", 1000}, {"s", 1000000}, {"m", 60000000}, {"h", 3600000000}, {"d", 86400000000}};
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		size_t len = strlen(units[i].name);
		if (text->len < len || memcmp(text->p, units[i].name, len) != 0)
			continue;
		*text = slice_of(text->p + len, text->len - len);
		*us = units[i].us;
		return true;
	}
	return false;
}

bool where_span(struct slice text, int64_t *us)
{
	*us = 0;
	do {
		int64_t n = 0, unit;
		size_t digits = 0;
		for (; digits < text.len && text.p[digits] >= '0' && text.p[digits] <= '9'; digits++) {
			n = n * 10 + (text.p[digits] - '0');
			if (n > SPAN_MAX_US)
				return false;
		}
		text = slice_of(text.p + digits, text.len - digits);
		if (digits == 0 || !take_unit(&text, &unit) || n > (SPAN_MAX_US - *us) / unit)
			return false;
		*us += n * unit;
	} while (text.len);
	return true;
}

/* ".123456", up to the microsecond; what is finer is cut. */
static const char *take_fraction(const char *p, int64_t *us)
{
	int64_t unit = 100000;
	*us = 0;
	if (*p != '.' || p[1] < '0' || p[1] > '9')
		return p;
	for (p++; *p >= '0' && *p <= '9'; p++, unit /= 10)
		*us += (*p - '0') * unit;
	return p;
}

static bool parse_date(const char *text, int64_t *wall_us)
{
	static const char *const forms[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"};
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		struct tm tm = {0};
		int64_t us = 0;
		const char *end = strptime(text, forms[i], &tm);
		if (!end || tm.tm_year < 70)
			continue;
		if (i == 0)
			end = take_fraction(end, &us);
		if (strcmp(end, i < 2 ? "Z" : "") != 0)
			continue;
		int day = tm.tm_mday;
		*wall_us = (int64_t)timegm(&tm) * 1000000 + us;
		return tm.tm_mday == day; /* not the 31st of a shorter month */
	}
	return false;
}

bool where_time(struct slice text, int64_t now_us, int64_t *wall_us)
{
	char copy[40];
	int64_t span;
	bool is_ahead = text.len && text.p[0] == '+';
	*wall_us = now_us;
	if (slice_is(text, "now"))
		return true;
	if (where_span(is_ahead ? slice_of(text.p + 1, text.len - 1) : text, &span)) {
		*wall_us = is_ahead ? now_us + span : now_us - span;
		return true;
	}
	if (text.len >= sizeof copy || (text.len && memchr(text.p, '\0', text.len)))
		return false;
	snprintf(copy, sizeof copy, "%.*s", SLICE_ARG(text));
	return parse_date(copy, wall_us);
}
