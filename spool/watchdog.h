/* spool/watchdog.h: a daemon tells systemd that it is getting on (WatchdogSec= of its unit); one that has not
 * for that long is ended and started anew. To be called by the loop whose turns are the progress, and only
 * while the threads that it depends on get on, too. Without a watchdog nothing is done. */
#ifndef SPOOL_WATCHDOG_H
#define SPOOL_WATCHDOG_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct watchdog {
	int64_t every_us; /* 0: there is none */
	int64_t next_us;
};

/* A thread's sign of life (CLOCK_MONOTONIC, microseconds), written by it and read by the one that feeds. */
typedef _Atomic int64_t pulse;

void watchdog_init(struct watchdog *dog);
/* Longest sleep of a loop that feeds it: wait_ms, or less; -1 is for ever. */
int watchdog_wait_ms(const struct watchdog *dog, int wait_ms);
/* Has this thread given a sign of life within the time that systemd waits? */
bool watchdog_is_alive(const struct watchdog *dog, pulse *of_thread);
/* Costs a look at the clock, and a message four times in the time that systemd waits. */
void watchdog_feed(struct watchdog *dog);

void pulse_beat(pulse *own);

#endif
