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

enum status buf_status(const struct buf *b)
{
	return b->fail;
}

struct slice buf_slice(const struct buf *b)
{
	return slice_of(b->p, b->len);
}

/* Room for len more bytes and a NUL. */
static bool reserve(struct buf *b, size_t len)
{
	if (b->fail != ST_OK)
		return false;
	if (len > b->max || b->len > b->max - len) {
		b->fail = ST_FULL;
		return false;
	}
	size_t need = b->len + len + 1;
	if (need <= b->cap)
		return true;
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
	buf_add(b, &c, 1);
}

void buf_fmt(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0 || !reserve(b, (size_t)len)) {
		b->fail = b->fail ? b->fail : ST_INVALID;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(b->p + b->len, (size_t)len + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)len;
}
