/* fcgi/span.c: see span.h. */
#include "fcgi/span.h"

static void skip_blanks(struct span *s)
{
	while (s->p < s->end && memchr(" \t\r\n,:", *s->p, 6))
		s->p++;
}

static void skip_string(struct span *s)
{
	for (s->p++; s->p < s->end && *s->p != '"'; s->p++)
		if (*s->p == '\\')
			s->p++;
	s->p++;
}

static void skip_nested(struct span *s)
{
	size_t depth = 0;
	do {
		if (*s->p == '"') {
			skip_string(s);
			continue;
		}
		if (*s->p == '{' || *s->p == '[')
			depth++;
		else if (*s->p == '}' || *s->p == ']')
			depth--;
		s->p++;
	} while (depth > 0 && s->p < s->end);
}

static struct slice take_value(struct span *s)
{
	const char *from = s->p;
	if (*s->p == '"')
		skip_string(s);
	else if (*s->p == '{' || *s->p == '[')
		skip_nested(s);
	else
		while (s->p < s->end && !memchr(" \t\r\n,:]}", *s->p, 8))
			s->p++;
	if (s->p > s->end)
		s->p = s->end;
	return slice_of(from, (size_t)(s->p - from));
}

bool span_open(struct slice text, struct span *out)
{
	*out = (struct span){text.p, text.p + text.len, false};
	if (text.len >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0)
		out->p += 3;
	skip_blanks(out);
	if (out->p == out->end || (*out->p != '{' && *out->p != '['))
		return false;
	out->is_object = *out->p++ == '{';
	return true;
}

bool span_next(struct span *span, struct slice *key, struct slice *value)
{
	*key = *value = (struct slice)SLICE_INIT;
	skip_blanks(span);
	if (span->p >= span->end || *span->p == '}' || *span->p == ']')
		return false;
	if (span->is_object) {
		*key = take_value(span);
		skip_blanks(span);
		if (span->p >= span->end)
			return false;
	}
	*value = take_value(span);
	return true;
}
