/* spool/notes.c: see notes.h. */
#include "spool/notes.h"

#include "spool/base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* "20261124-101500-3f9a2b" */
static const char SHAPE[] = "dddddddd-dddddd-xxxxxx";

/* Root may have run the tool; the daemons belong to somebody else. */
static void give_to_owner(int fd, const char *dir)
{
	struct stat owner;
	if (geteuid() == 0 && stat(dir, &owner) == 0 && fchown(fd, owner.st_uid, owner.st_gid) != 0)
		return; /* then only root can use it: better than not at all */
}

enum status notes_open(struct notes *notes, const char *spool_path, struct why *why)
{
	int len = snprintf(notes->dir, sizeof notes->dir, "%s/%ss", spool_path, notes->kind);
	if (len < 0 || (size_t)len + NOTE_NAME_MAX + 16 >= sizeof notes->dir)
		return why_set(why, ST_INVALID, "the spool's path is too long");
	return ST_OK;
}

enum status notes_make(const struct notes *notes, const char *spool_path, struct why *why)
{
	if (mkdir(notes->dir, 0770) != 0)
		return errno == EEXIST ? ST_OK : why_errno(why, errno, "cannot create %s", notes->dir);
	int fd = open(notes->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		give_to_owner(fd, spool_path);
		close(fd);
	}
	return ST_OK;
}

void notes_name(const struct notes *notes, int64_t now_us, char out[NOTE_NAME_MAX])
{
	time_t seconds = (time_t)(now_us / 1000000);
	char at[20], path[NOTE_PATH_MAX];
	struct tm tm;
	strftime(at, sizeof at, "%Y%m%d-%H%M%S", gmtime_r(&seconds, &tm));
	do {
		uint32_t noise = 0;
		if (getrandom(&noise, sizeof noise, 0) != sizeof noise)
			noise = (uint32_t)now_us;
		/* Milliseconds first: names sort by age. */
		uint32_t last = (uint32_t)(now_us / 1000 % 1000) << 12 | (noise & 0xfff);
		snprintf(out, NOTE_NAME_MAX, "%.12s-%s-%06x", notes->kind, at, last);
		notes_path(notes, out, "json", path);
	} while (access(path, F_OK) == 0);
}

bool notes_is_name(const struct notes *notes, struct slice name)
{
	size_t kind = strlen(notes->kind);
	if (name.len != kind + sizeof SHAPE || memcmp(name.p, notes->kind, kind) != 0 || name.p[kind] != '-')
		return false;
	for (size_t i = 0; i + 1 < sizeof SHAPE; i++) {
		char c = name.p[kind + 1 + i];
		bool is_digit = c >= '0' && c <= '9';
		if (SHAPE[i] == '-' ? c != '-' : !is_digit && (SHAPE[i] == 'd' || c < 'a' || c > 'f'))
			return false;
	}
	return true;
}

int64_t notes_name_at_us(const struct notes *notes, const char *name)
{
	struct tm tm = {0};
	const char *end = strptime(name + strlen(notes->kind) + 1, "%Y%m%d-%H%M%S", &tm);
	return end ? (int64_t)timegm(&tm) * 1000000 : 0;
}

void notes_path(const struct notes *notes, const char *name, const char *suffix, char out[NOTE_PATH_MAX])
{
	snprintf(out, NOTE_PATH_MAX, "%.4000s/%.40s.%.16s", notes->dir, name, suffix);
}

int notes_create(const struct notes *notes, const char *path, struct why *why)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0660);
	if (fd < 0)
		why_errno(why, errno, "cannot create %s", path);
	else
		give_to_owner(fd, notes->dir);
	return fd;
}

static enum status write_all(int fd, struct slice bytes, bool syncs, const char *path, struct why *why)
{
	while (bytes.len) {
		ssize_t n = write(fd, bytes.p, bytes.len);
		if (n < 0 && errno != EINTR)
			return why_errno(why, errno, "cannot write %s", path);
		bytes = slice_of(bytes.p + (n > 0 ? n : 0), bytes.len - (size_t)(n > 0 ? n : 0));
	}
	if (syncs && fsync(fd) != 0)
		return why_errno(why, errno, "cannot sync %s", path);
	return ST_OK;
}

enum status notes_write(
	const struct notes *notes, const char *name, struct slice json, bool syncs, struct why *why)
{
	char path[NOTE_PATH_MAX], part[NOTE_PATH_MAX], suffix[16];
	snprintf(suffix, sizeof suffix, "%u",
		(unsigned)gettid()); /* threads of the API write at the same time */
	notes_path(notes, name, "json", path);
	notes_path(notes, name, suffix, part);
	int fd = notes_create(notes, part, why);
	if (fd < 0)
		return why_errno(why, errno, "cannot create %s", part);
	enum status st = write_all(fd, json, syncs, part, why);
	close(fd);
	if (st == ST_OK && rename(part, path) != 0)
		st = why_errno(why, errno, "cannot rename %s", part);
	if (st != ST_OK)
		unlink(part);
	return st == ST_OK && syncs ? fs_sync_dir(notes->dir, why) : st;
}

static bool is_too_old(const struct notes *notes, const char *name, int64_t now_us)
{
	return now_us - notes_name_at_us(notes, name) > notes->keep_us;
}

enum status notes_read(
	const struct notes *notes, struct slice name, int64_t now_us, json_t **out, struct why *why)
{
	char path[NOTE_PATH_MAX], text[NOTE_NAME_MAX], bytes[NOTE_BYTES_MAX];
	*out = NULL;
	if (!notes_is_name(notes, name))
		return why_set(why, ST_NOTFOUND, "there is no such %s", notes->kind);
	snprintf(text, sizeof text, "%.*s", SLICE_ARG(name));
	notes_path(notes, text, "json", path);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT)
		return why_errno(why, errno, "cannot open %s", path);
	if (fd < 0 || is_too_old(notes, text, now_us)) {
		if (fd >= 0)
			close(fd);
		return why_set(why, ST_NOTFOUND, "there is no such %s, or no more", notes->kind);
	}
	ssize_t len = read(fd, bytes, sizeof bytes);
	int err = errno;
	close(fd);
	if (len < 0)
		return why_errno(why, err, "cannot read %s", path);
	if (jx_parse(slice_of(bytes, (size_t)len), 8, out, NULL) != ST_OK || !json_is_object(*out)) {
		json_decref(*out);
		*out = NULL;
		return why_set(why, ST_CORRUPT, "%s is damaged", path);
	}
	return ST_OK;
}

/* All names there are, each as often as it has files; the caller frees. */
static enum status read_names(
	const struct notes *notes, char (**out)[NOTE_NAME_MAX], size_t *n, struct why *why)
{
	size_t cap = 0;
	*out = NULL;
	*n = 0;
	DIR *dir = opendir(notes->dir);
	if (!dir)
		return errno == ENOENT ? ST_OK : why_errno(why, errno, "cannot read %s", notes->dir);
	for (struct dirent *entry; (entry = readdir(dir));) {
		size_t len = strcspn(entry->d_name, ".");
		if (!notes_is_name(notes, slice_of(entry->d_name, len)))
			continue;
		if (*n == cap) {
			cap = cap ? cap * 2 : 64;
			void *more = reallocarray(*out, cap, sizeof **out);
			if (!more) {
				closedir(dir);
				free(*out);
				return why_set(why, ST_NOMEM, "out of memory");
			}
			*out = more;
		}
		snprintf((*out)[(*n)++], NOTE_NAME_MAX, "%.*s", (int)len, entry->d_name);
	}
	closedir(dir);
	return ST_OK;
}

static int newest_first(const void *a, const void *b)
{
	return strcmp(b, a);
}

static size_t sort_names(char (*names)[NOTE_NAME_MAX], size_t n)
{
	size_t kept = 0;
	if (n)
		qsort(names, n, sizeof *names, newest_first);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || strcmp(names[i], names[kept - 1]) != 0)
			memmove(names[kept++], names[i], sizeof *names);
	return kept;
}

enum status notes_list(const struct notes *notes, int64_t now_us, char (*names)[NOTE_NAME_MAX], size_t cap,
	size_t *n, struct why *why)
{
	char(*all)[NOTE_NAME_MAX];
	size_t all_n;
	*n = 0;
	enum status st = read_names(notes, &all, &all_n, why);
	if (st != ST_OK)
		return st;
	all_n = sort_names(all, all_n);
	for (size_t i = 0; i < all_n && *n < cap; i++)
		if (!is_too_old(notes, all[i], now_us))
			memcpy(names[(*n)++], all[i], sizeof *names);
	free(all);
	return ST_OK;
}

static int64_t size_of(const struct notes *notes, const char *name, const char *suffix)
{
	char path[NOTE_PATH_MAX];
	struct stat sb;
	notes_path(notes, name, suffix, path);
	return stat(path, &sb) == 0 ? (int64_t)sb.st_size : 0;
}

static void remove_name(const struct notes *notes, const char *name)
{
	static const char *const suffixes[] = {"json", "jobs"};
	char path[NOTE_PATH_MAX];
	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
		notes_path(notes, name, suffixes[i], path);
		unlink(path);
	}
}

enum status notes_sweep(const struct notes *notes, int64_t now_us, struct why *why)
{
	char(*all)[NOTE_NAME_MAX];
	size_t n;
	int64_t bytes = 0;
	enum status st = read_names(notes, &all, &n, why);
	if (st != ST_OK)
		return st;
	n = sort_names(all, n);
	for (size_t i = 0; i < n; i++) {
		bytes += size_of(notes, all[i], "jobs") + size_of(notes, all[i], "json");
		if (i + 1 >= notes->max || bytes > notes->bytes_max || is_too_old(notes, all[i], now_us))
			remove_name(notes, all[i]);
	}
	free(all);
	return ST_OK;
}
