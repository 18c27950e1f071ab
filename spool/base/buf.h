/* spool/base/buf.h: struct slice borrows bytes, struct buf owns them.
 *
 * A buf has a cap given at init, so that no input grows without bound, and is sticky: after a failed add (cap
 * reached, malloc failed) every further add does nothing and buf_status() tells why; callers check once, at
 * the end. buf.p is always NUL-terminated once anything was added. Not shared between threads. */
#ifndef SPOOL_BASE_BUF_H
#define SPOOL_BASE_BUF_H
#include "spool/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const char *p; /* not NUL-terminated; NULL only if len is 0 */
	size_t len;
};
#define SLICE_INIT                                                                                           \
	{                                                                                                    \
		NULL, 0                                                                                      \
	}

static inline struct slice slice_of(const void *p, size_t len)
{
	return (struct slice){(const char *)p, len};
}
static inline struct slice slice_text(const char *text)
{
	return (struct slice){text, text ? strlen(text) : 0};
}
static inline bool slice_eq(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}
static inline bool slice_is(struct slice a, const char *text)
{
	return slice_eq(a, slice_text(text));
}
/* Without those of `chars` at its ends. */
static inline struct slice slice_trim(struct slice s, const char *chars)
{
	while (s.len && strchr(chars, s.p[0]) && s.p[0])
		s = slice_of(s.p + 1, s.len - 1);
	while (s.len && strchr(chars, s.p[s.len - 1]) && s.p[s.len - 1])
		s.len--;
	return s;
}
/* For printf("%.*s", SLICE_ARG(s)). */
#define SLICE_ARG(s) (int)(s).len, (s).p ? (s).p : ""

struct buf {
	char *p;
	size_t len;
	size_t cap;       /* room allocated */
	size_t max;       /* never grows past this */
	enum status fail; /* sticky: ST_OK, ST_FULL (max reached) or ST_NOMEM */
};
#define BUF_INIT(max_)                                                                                       \
	{                                                                                                    \
		.max = (max_)                                                                                \
	}

void buf_init(struct buf *b, size_t max);
void buf_release(struct buf *b); /* accepts zeroed and already released */
void buf_wipe(struct buf *b);    /* the same, and its bytes are zeroed first: for secrets. What it grew out of
				    is not */
void buf_clear(struct buf *b);   /* len = 0, failure forgotten, memory kept */
void buf_reuse(struct buf *b, size_t most); /* the same, but more memory than that is not kept */
enum status buf_status(const struct buf *b);
struct slice buf_slice(const struct buf *b);

void buf_add(struct buf *b, const void *p, size_t len);
void buf_add_slice(struct buf *b, struct slice s);
void buf_text(struct buf *b, const char *text);
void buf_byte(struct buf *b, unsigned char c);
void buf_int(struct buf *b, int64_t value); /* decimal */
void buf_fmt(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Make room for len more bytes and return where they go, len counted in already; NULL if the buf has failed.
 */
void *buf_room(struct buf *b, size_t len);

#endif
