/* fcgi/pointer.c: see pointer.h. */
#include "fcgi/pointer.h"

#include "fcgi/span.h"
#include "spool/base/jx.h"

enum { TOKEN_MAX = 256, INDEX_DIGITS = 9 };

/* The next part of a pointer, ~1 and ~0 undone; *pointer moves behind it. */
static bool take_token(const char **pointer, char out[TOKEN_MAX], struct slice *token)
{
	size_t n = 0;
	const char *p = *pointer + 1;
	for (; *p && *p != '/'; p++) {
		if (n == TOKEN_MAX)
			return false;
		out[n] = *p;
		if (*p == '~')
			out[n] = *++p == '1' ? '/' : '~';
		n++;
	}
	*pointer = p;
	*token = slice_of(out, n);
	return true;
}

/* Decimal, without zeros before it. */
static bool parse_index(struct slice token, size_t *index)
{
	*index = 0;
	for (size_t i = 0; i < token.len; i++) {
		if (token.p[i] < '0' || token.p[i] > '9')
			return false;
		*index = *index * 10 + (size_t)(token.p[i] - '0');
	}
	return token.len >= 1 && token.len <= INDEX_DIGITS && (token.p[0] != '0' || token.len == 1);
}

static bool find_element(struct span *span, struct slice token, struct slice *out)
{
	struct slice key;
	size_t index;
	if (!parse_index(token, &index))
		return false;
	for (size_t i = 0; span_next(span, &key, out); i++)
		if (i == index)
			return true;
	return false;
}

static bool find_member(struct span *span, struct slice token, struct slice *out)
{
	struct slice key, value;
	bool found = false;
	while (span_next(span, &key, &value))
		if (key.len >= 2 && jx_raw_is(slice_of(key.p + 1, key.len - 2), token)) {
			*out = value;
			found = true;
		}
	return found;
}

bool pointer_find(struct slice json, const char *pointer, struct slice *value)
{
	char text[TOKEN_MAX];
	struct slice token;
	*value = json;
	while (*pointer == '/') {
		struct span span;
		if (!take_token(&pointer, text, &token) || !span_open(*value, &span))
			return false;
		if (!(span.is_object ? find_member(&span, token, value) : find_element(&span, token, value)))
			return false;
	}
	return *pointer == '\0';
}
