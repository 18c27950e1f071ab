/* spool/base/jfind.c: see jfind.h. */
#include "spool/base/jfind.h"

#include <ctype.h>

struct place {
	const char *p, *end;
};

static void skip_blank(struct place *at)
{
	while (at->p < at->end && (*at->p == ' ' || *at->p == '\t' || *at->p == '\n' || *at->p == '\r'))
		at->p++;
}

static bool take(struct place *at, char c)
{
	skip_blank(at);
	if (at->p == at->end || *at->p != c)
		return false;
	at->p++;
	return true;
}

/* Behind the string whose first quote is at hand; *inside: between its quotes. */
static bool take_string(struct place *at, struct slice *inside)
{
	if (!take(at, '"'))
		return false;
	const char *from = at->p;
	for (; at->p < at->end && *at->p != '"'; at->p++)
		if (*at->p == '\\' && at->p + 1 < at->end)
			at->p++;
	*inside = slice_of(from, (size_t)(at->p - from));
	return take(at, '"');
}

static void skip_container(struct place *at)
{
	struct slice inside;
	size_t depth = 0;
	do {
		char c = *at->p;
		if (c == '"') {
			take_string(at, &inside);
			continue;
		}
		depth += c == '{' || c == '[';
		depth -= c == '}' || c == ']';
		at->p++;
	} while (depth > 0 && at->p < at->end);
}

static bool take_value(struct place *at, struct slice *value)
{
	struct slice inside;
	skip_blank(at);
	const char *from = at->p;
	if (from == at->end)
		return false;
	if (*from == '"')
		take_string(at, &inside);
	else if (*from == '{' || *from == '[')
		skip_container(at);
	else
		while (at->p < at->end && !strchr(",]} \t\r\n", *at->p))
			at->p++;
	*value = slice_of(from, (size_t)(at->p - from));
	return at->p > from;
}

static bool take_hex(struct place *at, uint32_t *code)
{
	*code = 0;
	for (int i = 0; i < 4; i++, at->p++) {
		if (at->p == at->end || !isxdigit((unsigned char)*at->p))
			return false;
		*code = *code << 4 | (uint32_t)(*at->p <= '9' ? *at->p - '0' : (*at->p | 0x20) - 'a' + 10);
	}
	return true;
}

static size_t encode(uint32_t code, char out[4])
{
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	for (size_t i = len; i > 1; i--, code >>= 6)
		out[i - 1] = (char)(0x80 | (code & 0x3f));
	out[0] = (char)(len == 1 ? code : lead[len] | code);
	return len;
}

/* What \u and four digits, or two of them, stand for; behind the u. 0: nothing. */
static size_t take_code(struct place *at, char out[4])
{
	uint32_t code, low;
	if (!take_hex(at, &code))
		return 0;
	if (code < 0xd800 || code > 0xdfff)
		return encode(code, out);
	if (code > 0xdbff || at->end - at->p < 2 || at->p[0] != '\\' || at->p[1] != 'u')
		return 0;
	at->p += 2;
	if (!take_hex(at, &low) || low < 0xdc00 || low > 0xdfff)
		return 0;
	return encode(0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00), out);
}

/* What the byte or the escape at hand stands for, inside a string. 0: it is broken. */
static size_t take_char(struct place *at, char out[4])
{
	static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
	out[0] = *at->p++;
	if (out[0] != '\\')
		return 1;
	if (at->p == at->end)
		return 0;
	char c = *at->p++;
	if (c == 'u')
		return take_code(at, out);
	const char *letter = c ? strchr(letters, c) : NULL;
	out[0] = letter ? meanings[letter - letters] : c;
	return 1;
}

void jfind_text(struct slice inside, struct buf *out)
{
	struct place at = {inside.p, inside.p + inside.len};
	char bytes[4];
	for (size_t len; at.p < at.end && (len = take_char(&at, bytes)) > 0;)
		buf_add(out, bytes, len);
}

static bool is_text(struct slice inside, struct slice text)
{
	struct place at = {inside.p, inside.p + inside.len};
	char bytes[4];
	if (!inside.len || !memchr(inside.p, '\\', inside.len))
		return slice_eq(inside, text);
	while (at.p < at.end) {
		size_t len = take_char(&at, bytes);
		if (len == 0 || len > text.len || memcmp(text.p, bytes, len) != 0)
			return false;
		text = slice_of(text.p + len, text.len - len);
	}
	return text.len == 0;
}

static bool find_member(struct place at, struct slice name, struct slice *value)
{
	struct slice key, one;
	bool found = false;
	do {
		if (!take_string(&at, &key) || !take(&at, ':') || !take_value(&at, &one))
			break;
		if (is_text(key, name)) {
			*value = one;
			found = true;
		}
	} while (take(&at, ','));
	return found;
}

static bool find_element(struct place at, struct slice number, struct slice *value)
{
	size_t left = 0;
	for (size_t i = 0; i < number.len; i++) {
		if (number.p[i] < '0' || number.p[i] > '9' || i > 8)
			return false;
		left = left * 10 + (size_t)(number.p[i] - '0');
	}
	do {
		if (!take_value(&at, value))
			return false;
	} while (left-- > 0 && take(&at, ','));
	return number.len > 0 && left == SIZE_MAX;
}

static struct slice take_name(struct slice *dotted)
{
	const char *point = memchr(dotted->p, '.', dotted->len);
	size_t len = point ? (size_t)(point - dotted->p) : dotted->len;
	struct slice name = slice_of(dotted->p, len);
	*dotted = slice_of(dotted->p + len + (point != NULL), dotted->len - len - (point != NULL));
	return name;
}

bool jfind(struct slice json, struct slice dotted, struct slice *raw)
{
	struct place at = {json.p, json.p + json.len};
	if (json.len >= 3 && memcmp(json.p, "\xef\xbb\xbf", 3) == 0)
		at.p += 3;
	if (!json.len || !take_value(&at, raw))
		return false;
	while (dotted.len) {
		struct slice name = take_name(&dotted);
		bool is_object = raw->p[0] == '{';
		at = (struct place){raw->p, raw->p + raw->len};
		if (!take(&at, is_object ? '{' : '[') ||
			!(is_object ? find_member(at, name, raw) : find_element(at, name, raw)))
			return false;
	}
	return true;
}
