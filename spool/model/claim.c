/* spool/model/claim.c: see claim.h. */
#include "spool/model/claim.h"

enum status claim_check(const struct claim_ask *ask, struct why *why)
{
	if (ask && ask->limits_n > CLAIM_LIMITS_MAX)
		return why_set(why, ST_INVALID, "%zu limits of a claim, there may be %d", ask->limits_n,
			CLAIM_LIMITS_MAX);
	return ST_OK;
}

static void settle(struct claim_room *room)
{
	room->open = room->asked;
	for (size_t i = 0; i < room->n; i++)
		if (room->limits[i].room == 0)
			room->open &= ~room->limits[i].phases;
}

void claim_room_init(struct claim_room *room, const struct claim_ask *ask, uint32_t paused_phases)
{
	room->asked = (ask->phases ? ask->phases : UINT32_MAX) & ~paused_phases;
	room->n = ask->limits_n;
	if (room->n)
		memcpy(room->limits, ask->limits, room->n * sizeof *room->limits);
	settle(room);
}

static void change(struct claim_room *room, int slot, size_t by)
{
	for (size_t i = 0; i < room->n; i++)
		if (room->limits[i].phases & 1u << slot)
			room->limits[i].room += by;
	settle(room);
}

void claim_room_take(struct claim_room *room, int slot)
{
	change(room, slot, (size_t)-1);
}

void claim_room_give_back(struct claim_room *room, int slot)
{
	change(room, slot, 1);
}
