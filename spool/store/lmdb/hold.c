/* spool/store/lmdb/hold.c: see hold.h. */
#include "spool/store/lmdb/hold.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

/* Everybody who has the environment open, also a tool that is none of ours, has a lock on the first byte of
 * LMDB's lock file (mdb.c, mdb_env_excl_lock). Not asked by a process that has it open itself: closing the
 * file would drop that lock. */
static bool is_open_in_lmdb(const char *spool_path)
{
	char path[PATH_MAX];
	struct flock ask = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
	if (snprintf(path, sizeof path, "%s/lmdb/lock.mdb", spool_path) >= (int)sizeof path)
		return false;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool is_open = fcntl(fd, F_GETLK, &ask) == 0 && ask.l_type != F_UNLCK;
	close(fd);
	return is_open;
}

enum status hold_take(const char *spool_path, enum hold hold, int *fd, struct why *why)
{
	*fd = open(spool_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0)
		return why_errno(why, errno, "cannot open %s", spool_path);
	if (flock(*fd, (hold == HOLD_ALONE ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0 &&
		(hold != HOLD_ALONE || !is_open_in_lmdb(spool_path)))
		return ST_OK;
	hold_drop(*fd);
	*fd = -1;
	return why_set(why, ST_BUSY,
		hold == HOLD_ALONE
			? "the spool in %s is in use; stop clario-fcgi, clario-events and clario-worker first"
			: "the spool in %s is being repaired, restored or compacted; try again",
		spool_path);
}

void hold_drop(int fd)
{
	if (fd >= 0)
		close(fd);
}
