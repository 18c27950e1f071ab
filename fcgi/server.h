/* fcgi/server.h: from connections to answers: the gate that takes requests, the committer that stores what
 * they submit, the desks for all else. */
#ifndef FCGI_SERVER_H
#define FCGI_SERVER_H
#include "fcgi/app.h"
#include "fcgi/listener.h"
#include "spool/watchdog.h"

struct server;

/* Start all threads. Signals must be blocked already and libfcgi not yet in use. *out is NULL unless
 * ST_OK. listener and app must outlive the server. */
NODISCARD enum status server_start(
	struct app *app, const struct listener *listener, struct server **out, struct why *why);

/* The sign of life of the thread that takes requests. */
pulse *server_pulse(struct server *server);

/* Shut down connections whose peers have been silent for too long. To be called a few times a second. */
void server_tend(struct server *server);

/* End all threads: no more requests are awaited, those that came in are answered, and whatever keeps a thread
 * after that is shut down. false: some thread did not end (it is inside a commit that does not return); then
 * nothing was freed and the process should exit at once. Takes less than 5 s. */
bool server_stop(struct server *server);

#endif
