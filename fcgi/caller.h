/* fcgi/caller.h: who sent a request, and what that allows (design.md section 7). Plain data: dispatch fills
 * it in before a handler runs, and a handler asks it about what only the handler knows. Pure. */
#ifndef FCGI_CALLER_H
#define FCGI_CALLER_H
#include "fcgi/problem.h"
#include "spool/model/trigger.h"

enum scope {
	SCOPE_NONE = 0, /* of a route: for everybody, it tells nothing about jobs */
	SCOPE_SUBMIT = 1,
	SCOPE_READ = 2,
	SCOPE_OPERATE = 4,
	SCOPE_ALL = 7
};

enum { CALLER_NAME_MAX = 40 /* "webhook:" and the name of a section */, CALLER_ALL_PHASES = 0xfff };

struct caller {
	unsigned scopes;                /* of enum scope; none: a stranger */
	char name[CALLER_NAME_MAX + 1]; /* "": one of trusted-networks, known by what it says of itself */
	uint32_t phases;                /* bits of phase_slot(): whose jobs it may submit, see and steer */
	char user_pattern[JOB_TEXT_MAX + 1]; /* "": everybody's jobs; else those of users that match: a text,
						where one "*" at its end stands for anything */
};

/* One of trusted-networks: all scopes, all phases, all users. */
void caller_init_trusted(struct caller *caller);

/* Whether a job of this phase and user is the caller's business. */
bool caller_may(const struct caller *caller, int phase, struct slice user_id);
/* The same for a trigger; false: *fault says 403. */
bool caller_may_submit(const struct caller *caller, const struct trigger *trigger, struct fault *fault);

#endif
