/* worker/sockets.h: a curl multi handle's sockets and timer under epoll (curl_multi_socket_action(3)).
 *
 * What a wakeup costs does not grow with the number of requests under way, as it does with
 * curl_multi_perform(3), which looks at each of them. Threads: one, but for sockets_wake(), which any may
 * call. */
#ifndef WORKER_SOCKETS_H
#define WORKER_SOCKETS_H
#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

struct sockets {
	CURLM *multi; /* borrowed */
	int epoll_fd, event_fd;
	int also_fd;         /* the caller's, which is watched too; -1: none yet */
	int64_t timer_at_us; /* monotonic: when libcurl wants to be called; INT64_MAX: not by time alone */
	bool is_shaken;      /* libcurl had no memory for what it was told: it must look at all of it again */
};

/* Must stay in place until sockets_release(), which comes after curl_multi_cleanup(). false: no descriptors.
 */
bool sockets_init(struct sockets *sockets, CURLM *multi);
void sockets_release(struct sockets *sockets);
/* Wait up to timeout_ms for something to happen, or fd (-1: none; the same in every call) to be readable, and
 * let libcurl do what there is to do. */
void sockets_run(struct sockets *sockets, int timeout_ms, int fd);
void sockets_wake(struct sockets *sockets);

#endif
