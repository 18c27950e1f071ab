/* fcgi/gate.h: one thread that accepts connections, takes the requests that are there whole, and begins the
 * submits among them; all else it hands to the desks. It never blocks on a peer or on a commit, so a request
 * costs no thread's sleep, and a slow one delays no other. */
#ifndef FCGI_GATE_H
#define FCGI_GATE_H
#include "fcgi/committer.h"
#include "fcgi/desk.h"
#include "fcgi/listener.h"
#include "spool/watchdog.h"

struct gate;

/* Start the thread. All that is passed must outlive it. *out is NULL unless ST_OK. */
NODISCARD enum status gate_start(struct app *app, const struct listener *listener, struct conns *conns,
	struct desks *desks, struct committer *committer, struct gate **out, struct why *why);

/* Beats at every turn of the thread, which is several in a second. */
pulse *gate_pulse(struct gate *gate);

/* Set app->stopping; accept what has connected already (of a listener that is ours), answer what was
 * sent, and end. grace_until (CLOCK_MONOTONIC, microseconds): whose request is not there by then is shut out.
 * false: it has not ended by `until`, and nothing was freed. */
bool gate_end(struct gate *gate, int64_t grace_until_us, int64_t until_mono_us);

#endif
