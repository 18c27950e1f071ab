/* spool/model/phase.h: the seven phases and the five legacy steps, as one table. Pure. */
#ifndef SPOOL_MODEL_PHASE_H
#define SPOOL_MODEL_PHASE_H
#include <stdbool.h>

enum {
	PHASE_FIRST = 1,
	PHASE_LAST = 7,
	STEP_FIRST = 10,
	STEP_LAST = 14,
	PHASE_SLOTS = 12, /* 1..7 -> 0..6, 10..14 -> 7..11 */
};

struct phase_info {
	int number;
	const char *title;   /* "Zero-Friction Onboarding"; a step's has no subtitle */
	const char *current; /* contract.md 2.0 currentStep: "Phase 1: Zero-Friction Onboarding" */
	int percent;         /* round(step / 7 * 100); a legacy step's is 100 (D18) */
};

/* The row of phase or step number, NULL when there is none such. */
const struct phase_info *phase_info(int number);
static inline bool phase_is_step(int number)
{
	return number >= STEP_FIRST;
}
/* What it is called, in texts and as the name of a member. */
static inline const char *phase_word(int number)
{
	return phase_is_step(number) ? "step" : "phase";
}
int phase_slot(int number);  /* 0 .. PHASE_SLOTS-1, or -1 */
int phase_of_slot(int slot); /* the reverse */

#endif
