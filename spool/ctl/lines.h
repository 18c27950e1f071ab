/* spool/ctl/lines.h: a file of lines, each with its number and a bound on its length. */
#ifndef SPOOL_CTL_LINES_H
#define SPOOL_CTL_LINES_H
#include "spool/base/buf.h"

#include <stdio.h>

struct lines {
	FILE *in;
	uint64_t number;      /* of the line that was read last, from 1 */
	uint64_t bytes, size; /* read so far; of the file, 0: not known */
	bool is_input;        /* standard input: not ours to close */
};

/* path "-" is the standard input. NOTFOUND, DENIED, IO. */
NODISCARD enum status lines_open(struct lines *lines, const char *path, struct why *why);
void lines_close(struct lines *lines);

/* The next line into *out, without its end; *is_there false: there are no more. FULL: it is longer than
 * out->max; all of it was read over, and the next call goes on behind it. IO, NOMEM. */
NODISCARD enum status lines_next(struct lines *lines, struct buf *out, bool *is_there, struct why *why);

#endif
