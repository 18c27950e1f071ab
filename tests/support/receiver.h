/* tests/support/receiver.h: an HTTP receiver on 127.0.0.1 that records every call and misbehaves as it is
 * told.
 *
 * Rules are tried in the order added; the first whose path and body fit and which has not been used up
 * decides. Without one the answer is 200 {}. Threads: its own; all functions may be called from the test's.
 */
#ifndef TESTS_SUPPORT_RECEIVER_H
#define TESTS_SUPPORT_RECEIVER_H
#include "tests/support/misbehave.h"

#include <stdint.h>

struct receiver;

struct call {
	char method[16], path[1024];
	char headers[8192]; /* lines, LF */
	char body[16384];
	int64_t at_ms; /* monotonic */
};

struct receiver *receiver_start(void);
/* Under TLS, with what this context shows (tls.h; NULL: plain); and with another from the next connection on.
 */
struct receiver *receiver_start_tls(struct ssl_ctx_st *context);
void receiver_show(struct receiver *receiver, struct ssl_ctx_st *context);
void receiver_stop(struct receiver *receiver);
/* Answer no more (connections are refused) and again. */
void receiver_close(struct receiver *receiver);
void receiver_reopen(struct receiver *receiver);
/* The next `times` connections (-1: all, 0: none) are ended as soon as they are made: CLOSE_AT_ONCE or RESET.
 */
void receiver_at_connect(struct receiver *receiver, enum misbehaviour how, int times);
size_t receiver_met(struct receiver *receiver); /* connections so far */
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
