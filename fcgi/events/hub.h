/* fcgi/events/hub.h: all connections of clario-events, in one thread: requests in, streams out, and the end
 * of each. */
#ifndef FCGI_EVENTS_HUB_H
#define FCGI_EVENTS_HUB_H
#include "fcgi/listener.h"
#include "spool/opts.h"

struct hub;
struct spool;

/* *out is NULL unless ST_OK. All arguments must outlive the hub. */
NODISCARD enum status hub_new(const struct opts *opts, struct spool *spool, const struct listener *listener,
	struct hub **out, struct why *why);
void hub_free(struct hub *hub); /* accepts NULL; connections are closed */

/* Serve until signal_fd (signalfd(2)) has something: true. false: the spool must be opened anew. */
bool hub_run(struct hub *hub, int signal_fd);

/* Take nobody in any more, end all streams so that their readers know that they may come back, and wait for
 * what is on its way, but not for long: less than 3 s. */
void hub_end(struct hub *hub);

#endif
