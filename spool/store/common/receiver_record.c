/* spool/store/common/receiver_record.c: see codec.h. */
#include "spool/store/common/codec.h"

enum { PAUSED = 1 };

static void write_count(struct buf *out, struct call_count count)
{
	write_varint(out, count.ok);
	write_varint(out, count.failed);
}

void receiver_encode(const struct receiver_state *r, struct buf *out)
{
	record_begin(out);
	write_fixed(out, r->breaker, 1);
	write_fixed(out, r->is_paused ? PAUSED : 0, 1);
	write_varint(out, (uint64_t)r->paused_until_us);
	write_text(out, slice_text(r->paused_by));
	write_varint(out, (uint64_t)r->opened_at_us);
	write_varint(out, (uint64_t)r->open_until_us);
	write_varint(out, r->opened_times);
	write_varint(out, (uint64_t)r->window_at_us);
	write_varint(out, (uint64_t)r->window_us);
	write_count(out, r->now);
	write_count(out, r->before);
	write_varint(out, r->ramp);
	write_count(out, r->step);
	write_varint(out, r->probe);
	write_varint(out, (uint64_t)r->probe_until_us);
	write_varint(out, r->calls_total);
	write_varint(out, r->failed_total);
	record_end(out);
}

static uint64_t read_up_to(struct reader *r, uint64_t most)
{
	uint64_t value = read_varint(r);
	if (value > most)
		r->bad = true;
	return r->bad ? 0 : value;
}

/* Far enough from the end of the numbers for what is added to times. */
static int64_t read_time(struct reader *r)
{
	return (int64_t)read_up_to(r, INT64_MAX / 4);
}

static struct call_count read_count(struct reader *r)
{
	uint32_t ok = (uint32_t)read_up_to(r, UINT32_MAX);
	return (struct call_count){ok, (uint32_t)read_up_to(r, UINT32_MAX)};
}

static void read_actor(struct reader *r, char out[RECEIVER_ACTOR_MAX + 1])
{
	struct slice actor = read_text(r);
	if (actor.len > RECEIVER_ACTOR_MAX)
		r->bad = true;
	else if (actor.len)
		memcpy(out, actor.p, actor.len);
}

static void read_fields(struct reader *r, struct receiver_state *out)
{
	uint64_t breaker = read_fixed(r, 1);
	if (breaker >= BREAKER_N)
		r->bad = true;
	out->breaker = (enum breaker)(r->bad ? 0 : breaker);
	out->is_paused = read_fixed(r, 1) & PAUSED;
	out->paused_until_us = read_time(r);
	read_actor(r, out->paused_by);
	out->opened_at_us = read_time(r);
	out->open_until_us = read_time(r);
	out->opened_times = (uint32_t)read_up_to(r, UINT32_MAX);
	out->window_at_us = read_time(r);
	out->window_us = read_time(r);
	out->now = read_count(r);
	out->before = read_count(r);
	out->ramp = (uint32_t)read_up_to(r, UINT32_MAX);
	out->step = read_count(r);
	out->probe = read_varint(r);
	out->probe_until_us = read_time(r);
	out->calls_total = read_varint(r);
	out->failed_total = read_varint(r);
}

enum status receiver_decode(struct slice name, struct slice record, struct receiver_state *out)
{
	struct slice body;
	receiver_init(out, name);
	enum status st = record_open(record, &body);
	if (st != ST_OK)
		return st;
	struct reader r = {(const uint8_t *)body.p, (const uint8_t *)body.p + body.len, false};
	read_fields(&r, out);
	if (!r.bad)
		return ST_OK;
	receiver_init(out, name);
	return ST_CORRUPT;
}
