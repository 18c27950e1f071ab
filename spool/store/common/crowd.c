/* spool/store/common/crowd.c: see crowd.h. */
#include "spool/store/common/crowd.h"

enum { COUNTER_BITS = 12, ALL_GONE = 31 };

/* Time of different threads may step back a little: what was halved stays so. */
static void halve(struct crowd *c, struct moment now)
{
	int64_t halvings = now.boot_us / CROWD_HALF_LIFE_US, by = halvings - c->halvings;
	if (by <= 0)
		return;
	if (by > ALL_GONE)
		by = ALL_GONE;
	for (int row = 0; row < CROWD_ROWS; row++)
		for (int i = 0; i < CROWD_COUNTERS; i++)
			c->rows[row][i] >>= by;
	c->total >>= by;
	c->halvings = halvings;
}

bool crowd_note(struct crowd *c, uint32_t user_hash, struct moment now)
{
	uint32_t least = UINT32_MAX;
	if (c->at == 0)
		return false;
	halve(c, now);
	for (int row = 0; row < CROWD_ROWS; row++) {
		uint32_t *counter = &c->rows[row][user_hash >> (row * COUNTER_BITS) & (CROWD_COUNTERS - 1)];
		least = ++*counter < least ? *counter : least;
	}
	c->total++;
	/* The share keeps many users who are all busy out of it: nobody crowds there, and each user in the
	 * crowd is a place of its own in the queue, a page that a submit must write. */
	return least > c->at && (int64_t)least * CROWD_SHARE > c->total;
}
