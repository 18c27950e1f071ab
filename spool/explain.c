/* spool/explain.c: see explain.h. What is asked comes in the order of the scheduler: the state, the turn in
 * the workflow, then what bounds claims. */
#include "spool/explain.h"

#include "spool/model/rules.h"

#include <assert.h>
#include <stdio.h>

static const char *const names[] = {
	[EXPLAIN_COMPLETED] = "completed",
	[EXPLAIN_FAILED] = "failed",
	[EXPLAIN_CANCELLED] = "cancelled",
	[EXPLAIN_FORGOTTEN] = "forgotten",
	[EXPLAIN_HELD] = "held",
	[EXPLAIN_CRASHED] = "crashed",
	[EXPLAIN_RUNNING] = "running",
	[EXPLAIN_LEASE_OVER] = "lease_over",
	[EXPLAIN_SCHEDULED] = "scheduled",
	[EXPLAIN_RETRYING] = "retrying",
	[EXPLAIN_BEHIND] = "behind",
	[EXPLAIN_PHASE_PAUSED] = "phase_paused",
	[EXPLAIN_NO_WORKER] = "no_worker",
	[EXPLAIN_RECEIVER_PAUSED] = "receiver_paused",
	[EXPLAIN_RECEIVER_OPEN] = "receiver_open",
	[EXPLAIN_PHASE_FULL] = "phase_full",
	[EXPLAIN_RECEIVER_FULL] = "receiver_full",
	[EXPLAIN_CROWD] = "crowd",
	[EXPLAIN_READY] = "ready",
};
static_assert(sizeof names / sizeof *names == EXPLAIN_CAUSE_N, "each cause has a name");

const char *explain_cause_name(enum explain_cause cause)
{
	return (unsigned)cause < EXPLAIN_CAUSE_N ? names[cause] : "unknown";
}

/* The sentence being made. */
struct telling {
	const struct job *job;
	const struct explain_view *view;
	struct explanation *out;
	struct buf text;
	char id[JOB_ID_TEXT_LEN];
};

/* "2026-11-24 10:00:00 UTC" */
enum { TIME_LEN = 48 };
static const char *time_text(char out[TIME_LEN], int64_t wall_us)
{
	char text[CLOCK_TEXT_LEN];
	clock_text(wall_us, text, sizeof text);
	snprintf(out, TIME_LEN, "%.10s %.8s UTC", text, text + 11);
	return out;
}

static void add_error(struct telling *t, const char *before)
{
	if (!t->job->error.len)
		return;
	buf_text(&t->text, before);
	mask_member(t->view->mask, "error", t->job->error, &t->text);
}

#define ADVISE(t, ...) snprintf((t)->out->todo, sizeof(t)->out->todo, __VA_ARGS__)

/* --- what has ended, or is out of the queue --- */

static enum explain_cause tell_ended(struct telling *t)
{
	const struct job *job = t->job;
	char at[TIME_LEN];
	time_text(at, job->finished_at_us);
	if (job->is_forgotten) {
		buf_fmt(&t->text, "It ended (%s) at %s and its person was forgotten: it cannot be run again",
			job_state_name(job->state), at);
		return EXPLAIN_FORGOTTEN;
	}
	if (job->state == JOB_COMPLETED) {
		buf_fmt(&t->text, "It ended well at %s, in try %u", at, job->attempts_made);
		return EXPLAIN_COMPLETED;
	}
	ADVISE(t, "when it shall run after all: clario-spool retry %s", t->id);
	if (job->state == JOB_CANCELLED) {
		buf_fmt(&t->text, "It was cancelled at %s, after %u tries", at, job->attempts_made);
		return EXPLAIN_CANCELLED;
	}
	buf_fmt(&t->text, "It failed for good at %s, in try %u of %u", at, job->attempts_made,
		job->attempts_allowed);
	add_error(t, ": ");
	ADVISE(t, "when the cause is gone: clario-spool retry %s", t->id);
	return EXPLAIN_FAILED;
}

static enum explain_cause tell_held(struct telling *t)
{
	ADVISE(t, "to let it run: clario-spool release %s", t->id);
	if (t->job->crashes < JOB_CRASHES_MAX) {
		buf_text(&t->text, "An operator holds it; it stays until it is released");
		return EXPLAIN_HELD;
	}
	buf_fmt(&t->text, "Its worker died %u times while running it, so it is held until it is released",
		t->job->crashes);
	ADVISE(t, "see the worker's log for what killed it, then: clario-spool release %s", t->id);
	return EXPLAIN_CRASHED;
}

static enum explain_cause tell_active(struct telling *t)
{
	const struct job *job = t->job;
	struct moment now = t->view->now;
	char at[TIME_LEN];
	if (rules_lease_is_over(job, now)) {
		buf_fmt(&t->text,
			"The lease of %s, which ran it (try %u of %u), is over; it is handed out again when "
			"a "
			"worker looks",
			job->lease.owner, job->attempts_made, job->attempts_allowed);
		if (t->view->workers == 0)
			ADVISE(t, "no worker lives: start clario-worker");
		return EXPLAIN_LEASE_OVER;
	}
	buf_fmt(&t->text, "%s has it since %s (try %u of %u); unless renewed its lease ends in %lld s",
		job->lease.owner, time_text(at, job->claimed_at_us), job->attempts_made,
		job->attempts_allowed,
		(long long)(job->lease.deadline_boot_us - now.boot_us + 999999) / 1000000);
	return EXPLAIN_RUNNING;
}

/* --- what keeps a job that has its turn --- */

/* Something that keeps it: a clause, from when on it does so no longer (0: nobody knows), and what to do. */
struct obstacle {
	enum explain_cause cause;
	int64_t until_us;
	char text[320], todo[EXPLAIN_ADVICE_MAX + 1];
};

static uint64_t active_of(const struct stats *stats, uint32_t phases)
{
	uint64_t n = 0;
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		if (phases & UINT32_C(1) << slot)
			n += stats->jobs[slot][JOB_ACTIVE];
	return n;
}

static size_t workers_of(const struct explain_view *view)
{
	return view->workers > 0 ? (size_t)view->workers : 1;
}

static bool is_paused(const struct telling *t, struct obstacle *o)
{
	if (!(t->view->stats.paused_phases >> phase_slot(t->job->phase) & 1))
		return false;
	o->cause = EXPLAIN_PHASE_PAUSED;
	snprintf(o->text, sizeof o->text, "%s %d is paused by an operator", phase_word(t->job->phase),
		t->job->phase);
	snprintf(o->todo, sizeof o->todo, "clario-spool resume --phase %d", t->job->phase);
	return true;
}

static bool has_no_worker(const struct telling *t, struct obstacle *o)
{
	if (t->view->workers != 0)
		return false;
	o->cause = EXPLAIN_NO_WORKER;
	snprintf(o->text, sizeof o->text, "no worker lives");
	snprintf(o->todo, sizeof o->todo, "start clario-worker, or see its log for why it stopped");
	return true;
}

static bool is_shut(const struct telling *t, const struct receiver_state *r, struct obstacle *o)
{
	int64_t now_us = t->view->now.wall_us;
	char at[TIME_LEN];
	if (receiver_may_run(r, now_us) > 0)
		return false;
	int64_t next_us = receiver_next_us(r, now_us);
	o->until_us = next_us == INT64_MAX ? 0 : next_us;
	snprintf(o->todo, sizeof o->todo, "clario-spool resume --receiver %s", r->name);
	if (receiver_is_paused(r, now_us)) {
		o->cause = EXPLAIN_RECEIVER_PAUSED;
		snprintf(o->text, sizeof o->text, "the receiver %s is paused by an operator until %s",
			r->name, o->until_us ? time_text(at, o->until_us) : "it is resumed");
		return true;
	}
	o->cause = EXPLAIN_RECEIVER_OPEN;
	snprintf(o->todo, sizeof o->todo,
		"see to the receiver; to try at once: clario-spool resume --receiver %s", r->name);
	if (r->breaker == BREAKER_PROBING)
		snprintf(o->text, sizeof o->text,
			"the breaker of the receiver %s is open and one call is being tried", r->name);
	else if (o->until_us)
		snprintf(o->text, sizeof o->text,
			"the breaker of the receiver %s is open, for its calls failed; one is tried from %s "
			"on",
			r->name, time_text(at, o->until_us));
	else
		snprintf(o->text, sizeof o->text,
			"the breaker of the receiver %s is open, for its calls failed; one is tried with a "
			"worker's next claim",
			r->name);
	return true;
}

static const struct receiver_state *state_of(const struct explain_view *view, const char *name)
{
	for (size_t i = 0; i < view->receivers_n; i++)
		if (strcmp(view->receivers[i].name, name) == 0)
			return &view->receivers[i];
	return NULL;
}

static bool is_phase_full(const struct telling *t, struct obstacle *o)
{
	int slot = phase_slot(t->job->phase);
	uint64_t active = t->view->stats.jobs[slot][JOB_ACTIVE];
	size_t most = (size_t)t->view->opts->phase[slot].concurrency * workers_of(t->view);
	if (most == 0 || active < most)
		return false;
	o->cause = EXPLAIN_PHASE_FULL;
	snprintf(o->text, sizeof o->text,
		"%llu jobs of %s %d run, as many as phase.%d.concurrency lets; the next place is free when "
		"one "
		"of them ends",
		(unsigned long long)active, phase_word(t->job->phase), t->job->phase, t->job->phase);
	return true;
}

static bool is_receiver_full(
	const struct telling *t, size_t receiver, const struct receiver_state *r, struct obstacle *o)
{
	const struct opts *opts = t->view->opts;
	uint32_t may_run = r ? receiver_may_run(r, t->view->now.wall_us) : UINT32_MAX;
	/* How far ahead its workers work only they know; they hold that many at the least. */
	size_t most = opts_receiver_room(&opts->receivers[receiver], may_run, 0) * workers_of(t->view);
	uint64_t active = active_of(&t->view->stats, opts_receiver_phases(opts, receiver));
	if (active < most)
		return false;
	o->cause = EXPLAIN_RECEIVER_FULL;
	snprintf(o->text, sizeof o->text,
		"%llu jobs that need the receiver %s are with workers, as many as its %s; the next place is "
		"free when one of them ends",
		(unsigned long long)active, opts->receivers[receiver].name,
		r && r->breaker == BREAKER_RAMPING ? "breaker lets, while it comes back" : "pace asks for");
	return true;
}

/* What lies in the hands of its receivers: of those that are shut, the one that opens last. */
static bool has_shut_receiver(const struct telling *t, struct obstacle *o)
{
	int calls[CALLS_MAX];
	bool found = false;
	size_t n = opts_phase_calls(t->view->opts, t->job->phase, calls);
	for (size_t i = 0; i < n; i++) {
		const struct receiver_opts *r =
			&t->view->opts->receivers[t->view->opts->call[calls[i]].receiver];
		const struct receiver_state *state = state_of(t->view, r->name);
		struct obstacle other = {0};
		if (!state || !is_shut(t, state, &other))
			continue;
		if (!found || !other.until_us || (o->until_us && other.until_us > o->until_us))
			*o = other;
		found = true;
	}
	return found;
}

static bool has_full_receiver(const struct telling *t, struct obstacle *o)
{
	int calls[CALLS_MAX];
	size_t n = opts_phase_calls(t->view->opts, t->job->phase, calls);
	for (size_t i = 0; i < n; i++) {
		size_t receiver = t->view->opts->call[calls[i]].receiver;
		if (is_receiver_full(
			    t, receiver, state_of(t->view, t->view->opts->receivers[receiver].name), o))
			return true;
	}
	return false;
}

/* What keeps it whatever its own state is. */
static bool find_lasting(const struct telling *t, struct obstacle *o)
{
	return is_paused(t, o) || has_no_worker(t, o) || has_shut_receiver(t, o);
}

/* --- what waits --- */

static void tell_obstacle(struct telling *t, const char *before, const struct obstacle *o)
{
	buf_text(&t->text, before);
	buf_text(&t->text, o->text);
	if (!t->out->todo[0])
		snprintf(t->out->todo, sizeof t->out->todo, "%s", o->todo);
}

/* A second thing that must go, too. */
static void tell_besides(struct telling *t)
{
	struct obstacle o = {0};
	int64_t *next_us = &t->out->next_at_us;
	if (!find_lasting(t, &o))
		return;
	tell_obstacle(t, "; besides, ", &o);
	if (*next_us)
		*next_us = !o.until_us ? 0 : o.until_us > *next_us ? o.until_us : *next_us;
}

static enum explain_cause tell_delayed(struct telling *t)
{
	const struct job *job = t->job;
	bool is_retry = job->attempts_made > 0, is_due = job->run_at_us <= t->view->now.wall_us;
	char at[TIME_LEN];
	time_text(at, job->run_at_us);
	if (is_retry) {
		buf_fmt(&t->text, "Try %u of %u failed", job->attempts_made, job->attempts_allowed);
		add_error(t, " (");
		buf_fmt(&t->text, "%s; ", job->error.len ? ")" : "");
	} else {
		buf_text(&t->text, "It was asked for later; ");
	}
	buf_fmt(&t->text,
		is_due ? "try %u was due at %s, which a worker's next look sees" : "try %u follows at %s",
		job->attempts_made + 1, at);
	t->out->next_at_us = is_due ? t->view->now.wall_us : job->run_at_us;
	tell_besides(t);
	if (!t->out->todo[0] && !is_due)
		ADVISE(t, "not to wait for that: clario-spool run-now %s", t->id);
	return is_retry ? EXPLAIN_RETRYING : EXPLAIN_SCHEDULED;
}

static enum explain_cause tell_behind(struct telling *t)
{
	const struct job *holder = t->view->holder;
	char id[JOB_ID_TEXT_LEN], at[TIME_LEN];
	if (!holder) {
		buf_text(&t->text, "An earlier job of its workflow has the turn, and must end first");
		return EXPLAIN_BEHIND;
	}
	id_text(holder->id, id);
	buf_fmt(&t->text, "Job %s of its workflow (%s %d, %s", id, phase_word(holder->phase), holder->phase,
		job_state_name(holder->state));
	if (holder->state == JOB_DELAYED)
		buf_fmt(&t->text, " until %s", time_text(at, holder->run_at_us));
	buf_text(&t->text, ") has the turn, and must end first");
	if (holder->state == JOB_HELD)
		ADVISE(t, "clario-spool release %s, or cancel it", id);
	else
		ADVISE(t, "to see what that one waits for: clario-spool explain %s", id);
	return EXPLAIN_BEHIND;
}

static enum explain_cause tell_turn(struct telling *t)
{
	struct obstacle o = {0};
	if (find_lasting(t, &o) || is_phase_full(t, &o) || has_full_receiver(t, &o)) {
		tell_obstacle(t, "It is its turn, but ", &o);
		t->out->next_at_us = o.until_us;
		return o.cause;
	}
	uint64_t waiting = t->view->stats.jobs[phase_slot(t->job->phase)][JOB_WAITING];
	t->out->next_at_us = t->view->now.wall_us;
	if (t->job->in_crowd) {
		buf_fmt(&t->text,
			"It is its turn, but its user submits far more than others, and such jobs take turns "
			"(%llu jobs of %s %d wait)",
			(unsigned long long)waiting, phase_word(t->job->phase), t->job->phase);
		return EXPLAIN_CROWD;
	}
	buf_fmt(&t->text, "Nothing keeps it: a worker takes it by priority and age (%llu jobs of %s %d wait)",
		(unsigned long long)waiting, phase_word(t->job->phase), t->job->phase);
	return EXPLAIN_READY;
}

static enum explain_cause tell_waiting(struct telling *t)
{
	if (rules_is_claimable(t->job))
		return tell_turn(t);
	enum explain_cause cause = tell_behind(t);
	tell_besides(t);
	return cause;
}

void explain(const struct job *job, const struct explain_view *view, struct explanation *out)
{
	static enum explain_cause (*const tell[JOB_STATE_N])(struct telling * t) = {
		[JOB_WAITING] = tell_waiting,
		[JOB_DELAYED] = tell_delayed,
		[JOB_ACTIVE] = tell_active,
		[JOB_COMPLETED] = tell_ended,
		[JOB_FAILED] = tell_ended,
		[JOB_HELD] = tell_held,
		[JOB_CANCELLED] = tell_ended,
	};
	struct telling t = {.job = job, .view = view, .out = out, .text = BUF_INIT(64 << 10)};
	*out = (struct explanation){0};
	id_text(job->id, t.id);
	out->cause = tell[job->state](&t);
	buf_byte(&t.text, '.');
	snprintf(out->text, sizeof out->text, "%.*s", SLICE_ARG(buf_slice(&t.text)));
	buf_release(&t.text);
}

void explain_json(struct jx_writer *w, const char *key, const struct explanation *e)
{
	jx_open_object(w, key);
	jx_cstring(w, "cause", explain_cause_name(e->cause));
	jx_cstring(w, "text", e->text);
	jx_time(w, "next_at", e->next_at_us);
	if (e->todo[0])
		jx_cstring(w, "todo", e->todo);
	else
		jx_null(w, "todo");
	jx_close_object(w);
}
