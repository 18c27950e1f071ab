/* spool/model/undo.h: how an operator's act on a job is taken back, while nothing else has happened to it.
 * Pure, as rules.h is.
 *
 * What comes back: hold and release their opposite; cancel the state before (an attempt that was under way is
 * not resumed, the job waits for another one); retry the end that it had, with its time, its attempts and its
 * error, but not its outcome; run-now the time it was due, unless that has come. A replay cannot be taken
 * back: outcome and checkpoint are gone. */
#ifndef SPOOL_MODEL_UNDO_H
#define SPOOL_MODEL_UNDO_H
#include "spool/model/rules.h"

/* What a job loses by an operator's act and is needed to take it back: data of that act's event, JSON. */
enum { UNDO_NOTE_MAX = 200 };
struct slice undo_note(const struct job *before, char out[UNDO_NOTE_MAX]);

/* act: the job's newest event, but for that it became due. CONFLICT: it cannot be taken back, or has been
 * overtaken by time. */
NODISCARD enum status rules_undo(struct job *job, const struct event *act, struct moment now,
	const struct steer_ask *ask, struct event *event, struct why *why);

#endif
