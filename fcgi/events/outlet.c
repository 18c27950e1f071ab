/* fcgi/events/outlet.c: see outlet.h. */
#include "fcgi/events/outlet.h"

#include "fcgi/records.h"
#include "spool/base/clock.h"

#include <errno.h>
#include <fastcgi.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { KEPT_MAX = OUTLET_TEXT_MAX + (64 << 10) };

void outlet_init(struct outlet *o, int fd, size_t *kept_by_all)
{
	*o = (struct outlet){.fd = fd, .kept_by_all = kept_by_all};
	buf_init(&o->kept, KEPT_MAX);
}

static void forget(struct outlet *o)
{
	*o->kept_by_all -= o->kept.len;
	buf_release(&o->kept);
	buf_init(&o->kept, KEPT_MAX);
	o->kept_sent = 0;
}

void outlet_release(struct outlet *o)
{
	forget(o);
}

/* How many bytes the socket took. */
static size_t send_now(struct outlet *o, const struct iovec *parts, size_t n)
{
	const struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = n};
	ssize_t sent;
	do
		sent = sendmsg(o->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno != EAGAIN)
		o->is_broken = true;
	return sent < 0 ? 0 : (size_t)sent;
}

static void keep(struct outlet *o, const struct iovec *part, size_t sent)
{
	size_t before = o->kept.len;
	if (before == 0)
		o->moved_mono_us = clock_mono_us();
	buf_add(&o->kept, (const char *)part->iov_base + sent, part->iov_len - sent);
	*o->kept_by_all += o->kept.len - before;
	if (buf_status(&o->kept) != ST_OK)
		o->is_broken = true;
}

/* Up to two pieces, in their order and behind what is kept. */
static void give(struct outlet *o, const struct iovec *parts, size_t n)
{
	size_t sent = outlet_is_idle(o) && !o->is_broken ? send_now(o, parts, n) : 0;
	for (size_t i = 0; i < n && !o->is_broken; i++) {
		size_t of_this = sent < parts[i].iov_len ? sent : parts[i].iov_len;
		sent -= of_this;
		if (of_this < parts[i].iov_len)
			keep(o, &parts[i], of_this);
	}
}

void outlet_put(struct outlet *o, struct slice text)
{
	while (text.len) {
		uint8_t header[RECORDS_HEADER];
		size_t len = text.len < RECORDS_CONTENT_MAX ? text.len : RECORDS_CONTENT_MAX;
		records_header(header, FCGI_STDOUT, o->request_id, len);
		const struct iovec parts[] = {{header, sizeof header}, {(void *)(uintptr_t)text.p, len}};
		give(o, parts, 2);
		text = slice_of(text.p + len, text.len - len);
	}
}

void outlet_end(struct outlet *o)
{
	uint8_t end[RECORDS_END];
	records_end(end, o->request_id);
	const struct iovec part = {end, sizeof end};
	give(o, &part, 1);
}

void outlet_flush(struct outlet *o)
{
	while (!outlet_is_idle(o) && !o->is_broken) {
		const struct iovec part = {o->kept.p + o->kept_sent, o->kept.len - o->kept_sent};
		size_t sent = send_now(o, &part, 1);
		if (sent == 0)
			return;
		o->moved_mono_us = clock_mono_us();
		o->kept_sent += sent;
		if (o->kept_sent == o->kept.len)
			forget(o);
	}
}
