/* spool/validate.h: what a trigger's body must hold, per phase, and the trigger that comes of it. Pure.
 *
 * The texts of the faults are those that callers of the replaced service know. */
#ifndef SPOOL_VALIDATE_H
#define SPOOL_VALIDATE_H
#include "spool/trigger_options.h"

/* A checked body. The trigger borrows from this struct, which must stay in place, and from nothing else: the
 * body's JSON may be let go before the trigger is submitted. */
struct draft {
	struct trigger trigger;
	char user_text[JOB_TEXT_MAX + 1], claim_text[JOB_TEXT_MAX + 1], workflow_text[JOB_TEXT_MAX + 1];
};

/* A path segment that names a phase (1-7), or with is_step a step (10-14): decimal digits only. */
bool validate_number(struct slice segment, bool is_step, int *phase, struct fault *fault);

/* The same as a member of a trigger: phase, or step where there is no phase. */
bool validate_number_member(const json_t *trigger, int *phase, struct fault *fault);

/* Fills trigger.phase, workflow_id, user_id and solo_user. */
bool validate_body(int phase, const json_t *body, int64_t now_us, struct draft *draft, struct fault *fault);

/* A trigger with all its members, as a batch and a file of triggers have them: what is checked in a body, and
 * the options over those that all have in common. Its payload, its attempts and its bounds are left to the
 * caller. The options are borrowed from the JSON. */
bool validate_trigger(const json_t *trigger, struct moment now, const struct options *common,
	struct draft *draft, struct fault *fault);

#endif
