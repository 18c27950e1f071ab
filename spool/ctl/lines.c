/* spool/ctl/lines.c: see lines.h. */
#include "spool/ctl/lines.h"

#include <errno.h>
#include <sys/stat.h>

enum status lines_open(struct lines *lines, const char *path, struct why *why)
{
	struct stat sb;
	*lines = (struct lines){.is_input = strcmp(path, "-") == 0};
	lines->in = lines->is_input ? stdin : fopen(path, "re");
	if (!lines->in)
		return why_errno(why, errno, "cannot open %s", path);
	enum status st = ST_OK;
	if (fstat(fileno(lines->in), &sb) != 0)
		st = why_errno(why, errno, "cannot examine %s", path);
	else if (S_ISDIR(sb.st_mode))
		st = why_set(why, ST_INVALID, "%s is a directory", path);
	if (st != ST_OK) {
		lines_close(lines);
		return st;
	}
	lines->size = S_ISREG(sb.st_mode) ? (uint64_t)sb.st_size : 0;
	return ST_OK;
}

void lines_close(struct lines *lines)
{
	if (lines->in && !lines->is_input)
		fclose(lines->in);
	lines->in = NULL;
}

enum status lines_next(struct lines *lines, struct buf *out, bool *is_there, struct why *why)
{
	int c;
	size_t read = 0;
	errno = 0;
	buf_clear(out);
	while ((c = getc_unlocked(lines->in)) != EOF) {
		read++;
		if (c == '\n')
			break;
		buf_byte(out, (unsigned char)c);
	}
	bool is_cut = ferror(lines->in) && errno == EINTR; /* half a line is none */
	lines->bytes += read;
	*is_there = read > 0 && !is_cut;
	lines->number += *is_there;
	if (ferror(lines->in) && !is_cut)
		return why_set(why, ST_IO, "cannot read line %llu", (unsigned long long)lines->number + 1);
	if (buf_status(out) == ST_FULL)
		return why_set(why, ST_FULL, "the line is longer than %zu bytes", out->max);
	return buf_status(out) == ST_OK ? ST_OK : why_set(why, ST_NOMEM, "out of memory");
}
