/* spool/base/jx_plain.c: see jx_plain.h. Numbers with a fraction or an exponent and strings with escapes are
 * left to jansson, one by one; where there are many, all of the text is. */
#include "spool/base/jx_plain.h"

enum { DEPTH_MAX = 64, ODD_MAX = 32, DIGITS_MAX = 18 /* any number of so many is an int64_t */ };

struct text {
	const char *p, *end;
	unsigned depth;
	unsigned odd; /* values left to jansson */
};

static json_t *take_value(struct text *t);

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

size_t jx_plain_prefix(const unsigned char *p, size_t len)
{
	const uint64_t ones = UINT64_MAX / 0xff, highs = ones * 0x80;
	size_t i = 0;
	for (; i + sizeof(uint64_t) <= len; i += sizeof(uint64_t)) {
		uint64_t x;
		memcpy(&x, p + i, sizeof x);
		uint64_t quote = x ^ ones * '"', backslash = x ^ ones * '\\', del = x ^ ones * 0x7f;
		/* A byte below n borrows into its high bit; what is wrong above such a byte does not matter.
		 */
		uint64_t odd = x | (x - ones * 0x20) | (quote - ones) | (backslash - ones) | (del - ones);
		if (odd & highs)
			break;
	}
	while (i < len && is_plain(p[i]))
		i++;
	return i;
}

size_t jx_utf8_length(const unsigned char *p, size_t left)
{
	static const struct {
		unsigned char first, last, second_min, second_max, len;
	} rows[] = {
		{0xc2, 0xdf, 0x80, 0xbf, 2},
		{0xe0, 0xe0, 0xa0, 0xbf, 3},
		{0xe1, 0xec, 0x80, 0xbf, 3},
		{0xed, 0xed, 0x80, 0x9f, 3},
		{0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4},
		{0xf1, 0xf3, 0x80, 0xbf, 4},
		{0xf4, 0xf4, 0x80, 0x8f, 4},
	};
	if (p[0] < 0x80)
		return 1;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (p[0] < rows[i].first || p[0] > rows[i].last)
			continue;
		if (left < rows[i].len || p[1] < rows[i].second_min || p[1] > rows[i].second_max)
			return 0;
		for (size_t k = 2; k < rows[i].len; k++)
			if ((p[k] & 0xc0) != 0x80)
				return 0;
		return rows[i].len;
	}
	return 0;
}

static void skip_blanks(struct text *t)
{
	while (t->p < t->end && (*t->p == ' ' || *t->p == '\t' || *t->p == '\n' || *t->p == '\r'))
		t->p++;
}

static bool take(struct text *t, char c)
{
	if (t->p == t->end || *t->p != c)
		return false;
	t->p++;
	return true;
}

static json_t *leave_to_jansson(struct text *t, const char *from)
{
	if (++t->odd > ODD_MAX)
		return NULL;
	return json_loadb(from, (size_t)(t->p - from), JSON_DECODE_ANY, NULL);
}

/* The text between two quotes, the first of which was taken. false: it has escapes, or is none. */
static bool take_text(struct text *t, struct slice *out)
{
	const char *from = t->p;
	while (t->p < t->end) {
		const unsigned char *p = (const unsigned char *)t->p;
		size_t left = (size_t)(t->end - t->p), len = jx_plain_prefix(p, left);
		if (len == 0 && *p == '"') {
			*out = slice_of(from, (size_t)(t->p - from));
			t->p++;
			return true;
		}
		if (len == 0 && *p >= 0x7f)
			len = jx_utf8_length(p, left);
		if (len == 0)
			return false;
		t->p += len;
	}
	return false;
}

static json_t *take_string(struct text *t)
{
	const char *from = t->p - 1;
	struct slice text;
	if (take_text(t, &text))
		return json_stringn_nocheck(text.p, text.len);
	for (; t->p < t->end && *t->p != '"'; t->p++)
		if (*t->p == '\\' && t->p + 1 < t->end)
			t->p++;
	return take(t, '"') ? leave_to_jansson(t, from) : NULL;
}

static json_t *take_number(struct text *t)
{
	const char *from = t->p;
	json_int_t value = 0;
	take(t, '-');
	const char *digits = t->p;
	for (; t->p < t->end && *t->p >= '0' && *t->p <= '9' && t->p - digits < DIGITS_MAX; t->p++)
		value = value * 10 + (*t->p - '0');
	bool goes_on = t->p < t->end && memchr("0123456789.eE+-", *t->p, 15);
	if (!goes_on && t->p > digits && (*digits != '0' || t->p == digits + 1))
		return json_integer(*from == '-' ? -value : value);
	while (t->p < t->end && memchr("0123456789.eE+-", *t->p, 15))
		t->p++;
	return leave_to_jansson(t, from);
}

static json_t *take_word(struct text *t, const char *word, json_t *value)
{
	size_t len = strlen(word);
	if ((size_t)(t->end - t->p) < len || memcmp(t->p, word, len) != 0)
		return NULL;
	t->p += len;
	return value;
}

static bool take_member(struct text *t, json_t *object)
{
	struct slice key;
	skip_blanks(t);
	if (!take(t, '"') || !take_text(t, &key))
		return false;
	skip_blanks(t);
	return take(t, ':') && json_object_setn_new_nocheck(object, key.p, key.len, take_value(t)) == 0;
}

static bool take_element(struct text *t, json_t *array)
{
	return json_array_append_new(array, take_value(t)) == 0;
}

static json_t *take_all(
	struct text *t, json_t *whole, char close, bool (*take_one)(struct text *t, json_t *whole))
{
	bool more = whole != NULL && t->depth-- > 0;
	skip_blanks(t);
	if (more && take(t, close)) {
		t->depth++;
		return whole;
	}
	while (more && take_one(t, whole)) {
		skip_blanks(t);
		if (take(t, close)) {
			t->depth++;
			return whole;
		}
		more = take(t, ',');
	}
	json_decref(whole);
	return NULL;
}

/* NULL is taken for a failure by whatever it is put into. */
static json_t *take_value(struct text *t)
{
	skip_blanks(t);
	if (t->p == t->end)
		return NULL;
	switch (*t->p) {
	case '{':
		t->p++;
		return take_all(t, json_object(), '}', take_member);
	case '[':
		t->p++;
		return take_all(t, json_array(), ']', take_element);
	case '"':
		t->p++;
		return take_string(t);
	case 't':
		return take_word(t, "true", json_true());
	case 'f':
		return take_word(t, "false", json_false());
	case 'n':
		return take_word(t, "null", json_null());
	default:
		return *t->p == '-' || (*t->p >= '0' && *t->p <= '9') ? take_number(t) : NULL;
	}
}

json_t *jx_plain_parse(struct slice text, unsigned max_depth)
{
	struct text t = {.p = text.p,
		.end = text.p + text.len,
		.depth = max_depth < DEPTH_MAX ? max_depth : DEPTH_MAX};
	json_t *value = text.len ? take_value(&t) : NULL;
	skip_blanks(&t);
	if (t.p == t.end)
		return value;
	json_decref(value);
	return NULL;
}
