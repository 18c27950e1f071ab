/* spool/store/lmdb/lanes.c: see lanes.h. */
#include "spool/store/lmdb/lanes.h"

enum { AT_LEN = 8 };

static struct key prefix_of(const struct lane *lane)
{
	struct key key = key_queue_prefix(PLACE_READY, phase_of_slot(lane->slot));
	key_add(&key, (uint64_t)lane->urgency | (lane->of_crowd ? CROWD_BIT : 0), 1);
	return key;
}

/* The walk has moved. Only damage makes a key of another length: it is passed over, and `verify` names it. */
static void stand(struct lane *lane, bool more)
{
	struct key prefix = prefix_of(lane);
	size_t len = lane->of_crowd ? CROWD_LEN : QUEUE_LEN;
	while (more && lane->walk.key.len != len && key_has_prefix(lane->walk.key, &prefix))
		more = walk_next(&lane->walk);
	lane->live = more && key_has_prefix(lane->walk.key, &prefix);
}

/* --- the crowd's lanes --- */

static uint32_t user_of(const struct lane *lane)
{
	return (uint32_t)key_get(lane->walk.key, QUEUE_USER, 4);
}

/* The last one that was picked from this user in this lane, of this round; NULL: none. */
static const struct key *last_picked(const struct lanes *l, struct slice key)
{
	for (size_t i = l->picked_n; i-- > 0;)
		if (memcmp(l->picked[i].b, key.p, QUEUE_USER + sizeof(uint32_t)) == 0)
			return &l->picked[i];
	return NULL;
}

/* The first job of the first user from this one on, after those that were picked. */
static void seek_user(struct lanes *l, struct lane *lane, uint32_t user)
{
	struct key at = prefix_of(lane);
	const struct key *last;
	key_add(&at, user, 4);
	stand(lane, walk_from(&lane->walk, key_slice(&at)));
	while (lane->live && (last = last_picked(l, lane->walk.key)) &&
		memcmp(lane->walk.key.p, last->b, CROWD_LEN) <= 0)
		stand(lane, walk_from(&lane->walk, key_slice(last)) && walk_next(&lane->walk));
}

/* The user after the one who had the last turn, round again behind the last. */
static void seek_next_user(struct lanes *l, struct lane *lane)
{
	uint32_t after = *turn_of_priority(&l->turns, lane->urgency) + 1;
	seek_user(l, lane, after);
	if (!lane->live && after != 0)
		seek_user(l, lane, 0);
}

/* --- order --- */

static bool is_older(const struct lane *a, const struct lane *b)
{
	const char *x = a->walk.key.p + a->walk.key.len - AT_LEN - sizeof(struct job_id);
	const char *y = b->walk.key.p + b->walk.key.len - AT_LEN - sizeof(struct job_id);
	int order = memcmp(x, y, AT_LEN);
	if (order == 0)
		order = a->urgency - b->urgency;
	return order ? order < 0 : memcmp(x + AT_LEN, y + AT_LEN, sizeof(struct job_id)) < 0;
}

static bool is_more_urgent(const struct lane *a, const struct lane *b)
{
	return a->urgency != b->urgency ? a->urgency < b->urgency : is_older(a, b);
}

/* Of two lanes of one priority: whose user is nearer behind the one who had the last turn? */
static bool is_nearer(struct lanes *l, const struct lane *a, const struct lane *b)
{
	uint32_t first = *turn_of_priority(&l->turns, a->urgency) + 1;
	uint32_t x = user_of(a) - first, y = user_of(b) - first;
	return x != y ? x < y : is_older(a, b);
}

static bool is_open(const struct lane *lane, uint32_t phases)
{
	return lane->live && phases & 1u << lane->slot;
}

static struct lane *best_ordinary(struct lanes *l, uint32_t phases)
{
	bool by_age = turn_is_by_age(&l->turns, false);
	struct lane *best = NULL;
	for (size_t i = 0; i < l->n; i++) {
		struct lane *lane = &l->lanes[i];
		if (lane->of_crowd || !is_open(lane, phases))
			continue;
		if (!best || (by_age ? is_older(lane, best) : is_more_urgent(lane, best)))
			best = lane;
	}
	return best;
}

static struct lane *best_of_crowd(struct lanes *l, uint32_t phases)
{
	bool by_age = turn_is_by_age(&l->turns, true);
	struct lane *first[TURN_PRIORITIES] = {NULL}, *best = NULL;
	for (size_t i = 0; i < l->n; i++) {
		struct lane *lane = &l->lanes[i], **at = &first[lane->urgency % TURN_PRIORITIES];
		if (lane->of_crowd && is_open(lane, phases) && (!*at || is_nearer(l, lane, *at)))
			*at = lane;
	}
	for (size_t i = 0; i < TURN_PRIORITIES; i++)
		if (first[i] && (!best || (by_age && is_older(first[i], best))))
			best = first[i];
	return best;
}

/* --- a round --- */

static void add_lane(struct lanes *l, int slot, int priority)
{
	struct lane *lane = &l->lanes[l->n++];
	*lane = (struct lane){
		.slot = slot, .urgency = priority & ~CROWD_BIT, .of_crowd = priority & CROWD_BIT};
	struct key prefix = prefix_of(lane);
	if (!walk_open(&lane->walk, l->tx, TREE_QUEUE))
		return;
	if (lane->of_crowd)
		seek_next_user(l, lane);
	else
		stand(lane, walk_from(&lane->walk, key_slice(&prefix)));
}

/* From the first key of one lane over all its others to the first of the next. */
static void find_lanes(struct lanes *l, struct walk *w, int slot)
{
	struct key prefix = key_queue_prefix(PLACE_READY, phase_of_slot(slot));
	bool more = walk_from(w, key_slice(&prefix));
	while (more && key_has_prefix(w->key, &prefix) && l->n < LANES_MAX) {
		struct key next = prefix;
		int priority = (int)key_get(w->key, QUEUE_PRIORITY, 1);
		add_lane(l, slot, priority);
		key_add(&next, (uint64_t)priority, 1);
		more = key_after_prefix(&next) && walk_from(w, key_slice(&next));
	}
}

void lanes_open(struct lanes *l, struct tx *tx, uint32_t phases)
{
	struct walk w;
	l->tx = tx;
	l->turns = tx->store->turns;
	l->n = l->picked_n = 0;
	if (!walk_open(&w, tx, TREE_QUEUE))
		return;
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		if (phases & 1u << slot && tx->head.jobs[slot][PLACE_READY])
			find_lanes(l, &w, slot);
	walk_close(&w);
}

static void move_on(struct lanes *l, struct lane *picked)
{
	if (!picked->of_crowd) {
		stand(picked, walk_next(&picked->walk));
		return;
	}
	/* The user has had the turn in all phases. */
	uint32_t user = *turn_of_priority(&l->turns, picked->urgency);
	for (size_t i = 0; i < l->n; i++) {
		struct lane *lane = &l->lanes[i];
		if (lane->of_crowd && lane->live && lane->urgency == picked->urgency && user_of(lane) == user)
			seek_next_user(l, lane);
	}
}

void lanes_taken(struct turns *turns, const struct key *key)
{
	int priority = key->b[QUEUE_PRIORITY];
	bool of_crowd = priority & CROWD_BIT;
	turn_taken(turns, priority & ~CROWD_BIT, of_crowd,
		of_crowd ? (uint32_t)key_get(key_slice(key), QUEUE_USER, 4) : 0);
}

bool lanes_pick(struct lanes *l, uint32_t phases, struct key *out)
{
	struct lane *ordinary = best_ordinary(l, phases), *crowd = best_of_crowd(l, phases);
	struct lane *lane = crowd && (!ordinary || turn_is_crowds(&l->turns)) ? crowd : ordinary;
	if (!lane || l->picked_n == LANES_PICKS)
		return false;
	out->len = lane->walk.key.len;
	memcpy(out->b, lane->walk.key.p, out->len);
	l->picked[l->picked_n++] = *out;
	lanes_taken(&l->turns, out);
	move_on(l, lane);
	return true;
}

void lanes_close(struct lanes *l)
{
	for (size_t i = 0; i < l->n; i++)
		walk_close(&l->lanes[i].walk);
}
