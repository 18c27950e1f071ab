/* fcgi/conn.h: the connections, a bounded number of them, and whose turn it is with each.
 *
 * A connection that waits for its peer's request belongs to the gate, which alone takes it out of waiting.
 * One that is busy belongs to whoever serves it: the gate, a desk, or, while its submit is under way, the
 * spool, and then the thread that calls done(). Threads: any may call these functions, each for connections
 * of its own. */
#ifndef FCGI_CONN_H
#define FCGI_CONN_H
#include "fcgi/intake.h"
#include "fcgi/wire.h"

enum conn_state {
	CONN_FREE,
	CONN_FRESH, /* waits for its first request */
	CONN_KEPT,  /* waits for a further one */
	CONN_BUSY,
};

struct committer;
struct conn {
	struct conns *all;
	_Atomic enum conn_state state;
	int64_t since_mono_us; /* of waiting */
	bool is_polled;        /* epoll knows it */
	bool is_taken;         /* its request is in wire.request */
	struct wire wire;
	struct intake intake;
	struct committer *committer; /* of the submit under way */
	struct conn *next;           /* free, or at a desk */
};

struct conns {
	int epoll_fd;
	pthread_mutex_t lock;
	struct conn *free;
	size_t open;
	atomic_size_t busy; /* of those that are open; the others wait */
	size_t n;
	struct conn *items;
};

/* epoll_fd is borrowed: waiting connections are armed there, one shot each, with the conn as data. */
NODISCARD enum status conns_init(struct conns *all, struct app *app, size_t n, int epoll_fd, struct why *why);
void conns_release(struct conns *all); /* closes what waits; nothing may be busy */

bool conns_full(struct conns *all);
size_t conns_waiting(struct conns *all);

/* A connection for fd, fresh and not armed. There must be room, and only the gate opens any. */
struct conn *conn_open(struct conns *all, int fd);
void conn_close(struct conn *conn);

/* It was polled: whoever let it wait is done with it. Returns which kind of waiting it was. The gate alone.
 */
enum conn_state conn_wake(struct conn *conn);

/* Wait for its peer's bytes. false: that cannot be had (errno), and it is closed. */
bool conn_wait(struct conn *conn, enum conn_state state);

void conn_begin(struct conn *conn); /* waiting becomes busy. The gate alone calls this */

/* Send wire.reply; then wait for the next request, or be closed. */
void conn_answer(struct conn *conn);

/* Close what has waited for at least so long. Returns how many of them were fresh: silent peers. The gate
 * alone calls this. */
size_t conns_sweep(struct conns *all, int64_t fresh_limit_us, int64_t kept_limit_us);

#endif
