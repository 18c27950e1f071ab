/* fcgi/wire.h: one connection through libfcgi: parameters and body in, answer out, and again if it is kept.
 *
 * The body is always read before anything is answered, whatever the answer will be: on a kept connection,
 * bytes left unread would be taken for the next request's records. A request whose body could not be read to
 * its end closes its connection.
 *
 * libfcgi reads and writes as the socket does: a non-blocking one that has nothing, or has no room, is a
 * broken connection to it. So it is asked to take a request from one only when wire_look() has seen the whole
 * of it. */
#ifndef FCGI_WIRE_H
#define FCGI_WIRE_H
#include "fcgi/app.h"
#include "fcgi/records.h"

#include <fcgiapp.h>

struct wire {
	struct app *app;
	FCGX_Request fcgi;
	struct request request; /* borrows from fcgi and body */
	struct buf body, head;
	struct reply reply;
	size_t budget; /* bytes of app->bodies that are held */
};
void wire_init(struct wire *wire, struct app *app);
void wire_release(struct wire *wire); /* it must be closed */

/* Serve this connection from now on; wire_answer() or wire_close() ends it. */
void wire_open(struct wire *wire, int fd);
void wire_close(struct wire *wire);

/* What wire_take() would find. Takes nothing and does not block. Only WIRE_BODY and WIRE_WHOLE may be taken:
 * libfcgi believes the lengths of parameters (2 GiB each, and their sum is an int). */
enum wire_sight wire_look(const struct wire *wire);

/* Take a request. false: there is none, and the connection is closed. */
bool wire_take(struct wire *wire);

/* Send the reply and end the request. false: the connection was not to be kept, or broke, and is closed. */
bool wire_answer(struct wire *wire);

#endif
