/* fcgi/caller.c: see caller.h. */
#include "fcgi/caller.h"

#include "spool/model/phase.h"

#include <stdio.h>

void caller_init_trusted(struct caller *caller)
{
	*caller = (struct caller){.scopes = SCOPE_ALL, .phases = CALLER_ALL_PHASES};
}

/* A pattern that fits everybody is none. */
void caller_init_token(struct caller *caller, const struct token *token)
{
	*caller = (struct caller){.scopes = token->scopes, .phases = token->phases};
	snprintf(caller->name, sizeof caller->name, CALLER_TOKEN "%s", token->name);
	if (strcmp(token->user, "*") != 0)
		snprintf(caller->user_pattern, sizeof caller->user_pattern, "%s", token->user);
}

const char *caller_token(const struct caller *caller)
{
	size_t len = sizeof CALLER_TOKEN - 1;
	return strncmp(caller->name, CALLER_TOKEN, len) == 0 ? caller->name + len : NULL;
}

bool caller_is_limited(const struct caller *caller)
{
	return caller->phases != CALLER_ALL_PHASES || caller->user_pattern[0];
}

static bool may_phase(const struct caller *caller, int phase)
{
	int slot = phase_slot(phase);
	return slot >= 0 && (caller->phases & UINT32_C(1) << slot);
}

static bool may_user(const struct caller *caller, struct slice user_id)
{
	size_t len = strlen(caller->user_pattern);
	if (len == 0)
		return true;
	if (caller->user_pattern[len - 1] != '*')
		return slice_is(user_id, caller->user_pattern);
	return user_id.len >= len - 1 && memcmp(user_id.p, caller->user_pattern, len - 1) == 0;
}

bool caller_may(const struct caller *caller, int phase, struct slice user_id)
{
	return may_phase(caller, phase) && may_user(caller, user_id);
}

bool caller_may_any(const struct caller *caller, int phase, struct slice user_id)
{
	return (phase == 0 || may_phase(caller, phase)) && (!user_id.len || may_user(caller, user_id));
}

bool caller_may_submit(const struct caller *caller, const struct trigger *trigger, struct fault *fault)
{
	if (!may_phase(caller, trigger->phase))
		return fault_set(fault, PROBLEM_FORBIDDEN, phase_word(trigger->phase),
			"these credentials do not allow %s %d", phase_word(trigger->phase), trigger->phase);
	if (!may_user(caller, trigger->user_id))
		return fault_set(fault, PROBLEM_FORBIDDEN, "user_id",
			"these credentials do not allow jobs of this user");
	return true;
}
