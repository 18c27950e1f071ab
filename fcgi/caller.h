/* fcgi/caller.h: who sent a request, and what that allows (design.md section 7). Plain data: dispatch fills
 * it in before a handler runs, and a handler asks it about what only the handler knows. Pure. */
#ifndef FCGI_CALLER_H
#define FCGI_CALLER_H
#include "fcgi/problem.h"
#include "spool/model/token.h"
#include "spool/model/trigger.h"

/* What a name begins with when it was proved, not claimed: nobody may say it of himself. */
#define CALLER_TOKEN TOKEN_SOURCE

enum { CALLER_NAME_MAX = 40 /* "token:" or "webhook:", and a name */, CALLER_ALL_PHASES = TOKEN_ALL_PHASES };

struct caller {
	unsigned scopes;                /* of enum scope; none: a stranger */
	char name[CALLER_NAME_MAX + 1]; /* "token:NAME"; "": one of trusted-networks, known by what it says of
					   itself */
	uint32_t phases;                /* bits of phase_slot(): whose jobs it may submit, see and steer */
	char user_pattern[JOB_TEXT_MAX + 1]; /* "": everybody's jobs; else those of users that match: a text,
						where one "*" at its end stands for anything */
};

/* One of trusted-networks: all scopes, all phases, all users. */
void caller_init_trusted(struct caller *caller);

/* The bearer of a token. */
void caller_init_token(struct caller *caller, const struct token *token);

/* Whether only some jobs are its business: then the others are, for it, as if they were not there, and the
 * queue as a whole is not for it. */
bool caller_is_limited(const struct caller *caller);

/* Whether a job of this phase and user is the caller's business. */
bool caller_may(const struct caller *caller, int phase, struct slice user_id);
/* Whether there can be such a job of a phase (0: any) and a user (empty: any). */
bool caller_may_any(const struct caller *caller, int phase, struct slice user_id);
/* As caller_may() for a trigger; false: *fault says 403. */
bool caller_may_submit(const struct caller *caller, const struct trigger *trigger, struct fault *fault);

#endif
