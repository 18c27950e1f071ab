/* fcgi/events/feed.h: from the spool's events to the streams that they concern.
 *
 * Seqs are given inside the one write transaction that a spool has at a time, and become visible when it
 * commits: in the order of seqs, and those of a commit at once. So whoever has read up to a seq has missed
 * none before it, and a seq that is not there was removed, or cannot be read. feed_look() also makes what it
 * saw lasting (spool_sync()): an event that a reader knows by its number cannot become another one.
 *
 * Each stream has its own place, so nothing is queued for anybody: a page is read at the place of the one
 * that is furthest behind, and given to all whose places are on it. One that takes nothing stays where it is,
 * and finds its events in the spool when it goes on; so does one that comes back after hours, by its
 * Last-Event-ID. Every second page is read for those who are furthest on, so that one who reads a long
 * history delays nobody. */
#ifndef FCGI_EVENTS_FEED_H
#define FCGI_EVENTS_FEED_H
#include "fcgi/events/stream.h"

struct spool;

enum { FEED_PAGE = 64, FEED_KEPT_MAX = 4 << 20 };

struct feed {
	struct spool *spool;
	const struct mask *mask; /* what is not shown */
	uint64_t known;          /* events up to here are there, and lasting */
	size_t *kept_by_all;     /* nobody is given more while outlets keep more than FEED_KEPT_MAX */
	bool is_turn_of_first;
};

/* What is new: true: there are more events than before. *st: not ST_OK, nothing is known anew. */
bool feed_look(struct feed *feed, enum status *st, struct why *why);

/* One page to whom it concerns. false: nobody can be given anything now. */
bool feed_give(struct feed *feed, struct stream *const *streams, size_t n, enum status *st, struct why *why);

/* The beginning of a stream, at its place or, without one, at the end. feed_look() came before. */
void feed_begin(const struct feed *feed, struct stream *stream, bool has_place, uint64_t after);

/* A sign of life, for one that was given nothing for long. */
void feed_beat(struct stream *stream);

#endif
