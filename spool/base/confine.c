/* spool/base/confine.c: see confine.h. */
#include "spool/base/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIRST_FD = 3, PASSED_MAX = 64 };

void confine_standard(void)
{
	for (int fd = 0; fd < FIRST_FD; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) < 0)
			abort(); /* without it nothing could be told either */
}

/* As sd_listen_fds(3) counts them. */
static unsigned passed_sockets(void)
{
	const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
	if (!pid || !n || strtol(pid, NULL, 10) != (long)getpid())
		return 0;
	long count = strtol(n, NULL, 10);
	return count > 0 && count <= PASSED_MAX ? (unsigned)count : 0;
}

void confine_descriptors(void)
{
	unsigned from = FIRST_FD + passed_sockets();
	if (close_range(from, ~0U, 0) == 0)
		return;
	for (long fd = from, end = sysconf(_SC_OPEN_MAX); fd < end; fd++) /* before Linux 5.9 */
		close((int)fd);
}

enum status confine_process(struct why *why)
{
	const struct rlimit none = {0, 0};
	umask(0007);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return why_errno(why, errno, "cannot give up new privileges");
	/* The limit is no word to a handler that the kernel pipes cores into (core_pattern "|..."); that one
	 * gets nothing of a process that is not dumpable. */
	if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return why_errno(why, errno, "cannot switch core dumps off");
	return ST_OK;
}

enum status confine_refuse_root(struct why *why)
{
	const char *allowed = getenv("CLARIO_ALLOW_ROOT");
	if ((geteuid() != 0 && getuid() != 0) || (allowed && strcmp(allowed, "1") == 0))
		return ST_OK;
	return why_set(why, ST_DENIED,
		"not as root: start it as the user whom the spool belongs to (User= in a unit, or setpriv "
		"--reuid=USER --regid=GROUP --init-groups); where there is no other user, set "
		"CLARIO_ALLOW_ROOT=1 in "
		"the environment");
}

/* Root's own groups go, too. */
static bool become(uid_t uid, gid_t gid, const struct passwd *user)
{
	return (user ? initgroups(user->pw_name, gid) : setgroups(0, NULL)) == 0 &&
	       setresgid(gid, gid, gid) == 0 && setresuid(uid, uid, uid) == 0;
}

enum status confine_to_owner(const char *dir, char name[CONFINE_NAME], struct why *why)
{
	struct stat sb;
	name[0] = '\0';
	if (geteuid() != 0 || stat(dir, &sb) != 0 || sb.st_uid == 0)
		return ST_OK;
	const struct passwd *user = getpwuid(sb.st_uid);
	if (user)
		snprintf(name, CONFINE_NAME, "%s", user->pw_name);
	else
		snprintf(name, CONFINE_NAME, "user %u", (unsigned)sb.st_uid);
	if (become(sb.st_uid, user ? user->pw_gid : sb.st_gid, user))
		return ST_OK;
	return why_errno(
		why, errno, "cannot become %s, whom %s belongs to; run this as that user", name, dir);
}
