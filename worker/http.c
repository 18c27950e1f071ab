/* worker/http.c: see http.h. Handles are kept and used again; connections are kept by the multi handle. */
#include "worker/http.h"

#include "spool/base/nets.h"
#include "worker/sockets.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { HEADERS_BYTES_MAX = 64 << 10 };

/* Link-local and multicast; the metadata services of the clouds that stand elsewhere; "this host". */
static const char refused_networks[] =
	"169.254.0.0/16, fe80::/10, 224.0.0.0/4, ff00::/8, 255.255.255.255, 0.0.0.0/8, ::, "
	"100.100.100.200, 168.63.129.16, fd00:ec2::254, fd20:ce::254";

struct transfer {
	struct transfer *next, *prev; /* of those under way, or of the idle ones (next only) */
	CURL *easy;
	struct curl_slist *headers;
	struct buf request_body, answer_body;
	size_t header_bytes;
	struct http *http;
	char refused[INET6_ADDRSTRLEN]; /* an address that was not connected to */
	bool too_large, unanswered, withheld;
	bool has_head; /* the answer's last header has come */
	bool (*may_send)(const void *tag);
	http_done done;
	void *tag;
	char error[CURL_ERROR_SIZE];
};

struct http {
	CURLM *multi;
	struct sockets sockets;
	struct transfer busy; /* ring */
	struct transfer *idle;
	struct http_conf conf;
};

struct http *http_new(const struct http_conf *conf)
{
	struct http *http = calloc(1, sizeof *http);
	if (!http || !(http->multi = curl_multi_init())) {
		free(http);
		return NULL;
	}
	http->busy.next = http->busy.prev = &http->busy;
	http->conf = *conf;
	curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)conf->in_flight * 2);
	if (sockets_init(&http->sockets, http->multi))
		return http;
	http_free(http);
	return NULL;
}

static size_t take_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	buf_add(&t->answer_body, bytes, size * n);
	if (buf_status(&t->answer_body) == ST_OK)
		return size * n;
	t->too_large = true;
	return 0;
}

/* Hints may come before it, each a head of its own. */
static void follow_head(struct transfer *t, struct slice line)
{
	if (line.len >= 5 && memcmp(line.p, "HTTP/", 5) == 0)
		t->has_head = false;
	else if (line.len > 0 && (line.p[0] == '\r' || line.p[0] == '\n'))
		t->has_head = true;
}

static size_t take_header(char *bytes, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	follow_head(t, slice_of(bytes, size * n));
	t->header_bytes += size * n;
	if (t->header_bytes <= HEADERS_BYTES_MAX)
		return size * n;
	t->too_large = true;
	return 0;
}

static const char *address_text(const struct curl_sockaddr *at, char out[INET6_ADDRSTRLEN])
{
	const void *bytes = at->family == AF_INET
				    ? (const void *)&((const struct sockaddr_in *)&at->addr)->sin_addr
				    : (const void *)&((const struct sockaddr_in6 *)&at->addr)->sin6_addr;
	bool is_inet = at->family == AF_INET || at->family == AF_INET6;
	return is_inet ? inet_ntop(at->family, bytes, out, INET6_ADDRSTRLEN) : NULL;
}

/* After names have been resolved and before anything is sent. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *at)
{
	struct transfer *t = arg;
	char text[INET6_ADDRSTRLEN];
	(void)purpose;
	if (!address_text(at, text) || (nets_contain(refused_networks, text) &&
					       !nets_contain(t->http->conf.allowed_networks, text))) {
		snprintf(t->refused, sizeof t->refused, "%s", text);
		return CURL_SOCKET_BAD;
	}
	return socket(at->family, at->socktype | SOCK_CLOEXEC, at->protocol);
}

/* libcurl sends a request once more when a kept connection ends without an answer. The receiver may have
 * taken the first one, so what follows is an attempt of its own and the policy's to decide: only a request of
 * which nothing was sent goes on. */
static int before_sending(void *arg, char *to, char *from, int to_port, int from_port)
{
	struct transfer *t = arg;
	long sent = 0;
	(void)to, (void)from, (void)to_port, (void)from_port;
	curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &sent);
	t->unanswered = sent > 0;
	t->withheld = !t->unanswered && t->may_send && !t->may_send(t->tag);
	return t->unanswered || t->withheld ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* What no request may change. */
static bool set_up(struct transfer *t)
{
	CURL *e = t->easy;
	return curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_PROXY, "") == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, t) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_WRITEDATA, t) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_header) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_HEADERDATA, t) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, before_sending) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_PREREQDATA, t) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->error) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L) == CURLE_OK &&
	       curl_easy_setopt(e, CURLOPT_PRIVATE, t) == CURLE_OK;
}

static struct transfer *transfer_new(struct http *http)
{
	struct transfer *t = http->idle;
	if (t) {
		http->idle = t->next;
		return t;
	}
	t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	buf_init(&t->request_body, SIZE_MAX / 2);
	buf_init(&t->answer_body, (size_t)http->conf.max_response);
	t->http = http;
	t->easy = curl_easy_init();
	if (t->easy && set_up(t))
		return t;
	curl_easy_cleanup(t->easy);
	free(t);
	return NULL;
}

/* Headers carry secrets, and so may bodies. */
static void wipe(struct transfer *t)
{
	for (struct curl_slist *at = t->headers; at; at = at->next)
		explicit_bzero(at->data, strlen(at->data));
	curl_slist_free_all(t->headers);
	t->headers = NULL;
	buf_wipe(&t->request_body);
	buf_wipe(&t->answer_body);
}

static void transfer_free(struct transfer *t)
{
	wipe(t);
	curl_easy_cleanup(t->easy);
	free(t);
}

static void retire(struct http *http, struct transfer *t)
{
	wipe(t);
	t->next = http->idle;
	http->idle = t;
}

static void unlink_busy(struct http *http, struct transfer *t)
{
	curl_multi_remove_handle(http->multi, t->easy);
	t->prev->next = t->next;
	t->next->prev = t->prev;
}

void http_free(struct http *http)
{
	if (!http)
		return;
	while (http->busy.next != &http->busy) {
		struct transfer *t = http->busy.next;
		unlink_busy(http, t);
		retire(http, t);
	}
	while (http->idle) {
		struct transfer *t = http->idle;
		http->idle = t->next;
		transfer_free(t);
	}
	curl_multi_cleanup(http->multi);
	sockets_release(&http->sockets);
	free(http);
}

/* libcurl would send a line break in a header as it is: two headers where one was meant. */
static bool header_is_safe(const char *header)
{
	for (const char *p = header; *p; p++)
		if (((unsigned char)*p < 0x20 && *p != '\t') || (unsigned char)*p >= 0x7f)
			return false;
	return true;
}

static enum status set_headers(struct transfer *t, const struct http_request *r)
{
	for (size_t i = 0; i < r->headers_n; i++) {
		if (!header_is_safe(r->headers[i]))
			return ST_INVALID;
		struct curl_slist *list = curl_slist_append(t->headers, r->headers[i]);
		if (!list)
			return ST_NOMEM;
		t->headers = list;
	}
	/* No waiting for "100 Continue": bodies are small and receivers few. */
	struct curl_slist *list = curl_slist_append(t->headers, "Expect:");
	if (!list)
		return ST_NOMEM;
	t->headers = list;
	return ST_OK;
}

/* libcurl has no way back to its built-in file but to name it. */
static CURLcode set_authorities(CURL *e, const char *file)
{
	const char *usual = NULL;
	if (!file || !*file)
		curl_easy_getinfo(e, CURLINFO_CAINFO, &usual);
	return curl_easy_setopt(e, CURLOPT_CAINFO, file && *file ? file : usual);
}

static enum status set_request(struct transfer *t, const struct http_request *r)
{
	CURL *e = t->easy;
	buf_add_slice(&t->request_body, r->body);
	enum status st = buf_status(&t->request_body);
	if (st == ST_OK)
		st = set_headers(t, r);
	if (st != ST_OK)
		return st;
	const CURLcode results[] = {
		curl_easy_setopt(e, CURLOPT_URL, r->url),
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, t->request_body.p ? t->request_body.p : ""),
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->request_body.len),
		curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, r->method),
		curl_easy_setopt(e, CURLOPT_HTTPHEADER, t->headers),
		curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)r->timeout_ms),
		curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)r->connect_timeout_ms),
		set_authorities(e, r->ca_file),
	};
	for (size_t i = 0; i < sizeof results / sizeof *results && st == ST_OK; i++)
		if (results[i] != CURLE_OK)
			st = results[i] == CURLE_OUT_OF_MEMORY ? ST_NOMEM : ST_INVALID;
	return st;
}

enum status http_start(struct http *http, const struct http_request *request, http_done done, void *tag)
{
	struct transfer *t = transfer_new(http);
	if (!t)
		return ST_NOMEM;
	t->done = done;
	t->tag = tag;
	t->header_bytes = 0;
	t->too_large = t->unanswered = t->withheld = t->has_head = false;
	t->may_send = request->may_send;
	t->error[0] = t->refused[0] = '\0';
	enum status st = set_request(t, request);
	if (st == ST_OK && curl_multi_add_handle(http->multi, t->easy) != CURLM_OK)
		st = ST_NOMEM;
	if (st != ST_OK) {
		retire(http, t);
		return st;
	}
	t->next = &http->busy;
	t->prev = http->busy.prev;
	http->busy.prev->next = t;
	http->busy.prev = t;
	return ST_OK;
}

void http_cancel(struct http *http, const void *tag)
{
	for (struct transfer *t = http->busy.next; t != &http->busy; t = t->next)
		if (t->tag == tag) {
			unlink_busy(http, t);
			retire(http, t);
			return;
		}
}

/* A scheme that is not allowed, or a URL that is none. The same code for bytes that are no HTTP says nothing
 * about the request: then something was sent. */
static bool is_impossible(const struct transfer *t, CURLcode rc)
{
	long sent = 0;
	curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &sent);
	return rc == CURLE_URL_MALFORMAT || (rc == CURLE_UNSUPPORTED_PROTOCOL && sent == 0);
}

static void describe(struct transfer *t, CURLcode rc, struct http_answer *a)
{
	curl_off_t connected_us = 0, total_us = 0, retry_after = 0;
	*a = (struct http_answer){.error = ""};
	curl_easy_getinfo(t->easy, CURLINFO_CONNECT_TIME_T, &connected_us);
	curl_easy_getinfo(t->easy, CURLINFO_TOTAL_TIME_T, &total_us);
	a->conn_ms = connected_us / 1000;
	a->xfer_ms = (total_us - connected_us) / 1000;
	/* To libcurl a status line is an answer, even if the connection ended before the rest of its head. */
	if (rc == CURLE_OK && t->has_head) {
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &a->status);
		curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &retry_after);
		a->retry_after_s = retry_after > 0 ? retry_after : 0;
		a->body = buf_slice(&t->answer_body);
		return;
	}
	a->is_permanent = is_impossible(t, rc);
	if (t->refused[0])
		snprintf(t->error, sizeof t->error,
			"the address %s is not to be called (worker.allowed-networks)", t->refused);
	a->error = t->too_large  ? "the answer is larger than worker.max-response"
		   : t->error[0] ? t->error
				 : curl_easy_strerror(rc);
	a->is_withheld = t->withheld;
	if (t->refused[0])
		snprintf(t->error, sizeof t->error,
			"the address %s is not to be called (worker.allowed-networks)", t->refused);
	a->error = t->too_large                ? "the answer is larger than worker.max-response"
		   : t->unanswered             ? "the connection was closed without an answer"
		   : rc == CURLE_OK            ? "the connection was closed within the answer's headers"
		   : rc == CURLE_OUT_OF_MEMORY ? "a header line is too long, or there is no memory"
		   : t->error[0]               ? t->error
					       : curl_easy_strerror(rc);
}

static void report_ended(struct http *http)
{
	CURLMsg *msg;
	int left;
	while ((msg = curl_multi_info_read(http->multi, &left))) {
		struct transfer *t = NULL;
		struct http_answer answer;
		if (msg->msg != CURLMSG_DONE)
			continue;
		CURLcode rc = msg->data.result; /* msg dies with the handle's removal */
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&t);
		unlink_busy(http, t);
		describe(t, rc, &answer);
		t->done(t->tag, &answer);
		retire(http, t);
	}
}

void http_run(struct http *http, int timeout_ms, int fd)
{
	sockets_run(&http->sockets, timeout_ms, fd);
	report_ended(http);
}

void http_wakeup(struct http *http)
{
	sockets_wake(&http->sockets);
}
