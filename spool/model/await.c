/* spool/model/await.c: see await.h. */
#include "spool/model/await.h"

int await_next(int phase)
{
	return phase >= AWAIT_FIRST - 1 && phase < AWAIT_LAST ? phase + 1 : 0;
}

bool await_is_met(int awaited, int phase)
{
	return !phase_is_step(phase) && phase >= awaited;
}
