/* spool/operation.h: what an operator did to many jobs at one time, and taking it back.
 *
 * Each act's event names its operation and holds what the job lost by it (model/undo.h), in the transaction
 * of the act itself; so what belongs to an operation is found in the events, whatever was killed when. Beside
 * that there is a note about each (notes.h), which says what it was and between which events it lies. */
#ifndef SPOOL_OPERATION_H
#define SPOOL_OPERATION_H
#include "spool/notes.h"
#include "spool/spool.h"
#include "spool/where.h"

/* Bounds of one commit, and of the notes. */
enum { STEER_BATCH = 200, OPERATIONS_MAX = 1000 };

struct operation {
	char name[NOTE_NAME_MAX];
	char plan[NOTE_NAME_MAX]; /* that was applied, or "" */
	enum steer_verb verb;
	char actor[200], reason[EVENT_REASON_MAX + 1];
	char where[WHERE_TEXT_MAX + 1]; /* what was selected; "": ids were given */
	int64_t at_us;
	uint64_t first_seq,
		last_seq; /* its events lie in (first, last]; last 0: it has not ended, or was killed */
	uint64_t done, skipped;
	/* Of being undone: how far that has come, and what could be and what had moved on. */
	int64_t undone_at_us; /* 0: not */
	uint64_t undo_seq, undone, kept;
	bool is_undone; /* all of it was looked at */
};

/* verb, actor, reason, where and plan are given; it gets a name and a note. */
NODISCARD enum status operation_begin(
	struct spool *sp, const char *path, struct moment now, struct operation *op, struct why *why);
/* One batch of at most STEER_BATCH; last_events may be NULL. Counts done and skipped, in the note, too. */
NODISCARD enum status operation_steer(struct spool *sp, const char *path, struct moment now,
	struct operation *op, const struct job_id *ids, const uint64_t *last_events, size_t n,
	struct steer_result *results, struct why *why);
NODISCARD enum status operation_end(
	struct spool *sp, const char *path, struct operation *op, struct why *why);

/* NOTFOUND: none of that name, or it is too old. */
NODISCARD enum status operation_load(
	const char *path, struct slice name, struct moment now, struct operation *out, struct why *why);
/* The newest first. */
NODISCARD enum status operations_list(
	const char *path, struct moment now, struct operation *out, size_t cap, size_t *n, struct why *why);

/* Where a text stands in where or reason, "***" does in their place. *n: in how many. */
NODISCARD enum status operations_forget(
	const char *path, struct moment now, struct slice text, size_t *n, struct why *why);

/* CONFLICT: a purge. Take back what nothing has happened to since, a batch at a time, until is_undone. Again
 * after that, or after a kill: goes on where it was. */
NODISCARD enum status operation_undo(struct spool *sp, const char *path, struct moment now,
	struct operation *op, struct slice actor, struct slice reason, struct why *why);
/* What is still to be looked at, in events: for a bar. */
NODISCARD enum status operation_undo_left(
	struct spool *sp, const struct operation *op, uint64_t *left, struct why *why);

/* What opts say is not shown goes out of where and reason: for a copy, which is then shown and not kept. */
void operation_hide(struct operation *op, const struct opts *opts);
void operation_show(struct jx_writer *w, const char *key, const struct operation *op);

#endif
