/* spool/model/rules.c: the life of a job. Each rule works on a copy and hands it over only when all of it was
 * legal. */
#include "spool/model/rules.h"

#include "spool/model/phase.h"

#include <assert.h>
#include <stdio.h>

static struct event event_for(
	const struct job *job, enum event_kind kind, enum job_state from, struct moment now)
{
	return (struct event){
		.at_us = now.wall_us,
		.kind = kind,
		.job = job->id,
		.phase = job->phase,
		.from = (int)from,
		.to = (int)job->state,
		.attempt = job->attempts_made,
	};
}

enum status rules_check_trigger(const struct trigger *t, struct why *why)
{
	const struct {
		const char *name;
		struct slice text;
		size_t min;
	} texts[] = {
		{"workflow_id", t->workflow_id, 1},
		{"user_id", t->user_id, 1},
		{"idempotency key", t->idempotency_key, 0},
		{"source", t->source, 0},
		{"traceparent", t->traceparent, 0},
		{"tracestate", t->tracestate, 0},
	};
	if (phase_slot(t->phase) < 0)
		return why_set(why, ST_INVALID, "there is no phase %d", t->phase);
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (texts[i].text.len < texts[i].min || texts[i].text.len > JOB_TEXT_MAX)
			return why_set(why, ST_INVALID, "%s must have %zu to %d bytes, not %zu",
				texts[i].name, texts[i].min, JOB_TEXT_MAX, texts[i].text.len);
	if (t->payload.len > JOB_PAYLOAD_MAX)
		return why_set(why, ST_INVALID, "payload has %zu bytes, the limit is %d", t->payload.len,
			JOB_PAYLOAD_MAX);
	if (t->priority != 0 && (t->priority < JOB_PRIORITY_FIRST || t->priority > JOB_PRIORITY_LAST))
		return why_set(
			why, ST_INVALID, "priority must be %d to %d", JOB_PRIORITY_FIRST, JOB_PRIORITY_LAST);
	if (t->run_at_us < 0 || t->give_up_after_us < 0)
		return why_set(why, ST_INVALID, "a time before 1970 or a negative span");
	return ST_OK;
}

void rules_accept(struct job *job, const struct trigger *t, struct job_id id, struct moment now, bool ordered,
	bool has_turn, struct event *event)
{
	bool is_due = t->run_at_us <= now.wall_us;
	int64_t run_at_us = is_due ? now.wall_us : t->run_at_us;
	uint32_t grant = t->attempts_allowed ? t->attempts_allowed : 1;
	*job = (struct job){
		.id = id,
		.phase = t->phase,
		.state = is_due ? JOB_WAITING : JOB_DELAYED,
		.priority = t->priority ? t->priority : JOB_PRIORITY_DEFAULT,
		.ordered = ordered,
		.has_turn = has_turn,
		.solo_user = t->solo_user,
		.is_charged = t->max_jobs || t->max_bytes,
		.charged_bytes = t->max_jobs || t->max_bytes ? t->payload.len : 0,
		.accepted_at_us = now.wall_us,
		.run_at_us = run_at_us,
		.give_up_at_us = run_at_us + t->give_up_after_us,
		.give_up_after_us = t->give_up_after_us,
		.attempts_allowed = grant,
		.attempts_grant = grant,
		.workflow_id = t->workflow_id,
		.user_id = t->user_id,
		.payload = t->payload,
		.source = t->source,
		.idempotency_key = t->idempotency_key,
		.traceparent = t->traceparent,
		.tracestate = t->tracestate,
	};
	*event = event_for(job, EVENT_ACCEPTED, job->state, now);
	event->from = EVENT_NO_STATE;
	event->actor = t->source;
}

static bool blocks(const struct job *old, const struct trigger *t, int64_t window_us, int64_t now_us)
{
	switch (old->state) {
	case JOB_WAITING:
	case JOB_DELAYED:
	case JOB_ACTIVE:
	case JOB_HELD:
		return true;
	case JOB_COMPLETED:
		return !t->solo_user && now_us - old->finished_at_us < window_us;
	default:
		return false; /* failed and cancelled do not block */
	}
}

enum dedupe rules_dedupe(
	const struct job *old, const struct trigger *t, const struct dedupe_policy *policy, struct moment now)
{
	if (old->phase != t->phase || old->solo_user != t->solo_user || !slice_eq(old->user_id, t->user_id))
		return DEDUPE_NONE;
	if (!t->solo_user && !slice_eq(old->workflow_id, t->workflow_id))
		return DEDUPE_NONE;
	if (!blocks(old, t, policy->window_us, now.wall_us))
		return DEDUPE_NONE;
	return slice_eq(old->payload, t->payload) ? DEDUPE_SAME : DEDUPE_OTHER_BODY;
}

bool rules_same_request(const struct job *old, const struct trigger *t)
{
	/* A solo user's workflow id is made up anew by each request, so it cannot tell two requests apart. */
	return old->phase == t->phase && slice_eq(old->user_id, t->user_id) &&
	       slice_eq(old->payload, t->payload) && old->solo_user == t->solo_user &&
	       (t->solo_user || slice_eq(old->workflow_id, t->workflow_id));
}

bool rules_key_is_reserved(struct slice key)
{
	return key.len && memchr(key.p, ' ', key.len);
}

bool rules_is_remembered(const struct job *job, struct moment now, int64_t keep_us)
{
	return rules_key_is_reserved(job->idempotency_key) && job->accepted_at_us + keep_us > now.wall_us;
}

bool rules_is_claimable(const struct job *job)
{
	return job->state == JOB_WAITING && job->has_turn;
}

enum status rules_claim(
	struct job *job, const struct claim_ask *ask, struct moment now, struct event *event, struct why *why)
{
	enum job_state from = job->state;
	enum status st = job_move(job, JOB_ACTIVE, why);
	if (st != ST_OK)
		return st;
	job->attempts_made++;
	job->claimed_at_us = now.wall_us;
	if (job->started_at_us == 0)
		job->started_at_us = now.wall_us;
	job->lease.token++;
	job->lease.boot_id = now.boot_id;
	job->lease.deadline_boot_us = now.boot_us + ask->lease_ms * 1000;
	size_t len = strnlen(ask->owner, sizeof job->lease.owner - 1);
	memcpy(job->lease.owner, ask->owner, len);
	job->lease.owner[len] = '\0';
	*event = event_for(job, EVENT_CLAIMED, from, now);
	event->actor = slice_text(ask->owner);
	event->wait_ms = (now.wall_us - job->run_at_us) / 1000;
	return ST_OK;
}

bool rules_lease_is_over(const struct job *job, struct moment now)
{
	return job->state == JOB_ACTIVE &&
	       (job->lease.boot_id != now.boot_id || job->lease.deadline_boot_us <= now.boot_us);
}

/* The token stays: it must rise over the whole life of the job. */
static void end_lease(struct job *job)
{
	job->lease.owner[0] = '\0';
	job->lease.deadline_boot_us = 0;
	job->lease.boot_id = 0;
}

static void finish(struct job *job, struct moment now)
{
	job->finished_at_us = now.wall_us;
	job->has_turn = !job->ordered;
}

enum status rules_expire_lease(struct job *job, struct moment now, struct event *event, struct why *why)
{
	bool is_last = job->attempts_made >= job->attempts_allowed;
	enum status st = job_move(job, is_last ? JOB_FAILED : JOB_WAITING, why);
	if (st != ST_OK)
		return st;
	job->error = slice_text(is_last ? "the lease ran out and no attempt is left" : "the lease ran out");
	*event = event_for(job, EVENT_LEASE_EXPIRED, JOB_ACTIVE, now);
	event->actor = slice_text("system");
	event->reason = job->error;
	end_lease(job);
	if (is_last)
		finish(job, now);
	else
		job->run_at_us = now.wall_us;
	return ST_OK;
}

static void settle_complete(struct job *job, const struct settlement *s, struct moment now)
{
	job->outcome = s->outcome;
	job->error = (struct slice)SLICE_INIT;
	finish(job, now);
}

static void settle_retry(struct job *job, const struct settlement *s, struct moment now)
{
	job->error = s->error;
	job->run_at_us = s->run_at_us > now.wall_us ? s->run_at_us : now.wall_us;
}

static void settle_fail(struct job *job, const struct settlement *s, struct moment now)
{
	job->error = s->error;
	job->outcome = s->outcome;
	finish(job, now);
}

/* Its due time stays, and with it its place among those that wait. */
static void settle_release(struct job *job, const struct settlement *s, struct moment now)
{
	(void)s;
	(void)now;
	job->attempts_made--;
}

static void settle_checkpoint(struct job *job, const struct settlement *s, struct moment now)
{
	(void)now;
	job->checkpoint = s->checkpoint;
}

static void settle_renew(struct job *job, const struct settlement *s, struct moment now)
{
	job->lease.deadline_boot_us = now.boot_us + s->lease_ms * 1000;
}

/* Counted apart from its attempts: the attempt is given back by allowing one more, so that its number is not
 * used twice. What waits now goes first. */
static void settle_crash(struct job *job, const struct settlement *s, struct moment now)
{
	static const char *const words[] = {"its worker died while running it (1 of 3)",
		"its worker died while running it (2 of 3)",
		"its worker died while running it (3 of 3): held until it is released"};
	static_assert(sizeof words / sizeof *words == JOB_CRASHES_MAX, "the words tell how many");
	(void)s;
	job->crashes = job->crashes < JOB_CRASHES_MAX ? job->crashes + 1 : JOB_CRASHES_MAX;
	job->attempts_allowed++;
	job->error = slice_text(words[job->crashes - 1]);
	job->run_at_us = now.wall_us;
}

/* It had no part in the death of its worker. Its due time stays, and with it its place among those that wait.
 */
static void settle_orphan(struct job *job, const struct settlement *s, struct moment now)
{
	(void)s;
	(void)now;
	job->attempts_allowed++;
}

static enum job_state state_after_crash(const struct job *job)
{
	return job->crashes >= JOB_CRASHES_MAX - 1 ? JOB_HELD : JOB_WAITING;
}

static const struct settle_rule {
	enum job_state to;
	enum event_kind kind;
	void (*apply)(struct job *job, const struct settlement *s, struct moment now);
	bool has_event;
} settle_rules[] = {
	[SETTLE_COMPLETE] = {JOB_COMPLETED, EVENT_COMPLETED, settle_complete, true},
	[SETTLE_RETRY] = {JOB_DELAYED, EVENT_RETRY, settle_retry, true},
	[SETTLE_FAIL] = {JOB_FAILED, EVENT_FAILED, settle_fail, true},
	[SETTLE_RELEASE] = {JOB_WAITING, EVENT_RELEASED, settle_release, true},
	[SETTLE_CHECKPOINT] = {JOB_ACTIVE, EVENT_CHECKPOINT, settle_checkpoint, true},
	[SETTLE_RENEW] = {JOB_ACTIVE, EVENT_CHECKPOINT, settle_renew, false},
	[SETTLE_CRASH] = {JOB_WAITING, EVENT_CRASHED, settle_crash, true},
	[SETTLE_ORPHAN] = {JOB_WAITING, EVENT_LEASE_EXPIRED, settle_orphan, true},
};

static enum status check_settlement(const struct settlement *s, struct why *why)
{
	if ((unsigned)s->kind >= sizeof settle_rules / sizeof *settle_rules)
		return why_set(why, ST_INVALID, "there is no settlement %d", (int)s->kind);
	if (s->outcome.len > JOB_OUTCOME_MAX || s->checkpoint.len > JOB_OUTCOME_MAX)
		return why_set(
			why, ST_INVALID, "outcome or checkpoint has more than %d bytes", JOB_OUTCOME_MAX);
	return ST_OK;
}

static struct slice cut(struct slice text, size_t max)
{
	return text.len <= max ? text : slice_of(text.p, max);
}

static struct slice reason_of(const struct job *job, const struct settlement *s)
{
	if (s->kind == SETTLE_CRASH)
		return job->error;
	if (s->kind == SETTLE_ORPHAN)
		return slice_text("its worker died while running another job");
	return cut(s->reason.len ? s->reason : s->error, EVENT_REASON_MAX);
}

enum status rules_settle(
	struct job *job, const struct settlement *s, struct moment now, struct event *event, struct why *why)
{
	enum status st = check_settlement(s, why);
	if (st != ST_OK)
		return st;
	if (job->state != JOB_ACTIVE || job->lease.token != s->token) {
		*event = event_for(job, EVENT_FENCED, job->state, now);
		event->actor = slice_text("system");
		event->reason = slice_text("a late result under an old lease was refused");
		event->http_status = s->http_status;
		event->span = s->span;
		return why_set(why, ST_CONFLICT, "the lease of this result is no longer live");
	}
	const struct settle_rule *rule = &settle_rules[s->kind];
	enum job_state to = s->kind == SETTLE_CRASH ? state_after_crash(job) : rule->to;
	if (to != JOB_ACTIVE)
		st = job_move(job, to, why);
	if (st != ST_OK)
		return st;
	struct settlement bounded = *s;
	bounded.error = cut(s->error, JOB_ERROR_MAX);
	rule->apply(job, &bounded, now);
	*event = event_for(job, rule->kind, JOB_ACTIVE, now);
	event->reason = reason_of(job, s);
	event->http_status = s->http_status;
	event->wait_ms = s->wait_ms;
	event->conn_ms = s->conn_ms;
	event->xfer_ms = s->xfer_ms;
	event->span = s->span;
	if (to != JOB_ACTIVE)
		end_lease(job);
	return ST_OK;
}

enum status rules_due(struct job *job, struct moment now, struct why *why)
{
	if (job->run_at_us > now.wall_us)
		return why_set(why, ST_CONFLICT, "the job is not due yet");
	return job_move(job, JOB_WAITING, why);
}

static void steer_retry(struct job *job, struct moment now)
{
	job->attempts_allowed = job->attempts_made + job->attempts_grant;
	job->run_at_us = now.wall_us;
	job->give_up_at_us = now.wall_us + job->give_up_after_us;
	job->finished_at_us = 0;
	job->outcome = (struct slice)SLICE_INIT;
	job->crashes = 0;
}

/* Nothing counts as done: its calls are all made again. They keep their Idempotency-Key, so a receiver that
 * remembers it answers as before. */
static void steer_replay(struct job *job, struct moment now)
{
	steer_retry(job, now);
	job->checkpoint = (struct slice)SLICE_INIT;
}

static void steer_release(struct job *job, struct moment now)
{
	(void)now;
	job->crashes = 0;
}

static void steer_cancel(struct job *job, struct moment now)
{
	end_lease(job);
	finish(job, now);
}

static void steer_run_now(struct job *job, struct moment now)
{
	job->run_at_us = now.wall_us;
}

static const struct steer_rule {
	enum job_state to;
	enum event_kind kind;
	unsigned from; /* bit per state: narrower than the legal moves, which also serve other rules */
	void (*apply)(struct job *job, struct moment now);
} steer_rules[STEER_VERB_N] = {
	[STEER_RETRY] = {JOB_WAITING, EVENT_RETRIED, 1u << JOB_FAILED | 1u << JOB_CANCELLED, steer_retry},
	[STEER_CANCEL] = {JOB_CANCELLED, EVENT_CANCELLED,
		1u << JOB_WAITING | 1u << JOB_DELAYED | 1u << JOB_HELD | 1u << JOB_ACTIVE, steer_cancel},
	[STEER_HOLD] = {JOB_HELD, EVENT_HELD, 1u << JOB_WAITING | 1u << JOB_DELAYED, NULL},
	[STEER_RELEASE] = {JOB_WAITING, EVENT_UNHELD, 1u << JOB_HELD, steer_release},
	[STEER_RUN_NOW] = {JOB_WAITING, EVENT_RUN_NOW, 1u << JOB_DELAYED, steer_run_now},
	[STEER_REPLAY] = {JOB_WAITING, EVENT_REPLAYED,
		1u << JOB_COMPLETED | 1u << JOB_FAILED | 1u << JOB_CANCELLED, steer_replay},
	/* The store's: nothing is left that a rule could make of it. */
	[STEER_PURGE] = {JOB_STATE_N, EVENT_REMOVED,
		1u << JOB_COMPLETED | 1u << JOB_FAILED | 1u << JOB_CANCELLED, NULL},
};

bool rules_steer_allows(enum steer_verb verb, enum job_state state)
{
	return (unsigned)verb < STEER_VERB_N && (unsigned)state < JOB_STATE_N &&
	       steer_rules[verb].from & 1u << state;
}

enum status rules_steer(struct job *job, enum steer_verb verb, struct moment now, struct slice actor,
	struct slice reason, struct event *event, struct why *why)
{
	if ((unsigned)verb >= STEER_VERB_N || verb == STEER_PURGE)
		return why_set(why, ST_INVALID, "there is no such verb");
	const struct steer_rule *rule = &steer_rules[verb];
	enum job_state from = job->state, to = rule->to;
	if (!(rule->from & 1u << from))
		return why_set(why, ST_CONFLICT, "a job that is %s cannot be steered by %s",
			job_state_name(from), steer_verb_name(verb));
	if (job->is_forgotten)
		return why_set(why, ST_CONFLICT, "the job's person was forgotten, and what it was to do");
	if (verb == STEER_REPLAY && !reason.len)
		return why_set(why, ST_INVALID, "a replay needs a reason");
	if (verb == STEER_RELEASE && job->run_at_us > now.wall_us)
		to = JOB_DELAYED;
	enum status st = job_move(job, to, why);
	if (st != ST_OK)
		return st;
	if (rule->apply)
		rule->apply(job, now);
	*event = event_for(job, rule->kind, from, now);
	event->actor = actor;
	event->reason = cut(reason, EVENT_REASON_MAX);
	return ST_OK;
}

enum place rules_place(const struct job *job)
{
	static const enum place places[JOB_STATE_N] = {
		[JOB_WAITING] = PLACE_READY,
		[JOB_DELAYED] = PLACE_DELAYED,
		[JOB_ACTIVE] = PLACE_ACTIVE,
		[JOB_COMPLETED] = PLACE_COMPLETED,
		[JOB_FAILED] = PLACE_FAILED,
		[JOB_HELD] = PLACE_HELD,
		[JOB_CANCELLED] = PLACE_CANCELLED,
	};
	if (job->state == JOB_WAITING && !job->has_turn)
		return PLACE_BEHIND;
	return places[job->state];
}

enum job_state rules_state_of(enum place place)
{
	static const enum job_state states[PLACE_N] = {
		[PLACE_READY] = JOB_WAITING,
		[PLACE_BEHIND] = JOB_WAITING,
		[PLACE_DELAYED] = JOB_DELAYED,
		[PLACE_ACTIVE] = JOB_ACTIVE,
		[PLACE_COMPLETED] = JOB_COMPLETED,
		[PLACE_FAILED] = JOB_FAILED,
		[PLACE_HELD] = JOB_HELD,
		[PLACE_CANCELLED] = JOB_CANCELLED,
	};
	return states[place];
}

int64_t rules_place_at_us(const struct job *job)
{
	if (job_state_is_ended(job->state))
		return job->finished_at_us;
	return job->state == JOB_ACTIVE ? job->claimed_at_us : job->run_at_us;
}

int rules_place_priority(const struct job *job)
{
	return rules_place(job) == PLACE_READY ? job->priority : 0;
}

int64_t rules_since_us(const struct job *job)
{
	return job_state_is_ended(job->state) ? job->finished_at_us : job->accepted_at_us;
}

struct event rules_notice(const struct job *job, const struct notice *notice, struct moment now)
{
	struct event event = event_beside(job, notice->kind, now);
	event.actor = slice_text("system");
	event.reason = notice->reason;
	event.name = notice->name;
	event.room = notice->room;
	event.data = notice->data;
	return event;
}

struct event rules_paused(uint32_t phases, bool pause, struct slice actor, struct moment now)
{
	struct event event = event_of_spool(pause ? EVENT_PAUSED : EVENT_RESUMED, now);
	bool is_one = (phases & (phases - 1)) == 0;
	event.phase = is_one ? phase_of_slot(__builtin_ctz(phases)) : 0;
	event.actor = actor;
	return event;
}

struct event rules_removed(enum job_state state, size_t removed, struct slice actor, struct moment now,
	char data[RULES_REMOVED_MAX])
{
	struct event event = event_of_spool(EVENT_REMOVED, now);
	snprintf(data, RULES_REMOVED_MAX, "{\"state\":\"%s\",\"removed\":%zu}", job_state_name(state),
		removed);
	event.from = (int)state;
	event.actor = actor;
	event.data = slice_text(data);
	return event;
}
