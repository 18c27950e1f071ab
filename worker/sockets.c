/* worker/sockets.c: see sockets.h. */
#include "worker/sockets.h"

#include "spool/base/clock.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { EVENTS = 64, RECOVER_US = 10000 };

static bool watch(struct sockets *s, int op, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.fd = fd};
	return epoll_ctl(s->epoll_fd, op, fd, &event) == 0;
}

/* libcurl tells what it waits for at each socket. It says REMOVE before it closes one, or puts a connection
 * aside to be used again. */
static int socket_changed(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct sockets *s = arg;
	uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		watch(s, EPOLL_CTL_DEL, fd, 0);
		return 0;
	}
	if (!watch(s, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, events))
		return -1;
	curl_multi_assign(s->multi, fd, s);
	return 0;
}

static int timer_changed(CURLM *multi, long ms, void *arg)
{
	struct sockets *s = arg;
	(void)multi;
	s->timer_at_us = ms < 0 ? INT64_MAX : clock_mono_us() + ms * INT64_C(1000);
	return 0;
}

bool sockets_init(struct sockets *s, CURLM *multi)
{
	*s = (struct sockets){.multi = multi, .also_fd = -1, .timer_at_us = INT64_MAX};
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	s->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, socket_changed);
	curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, s);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, timer_changed);
	curl_multi_setopt(multi, CURLMOPT_TIMERDATA, s);
	return s->epoll_fd >= 0 && s->event_fd >= 0 && watch(s, EPOLL_CTL_ADD, s->event_fd, EPOLLIN);
}

void sockets_release(struct sockets *s)
{
	if (s->epoll_fd >= 0)
		close(s->epoll_fd);
	if (s->event_fd >= 0)
		close(s->event_fd);
}

/* What had no memory leaves no timer and no socket to wait for, so that nothing would wake it again. */
static void check(struct sockets *s, CURLMcode rc)
{
	s->is_shaken = rc != CURLM_OK;
	if (s->is_shaken)
		s->timer_at_us = clock_mono_us() + RECOVER_US;
}

/* The one call that looks at every request and at its sockets; libcurl calls it deprecated for what it costs.
 */
static CURLMcode act_on_all(struct sockets *s)
{
	int running;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
	return curl_multi_socket_all(s->multi, &running);
#pragma GCC diagnostic pop
}

static void run_timer(struct sockets *s)
{
	int running;
	if (s->timer_at_us > clock_mono_us())
		return;
	s->timer_at_us = INT64_MAX; /* libcurl sets it anew */
	if (s->is_shaken)
		check(s, act_on_all(s));
	else
		check(s, curl_multi_socket_action(s->multi, CURL_SOCKET_TIMEOUT, 0, &running));
}

static int wait_ms(const struct sockets *s, int timeout_ms)
{
	if (s->timer_at_us == INT64_MAX)
		return timeout_ms;
	int64_t left_ms = (s->timer_at_us - clock_mono_us() + 999) / 1000;
	return left_ms <= 0 ? 0 : left_ms < timeout_ms ? (int)left_ms : timeout_ms;
}

static void happened(struct sockets *s, const struct epoll_event *event)
{
	int running, mask = 0;
	if (event->data.fd == s->event_fd) {
		uint64_t count;
		ssize_t n = read(s->event_fd, &count, sizeof count);
		(void)n; /* it was to wake us, no more */
	} else if (event->data.fd != s->also_fd) {
		mask |= event->events & EPOLLIN ? CURL_CSELECT_IN : 0;
		mask |= event->events & EPOLLOUT ? CURL_CSELECT_OUT : 0;
		mask |= event->events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0;
		CURLMcode rc = curl_multi_socket_action(s->multi, event->data.fd, mask, &running);
		if (rc != CURLM_OK)
			check(s, rc);
	}
}

void sockets_run(struct sockets *s, int timeout_ms, int fd)
{
	struct epoll_event events[EVENTS];
	if (fd >= 0 && s->also_fd < 0 && watch(s, EPOLL_CTL_ADD, fd, EPOLLIN))
		s->also_fd = fd;
	run_timer(s);
	int n = epoll_wait(s->epoll_fd, events, EVENTS, wait_ms(s, timeout_ms));
	for (int i = 0; i < n; i++)
		happened(s, &events[i]);
	run_timer(s);
}

void sockets_wake(struct sockets *s)
{
	uint64_t one = 1;
	ssize_t n = write(s->event_fd, &one, sizeof one);
	(void)n; /* a counter at its limit has been rung */
}
