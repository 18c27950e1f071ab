/* fcgi/listener.h: the socket that nginx connects to.
 *
 * Either ours (http.socket: created with mode 0660, guarded by a lock file beside it, so that a second
 * instance never takes it from a live one) or handed over by systemd as descriptor 3, which is shared with it
 * and must be left as it is. Only UNIX sockets: whoever can connect can claim any REMOTE_ADDR. */
#ifndef FCGI_LISTENER_H
#define FCGI_LISTENER_H
#include "spool/base/status.h"

#include <stdbool.h>

struct listener {
	int fd;           /* non-blocking */
	int lock_fd;      /* -1: shared */
	bool is_shared;   /* with systemd */
	const char *path; /* borrowed from the configuration; NULL: shared */
};

/* BUSY: another instance serves the path. INVALID: it cannot be a socket's path, or the descriptor is not a
 * listening UNIX socket. DENIED, IO, NOTFOUND: as the system says. On failure nothing is left open. Call
 * before there are threads: the umask is changed for a moment. */
NODISCARD enum status listener_open(const char *path, int backlog, struct listener *out, struct why *why);

/* No newcomers: the path is removed. What has connected can still be accepted. Nothing for a shared one,
 * whose newcomers wait for the next instance. */
void listener_retire(const struct listener *listener);
void listener_close(struct listener *listener);

#endif
