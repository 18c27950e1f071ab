/* tests/support/receiver.h: an HTTP receiver on 127.0.0.1 that records every call and misbehaves as it is
 * told.
 *
 * Rules are tried in the order added; the first whose path and body fit and which has not been used up
 * decides. Without one the answer is 200 {}. Threads: its own; all functions may be called from the test's.
 */
#ifndef TESTS_SUPPORT_RECEIVER_H
#define TESTS_SUPPORT_RECEIVER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct receiver;

enum misbehaviour {
	BEHAVE,        /* answer with status, headers, body after delay_ms */
	CLOSE_AT_ONCE, /* read the request, close without an answer */
	RESET,         /* as before, with a TCP reset */
	HANG,          /* read the request, then nothing until the other side gives up */
	GARBAGE,       /* bytes that are no HTTP */
	ENDLESS_BODY,
	ENDLESS_HEADERS,
};

struct rule {
	const char *path_has, *body_has; /* NULL: any */
	int times;                       /* 0: always */
	enum misbehaviour how;
	int status;          /* 0: 200 */
	const char *headers; /* whole lines with CRLF, or NULL */
	const char *body;    /* NULL: {} */
	int delay_ms;
};

struct call {
	char method[16], path[1024];
	char headers[8192]; /* lines, LF */
	char body[16384];
	int64_t at_ms; /* monotonic */
};

struct receiver *receiver_start(void);
void receiver_stop(struct receiver *receiver);
/* Answer no more (connections are refused) and again. */
void receiver_close(struct receiver *receiver);
void receiver_reopen(struct receiver *receiver);
const char *receiver_url(const struct receiver *receiver);
void receiver_rule(struct receiver *receiver, struct rule rule);
void receiver_clear_rules(struct receiver *receiver);

/* Calls whose path and body contain these (NULL: any). */
size_t receiver_count(struct receiver *receiver, const char *path_has, const char *body_has);
/* Wait until there are n such calls; false: there were not within ms. */
bool receiver_wait(struct receiver *receiver, const char *path_has, const char *body_has, size_t n, int ms);
/* The i-th of them; false: none such. */
bool receiver_get(
	struct receiver *receiver, const char *path_has, const char *body_has, size_t i, struct call *out);
/* The value of a header of a call, or "". Name in any case. */
const char *call_header(const struct call *call, const char *name, char out[512]);

#endif
