/* spool/ctl/cmd_dump.c: export and import: a whole spool as JSON lines. */
#include "spool/base/fs.h"
#include "spool/ctl/ctl.h"
#include "spool/ctl/progress.h"
#include "spool/dump/dump.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_ROOM = 4000 };

static bool is_standard(const char *path)
{
	return strcmp(path, "-") == 0;
}

/* --- export --- */

/* The lines may be on stdout: everything else goes to stderr. */
static void print_unreadable(void *arg, const struct spool_finding *f)
{
	progress_clear(arg);
	fprintf(stderr, "clario-spool: %s%s%s: %s\n", f->tree, *f->job ? " " : "", f->job, f->what);
}

/* CORRUPT: all is written but what cannot be read. */
static enum status write_items(struct ctl *ctl, FILE *to, struct why *why)
{
	struct progress bar = {.what = "export"};
	struct spool_watch watch = {.found = print_unreadable, .progress = progress_show_to, .arg = &bar};
	struct dump_writer writer = {
		.to = to, .mask = ctl_has(ctl, OPTION_REVEAL) ? NULL : ctl->opts.privacy.mask};
	struct why ending = WHY_INIT;
	enum status st = spool_export(ctl->spool, dump_write, &writer, &watch, why), end = ST_OK;
	if (st == ST_OK || st == ST_CORRUPT)
		end = dump_finish(&writer, &ending);
	dump_writer_release(&writer);
	progress_clear(&bar);
	if (end != ST_OK)
		*why = ending;
	return end != ST_OK ? end : st;
}

/* The name appears when all of it is on disk. */
static enum status write_part(struct ctl *ctl, const char *part, const char *path, struct why *why)
{
	struct why ending = WHY_INIT;
	int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	FILE *to = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!to)
		return why_errno(why, errno, "cannot create %s", part);
	enum status st = write_items(ctl, to, why), end = ST_OK;
	bool is_written = st == ST_OK || st == ST_CORRUPT;
	if (is_written && fsync(fd) != 0)
		end = why_errno(&ending, errno, "cannot sync %s", part);
	fclose(to);
	if (is_written && end == ST_OK)
		end = fs_publish(part, path, &ending);
	if (end != ST_OK)
		*why = ending;
	return end != ST_OK ? end : st;
}

static enum status write_file(struct ctl *ctl, const char *path, struct why *why)
{
	char part[PATH_ROOM + 16];
	if (strlen(path) > PATH_ROOM)
		return why_set(why, ST_INVALID, "the path is too long");
	if (access(path, F_OK) == 0)
		return why_set(why, ST_EXISTS, "%s is there already; nothing was changed", path);
	snprintf(part, sizeof part, "%s.part", path);
	enum status st = write_part(ctl, part, path, why);
	if (st != ST_OK)
		unlink(part);
	return st;
}

int cmd_export(struct ctl *ctl)
{
	struct why why = WHY_INIT;
	const char *path = ctl->args_n ? ctl->args[0] : "-";
	enum status st = is_standard(path) ? write_items(ctl, stdout, &why) : write_file(ctl, path, &why);
	return st == ST_OK ? CTL_DONE : ctl_fail_or_no(st, &why);
}

/* --- import --- */

int cmd_import(struct ctl *ctl)
{
	const char *path = ctl->args[0];
	struct dump_reader reader = {.from = is_standard(path) ? stdin : fopen(path, "re")};
	struct care_ask ask = {.verb = CARE_IMPORT,
		.path = is_standard(path) ? "standard input" : path,
		.replaces = ctl_has(ctl, OPTION_REPLACE),
		.source = dump_read,
		.source_arg = &reader};
	struct why why = WHY_INIT;
	if (!reader.from)
		return ctl_fail(why_errno(&why, errno, "cannot open %s", path), &why);
	int code = ctl_care(ctl, &ask);
	dump_reader_release(&reader);
	if (!is_standard(path))
		fclose(reader.from);
	return code;
}
