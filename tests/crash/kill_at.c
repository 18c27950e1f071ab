/* tests/crash/kill_at.c: loaded into the daemons and the tool (LD_PRELOAD): kills the process at its k-th
 * write or sync of data.mdb, before the call, half-way through it, or after it.
 *
 * k stands in the file CLARIO_KILL_DIR/PROGRAM, which is read when the process starts; no file: nothing
 * happens. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum moment { NOT_NOW, BEFORE, HALF_WAY, AFTER };

static atomic_long left; /* calls until death; 0: never */
static enum moment how;

__attribute__((constructor)) static void begin(void)
{
	const char *dir = getenv("CLARIO_KILL_DIR");
	char path[512];
	long k = 0;
	snprintf(path, sizeof path, "%s/%s", dir ? dir : "", program_invocation_short_name);
	FILE *file = dir ? fopen(path, "re") : NULL;
	if (!file)
		return;
	if (fscanf(file, "%ld", &k) != 1)
		k = 0;
	fclose(file);
	how = (enum moment)(BEFORE + k % 3);
	atomic_store(&left, k);
}

static void *next_symbol(const char *name)
{
	void *symbol = dlsym(RTLD_NEXT, name);
	if (!symbol)
		_exit(99);
	return symbol;
}
/* The function of this name that stands behind ours. */
#define NEXT(function)                                                                                       \
	static __typeof__(function) *next;                                                                   \
	if (!next)                                                                                           \
	*(void **)&next = next_symbol(#function)

static int is_data(int fd)
{
	char link[64], name[512];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, name, sizeof name);
	return n > 9 && memcmp(name + n - 9, "/data.mdb", 9) == 0;
}

static void die(void)
{
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

/* Counts this call; which moment of it is the last. */
static enum moment is_last(int fd)
{
	if (atomic_load(&left) <= 0 || !is_data(fd) || atomic_fetch_sub(&left, 1) != 1)
		return NOT_NOW;
	if (how == BEFORE)
		die();
	return how;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	NEXT(pwrite);
	enum moment moment = is_last(fd);
	ssize_t n = next(fd, bytes, moment == HALF_WAY ? len / 2 : len, at);
	if (moment != NOT_NOW)
		die();
	return n;
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
	return pwrite(fd, bytes, len, at);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	NEXT(writev);
	enum moment moment = is_last(fd);
	ssize_t n = next(fd, parts, moment == HALF_WAY ? (count + 1) / 2 : count);
	if (moment != NOT_NOW)
		die();
	return n;
}

int fdatasync(int fd)
{
	NEXT(fdatasync);
	enum moment moment = is_last(fd);
	int rc = next(fd);
	if (moment != NOT_NOW)
		die();
	return rc;
}
