/* spool/base/id.c: UUID version 7 with a counter, so that ids of one millisecond still ascend.
 *
 * Layout: 48 bits ms | 4 version | 12 counter high | 2 variant | 30 counter low | 32 random. RFC 9562
 * section 6.2 method 1, with the counter starting at zero in each millisecond and running over into the next
 * one. */
#include "spool/base/id.h"

#include <stdio.h>
#include <sys/random.h>

enum { COUNTER_LOW_BITS = 30 };

static uint64_t get_be(const uint8_t *p, int bytes)
{
	uint64_t v = 0;
	for (int i = 0; i < bytes; i++)
		v = v << 8 | p[i];
	return v;
}

static void put_be(uint8_t *p, int bytes, uint64_t v)
{
	for (int i = bytes - 1; i >= 0; i--, v >>= 8)
		p[i] = (uint8_t)v;
}

int64_t id_time_ms(struct job_id id)
{
	return (int64_t)get_be(id.b, 6);
}

static uint64_t counter_of(struct job_id id)
{
	uint64_t high = get_be(id.b + 6, 2) & 0xfff;
	uint64_t low = get_be(id.b + 8, 4) & 0x3fffffff;
	return high << COUNTER_LOW_BITS | low;
}

/* Random numbers, fetched many at a time. */
static uint32_t next_noise(void)
{
	static _Thread_local uint32_t
		pool[64]; /* no more: a larger getrandom() may be cut short by a signal */
	static _Thread_local size_t left;
	if (left == 0) {
		/* Without entropy (only possible very early at boot) ids still ascend and stay unique. */
		ssize_t got = getrandom(pool, sizeof pool, GRND_NONBLOCK);
		(void)got;
		left = sizeof pool / sizeof *pool;
	}
	return pool[--left];
}

struct job_id id_next(struct job_id prev, int64_t wall_us)
{
	uint64_t ms = wall_us > 0 ? (uint64_t)(wall_us / 1000) : 0;
	uint64_t counter = 0;
	if (!id_is_zero(prev) && ms <= (uint64_t)id_time_ms(prev)) {
		ms = (uint64_t)id_time_ms(prev);
		counter = counter_of(prev) + 1;
		if (counter >> (COUNTER_LOW_BITS + 12)) {
			ms++;
			counter = 0;
		}
	}
	struct job_id id;
	put_be(id.b, 6, ms);
	put_be(id.b + 6, 2, 0x7000 | counter >> COUNTER_LOW_BITS);
	put_be(id.b + 8, 4, 0x80000000u | (counter & 0x3fffffff));
	put_be(id.b + 12, 4, next_noise());
	return id;
}

void id_text(struct job_id id, char out[JOB_ID_TEXT_LEN])
{
	static const char hex[] = "0123456789abcdef";
	char *p = out;
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = hex[id.b[i] >> 4];
		*p++ = hex[id.b[i] & 15];
	}
	*p = '\0';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum status id_parse(struct slice text, struct job_id *out)
{
	*out = (struct job_id){{0}};
	if (text.len != JOB_ID_TEXT_LEN - 1)
		return ST_INVALID;
	struct job_id id;
	const char *p = text.p;
	for (int i = 0; i < 16; i++) {
		if ((i == 4 || i == 6 || i == 8 || i == 10) && *p++ != '-')
			return ST_INVALID;
		int high = hex_value(p[0]), low = hex_value(p[1]);
		if (high < 0 || low < 0)
			return ST_INVALID;
		id.b[i] = (uint8_t)(high << 4 | low);
		p += 2;
	}
	*out = id;
	return ST_OK;
}

int id_cmp(struct job_id a, struct job_id b)
{
	return memcmp(a.b, b.b, sizeof a.b);
}

bool id_is_zero(struct job_id id)
{
	static const struct job_id zero;
	return id_cmp(id, zero) == 0;
}
