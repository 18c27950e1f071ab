/* tests/fault/fail_calls.c: loaded into a daemon (LD_PRELOAD): makes one call fail, as fail_calls.h says. */
#include "tests/fault/fail_calls.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* What stands behind ours; dlsym() itself allocates, so these names of glibc's are used instead. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);

static struct fail_plan *plan;

__attribute__((constructor)) static void begin(void)
{
	const char *dir = getenv("CLARIO_FAIL_DIR");
	char path[512];
	snprintf(path, sizeof path, "%s/%s", dir ? dir : "", program_invocation_short_name);
	int fd = dir ? open(path, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	void *at = mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (at != MAP_FAILED)
		plan = at;
}

static int is_it(enum fail_kind kind)
{
	if (!plan || atomic_load(&plan->kind) != (int)kind || atomic_load(&plan->left) <= 0 ||
		atomic_fetch_sub(&plan->left, 1) != 1)
		return 0;
	atomic_fetch_add(&plan->hits, 1);
	return 1;
}

/* The function of this name that stands behind ours. */
#define NEXT(function)                                                                                       \
	static __typeof__(function) *next;                                                                   \
	if (!next)                                                                                           \
	*(void **)&next = dlsym(RTLD_NEXT, #function)

static int is_socket(int fd)
{
	struct stat sb;
	return fstat(fd, &sb) == 0 && S_ISSOCK(sb.st_mode);
}

static int is_data(int fd)
{
	char link[64], name[512];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, name, sizeof name);
	return n > 9 && memcmp(name + n - 9, "/data.mdb", 9) == 0;
}

static ssize_t refuse(int err)
{
	errno = err;
	return -1;
}

/* --- memory --- */

void *malloc(size_t size)
{
	if (!is_it(FAIL_MALLOC))
		return __libc_malloc(size);
	errno = ENOMEM;
	return NULL;
}

void *calloc(size_t n, size_t size)
{
	if (!is_it(FAIL_MALLOC))
		return __libc_calloc(n, size);
	errno = ENOMEM;
	return NULL;
}

void *realloc(void *old, size_t size)
{
	if (size == 0 || !is_it(FAIL_MALLOC))
		return __libc_realloc(old, size);
	errno = ENOMEM;
	return NULL;
}

/* --- sockets --- */

int accept4(int fd, struct sockaddr *restrict from, socklen_t *restrict len, int flags)
{
	NEXT(accept4);
	return is_it(FAIL_ACCEPT) ? (int)refuse(EMFILE) : next(fd, from, len, flags);
}

int accept(int fd, struct sockaddr *restrict from, socklen_t *restrict len)
{
	NEXT(accept);
	return is_it(FAIL_ACCEPT) ? (int)refuse(EMFILE) : next(fd, from, len);
}

ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
	NEXT(send);
	if (is_it(FAIL_SEND))
		return refuse(ECONNRESET);
	return next(fd, bytes, len > 1 && is_it(FAIL_SEND_SHORT) ? 1 : len, flags);
}

ssize_t write(int fd, const void *bytes, size_t len)
{
	NEXT(write);
	if (!plan || atomic_load(&plan->left) <= 0 || !is_socket(fd))
		return next(fd, bytes, len);
	if (is_it(FAIL_SEND))
		return refuse(ECONNRESET);
	return next(fd, bytes, len > 1 && is_it(FAIL_SEND_SHORT) ? 1 : len);
}

ssize_t recv(int fd, void *bytes, size_t len, int flags)
{
	NEXT(recv);
	return is_it(FAIL_RECEIVE) ? refuse(ECONNRESET) : next(fd, bytes, len, flags);
}

ssize_t read(int fd, void *bytes, size_t len)
{
	NEXT(read);
	if (plan && atomic_load(&plan->left) > 0 && is_socket(fd) && is_it(FAIL_RECEIVE))
		return refuse(ECONNRESET);
	return next(fd, bytes, len);
}

/* --- the spool --- */

static int data_error(int fd)
{
	if (!plan || atomic_load(&plan->left) <= 0 || !is_data(fd))
		return 0;
	return is_it(FAIL_WRITE_IO) ? EIO : is_it(FAIL_WRITE_FULL) ? ENOSPC : 0;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	NEXT(pwrite);
	int err = data_error(fd);
	return err ? refuse(err) : next(fd, bytes, len, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
	return pwrite(fd, bytes, len, at);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	NEXT(writev);
	int err = data_error(fd);
	return err ? refuse(err) : next(fd, parts, count);
}

int fdatasync(int fd)
{
	NEXT(fdatasync);
	if (plan && atomic_load(&plan->left) > 0 && is_data(fd) && is_it(FAIL_SYNC))
		return (int)refuse(EIO);
	return next(fd);
}
