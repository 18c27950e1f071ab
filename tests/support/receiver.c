/* tests/support/receiver.c: see receiver.h. A thread per connection; connections are few. */
#include "tests/support/receiver.h"

#include "spool/base/clock.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RULES_MAX = 64, CONNECTIONS_MAX = 512, REQUEST_MAX = 1 << 20 };

struct receiver {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t acceptor;
	int listen_fd, port;
	atomic_bool stopping;
	char url[64];
	struct rule rules[RULES_MAX];
	size_t rules_n;
	struct call *calls;
	size_t calls_n, calls_cap;
	int connections[CONNECTIONS_MAX]; /* descriptors, -1: free */
	size_t live;
};

static bool has(const char *text, const char *part)
{
	return !part || strstr(text, part);
}

static bool fits(const struct call *call, const char *path_has, const char *body_has)
{
	return has(call->path, path_has) && has(call->body, body_has);
}

static struct rule choose(struct receiver *r, const struct call *call)
{
	for (size_t i = 0; i < r->rules_n; i++) {
		struct rule *rule = &r->rules[i];
		if (rule->times < 0 || !fits(call, rule->path_has, rule->body_has))
			continue;
		struct rule chosen = *rule;
		if (rule->times > 0 && --rule->times == 0)
			rule->times = -1;
		return chosen;
	}
	return (struct rule){.how = BEHAVE};
}

static struct rule record(struct receiver *r, const struct call *call)
{
	pthread_mutex_lock(&r->lock);
	if (r->calls_n == r->calls_cap) {
		r->calls_cap = r->calls_cap ? r->calls_cap * 2 : 64;
		r->calls = realloc(r->calls, r->calls_cap * sizeof *r->calls);
		if (!r->calls)
			abort();
	}
	r->calls[r->calls_n++] = *call;
	struct rule rule = choose(r, call);
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
	return rule;
}

static bool send_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

static void send_endless(struct receiver *r, int fd, const char *head, const char *piece)
{
	bool going = send_all(fd, head, strlen(head));
	while (going && !atomic_load(&r->stopping))
		going = send_all(fd, piece, strlen(piece));
}

/* true: the connection may be used again. */
static bool answer(struct receiver *r, int fd, const struct rule *rule)
{
	static const struct linger reset = {1, 0};
	char head[4096], byte;
	const char *body = rule->body ? rule->body : "{}";
	int64_t until = clock_mono_us() + rule->delay_ms * 1000;
	while (clock_mono_us() < until && !atomic_load(&r->stopping))
		clock_sleep_ms(5);
	switch (rule->how) {
	case CLOSE_AT_ONCE:
		return false;
	case RESET:
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
		return false;
	case HANG:
		return recv(fd, &byte, 1, 0) > 0 && false;
	case GARBAGE:
		send_all(fd, "\x16\x03\x01 not HTTP\r\n\r\n", 16);
		return false;
	case ENDLESS_BODY:
		send_endless(r, fd, "HTTP/1.1 200 OK\r\n\r\n", "0123456789012345678901234567890123456789");
		return false;
	case ENDLESS_HEADERS:
		send_endless(
			r, fd, "HTTP/1.1 200 OK\r\n", "X-More: 0123456789012345678901234567890123456789\r\n");
		return false;
	case BEHAVE:
		break;
	}
	int len = snprintf(head, sizeof head,
		"HTTP/1.1 %d Status\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n",
		rule->status ? rule->status : 200, strlen(body), rule->headers ? rule->headers : "");
	return send_all(fd, head, (size_t)len) && send_all(fd, body, strlen(body));
}

static void copy_text(char *out, size_t cap, const char *from, size_t len)
{
	size_t n = 0;
	for (size_t i = 0; i < len && n + 1 < cap; i++)
		if (from[i] != '\r')
			out[n++] = from[i];
	out[n] = '\0';
}

static size_t content_length(const char *head)
{
	const char *at = strcasestr(head, "\ncontent-length:");
	return at ? strtoul(at + 16, NULL, 10) : 0;
}

/* One request from fd into *call; buf keeps what came beyond it. false: the connection ended. */
static bool read_request(int fd, char *buf, size_t *have, struct call *call)
{
	char *end;
	*call = (struct call){.at_ms = 0};
	while (buf[*have] = '\0', !(end = strstr(buf, "\r\n\r\n"))) {
		ssize_t n = *have < REQUEST_MAX ? recv(fd, buf + *have, REQUEST_MAX - *have, 0) : 0;
		if (n <= 0)
			return false;
		*have += (size_t)n;
	}
	size_t head = (size_t)(end + 4 - buf), body = content_length(buf);
	while (*have < head + body) {
		ssize_t n = head + body < REQUEST_MAX ? recv(fd, buf + *have, REQUEST_MAX - *have, 0) : 0;
		if (n <= 0)
			return false;
		*have += (size_t)n;
	}
	call->at_ms = clock_mono_us() / 1000;
	sscanf(buf, "%15s %1023s", call->method, call->path);
	copy_text(call->headers, sizeof call->headers, buf, head);
	copy_text(call->body, sizeof call->body, buf + head, body);
	memmove(buf, buf + head + body, *have - head - body);
	*have -= head + body;
	return true;
}

struct connection {
	struct receiver *receiver;
	size_t slot;
};

static void *serve(void *arg)
{
	struct connection c = *(struct connection *)arg;
	struct receiver *r = c.receiver;
	int fd = r->connections[c.slot];
	char *buf = malloc(REQUEST_MAX + 1);
	size_t have = 0;
	struct call *call = malloc(sizeof *call);
	free(arg);
	while (buf && call && read_request(fd, buf, &have, call)) {
		struct rule rule = record(r, call);
		if (!answer(r, fd, &rule))
			break;
	}
	free(buf);
	free(call);
	pthread_mutex_lock(&r->lock);
	close(fd);
	r->connections[c.slot] = -1;
	r->live--;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

static void take_connection(struct receiver *r, int fd)
{
	struct connection *c = malloc(sizeof *c);
	pthread_t thread;
	pthread_mutex_lock(&r->lock);
	size_t slot = 0;
	while (slot < CONNECTIONS_MAX && r->connections[slot] >= 0)
		slot++;
	if (slot == CONNECTIONS_MAX || !c)
		abort();
	r->connections[slot] = fd;
	r->live++;
	*c = (struct connection){r, slot};
	if (pthread_create(&thread, NULL, serve, c) != 0)
		abort();
	pthread_detach(thread);
	pthread_mutex_unlock(&r->lock);
}

static void *accept_all(void *arg)
{
	struct receiver *r = arg;
	for (;;) {
		int fd = accept(r->listen_fd, NULL, NULL);
		if (fd < 0)
			return NULL;
		take_connection(r, fd);
	}
}

static void listen_on(struct receiver *r)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)r->port)};
	socklen_t len = sizeof at;
	int one = 1;
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	r->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(r->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(r->listen_fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(r->listen_fd, 512) != 0)
		abort();
	getsockname(r->listen_fd, (struct sockaddr *)&at, &len);
	r->port = ntohs(at.sin_port);
	if (pthread_create(&r->acceptor, NULL, accept_all, r) != 0)
		abort();
}

struct receiver *receiver_start(void)
{
	struct receiver *r = calloc(1, sizeof *r);
	if (!r)
		abort();
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		r->connections[i] = -1;
	listen_on(r);
	snprintf(r->url, sizeof r->url, "http://127.0.0.1:%d", r->port);
	return r;
}

void receiver_close(struct receiver *r)
{
	atomic_store(&r->stopping, true);
	shutdown(r->listen_fd, SHUT_RDWR);
	pthread_join(r->acceptor, NULL);
	close(r->listen_fd);
	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		if (r->connections[i] >= 0)
			shutdown(r->connections[i], SHUT_RDWR);
	while (r->live > 0)
		pthread_cond_wait(&r->changed, &r->lock);
	pthread_mutex_unlock(&r->lock);
	atomic_store(&r->stopping, false);
}

void receiver_reopen(struct receiver *r)
{
	listen_on(r);
}

void receiver_stop(struct receiver *r)
{
	receiver_close(r);
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->changed);
	free(r->calls);
	free(r);
}

const char *receiver_url(const struct receiver *r)
{
	return r->url;
}

void receiver_rule(struct receiver *r, struct rule rule)
{
	pthread_mutex_lock(&r->lock);
	if (r->rules_n == RULES_MAX)
		abort();
	r->rules[r->rules_n++] = rule;
	pthread_mutex_unlock(&r->lock);
}

void receiver_clear_rules(struct receiver *r)
{
	pthread_mutex_lock(&r->lock);
	r->rules_n = 0;
	pthread_mutex_unlock(&r->lock);
}

static size_t count(const struct receiver *r, const char *path_has, const char *body_has)
{
	size_t n = 0;
	for (size_t i = 0; i < r->calls_n; i++)
		n += fits(&r->calls[i], path_has, body_has);
	return n;
}

size_t receiver_count(struct receiver *r, const char *path_has, const char *body_has)
{
	pthread_mutex_lock(&r->lock);
	size_t n = count(r, path_has, body_has);
	pthread_mutex_unlock(&r->lock);
	return n;
}

bool receiver_wait(struct receiver *r, const char *path_has, const char *body_has, size_t n, int ms)
{
	int64_t until = clock_mono_us() + ms * 1000;
	while (receiver_count(r, path_has, body_has) < n && clock_mono_us() < until)
		clock_sleep_ms(2);
	return receiver_count(r, path_has, body_has) >= n;
}

bool receiver_get(struct receiver *r, const char *path_has, const char *body_has, size_t i, struct call *out)
{
	bool found = false;
	pthread_mutex_lock(&r->lock);
	for (size_t k = 0; k < r->calls_n && !found; k++)
		if (fits(&r->calls[k], path_has, body_has) && i-- == 0) {
			*out = r->calls[k];
			found = true;
		}
	pthread_mutex_unlock(&r->lock);
	return found;
}

const char *call_header(const struct call *call, const char *name, char out[512])
{
	size_t len = strlen(name);
	out[0] = '\0';
	for (const char *line = strchr(call->headers, '\n'); line && line[1]; line = strchr(line + 1, '\n')) {
		if (strncasecmp(line + 1, name, len) != 0 || line[1 + len] != ':')
			continue;
		const char *value = line + 2 + len + strspn(line + 2 + len, " ");
		snprintf(out, 512, "%.*s", (int)strcspn(value, "\n"), value);
	}
	return out;
}
