/* fcgi/request.h: one request as the handlers see it, whoever carried it. Plain data, so that everything
 * behind it is tested without a socket. */
#ifndef FCGI_REQUEST_H
#define FCGI_REQUEST_H
#include "fcgi/caller.h"
#include "spool/base/clock.h"

/* What nginx passes on; nothing else is looked at. */
enum param {
	PARAM_METHOD,
	PARAM_PATH, /* DOCUMENT_URI: decoded and normalised */
	PARAM_QUERY,
	PARAM_CONTENT_TYPE,
	PARAM_CONTENT_LENGTH,
	PARAM_CONTENT_ENCODING,
	PARAM_REMOTE_ADDR,
	PARAM_REQUEST_ID,
	PARAM_IDEMPOTENCY_KEY,
	PARAM_TRACEPARENT,
	PARAM_TRACESTATE,
	PARAM_RUN_AT,
	PARAM_DELAY,
	PARAM_PRIORITY,
	PARAM_SOURCE,
	PARAM_X_FORWARDED_FOR,
	PARAM_FORWARDED,
	PARAM_X_REAL_IP,
	PARAM_HOST,
	PARAM_ORIGIN,
	PARAM_SEC_FETCH_SITE,
	PARAM_ACCESS_CONTROL_REQUEST_METHOD,
	PARAM_ACCEPT,
	PARAM_AUTHORIZATION, /* a secret: never to be logged, nor told in an answer */
	PARAM_LAST_EVENT_ID,
	PARAM_N
};

struct request {
	char *const *env; /* all that nginx passed on, "NAME=value" each, then NULL; NULL: nothing. Borrowed,
			     too */
	struct slice param[PARAM_N]; /* empty: absent. Borrowed until the request ends, NUL-terminated if not
					empty */
	struct caller caller;        /* known once dispatch has begun */
	struct slice body;
	struct fault body_fault; /* problem != NONE: the body was not taken, and this is why */
	struct slice capture;    /* the variable part of the path */
	int arg;                 /* of the route's row */
	struct moment now;
};

/* Take one "NAME=value" string of the FastCGI environment; unknown names are passed over. false: the value
 * is longer than its field may be. */
bool request_take(struct request *request, const char *pair, struct fault *fault);

/* A header by its name, for those that only the configuration names; nginx passes them on for the paths that
 * may need them. Empty: absent, or given more than once, which leaves open what it says. */
struct slice request_header(const struct request *request, const char *name);

/* CONTENT_LENGTH: decimal digits only; empty or absent is 0. false: it is something else. */
bool request_length(const struct request *request, uint64_t *length);

#endif
