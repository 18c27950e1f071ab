/* spool/base/jx.c: jansson for reading, our own few lines for writing. */
#include "spool/base/jx.h"

#include "spool/base/clock.h"

#include <stdlib.h>

/* jansson calls a text malformed when it has no memory for a part of it, or drops some characters of a string
 * without a word: we have to notice ourselves. */
static _Thread_local bool had_no_memory;

static void *allocate(size_t size)
{
	void *p = malloc(size);
	if (!p)
		had_no_memory = true;
	return p;
}

void jx_init(void)
{
	json_set_alloc_funcs(allocate, free);
	json_object_seed(0);
}

static struct slice skip_bom(struct slice text)
{
	if (text.len >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0)
		return slice_of(text.p + 3, text.len - 3);
	return text;
}

/* Nesting is measured before jansson sees the text: its parser and its json_decref recurse on the thread's
 * stack. */
bool jx_is_deeper(struct slice text, unsigned max)
{
	unsigned depth = 0;
	bool in_string = false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.p[i];
		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > max)
				return true;
		} else if ((c == '}' || c == ']') && depth > 0) {
			depth--;
		}
	}
	return false;
}

enum status jx_parse(struct slice text, unsigned max_depth, json_t **out, struct why *why)
{
	*out = NULL;
	text = skip_bom(text);
	if (jx_is_deeper(text, max_depth))
		return why_set(why, ST_DEEP, "JSON is nested deeper than %u levels", max_depth);
	json_error_t err = {0};
	had_no_memory = false;
	*out = json_loadb(text.p ? text.p : "", text.len, JSON_DECODE_ANY, &err);
	if (had_no_memory) {
		json_decref(*out);
		*out = NULL;
		return why_set(why, ST_NOMEM, "out of memory while parsing JSON");
	}
	if (*out)
		return ST_OK;
	/* What stands there may be a secret: where is enough. */
	const char *near = strstr(err.text, " near ");
	return why_set(why, ST_INVALID, "JSON is malformed at line %d, column %d: %.*s", err.line, err.column,
		(int)(near ? near - err.text : (ptrdiff_t)strlen(err.text)), err.text);
}

json_t *jx_get(const json_t *object, const char *key)
{
	return object ? json_object_get(object, key) : NULL;
}

json_t *jx_path(const json_t *object, const char *dotted)
{
	char key[64];
	json_t *at = (json_t *)object;
	while (at && *dotted) {
		size_t len = strcspn(dotted, ".");
		if (len >= sizeof key)
			return NULL;
		memcpy(key, dotted, len);
		key[len] = '\0';
		at = json_object_get(at, key);
		dotted += len + (dotted[len] == '.');
	}
	return at;
}

struct slice jx_text(const json_t *value)
{
	if (!json_is_string(value))
		return (struct slice)SLICE_INIT;
	return slice_of(json_string_value(value), json_string_length(value));
}

static uint32_t hex4(const char *p)
{
	uint32_t value = 0;
	for (int i = 0; i < 4; i++)
		value = value << 4 | (uint32_t)(p[i] <= '9' ? p[i] - '0' : (p[i] | 0x20) - 'a' + 10);
	return value;
}

/* The character of an escape \u and four digits, or of two for one beyond the first 65536; p moves behind it.
 */
static uint32_t take_code(const char **p)
{
	uint32_t code = hex4(*p + 2);
	*p += 6;
	if (code < 0xd800 || code > 0xdbff)
		return code;
	uint32_t low = hex4(*p + 2);
	*p += 6;
	return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
}

static size_t utf8_encode(uint32_t code, char out[4])
{
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	for (size_t i = len; i > 1; i--) {
		out[i - 1] = (char)(0x80 | (code & 0x3f));
		code >>= 6;
	}
	out[0] = (char)(len == 1 ? code : lead[len] | code);
	return len;
}

/* What the byte or escape at p stands for. */
static size_t take_escaped(const char **p, char out[4])
{
	static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";
	if (**p == '\\' && (*p)[1] == 'u')
		return utf8_encode(take_code(p), out);
	out[0] = **p;
	if (**p == '\\') {
		const char *letter = strchr(letters, *++*p);
		out[0] = letter ? meanings[letter - letters] : **p;
	}
	++*p;
	return 1;
}

bool jx_raw_is(struct slice raw, struct slice text)
{
	const char *p = raw.p, *end = raw.p + raw.len;
	size_t at = 0;
	if (raw.len == 0 || !memchr(raw.p, '\\', raw.len))
		return slice_eq(raw, text);
	while (p < end) {
		char bytes[4];
		size_t len = take_escaped(&p, bytes);
		if (len > text.len - at || memcmp(text.p + at, bytes, len) != 0)
			return false;
		at += len;
	}
	return at == text.len;
}

void jx_unescape(struct slice raw, struct buf *out)
{
	const char *p = raw.p, *end = raw.p + raw.len;
	while (p < end) {
		char bytes[4];
		size_t len = take_escaped(&p, bytes);
		buf_add(out, bytes, len);
	}
}

/* Length of the valid UTF-8 sequence at p (RFC 3629), 0 if there is none. */
static size_t utf8_length(const unsigned char *p, size_t left)
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

bool jx_is_text(struct slice bytes)
{
	const unsigned char *p = (const unsigned char *)bytes.p;
	size_t len;
	for (size_t i = 0; i < bytes.len; i += len) {
		len = utf8_length(p + i, bytes.len - i);
		if (len == 0 || p[i] == '\0')
			return false;
	}
	return true;
}

static void escape_control(struct buf *out, unsigned char c)
{
	static const char *const named[0x20] = {
		['\b'] = "\\b", ['\f'] = "\\f", ['\n'] = "\\n", ['\r'] = "\\r", ['\t'] = "\\t"};
	if (c == '"' || c == '\\')
		buf_fmt(out, "\\%c", c);
	else if (c < 0x20 && named[c])
		buf_text(out, named[c]);
	else
		buf_fmt(out, "\\u%04x", c);
}

void jx_escape(struct buf *out, struct slice text)
{
	const unsigned char *p = (const unsigned char *)text.p;
	size_t from = 0, i = 0;
	buf_byte(out, '"');
	while (i < text.len) {
		size_t len = utf8_length(p + i, text.len - i);
		bool plain =
			len > 1 || (len == 1 && p[i] >= 0x20 && p[i] != '"' && p[i] != '\\' && p[i] != 0x7f);
		if (plain) {
			i += len;
			continue;
		}
		buf_add(out, p + from, i - from);
		if (len == 0)
			buf_text(out, "\xef\xbf\xbd");
		else
			escape_control(out, p[i]);
		from = ++i;
	}
	buf_add(out, p + from, i - from);
	buf_byte(out, '"');
}

void jx_begin(struct jx_writer *w, struct buf *out)
{
	*w = (struct jx_writer){.out = out};
}

/* What stands before a value: a comma if one is due, and the key inside objects. */
static void member(struct jx_writer *w, const char *key)
{
	uint64_t bit = UINT64_C(1) << (w->depth & 63);
	if (w->depth > 0 && (w->has_member & bit))
		buf_byte(w->out, ',');
	w->has_member |= bit;
	if (!key)
		return;
	jx_escape(w->out, slice_text(key));
	buf_byte(w->out, ':');
}

static void open_level(struct jx_writer *w, const char *key, char c)
{
	member(w, key);
	buf_byte(w->out, (unsigned char)c);
	w->depth++;
	w->has_member &= ~(UINT64_C(1) << (w->depth & 63));
}

static void close_level(struct jx_writer *w, char c)
{
	w->depth--;
	buf_byte(w->out, (unsigned char)c);
}

void jx_open_object(struct jx_writer *w, const char *key)
{
	open_level(w, key, '{');
}

void jx_close_object(struct jx_writer *w)
{
	close_level(w, '}');
}

void jx_open_array(struct jx_writer *w, const char *key)
{
	open_level(w, key, '[');
}

void jx_close_array(struct jx_writer *w)
{
	close_level(w, ']');
}

void jx_string(struct jx_writer *w, const char *key, struct slice value)
{
	member(w, key);
	jx_escape(w->out, value);
}

void jx_cstring(struct jx_writer *w, const char *key, const char *value)
{
	jx_string(w, key, slice_text(value));
}

void jx_int(struct jx_writer *w, const char *key, int64_t value)
{
	member(w, key);
	buf_fmt(w->out, "%lld", (long long)value);
}

void jx_bool(struct jx_writer *w, const char *key, bool value)
{
	member(w, key);
	buf_text(w->out, value ? "true" : "false");
}

void jx_null(struct jx_writer *w, const char *key)
{
	member(w, key);
	buf_text(w->out, "null");
}

void jx_raw(struct jx_writer *w, const char *key, struct slice json)
{
	if (json.len == 0) {
		jx_null(w, key);
		return;
	}
	member(w, key);
	buf_add_slice(w->out, skip_bom(json));
}

static int dump_to_buf(const char *p, size_t len, void *arg)
{
	struct buf *out = arg;
	buf_add(out, p, len);
	return buf_status(out) == ST_OK ? 0 : -1;
}

void jx_value(struct jx_writer *w, const char *key, const json_t *value)
{
	if (!value) {
		jx_null(w, key);
		return;
	}
	member(w, key);
	if (json_dump_callback(value, dump_to_buf, w->out, JSON_COMPACT | JSON_ENCODE_ANY) != 0 &&
		w->out->fail == ST_OK)
		w->out->fail = ST_NOMEM; /* half of it may be there */
}

void jx_time(struct jx_writer *w, const char *key, int64_t wall_us)
{
	char text[CLOCK_TEXT_LEN];
	if (wall_us == 0) {
		jx_null(w, key);
		return;
	}
	clock_text(wall_us, text, sizeof text);
	jx_cstring(w, key, text);
}
