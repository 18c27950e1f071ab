/* spool/when.c: see when.h. */
#include "spool/when.h"

#include <time.h>

#define LAST_MS INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */
#define SPAN_MS INT64_C(315360000000)    /* ten years of 365 days */

struct scan {
	const char *p, *end;
};

static bool take_char(struct scan *s, const char *any_of)
{
	if (s->p == s->end || !*s->p || !strchr(any_of, *s->p))
		return false;
	s->p++;
	return true;
}

/* Exactly `digits` digits with a value in [min, max]. */
static bool take_number(struct scan *s, int digits, int min, int max, int *out)
{
	*out = 0;
	for (int i = 0; i < digits; i++, s->p++) {
		if (s->p == s->end || *s->p < '0' || *s->p > '9')
			return false;
		*out = *out * 10 + (*s->p - '0');
	}
	return *out >= min && *out <= max;
}

/* All of the text as one number. */
static bool take_digits(struct scan *s, int64_t max, int64_t *out)
{
	const char *from = s->p;
	*out = 0;
	for (; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++) {
		*out = *out * 10 + (*s->p - '0');
		if (*out > max)
			return false;
	}
	return s->p > from;
}

static bool take_fraction(struct scan *s, int64_t *us)
{
	int64_t unit = 100000;
	const char *from = s->p;
	*us = 0;
	for (; s->p < s->end && *s->p >= '0' && *s->p <= '9'; s->p++, unit /= 10)
		*us += (*s->p - '0') * unit;
	return s->p > from;
}

static bool take_zone(struct scan *s, int64_t *offset_s)
{
	int hours, minutes;
	*offset_s = 0;
	if (take_char(s, "Zz"))
		return true;
	bool is_west = s->p < s->end && *s->p == '-';
	if (!take_char(s, "+-") || !take_number(s, 2, 0, 23, &hours))
		return false;
	take_char(s, ":");
	if (!take_number(s, 2, 0, 59, &minutes))
		return false;
	*offset_s = (hours * 60 + minutes) * (is_west ? -60 : 60);
	return true;
}

static bool take_date(struct scan *s, struct tm *tm)
{
	if (!take_number(s, 4, 1970, 9999, &tm->tm_year) || !take_char(s, "-") ||
		!take_number(s, 2, 1, 12, &tm->tm_mon) || !take_char(s, "-") ||
		!take_number(s, 2, 1, 31, &tm->tm_mday))
		return false;
	tm->tm_year -= 1900;
	tm->tm_mon -= 1;
	return true;
}

static bool take_clock(struct scan *s, struct tm *tm, int64_t *us)
{
	*us = 0;
	if (!take_char(s, "Tt ") || !take_number(s, 2, 0, 23, &tm->tm_hour) || !take_char(s, ":") ||
		!take_number(s, 2, 0, 59, &tm->tm_min))
		return false;
	if (take_char(s, ":") && !take_number(s, 2, 0, 59, &tm->tm_sec))
		return false;
	return !take_char(s, ".,") || take_fraction(s, us);
}

static bool parse_iso(struct slice text, int64_t *wall_us)
{
	struct scan s = {text.p, text.p + text.len};
	struct tm tm = {0};
	int64_t us, offset_s;
	if (!take_date(&s, &tm) || !take_clock(&s, &tm, &us) || !take_zone(&s, &offset_s) || s.p != s.end)
		return false;
	int day = tm.tm_mday;
	time_t seconds = timegm(&tm);
	if (tm.tm_mday != day) /* the 31st of a shorter month */
		return false;
	*wall_us = ((int64_t)seconds - offset_s) * 1000000 + us;
	return *wall_us >= 0;
}

bool when_from_ms(int64_t ms, int64_t *wall_us)
{
	*wall_us = ms * (ms <= LAST_MS ? 1000 : 0);
	return ms >= 0 && ms <= LAST_MS;
}

bool when_parse(struct slice text, int64_t *wall_us)
{
	struct scan s = {text.p, text.p + text.len};
	int64_t ms;
	*wall_us = 0;
	if (text.len == 0)
		return false;
	if (take_digits(&s, LAST_MS, &ms) && s.p == s.end)
		return when_from_ms(ms, wall_us);
	return parse_iso(text, wall_us);
}

bool when_span_from_ms(int64_t ms, int64_t *span_us)
{
	bool fits = ms >= 0 && ms <= SPAN_MS;
	*span_us = fits ? ms * 1000 : 0;
	return fits;
}

bool when_parse_span(struct slice text, int64_t *span_us)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {{"", 1}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
	struct scan s = {text.p, text.p + text.len};
	int64_t n;
	*span_us = 0;
	if (text.len == 0 || !take_digits(&s, SPAN_MS, &n))
		return false;
	struct slice unit = slice_of(s.p, (size_t)(s.end - s.p));
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (slice_is(unit, units[i].name))
			return n <= SPAN_MS / units[i].ms && when_span_from_ms(n * units[i].ms, span_us);
	return false;
}
