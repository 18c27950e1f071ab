/* spool/model/forget.c: see forget.h. */
#include "spool/model/forget.h"

#include "spool/base/hash.h"
#include "spool/base/jx.h"

#include <inttypes.h>
#include <stdio.h>

/* Of a shorter id other texts are full, too. */
enum { TELLING_LEN = 4 };

static struct slice user_name(const struct forget_ask *ask, char out[FORGET_NAME_LEN])
{
	snprintf(out, FORGET_NAME_LEN, "forgotten-%016" PRIx64, ask->chance[0]);
	return slice_text(out);
}

/* Jobs of one workflow stay together. */
static struct slice workflow_name(
	const struct forget_ask *ask, struct slice workflow_id, char out[FORGET_NAME_LEN])
{
	uint64_t inner = hash_text(ask->chance[1], workflow_id);
	snprintf(out, FORGET_NAME_LEN, "forgotten-%016" PRIx64,
		hash_text(inner ^ ask->chance[2], workflow_id));
	return slice_text(out);
}

static bool contains(struct slice text, struct slice part)
{
	return part.len && text.len >= part.len && memmem(text.p, text.len, part.p, part.len);
}

void forget_job(struct job *job, const struct forget_ask *ask, bool is_shared, struct forget_names *names)
{
	static const struct slice nothing = SLICE_INIT;
	if (!is_shared || contains(job->workflow_id, job->user_id))
		job->workflow_id = workflow_name(ask, job->workflow_id, names->workflow);
	job->user_id = user_name(ask, names->user);
	job->payload = slice_text("{}");
	job->idempotency_key = job->traceparent = job->tracestate = nothing;
	job->error = job->outcome = job->checkpoint = nothing;
	job->solo_user = false;
	job->is_forgotten = true;
}

bool forget_event(struct event *event)
{
	static const struct slice nothing = SLICE_INIT;
	if (!event->reason.len && !event->room.len && !event->data.len && !event->span)
		return false;
	event->reason = event->room = event->data = nothing;
	event->span = 0;
	return true;
}

static bool is_part(struct slice text, const char *before, struct slice rest)
{
	size_t len = strlen(before);
	return text.len == len + rest.len && memcmp(text.p, before, len) == 0 &&
	       memcmp(text.p + len, rest.p, rest.len) == 0;
}

/* As a whole string. One that did not fit into memory may be anything. */
static bool data_names(struct slice data, struct slice user_id)
{
	struct buf quoted = BUF_INIT(8 * JOB_TEXT_MAX);
	jx_escape(&quoted, user_id);
	bool is = buf_status(&quoted) != ST_OK || contains(data, buf_slice(&quoted));
	buf_release(&quoted);
	return is;
}

bool forget_is_named(const struct event *event, struct slice user_id)
{
	if (event->room.len &&
		(is_part(event->room, "user_", user_id) || is_part(event->room, "sync_", user_id)))
		return true;
	if (event->data.len && data_names(event->data, user_id))
		return true;
	return user_id.len >= TELLING_LEN &&
	       (contains(event->room, user_id) || contains(event->reason, user_id));
}

struct event forget_told(const struct forget_ask *ask, uint64_t jobs, uint64_t events, uint64_t records,
	struct moment now, char data[FORGET_DATA_MAX])
{
	struct event event = event_of_spool(EVENT_FORGOTTEN, now);
	snprintf(data, FORGET_DATA_MAX,
		"{\"jobs\":%" PRIu64 ",\"events\":%" PRIu64 ",\"records\":%" PRIu64 "}", jobs, events,
		records);
	event.actor = ask->actor;
	event.reason = event_words(ask->reason);
	event.data = slice_text(data);
	return event;
}
