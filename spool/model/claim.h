/* spool/model/claim.h: what the limits of a claim leave. Pure. */
#ifndef SPOOL_MODEL_CLAIM_H
#define SPOOL_MODEL_CLAIM_H
#include "spool/model/settle.h"

/* OK; INVALID: more limits than CLAIM_LIMITS_MAX. ask may be NULL. */
NODISCARD enum status claim_check(const struct claim_ask *ask, struct why *why);

/* A phase is open while each limit that names it has room. */
struct claim_room {
	uint32_t asked, open; /* bits of phase_slot() */
	struct claim_limit limits[CLAIM_LIMITS_MAX];
	size_t n;
};
/* Of the phases that are asked for and not paused. */
void claim_room_init(struct claim_room *room, const struct claim_ask *ask, uint32_t paused_phases);
/* A job of this phase was picked, or given back. */
void claim_room_take(struct claim_room *room, int slot);
void claim_room_give_back(struct claim_room *room, int slot);

#endif
