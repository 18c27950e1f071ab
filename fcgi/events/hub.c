/* fcgi/events/hub.c: see hub.h.
 *
 * Connections are edge-triggered: a request that is not whole is looked at again only when more of it came,
 * and stays in the socket until then, which is all the memory that a slow sender gets. */
#include "fcgi/events/hub.h"

#include "fcgi/events/feed.h"
#include "fcgi/records.h"
#include "fcgi/tokens.h"
#include "spool/base/clock.h"
#include "spool/base/log.h"
#include "spool/spool.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	TICK_MS = 100,      /* while somebody is here: what is new, and whose time is over */
	IDLE_TICKS = 3,     /* while nothing is new, it is only looked for this seldom */
	BUSY_US = 2000000,  /* since something was */
	GIVE_US = 20000,    /* longest time that pages are given in, before sockets are heard again */
	SILENCE_MS = 10000, /* longest time for a request to be whole, or an answer to be taken */
	END_MS = 2000,
	EVENTS_MAX = 256,
	MARGIN = 512,           /* connections beside streams: askers, and those who are refused */
	SEND_BUFFER = 32 << 10, /* of the kernel's, for each */
	TEND_US = 30000000,
	TOKENS_US = 250000, /* how old what is known of tokens may be */
	TOKENS_TICKS = 10,  /* how often streams are held against it */
	LOG_EVERY_MS = 5000,
	HEAD_MAX = 8 << 10,
};

struct hub {
	const struct opts *opts;
	struct spool *spool;
	const struct listener *listener;
	int epoll_fd;
	struct stream **streams;
	size_t n, cap, open_n;
	size_t kept; /* bytes in all outlets */
	struct feed feed;
	struct tokens *tokens;
	bool is_listening; /* the socket is in epoll */
	int64_t next_tick_us, next_tend_us, moved_us, tokens_us;
	unsigned tick;
	struct log_limit accept_limit, slow_limit, read_limit;
	/* For one request at a time. */
	struct pass pass;
	struct request request;
	uint8_t seen[RECORDS_LOOK_MAX];
	char pairs[RECORDS_LOOK_MAX];
};

static bool watch(struct hub *h, int fd, void *tag, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = tag};
	return epoll_ctl(h->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* A full house does not accept: who waits is served when somebody left. */
static void set_listening(struct hub *h, bool listens)
{
	if (listens == h->is_listening)
		return;
	h->is_listening = listens;
	if (!listens)
		epoll_ctl(h->epoll_fd, EPOLL_CTL_DEL, h->listener->fd, NULL);
	else if (!watch(h, h->listener->fd, NULL, EPOLLIN))
		h->is_listening = false; /* the next tick tries again */
}

/* --- a connection's life --- */

static void close_stream(struct hub *h, struct stream *s)
{
	h->open_n -= s->state == STREAM_OPEN;
	h->streams[s->index] = h->streams[--h->n];
	h->streams[s->index]->index = s->index;
	close(s->outlet.fd);
	outlet_release(&s->outlet);
	free(s->audience);
	free(s);
}

static void set_state(struct hub *h, struct stream *s, enum stream_state state)
{
	h->open_n -= s->state == STREAM_OPEN;
	h->open_n += state == STREAM_OPEN;
	s->state = state;
	s->since_mono_us = clock_mono_us();
}

/* Close what is over: answered, or broken. true: it was closed. */
static bool settle(struct hub *h, struct stream *s)
{
	if (!s->outlet.is_broken && !(s->state == STREAM_LEAVING && outlet_is_idle(&s->outlet)))
		return false;
	close_stream(h, s);
	return true;
}

static void say_goodbye(struct hub *h, struct stream *s)
{
	outlet_end(&s->outlet);
	set_state(h, s, STREAM_LEAVING);
}

static bool add_stream(struct hub *h, int fd)
{
	int size = SEND_BUFFER;
	struct stream *s = h->n < h->cap ? calloc(1, sizeof *s) : NULL;
	if (!s)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	if (!watch(h, fd, s, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)) {
		free(s);
		return false;
	}
	outlet_init(&s->outlet, fd, &h->kept);
	s->since_mono_us = clock_mono_us();
	s->index = h->n;
	h->streams[h->n++] = s;
	return true;
}

static void accept_all(struct hub *h)
{
	unsigned long suppressed;
	while (h->n < h->cap) {
		int fd = accept4(h->listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0 && add_stream(h, fd))
			continue;
		int err = fd >= 0 ? ENOMEM : errno;
		if (fd >= 0)
			close(fd);
		if (err == EINTR || err == ECONNABORTED)
			continue;
		if (err == EAGAIN)
			return;
		if (log_allowed(&h->accept_limit, LOG_EVERY_MS, &suppressed))
			log_warning("event=accept errno=%d suppressed=%lu", err, suppressed);
		break;
	}
	set_listening(h, false); /* until the next tick */
}

/* --- its request --- */

/* The parameters as request_take() wants them: each as one string, which the request borrows from h->pairs.
 * A pair needs no more room there than it has in its record. */
static void read_params(struct hub *h, struct slice params)
{
	struct slice name, value;
	char *to = h->pairs;
	h->request = (struct request){.now = clock_now()};
	while (records_next_param(&params, &name, &value)) {
		const char *pair = to;
		if (memchr(name.p, '\0', name.len) || memchr(value.p, '\0', value.len))
			continue;
		memcpy(to, name.p, name.len);
		to += name.len;
		*to++ = '=';
		memcpy(to, value.p, value.len);
		to += value.len;
		*to++ = '\0';
		request_take(&h->request, pair, &h->request.body_fault);
	}
}

/* Is there room for one more? Its place is looked for in the spool, which may fail, too. */
static bool make_room(struct hub *h, struct stream *s, struct fault *fault)
{
	const struct events_opts *opts = &h->opts->events;
	int64_t of_caller = 0;
	enum status st;
	struct why why = WHY_INIT;
	s->caller_key = door_caller_key(&h->request);
	for (size_t i = 0; i < h->n; i++)
		of_caller +=
			h->streams[i]->state == STREAM_OPEN && h->streams[i]->caller_key == s->caller_key;
	if (of_caller >= opts->max_per_caller)
		return fault_set(fault, PROBLEM_CALLER_STREAMS, NULL,
			"%lld streams are open for this caller, which is the most there may be",
			(long long)of_caller);
	if ((int64_t)h->open_n >= opts->max_listeners)
		return fault_set(fault, PROBLEM_STREAMS_FULL, NULL,
			"%zu streams are open, which is the most there may be; try again later", h->open_n);
	feed_look(&h->feed, &st, &why);
	s->audience = st == ST_OK ? audience_new(&h->pass.caller, &h->pass.interest) : NULL;
	if (st == ST_OK && s->audience)
		return true;
	fault_of_status(fault, st == ST_OK ? ST_NOMEM : st, &why, PROBLEM_SPOOL_UNAVAILABLE);
	return false;
}

/* Ids, sizes and paths only: a query may hold a ticket. */
static void log_answer(const struct hub *h, const struct reply *reply)
{
	const struct request *r = &h->request;
	log_line(reply->problem == PROBLEM_NONE ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
		"req=%s method=%s path=%s status=%d code=%s field=%s peer=%s caller=%s streams=%zu",
		LOG_Q(r->param[PARAM_REQUEST_ID]), LOG_Q(r->param[PARAM_METHOD]), LOG_Q(r->param[PARAM_PATH]),
		reply->http_status, problem_code(reply->problem), reply->field ? reply->field : "-",
		LOG_Q(r->param[PARAM_REMOTE_ADDR]), r->caller.name[0] ? LOG_QT(r->caller.name) : "-",
		h->open_n);
}

static void send_reply(struct hub *h, struct stream *s, const struct reply *reply)
{
	struct buf head = BUF_INIT(HEAD_MAX);
	reply_head_text(reply, &head);
	outlet_put(&s->outlet, buf_slice(&head));
	buf_release(&head);
	if (!s->audience && !slice_is(h->request.param[PARAM_METHOD], "HEAD"))
		outlet_put(&s->outlet, reply_body(reply));
	log_answer(h, reply);
}

/* Only when somebody is judged by them: with nobody here nothing is read. */
static void renew_tokens(struct hub *h)
{
	int64_t now = clock_mono_us();
	if (now - h->tokens_us < TOKENS_US)
		return;
	h->tokens_us = now;
	tokens_tend(h->tokens, h->spool);
}

static void answer(struct hub *h, struct stream *s)
{
	struct reply reply;
	struct fault fault;
	reply_init(&reply);
	const struct door door = {h->opts, h->tokens};
	renew_tokens(h);
	bool is_stream = door_decide(&door, &h->request, &h->pass, &reply);
	if (is_stream && !make_room(h, s, &fault)) {
		buf_clear(&reply.head);
		reply_fault(&reply, &fault);
		is_stream = false;
	}
	send_reply(h, s, &reply);
	if (is_stream) {
		set_state(h, s, STREAM_OPEN);
		feed_begin(&h->feed, s, h->pass.has_place, h->pass.after);
	} else {
		say_goodbye(h, s);
	}
	reply_release(&reply);
}

/* Whatever it sends now means nothing: nginx says that a reader has gone by closing. */
static void drop_input(struct hub *h, struct stream *s)
{
	ssize_t n;
	do
		n = recv(s->outlet.fd, h->seen, sizeof h->seen, MSG_DONTWAIT);
	while (n > 0 || (n < 0 && errno == EINTR));
	if (n == 0 || errno != EAGAIN)
		s->outlet.is_broken = true;
}

static void look_at_request(struct hub *h, struct stream *s)
{
	struct slice params;
	ssize_t n;
	do
		n = recv(s->outlet.fd, h->seen, sizeof h->seen, MSG_PEEK | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return;
	enum wire_sight sight =
		n > 0 ? records_look(h->seen, (size_t)n, &params, &s->outlet.request_id) : WIRE_ENDED;
	if (sight == WIRE_WHOLE) {
		read_params(h, params);
		drop_input(h, s);
		answer(h, s);
		explicit_bzero(h->pairs, sizeof h->pairs); /* a token may be among them */
	} else if (sight == WIRE_BROKEN || sight == WIRE_ENDED || n == sizeof h->seen) {
		s->outlet.is_broken = true;
	}
	explicit_bzero(h->seen, sizeof h->seen);
}

static void hear(struct hub *h, struct stream *s, uint32_t events)
{
	if (events & (EPOLLERR | EPOLLHUP))
		s->outlet.is_broken = true;
	if (!s->outlet.is_broken && (events & (EPOLLIN | EPOLLRDHUP))) {
		if (s->state == STREAM_ASKING)
			look_at_request(h, s);
		else
			drop_input(h, s);
	}
	if (events & EPOLLOUT)
		outlet_flush(&s->outlet);
	settle(h, s);
}

/* --- time --- */

static void drop_slow(struct hub *h, struct stream *s)
{
	unsigned long suppressed;
	if (log_allowed(&h->slow_limit, LOG_EVERY_MS, &suppressed))
		log_info("event=slow_reader at=%llu kept=%zu streams=%zu suppressed=%lu",
			(unsigned long long)s->at, s->outlet.kept.len, h->open_n, suppressed);
	close_stream(h, s);
}

/* When all that is kept is too much, it is for those who have taken nothing for the longest time to go: the
 * others shall not wait for them. */
static void relieve(struct hub *h)
{
	while (h->kept > FEED_KEPT_MAX) {
		struct stream *slowest = NULL;
		for (size_t i = 0; i < h->n; i++) {
			struct stream *s = h->streams[i];
			if (!outlet_is_idle(&s->outlet) &&
				(!slowest || s->outlet.moved_mono_us < slowest->outlet.moved_mono_us))
				slowest = s;
		}
		drop_slow(h, slowest);
	}
}

/* Whoever came in with a token, or with a ticket got by one, goes with it. */
static bool has_lost_its_token(struct hub *h, const struct stream *s)
{
	const char *token = s->audience ? caller_token(&s->audience->caller) : NULL;
	return token && h->tick % TOKENS_TICKS == 0 && !tokens_is_live(h->tokens, token, clock_now().wall_us);
}

static void tick_stream(struct hub *h, struct stream *s, int64_t now)
{
	const struct events_opts *opts = &h->opts->events;
	bool is_idle = outlet_is_idle(&s->outlet);
	if (s->state != STREAM_OPEN) {
		if (now - s->since_mono_us > SILENCE_MS * INT64_C(1000))
			close_stream(h, s);
	} else if (!is_idle && now - s->outlet.moved_mono_us > opts->slow_after_ms * 1000) {
		drop_slow(h, s);
	} else if (now - s->since_mono_us > opts->max_age_ms * 1000 || has_lost_its_token(h, s)) {
		say_goodbye(h, s);
		settle(h, s);
	} else if (is_idle && now - s->given_mono_us >= opts->heartbeat_ms * 1000) {
		feed_beat(s);
		settle(h, s);
	}
}

static void tell_failure(struct hub *h, enum status st, const struct why *why)
{
	unsigned long suppressed;
	if (st != ST_OK && log_allowed(&h->read_limit, LOG_EVERY_MS, &suppressed))
		log_warning("event=read_events status=%s suppressed=%lu err=%s", status_name(st), suppressed,
			LOG_QT(why->text));
}

static void look_for_news(struct hub *h, int64_t now)
{
	enum status st;
	struct why why = WHY_INIT;
	bool is_quiet = now - h->moved_us > BUSY_US;
	if (h->open_n == 0 || (is_quiet && h->tick % IDLE_TICKS != 0))
		return;
	if (feed_look(&h->feed, &st, &why))
		h->moved_us = now;
	tell_failure(h, st, &why);
}

static void tick(struct hub *h, int64_t now)
{
	if (now < h->next_tick_us)
		return;
	h->next_tick_us = now + TICK_MS * INT64_C(1000);
	h->tick++;
	if (h->open_n > 0 && h->tick % TOKENS_TICKS == 0)
		renew_tokens(h);
	/* From the end: closing one moves the last into its place. */
	for (size_t i = h->n; i-- > 0;)
		tick_stream(h, h->streams[i], now);
	look_for_news(h, now);
	set_listening(h, h->n < h->cap);
	if (now >= h->next_tend_us) {
		h->next_tend_us = now + TEND_US;
		spool_tend(h->spool);
	}
}

/* true: there is more to give at once. */
static bool give(struct hub *h)
{
	enum status st = ST_OK;
	struct why why = WHY_INIT;
	int64_t until = clock_mono_us() + GIVE_US;
	bool has_more = h->open_n > 0;
	while (has_more && clock_mono_us() < until) {
		has_more = feed_give(&h->feed, h->streams, h->n, &st, &why);
		relieve(h);
	}
	tell_failure(h, st, &why);
	for (size_t i = h->n; i-- > 0;)
		settle(h, h->streams[i]);
	return has_more;
}

/* --- all together --- */

/* One turn. false: a signal came. */
static bool turn(struct hub *h, int signal_fd, int wait_ms)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(h->epoll_fd, events, EVENTS_MAX, wait_ms);
	bool is_signalled = false;
	for (int i = 0; i < n; i++) {
		void *tag = events[i].data.ptr;
		if (tag == h)
			is_signalled = signal_fd >= 0;
		else if (tag)
			hear(h, tag, events[i].events);
		else
			accept_all(h);
	}
	return !is_signalled;
}

/* With nobody here nothing is awaited but the next one to come. */
static int next_wait(const struct hub *h, bool has_more)
{
	if (has_more)
		return 0;
	return h->n > 0 || !h->is_listening ? TICK_MS : -1;
}

bool hub_run(struct hub *h, int signal_fd)
{
	bool has_more = false;
	if (!watch(h, signal_fd, h, EPOLLIN))
		return false;
	set_listening(h, true);
	while (turn(h, signal_fd, next_wait(h, has_more))) {
		tick(h, clock_mono_us());
		has_more = give(h);
		if (spool_is_broken(h->spool))
			return false;
	}
	return true;
}

void hub_end(struct hub *h)
{
	int64_t until = clock_mono_us() + END_MS * INT64_C(1000);
	accept_all(h); /* who has connected is told, too */
	set_listening(h, false);
	for (size_t i = h->n; i-- > 0;) {
		struct stream *s = h->streams[i];
		if (s->state == STREAM_ASKING)
			look_at_request(h, s);
		if (s->state == STREAM_OPEN)
			say_goodbye(h, s);
		settle(h, s);
	}
	while (h->n > 0 && clock_mono_us() < until)
		turn(h, -1, TICK_MS);
}

enum status hub_new(const struct opts *opts, struct spool *spool, const struct listener *listener,
	struct hub **out, struct why *why)
{
	*out = NULL;
	struct hub *h = calloc(1, sizeof *h);
	if (!h)
		return why_set(why, ST_NOMEM, "out of memory");
	h->opts = opts;
	h->spool = spool;
	h->listener = listener;
	h->cap = (size_t)opts->events.max_listeners + MARGIN;
	h->feed = (struct feed){.spool = spool, .mask = opts->privacy.mask, .kept_by_all = &h->kept};
	h->streams = calloc(h->cap, sizeof(struct stream *));
	h->tokens = tokens_new();
	h->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (!h->streams || !h->tokens || h->epoll_fd < 0) {
		enum status st = why_errno(why, errno, "cannot start");
		hub_free(h);
		return st;
	}
	*out = h;
	return ST_OK;
}

void hub_free(struct hub *h)
{
	if (!h)
		return;
	while (h->n > 0)
		close_stream(h, h->streams[0]);
	if (h->epoll_fd >= 0)
		close(h->epoll_fd);
	tokens_free(h->tokens);
	free(h->streams);
	free(h);
}
