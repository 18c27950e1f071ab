/* spool/ctl/doctor_host.c: doctor: files and their rights, the daemon's socket, the disk, the clock, nginx.
 */
#include "spool/ctl/findings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <unistd.h>

enum { OTHERS = 0007, CONF_TEXT_BYTES = 1 << 20 };

/* --- files --- */

static void check_rights(
	struct findings *f, const char *check, const char *path, const struct stat *sb, mode_t mode)
{
	char todo[PATH_MAX + 40];
	if (!(sb->st_mode & OTHERS)) {
		finding_tell(f, check, FINDING_OK, "", "%s is for its owner and group alone", path);
		return;
	}
	snprintf(todo, sizeof todo, "chmod %03o %s", (unsigned)mode, path);
	finding_tell(f, check, FINDING_PROBLEM, todo, "%s is open to every user of this machine (mode %03o)",
		path, (unsigned)(sb->st_mode & 0777));
}

static void check_owners(struct findings *f, const char *dir, const struct stat *sb)
{
	static const char *const names[] = {"lmdb", "lmdb/data.mdb", "lmdb/lock.mdb", "wake"};
	char path[PATH_MAX], todo[PATH_MAX + 80];
	struct stat other;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		if (stat(path, &other) != 0 || other.st_uid == sb->st_uid)
			continue;
		snprintf(todo, sizeof todo, "chown -R --reference=%s %s", dir, dir);
		finding_tell(f, "owners", FINDING_PROBLEM, todo,
			"%s belongs to user %u, the spool to user %u", path, (unsigned)other.st_uid,
			(unsigned)sb->st_uid);
		return;
	}
	finding_tell(f, "owners", FINDING_OK, "", "all of the spool belongs to one user");
}

static bool has_secrets(const struct opts *o)
{
	bool has = *o->receiver.python_jwt_secret || *o->receiver.internal_api_key;
	for (size_t i = 0; i < o->calls_n; i++)
		has |= *o->call[i].secret != '\0';
	for (size_t i = 0; i < o->webhooks_n; i++)
		has |= *o->webhooks[i].secret != '\0';
	return has;
}

void doctor_files(struct findings *f, const struct ctl *ctl)
{
	const char *conf = ctl->config ? ctl->config : OPTS_FILE, *dir = ctl->opts.spool.path;
	struct stat sb;
	if (stat(conf, &sb) == 0 && has_secrets(&ctl->opts))
		check_rights(f, "secrets", conf, &sb, 0640);
	if (stat(dir, &sb) != 0)
		return; /* opening it tells */
	check_rights(f, "permissions", dir, &sb, 0750);
	check_owners(f, dir, &sb);
}

/* --- the socket --- */

void doctor_socket(struct findings *f, const struct opts *opts)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const char *path = opts->http.socket;
	if (strlen(path) >= sizeof to.sun_path) {
		finding_tell(f, "socket", FINDING_PROBLEM, "shorten http.socket",
			"%s is too long for a socket", path);
		return;
	}
	memcpy(to.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err = fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	if (err == 0)
		finding_tell(f, "socket", FINDING_OK, "", "clario-fcgi listens at %s", path);
	else if (err == EACCES)
		finding_tell(f, "socket", FINDING_NOTE, "run doctor as root or as the user of the daemons",
			"%s may not be used by this user", path);
	else if (err == EAGAIN)
		finding_tell(f, "socket", FINDING_PROBLEM, "see its log, and http.backlog and http.threads",
			"clario-fcgi listens at %s, but is so busy that connections are not taken", path);
	else
		finding_tell(f, "socket", FINDING_PROBLEM,
			"start clario-fcgi, or see its log for why it stopped", "nobody listens at %s: %s",
			path, strerror(err));
}

/* --- disk and clock --- */

void doctor_disk(struct findings *f, const struct opts *opts)
{
	struct statvfs fs;
	if (statvfs(opts->spool.path, &fs) != 0 || fs.f_blocks == 0)
		return; /* opening the spool tells */
	double used = (double)(fs.f_blocks - fs.f_bfree), share = 100 * used / (used + (double)fs.f_bavail);
	int64_t at = opts->spool.disk_full_at_percent;
	bool is_full = at && share >= (double)at, is_near = at && share >= (double)at * 0.9;
	finding_tell(f, "disk", is_full || is_near ? FINDING_PROBLEM : FINDING_OK,
		is_full || is_near ? "make room on that file system" : "",
		"%.0f %% of the spool's file system are used%s", share,
		is_full   ? ": new jobs are refused (spool.disk-full-at)"
		: is_near ? ", near spool.disk-full-at"
			  : "");
}

void doctor_clock(struct findings *f)
{
	struct timex t = {0};
	int state = adjtimex(&t);
	if (state < 0)
		finding_tell(
			f, "clock", FINDING_NOTE, "", "whether the clock is set by others cannot be asked");
	else if (state == TIME_ERROR || t.status & STA_UNSYNC)
		finding_tell(f, "clock", FINDING_NOTE,
			"see to chrony, ntpd or systemd-timesyncd, unless the host sets it",
			"the kernel does not know its clock to be synchronized");
	else
		finding_tell(f, "clock", FINDING_OK, "", "the clock is synchronized");
}

/* --- nginx --- */

static bool names_snippet(const char *path)
{
	static char text[CONF_TEXT_BYTES];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	char *rest = text;
	for (char *line; (line = strsep(&rest, "\n"));) {
		line += strspn(line, " \t");
		if (*line != '#' && strstr(line, "include") && strstr(line, "clario-workflow"))
			return true;
	}
	return false;
}

static bool any_names_snippet(const char *nginx, const char *sub)
{
	char path[PATH_MAX];
	bool found = false;
	snprintf(path, sizeof path, "%s/%s", nginx, sub);
	DIR *dir = opendir(path);
	for (struct dirent *entry; dir && !found && (entry = readdir(dir));) {
		char file[PATH_MAX * 2];
		snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
		found = entry->d_name[0] != '.' && names_snippet(file);
	}
	if (dir)
		closedir(dir);
	return found;
}

void doctor_nginx(struct findings *f, const char *nginx)
{
	char conf[PATH_MAX];
	snprintf(conf, sizeof conf, "%s/nginx.conf", nginx);
	if (access(conf, R_OK) != 0)
		finding_tell(f, "nginx", FINDING_NOTE, "name its directory: clario-spool doctor DIR",
			"there is no nginx.conf to be read in %s", nginx);
	else if (names_snippet(conf) || any_names_snippet(nginx, "sites-enabled") ||
		 any_names_snippet(nginx, "conf.d"))
		finding_tell(f, "nginx", FINDING_OK, "", "nginx includes the snippets of clario-workflow");
	else
		finding_tell(f, "nginx", FINDING_PROBLEM,
			"put 'include snippets/clario-workflow.conf;' into a server block "
			"(clario-workflow(7))",
			"no site in %s includes the snippets of clario-workflow", nginx);
}
