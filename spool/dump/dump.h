/* spool/dump/dump.h: a whole spool as JSON lines, one item each: {"job":{...}}. FORMAT.md has the members.
 *
 * Lossless: times in microseconds, texts byte for byte. Bytes that JSON cannot carry as text (NUL, what is no
 * UTF-8) are written as {"hex":"00ff"}. Members that are zero or empty are left out. */
#ifndef SPOOL_DUMP_DUMP_H
#define SPOOL_DUMP_DUMP_H
#include "spool/base/jx.h"
#include "spool/base/mask.h"
#include "spool/model/item.h"

#include <stdio.h>

struct dump_writer {
	FILE *to;
	const struct mask *mask; /* NULL: lossless */
	struct buf line;
	uint64_t items;
};
/* An item_sink. arg: a struct dump_writer, zeroed but for to and mask. With a mask the first line says so,
 * and what is hidden cannot be had back: such an export is for reading. IO, NOSPACE, NOMEM. */
enum status dump_write(void *arg, const struct item *item, struct why *why);
/* The last line, and everything out of stdio's hands. Releases what the writer holds. */
NODISCARD enum status dump_finish(struct dump_writer *w, struct why *why);
void dump_writer_release(struct dump_writer *w);

struct dump_reader {
	FILE *from;
	char *text;
	size_t cap;
	uint64_t lines;
	json_t *line;     /* what the last item's slices point into */
	struct buf bytes; /* and what was hexadecimal */
};
/* An item_source. arg: a struct dump_reader, zeroed but for from. INVALID: *why names line, member and what
 * is wrong with it; CORRUPT: the text ends before its last line. Gives ITEM_END once, and is not called
 * again. */
enum status dump_read(void *arg, struct item *out, struct why *why);
void dump_reader_release(struct dump_reader *r);

#endif
