/* fcgi/wire.h: one FastCGI request through libfcgi: parameters and body in, answer out.
 *
 * The body is always read before anything is answered, whatever the answer will be: on a kept connection,
 * bytes left unread would be taken for the next request's records. A request whose body could not be read to
 * its end closes its connection. */
#ifndef FCGI_WIRE_H
#define FCGI_WIRE_H
#include "fcgi/app.h"
#include "fcgi/watch.h"

#include <fcgiapp.h>

/* What a thread keeps from request to request. */
struct wire {
	struct buf body;
	struct reply reply;
	struct buf head;
};
void wire_init(struct wire *wire, int64_t max_body);
void wire_release(struct wire *wire);

/* Serve the request that FCGX_Accept_r() has just taken. The caller finishes it (FCGX_Finish_r). */
void wire_serve(struct wire *wire, struct app *app, FCGX_Request *fcgi, struct watch *watch);

#endif
