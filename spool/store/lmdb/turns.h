/* spool/store/lmdb/turns.h: whose turn it is to be claimed, as far as that depends on what was claimed
 * before. Pure.
 *
 * Counted in memory, by each process for itself, and only by who holds the write transaction. A restart
 * begins anew: that costs nobody more than a turn. */
#ifndef SPOOL_STORE_LMDB_TURNS_H
#define SPOOL_STORE_LMDB_TURNS_H
#include "spool/store/lmdb/key.h"

enum { TURN_PRIORITIES = 16 };
struct turns {
	uint64_t claims;
	uint32_t last_user[TURN_PRIORITIES]; /* hash: who had the crowd's last turn, by priority */
};

/* Two of eight turns are the crowd's, one of eight is by age. Two of the crowd's sixteenths are by age, one
 * of which it has where the others have work too. */
static inline bool turn_is_crowds(const struct turns *t)
{
	return t->claims % 4 == 2;
}
static inline bool turn_is_by_age(const struct turns *t, bool of_crowd)
{
	return of_crowd ? t->claims % 16 == 7 || t->claims % 16 == 14 : t->claims % 8 == 7;
}

static inline uint32_t *turn_of_priority(struct turns *t, int priority)
{
	return &t->last_user[(unsigned)priority % TURN_PRIORITIES];
}

/* The job of this key of the queue was claimed. */
static inline void turn_taken(struct turns *t, const struct key *key)
{
	int priority = key->b[QUEUE_PRIORITY];
	t->claims++;
	if (priority & CROWD_BIT)
		*turn_of_priority(t, priority & ~CROWD_BIT) =
			(uint32_t)key_get(key_slice(key), QUEUE_USER, 4);
}

#endif
