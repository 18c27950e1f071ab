/* worker/phases/phases.c: the table that names the handlers. */
#include "worker/phases/phases.h"

#include "worker/phases/handlers.h"

static const struct phase_handler *const table[PHASE_SLOTS] = {
	&phase_onboarding,
	&phase_detection,
	&phase_matching,
	&phase_routing,
	&phase_submission,
	&phase_rejection,
	&phase_payout,
	&legacy_steps[0],
	&legacy_steps[1],
	&legacy_steps[2],
	&legacy_steps[3],
	&legacy_steps[4],
};

const struct phase_handler *phase_handler(int phase)
{
	return table[phase_slot(phase)];
}
