/* spool/model/event.c: see event.h. */
#include "spool/model/event.h"

#include <assert.h>

static const char *const names[] = {
	[EVENT_ACCEPTED] = "accepted",
	[EVENT_CLAIMED] = "claimed",
	[EVENT_COMPLETED] = "completed",
	[EVENT_RETRY] = "retry",
	[EVENT_FAILED] = "failed",
	[EVENT_RELEASED] = "released",
	[EVENT_LEASE_EXPIRED] = "lease_expired",
	[EVENT_DUE] = "due",
	[EVENT_HELD] = "held",
	[EVENT_UNHELD] = "unheld",
	[EVENT_CANCELLED] = "cancelled",
	[EVENT_RETRIED] = "retried",
	[EVENT_RUN_NOW] = "run_now",
	[EVENT_REMOVED] = "removed",
	[EVENT_ROLLED_BACK] = "rolled_back",
	[EVENT_CHECKPOINT] = "checkpoint",
	[EVENT_FENCED] = "fenced",
	[EVENT_PAUSED] = "paused",
	[EVENT_RESUMED] = "resumed",
	[EVENT_SET_ASIDE] = "set_aside",
	[EVENT_NOTIFICATION] = "notification",
	[EVENT_PROGRESS] = "progress",
	[EVENT_RESTORED] = "restored",
	[EVENT_REPAIRED] = "repaired",
	[EVENT_BREAKER] = "breaker",
	[EVENT_CRASHED] = "crashed",
	[EVENT_REPLAYED] = "replayed",
	[EVENT_TOKEN] = "token",
	[EVENT_FORGOTTEN] = "forgotten",
	[EVENT_UNDONE] = "undone",
	[EVENT_STALLED] = "stalled",
};
static_assert(EVENT_KIND_N <= 64, "kinds are bits");
static_assert(sizeof names / sizeof *names == EVENT_KIND_N, "each kind has a name");

const char *event_kind_name(enum event_kind kind)
{
	return (unsigned)kind < EVENT_KIND_N ? names[kind] : "unknown";
}

bool event_kind_parse(struct slice name, enum event_kind *out)
{
	for (int i = 0; i < EVENT_KIND_N; i++)
		if (slice_is(name, names[i])) {
			*out = (enum event_kind)i;
			return true;
		}
	return false;
}

uint64_t event_kinds_parse(struct slice list, struct slice *bad)
{
	uint64_t kinds = 0;
	for (;;) {
		const char *comma = list.len ? memchr(list.p, ',', list.len) : NULL;
		enum event_kind kind;
		*bad = slice_of(list.p, comma ? (size_t)(comma - list.p) : list.len);
		if (!event_kind_parse(*bad, &kind))
			return 0;
		kinds |= UINT64_C(1) << kind;
		if (!comma)
			return kinds;
		list = slice_of(comma + 1, list.len - bad->len - 1);
	}
}

bool event_is_operators(enum event_kind kind)
{
	return (kind >= EVENT_HELD && kind <= EVENT_RUN_NOW) || kind == EVENT_REPLAYED ||
	       kind == EVENT_UNDONE || kind == EVENT_REMOVED;
}

void event_release(struct event *event)
{
	buf_release(&event->mem);
	*event = (struct event){0};
}

struct event event_of_spool(enum event_kind kind, struct moment now)
{
	return (struct event){
		.at_us = now.wall_us, .kind = kind, .from = EVENT_NO_STATE, .to = EVENT_NO_STATE};
}

struct event event_beside(const struct job *job, enum event_kind kind, struct moment now)
{
	struct event event = event_of_spool(kind, now);
	event.job = job->id;
	event.phase = job->phase;
	event.attempt = job->attempts_made;
	return event;
}

struct slice event_words(struct slice words)
{
	return slice_of(words.p, words.len < EVENT_REASON_MAX ? words.len : EVENT_REASON_MAX);
}
