/* tests/support/receiver.c: see receiver.h. A thread per connection; connections are few. How an answer is
 * given is misbehave.c's. */
#include "tests/support/receiver.h"

#include "spool/base/clock.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RULES_MAX = 256, CONNECTIONS_MAX = 512, REQUEST_MAX = 1 << 20 };

struct receiver {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t acceptor;
	int listen_fd, port;
	atomic_bool stopping;
	char url[64];
	struct ssl_ctx_st *context; /* of the next connection; NULL: plain */
	struct rule rules[RULES_MAX];
	size_t rules_n;
	enum misbehaviour at_connect;
	int at_connect_times;
	size_t met; /* connections accepted */
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

static struct rule choose(struct receiver *r, const struct call *call, bool is_kept)
{
	for (size_t i = 0; i < r->rules_n; i++) {
		struct rule *rule = &r->rules[i];
		if (rule->times < 0 || !fits(call, rule->path_has, rule->body_has))
			continue;
		if (rule->only_kept && !is_kept)
			continue;
		struct rule chosen = *rule;
		if (rule->times > 0 && --rule->times == 0)
			rule->times = -1;
		return chosen;
	}
	return (struct rule){.how = BEHAVE};
}

static struct rule record(struct receiver *r, const struct call *call, bool is_kept)
{
	pthread_mutex_lock(&r->lock);
	if (r->calls_n == r->calls_cap) {
		r->calls_cap = r->calls_cap ? r->calls_cap * 2 : 64;
		r->calls = realloc(r->calls, r->calls_cap * sizeof *r->calls);
		if (!r->calls)
			abort();
	}
	r->calls[r->calls_n++] = *call;
	struct rule rule = choose(r, call, is_kept);
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
	return rule;
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

/* One request from the link into *call; buf keeps what came beyond it. false: the connection ended. */
static bool read_request(struct link *link, char *buf, size_t *have, struct call *call)
{
	char *end;
	*call = (struct call){.at_ms = 0};
	while (buf[*have] = '\0', !(end = strstr(buf, "\r\n\r\n"))) {
		ssize_t n = *have < REQUEST_MAX ? link_recv(link, buf + *have, REQUEST_MAX - *have) : 0;
		if (n <= 0)
			return false;
		*have += (size_t)n;
	}
	size_t head = (size_t)(end + 4 - buf), body = content_length(buf);
	while (*have < head + body) {
		ssize_t n = head + body < REQUEST_MAX ? link_recv(link, buf + *have, REQUEST_MAX - *have) : 0;
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
	int fd;
	struct ssl_ctx_st *context;
};

static void converse(struct receiver *r, struct link *link)
{
	char *buf = malloc(REQUEST_MAX + 1);
	struct call *call = malloc(sizeof *call);
	size_t have = 0;
	bool is_kept = false;
	while (buf && call && read_request(link, buf, &have, call)) {
		struct rule rule = record(r, call, is_kept);
		if (!misbehave(link, &rule, &r->stopping))
			break;
		is_kept = true;
	}
	free(buf);
	free(call);
}

/* OpenSSL writes without MSG_NOSIGNAL. */
static void bear_broken_pipes(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void *serve(void *arg)
{
	struct connection c = *(struct connection *)arg;
	struct receiver *r = c.receiver;
	struct link link;
	free(arg);
	bear_broken_pipes();
	if (link_open(&link, c.fd, c.context))
		converse(r, &link);
	pthread_mutex_lock(&r->lock);
	link_close(&link);
	r->connections[c.slot] = -1;
	r->live--;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

static void start_serving(struct receiver *r, int fd)
{
	struct connection *c = malloc(sizeof *c);
	pthread_t thread;
	size_t slot = 0;
	while (slot < CONNECTIONS_MAX && r->connections[slot] >= 0)
		slot++;
	if (slot == CONNECTIONS_MAX || !c)
		abort();
	r->connections[slot] = fd;
	r->live++;
	*c = (struct connection){r, slot, fd, r->context};
	if (pthread_create(&thread, NULL, serve, c) != 0)
		abort();
	pthread_detach(thread);
}

static void take_connection(struct receiver *r, int fd)
{
	struct link link = {.fd = fd};
	pthread_mutex_lock(&r->lock);
	r->met++;
	if (r->at_connect_times == 0) {
		start_serving(r, fd);
	} else {
		r->at_connect_times -= r->at_connect_times > 0;
		if (r->at_connect == RESET)
			link_will_reset(&link);
		link_close(&link);
	}
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

struct receiver *receiver_start_tls(struct ssl_ctx_st *context)
{
	struct receiver *r = calloc(1, sizeof *r);
	if (!r)
		abort();
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		r->connections[i] = -1;
	r->context = context;
	listen_on(r);
	snprintf(r->url, sizeof r->url, "%s://127.0.0.1:%d", context ? "https" : "http", r->port);
	return r;
}

struct receiver *receiver_start(void)
{
	return receiver_start_tls(NULL);
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

void receiver_show(struct receiver *r, struct ssl_ctx_st *context)
{
	pthread_mutex_lock(&r->lock);
	r->context = context;
	pthread_mutex_unlock(&r->lock);
}

void receiver_at_connect(struct receiver *r, enum misbehaviour how, int times)
{
	pthread_mutex_lock(&r->lock);
	r->at_connect = how;
	r->at_connect_times = times;
	pthread_mutex_unlock(&r->lock);
}

size_t receiver_met(struct receiver *r)
{
	pthread_mutex_lock(&r->lock);
	size_t met = r->met;
	pthread_mutex_unlock(&r->lock);
	return met;
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
