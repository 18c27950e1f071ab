/* worker/http.h: many HTTP requests at one time on one thread (curl_multi), hardened for receivers that mean
 * harm.
 *
 * Only http and https; no redirects, no proxies, no netrc; certificates are verified; HTTP/2 where a receiver
 * speaks it over TLS. Response body and headers are capped as they arrive, whatever Content-Length says.
 * Addresses that no receiver of ours has (link-local ones, the clouds' metadata services, multicast) are not
 * connected to, whatever a name resolves to, unless they are allowed (OWASP, Server Side Request Forgery
 * Prevention). A request is sent at most once, on a kept connection, too. Threads: all calls from one thread,
 * but for http_wakeup(), which any may call. */
#ifndef WORKER_HTTP_H
#define WORKER_HTTP_H
#include "spool/base/buf.h"

struct http;

enum { HTTP_HEADERS_MAX = 16 };
struct http_request {
	const char *method;
	const char *url;
	/* "Name: value", checked here: a control byte refuses the request, and so does one too many. */
	const char *const *headers;
	size_t headers_n;
	struct slice body;
	int64_t timeout_ms, connect_timeout_ms;
	const char *ca_file; /* PEM of the authorities to trust; NULL or "": the system's */
	/* Asked with the tag when all that is left is to send; false: nothing is sent. NULL: sent always. */
	bool (*may_send)(const void *tag);
};

/* What came of a request. Borrowed for the length of the callback. */
struct http_answer {
	long status;       /* 0: none came, error says why */
	bool is_permanent; /* the request itself is impossible: trying again will not help */
	bool is_withheld;  /* may_send() said so */
	const char *error;
	struct slice body;
	int64_t retry_after_s; /* 0: none */
	int64_t conn_ms, xfer_ms;
};
typedef void (*http_done)(void *tag, const struct http_answer *answer);

struct http_conf {
	size_t in_flight;
	int64_t max_response;         /* bytes of a body */
	const char *allowed_networks; /* nets.h; may be called although refused otherwise; NULL: none */
};
/* Borrows the conf's texts. NULL: no memory. */
NODISCARD struct http *http_new(const struct http_conf *conf);
void http_free(struct http *http); /* requests under way are dropped without a callback */

/* Start one; done(tag, answer) is called from http_run(). ST_INVALID: a header or the URL is impossible;
 * NOMEM. */
NODISCARD enum status http_start(
	struct http *http, const struct http_request *request, http_done done, void *tag);
/* Drop the request with this tag: no callback will come. */
void http_cancel(struct http *http, const void *tag);
/* Wait up to timeout_ms for something to happen (or fd to be readable, -1: none) and report what ended. */
void http_run(struct http *http, int timeout_ms, int fd);
void http_wakeup(struct http *http);

#endif
