/* tests/support/sse.h: a reader of a stream of events through nginx. It asks by HTTP/1.0, so that the body is
 * the stream as it is. */
#ifndef TESTS_SUPPORT_SSE_H
#define TESTS_SUPPORT_SSE_H
#include "spool/base/buf.h"
#include "tests/support/instance.h"

struct tap {
	int fd;
	struct buf text; /* the whole answer */
	bool has_ended;
};
/* query: with its "?", or "". headers: lines with CRLF, or NULL. */
struct tap tap_open(struct instance *in, const char *query, const char *headers);
void tap_close(struct tap *tap);
/* Read what comes within ms. */
void tap_read(struct tap *tap, int ms);
const char *tap_text(const struct tap *tap); /* the head, too; "" at first */
bool tap_wait(struct tap *tap, const char *what, int ms);
void tap_must(struct tap *tap, const char *what); /* or the test has failed */
bool tap_wait_end(struct tap *tap, int ms);

/* From POST /events/ticket, asked for with this header line (NULL: none). */
void get_ticket(struct instance *in, const char *query, const char *header, char out[2048]);

/* Ask at clario-events' own socket, as nginx would; the descriptor is the caller's. cut: send only so many
 * bytes of the request; 0: all. */
int ask_directly(struct instance *in, const char *query, size_t cut);

/* One event of the text, or an id alone: then without a name. */
struct piece {
	unsigned long long id;
	char name[64];
	const char *data;
	size_t data_len;
};
/* The next one at *at that is whole; false: there is none yet. */
bool next_piece(const char **at, struct piece *out);

/* Whoever reads the whole audit has every number once, in order: then nothing is missing and nothing twice.
 */
struct follower {
	struct tap tap;
	size_t at; /* how far its text was read */
	unsigned long long last;
	size_t breaks;
};
void follow_open(struct instance *in, struct follower *follower);
/* Read on; when the stream ends, come back with the last id. Fails the test when one is missing, or comes
 * twice. */
void follow(struct instance *in, struct follower *follower);

#endif
