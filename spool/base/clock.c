/* spool/base/clock.c: the real clocks. */
#include "spool/base/clock.h"

#include "spool/base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { US_PER_S = 1000000 };

static uint64_t boot_id;
static pthread_once_t boot_once = PTHREAD_ONCE_INIT;

static int64_t read_us(clockid_t id)
{
	struct timespec ts = {0, 0};
	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

/* Where there is no boot id (no /proc), 1 stands for every boot: leases then rest on the boot clock alone. */
static void read_boot_id(void)
{
	char text[64];
	ssize_t len = -1;
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, text, sizeof text);
		close(fd);
	}
	boot_id = len > 0 ? hash_text(0, slice_of(text, (size_t)len)) : 1;
}

struct moment clock_now(void)
{
	pthread_once(&boot_once, read_boot_id);
	return (struct moment){read_us(CLOCK_REALTIME), read_us(CLOCK_BOOTTIME), boot_id};
}

int64_t clock_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

void clock_sleep_ms(int64_t ms)
{
	struct timespec left = {ms / 1000, ms % 1000 * 1000000};
	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		;
}

static char *put_digits(char *at, int value, int n, char behind)
{
	for (int i = n; i-- > 0; value /= 10)
		at[i] = (char)('0' + value % 10);
	at[n] = behind;
	return at + n + 1;
}

void clock_text(int64_t wall_us, char *out, size_t cap)
{
	time_t s = (time_t)(wall_us / US_PER_S);
	struct tm tm;
	char *at = out;
	if (wall_us < 0 || !gmtime_r(&s, &tm)) {
		snprintf(out, cap, "invalid");
		return;
	}
	at = put_digits(at, tm.tm_year + 1900, tm.tm_year + 1900 <= 9999 ? 4 : 6, '-');
	at = put_digits(at, tm.tm_mon + 1, 2, '-');
	at = put_digits(at, tm.tm_mday, 2, 'T');
	at = put_digits(at, tm.tm_hour, 2, ':');
	at = put_digits(at, tm.tm_min, 2, ':');
	at = put_digits(at, tm.tm_sec, 2, '.');
	at = put_digits(at, (int)(wall_us % US_PER_S / 1000), 3, 'Z');
	*at = '\0';
}
