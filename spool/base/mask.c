/* spool/base/mask.c: see mask.h. The table, and JSON read once from left to right: strict about its grammar,
 * for a reader that is lenient would not see a secret where another one does. */
#include "spool/base/mask.h"

#include "spool/base/jx.h"

#include <stdio.h>
#include <stdlib.h>

enum { NAMES_MAX = 64, POINTERS_MAX = 32, TOKENS_MAX = 16, DEPTH_MAX = 128, KEY_MAX = 1024 };

/* A name without its case, dashes and underscores. */
struct name {
	struct slice core;
	bool from_any, to_any; /* there was a * before, after it */
};

struct pointer {
	struct slice tokens[TOKENS_MAX]; /* unescaped */
	size_t n;
};

struct mask {
	struct name names[NAMES_MAX];
	struct pointer pointers[POINTERS_MAX];
	size_t names_n, pointers_n;
	struct buf text; /* what the slices point into; given its room at the start */
};

/* --- the table --- */

static char plain(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static size_t normalise(struct slice name, char *out)
{
	size_t len = 0;
	for (size_t i = 0; i < name.len; i++)
		if (name.p[i] != '-' && name.p[i] != '_')
			out[len++] = plain(name.p[i]);
	return len;
}

static enum status add_name(struct mask *m, struct slice text, struct why *why)
{
	struct name name = {.from_any = text.p[0] == '*'};
	if (m->names_n == NAMES_MAX)
		return why_set(why, ST_INVALID, "there are more than %d names", NAMES_MAX);
	if (name.from_any)
		text = slice_of(text.p + 1, text.len - 1);
	if (text.len && text.p[text.len - 1] == '*') {
		name.to_any = true;
		text.len--;
	}
	if (text.len == 0 || memchr(text.p, '*', text.len))
		return why_set(why, ST_INVALID, "a * stands before or after a name");
	char *to = m->text.p + m->text.len;
	name.core = slice_of(to, normalise(text, to));
	if (name.core.len == 0)
		return why_set(why, ST_INVALID, "%.*s is no name", SLICE_ARG(text));
	m->text.len += name.core.len;
	m->names[m->names_n++] = name;
	return ST_OK;
}

/* One token, with ~0 and ~1 as the characters that they stand for. */
static bool add_token(struct mask *m, struct pointer *p, struct slice raw)
{
	char *to = m->text.p + m->text.len;
	size_t len = 0;
	for (size_t i = 0; i < raw.len; i++) {
		char c = raw.p[i];
		if (c == '~') {
			i++;
			if (i == raw.len || (raw.p[i] != '0' && raw.p[i] != '1'))
				return false;
			c = raw.p[i] == '0' ? '~' : '/';
		}
		to[len++] = c;
	}
	m->text.len += len;
	p->tokens[p->n++] = slice_of(to, len);
	return true;
}

static enum status add_pointer(struct mask *m, struct slice text, struct why *why)
{
	struct pointer *p = &m->pointers[m->pointers_n];
	if (m->pointers_n == POINTERS_MAX)
		return why_set(why, ST_INVALID, "there are more than %d pointers", POINTERS_MAX);
	for (size_t at = 0; at < text.len;) {
		size_t from = ++at;
		while (at < text.len && text.p[at] != '/')
			at++;
		if (p->n == TOKENS_MAX)
			return why_set(
				why, ST_INVALID, "%.*s has more than %d steps", SLICE_ARG(text), TOKENS_MAX);
		if (!add_token(m, p, slice_of(text.p + from, at - from)))
			return why_set(why, ST_INVALID,
				"%.*s: in a JSON pointer ~ is followed by 0 or 1 (RFC 6901)",
				SLICE_ARG(text));
	}
	m->pointers_n++;
	return ST_OK;
}

static enum status add_fields(struct mask *m, const char *fields, struct why *why)
{
	enum status st = ST_OK;
	while (st == ST_OK && *fields) {
		size_t len = strcspn(fields, ",\n");
		struct slice text = slice_trim(slice_of(fields, len), " \t");
		if (text.len)
			st = text.p[0] == '/' ? add_pointer(m, text, why) : add_name(m, text, why);
		fields += len + (fields[len] != '\0');
	}
	return st;
}

enum status mask_new(const char *fields, struct mask **out, struct why *why)
{
	size_t room = strlen(fields) + 1;
	struct mask *m = *out = calloc(1, sizeof *m);
	if (!m)
		return why_set(why, ST_NOMEM, "out of memory");
	buf_init(&m->text, room);
	enum status st = buf_room(&m->text, room) ? ST_OK : why_set(why, ST_NOMEM, "out of memory");
	m->text.len = 0;
	if (st == ST_OK)
		st = add_fields(m, fields, why);
	if (st != ST_OK) {
		mask_free(m);
		*out = NULL;
	}
	return st;
}

void mask_free(struct mask *m)
{
	if (m)
		buf_release(&m->text);
	free(m);
}

static bool name_fits(const struct name *name, struct slice plain_name)
{
	struct slice core = name->core;
	if (plain_name.len < core.len)
		return false;
	if (name->from_any && name->to_any)
		return memmem(plain_name.p, plain_name.len, core.p, core.len);
	if (name->from_any)
		return memcmp(plain_name.p + plain_name.len - core.len, core.p, core.len) == 0;
	return (name->to_any || plain_name.len == core.len) && memcmp(plain_name.p, core.p, core.len) == 0;
}

/* A name that is too long to be looked at is taken for a secret one. */
bool mask_has_name(const struct mask *m, struct slice name)
{
	char text[KEY_MAX];
	if (!m)
		return false;
	if (name.len > sizeof text)
		return true;
	struct slice plain_name = slice_of(text, normalise(name, text));
	for (size_t i = 0; i < m->names_n; i++)
		if (name_fits(&m->names[i], plain_name))
			return true;
	return false;
}

static bool is_number(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
	return text.len > 0;
}

/* 01 is the element 1, or a member of that name. */
static bool step_fits(struct slice step, struct slice token)
{
	if (is_number(step) && is_number(token)) {
		while (step.len > token.len && step.p[0] == '0')
			step = slice_of(step.p + 1, step.len - 1);
		while (token.len > step.len && token.p[0] == '0')
			token = slice_of(token.p + 1, token.len - 1);
	}
	return slice_eq(step, token);
}

bool mask_has_path(const struct mask *m, const struct slice *steps, size_t n)
{
	for (size_t i = 0; m && i < n; i++)
		if (mask_has_name(m, steps[i]))
			return true;
	for (size_t i = 0; m && i < m->pointers_n; i++) {
		const struct pointer *p = &m->pointers[i];
		size_t k = 0;
		while (k < p->n && k < n && step_fits(steps[k], p->tokens[k]))
			k++;
		if (k == p->n)
			return true;
	}
	return false;
}

/* --- JSON --- */

struct scan {
	const struct mask *mask;
	const char *p, *end;
	const char *kept; /* what stands before it is in out */
	struct buf *out;
	struct buf key;
	size_t depth;
	unsigned hidden;              /* values around this one that are secret */
	size_t matched[POINTERS_MAX]; /* steps of each pointer that lead to here */
};

static bool take(struct scan *s, char c)
{
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

static void skip_blanks(struct scan *s)
{
	while (s->p < s->end && memchr(" \t\n\r", *s->p, 4))
		s->p++;
}

/* Four hexadecimal digits; -1: there are none. */
static int take_hex4(struct scan *s)
{
	int value = 0;
	for (int i = 0; i < 4; i++, s->p++) {
		if (s->p == s->end)
			return -1;
		char c = plain(*s->p);
		if (c >= '0' && c <= '9')
			value = value << 4 | (c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (c - 'a' + 10);
		else
			return -1;
	}
	return value;
}

/* Behind the backslash. Half of a surrogate pair alone stands for nothing. */
static bool skip_escape(struct scan *s)
{
	if (s->p == s->end)
		return false;
	char c = *s->p++;
	if (c != 'u')
		return memchr("\"\\/bfnrt", c, 8);
	int code = take_hex4(s);
	if (code < 0xd800 || code > 0xdfff)
		return code >= 0;
	if (code > 0xdbff || !take(s, '\\') || !take(s, 'u'))
		return false;
	int low = take_hex4(s);
	return low >= 0xdc00 && low <= 0xdfff;
}

/* *inside (may be NULL): without the quotes. */
static bool skip_string(struct scan *s, struct slice *inside)
{
	const char *from = s->p + 1;
	if (!take(s, '"'))
		return false;
	while (s->p < s->end && *s->p != '"') {
		if ((unsigned char)*s->p < 0x20)
			return false;
		if (*s->p++ == '\\' && !skip_escape(s))
			return false;
	}
	if (inside)
		*inside = slice_of(from, (size_t)(s->p - from));
	return take(s, '"');
}

static bool skip_digits(struct scan *s)
{
	const char *from = s->p;
	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return s->p > from;
}

static bool skip_number(struct scan *s)
{
	take(s, '-');
	if (!take(s, '0') && !skip_digits(s))
		return false;
	if (take(s, '.') && !skip_digits(s))
		return false;
	if (!take(s, 'e') && !take(s, 'E'))
		return true;
	if (!take(s, '+'))
		take(s, '-');
	return skip_digits(s);
}

static bool skip_word(struct scan *s)
{
	static const char *const words[] = {"true", "false", "null"};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		size_t len = strlen(words[i]);
		if ((size_t)(s->end - s->p) >= len && memcmp(s->p, words[i], len) == 0) {
			s->p += len;
			return true;
		}
	}
	return false;
}

/* One step down, by a member's name as it is written or by an element's index. true: a pointer ends here. */
static bool step_down(struct scan *s, struct slice token)
{
	bool ends = false;
	for (size_t i = 0; i < s->mask->pointers_n; i++) {
		const struct pointer *p = &s->mask->pointers[i];
		if (s->matched[i] != s->depth || s->depth == p->n || !jx_raw_is(token, p->tokens[s->depth]))
			continue;
		s->matched[i]++;
		ends |= s->matched[i] == p->n;
	}
	s->depth++;
	return ends;
}

static void step_up(struct scan *s)
{
	s->depth--;
	for (size_t i = 0; i < s->mask->pointers_n; i++)
		if (s->matched[i] > s->depth)
			s->matched[i] = s->depth;
}

static bool is_secret_name(struct scan *s, struct slice raw)
{
	buf_clear(&s->key);
	jx_unescape(raw, &s->key);
	return buf_status(&s->key) != ST_OK || mask_has_name(s->mask, buf_slice(&s->key));
}

static bool scan_value(struct scan *s);

static bool scan_inner(struct scan *s, bool is_secret)
{
	skip_blanks(s);
	const char *from = s->p;
	s->hidden += is_secret;
	bool ok = scan_value(s);
	s->hidden -= is_secret;
	if (ok && is_secret && !s->hidden) {
		buf_add(s->out, s->kept, (size_t)(from - s->kept));
		buf_text(s->out, "\"***\"");
		s->kept = s->p;
	}
	skip_blanks(s);
	return ok;
}

static bool scan_member(struct scan *s)
{
	struct slice name;
	if (!skip_string(s, &name))
		return false;
	skip_blanks(s);
	if (!take(s, ':'))
		return false;
	bool is_secret = step_down(s, name);
	bool ok = scan_inner(s, is_secret || is_secret_name(s, name));
	step_up(s);
	return ok;
}

static bool scan_element(struct scan *s, size_t index)
{
	char text[24];
	int len = snprintf(text, sizeof text, "%zu", index);
	bool ok = scan_inner(s, step_down(s, slice_of(text, (size_t)len)));
	step_up(s);
	return ok;
}

static bool scan_object(struct scan *s)
{
	s->p++;
	skip_blanks(s);
	if (take(s, '}'))
		return true;
	do {
		skip_blanks(s);
		if (!scan_member(s))
			return false;
	} while (take(s, ','));
	return take(s, '}');
}

static bool scan_array(struct scan *s)
{
	s->p++;
	skip_blanks(s);
	if (take(s, ']'))
		return true;
	size_t index = 0;
	do {
		if (!scan_element(s, index++))
			return false;
	} while (take(s, ','));
	return take(s, ']');
}

static bool scan_value(struct scan *s)
{
	if (s->p == s->end || s->depth == DEPTH_MAX)
		return false;
	switch (*s->p) {
	case '{':
		return scan_object(s);
	case '[':
		return scan_array(s);
	case '"':
		return skip_string(s, NULL);
	case 't':
	case 'f':
	case 'n':
		return skip_word(s);
	default:
		return skip_number(s);
	}
}

void mask_json(const struct mask *m, struct slice json, struct buf *out)
{
	if (!m || json.len == 0) {
		buf_add_slice(out, json);
		return;
	}
	struct scan s = {.mask = m,
		.p = json.p,
		.end = json.p + json.len,
		.kept = json.p,
		.out = out,
		.key = BUF_INIT(KEY_MAX)};
	size_t from = out->len;
	if (json.len >= 3 && memcmp(json.p, "\xef\xbb\xbf", 3) == 0)
		s.p += 3;
	bool ok = scan_inner(&s, false) && s.p == s.end;
	buf_release(&s.key);
	if (ok) {
		buf_add(out, s.kept, (size_t)(s.end - s.kept));
		return;
	}
	out->len = from;
	buf_text(out, "\"***\"");
}
