/* spool/base/fs.c: see fs.h. */
#include "spool/base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

static enum status sync_path(const char *path, int flags, struct why *why)
{
	int fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		return why_errno(why, errno, "cannot open %s", path);
	enum status st = ST_OK;
	if (fsync(fd) != 0)
		st = why_errno(why, errno, "cannot sync %s", path);
	close(fd);
	return st;
}

enum status fs_sync_dir(const char *path, struct why *why)
{
	return sync_path(path, O_RDONLY | O_DIRECTORY, why);
}

enum status fs_sync_file(const char *path, struct why *why)
{
	return sync_path(path, O_RDWR, why);
}

enum status fs_publish(const char *part, const char *path, struct why *why)
{
	char dir[PATH_MAX];
	if (snprintf(dir, sizeof dir, "%s", path) >= (int)sizeof dir)
		return why_set(why, ST_INVALID, "path is too long");
	char *slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = '\0';
	if (renameat2(AT_FDCWD, part, AT_FDCWD, path, RENAME_NOREPLACE) != 0)
		return errno == EEXIST ? why_set(why, ST_EXISTS, "%s is there already", path)
				       : why_errno(why, errno, "cannot rename %s", part);
	return fs_sync_dir(slash ? dir : ".", why);
}

enum status fs_make_dirs(const char *path, unsigned mode, struct why *why)
{
	char part[PATH_MAX];
	int len = snprintf(part, sizeof part, "%s", path);
	if (len <= 0 || (size_t)len >= sizeof part)
		return why_set(why, ST_INVALID, "path is empty or too long");
	for (char *p = part + 1;; p++) {
		if (*p != '/' && *p != '\0')
			continue;
		char was = *p;
		*p = '\0';
		if (mkdir(part, (mode_t)mode) != 0 && errno != EEXIST)
			return why_errno(why, errno, "cannot create directory %s", part);
		*p = was;
		if (was == '\0')
			return ST_OK;
	}
}

/* statfs(2) f_type values, linux/magic.h. */
static const struct {
	unsigned long type;
	const char *name;
} remote[] = {
	{0x6969, "NFS"},
	{0x517b, "SMB"},
	{0xff534d42, "CIFS"},
	{0xfe534d42, "SMB2"},
	{0x65735546, "FUSE"},
	{0x01021997, "9p"},
	{0x00c36400, "Ceph"},
};

enum status fs_check_local(const char *path, struct why *why)
{
	struct statfs fs;
	if (statfs(path, &fs) != 0)
		return why_errno(why, errno, "cannot examine the file system of %s", path);
	for (size_t i = 0; i < sizeof remote / sizeof *remote; i++)
		if ((unsigned long)fs.f_type == remote[i].type)
			return why_set(why, ST_VERSION,
				"%s lies on %s, whose locks the spool cannot rely on; use a local ext4 or "
				"xfs",
				path, remote[i].name);
	return ST_OK;
}
