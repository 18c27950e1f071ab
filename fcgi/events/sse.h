/* fcgi/events/sse.h: the text of a stream (HTML, "Server-sent events"). Pure.
 *
 * Every text ends an event, so that a stream may be cut between any two. Ids are the spool's seqs: who comes
 * back names the last one it has seen, and goes on behind it. */
#ifndef FCGI_EVENTS_SSE_H
#define FCGI_EVENTS_SSE_H
#include "spool/base/mask.h"
#include "spool/model/event.h"

/* The beginning: how long to wait before coming back, and where this stream stands. An id without data is
 * remembered by the reader, and no event for its program. */
void sse_begin(struct buf *out, unsigned retry_ms, uint64_t at);

/* A sign of life, a comment; the place has moved past what did not concern this reader. */
void sse_beat(struct buf *out, uint64_t at);

/* Events after the one named and before the next are gone: the reader should look at the whole anew. */
void sse_gap(struct buf *out, uint64_t after, uint64_t before);

/* Under its own name, with its payload (lines parted as the form wants it); `all`: every event under the name
 * "audit", as clario-spool events --json shows it. What the mask hides is "***"; all else is byte for byte.
 */
void sse_event(struct buf *out, const struct event *event, bool all, const struct mask *mask);

#endif
