/* spool/base/jx.h: JSON in by jansson behind our limits, JSON out by a small writer onto a buf.
 *
 * In: bounded depth, exact length, duplicate keys: last wins (contract.md 1.3), UTF-8 BOM and white space
 * tolerated. Out: compact, keys in the order written, strings escaped by RFC 8259; raw bytes of callers can
 * be embedded untouched (promise: a payload is stored and forwarded byte for byte, never re-dumped). */
#ifndef SPOOL_BASE_JX_H
#define SPOOL_BASE_JX_H
#include "spool/base/buf.h"

#include <jansson.h>

void jx_init(void); /* once per program, before threads: seeds jansson's hashing */

/* Parse one document of any kind. ST_INVALID with *why (position and reason) for a malformed one, ST_DEEP
 * for one nested deeper than max_depth, ST_NOMEM. On ST_OK *out is a new reference (json_decref). */
NODISCARD enum status jx_parse(struct slice text, unsigned max_depth, json_t **out, struct why *why);

/* Whether a text is nested deeper than so many levels. */
bool jx_is_deeper(struct slice text, unsigned max);

/* Borrowed lookups that accept NULL and non-objects and give NULL or the fallback. */
json_t *jx_get(const json_t *object, const char *key);
/* a.b.c walks objects. */
json_t *jx_path(const json_t *object, const char *dotted);
struct slice jx_text(const json_t *value); /* string's bytes; empty slice for anything else */
/* Do the bytes of a string of JSON, without its quotes and known to be well formed, stand for text? */
bool jx_raw_is(struct slice raw, struct slice text);
/* Append what such bytes stand for. */
void jx_unescape(struct slice raw, struct buf *out);

/* Writer. Commas are placed by itself. */
struct jx_writer {
	struct buf *out;
	unsigned depth;
	uint64_t has_member; /* bit per depth: a comma is due before the next member */
};
void jx_begin(struct jx_writer *w, struct buf *out);
void jx_open_object(struct jx_writer *w, const char *key); /* key NULL inside arrays and at the top */
void jx_close_object(struct jx_writer *w);
void jx_open_array(struct jx_writer *w, const char *key);
void jx_close_array(struct jx_writer *w);
void jx_string(struct jx_writer *w, const char *key, struct slice value);
void jx_cstring(struct jx_writer *w, const char *key, const char *value);
void jx_int(struct jx_writer *w, const char *key, int64_t value);
void jx_bool(struct jx_writer *w, const char *key, bool value);
void jx_null(struct jx_writer *w, const char *key);
void jx_raw(struct jx_writer *w, const char *key,
	struct slice json); /* bytes that are JSON already; empty -> null */
void jx_value(struct jx_writer *w, const char *key, const json_t *value); /* compact dump of a parsed value */
/* A time as text, or null for 0. */
void jx_time(struct jx_writer *w, const char *key, int64_t wall_us);
/* jx_escape() and jx_parse() give the same bytes back: valid UTF-8 (RFC 3629) without NUL, which jansson
 * takes in no string. */
bool jx_is_text(struct slice bytes);
/* Bytes as a quoted, escaped JSON string; invalid UTF-8 becomes U+FFFD. */
void jx_escape(struct buf *out, struct slice text);

#endif
