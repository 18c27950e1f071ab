/* tests/unit/weather.c: see weather.h. */
#include "tests/unit/weather.h"

#define MINUTE_US INT64_C(60000000)

struct dice dice_of(uint64_t seed)
{
	return (struct dice){seed * UINT64_C(0x9e3779b97f4a7c15) + 1};
}

uint64_t dice_roll(struct dice *d, uint64_t below)
{
	d->state ^= d->state >> 12;
	d->state ^= d->state << 25;
	d->state ^= d->state >> 27;
	return (d->state * UINT64_C(2685821657736338717) >> 32) % below;
}

int64_t dice_between(struct dice *d, int64_t least, int64_t most)
{
	return least + (int64_t)(dice_roll(d, UINT32_MAX) * (uint64_t)(most - least) / UINT32_MAX);
}

static int64_t length_of(enum weather weather, struct dice *dice)
{
	if (weather == FAIR)
		return dice_between(dice, 5 * MINUTE_US, 240 * MINUTE_US);
	/* One bad spell in eight lasts longer than any job can wait. */
	if (dice_roll(dice, 8) == 0)
		return dice_between(dice, 120 * MINUTE_US, 720 * MINUTE_US);
	return dice_between(dice, MINUTE_US / 6, 90 * MINUTE_US);
}

void weather_plan(struct receiver_plan *plan, int64_t from_us, int64_t until_us, struct dice *dice)
{
	enum weather weather = (enum weather)dice_roll(dice, WEATHER_N);
	plan->n = 0;
	for (int64_t at_us = from_us; at_us < until_us && plan->n < SPELLS_MAX; plan->n++) {
		at_us += length_of(weather, dice);
		plan->spells[plan->n].until_us = at_us;
		plan->spells[plan->n].weather = weather;
		/* Bad spells may follow each other; fair ones do not. */
		weather = weather != FAIR && dice_roll(dice, 3)
				  ? FAIR
				  : (enum weather)(1 + dice_roll(dice, WEATHER_N - 1));
	}
}

enum weather weather_at(const struct receiver_plan *plan, int64_t at_us)
{
	for (size_t i = 0; i < plan->n; i++)
		if (at_us < plan->spells[i].until_us)
			return plan->spells[i].weather;
	return FAIR;
}

static struct reply well(struct dice *dice)
{
	return (struct reply){200, dice_between(dice, 20000, 500000), 0, true};
}

static struct reply too_slow(int64_t timeout_us, struct dice *dice)
{
	int64_t takes_us = dice_between(dice, timeout_us / 20, timeout_us + timeout_us / 4);
	if (takes_us >= timeout_us)
		return (struct reply){0, timeout_us, 0, true};
	return (struct reply){200, takes_us, 0, true};
}

static struct reply busy(struct dice *dice)
{
	static const int64_t wishes[] = {0, 1, 30, 600, 3600, 86400, INT64_C(9000000000)};
	struct reply reply = well(dice);
	reply.status = dice_roll(dice, 2) ? 429 : 503;
	reply.retry_after_s = wishes[dice_roll(dice, sizeof wishes / sizeof *wishes)];
	return reply;
}

struct reply weather_reply(
	const struct receiver_plan *plan, int64_t now_us, int64_t timeout_us, struct dice *dice)
{
	static const long errors[] = {500, 502, 503, 504, 408, 425, 599};
	struct reply reply = well(dice);
	switch (weather_at(plan, now_us)) {
	case SLOW:
		return too_slow(timeout_us, dice);
	case DOWN:
		return (struct reply){0, dice_between(dice, 100, 20000), 0, false};
	case HUNG:
		return (struct reply){0, timeout_us, 0, true};
	case ERRORS:
		if (dice_roll(dice, 10) < 8)
			reply.status = errors[dice_roll(dice, sizeof errors / sizeof *errors)];
		return reply;
	case BUSY:
		return busy(dice);
	default:
		return reply;
	}
}

static int64_t next_change_us(const struct receiver_plan *plan, int64_t at_us)
{
	for (size_t i = 0; i < plan->n; i++)
		if (at_us < plan->spells[i].until_us)
			return plan->spells[i].until_us;
	return INT64_MAX;
}

int64_t weather_longest_fair_us(
	const struct receiver_plan *const *plans, size_t n, int64_t from_us, int64_t until_us)
{
	int64_t longest_us = 0, began_us = from_us;
	for (int64_t at_us = from_us; at_us < until_us;) {
		int64_t next_us = until_us;
		bool all_fair = true;
		for (size_t i = 0; i < n; i++) {
			int64_t change_us = next_change_us(plans[i], at_us);
			next_us = change_us < next_us ? change_us : next_us;
			all_fair &= weather_at(plans[i], at_us) == FAIR;
		}
		if (!all_fair)
			began_us = next_us;
		else if (next_us - began_us > longest_us)
			longest_us = next_us - began_us;
		at_us = next_us;
	}
	return longest_us;
}
