/* fcgi/thread.c: see thread.h. */
#include "fcgi/thread.h"

#include "spool/base/clock.h"

#include <time.h>

enum {
	STACK_SIZE = 512 << 10, /* a look at 64 KiB, a JSON parser that recurses at most 64 levels deep */
	JOIN_MAX_US = 60000000,
};

enum status thread_start(
	pthread_t *thread, void *(*run)(void *), void *arg, const char *name, struct why *why)
{
	pthread_attr_t attr;
	int err = pthread_attr_init(&attr);
	if (err == 0)
		err = pthread_attr_setstacksize(&attr, STACK_SIZE);
	if (err == 0)
		err = pthread_create(thread, &attr, run, arg);
	pthread_attr_destroy(&attr);
	if (err)
		return why_errno(why, err, "cannot start a thread (%s)", name);
	pthread_setname_np(*thread, name);
	return ST_OK;
}

/* By the wall clock, which is the one that pthread_timedjoin_np() knows; what is left is short. */
bool thread_join(pthread_t thread, int64_t until_mono_us)
{
	int64_t left_us = until_mono_us - clock_mono_us();
	if (left_us > JOIN_MAX_US)
		left_us = JOIN_MAX_US;
	struct timespec at;
	clock_gettime(CLOCK_REALTIME, &at);
	int64_t ns = at.tv_nsec + (left_us > 0 ? left_us : 0) * 1000;
	at.tv_sec += ns / 1000000000;
	at.tv_nsec = ns % 1000000000;
	return pthread_timedjoin_np(thread, NULL, &at) == 0;
}
