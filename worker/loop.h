/* worker/loop.h: the worker's main thread: takes jobs from the feed, runs up to worker.in-flight attempts at
 * one time, and stops cleanly: no new claims, a grace for what is under way, the rest given back. */
#ifndef WORKER_LOOP_H
#define WORKER_LOOP_H
#include "spool/opts.h"

/* Runs until a signal arrives at signal_fd (signalfd of SIGTERM and SIGINT) and the stop is done. A second
 * signal ends the grace at once. ready is called once everything runs. ST_OK: a clean stop; IO: the spool is
 * beyond help in this process, restart; NOMEM: it could not start. */
NODISCARD enum status loop_run(
	const struct opts *opts, struct spool *spool, int signal_fd, void (*ready)(void), struct why *why);

#endif
