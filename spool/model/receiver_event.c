/* spool/model/receiver_event.c: what is told of receivers. See receiver.h. */
#include "spool/base/clock.h"
#include "spool/model/receiver.h"

#include <stdio.h>

enum status receiver_check_pause(
	const char *name, bool pause, int64_t until_us, struct moment now, struct why *why)
{
	if (!receiver_name_is_valid(slice_text(name)))
		return why_set(why, ST_INVALID, "a receiver's name has 1 to %d visible ASCII characters",
			RECEIVER_NAME_MAX);
	if (pause && until_us && until_us <= now.wall_us)
		return why_set(why, ST_INVALID, "the pause would be over already");
	if (until_us > RECEIVER_UNTIL_MAX)
		return why_set(why, ST_INVALID, "the pause would end too far ahead");
	return ST_OK;
}

static struct event event_of(
	const char *name, enum event_kind kind, struct slice actor, struct slice reason, struct moment now)
{
	struct event event = event_of_spool(kind, now);
	event.actor = actor;
	event.reason = reason;
	event.name = slice_text(name);
	return event;
}

struct event receiver_changed(const char *name, const struct receiver_change *change, size_t i,
	struct slice actor, struct moment now)
{
	enum event_kind kind = change->events[i].kind;
	return event_of(name, kind, kind == EVENT_BREAKER ? actor : slice_text("system"),
		slice_text(change->events[i].reason), now);
}

struct event receiver_lost(const char *name, struct moment now)
{
	return event_of(name, EVENT_BREAKER, slice_text("system"),
		slice_text("closed: its record could not be read"), now);
}

struct event receiver_acted(const struct receiver_state *r, bool pause, struct slice actor,
	struct slice reason, struct moment now, char data[RECEIVER_ACT_MAX])
{
	char until[CLOCK_TEXT_LEN];
	struct event event =
		event_of(r->name, pause ? EVENT_PAUSED : EVENT_RESUMED, actor, event_words(reason), now);
	data[0] = '\0';
	if (pause && r->paused_until_us) {
		clock_text(r->paused_until_us, until, sizeof until);
		snprintf(data, RECEIVER_ACT_MAX, "{\"until\":\"%s\"}", until);
	}
	event.data = slice_text(data);
	return event;
}
