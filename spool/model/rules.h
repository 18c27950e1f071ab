/* spool/model/rules.h: what happens to a job, written once for every engine: job x what happened -> job' and
 * its event.
 *
 * Pure: no I/O, no clock (time comes in), no storage. An engine finds and loads the job, calls the rule,
 * stores the job and appends the event in the same transaction; it decides nothing itself. On any status but
 * ST_OK the job is untouched and *event is not filled. Strings of the event are borrowed from the arguments
 * or are static. */
#ifndef SPOOL_MODEL_RULES_H
#define SPOOL_MODEL_RULES_H
#include "spool/base/clock.h"
#include "spool/model/settle.h"
#include "spool/model/steer.h"
#include "spool/model/trigger.h"

/* Bounds of a trigger; ST_INVALID names the member. */
NODISCARD enum status rules_check_trigger(const struct trigger *trigger, struct why *why);
/* A trigger that has been let in becomes a job. has_turn: nobody of its workflow stands before it. */
/* A notification or progress event that goes with a settlement of this job. */
struct event rules_notice(const struct job *job, const struct notice *notice, struct moment now);
void rules_accept(struct job *job, const struct trigger *trigger, struct job_id id, struct moment now,
	bool ordered, bool has_turn, struct event *event);

/* How a job already in the spool answers a new trigger of the same natural (or solo user's) key. */
enum dedupe { DEDUPE_NONE, DEDUPE_SAME, DEDUPE_OTHER_BODY };
struct dedupe_policy {
	int64_t window_us; /* how long a completed job blocks */
};
/* old must be one of the same phase, workflow and user (or the same solo user); that is checked here again.
 */
enum dedupe rules_dedupe(const struct job *old, const struct trigger *trigger,
	const struct dedupe_policy *policy, struct moment now);
/* Whether a job under the same explicit key is the same request. */
bool rules_same_request(const struct job *old, const struct trigger *trigger);

/* Explicit keys with a blank in them are reserved for what comes in by a way of its own: no caller can give
 * one, for those are of visible ASCII characters. Such a job is what a delivery that is signed, and may be
 * sent again by anybody who has seen it, is known by. */
bool rules_key_is_reserved(struct slice key);
/* Is it too young to be removed for that? */
bool rules_is_remembered(const struct job *job, struct moment now, int64_t keep_us);

/* May this job be handed out now? */
bool rules_is_claimable(const struct job *job);
NODISCARD enum status rules_claim(struct job *job, const struct claim_ask *ask, struct moment now,
	struct event *event, struct why *why);
bool rules_lease_is_over(const struct job *job, struct moment now);
/* The lease ran out: back to waiting, or failed when no attempt is left (a job that stalls its workers must
 * end). */
NODISCARD enum status rules_expire_lease(
	struct job *job, struct moment now, struct event *event, struct why *why);
/* ST_CONFLICT: the token is not the live lease's (fencing, promise 3); *event is then the `fenced` record. */
NODISCARD enum status rules_settle(struct job *job, const struct settlement *settlement, struct moment now,
	struct event *event, struct why *why);
/* A delayed job whose time has come. */
NODISCARD enum status rules_due(struct job *job, struct moment now, struct why *why);
/* Whether a job in this state can be steered by it at all. */
bool rules_steer_allows(enum steer_verb verb, enum job_state state);
NODISCARD enum status rules_steer(struct job *job, enum steer_verb verb, struct moment now,
	struct slice actor, struct slice reason, struct event *event, struct why *why);

/* Where a job stands in the queue: (place, phase, priority, at_us, id) is its only entry there. Stored
 * (FORMAT.md). */
enum place {
	PLACE_READY = 0,  /* waiting and its turn: claimable, by priority, then time due */
	PLACE_BEHIND = 1, /* waiting, not its turn */
	PLACE_DELAYED = 2,
	PLACE_ACTIVE = 3,
	PLACE_COMPLETED = 4,
	PLACE_FAILED = 5,
	PLACE_HELD = 6,
	PLACE_CANCELLED = 7,
	PLACE_N = 8
};
static inline bool place_is_live(enum place place)
{
	return place != PLACE_COMPLETED && place != PLACE_FAILED && place != PLACE_CANCELLED;
}
enum place rules_place(const struct job *job);
/* Jobs of one state have left; data must last as long as the event. */
enum { RULES_REMOVED_MAX = 64 };
struct event rules_removed(enum job_state state, size_t removed, struct slice actor, struct moment now,
	char data[RULES_REMOVED_MAX]);
/* Phases (bits of phase_slot()) are paused, or resumed. */
struct event rules_paused(uint32_t phases, bool pause, struct slice actor, struct moment now);
enum job_state rules_state_of(enum place place);
/* The time its entry is sorted by: due time while it waits, time it ended when it has. */
int64_t rules_place_at_us(const struct job *job);
int rules_place_priority(const struct job *job);
/* When a job entered its state, for clean and retention. */
int64_t rules_since_us(const struct job *job);

#endif
