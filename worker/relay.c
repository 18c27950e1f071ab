/* worker/relay.c: see relay.h. A reader of the event stream whose position is a bookmark in the spool.
 *
 * A window of notices is on its way at one time, each with its own retries; of one user's only the first, so
 * that the order per user holds and one user's trouble is not another's. The bookmark is the last notice
 * before the first that is not done: after a crash what was done beyond it is sent again, under the same
 * Idempotency-Key (the event's seq), which tells the receiver. */
#include "worker/relay.h"

#include "spool/base/jx.h"
#include "spool/base/log.h"
#include "spool/retry.h"
#include "worker/http.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	WINDOW = 256,
	PAGE = 64,
	FLYING_MAX = 16,
	IDLE_MS = 200,
	KEEP_EVERY_US = 1000000,
	LOG_EVERY_MS = 5000
};

static const char bookmark[] = "notify-relay";

enum notice_state { NOTICE_DUE, NOTICE_FLYING, NOTICE_DONE };

/* One notice in the window; in order of seq. */
struct notice_slot {
	struct relay *relay;
	struct event event;
	enum notice_state state;
	uint32_t tries;
	int64_t run_at_us; /* wall clock: not before */
};

struct relay {
	const struct opts *opts;
	struct spool *spool;
	struct http *http;
	pthread_t thread;
	atomic_bool stop;
	struct notice_slot slots[WINDOW]; /* ring */
	size_t first, n, flying;
	uint64_t read_to;  /* events up to here are in the window, or were passed over */
	uint64_t at, kept; /* all done up to here; and what the bookmark says */
	int64_t next_keep_us;
	struct log_limit log_limit;
};

static struct notice_slot *slot_at(struct relay *r, size_t i)
{
	return &r->slots[(r->first + i) % WINDOW];
}

static void log_failed(struct relay *r, const struct notice_slot *s, long status, const char *what)
{
	unsigned long skipped;
	if (log_allowed(&r->log_limit, LOG_EVERY_MS, &skipped))
		log_warning("event=%s seq=%llu code=%ld try=%u skipped=%lu", what,
			(unsigned long long)s->event.seq, status, s->tries, skipped);
}

/* Taken, refused for good, or given up: the last two are logged and passed over (it stays recorded). */
static void take_answer(void *tag, const struct http_answer *answer)
{
	struct notice_slot *s = tag;
	struct relay *r = s->relay;
	struct retry_opts policy = r->opts->retry;
	struct retry_case c = {
		.attempts_made = s->tries,
		.attempts_allowed = (uint32_t)policy.attempts,
		.give_up_at_us = s->event.at_us + policy.give_up_after_ms * 1000,
		.now_us = clock_now().wall_us,
		.retry_after_s = answer->retry_after_s,
		.chance = (double)random() / ((double)RAND_MAX + 1),
	};
	enum failure failure = answer->is_permanent ? FAILURE_PERMANENT : retry_classify(answer->status);
	r->flying--;
	s->state = NOTICE_DONE;
	if (failure == FAILURE_NONE)
		return;
	if (failure == FAILURE_PASSING && retry_decide(&policy, &c, &s->run_at_us)) {
		s->state = NOTICE_DUE;
		log_failed(r, s, answer->status, "notify_failed");
	} else {
		log_failed(r, s, answer->status, "notify_given_up");
	}
}

static void write_body(const struct event *event, struct buf *out)
{
	struct jx_writer w;
	jx_begin(&w, out);
	jx_open_object(&w, NULL);
	jx_string(&w, "room", event->room);
	jx_string(&w, "event", event->name);
	jx_raw(&w, "payload", event->data);
	jx_close_object(&w);
}

static void post(struct relay *r, struct notice_slot *s)
{
	struct buf body = BUF_INIT(EVENT_DATA_MAX * 2);
	char key[64];
	write_body(&s->event, &body);
	snprintf(key, sizeof key, "Idempotency-Key: event:%llu", (unsigned long long)s->event.seq);
	const char *headers[] = {
		"Content-Type: application/json", "User-Agent: clario-workflow/" CLARIO_VERSION, key};
	struct http_request request = {
		.method = "POST",
		.url = r->opts->notify.url,
		.headers = headers,
		.headers_n = sizeof headers / sizeof *headers,
		.body = buf_slice(&body),
		.timeout_ms = r->opts->notify.timeout_ms,
		.connect_timeout_ms = r->opts->notify.timeout_ms,
	};
	s->tries++;
	s->state = NOTICE_FLYING;
	r->flying++;
	enum status st =
		buf_status(&body) == ST_NOMEM ? ST_NOMEM : http_start(r->http, &request, take_answer, s);
	if (st != ST_OK) {
		struct http_answer none = {.is_permanent = st == ST_INVALID, .error = status_name(st)};
		take_answer(s, &none);
	}
	buf_release(&body);
}

/* Events of one user are one line; those without a user are one for each room. */
static struct slice line_of(const struct notice_slot *s)
{
	return s->event.user_id.len ? s->event.user_id : s->event.room;
}

static bool has_earlier(struct relay *r, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (slot_at(r, k)->state != NOTICE_DONE &&
			slice_eq(line_of(slot_at(r, k)), line_of(slot_at(r, i))))
			return true;
	return false;
}

/* What is due and nobody's second. The soonest that is not due yet, as the span until then. */
static int post_due(struct relay *r)
{
	int64_t now = clock_now().wall_us, soonest = INT64_MAX;
	for (size_t i = 0; i < r->n && r->flying < FLYING_MAX; i++) {
		struct notice_slot *s = slot_at(r, i);
		if (s->state != NOTICE_DUE || has_earlier(r, i))
			continue;
		if (s->run_at_us <= now)
			post(r, s);
		else if (s->run_at_us < soonest)
			soonest = s->run_at_us;
	}
	int64_t ms = soonest == INT64_MAX ? IDLE_MS : (soonest - now) / 1000 + 1;
	return ms < IDLE_MS ? (int)ms : IDLE_MS;
}

static void drop_done(struct relay *r)
{
	while (r->n > 0 && slot_at(r, 0)->state == NOTICE_DONE) {
		r->at = slot_at(r, 0)->event.seq;
		event_release(&slot_at(r, 0)->event);
		r->first = (r->first + 1) % WINDOW;
		r->n--;
	}
	if (r->n == 0)
		r->at = r->read_to;
}

static void keep_place(struct relay *r, bool now)
{
	int64_t mono = clock_mono_us();
	if (r->at == r->kept || (!now && mono < r->next_keep_us))
		return;
	r->next_keep_us = mono + KEEP_EVERY_US;
	if (spool_bookmark_set(r->spool, bookmark, r->at, NULL) == ST_OK)
		r->kept = r->at;
}

/* Fill the window. true: there is more to read at once. */
static bool read_page(struct relay *r)
{
	struct event events[PAGE];
	struct event_filter filter = {.after_seq = r->read_to};
	size_t n;
	uint64_t last;
	if (r->n + PAGE > WINDOW || spool_events(r->spool, &filter, PAGE, events, &n, &last, NULL) != ST_OK)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool is_notice = events[i].kind == EVENT_NOTIFICATION || events[i].kind == EVENT_PROGRESS;
		if (is_notice && events[i].room.len) /* without: whom it was for is forgotten */
			*slot_at(r, r->n++) = (struct notice_slot){.relay = r, .event = events[i]};
		else
			event_release(&events[i]);
	}
	bool has_more = last > r->read_to;
	r->read_to = last;
	return has_more;
}

static void *run(void *arg)
{
	struct relay *r = arg;
	while (!atomic_load(&r->stop)) {
		bool has_more = read_page(r);
		int wait = post_due(r);
		http_run(r->http, has_more ? 0 : wait, -1);
		drop_done(r);
		keep_place(r, false);
	}
	keep_place(r, true);
	return NULL;
}

/* The first time it begins with what comes now: an old spool's history is nobody's news. */
static enum status find_place(struct relay *r, struct why *why)
{
	struct stats stats;
	enum status st = spool_bookmark_get(r->spool, bookmark, &r->at, why);
	r->kept = r->at;
	if (st == ST_OK && r->at == 0) {
		st = spool_stats(r->spool, &stats, why);
		r->at = st == ST_OK ? stats.last_seq : 0;
	}
	r->read_to = r->at;
	return st;
}

static void release(struct relay *r)
{
	http_free(r->http);
	for (size_t i = 0; i < r->n; i++)
		event_release(&slot_at(r, i)->event);
	free(r);
}

enum status relay_start(const struct opts *opts, struct spool *spool, struct relay **out, struct why *why)
{
	*out = NULL;
	if (!opts->notify.url[0])
		return ST_OK;
	struct relay *r = calloc(1, sizeof *r);
	if (!r)
		return why_set(why, ST_NOMEM, "out of memory");
	r->opts = opts;
	r->spool = spool;
	r->http = http_new(&(struct http_conf){.in_flight = FLYING_MAX,
		.max_response = opts->worker.max_response,
		.allowed_networks = opts->worker.allowed_networks});
	enum status st = r->http ? find_place(r, why) : why_set(why, ST_NOMEM, "cannot set up libcurl");
	if (st == ST_OK && pthread_create(&r->thread, NULL, run, r) != 0)
		st = why_set(why, ST_NOMEM, "cannot start the relay thread");
	if (st != ST_OK) {
		release(r);
		return st;
	}
	*out = r;
	return ST_OK;
}

void relay_stop(struct relay *r)
{
	if (!r)
		return;
	atomic_store(&r->stop, true);
	http_wakeup(r->http);
	pthread_join(r->thread, NULL);
	release(r);
}
