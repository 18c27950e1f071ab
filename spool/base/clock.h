/* spool/base/clock.h: what time it is, as one value that verbs take as an argument, so that tests own time.
 *
 * Wall time orders and shows; boot time (CLOCK_BOOTTIME, counts sleep) with the boot's identity decides
 * leases, so that a stepped wall clock neither ends nor prolongs one, and a lease from an earlier boot is
 * known to be over. */
#ifndef SPOOL_BASE_CLOCK_H
#define SPOOL_BASE_CLOCK_H
#include <stddef.h>
#include <stdint.h>

struct moment {
	int64_t wall_us; /* microseconds since 1970, CLOCK_REALTIME */
	int64_t boot_us; /* microseconds since boot, CLOCK_BOOTTIME */
	uint64_t
		boot_id; /* /proc/sys/kernel/random/boot_id, hashed; the same for all processes of one boot */
};

struct moment clock_now(void);   /* never fails */
int64_t clock_mono_us(void);     /* CLOCK_MONOTONIC, for spans inside one process */
void clock_sleep_ms(int64_t ms); /* restarts after signals */

/* "2026-11-24T02:18:55.123Z" (ISO 8601, UTC, milliseconds). cap >= CLOCK_TEXT_LEN. */
enum { CLOCK_TEXT_LEN = 32 };
void clock_text(int64_t wall_us, char *out, size_t cap);

#endif
