/* spool/store/common/await_record.c: see codec.h. */
#include "spool/store/common/codec.h"

void await_encode(const struct stalled *stalled, struct buf *out)
{
	record_begin(out);
	write_fixed(out, (uint64_t)stalled->phase, 1);
	write_varint(out, (uint64_t)stalled->since_us);
	write_varint(out, (uint64_t)stalled->due_us);
	record_end(out);
}

enum status await_decode(struct slice record, struct stalled *out)
{
	struct slice body;
	*out = (struct stalled){0};
	enum status st = record_open(record, &body);
	if (st != ST_OK)
		return st;
	struct reader r = {(const uint8_t *)body.p, (const uint8_t *)body.p + body.len, false};
	out->phase = (int)read_fixed(&r, 1);
	out->since_us = (int64_t)read_varint(&r);
	out->due_us = (int64_t)read_varint(&r);
	if (r.bad || out->phase < AWAIT_FIRST || out->phase > AWAIT_LAST || out->since_us < 0 ||
		out->due_us < out->since_us)
		return ST_CORRUPT;
	return ST_OK;
}
