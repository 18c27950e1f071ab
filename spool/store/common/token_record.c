/* spool/store/common/token_record.c: see codec.h. */
#include "spool/store/common/codec.h"

static void write_secret(struct buf *out, const struct token_secret *secret)
{
	write_text(out, slice_text(secret->prefix));
	if (!secret->prefix[0])
		return;
	buf_add(out, secret->digest, sizeof secret->digest);
	write_varint(out, (uint64_t)secret->created_at_us);
}

void token_encode(const struct token *t, struct buf *out)
{
	record_begin(out);
	write_fixed(out, t->scopes, 1);
	write_varint(out, t->phases);
	write_text(out, slice_text(t->user));
	write_varint(out, (uint64_t)t->created_at_us);
	write_varint(out, (uint64_t)t->expires_at_us);
	write_varint(out, (uint64_t)t->revoked_at_us);
	write_secret(out, &t->now);
	write_secret(out, &t->old);
	write_varint(out, (uint64_t)t->old_until_us);
	record_end(out);
}

static int64_t read_time(struct reader *r)
{
	uint64_t value = read_varint(r);
	if (value > TOKEN_TIME_MAX)
		r->bad = true;
	return r->bad ? 0 : (int64_t)value;
}

static void read_chars(struct reader *r, char *out, size_t cap)
{
	struct slice text = read_text(r);
	if (text.len >= cap || (text.len && memchr(text.p, '\0', text.len)))
		r->bad = true;
	else if (text.len)
		memcpy(out, text.p, text.len);
}

static void read_secret(struct reader *r, struct token_secret *out)
{
	read_chars(r, out->prefix, sizeof out->prefix);
	if (r->bad || !out->prefix[0])
		return;
	struct slice digest = read_bytes(r, sizeof out->digest);
	if (!r->bad)
		memcpy(out->digest, digest.p, sizeof out->digest);
	out->created_at_us = read_time(r);
}

static void read_fields(struct reader *r, struct token *out)
{
	uint64_t phases;
	out->scopes = (uint32_t)read_fixed(r, 1);
	phases = read_varint(r);
	out->phases = phases <= TOKEN_ALL_PHASES ? (uint32_t)phases : 0;
	read_chars(r, out->user, sizeof out->user);
	out->created_at_us = read_time(r);
	out->expires_at_us = read_time(r);
	out->revoked_at_us = read_time(r);
	read_secret(r, &out->now);
	read_secret(r, &out->old);
	out->old_until_us = read_time(r);
}

enum status token_decode(struct slice name, struct slice record, struct token *out)
{
	struct slice body;
	token_init(out, name);
	enum status st = record_open(record, &body);
	if (st != ST_OK)
		return st;
	struct reader r = {(const uint8_t *)body.p, (const uint8_t *)body.p + body.len, false};
	read_fields(&r, out);
	if (!r.bad && token_is_valid(out))
		return ST_OK;
	token_init(out, name);
	return ST_CORRUPT;
}
