/* fcgi/desk.h: the threads for what may block: requests that are still on their way, large ones, and every
 * route but the submit of one trigger. As many requests are in work here as there are desks; the others wait
 * in line. */
#ifndef FCGI_DESK_H
#define FCGI_DESK_H
#include "fcgi/conn.h"

struct desks;

/* Start n threads. *out is NULL unless ST_OK. */
NODISCARD enum status desks_start(struct app *app, size_t n, struct desks **out, struct why *why);

/* Serve this busy connection, whose request may be taken already. Any thread; blocks for nothing. */
void desks_add(struct desks *desks, struct conn *conn);

/* Shut down connections whose peers have kept a desk waiting for so long. Returns how many. */
size_t desks_sweep(struct desks *desks, int64_t limit_us);

/* Serve what is in line, then end. To be called once, then desks_join() until it is true, then desks_free().
 */
void desks_end(struct desks *desks);
bool desks_join(struct desks *desks, int64_t until_mono_us);
void desks_free(struct desks *desks);

#endif
