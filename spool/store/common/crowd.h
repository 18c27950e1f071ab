/* spool/store/common/crowd.h: who crowds: users who have submitted far more than others of late. Pure.
 *
 * A count-min sketch (Cormode and Muthukrishnan, 2005): each user has one counter in each of two rows, and
 * the smaller of the two is never less than the user's own count. A user may so be taken for another one,
 * with whom it shares both: then it takes turns, and nothing else happens. All counts are halved twice a
 * minute.
 *
 * In memory, by each process for itself, and only by who holds the write transaction. A restart forgets it:
 * who crowds is known again after as many jobs as it takes to crowd, and the jobs that were in the crowd
 * stay there. */
#ifndef SPOOL_STORE_COMMON_CROWD_H
#define SPOOL_STORE_COMMON_CROWD_H
#include "spool/base/clock.h"

#include <stdbool.h>

enum { CROWD_ROWS = 2, CROWD_COUNTERS = 4096, CROWD_HALF_LIFE_US = 30000000, CROWD_SHARE = 64 };
enum { CROWD_BIT = 0x80 }; /* of a place's priority: it is a crowd's */
struct crowd {
	uint32_t at; /* more jobs than this, and more than a CROWD_SHAREth of all, crowd; 0: none ever do */
	int64_t halvings, total;
	uint32_t rows[CROWD_ROWS][CROWD_COUNTERS];
};

/* A job of this user was accepted. true: it belongs in the crowd. */
bool crowd_note(struct crowd *crowd, uint32_t user_hash, struct moment now);

#endif
