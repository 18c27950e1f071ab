/* spool/store/common/turns.h: whose turn it is to be claimed, as far as that depends on what was claimed
 * before. Pure.
 *
 * Counted in memory, by each process for itself, and only by who holds the write transaction. A restart
 * begins anew: that costs nobody more than a turn. */
#ifndef SPOOL_STORE_COMMON_TURNS_H
#define SPOOL_STORE_COMMON_TURNS_H
#include <stdbool.h>
#include <stdint.h>

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

/* A job was claimed; user: the hash of whose it is, if it is one of the crowd. */
static inline void turn_taken(struct turns *t, int priority, bool of_crowd, uint32_t user)
{
	t->claims++;
	if (of_crowd)
		*turn_of_priority(t, priority) = user;
}

#endif
