/* spool/base/buf.c: a growing buffer that never exceeds its cap and remembers its first failure. */
#include "spool/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_CAP = 128 };

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf)BUF_INIT(max);
}

void buf_release(struct buf *b)
{
	free(b->p);
	*b = (struct buf)BUF_INIT(b->max);
}

void buf_wipe(struct buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->cap);
	buf_release(b);
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->fail = ST_OK;
	if (b->p)
		b->p[0] = '\0';
}

void buf_reuse(struct buf *b, size_t most)
{
	if (b->cap > most)
		buf_release(b);
	buf_clear(b);
}

enum status buf_status(const struct buf *b)
{
	return b->fail;
}

struct slice buf_slice(const struct buf *b)
{
	return slice_of(b->p, b->len);
}

static bool grow(struct buf *b, size_t len)
{
	if (b->fail != ST_OK)
		return false;
	if (len > b->max || b->len > b->max - len) {
		b->fail = ST_FULL;
		return false;
	}
	size_t need = b->len + len + 1;
	size_t cap = b->cap ? b->cap : FIRST_CAP;
	while (cap < need)
		cap = cap > SIZE_MAX / 2 ? need : cap * 2;
	if (cap > b->max + 1)
		cap = b->max + 1;
	char *p = realloc(b->p, cap);
	if (!p) {
		b->fail = ST_NOMEM;
		return false;
	}
	b->p = p;
	b->cap = cap;
	return true;
}

/* Room for len more bytes and a NUL. */
static inline bool reserve(struct buf *b, size_t len)
{
	return (b->fail == ST_OK && len < b->cap - b->len) || grow(b, len);
}

void *buf_room(struct buf *b, size_t len)
{
	if (!reserve(b, len))
		return NULL;
	char *at = b->p + b->len;
	b->len += len;
	b->p[b->len] = '\0';
	return at;
}

void buf_add(struct buf *b, const void *p, size_t len)
{
	char *at = buf_room(b, len);
	if (at && len)
		memcpy(at, p, len);
}

void buf_add_slice(struct buf *b, struct slice s)
{
	buf_add(b, s.p, s.len);
}

void buf_text(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void buf_byte(struct buf *b, unsigned char c)
{
	if (!reserve(b, 1))
		return;
	b->p[b->len++] = (char)c;
	b->p[b->len] = '\0';
}

void buf_int(struct buf *b, int64_t value)
{
	char digits[20], *at = digits + sizeof digits;
	uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	do
		*--at = (char)('0' + left % 10);
	while ((left /= 10) > 0);
	if (value < 0)
		*--at = '-';
	buf_add(b, at, (size_t)(digits + sizeof digits - at));
}

void buf_fmt(struct buf *b, const char *fmt, ...)
{
	enum { GUESS = 64 }; /* most fit: they are laid out once */
	va_list ap;
	bool has_room = b->fail == ST_OK && b->max - b->len >= GUESS && reserve(b, GUESS);
	size_t room = has_room ? b->cap - b->len : 0;
	va_start(ap, fmt);
	int len = vsnprintf(has_room ? b->p + b->len : NULL, room, fmt, ap);
	va_end(ap);
	if (len >= 0 && (size_t)len < room) {
		b->len += (size_t)len;
		return;
	}
	if (has_room)
		b->p[b->len] = '\0';
	if (len < 0 || !reserve(b, (size_t)len)) {
		b->fail = b->fail ? b->fail : ST_INVALID;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(b->p + b->len, (size_t)len + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)len;
}
