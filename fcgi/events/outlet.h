/* fcgi/events/outlet.h: what goes out on one FastCGI connection, without libfcgi's stream buffers: a request
 * that waits for hours holds no memory for it.
 *
 * Bytes go to the socket at once, as records; what it does not take is kept until it does. Whoever gives
 * waits for outlet_is_idle() between one text and the next, so that no more than one is ever kept. */
#ifndef FCGI_EVENTS_OUTLET_H
#define FCGI_EVENTS_OUTLET_H
#include "spool/base/buf.h"

enum { OUTLET_TEXT_MAX = 3 << 20 };

struct outlet {
	int fd; /* non-blocking; the outlet does not close it */
	uint16_t request_id;
	bool is_broken;        /* the peer is gone, or there was no memory for what it did not take */
	struct buf kept;       /* no memory when it is empty */
	size_t kept_sent;      /* of it */
	size_t *kept_by_all;   /* the bytes that all outlets together keep */
	int64_t moved_mono_us; /* when the peer last took something that was kept */
};

void outlet_init(struct outlet *outlet, int fd, size_t *kept_by_all);
void outlet_release(struct outlet *outlet);

static inline bool outlet_is_idle(const struct outlet *outlet)
{
	return outlet->kept.len == 0;
}

/* Output of the request. */
void outlet_put(struct outlet *outlet, struct slice text);
/* The request is answered; nothing may follow. */
void outlet_end(struct outlet *outlet);
/* The socket may take more. */
void outlet_flush(struct outlet *outlet);

#endif
