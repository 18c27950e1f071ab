/* tests/power/record.c: loaded into clario-spool and the daemons (LD_PRELOAD): writes down what they do to
 * data.mdb.
 *
 * Calls on other files pass. The file is told by the name that its descriptor has now. */
#include "tests/power/log.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>

static struct power_log *the_log;

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv(POWER_LOG_ENV);
	the_log = path ? power_open(path) : NULL;
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

static bool ends_with(const char *text, const char *end)
{
	size_t a = strlen(text), b = strlen(end);
	return a >= b && strcmp(text + a - b, end) == 0;
}

static bool is_named(int fd, const char *end)
{
	char link[64], name[4096];
	int saved = errno;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = the_log ? readlink(link, name, sizeof name - 1) : -1;
	errno = saved;
	if (n < 0)
		return false;
	name[n] = '\0';
	return ends_with(name, end);
}

static bool is_data(int fd)
{
	return is_named(fd, "/data.mdb");
}

static void wrote(int fd, off_t at, const void *bytes, ssize_t n)
{
	if (n <= 0)
		return;
	power_append(the_log, POWER_WRITE, (uint64_t)at, bytes, (uint32_t)n);
	if (fcntl(fd, F_GETFL) & O_DSYNC)
		power_append(the_log, POWER_SYNC_LAST, 0, NULL, 0);
}

/* Each stands for itself and for its name with 64, which is the same here. */
ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	NEXT(pwrite);
	if (!is_data(fd))
		return next(fd, bytes, len, at);
	power_lock(the_log);
	ssize_t n = next(fd, bytes, len, at);
	wrote(fd, at, bytes, n);
	power_unlock(the_log);
	return n;
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
	return pwrite(fd, bytes, len, at);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	NEXT(writev);
	if (!is_data(fd))
		return next(fd, parts, count);
	power_lock(the_log);
	off_t at = lseek(fd, 0, SEEK_CUR);
	ssize_t n = next(fd, parts, count);
	for (ssize_t left = n; left > 0; parts++) {
		ssize_t part = left < (ssize_t)parts->iov_len ? left : (ssize_t)parts->iov_len;
		wrote(fd, at, parts->iov_base, part);
		at += part;
		left -= part;
	}
	power_unlock(the_log);
	return n;
}

static int sync_with(int (*next)(int), int fd)
{
	bool is_folder = is_named(fd, "/spool");
	if (!is_folder && !is_data(fd))
		return next(fd);
	power_lock(the_log);
	int rc = next(fd);
	if (rc == 0)
		power_append(the_log, is_folder ? POWER_SYNC_FOLDER : POWER_SYNC, 0, NULL, 0);
	power_unlock(the_log);
	return rc;
}

int fdatasync(int fd)
{
	NEXT(fdatasync);
	return sync_with(next, fd);
}

int fsync(int fd)
{
	NEXT(fsync);
	return sync_with(next, fd);
}

int rename(const char *from, const char *to)
{
	NEXT(rename);
	if (!the_log || !ends_with(from, "/lmdb.new"))
		return next(from, to);
	power_lock(the_log);
	int rc = next(from, to);
	if (rc == 0)
		power_append(the_log, POWER_RENAME, 0, NULL, 0);
	power_unlock(the_log);
	return rc;
}
