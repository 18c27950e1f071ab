/* tests/support/link.h: one connection of the receiver, plain or under TLS.
 *
 * Threads: a link belongs to one thread; another may only shutdown(2) its descriptor, upon which all that
 * waits returns. */
#ifndef TESTS_SUPPORT_LINK_H
#define TESTS_SUPPORT_LINK_H
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct ssl_ctx_st;
struct ssl_st;

struct link {
	int fd;
	struct ssl_st *ssl; /* NULL: plain */
};

/* Take over an accepted descriptor; with a context the handshake is made, which may take for ever. false: it
 * failed (close all the same). */
bool link_open(struct link *link, int fd, struct ssl_ctx_st *context);
ssize_t link_recv(struct link *link, char *bytes, size_t cap); /* <= 0: ended */
bool link_send(struct link *link, const char *bytes, size_t len);
bool link_send_text(struct link *link, const char *text);
/* The close that follows is a TCP reset. */
void link_will_reset(struct link *link);
void link_close(struct link *link);

#endif
