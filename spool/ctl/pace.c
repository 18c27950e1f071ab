/* spool/ctl/pace.c: see pace.h. */
#include "spool/ctl/pace.h"

#include "spool/base/clock.h"
#include "spool/operation.h"

#include <signal.h>

enum { BATCH_US = 500000, NAP_MS = 50 };

static volatile sig_atomic_t stops;

static void ask_to_stop(int signal)
{
	(void)signal;
	stops = 1;
}

void stop_install(void)
{
	/* No SA_RESTART: reading ids from a terminal ends, too. */
	struct sigaction action = {.sa_handler = ask_to_stop, .sa_flags = SA_RESETHAND};
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

bool stop_is_wanted(void)
{
	return stops;
}

size_t pace_batch(const struct pace *pace)
{
	if (pace->us == 0 || pace->us * STEER_BATCH <= BATCH_US)
		return STEER_BATCH;
	return pace->us >= BATCH_US ? 1 : (size_t)(BATCH_US / pace->us);
}

bool pace_wait(struct pace *pace, size_t n)
{
	pace->done += n;
	int64_t until = pace->from_mono_us + (int64_t)pace->done * pace->us;
	while (!stops && pace->us && clock_mono_us() < until) {
		int64_t left_ms = (until - clock_mono_us()) / 1000;
		clock_sleep_ms(left_ms > NAP_MS ? NAP_MS : left_ms > 0 ? left_ms : 1);
	}
	return !stops;
}
