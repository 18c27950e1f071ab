/* spool/base/mask_text.c: secrets in texts for people: error texts, reasons, lines of a log. See mask.h.
 *
 * Such a text has no grammar, so this errs on the side of hiding a word too many. */
#include "spool/base/mask.h"

#include <strings.h>

static const char shown[] = "***";

struct reader {
	const struct mask *mask;
	const char *p, *end;
	struct buf *out;
};

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
	       c == '-';
}

static struct slice word_at(const struct reader *r, const char *p)
{
	const char *from = p;
	while (p < r->end && is_word(*p))
		p++;
	return slice_of(from, (size_t)(p - from));
}

static bool is_one_of(struct slice word, const char *const *list)
{
	for (; *list; list++)
		if (word.len == strlen(*list) && strncasecmp(word.p, *list, word.len) == 0)
			return true;
	return false;
}

static void copy_to(struct reader *r, const char *to)
{
	buf_add(r->out, r->p, (size_t)(to - r->p));
	r->p = to;
}

static void hide_to(struct reader *r, const char *to)
{
	if (to > r->p)
		buf_text(r->out, shown);
	r->p = to;
}

static const char *skip_of(const struct reader *r, const char *p, const char *set)
{
	while (p < r->end && *p && strchr(set, *p))
		p++;
	return p;
}

static const char *skip_until(const struct reader *r, const char *p, const char *set)
{
	while (p < r->end && !(*p && strchr(set, *p)))
		p++;
	return p;
}

/* Bearer XYZ, Basic XYZ. */
static bool take_scheme(struct reader *r, struct slice word)
{
	static const char *const schemes[] = {"Bearer", "Basic", NULL};
	const char *behind = word.p + word.len, *from = skip_of(r, behind, " \t");
	if (!is_one_of(word, schemes) || from == behind)
		return false;
	copy_to(r, from);
	hide_to(r, skip_until(r, from, " \t\r\n\"',;\\)}]<>"));
	return true;
}

/* eyJ is how base64 begins that says {". */
static bool take_jwt(struct reader *r, struct slice word)
{
	const char *p = word.p + word.len;
	if (word.len < 8 || memcmp(word.p, "eyJ", 3) != 0 || p == r->end || *p != '.')
		return false;
	for (int parts = 1; parts < 5 && p < r->end && *p == '.'; parts++)
		p += 1 + word_at(r, p + 1).len;
	hide_to(r, p);
	return true;
}

/* name=value, "name": "value", \"name\":\"value\", and for a header name: value. */
static bool take_named(struct reader *r, struct slice word)
{
	static const char *const headers[] = {
		"Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "X-Internal-Api-Key", NULL};
	bool is_header = is_one_of(word, headers);
	if (!is_header && !mask_has_name(r->mask, word))
		return false;
	const char *behind = word.p + word.len, *p = skip_of(r, behind, "\\\"'");
	bool is_quoted = p > behind;
	p = skip_of(r, p, " \t");
	if (p == r->end || (*p != '=' && !(*p == ':' && (is_quoted || is_header))))
		return false;
	bool is_line = *p == ':' && is_header && !is_quoted;
	const char *from = skip_of(r, p + 1, " \t");
	const char *value = skip_of(r, from, "\\\"'");
	copy_to(r, value);
	if (value > from)
		hide_to(r, skip_until(r, value, "\\\"'"));
	else
		hide_to(r, skip_until(r, value, is_line ? "\r\n\"" : "&,;)}] \t\r\n\"'"));
	return true;
}

void mask_text(const struct mask *mask, struct slice text, struct buf *out)
{
	struct reader r = {mask, text.p, text.p + text.len, out};
	if (!mask) {
		buf_add_slice(out, text);
		return;
	}
	while (r.p < r.end) {
		struct slice word = word_at(&r, r.p);
		if (word.len == 0)
			copy_to(&r, r.p + 1);
		else if (!take_scheme(&r, word) && !take_jwt(&r, word) && !take_named(&r, word))
			copy_to(&r, word.p + word.len);
	}
}

void mask_member(const struct mask *mask, const char *name, struct slice text, struct buf *out)
{
	if (text.len && mask_has_name(mask, slice_text(name)))
		buf_text(out, shown);
	else
		mask_text(mask, text, out);
}

/* The longest of them, for one may begin with another. */
static const struct slice *known_at(const struct slice *secrets, size_t n, const char *p, size_t left)
{
	const struct slice *best = NULL;
	for (size_t i = 0; i < n; i++)
		if (secrets[i].len >= MASK_KNOWN_MIN && secrets[i].len <= left &&
			memcmp(secrets[i].p, p, secrets[i].len) == 0 && (!best || secrets[i].len > best->len))
			best = &secrets[i];
	return best;
}

void mask_known(const struct slice *secrets, size_t n, struct slice text, struct buf *out)
{
	for (size_t i = 0; i < text.len;) {
		const struct slice *known = known_at(secrets, n, text.p + i, text.len - i);
		if (known)
			buf_text(out, shown);
		else
			buf_byte(out, (unsigned char)text.p[i]);
		i += known ? known->len : 1;
	}
}
