/* fcgi/watch.c: see watch.h. */
#include "fcgi/watch.h"

#include "spool/base/clock.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

void watch_init(struct watch *watch)
{
	*watch = (struct watch){.fd = -1};
	pthread_mutex_init(&watch->lock, NULL);
}

void watch_destroy(struct watch *watch)
{
	watch_close(watch);
	pthread_mutex_destroy(&watch->lock);
}

bool watch_open(struct watch *watch, int fd)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	pthread_mutex_lock(&watch->lock);
	watch->fd = own;
	watch->state = WATCH_IDLE;
	pthread_mutex_unlock(&watch->lock);
	return own >= 0;
}

void watch_set(struct watch *watch, enum watch_state state)
{
	int64_t now = clock_mono_us();
	pthread_mutex_lock(&watch->lock);
	watch->state = state;
	watch->since_mono_us = now;
	pthread_mutex_unlock(&watch->lock);
}

void watch_close(struct watch *watch)
{
	pthread_mutex_lock(&watch->lock);
	if (watch->fd >= 0)
		close(watch->fd);
	watch->fd = -1;
	watch->state = WATCH_IDLE;
	pthread_mutex_unlock(&watch->lock);
}

bool watch_sweep(struct watch *watch, int64_t now_mono_us, int64_t limit_ms)
{
	pthread_mutex_lock(&watch->lock);
	bool is_late = watch->fd >= 0 && watch->state != WATCH_IDLE &&
		       now_mono_us - watch->since_mono_us >= limit_ms * 1000;
	if (is_late) {
		shutdown(watch->fd, SHUT_RDWR);
		watch->state = WATCH_IDLE; /* once is enough */
	}
	pthread_mutex_unlock(&watch->lock);
	return is_late;
}
