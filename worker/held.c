/* worker/held.c: see held.h. */
#include "worker/held.h"

#include <stdlib.h>

bool held_init(struct held *h, size_t cap)
{
	size_t slots = 16;
	while (slots < cap * 2)
		slots *= 2;
	*h = (struct held){.cap = cap, .mask = slots - 1};
	h->items = calloc(cap, sizeof *h->items);
	h->slots = calloc(slots, sizeof *h->slots);
	return h->items && h->slots;
}

void held_release(struct held *h)
{
	free(h->items);
	free(h->slots);
	*h = (struct held){0};
}

/* The end of an id is random (RFC 9562, version 7). */
static size_t first_slot(const struct held *h, struct job_id id)
{
	uint64_t tail;
	memcpy(&tail, id.b + sizeof id.b - sizeof tail, sizeof tail);
	return (size_t)(tail * UINT64_C(0x9e3779b97f4a7c15) >> 32) & h->mask;
}

/* The slot of this lease, or the free one where it would stand. */
static size_t slot_of(const struct held *h, struct job_id id, uint64_t token)
{
	size_t i = first_slot(h, id);
	for (; h->slots[i]; i = (i + 1) & h->mask) {
		const struct held_lease *lease = &h->items[h->slots[i] - 1];
		if (lease->token == token && id_cmp(lease->id, id) == 0)
			break;
	}
	return i;
}

void held_add(struct held *h, const struct job *job)
{
	h->items[h->n] = (struct held_lease){
		.id = job->id, .token = job->lease.token, .phase = job->phase, .bytes = job->payload.len};
	h->bytes += job->payload.len;
	h->slots[slot_of(h, job->id, job->lease.token)] = (uint32_t)++h->n;
}

void held_end(struct held *h, struct job_id id, uint64_t token)
{
	struct held_lease *lease = held_find(h, id, token);
	if (!lease || lease->is_ending)
		return;
	lease->is_ending = true;
	h->ending_n++;
}

struct held_lease *held_find(const struct held *h, struct job_id id, uint64_t token)
{
	uint32_t index = h->slots[slot_of(h, id, token)];
	return index ? &h->items[index - 1] : NULL;
}

/* Free a slot and move up what had to pass over it. */
static void close_gap(struct held *h, size_t gap)
{
	for (size_t i = (gap + 1) & h->mask; h->slots[i]; i = (i + 1) & h->mask) {
		size_t home = first_slot(h, h->items[h->slots[i] - 1].id);
		if (((i - home) & h->mask) < ((i - gap) & h->mask))
			continue;
		h->slots[gap] = h->slots[i];
		gap = i;
	}
	h->slots[gap] = 0;
}

size_t held_remove(struct held *h, struct job_id id, uint64_t token)
{
	size_t slot = slot_of(h, id, token);
	uint32_t index = h->slots[slot];
	if (!index)
		return HELD_NONE;
	const struct held_lease last = h->items[h->n - 1];
	h->ending_n -= h->items[index - 1].is_ending;
	h->bytes -= h->items[index - 1].bytes;
	size_t last_slot = slot_of(h, last.id, last.token);
	h->slots[last_slot] = index;
	h->items[index - 1] = last;
	h->n--;
	close_gap(h, slot);
	return index - 1;
}
