/* tests/crash/kill_at.c: loaded into the daemons and the tool (LD_PRELOAD): kills the process at its k-th
 * write or sync of data.mdb, before the call, half-way through it, or after it.
 *
 * "k [moment] [calls]" stands in the file CLARIO_KILL_DIR/PROGRAM, which is read when the process starts; no
 * file: nothing happens. moment: 1 before, 2 half-way, 3 after; left out, k decides. calls: what is sent and
 * received over TCP counts as well (received: only after), and CLARIO_KILL_DIR/PROGRAM.died tells at what the
 * process died and how many it had sent and received. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum moment { NOT_NOW, BEFORE, HALF_WAY, AFTER };

static atomic_long left; /* calls until death; 0: never */
static enum moment how;
static bool counts_calls;
static atomic_int sent, received;
static char died_path[520];

__attribute__((constructor)) static void begin(void)
{
	const char *dir = getenv("CLARIO_KILL_DIR");
	char path[512], calls[8] = "";
	long k = 0;
	int moment = 0;
	snprintf(path, sizeof path, "%s/%s", dir ? dir : "", program_invocation_short_name);
	FILE *file = dir ? fopen(path, "re") : NULL;
	if (!file)
		return;
	int n = fscanf(file, "%ld %d %7s", &k, &moment, calls);
	fclose(file);
	how = n >= 2 ? (enum moment)moment : (enum moment)(BEFORE + k % 3);
	counts_calls = n == 3 && strcmp(calls, "calls") == 0;
	snprintf(died_path, sizeof died_path, "%s.died", path);
	atomic_store(&left, n >= 1 ? k : 0);
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
	if (atomic_load(&left) <= 0)
		return 0;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, name, sizeof name);
	return n > 9 && memcmp(name + n - 9, "/data.mdb", 9) == 0;
}

static int is_tcp(int fd)
{
	int domain = 0;
	socklen_t len = sizeof domain;
	return counts_calls && getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_INET;
}

static void die(const char *at)
{
	char text[64];
	int fd = counts_calls ? open(died_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
	int len = snprintf(text, sizeof text, "%s %d %d\n", at, atomic_load(&sent), atomic_load(&received));
	if (fd >= 0 && (write(fd, text, (size_t)len) != len || close(fd) != 0))
		_exit(98);
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

/* Counts this call; which moment of it is the last. */
static enum moment is_last(const char *at)
{
	if (atomic_load(&left) <= 0 || atomic_fetch_sub(&left, 1) != 1)
		return NOT_NOW;
	if (how == BEFORE)
		die(at);
	return how;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	NEXT(pwrite);
	enum moment moment = is_data(fd) ? is_last("write") : NOT_NOW;
	ssize_t n = next(fd, bytes, moment == HALF_WAY ? len / 2 : len, at);
	if (moment != NOT_NOW)
		die("write");
	return n;
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t at)
{
	return pwrite(fd, bytes, len, at);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	NEXT(writev);
	enum moment moment = is_data(fd) ? is_last("write") : NOT_NOW;
	ssize_t n = next(fd, parts, moment == HALF_WAY ? (count + 1) / 2 : count);
	if (moment != NOT_NOW)
		die("write");
	return n;
}

int fdatasync(int fd)
{
	NEXT(fdatasync);
	enum moment moment = is_data(fd) ? is_last("sync") : NOT_NOW;
	int rc = next(fd);
	if (moment != NOT_NOW)
		die("sync");
	return rc;
}

ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
	NEXT(send);
	enum moment moment = is_tcp(fd) ? is_last("send") : NOT_NOW;
	ssize_t n = next(fd, bytes, moment == HALF_WAY ? len / 2 : len, flags);
	if (n > 0 && is_tcp(fd) && moment != HALF_WAY)
		atomic_fetch_add(&sent, 1);
	if (moment != NOT_NOW)
		die("send");
	return n;
}

ssize_t recv(int fd, void *bytes, size_t cap, int flags)
{
	NEXT(recv);
	ssize_t n = next(fd, bytes, cap, flags);
	if (n <= 0 || (flags & MSG_PEEK) || !is_tcp(fd))
		return n;
	atomic_fetch_add(&received, 1);
	if (atomic_load(&left) > 0 && atomic_fetch_sub(&left, 1) == 1)
		die("receive");
	return n;
}
