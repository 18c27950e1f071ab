/* spool/model/await.c: see await.h. */
#include "spool/model/await.h"

enum { LAST_AWAITED = 5 };

int await_next(int phase)
{
	return phase >= PHASE_FIRST && phase < LAST_AWAITED ? phase + 1 : 0;
}

bool await_is_over(const struct await *await, int phase)
{
	return !phase_is_step(phase) && phase >= await->phase;
}
