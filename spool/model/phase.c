/* spool/model/phase.c: the table of phases and steps; titles are what the callers' screens already show. */
#include "spool/model/phase.h"

#include <stddef.h>

static const struct phase_info table[PHASE_SLOTS] = {
	{1, "Zero-Friction Onboarding", "Phase 1: Zero-Friction Onboarding", 14},
	{2, "Autonomous Money Discovery", "Phase 2: Autonomous Money Discovery", 29},
	{3, "Intelligent Evidence Ecosystem", "Phase 3: Intelligent Evidence Ecosystem", 43},
	{4, "Predictive Refund Orchestration", "Phase 4: Predictive Refund Orchestration", 57},
	{5, "Autonomous Recovery Pipeline", "Phase 5: Autonomous Recovery Pipeline", 71},
	{6, "Continuous Learning Brain", "Phase 6: Continuous Learning Brain", 86},
	{7, "Hyper-Transparency Layer", "Phase 7: Hyper-Transparency Layer", 100},
	{10, "Fetch Amazon claims", "Step 10: Fetch Amazon claims", 100},
	{11, "Normalizing Amazon data", "Normalizing Amazon data", 100},
	{12, "Create ledger entries", "Step 12: Create ledger entries", 100},
	{13, "Process Stripe transactions", "Step 13: Process Stripe transactions", 100},
	{14, "Finalize cases", "Step 14: Finalize cases", 100},
};

int phase_slot(int number)
{
	if (number >= PHASE_FIRST && number <= PHASE_LAST)
		return number - PHASE_FIRST;
	if (number >= STEP_FIRST && number <= STEP_LAST)
		return PHASE_LAST + number - STEP_FIRST;
	return -1;
}

int phase_of_slot(int slot)
{
	return table[slot].number;
}

const struct phase_info *phase_info(int number)
{
	int slot = phase_slot(number);
	return slot < 0 ? NULL : &table[slot];
}
