/* spool/store/lmdb/wake.c: see wake.h. */
#include "spool/store/lmdb/wake.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

void wake_open(struct store *store)
{
	char path[PATH_MAX];
	struct stat sb;
	if (store->read_only || snprintf(path, sizeof path, "%s/wake", store->path) >= (int)sizeof path)
		return;
	/* Read and write at once: opening never blocks, and writing never raises SIGPIPE for want of a
	 * reader. */
	store->wake_fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (store->wake_fd >= 0 && (fstat(store->wake_fd, &sb) != 0 || !S_ISFIFO(sb.st_mode))) {
		close(store->wake_fd);
		store->wake_fd = -1;
	}
}

void wake_ring(struct store *store)
{
	ssize_t n = store->wake_fd >= 0 ? write(store->wake_fd, "", 1) : 0;
	(void)n; /* a full FIFO is a hint that has not been taken yet */
}

void wake_drain(struct store *store)
{
	char bytes[4096];
	while (store->wake_fd >= 0 && read(store->wake_fd, bytes, sizeof bytes) == sizeof bytes)
		;
}
