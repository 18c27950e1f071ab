/* spool/model/act.h: an operator's act on one job, alone or as one of an operation, and the taking back of
 * it. Pure, but for the events that it asks its caller for. */
#ifndef SPOOL_MODEL_ACT_H
#define SPOOL_MODEL_ACT_H
#include "spool/model/rules.h"
#include "spool/model/steer.h"
#include "spool/model/undo.h"

/* An event by its number: OK (to be released), or why it cannot be had. */
typedef enum status (*act_event_fn)(void *arg, uint64_t seq, struct event *out);

/* Ask number i (any verb but STEER_PURGE) is done to *job. true: it was, and *event tells of it, with data in
 * note, which must last as long. false: *result says why not, and the job is as it was. */
bool act_apply(struct job *job, const struct steer_ask *ask, size_t i, struct moment now, act_event_fn load,
	void *arg, struct steer_result *result, struct event *event, char note[UNDO_NOTE_MAX]);

#endif
