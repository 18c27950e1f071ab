/* fcgi/listener.c: see listener.h. */
#include "fcgi/listener.h"

#include "spool/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

enum { LOCK_WAIT_MS = 2000, LOCK_POLL_MS = 20 };

static enum status take_over(int fd, struct listener *out, struct why *why)
{
	if (sd_is_socket_unix(fd, SOCK_STREAM, 1, NULL, 0) <= 0)
		return why_set(why, ST_INVALID, "descriptor %d is not a listening UNIX socket", fd);
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return why_errno(why, errno, "cannot make descriptor %d non-blocking", fd);
	*out = (struct listener){.fd = fd, .lock_fd = -1, .is_shared = true};
	return ST_OK;
}

static enum status make_address(const char *path, struct sockaddr_un *address, struct why *why)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof address->sun_path)
		return why_set(why, ST_INVALID, "the socket's path %s is longer than %zu bytes", path,
			sizeof address->sun_path - 1);
	memcpy(address->sun_path, path, strlen(path) + 1);
	return ST_OK;
}

/* A predecessor that was killed holds its lock until the last of its threads is gone, which may be a moment
 * after its supervisor has seen it die: wait that moment before calling the socket somebody else's. */
static bool take_lock(int fd)
{
	int64_t until = clock_mono_us() + LOCK_WAIT_MS * INT64_C(1000);
	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK || clock_mono_us() > until)
			return false;
		clock_sleep_ms(LOCK_POLL_MS);
	}
	return true;
}

/* The lock is the kernel's: it ends with the process, however that ends. The file stays. */
static enum status lock_path(const char *path, int *fd, struct why *why)
{
	char name[sizeof((struct sockaddr_un *)0)->sun_path + 8];
	snprintf(name, sizeof name, "%s.lock", path);
	*fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd < 0)
		return why_errno(why, errno, "cannot open %s", name);
	if (take_lock(*fd))
		return ST_OK;
	return errno == EWOULDBLOCK ? why_set(why, ST_BUSY, "another instance serves %s", path)
				    : why_errno(why, errno, "cannot lock %s", name);
}

/* With the lock held, a socket at the path is a leftover, unless something that knows no lock listens there.
 */
static enum status clear_path(const char *path, const struct sockaddr_un *address, struct why *why)
{
	struct stat st;
	if (lstat(path, &st) != 0)
		return errno == ENOENT ? ST_OK : why_errno(why, errno, "cannot look at %s", path);
	if (!S_ISSOCK(st.st_mode))
		return why_set(why, ST_INVALID, "%s is there and is not a socket", path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return why_errno(why, errno, "cannot make a socket");
	bool is_served =
		connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 || errno == EAGAIN;
	close(fd);
	if (is_served)
		return why_set(why, ST_BUSY, "another program serves %s", path);
	return unlink(path) == 0 ? ST_OK : why_errno(why, errno, "cannot remove the old %s", path);
}

static enum status bind_path(
	const char *path, const struct sockaddr_un *address, int backlog, int *fd, struct why *why)
{
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd < 0)
		return why_errno(why, errno, "cannot make a socket");
	mode_t before = umask(0117);
	int failed = bind(*fd, (const struct sockaddr *)address, sizeof *address) != 0 ? errno : 0;
	umask(before);
	if (!failed && listen(*fd, backlog) != 0)
		failed = errno;
	return failed ? why_errno(why, failed, "cannot listen on %s", path) : ST_OK;
}

enum status listener_open(const char *path, int backlog, struct listener *out, struct why *why)
{
	struct sockaddr_un address;
	*out = (struct listener){.fd = -1, .lock_fd = -1};
	int handed = sd_listen_fds(1);
	if (handed > 1)
		return why_set(why, ST_INVALID, "expected one socket from systemd, got %d", handed);
	if (handed == 1)
		return take_over(SD_LISTEN_FDS_START, out, why);
	enum status st = make_address(path, &address, why);
	if (st == ST_OK)
		st = lock_path(path, &out->lock_fd, why);
	if (st == ST_OK)
		st = clear_path(path, &address, why);
	if (st == ST_OK)
		st = bind_path(path, &address, backlog, &out->fd, why);
	if (st == ST_OK)
		out->path = path; /* from here on it is ours to remove */
	else
		listener_close(out);
	return st;
}

void listener_retire(const struct listener *listener)
{
	if (listener->path)
		unlink(listener->path);
}

void listener_close(struct listener *listener)
{
	if (listener->fd >= 0)
		close(listener->fd);
	if (listener->lock_fd >= 0)
		close(listener->lock_fd);
	*listener = (struct listener){.fd = -1, .lock_fd = -1};
}
