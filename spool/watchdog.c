/* spool/watchdog.c: see watchdog.h. */
#include "spool/watchdog.h"

#include "spool/base/clock.h"

#include <systemd/sd-daemon.h>

enum { FEEDS = 4 };

void watchdog_init(struct watchdog *dog)
{
	uint64_t usec = 0;
	*dog = (struct watchdog){0};
	if (sd_watchdog_enabled(0, &usec) > 0)
		dog->every_us = (int64_t)(usec / FEEDS);
}

int watchdog_wait_ms(const struct watchdog *dog, int wait_ms)
{
	int64_t most = dog->every_us / 1000;
	if (dog->every_us == 0 || (wait_ms >= 0 && wait_ms <= most))
		return wait_ms;
	return (int)most;
}

bool watchdog_is_alive(const struct watchdog *dog, pulse *of_thread)
{
	return dog->every_us == 0 || clock_mono_us() - atomic_load(of_thread) < dog->every_us * FEEDS;
}

void watchdog_feed(struct watchdog *dog)
{
	if (dog->every_us == 0)
		return;
	int64_t now = clock_mono_us();
	if (now < dog->next_us)
		return;
	dog->next_us = now + dog->every_us;
	sd_notify(0, "WATCHDOG=1");
}

void pulse_beat(pulse *own)
{
	atomic_store_explicit(own, clock_mono_us(), memory_order_relaxed);
}
