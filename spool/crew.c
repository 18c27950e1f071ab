/* spool/crew.c: see crew.h. */
#include "spool/crew.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char prefix[] = "running.";

/* What is put behind a name that was taken: 1 to 99. */
static bool is_small_number(const char *text)
{
	size_t len = strspn(text, "0123456789");
	return len >= 1 && len <= 2 && text[len] == '\0' && text[0] != '0';
}

/* running.HOST.PID, or with .N after it; the host may have dots. false: not of that form. */
static bool name_of(const char *file, char out[CREW_NAME_MAX + 1])
{
	char text[CREW_NAME_MAX + 1];
	if (snprintf(text, sizeof text, "%s", file + sizeof prefix - 1) >= (int)sizeof text)
		return false;
	char *dot = strrchr(text, '.');
	if (dot && is_small_number(dot + 1)) {
		char *before;
		*dot = '\0';
		before = strrchr(text, '.');
		if (!before || before[1] < '0' || before[1] > '9') /* it was the pid after all */
			*dot = '.';
		else
			dot = before;
	}
	dot = strrchr(text, '.');
	if (!dot || dot[1] < '0' || dot[1] > '9')
		return false;
	*dot = ':';
	snprintf(out, CREW_NAME_MAX + 1, "%s", text);
	return true;
}

/* A shared lock is got from nobody who has it alone, and given back at once. */
static bool look(int dir_fd, const char *file, struct crew_member *out)
{
	struct stat sb;
	int fd = openat(dir_fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return false;
	bool is_mark = fstat(fd, &sb) == 0 && S_ISREG(sb.st_mode) && name_of(file, out->name);
	out->lives = is_mark && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
	close(fd);
	return is_mark;
}

int crew_look(const char *spool_path, struct crew_member out[CREW_MAX])
{
	int n = 0;
	DIR *dir = opendir(spool_path);
	if (!dir)
		return -1;
	for (struct dirent *entry; n < CREW_MAX && (entry = readdir(dir));)
		if (strncmp(entry->d_name, prefix, sizeof prefix - 1) == 0)
			n += look(dirfd(dir), entry->d_name, &out[n]);
	closedir(dir);
	return n;
}

int crew_count_of(const char *store, const char *spool_path)
{
	int n = crew_count(spool_path);
	return n == 0 && strcmp(store, "lmdb") != 0 ? -1 : n;
}

int crew_count(const char *spool_path)
{
	struct crew_member *members = calloc(CREW_MAX, sizeof *members);
	int n = members ? crew_look(spool_path, members) : -1, living = 0;
	for (int i = 0; i < n; i++)
		living += members[i].lives;
	free(members);
	return n < 0 ? -1 : living;
}
