/* fcgi/thread.h: starting and joining threads, with the stack and the patience that this room uses. */
#ifndef FCGI_THREAD_H
#define FCGI_THREAD_H
#include "spool/base/status.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

NODISCARD enum status thread_start(
	pthread_t *thread, void *(*run)(void *), void *arg, const char *name, struct why *why);
/* false: it has not ended by then (CLOCK_MONOTONIC, microseconds). */
bool thread_join(pthread_t thread, int64_t until_mono_us);

#endif
