/* fcgi/conn.c: see conn.h. */
#include "fcgi/conn.h"

#include "spool/base/clock.h"

#include <stdlib.h>
#include <sys/epoll.h>

enum status conns_init(struct conns *all, struct app *app, size_t n, int epoll_fd, struct why *why)
{
	*all = (struct conns){.epoll_fd = epoll_fd, .n = n};
	pthread_mutex_init(&all->lock, NULL);
	all->items = calloc(n, sizeof *all->items);
	if (!all->items)
		return why_set(why, ST_NOMEM, "out of memory for %zu connections", n);
	/* The first one ends on top, so that few connections touch little memory. */
	for (size_t i = n; i-- > 0;) {
		struct conn *c = &all->items[i];
		c->all = all;
		wire_init(&c->wire, app);
		c->next = all->free;
		all->free = c;
	}
	return ST_OK;
}

void conns_release(struct conns *all)
{
	for (size_t i = 0; all->items && i < all->n; i++) {
		wire_close(&all->items[i].wire);
		wire_release(&all->items[i].wire);
	}
	free(all->items);
	all->items = NULL;
	pthread_mutex_destroy(&all->lock);
}

bool conns_full(struct conns *all)
{
	pthread_mutex_lock(&all->lock);
	bool is_full = !all->free;
	pthread_mutex_unlock(&all->lock);
	return is_full;
}

size_t conns_waiting(struct conns *all)
{
	pthread_mutex_lock(&all->lock);
	size_t n = all->open - atomic_load(&all->busy);
	pthread_mutex_unlock(&all->lock);
	return n;
}

struct conn *conn_open(struct conns *all, int fd)
{
	pthread_mutex_lock(&all->lock);
	struct conn *c = all->free;
	all->free = c->next;
	all->open++;
	pthread_mutex_unlock(&all->lock);
	wire_open(&c->wire, fd);
	c->is_polled = c->is_taken = false;
	c->since_mono_us = clock_mono_us();
	atomic_store(&c->state, CONN_FRESH);
	return c;
}

/* With the lock held. */
static void push_free(struct conn *c)
{
	if (atomic_exchange(&c->state, CONN_FREE) == CONN_BUSY)
		atomic_fetch_sub(&c->all->busy, 1);
	c->next = c->all->free;
	c->all->free = c;
	c->all->open--;
}

static void put_back(struct conn *c)
{
	pthread_mutex_lock(&c->all->lock);
	push_free(c);
	pthread_mutex_unlock(&c->all->lock);
}

void conn_close(struct conn *c)
{
	wire_close(&c->wire);
	put_back(c);
}

void conn_begin(struct conn *c)
{
	atomic_store(&c->state, CONN_BUSY);
	atomic_fetch_add(&c->all->busy, 1);
}

enum conn_state conn_wake(struct conn *c)
{
	/* conn_wait() arms within the lock: it may not have come back from the kernel yet. */
	pthread_mutex_lock(&c->all->lock);
	enum conn_state state = atomic_load(&c->state);
	pthread_mutex_unlock(&c->all->lock);
	return state;
}

/* Waiting and armed in one step, so that conns_sweep() does not close what is about to be armed. */
bool conn_wait(struct conn *c, enum conn_state state)
{
	struct conns *all = c->all;
	struct epoll_event event = {.events = EPOLLIN | EPOLLONESHOT, .data.ptr = c};
	int op = c->is_polled ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	pthread_mutex_lock(&all->lock);
	c->is_polled = true;
	c->since_mono_us = clock_mono_us();
	bool was_busy = atomic_exchange(&c->state, state) == CONN_BUSY;
	if (was_busy)
		atomic_fetch_sub(&all->busy, 1);
	/* The gate may have it from here on, unless this fails. */
	bool is_armed = epoll_ctl(all->epoll_fd, op, c->wire.fcgi.ipcFd, &event) == 0;
	if (!is_armed && was_busy)
		conn_begin(c);
	pthread_mutex_unlock(&all->lock);
	if (!is_armed)
		conn_close(c);
	return is_armed;
}

void conn_answer(struct conn *c)
{
	if (wire_answer(&c->wire))
		conn_wait(c, CONN_KEPT);
	else
		put_back(c);
}

static bool is_late(const struct conn *c, int64_t now, int64_t fresh_limit_us, int64_t kept_limit_us)
{
	enum conn_state state = atomic_load(&c->state);
	int64_t waited = now - c->since_mono_us;
	return (state == CONN_FRESH && waited >= fresh_limit_us) ||
	       (state == CONN_KEPT && waited >= kept_limit_us);
}

size_t conns_sweep(struct conns *all, int64_t fresh_limit_us, int64_t kept_limit_us)
{
	int64_t now = clock_mono_us();
	size_t n = 0;
	pthread_mutex_lock(&all->lock);
	for (size_t i = 0; i < all->n; i++) {
		struct conn *c = &all->items[i];
		if (!is_late(c, now, fresh_limit_us, kept_limit_us))
			continue;
		n += atomic_load(&c->state) == CONN_FRESH;
		wire_close(&c->wire);
		push_free(c);
	}
	pthread_mutex_unlock(&all->lock);
	return n;
}
