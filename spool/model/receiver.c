/* spool/model/receiver.c: see receiver.h. */
#include "spool/model/receiver.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

static const char *const names[] = {
	[BREAKER_CLOSED] = "closed",
	[BREAKER_OPEN] = "open",
	[BREAKER_PROBING] = "probing",
	[BREAKER_RAMPING] = "ramping",
};
static_assert(sizeof names / sizeof *names == BREAKER_N, "each state has a name");

const char *breaker_name(enum breaker breaker)
{
	return (unsigned)breaker < BREAKER_N ? names[breaker] : "unknown";
}

bool breaker_parse(struct slice name, enum breaker *out)
{
	for (int i = 0; i < BREAKER_N; i++)
		if (slice_is(name, names[i])) {
			*out = (enum breaker)i;
			return true;
		}
	return false;
}

bool receiver_name_is_valid(struct slice name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.p[i] < 0x21 || name.p[i] > 0x7e)
			return false;
	return name.len > 0 && name.len <= RECEIVER_NAME_MAX;
}

void receiver_init(struct receiver_state *r, struct slice name)
{
	*r = (struct receiver_state){0};
	snprintf(r->name, sizeof r->name, "%.*s", SLICE_ARG(name));
}

bool receiver_is_blank(const struct receiver_state *r)
{
	return r->breaker == BREAKER_CLOSED && !r->is_paused && r->calls_total == 0 && r->probe == 0;
}

bool receiver_is_paused(const struct receiver_state *r, int64_t now_us)
{
	return r->is_paused && (r->paused_until_us == 0 || now_us < r->paused_until_us);
}

static uint32_t breaker_allows(const struct receiver_state *r)
{
	return r->breaker == BREAKER_CLOSED ? UINT32_MAX : r->breaker == BREAKER_RAMPING ? r->ramp : 0;
}

uint32_t receiver_may_run(const struct receiver_state *r, int64_t now_us)
{
	return receiver_is_paused(r, now_us) ? 0 : breaker_allows(r);
}

int64_t receiver_next_us(const struct receiver_state *r, int64_t now_us)
{
	int64_t next_us = r->breaker == BREAKER_OPEN      ? r->open_until_us
			  : r->breaker == BREAKER_PROBING ? r->probe_until_us
							  : INT64_MAX;
	if (receiver_is_paused(r, now_us))
		next_us = r->paused_until_us ? r->paused_until_us : INT64_MAX;
	return next_us > now_us ? next_us : INT64_MAX;
}

/* --- what a change is told as --- */

static void touch(struct receiver_change *change)
{
	change->is_any = change->is_lasting = true;
}

static void tell(struct receiver_change *change, enum event_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void tell(struct receiver_change *change, enum event_kind kind, const char *fmt, ...)
{
	va_list ap;
	touch(change);
	assert(change->events_n < RECEIVER_EVENTS_MAX);
	change->events[change->events_n].kind = kind;
	va_start(ap, fmt);
	vsnprintf(change->events[change->events_n++].reason, RECEIVER_REASON_MAX + 1, fmt, ap);
	va_end(ap);
}

/* --- counting --- */

static uint32_t sum(uint32_t a, uint32_t b)
{
	return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

static void add(struct call_count *to, struct call_count calls)
{
	to->ok = sum(to->ok, calls.ok);
	to->failed = sum(to->failed, calls.failed);
}

static uint64_t calls_of(struct call_count c)
{
	return (uint64_t)c.ok + c.failed;
}

static bool is_too_bad(const struct breaker_policy *policy, struct call_count c)
{
	return policy->failed_percent && c.failed &&
	       (uint64_t)c.failed * 100 >= policy->failed_percent * calls_of(c);
}

/* A half that is over becomes the one before; one over for as long again counts no more. */
static void slide(struct receiver_state *r, const struct breaker_policy *policy, int64_t now_us)
{
	static const struct call_count none = {0};
	int64_t half_us = policy->window_us / 2;
	r->window_us = policy->window_us;
	if (r->window_at_us > now_us)
		r->window_at_us = now_us; /* the clock was set back */
	int64_t passed_us = now_us - r->window_at_us;
	if (passed_us < half_us)
		return;
	bool is_next = passed_us - half_us < half_us;
	r->before = is_next ? r->now : none;
	r->now = none;
	r->window_at_us = is_next ? r->window_at_us + half_us : now_us;
}

struct call_count receiver_window(const struct receiver_state *r, int64_t now_us)
{
	struct receiver_state copy = *r;
	struct breaker_policy policy = {.window_us = r->window_us};
	slide(&copy, &policy, now_us);
	add(&copy.before, copy.now);
	return copy.before;
}

/* --- from one state to the next --- */

static int64_t open_for_us(const struct breaker_policy *policy, uint32_t times)
{
	int64_t us = policy->open_us, most = policy->open_max_us > us ? policy->open_max_us : us;
	for (uint32_t i = 1; i < times && i < 64 && us < most; i++)
		us = us > most / 2 ? most : us * 2;
	return us;
}

static void clear_counts(struct receiver_state *r)
{
	r->now = r->before = r->step = (struct call_count){0};
	r->window_at_us = 0;
	r->ramp = 0;
	r->probe_until_us = 0;
}

static void open_up(struct receiver_state *r, const struct breaker_policy *policy, int64_t now_us,
	const char *why, struct receiver_change *change)
{
	clear_counts(r);
	r->breaker = BREAKER_OPEN;
	r->opened_times = sum(r->opened_times, 1);
	int64_t us = open_for_us(policy, r->opened_times);
	r->opened_at_us = now_us;
	r->open_until_us = now_us + us;
	tell(change, EVENT_BREAKER, "opened: %s; a probe follows after %g s", why, (double)us / 1e6);
}

static void open_after(struct receiver_state *r, const struct breaker_policy *policy, int64_t now_us,
	struct call_count calls, const char *when, struct receiver_change *change)
{
	char why[80];
	snprintf(why, sizeof why, "%u of %llu calls failed%s", calls.failed,
		(unsigned long long)calls_of(calls), when);
	open_up(r, policy, now_us, why, change);
}

static void close_up(struct receiver_state *r, const char *reason, struct receiver_change *change)
{
	clear_counts(r);
	r->breaker = BREAKER_CLOSED;
	r->open_until_us = 0;
	r->opened_times = 0;
	tell(change, EVENT_BREAKER, "%s", reason);
}

static void start_ramp(struct receiver_state *r, const char *why, struct receiver_change *change)
{
	clear_counts(r);
	r->breaker = BREAKER_RAMPING;
	r->open_until_us = 0;
	r->ramp = 1;
	tell(change, EVENT_BREAKER, "ramping: %s", why);
}

static void count_closed(struct receiver_state *r, const struct breaker_policy *policy,
	struct call_count calls, int64_t now_us, struct receiver_change *change)
{
	slide(r, policy, now_us);
	add(&r->now, calls);
	struct call_count all = r->before;
	add(&all, r->now);
	if (calls_of(all) >= policy->least_calls && is_too_bad(policy, all))
		open_after(r, policy, now_us, all, "", change);
}

/* A step is as many calls as it allows at a time. */
static void count_ramping(struct receiver_state *r, const struct breaker_policy *policy,
	struct call_count calls, int64_t now_us, struct receiver_change *change)
{
	add(&r->step, calls);
	if (calls_of(r->step) < r->ramp)
		return;
	if (is_too_bad(policy, r->step)) {
		open_after(r, policy, now_us, r->step, " while ramping up", change);
		return;
	}
	touch(change);
	r->ramp = sum(r->ramp, r->ramp);
	r->step = (struct call_count){0};
	if (r->ramp >= policy->in_flight)
		close_up(r, "closed", change);
}

static bool holds_probe(const struct receiver_state *r, const struct receiver_report *report)
{
	return r->breaker == BREAKER_PROBING && report->probe && report->probe == r->probe;
}

static void take_probe(struct receiver_state *r, const struct receiver_report *report, int64_t now_us,
	struct receiver_change *change)
{
	switch (report->probe_result) {
	case PROBE_UNDER_WAY:
		return;
	case PROBE_UNUSED:
		touch(change);
		r->probe_until_us = 0;
		return;
	case PROBE_FAILED:
		open_up(r, report->policy, now_us, "the probe failed", change);
		return;
	case PROBE_OK:
		start_ramp(r, "the probe went well", change);
		if (r->ramp >= report->policy->in_flight)
			close_up(r, "closed", change);
		return;
	}
}

/* Those that began in the present era. A probe that was given to somebody else meanwhile is none of them. */
static struct call_count count_present(const struct receiver_state *r, const struct receiver_report *report)
{
	struct call_count calls = {0};
	if (report->era == r->probe)
		calls = (struct call_count){report->ok, report->failed};
	if (report->probe == r->probe)
		add(&calls, (struct call_count){
				    report->probe_result == PROBE_OK, report->probe_result == PROBE_FAILED});
	return calls;
}

/* Calls that end while it is open, or while another one's probe is under way, began before: they change
 * nothing, and no more do those of an era before. */
static void count(struct receiver_state *r, const struct receiver_report *report, int64_t now_us,
	struct receiver_change *change)
{
	struct call_count all = {report->ok, report->failed}, old = {report->old_ok, report->old_failed},
			  probe = {report->probe_result == PROBE_OK, report->probe_result == PROBE_FAILED},
			  present = count_present(r, report);
	bool is_probe = holds_probe(r, report);
	add(&all, old);
	add(&all, probe);
	if (calls_of(all))
		change->is_any = true;
	r->calls_total += calls_of(all);
	r->failed_total += all.failed;
	if (is_probe)
		take_probe(r, report, now_us, change);
	else if (calls_of(present) && r->breaker == BREAKER_CLOSED)
		count_closed(r, report->policy, present, now_us, change);
	else if (calls_of(present) && r->breaker == BREAKER_RAMPING)
		count_ramping(r, report->policy, present, now_us, change);
}

/* --- time --- */

static void cut(int64_t *until_us, int64_t limit_us, struct receiver_change *change)
{
	if (*until_us <= limit_us)
		return;
	*until_us = limit_us;
	touch(change);
}

static void pass_time(struct receiver_state *r, const struct breaker_policy *policy, int64_t now_us,
	struct receiver_change *change)
{
	if (r->breaker == BREAKER_OPEN) {
		cut(&r->opened_at_us, now_us, change);
		cut(&r->open_until_us, now_us + open_for_us(policy, r->opened_times), change);
	}
	if (r->breaker == BREAKER_PROBING)
		cut(&r->probe_until_us, now_us + policy->probe_us, change);
	if (r->is_paused && !receiver_is_paused(r, now_us)) {
		r->is_paused = false;
		r->paused_until_us = 0;
		r->paused_by[0] = '\0';
		tell(change, EVENT_RESUMED, "the pause is over");
	}
	if (r->breaker != BREAKER_CLOSED && policy->failed_percent == 0)
		close_up(r, "closed: the policy has no breaker", change);
}

/* --- the verbs --- */

static bool probe_is_due(const struct receiver_state *r, int64_t now_us)
{
	return (r->breaker == BREAKER_OPEN && now_us >= r->open_until_us) ||
	       (r->breaker == BREAKER_PROBING && now_us >= r->probe_until_us);
}

/* Given back: whoever asks next gets one. */
static bool probe_is_free(const struct receiver_state *r)
{
	return r->breaker == BREAKER_PROBING && r->probe_until_us == 0;
}

static void give_probe(struct receiver_state *r, const struct breaker_policy *policy, bool is_renewed,
	int64_t now_us, struct receiver_change *change)
{
	if (r->breaker == BREAKER_OPEN)
		tell(change, EVENT_BREAKER, "probing");
	else if (!probe_is_free(r) && !is_renewed)
		tell(change, EVENT_BREAKER, "probing again: nobody told what became of the last probe");
	touch(change);
	r->breaker = BREAKER_PROBING;
	r->open_until_us = 0;
	r->probe++;
	r->probe_until_us = now_us + policy->probe_us;
}

void receiver_take(struct receiver_state *r, struct receiver_report *report, int64_t now_us,
	struct receiver_change *change)
{
	uint32_t before = r->is_paused ? 0 : breaker_allows(r);
	bool was_free = probe_is_free(r);
	*change = (struct receiver_change){0};
	pass_time(r, report->policy, now_us, change);
	count(r, report, now_us, change);
	bool is_paused = receiver_is_paused(r, now_us);
	bool holds = holds_probe(r, report) && report->probe_result == PROBE_UNDER_WAY;
	report->has_probe = !is_paused && holds && now_us < r->probe_until_us;
	if (!is_paused && !report->has_probe && report->wants_probe && probe_is_due(r, now_us)) {
		give_probe(r, report->policy, holds, now_us, change);
		report->has_probe = true;
	}
	report->state = *r;
	report->may_run = report->has_probe ? 1 : receiver_may_run(r, now_us);
	report->allows_more = receiver_may_run(r, now_us) > before || (probe_is_free(r) && !was_free);
}

void receiver_report_calls(struct receiver_report *report, uint64_t era, uint32_t ok, uint32_t failed)
{
	if (era > report->era) {
		report->old_ok += report->ok;
		report->old_failed += report->failed;
		report->ok = report->failed = 0;
		report->era = era;
	}
	*(era == report->era ? &report->ok : &report->old_ok) += ok;
	*(era == report->era ? &report->failed : &report->old_failed) += failed;
}

void receiver_taken(struct receiver_report *report, bool is_kept)
{
	bool has_ended = report->probe_result == PROBE_OK || report->probe_result == PROBE_FAILED;
	bool has_calls = report->ok || report->failed || report->old_ok || report->old_failed;
	if (!is_kept && (has_calls || has_ended))
		return; /* it is told again */
	bool holds = report->has_probe ||
		     (report->probe_result == PROBE_UNDER_WAY && holds_probe(&report->state, report));
	report->probe = holds ? report->state.probe : 0;
	report->probe_result = PROBE_UNDER_WAY;
	report->ok = report->failed = report->old_ok = report->old_failed = 0;
	report->era = report->state.probe;
}

static void set_actor(struct receiver_state *r, struct slice actor)
{
	size_t len = actor.len <= RECEIVER_ACTOR_MAX ? actor.len : RECEIVER_ACTOR_MAX;
	while (len < actor.len && len > 0 && ((unsigned char)actor.p[len] & 0xc0) == 0x80)
		len--; /* not within a character */
	snprintf(r->paused_by, sizeof r->paused_by, "%.*s", (int)len, actor.p ? actor.p : "");
}

void receiver_pause(struct receiver_state *r, int64_t until_us, struct slice actor, int64_t now_us,
	struct receiver_change *change)
{
	*change = (struct receiver_change){0};
	if (receiver_is_paused(r, now_us) && r->paused_until_us == until_us)
		return;
	touch(change);
	r->is_paused = true;
	r->paused_until_us = until_us;
	set_actor(r, actor);
}

void receiver_resume(struct receiver_state *r, struct receiver_change *change)
{
	*change = (struct receiver_change){0};
	if (r->is_paused)
		touch(change);
	r->is_paused = false;
	r->paused_until_us = 0;
	r->paused_by[0] = '\0';
	if (r->breaker != BREAKER_OPEN && r->breaker != BREAKER_PROBING)
		return;
	if (r->breaker == BREAKER_OPEN)
		r->probe++; /* no probe has begun an era since it opened */
	r->opened_times = 0;
	start_ramp(r, "resumed by hand", change);
}
