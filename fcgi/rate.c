/* fcgi/rate.c: see rate.h. */
#include "fcgi/rate.h"

#include "spool/base/hash.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

#define NS_PER_1000_S INT64_C(1000000000000)
/* No caller is made to wait for longer than this, whatever it owes. */
#define OWED_MAX_NS (INT64_C(3600) * 1000000000)

/* --- one bucket --- */

/* Nanoseconds from one request to the next. */
static int64_t interval_of(const struct rate_bound *bound)
{
	return NS_PER_1000_S / bound->rate_milli;
}

static int64_t room_of(const struct rate_bound *bound)
{
	return bound->burst * interval_of(bound);
}

void bucket_owe(struct bucket *bucket, const struct rate_bound *bound, int64_t now_ns, uint64_t n)
{
	int64_t most = now_ns + room_of(bound) + OWED_MAX_NS, interval = interval_of(bound);
	int64_t from = bucket->full_at_ns > now_ns ? bucket->full_at_ns : now_ns;
	if (from < most && n <= (uint64_t)((most - from) / interval))
		bucket->full_at_ns = from + (int64_t)n * interval;
	else if (from < most)
		bucket->full_at_ns = most;
}

bool bucket_take(
	struct bucket *bucket, const struct rate_bound *bound, int64_t now_ns, uint64_t n, int64_t *wait_ns)
{
	int64_t from = bucket->full_at_ns > now_ns ? bucket->full_at_ns : now_ns;
	*wait_ns = from + interval_of(bound) - (now_ns + room_of(bound));
	if (*wait_ns > 0)
		return false;
	*wait_ns = 0;
	bucket_owe(bucket, bound, now_ns, n);
	return true;
}

/* --- the table --- */

struct entry {
	uint64_t hash; /* 0: free */
	int64_t seen_ns;
	struct bucket buckets[RATE_KINDS];
	bool is_said;
};

struct set {
	pthread_mutex_t lock;
	struct entry ways[RATE_WAYS];
};

struct rate {
	uint64_t seed; /* so that nobody can choose whose set to fill */
	struct set sets[RATE_SETS];
};

struct rate *rate_new(void)
{
	struct rate *rate = calloc(1, sizeof *rate);
	if (!rate)
		return NULL;
	if (getrandom(&rate->seed, sizeof rate->seed, 0) != sizeof rate->seed) {
		free(rate);
		return NULL;
	}
	for (size_t i = 0; i < RATE_SETS; i++)
		pthread_mutex_init(&rate->sets[i].lock, NULL);
	return rate;
}

void rate_free(struct rate *rate)
{
	if (!rate)
		return;
	for (size_t i = 0; i < RATE_SETS; i++)
		pthread_mutex_destroy(&rate->sets[i].lock);
	free(rate);
}

static bool is_idle(const struct entry *e, int64_t now_ns)
{
	for (int kind = 0; kind < RATE_KINDS; kind++)
		if (e->buckets[kind].full_at_ns > now_ns)
			return false;
	return true;
}

/* Where a newcomer goes; NULL: nowhere. */
static struct entry *make_room(struct set *set, bool is_said, int64_t now_ns)
{
	struct entry *idle = NULL, *oldest = &set->ways[0];
	size_t said = 0;
	for (size_t i = 0; i < RATE_WAYS; i++) {
		struct entry *e = &set->ways[i];
		if (is_idle(e, now_ns))
			idle = e;
		else
			said += e->is_said;
		if (e->seen_ns < oldest->seen_ns)
			oldest = e;
	}
	if (is_said)
		return said < RATE_SAID_WAYS ? idle : NULL;
	return idle ? idle : oldest;
}

static struct entry *enter(struct set *set, uint64_t hash, bool is_said, int64_t now_ns)
{
	for (size_t i = 0; i < RATE_WAYS; i++)
		if (set->ways[i].hash == hash)
			return &set->ways[i];
	struct entry *e = make_room(set, is_said, now_ns);
	if (e)
		*e = (struct entry){.hash = hash, .is_said = is_said};
	return e;
}

/* The caller's entry, its set locked; NULL: there is no room, and nothing is locked. */
static struct entry *lock_entry(
	struct rate *rate, struct slice name, bool is_said, int64_t now_ns, struct set **set)
{
	uint64_t hash = hash_text(is_said ? ~rate->seed : rate->seed, name);
	*set = &rate->sets[hash % RATE_SETS];
	pthread_mutex_lock(&(*set)->lock);
	struct entry *e = enter(*set, hash ? hash : 1, is_said, now_ns);
	if (!e)
		pthread_mutex_unlock(&(*set)->lock);
	else
		e->seen_ns = now_ns;
	return e;
}

enum rate_verdict rate_take(struct rate *rate, struct slice name, bool is_said, enum rate_kind kind,
	const struct rate_bound *bound, int64_t now_us, int64_t *wait_ns)
{
	struct set *set;
	*wait_ns = 0;
	if (bound->rate_milli == 0)
		return RATE_OK;
	struct entry *e = lock_entry(rate, name, is_said, now_us * 1000, &set);
	if (!e)
		return RATE_NO_ROOM;
	bool ok = bucket_take(&e->buckets[kind], bound, now_us * 1000, 1, wait_ns);
	pthread_mutex_unlock(&set->lock);
	return ok ? RATE_OK : RATE_OVER;
}

bool rate_owe(struct rate *rate, struct slice name, bool is_said, enum rate_kind kind,
	const struct rate_bound *bound, int64_t now_us, uint64_t n)
{
	struct set *set;
	if (bound->rate_milli == 0)
		return true;
	struct entry *e = lock_entry(rate, name, is_said, now_us * 1000, &set);
	if (!e)
		return false;
	bucket_owe(&e->buckets[kind], bound, now_us * 1000, n);
	pthread_mutex_unlock(&set->lock);
	return true;
}
