/* worker/phases/handlers.h: the handlers, one file each; phases.c has the table. */
#ifndef WORKER_PHASES_HANDLERS_H
#define WORKER_PHASES_HANDLERS_H
#include "worker/phases/phases.h"

extern const struct phase_handler phase_onboarding, phase_detection, phase_matching, phase_routing,
	phase_submission, phase_rejection, phase_payout;
extern const struct phase_handler legacy_steps[STEP_LAST - STEP_FIRST + 1];

#endif
