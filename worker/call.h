/* worker/call.h: one row of [call.*] and one job become an HTTP request. */
#ifndef WORKER_CALL_H
#define WORKER_CALL_H
#include "worker/http.h"
#include "worker/phases/phases.h"

enum { CALL_HEADERS_MAX = 12 };

/* Zeroed to begin with; may be built again and again, for whatever call. */
struct call_request {
	struct http_request request; /* points into the buffers below */
	struct buf url, body;
	struct buf lines; /* the headers', each with its NUL */
	size_t line_at[CALL_HEADERS_MAX];
	const char *headers[CALL_HEADERS_MAX];
	size_t headers_n;
};

/* The request of call (an index of opts.call) for this run. ST_OK; BUSY: the receiver's URL is not configured
 * (that gets mended: try again later); INVALID: a value cannot stand in a header or URL, or the job has none
 * for a hole of the path; NOMEM. *why says which. Wipe or release in every case. */
NODISCARD enum status call_build(struct call_request *out, struct run *run,
	const struct phase_handler *handler, int call, struct why *why);
/* It was sent, or will not be: nothing of it stays in memory but the memory itself. */
void call_wipe(struct call_request *request);
void call_release(struct call_request *request);

/* Percent-encode everything but unreserved characters (RFC 3986 section 2.3). */
void call_percent_encode(struct slice text, struct buf *out);
/* The caller's trace with this span id, as a W3C traceparent; false: the caller gave none that is valid. */
bool call_traceparent(struct slice given, uint64_t span, char out[56]);

#endif
