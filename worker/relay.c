/* worker/relay.c: see relay.h. A reader of the event stream whose position is a bookmark in the spool: after
 * a crash the last few may be sent twice, which Idempotency-Key (the event's seq) tells the receiver. */
#include "worker/relay.h"

#include "spool/base/jx.h"
#include "spool/base/log.h"
#include "spool/retry.h"
#include "worker/http.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { PAGE = 64, IDLE_MS = 200, KEEP_EVERY_US = 1000000 };

static const char bookmark[] = "notify-relay";

struct relay {
	const struct opts *opts;
	struct spool *spool;
	struct http *http;
	pthread_t thread;
	atomic_bool stop;
	uint64_t at, kept; /* handled; and what the bookmark says */
	int64_t next_keep_us;
	struct log_limit log_limit;
	/* of the one request under way */
	bool answered;
	long status;
	int64_t retry_after_s;
};

static void take_answer(void *tag, const struct http_answer *answer)
{
	struct relay *r = tag;
	r->answered = true;
	r->status = answer->status;
	r->retry_after_s = answer->retry_after_s;
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

/* One POST. false: the relay is to stop. */
static bool post(struct relay *r, const struct event *event)
{
	struct buf body = BUF_INIT(EVENT_DATA_MAX * 2);
	char key[64];
	write_body(event, &body);
	snprintf(key, sizeof key, "Idempotency-Key: event:%llu", (unsigned long long)event->seq);
	const char *headers[] = {
		"Content-Type: application/json", "User-Agent: clario-workflow/" CLARIO_VERSION, key};
	struct http_request request = {
		.method = "POST",
		.url = r->opts->notify.url,
		.headers = headers,
		.headers_n = 3,
		.body = buf_slice(&body),
		.timeout_ms = r->opts->notify.timeout_ms,
		.connect_timeout_ms = r->opts->notify.timeout_ms,
	};
	r->answered = false;
	r->status = 0;
	r->retry_after_s = 0;
	enum status st = http_start(r->http, &request, take_answer, r);
	while (st == ST_OK && !r->answered && !atomic_load(&r->stop))
		http_run(r->http, IDLE_MS, -1);
	if (!r->answered)
		http_cancel(r->http, r);
	buf_release(&body);
	return r->answered || st != ST_OK;
}

static void wait_ms(struct relay *r, int64_t ms)
{
	int64_t until = clock_mono_us() + ms * 1000;
	while (!atomic_load(&r->stop) && clock_mono_us() < until)
		clock_sleep_ms(ms < 20 ? ms : 20);
}

/* Until it is taken, or refused for good (which is logged and passed over: it stays recorded). false: stop.
 */
static bool send_event(struct relay *r, const struct event *event)
{
	struct retry_opts policy = r->opts->retry;
	struct retry_case c = {.attempts_allowed = UINT32_MAX, .give_up_at_us = INT64_MAX};
	while (!atomic_load(&r->stop)) {
		int64_t run_at_us;
		unsigned long skipped;
		if (!post(r, event))
			return false;
		enum failure failure = retry_classify(r->status);
		if (failure == FAILURE_NONE)
			return true;
		if (log_allowed(&r->log_limit, 5000, &skipped))
			log_warning("event=notify_failed seq=%llu code=%ld skipped=%lu",
				(unsigned long long)event->seq, r->status, skipped);
		if (failure == FAILURE_PERMANENT)
			return true;
		c.attempts_made++;
		c.now_us = 0;
		c.retry_after_s = r->retry_after_s;
		if (!retry_decide(&policy, &c, &run_at_us))
			run_at_us = policy.cap_ms * 1000;
		wait_ms(r, run_at_us / 1000);
	}
	return false;
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

/* false: nothing new. */
static bool relay_page(struct relay *r)
{
	struct event events[PAGE];
	struct event_filter filter = {.after_seq = r->at};
	size_t n;
	uint64_t last;
	if (spool_events(r->spool, &filter, PAGE, events, &n, &last, NULL) != ST_OK)
		return false;
	bool going = true, news = last > r->at;
	for (size_t i = 0; i < n; i++) {
		bool is_notice = events[i].kind == EVENT_NOTIFICATION || events[i].kind == EVENT_PROGRESS;
		if (going && is_notice)
			going = send_event(r, &events[i]);
		if (going)
			r->at = events[i].seq;
		event_release(&events[i]);
	}
	if (going)
		r->at = last;
	keep_place(r, false);
	return news && going;
}

static void *run(void *arg)
{
	struct relay *r = arg;
	while (!atomic_load(&r->stop))
		if (!relay_page(r))
			wait_ms(r, IDLE_MS);
	keep_place(r, true);
	return NULL;
}

/* The first time it begins with what comes now: an old spool's history is nobody's news. */
static enum status find_place(struct relay *r, struct why *why)
{
	struct stats stats;
	enum status st = spool_bookmark_get(r->spool, bookmark, &r->at, why);
	r->kept = r->at;
	if (st != ST_OK || r->at > 0)
		return st;
	st = spool_stats(r->spool, &stats, why);
	r->at = st == ST_OK ? stats.last_seq : 0;
	return st;
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
	r->http = http_new(&(struct http_conf){.in_flight = 1, .max_response = opts->worker.max_response});
	enum status st = r->http ? find_place(r, why) : why_set(why, ST_NOMEM, "cannot set up libcurl");
	if (st == ST_OK && pthread_create(&r->thread, NULL, run, r) != 0)
		st = why_set(why, ST_NOMEM, "cannot start the relay thread");
	if (st != ST_OK) {
		http_free(r->http);
		free(r);
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
	http_free(r->http);
	free(r);
}
