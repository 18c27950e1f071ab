/* fcgi/watch.h: no peer may hold a thread for ever. libfcgi reads and writes without a time limit, so each
 * connection is watched from outside, and shut down when a read or a write takes too long.
 *
 * A watch holds a descriptor of its own for the connection (dup), because libfcgi closes the one it was given
 * on its own terms: shutting down that number could hit another connection. One thread owns a watch; any may
 * sweep. */
#ifndef FCGI_WATCH_H
#define FCGI_WATCH_H
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum watch_state {
	WATCH_IDLE,    /* no connection, or nothing is asked of its peer */
	WATCH_READING, /* the peer owes us bytes */
	WATCH_WRITING, /* the peer owes us room */
};

struct watch {
	pthread_mutex_t lock;
	int fd; /* -1: none */
	enum watch_state state;
	int64_t since_mono_us;
};

void watch_init(struct watch *watch);
void watch_destroy(struct watch *watch);

/* Begin to watch a connection. false: there is no descriptor left to do it with (errno tells). */
bool watch_open(struct watch *watch, int fd);
void watch_set(struct watch *watch, enum watch_state state);
void watch_close(struct watch *watch);

/* Shut down what has been reading or writing for longer than limit_ms; true if it was. */
bool watch_sweep(struct watch *watch, int64_t now_mono_us, int64_t limit_ms);

#endif
