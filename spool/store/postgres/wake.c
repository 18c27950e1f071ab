/* spool/store/postgres/wake.c: see wake.h. One thread listens on a connection of its own, from the first time
 * that somebody asks for the descriptor: intakes never do. */
#include "spool/store/postgres/wake.h"

#include "spool/base/clock.h"
#include "spool/store/postgres/link.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

enum { AGAIN_MS = 1000 };

struct wake {
	char *conninfo;
	char name[WAKE_NAME]; /* says whose a notification is */
	int fd, stop_fd;
	pthread_mutex_t lock;
	bool is_listening;
	pthread_t thread;
};

void wake_ring(struct wake *w)
{
	uint64_t one = 1;
	ssize_t n = w ? write(w->fd, &one, sizeof one) : 0;
	(void)n; /* a hint that has not been taken yet is as good */
}

void wake_drain(struct wake *w)
{
	uint64_t count;
	ssize_t n = w ? read(w->fd, &count, sizeof count) : 0;
	(void)n;
}

/* true: to stop. */
static bool wait_for(struct wake *w, int fd, int ms)
{
	struct pollfd fds[] = {{.fd = w->stop_fd, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
	poll(fds, fd >= 0 ? 2 : 1, ms);
	return fds[0].revents & POLLIN;
}

/* Until the connection is lost or it is to stop, which it returns. */
static bool listen_on(struct wake *w, PGconn *conn, bool is_first)
{
	struct why why;
	if (link_script(conn, "LISTEN clario", &why) != ST_OK)
		return wait_for(w, -1, AGAIN_MS);
	if (!is_first)
		wake_ring(w); /* what came meanwhile was not heard */
	while (!wait_for(w, PQsocket(conn), -1)) {
		PGnotify *note;
		if (!PQconsumeInput(conn))
			return false;
		while ((note = PQnotifies(conn))) {
			if (strcmp(note->extra, w->name) != 0) /* who has rung itself already */
				wake_ring(w);
			PQfreemem(note);
		}
	}
	return true;
}

static void *listen_thread(void *arg)
{
	struct wake *w = arg;
	bool stops = false, is_first = true;
	while (!stops) {
		PGconn *conn;
		struct why why;
		if (link_connect(w->conninfo, &conn, &why) == ST_OK) {
			stops = listen_on(w, conn, is_first);
			is_first = false;
			PQfinish(conn);
		} else {
			stops = wait_for(w, -1, AGAIN_MS);
		}
	}
	return NULL;
}

struct wake *wake_new(const char *conninfo)
{
	struct wake *w = calloc(1, sizeof *w);
	if (!w)
		return NULL;
	uint64_t chance = 0;
	if (getrandom(&chance, sizeof chance, 0) != sizeof chance)
		chance = (uint64_t)clock_mono_us();
	snprintf(w->name, sizeof w->name, "%016llx", (unsigned long long)chance);
	pthread_mutex_init(&w->lock, NULL);
	w->conninfo = strdup(conninfo);
	w->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	w->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (w->conninfo && w->fd >= 0 && w->stop_fd >= 0)
		return w;
	wake_free(w);
	return NULL;
}

void wake_free(struct wake *w)
{
	uint64_t one = 1;
	if (!w)
		return;
	if (w->is_listening && write(w->stop_fd, &one, sizeof one) == sizeof one)
		pthread_join(w->thread, NULL);
	if (w->fd >= 0)
		close(w->fd);
	if (w->stop_fd >= 0)
		close(w->stop_fd);
	if (w->conninfo)
		explicit_bzero(w->conninfo, strlen(w->conninfo));
	free(w->conninfo);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

const char *wake_name(const struct wake *w)
{
	return w->name;
}

/* Signals are for the program's own threads. */
static void listen_start(struct wake *w)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	w->is_listening = pthread_create(&w->thread, NULL, listen_thread, w) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

int wake_fd(struct wake *w)
{
	if (!w)
		return -1;
	pthread_mutex_lock(&w->lock);
	if (!w->is_listening)
		listen_start(w);
	pthread_mutex_unlock(&w->lock);
	return w->fd;
}
