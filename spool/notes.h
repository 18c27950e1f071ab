/* spool/notes.h: small JSON documents in a directory of the spool's, a file each: what operators plan and
 * what they have done. Their names are made here and sort by age: KIND-20261124-101500-3f9a2b. They are no
 * part of the spool: without them no job is lost, and an old one may go at any time. */
#ifndef SPOOL_NOTES_H
#define SPOOL_NOTES_H
#include "spool/base/jx.h"

enum { NOTE_NAME_MAX = 40, NOTE_BYTES_MAX = 65536, NOTE_PATH_MAX = 4096 };

struct notes {
	char dir[NOTE_PATH_MAX];
	const char *kind; /* "plan" */
	size_t max;       /* so many are kept */
	int64_t keep_us, bytes_max;
};

/* Where they are; there may be none yet. */
NODISCARD enum status notes_open(struct notes *notes, const char *spool_path, struct why *why);
/* Make the directory if it is not there, and give it to whom the spool belongs. Once before the first one. */
NODISCARD enum status notes_make(const struct notes *notes, const char *spool_path, struct why *why);

/* A name that nothing has had so far. */
void notes_name(const struct notes *notes, int64_t now_us, char out[NOTE_NAME_MAX]);
bool notes_is_name(const struct notes *notes, struct slice name);
int64_t notes_name_at_us(const struct notes *notes, const char *name);
/* DIR/NAME.SUFFIX: json, or another one of the caller's. */
void notes_path(const struct notes *notes, const char *name, const char *suffix, char out[NOTE_PATH_MAX]);
/* A new file, for its owner and group; -1 with *why. */
int notes_create(const struct notes *notes, const char *path, struct why *why);

/* Whole or not at all; syncs: on disk when this returns. */
NODISCARD enum status notes_write(
	const struct notes *notes, const char *name, struct slice json, bool syncs, struct why *why);
/* NOTFOUND (too old ones, too), CORRUPT, IO. *out is a new reference. */
NODISCARD enum status notes_read(
	const struct notes *notes, struct slice name, int64_t now_us, json_t **out, struct why *why);
/* The newest first; at most cap. */
NODISCARD enum status notes_list(const struct notes *notes, int64_t now_us, char (*names)[NOTE_NAME_MAX],
	size_t cap, size_t *n, struct why *why);
/* Remove what is too old, too many or too large in all, oldest first, with all files of a name. Once before a
 * new one. */
NODISCARD enum status notes_sweep(const struct notes *notes, int64_t now_us, struct why *why);

#endif
