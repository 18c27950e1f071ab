/* tests/unit/weather.h: receivers that fail by a seeded schedule, for simulations: hours of fair weather,
 * then outages, slow phases, bursts of errors, refusals with Retry-After. Pure: time comes in, and the same
 * seed gives the same schedule everywhere. */
#ifndef TESTS_UNIT_WEATHER_H
#define TESTS_UNIT_WEATHER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* xorshift64*: repeatable everywhere, which rand() is not. */
struct dice {
	uint64_t state;
};
struct dice dice_of(uint64_t seed);
uint64_t dice_roll(struct dice *dice, uint64_t below);
/* In [least, most]. */
int64_t dice_between(struct dice *dice, int64_t least, int64_t most);

enum weather {
	FAIR,   /* every call is answered well, and soon */
	SLOW,   /* late, some later than the caller waits */
	DOWN,   /* connections are refused */
	HUNG,   /* connections are taken, nothing is answered */
	ERRORS, /* most calls are answered 5xx */
	BUSY,   /* 429 or 503 with Retry-After, sensible or not */
	WEATHER_N
};

enum { SPELLS_MAX = 200 };
struct receiver_plan {
	struct {
		int64_t until_us;
		enum weather weather;
	} spells[SPELLS_MAX]; /* then it is fair for ever */
	size_t n;
};

struct reply {
	long status; /* 0: none came */
	int64_t takes_us;
	int64_t retry_after_s;
	bool was_delivered; /* the receiver has seen the call */
};

void weather_plan(struct receiver_plan *plan, int64_t from_us, int64_t until_us, struct dice *dice);
enum weather weather_at(const struct receiver_plan *plan, int64_t at_us);
/* The answer to a call that begins now. */
struct reply weather_reply(
	const struct receiver_plan *plan, int64_t now_us, int64_t timeout_us, struct dice *dice);
/* The longest time within [from, until] that was fair at all n receivers without a break. */
int64_t weather_longest_fair_us(
	const struct receiver_plan *const *plans, size_t n, int64_t from_us, int64_t until_us);

#endif
