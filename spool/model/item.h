/* spool/model/item.h: one part of a whole spool, free of any engine's layout: what an export is a sequence
 * of, and what an import builds a spool from. Pure. */
#ifndef SPOOL_MODEL_ITEM_H
#define SPOOL_MODEL_ITEM_H
#include "spool/model/event.h"
#include "spool/model/receiver.h"
#include "spool/model/steer.h"
#include "spool/model/token.h"

/* In this order, but for bookmarks, receivers, tokens and what is set aside, which stand anywhere between
 * first and last. */
enum item_kind {
	ITEM_TOTALS, /* once, first */
	ITEM_BOOKMARK,
	ITEM_RECEIVER,
	ITEM_TOKEN, /* with the digests of its secrets; they themselves are nowhere */
	ITEM_JOB,
	ITEM_EVENT,
	ITEM_ASIDE, /* a record that could not be read, as bytes */
	ITEM_END,   /* once, last: without it the sequence was cut short */
	ITEM_KIND_N
};

enum { BOOKMARK_NAME_MAX = 32, ITEM_FORMAT = 1 };

/* What no job and no event tells. */
struct item_totals {
	uint32_t format; /* ITEM_FORMAT */
	int64_t exported_at_us;
	uint64_t jobs, events; /* that follow; for a bar */
	uint64_t accepted, removed, set_aside;
	uint64_t next_seq;      /* of events */
	uint32_t paused_phases; /* bits of phase_slot() */
	uint32_t recent_n, recent_at;
	uint32_t recent_ms[STATS_RECENT_MAX]; /* ring of the last durations */
	bool masked; /* secrets were left out of what follows: nothing can be built from it */
};

/* Only the member that kind names counts. Slices are borrowed: until the next item. */
struct item {
	enum item_kind kind;
	struct item_totals totals;
	struct {
		char name[BOOKMARK_NAME_MAX + 1];
		uint64_t value;
	} bookmark;
	struct receiver_state receiver;
	struct token token;
	struct job job;
	struct event event;
	struct {
		struct slice key, bytes; /* 'j' or 't' and the job's id; the record */
	} aside;
	struct {
		uint64_t items; /* before it */
	} end;
};

/* Takes one item; not ST_OK ends the sequence. */
typedef enum status (*item_sink)(void *arg, const struct item *item, struct why *why);
/* Gives the next one. INVALID or CORRUPT with *why: what it has is none. */
typedef enum status (*item_source)(void *arg, struct item *out, struct why *why);

#endif
