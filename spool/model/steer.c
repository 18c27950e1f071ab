/* spool/model/steer.c: names of the operators' verbs, and sums over counters. */
#include "spool/model/steer.h"

static const char *const names[STEER_VERB_N] = {
	[STEER_RETRY] = "retry",
	[STEER_CANCEL] = "cancel",
	[STEER_HOLD] = "hold",
	[STEER_RELEASE] = "release",
	[STEER_RUN_NOW] = "run-now",
	[STEER_REPLAY] = "replay",
	[STEER_PURGE] = "purge",
};

const char *steer_verb_name(enum steer_verb verb)
{
	return (unsigned)verb < STEER_VERB_N ? names[verb] : "unknown";
}

bool steer_verb_parse(struct slice name, enum steer_verb *out)
{
	for (int i = 0; i < STEER_VERB_N; i++)
		if (slice_is(name, names[i])) {
			*out = (enum steer_verb)i;
			return true;
		}
	return false;
}

uint64_t stats_state(const struct stats *stats, enum job_state state)
{
	uint64_t sum = 0;
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		sum += stats->jobs[slot][state];
	return sum;
}
