/* tests/support/misbehave.h: the ways in which a receiver of the tests can answer a request, good and bad. */
#ifndef TESTS_SUPPORT_MISBEHAVE_H
#define TESTS_SUPPORT_MISBEHAVE_H
#include "tests/support/link.h"

#include <stdatomic.h>

enum misbehaviour {
	BEHAVE,          /* answer with status, headers, body after delay_ms */
	CLOSE_AT_ONCE,   /* read the request, close without an answer */
	CLOSE_IN_HEAD,   /* begin an answer; close in the middle of its headers */
	CLOSE_IN_BODY,   /* ... of its body, short of its Content-Length */
	CLOSE_AFTER,     /* behave, then close the connection without having said so */
	RESET,           /* read the request, then a TCP reset */
	RESET_IN_BODY,   /* the same in the middle of the body */
	HANG,            /* read the request, then nothing until the other side gives up */
	HANG_IN_HEAD,    /* the same in the middle of the headers */
	HANG_AFTER_HEAD, /* ... after all of the headers */
	HANG_IN_BODY,    /* ... in the middle of the body */
	DRIP_HEAD,       /* behave, but status line and headers come byte by byte, one each delay_ms */
	DRIP_BODY,       /* the same with the body */
	GARBAGE,         /* bytes that are no HTTP */
	RAW,             /* body as it stands is all that is sent; then close */
	RAW_KEPT,        /* the same, and the connection stays open */
	ENDLESS_HEADERS,
	ENDLESS_HINTS,  /* early hints before an answer that never comes */
	ENDLESS_LINE,   /* one header line without end */
	ENDLESS_BODY,   /* a body that only the close would end */
	ENDLESS_CHUNKS, /* the same in chunks */
};

struct rule {
	const char *path_has, *body_has; /* NULL: any */
	int times;                       /* 0: always */
	bool only_kept;                  /* fits only requests that are not the first of their connection */
	enum misbehaviour how;
	int status;          /* 0: 200 */
	const char *headers; /* whole lines with CRLF, or NULL */
	const char *body;    /* NULL: {} */
	int delay_ms;
};

/* Act the rule out on a link whose request has been read. true: the connection may be used again. Ends early
 * when *is_stopping. */
bool misbehave(struct link *link, const struct rule *rule, const atomic_bool *is_stopping);

#endif
