/* spool/store/common/head.c: see head.h. */
#include "spool/store/common/head.h"

#include "spool/store/common/record.h"

void head_encode(const struct head *head, struct buf *out)
{
	record_begin(out);
	write_varint(out, head->next_seq);
	write_varint(out, head->accepted_total);
	write_varint(out, head->removed_total);
	write_varint(out, head->set_aside);
	write_varint(out, head->paused_phases);
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		for (int place = 0; place < PLACE_N; place++)
			write_varint(out, head->jobs[slot][place]);
	write_varint(out, head->recent_n);
	write_varint(out, head->recent_at);
	for (int i = 0; i < STATS_RECENT_MAX; i++)
		write_varint(out, head->recent_ms[i]);
	record_end(out);
}

enum status head_decode(struct slice record, struct head *out)
{
	struct slice body;
	enum status st = record_open(record, &body);
	if (st != ST_OK)
		return st;
	struct reader r = {(const uint8_t *)body.p, (const uint8_t *)body.p + body.len, false};
	out->next_seq = read_varint(&r);
	out->accepted_total = read_varint(&r);
	out->removed_total = read_varint(&r);
	out->set_aside = read_varint(&r);
	out->paused_phases = (uint32_t)read_varint(&r);
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		for (int place = 0; place < PLACE_N; place++)
			out->jobs[slot][place] = read_varint(&r);
	out->recent_n = (uint32_t)read_varint(&r);
	out->recent_at = (uint32_t)read_varint(&r);
	for (int i = 0; i < STATS_RECENT_MAX; i++)
		out->recent_ms[i] = (uint32_t)read_varint(&r);
	if (out->recent_n > STATS_RECENT_MAX || out->recent_at >= STATS_RECENT_MAX)
		r.bad = true;
	return r.bad ? ST_CORRUPT : ST_OK;
}

uint64_t head_present(const struct head *head)
{
	uint64_t sum = 0;
	for (enum place place = 0; place < PLACE_N; place++)
		sum += head_place(head, place);
	return sum;
}

uint64_t head_place(const struct head *head, enum place place)
{
	uint64_t sum = 0;
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		sum += head->jobs[slot][place];
	return sum;
}

void head_completed(struct head *head, int64_t duration_ms)
{
	int64_t bounded = duration_ms < 0 ? 0 : duration_ms > UINT32_MAX ? UINT32_MAX : duration_ms;
	head->recent_ms[head->recent_at] = (uint32_t)bounded;
	head->recent_at = (head->recent_at + 1) % STATS_RECENT_MAX;
	if (head->recent_n < STATS_RECENT_MAX)
		head->recent_n++;
}

void head_tell(const struct head *head, struct stats *out)
{
	memset(out->jobs, 0, sizeof out->jobs);
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		for (int place = 0; place < PLACE_N; place++)
			out->jobs[slot][rules_state_of((enum place)place)] += head->jobs[slot][place];
	out->behind = head_place(head, PLACE_BEHIND);
	out->accepted_total = head->accepted_total;
	out->removed_total = head->removed_total;
	out->set_aside = head->set_aside;
	out->last_seq = head->next_seq - 1;
	out->paused_phases = head->paused_phases;
	out->recent_n = head->recent_n;
	memcpy(out->recent_ms, head->recent_ms, sizeof out->recent_ms);
}
