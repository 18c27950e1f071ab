/* fcgi/events/ticket_key.c: ticket_key(), see ticket.h. The file appears under its name only whole: it is
 * written under another one and linked, which fails if somebody was quicker; then theirs is read. */
#include "fcgi/events/ticket.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static enum status check(int fd, const char *path, struct why *why)
{
	struct stat sb;
	if (fstat(fd, &sb) != 0)
		return why_errno(why, errno, "cannot examine %s", path);
	if (!S_ISREG(sb.st_mode) || sb.st_size != TICKET_KEY_LEN)
		return why_set(why, ST_INVALID, "%s is not a key of tickets; remove it", path);
	if (sb.st_uid != geteuid() || (sb.st_mode & 077) != 0)
		return why_set(why, ST_INVALID,
			"%s must belong to the user of clario-fcgi and clario-events, with mode 0600; remove "
			"it",
			path);
	return ST_OK;
}

static enum status read_key(const char *path, uint8_t out[TICKET_KEY_LEN], struct why *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return why_errno(why, errno, "cannot open %s", path);
	enum status st = check(fd, path, why);
	if (st == ST_OK && read(fd, out, TICKET_KEY_LEN) != TICKET_KEY_LEN)
		st = why_set(why, ST_IO, "cannot read %s", path);
	close(fd);
	return st;
}

static enum status write_new(int fd, const char *path, struct why *why)
{
	uint8_t key[TICKET_KEY_LEN];
	if (getrandom(key, sizeof key, 0) != sizeof key)
		return why_errno(why, errno, "no randomness for %s", path);
	enum status st = write(fd, key, sizeof key) == sizeof key
				 ? ST_OK
				 : why_errno(why, errno, "cannot write %s", path);
	explicit_bzero(key, sizeof key);
	return st;
}

static enum status make_key(const char *path, struct why *why)
{
	char part[PATH_MAX];
	if (snprintf(part, sizeof part, "%s.XXXXXX", path) >= (int)sizeof part)
		return why_set(why, ST_INVALID, "path is too long: %s", path);
	int fd = mkostemp(part, O_CLOEXEC); /* mode 0600 */
	if (fd < 0)
		return why_errno(why, errno, "cannot create %s", part);
	enum status st = write_new(fd, part, why);
	close(fd);
	if (st == ST_OK && link(part, path) != 0 && errno != EEXIST)
		st = why_errno(why, errno, "cannot create %s", path);
	unlink(part);
	return st;
}

enum status ticket_key(const char *path, uint8_t out[TICKET_KEY_LEN], struct why *why)
{
	enum status st = read_key(path, out, why);
	if (st != ST_NOTFOUND)
		return st;
	st = make_key(path, why);
	return st == ST_OK ? read_key(path, out, why) : st;
}
