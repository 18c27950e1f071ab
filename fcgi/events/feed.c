/* fcgi/events/feed.c: see feed.h. */
#include "fcgi/events/feed.h"

#include "fcgi/events/sse.h"
#include "spool/base/clock.h"
#include "spool/spool.h"

#include <stdlib.h>

enum { RETRY_MS = 2000, RETRY_SPREAD_MS = 3000 };

bool feed_look(struct feed *f, enum status *st, struct why *why)
{
	struct stats stats;
	*st = spool_stats(f->spool, &stats, why);
	if (*st != ST_OK || stats.last_seq == f->known)
		return false;
	*st = spool_sync(f->spool, why);
	if (*st != ST_OK)
		return false;
	f->known = stats.last_seq;
	return true;
}

static void give(struct stream *s, const struct buf *text)
{
	if (buf_status(text) != ST_OK) {
		s->outlet.is_broken = true; /* it comes back, and is given it then */
		return;
	}
	outlet_put(&s->outlet, buf_slice(text));
	s->given_mono_us = clock_mono_us();
}

/* One gap is enough, until the stream is up to date again: after it the reader has to look at the whole. */
static void tell_gap(struct stream *s, uint64_t before)
{
	struct buf text = BUF_INIT(256);
	if (!s->gap_told) {
		sse_gap(&text, s->at, before);
		give(s, &text);
		buf_release(&text);
	}
	s->gap_told = true;
	s->at = before - 1;
}

void feed_begin(const struct feed *f, struct stream *s, bool has_place, uint64_t after)
{
	struct buf text = BUF_INIT(256);
	bool is_of_another_series = has_place && after > f->known;
	s->at = has_place && !is_of_another_series ? after : f->known;
	sse_begin(&text, RETRY_MS + (unsigned)(random() % RETRY_SPREAD_MS), s->at);
	/* The spool is an older one than the reader has seen: it was restored. */
	if (is_of_another_series)
		sse_gap(&text, 0, f->known + 1);
	give(s, &text);
	buf_release(&text);
}

void feed_beat(struct stream *s)
{
	struct buf text = BUF_INIT(256);
	sse_beat(&text, s->at);
	give(s, &text);
	buf_release(&text);
}

/* Events (from, to] as far as there are any, and their texts, made for the first stream that wants them. */
struct page {
	struct event events[FEED_PAGE];
	struct buf texts[FEED_PAGE][2];
	size_t n;
	uint64_t from, to;
};

static void release_page(struct page *p)
{
	for (size_t i = 0; i < p->n; i++) {
		event_release(&p->events[i]);
		buf_release(&p->texts[i][0]);
		buf_release(&p->texts[i][1]);
	}
	p->n = 0;
}

static const struct buf *text_of(const struct feed *f, struct page *p, size_t i, bool all)
{
	struct buf *text = &p->texts[i][all];
	if (text->max == 0) {
		buf_init(text, OUTLET_TEXT_MAX);
		sse_event(text, &p->events[i], all, f->mask);
	}
	return text;
}

/* Nothing behind `known`: it might not be lasting yet. */
static void cut_page(struct page *p, uint64_t known)
{
	while (p->n > 0 && p->events[p->n - 1].seq > known)
		event_release(&p->events[--p->n]);
	p->to = p->to < known ? p->to : known;
}

static enum status read_page(struct feed *f, uint64_t from, struct page *p, struct why *why)
{
	const struct event_filter filter = {.after_seq = from};
	*p = (struct page){.from = from};
	enum status st = spool_events(f->spool, &filter, FEED_PAGE, p->events, &p->n, &p->to, why);
	if (st != ST_OK)
		return st;
	/* There are no more: what is missing up to the end is gone. */
	if (p->to == from)
		p->to = f->known;
	cut_page(p, f->known);
	return ST_OK;
}

static bool is_ready(const struct stream *s, uint64_t known)
{
	return s->state == STREAM_OPEN && s->at < known && outlet_is_idle(&s->outlet) && !s->outlet.is_broken;
}

/* Its part of the page, until it takes no more. */
static void give_page(const struct feed *f, struct page *p, struct stream *s)
{
	const struct audience *a = s->audience;
	for (size_t i = 0; i < p->n && outlet_is_idle(&s->outlet); i++) {
		const struct event *event = &p->events[i];
		if (event->seq <= s->at)
			continue;
		if (event->seq > s->at + 1)
			tell_gap(s, event->seq);
		if (!outlet_is_idle(&s->outlet))
			return;
		if (interest_covers(&a->interest, &a->caller, event))
			give(s, text_of(f, p, i, a->interest.all));
		s->at = event->seq;
	}
	if (outlet_is_idle(&s->outlet) && p->to > s->at)
		tell_gap(s, p->to + 1);
}

/* Where to read: at the lowest place of all that are ready; every second time at the highest, or so near
 * below it that one page serves both. */
static bool choose(struct feed *f, struct stream *const *streams, size_t n, uint64_t *from)
{
	uint64_t lowest = UINT64_MAX, highest = 0;
	for (size_t i = 0; i < n; i++) {
		if (!is_ready(streams[i], f->known))
			continue;
		lowest = streams[i]->at < lowest ? streams[i]->at : lowest;
		highest = streams[i]->at > highest ? streams[i]->at : highest;
	}
	*from = lowest;
	f->is_turn_of_first = !f->is_turn_of_first;
	if (!f->is_turn_of_first || lowest == UINT64_MAX)
		return lowest != UINT64_MAX;
	*from = highest;
	for (size_t i = 0; i < n; i++)
		if (is_ready(streams[i], f->known) && streams[i]->at < *from &&
			streams[i]->at + FEED_PAGE > highest)
			*from = streams[i]->at;
	return true;
}

bool feed_give(struct feed *f, struct stream *const *streams, size_t n, enum status *st, struct why *why)
{
	static struct page page; /* one thread */
	uint64_t from;
	*st = ST_OK;
	if (!choose(f, streams, n, &from))
		return false;
	*st = read_page(f, from, &page, why);
	if (*st != ST_OK)
		return false;
	for (size_t i = 0; i < n && *f->kept_by_all <= FEED_KEPT_MAX; i++) {
		struct stream *s = streams[i];
		if (!is_ready(s, f->known) || s->at < page.from || s->at >= page.to)
			continue;
		give_page(f, &page, s);
		if (s->at >= f->known)
			s->gap_told = false;
	}
	release_page(&page);
	return true;
}
