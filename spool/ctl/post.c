/* spool/ctl/post.c: see post.h. */
#include "spool/ctl/post.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { SECONDS_MAX = 30, ANSWER_MAX = 16 << 20, BLOCK = 16 << 10 };

struct target {
	char host[256], port[8], path[2048];
};

static enum status bad_url(const char *url, struct why *why)
{
	if (strncmp(url, "https://", 8) == 0)
		return why_set(why, ST_INVALID,
			"%.200s: https is not spoken here; --print gives the command for curl", url);
	return why_set(why, ST_INVALID, "%.200s: expected http://HOST[:PORT][/PATH]", url);
}

/* "[::1]:80" or "host:80" or "host". */
static bool split_host(const char *text, size_t len, struct target *out)
{
	const char *end = text + len, *host = text, *stop;
	if (len && *text == '[') {
		host++;
		stop = memchr(text, ']', len);
	} else {
		stop = memchr(text, ':', len);
		stop = stop ? stop : end;
	}
	if (!stop || stop == host || (size_t)(stop - host) >= sizeof out->host)
		return false;
	snprintf(out->host, sizeof out->host, "%.*s", (int)(stop - host), host);
	stop += *stop == ']' && stop < end;
	if (stop == end)
		snprintf(out->port, sizeof out->port, "80");
	else if (*stop == ':' && end - stop > 1 && (size_t)(end - stop) <= sizeof out->port)
		snprintf(out->port, sizeof out->port, "%.*s", (int)(end - stop - 1), stop + 1);
	else
		return false;
	return out->port[strspn(out->port, "0123456789")] == '\0';
}

static bool is_printable(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

static enum status parse_url(const char *url, struct target *out, struct why *why)
{
	static const char scheme[] = "http://";
	const char *host = url + strlen(scheme);
	if (strncmp(url, scheme, strlen(scheme)) != 0 || !is_printable(url))
		return bad_url(url, why);
	size_t len = strcspn(host, "/?#");
	if (strlen(host + len) >= sizeof out->path || host[len] == '?' || host[len] == '#' ||
		!split_host(host, len, out))
		return bad_url(url, why);
	snprintf(out->path, sizeof out->path, "%s", host[len] ? host + len : "/");
	return ST_OK;
}

static int connect_one(const struct addrinfo *at)
{
	const struct timeval limit = {.tv_sec = SECONDS_MAX};
	int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	if (connect(fd, at->ai_addr, at->ai_addrlen) == 0)
		return fd;
	int err = errno;
	close(fd);
	errno = err;
	return -1;
}

static enum status connect_to(const struct target *target, int *fd, struct why *why)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *list;
	int rc = getaddrinfo(target->host, target->port, &hints, &list);
	*fd = -1;
	if (rc != 0)
		return why_set(why, ST_NOTFOUND, "%s: %s", target->host, gai_strerror(rc));
	for (struct addrinfo *at = list; at && *fd < 0; at = at->ai_next)
		*fd = connect_one(at);
	int err = errno;
	freeaddrinfo(list);
	return *fd >= 0 ? ST_OK
			: why_errno(why, err, "cannot connect to %s port %s", target->host, target->port);
}

static enum status send_all(int fd, struct slice bytes, struct why *why)
{
	while (bytes.len) {
		ssize_t n = send(fd, bytes.p, bytes.len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return why_errno(why, errno, "cannot send");
		bytes = slice_of(bytes.p + n, bytes.len - (size_t)n);
	}
	return ST_OK;
}

static enum status send_request(int fd, const struct target *target, const struct post *post, struct why *why)
{
	struct buf head = BUF_INIT(64 << 10);
	bool is_v6 = strchr(target->host, ':');
	buf_fmt(&head, "POST %s HTTP/1.0\r\nHost: %s%s%s:%s\r\n", target->path, is_v6 ? "[" : "",
		target->host, is_v6 ? "]" : "", target->port);
	buf_fmt(&head, "Content-Length: %zu\r\nConnection: close\r\n", post->body.len);
	buf_add_slice(&head, post->headers);
	buf_text(&head, "\r\n");
	enum status st = buf_status(&head);
	if (st != ST_OK)
		why_set(why, st, "the headers are too long");
	else
		st = send_all(fd, buf_slice(&head), why);
	buf_release(&head);
	return st == ST_OK ? send_all(fd, post->body, why) : st;
}

static enum status read_answer(int fd, struct post_answer *answer, struct why *why)
{
	char block[BLOCK];
	ssize_t n;
	while ((n = recv(fd, block, sizeof block, 0)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return why_errno(why, errno, "no answer");
		buf_add(&answer->text, block, (size_t)n);
	}
	if (buf_status(&answer->text) != ST_OK)
		return why_set(why, ST_IO, "the answer is too long");
	struct slice text = buf_slice(&answer->text);
	const char *end = text.len ? memmem(text.p, text.len, "\r\n\r\n", 4) : NULL;
	if (!end || sscanf(text.p, "HTTP/1.%*1[01] %3d", &answer->status) != 1)
		return why_set(why, ST_IO, "no answer in HTTP");
	answer->body = slice_of(end + 4, text.len - (size_t)(end + 4 - text.p));
	return ST_OK;
}

enum status post_send(const struct post *post, struct post_answer *answer, struct why *why)
{
	struct target target;
	int fd = -1;
	*answer = (struct post_answer){.text = BUF_INIT(ANSWER_MAX)};
	enum status st = parse_url(post->url, &target, why);
	if (st == ST_OK)
		st = connect_to(&target, &fd, why);
	if (st == ST_OK)
		st = send_request(fd, &target, post, why);
	if (st == ST_OK)
		st = read_answer(fd, answer, why);
	if (fd >= 0)
		close(fd);
	return st;
}
