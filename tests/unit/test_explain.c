/* tests/unit/test_explain.c: why a job does not run, as a table over all states and causes; and that each
 * obstacle is one that the scheduler's own predicates see. */
#include "spool/crew.h"
#include "spool/explain.h"
#include "spool/model/rules.h"
#include "tests/support/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define ID        "01a2103f-d904-7000-8000-00005cac7b5c"
#define HOLDER_ID "01a2103f-d904-7000-8000-00005cac7b00"
static const struct moment now = {INT64_C(1790000000000000), 5000000, 42}; /* 2026-09-21 14:13:20 */

/* A job and all that is around it, before a case changes one thing. */
struct setting {
	struct opts opts;
	struct job job, holder;
	struct receiver_state receivers[2];
	struct explain_view view;
};

static struct setting at_rest(void)
{
	struct setting s = {.job = JOB_INIT, .holder = JOB_INIT};
	assert_int_equal(opts_load("/dev/null", &s.opts, NULL), ST_OK);
	assert_int_equal(id_parse(slice_text(ID), &s.job.id), ST_OK);
	assert_int_equal(id_parse(slice_text(HOLDER_ID), &s.holder.id), ST_OK);
	s.job.phase = 7; /* calls integrations and python */
	s.job.has_turn = s.job.ordered = true;
	s.job.attempts_allowed = 15;
	s.job.run_at_us = s.job.accepted_at_us = now.wall_us - 1000000;
	s.holder.phase = 3;
	receiver_init(&s.receivers[0], slice_text("integrations"));
	receiver_init(&s.receivers[1], slice_text("python"));
	s.view = (struct explain_view){.now = now, .workers = 1};
	s.view.stats.jobs[phase_slot(7)][JOB_WAITING] = 3;
	return s;
}

static void look(struct setting *s, struct explanation *e)
{
	s->view.opts = &s->opts;
	s->view.receivers = s->receivers;
	s->view.receivers_n = 2;
	explain(&s->job, &s->view, e);
}

/* --- what each case changes --- */

static void complete(struct setting *s)
{
	s->job.state = JOB_COMPLETED;
	s->job.attempts_made = 2;
	s->job.finished_at_us = now.wall_us;
}
static void fail_it(struct setting *s)
{
	complete(s);
	s->job.state = JOB_FAILED;
	s->job.error = slice_text("answered 404");
}
static void cancel(struct setting *s)
{
	complete(s);
	s->job.state = JOB_CANCELLED;
}
static void forget(struct setting *s)
{
	fail_it(s);
	s->job.is_forgotten = true;
}
static void hold(struct setting *s)
{
	s->job.state = JOB_HELD;
}
static void crash(struct setting *s)
{
	s->job.state = JOB_HELD;
	s->job.crashes = JOB_CRASHES_MAX;
}
static void run(struct setting *s)
{
	struct event event;
	struct claim_ask ask = {.owner = "host:7", .max = 1, .lease_ms = 60000};
	assert_int_equal(rules_claim(&s->job, &ask, now, &event, NULL), ST_OK);
}
static void run_out(struct setting *s)
{
	run(s);
	s->job.lease.deadline_boot_us = now.boot_us;
	assert_true(rules_lease_is_over(&s->job, now));
}
static void run_out_alone(struct setting *s)
{
	run_out(s);
	s->view.workers = 0;
}
static void reboot(struct setting *s)
{
	run(s);
	s->job.lease.boot_id = 41;
}
static void schedule(struct setting *s)
{
	s->job.state = JOB_DELAYED;
	s->job.run_at_us = now.wall_us + 60000000;
}
static void retry(struct setting *s)
{
	schedule(s);
	s->job.attempts_made = 1;
	s->job.error = slice_text("answered 503");
}
static void retry_due(struct setting *s)
{
	retry(s);
	s->job.run_at_us = now.wall_us;
}
static void pause_phase(struct setting *s)
{
	s->view.stats.paused_phases = 1u << phase_slot(7);
}
static void retry_in_paused(struct setting *s)
{
	retry(s);
	pause_phase(s);
}
static void pause_python(struct setting *s, int64_t until_us)
{
	struct receiver_change change = {0};
	receiver_pause(&s->receivers[1], until_us, slice_text("operator:anna"), now.wall_us, &change);
	assert_int_equal(receiver_may_run(&s->receivers[1], now.wall_us), 0);
}
static void pause_receiver(struct setting *s)
{
	pause_python(s, 0);
}
static void pause_receiver_until(struct setting *s)
{
	pause_python(s, now.wall_us + 3600000000);
}
static void pause_other_receiver(struct setting *s)
{
	s->job.phase = 1; /* calls integrations alone */
	pause_python(s, 0);
}
static void pause_of_the_past(struct setting *s)
{
	pause_python(s, now.wall_us + 1);
	s->view.now.wall_us += 2;
}
static void retry_to_paused_until(struct setting *s)
{
	retry(s);
	pause_receiver_until(s);
}
static void open_breaker(struct setting *s)
{
	s->receivers[0].breaker = BREAKER_OPEN;
	s->receivers[0].open_until_us = now.wall_us + 5000000;
}
static void open_and_paused(struct setting *s)
{
	open_breaker(s);
	pause_receiver_until(s);
}
static void probe(struct setting *s)
{
	s->receivers[0].breaker = BREAKER_PROBING;
	s->receivers[0].probe_until_us = now.wall_us + 9000000;
}
static void ramp(struct setting *s)
{
	s->receivers[1].breaker = BREAKER_RAMPING;
	s->receivers[1].ramp = 2;
	s->view.stats.jobs[phase_slot(3)][JOB_ACTIVE] = 2;
	assert_int_equal(receiver_may_run(&s->receivers[1], now.wall_us), 2);
}
static void ramp_with_room(struct setting *s)
{
	ramp(s);
	s->view.stats.jobs[phase_slot(3)][JOB_ACTIVE] = 1;
}
static void fill_phase(struct setting *s)
{
	s->opts.phase[phase_slot(7)].concurrency = 2;
	s->view.stats.jobs[phase_slot(7)][JOB_ACTIVE] = 4;
	s->view.workers = 2;
}
static void fill_phase_not_quite(struct setting *s)
{
	fill_phase(s);
	s->view.stats.jobs[phase_slot(7)][JOB_ACTIVE] = 3;
}
static void fill_receiver(struct setting *s)
{
	s->opts.receivers[RECEIVER_PYTHON].concurrency = 4;
	s->view.stats.jobs[phase_slot(6)][JOB_ACTIVE] =
		opts_receiver_room(&s->opts.receivers[RECEIVER_PYTHON], UINT32_MAX, 0);
}
static void lose_workers(struct setting *s)
{
	s->view.workers = 0;
}
static void do_not_know_workers(struct setting *s)
{
	s->view.workers = -1;
}
static void join_crowd(struct setting *s)
{
	s->job.in_crowd = true;
}
static void stand_behind(struct setting *s)
{
	s->job.has_turn = false;
	s->holder.state = JOB_ACTIVE;
	s->view.holder = &s->holder;
	assert_false(rules_is_claimable(&s->job));
}
static void stand_behind_delayed(struct setting *s)
{
	stand_behind(s);
	s->holder.state = JOB_DELAYED;
	s->holder.run_at_us = now.wall_us + 60000000;
}
static void stand_behind_held(struct setting *s)
{
	stand_behind(s);
	s->holder.state = JOB_HELD;
}
static void stand_behind_unknown(struct setting *s)
{
	stand_behind(s);
	s->view.holder = NULL;
}
static void nothing(struct setting *s)
{
	(void)s;
}

#define IN(us) (INT64_C(1790000000000000) + (us))
static const struct {
	void (*change)(struct setting *s);
	enum explain_cause cause;
	int64_t next_at_us;
	const char *text, *todo; /* text: all of it, or with ... after it how it begins */
} cases[] = {
	{complete, EXPLAIN_COMPLETED, 0, "It ended well at 2026-09-21 14:13:20 UTC, in try 2.", ""},
	{fail_it, EXPLAIN_FAILED, 0,
		"It failed for good at 2026-09-21 14:13:20 UTC, in try 2 of 15: answered 404.",
		"when the cause is gone: clario-spool retry " ID},
	{cancel, EXPLAIN_CANCELLED, 0, "It was cancelled at 2026-09-21 14:13:20 UTC, after 2 tries.",
		"when it shall run after all: clario-spool retry " ID},
	{forget, EXPLAIN_FORGOTTEN, 0,
		"It ended (failed) at 2026-09-21 14:13:20 UTC and its person was forgotten: it cannot be run "
		"again.",
		""},
	{hold, EXPLAIN_HELD, 0, "An operator holds it; it stays until it is released.",
		"to let it run: clario-spool release " ID},
	{crash, EXPLAIN_CRASHED, 0,
		"Its worker died 3 times while running it, so it is held until it is released.",
		"see the worker's log for what killed it, then: clario-spool release " ID},
	{run, EXPLAIN_RUNNING, 0,
		"host:7 has it since 2026-09-21 14:13:20 UTC (try 1 of 15); unless renewed its lease ends in "
		"60 s.",
		""},
	{run_out, EXPLAIN_LEASE_OVER, 0,
		"The lease of host:7, which ran it (try 1 of 15), is over; it is handed out again when a "
		"worker "
		"looks.",
		""},
	{reboot, EXPLAIN_LEASE_OVER, 0,
		"The lease of host:7, which ran it (try 1 of 15), is over; it is handed out again when a "
		"worker "
		"looks.",
		""},
	{run_out_alone, EXPLAIN_LEASE_OVER, 0,
		"The lease of host:7, which ran it (try 1 of 15), is over; it is handed out again when a "
		"worker "
		"looks.",
		"no worker lives: start clario-worker"},
	{schedule, EXPLAIN_SCHEDULED, IN(60000000),
		"It was asked for later; try 1 follows at 2026-09-21 14:14:20 UTC.",
		"not to wait for that: clario-spool run-now " ID},
	{retry, EXPLAIN_RETRYING, IN(60000000),
		"Try 1 of 15 failed (answered 503); try 2 follows at 2026-09-21 14:14:20 UTC.",
		"not to wait for that: clario-spool run-now " ID},
	{retry_due, EXPLAIN_RETRYING, IN(0),
		"Try 1 of 15 failed (answered 503); try 2 was due at 2026-09-21 14:13:20 UTC, which a "
		"worker's "
		"next look sees.",
		""},
	{retry_in_paused, EXPLAIN_RETRYING, 0,
		"Try 1 of 15 failed (answered 503); try 2 follows at 2026-09-21 14:14:20 UTC; besides, phase "
		"7 is "
		"paused by an operator.",
		"clario-spool resume --phase 7"},
	{retry_to_paused_until, EXPLAIN_RETRYING, IN(3600000000),
		"Try 1 of 15 failed (answered 503); try 2 follows at 2026-09-21 14:14:20 UTC; besides, the "
		"receiver "
		"python is paused by an operator until 2026-09-21 15:13:20 UTC.",
		"clario-spool resume --receiver python"},
	{stand_behind, EXPLAIN_BEHIND, 0,
		"Job " HOLDER_ID " of its workflow (phase 3, active) has the turn, and must end first.",
		"to see what that one waits for: clario-spool explain " HOLDER_ID},
	{stand_behind_delayed, EXPLAIN_BEHIND, 0,
		"Job " HOLDER_ID
		" of its workflow (phase 3, delayed until 2026-09-21 14:14:20 UTC) has the turn, "
		"and must end first.",
		"to see what that one waits for: clario-spool explain " HOLDER_ID},
	{stand_behind_held, EXPLAIN_BEHIND, 0,
		"Job " HOLDER_ID " of its workflow (phase 3, held) has the turn, and must end first.",
		"clario-spool release " HOLDER_ID ", or cancel it"},
	{stand_behind_unknown, EXPLAIN_BEHIND, 0,
		"An earlier job of its workflow has the turn, and must end first.", ""},
	{pause_phase, EXPLAIN_PHASE_PAUSED, 0, "It is its turn, but phase 7 is paused by an operator.",
		"clario-spool resume --phase 7"},
	{lose_workers, EXPLAIN_NO_WORKER, 0, "It is its turn, but no worker lives.",
		"start clario-worker, or see its log for why it stopped"},
	{do_not_know_workers, EXPLAIN_READY, IN(0),
		"Nothing keeps it: a worker takes it by priority and age (3 jobs of phase 7 wait).", ""},
	{pause_receiver, EXPLAIN_RECEIVER_PAUSED, 0,
		"It is its turn, but the receiver python is paused by an operator until it is resumed.",
		"clario-spool resume --receiver python"},
	{pause_receiver_until, EXPLAIN_RECEIVER_PAUSED, IN(3600000000),
		"It is its turn, but the receiver python is paused by an operator until 2026-09-21 15:13:20 "
		"UTC.",
		"clario-spool resume --receiver python"},
	{pause_other_receiver, EXPLAIN_READY, IN(0),
		"Nothing keeps it: a worker takes it by priority and age (0 jobs of phase 1 wait).", ""},
	{pause_of_the_past, EXPLAIN_READY, IN(2),
		"Nothing keeps it: a worker takes it by priority and age (3 jobs of phase 7 wait).", ""},
	{open_breaker, EXPLAIN_RECEIVER_OPEN, IN(5000000),
		"It is its turn, but the breaker of the receiver integrations is open, for its calls failed; "
		"one is "
		"tried from 2026-09-21 14:13:25 UTC on.",
		"see to the receiver; to try at once: clario-spool resume --receiver integrations"},
	{open_and_paused, EXPLAIN_RECEIVER_PAUSED, IN(3600000000),
		"It is its turn, but the receiver python is paused by an operator until 2026-09-21 15:13:20 "
		"UTC.",
		"clario-spool resume --receiver python"},
	{probe, EXPLAIN_RECEIVER_OPEN, IN(9000000),
		"It is its turn, but the breaker of the receiver integrations is open and one call is being "
		"tried.",
		"see to the receiver; to try at once: clario-spool resume --receiver integrations"},
	{ramp, EXPLAIN_RECEIVER_FULL, 0,
		"It is its turn, but 2 jobs that need the receiver python are with workers, as many as its "
		"breaker "
		"lets, while it comes back; the next place is free when one of them ends.",
		""},
	{ramp_with_room, EXPLAIN_READY, IN(0),
		"Nothing keeps it: a worker takes it by priority and age (3 jobs of phase 7 wait).", ""},
	{fill_phase, EXPLAIN_PHASE_FULL, 0,
		"It is its turn, but 4 jobs of phase 7 run, as many as phase.7.concurrency lets; the next "
		"place is "
		"free when one of them ends.",
		""},
	{fill_phase_not_quite, EXPLAIN_READY, IN(0),
		"Nothing keeps it: a worker takes it by priority and age (3 jobs of phase 7 wait).", ""},
	{fill_receiver, EXPLAIN_RECEIVER_FULL, 0,
		"It is its turn, but 8 jobs that need the receiver python are with workers, as many as its "
		"pace asks for; the next place is free when one of them ends.",
		""},
	{join_crowd, EXPLAIN_CROWD, IN(0),
		"It is its turn, but its user submits far more than others, and such jobs take turns (3 jobs "
		"of "
		"phase 7 wait).",
		""},
	{nothing, EXPLAIN_READY, IN(0),
		"Nothing keeps it: a worker takes it by priority and age (3 jobs of phase 7 wait).", ""},
};

static void table__of_states_and_causes(void **state)
{
	(void)state;
	bool seen[EXPLAIN_CAUSE_N] = {false};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct setting s = at_rest();
		struct explanation e;
		cases[i].change(&s);
		look(&s, &e);
		if (e.cause != cases[i].cause || e.next_at_us != cases[i].next_at_us ||
			strcmp(e.text, cases[i].text) != 0 || strcmp(e.todo, cases[i].todo) != 0)
			fail_msg("case %zu: %s, next %lld, \"%s\", \"%s\"; wanted %s, %lld, \"%s\", \"%s\"",
				i, explain_cause_name(e.cause), (long long)e.next_at_us, e.text, e.todo,
				explain_cause_name(cases[i].cause), (long long)cases[i].next_at_us,
				cases[i].text, cases[i].todo);
		seen[e.cause] = true;
		opts_release(&s.opts);
	}
	for (int cause = 0; cause < EXPLAIN_CAUSE_N; cause++)
		if (!seen[cause])
			fail_msg("no case for %s", explain_cause_name((enum explain_cause)cause));
}

static void error__is_masked(void **state)
{
	(void)state;
	struct setting s = at_rest();
	struct explanation e;
	fail_it(&s);
	s.job.error = slice_text("refused: Bearer abcdefghijklmnop");
	s.view.mask = s.opts.privacy.mask;
	look(&s, &e);
	assert_null(strstr(e.text, "abcdefghijklmnop"));
	assert_non_null(strstr(e.text, "***"));
	opts_release(&s.opts);
}

static void long_error__is_cut_at_the_end_of_the_text(void **state)
{
	(void)state;
	struct setting s = at_rest();
	struct explanation e;
	char error[JOB_ERROR_MAX + 1];
	fail_it(&s);
	memset(error, 'x', JOB_ERROR_MAX);
	error[JOB_ERROR_MAX] = '\0';
	s.job.error = slice_text(error);
	look(&s, &e);
	assert_int_equal(strlen(e.text), EXPLAIN_TEXT_MAX);
	opts_release(&s.opts);
}

static void json__has_the_promised_members(void **state)
{
	(void)state;
	struct setting s = at_rest();
	struct explanation e;
	struct buf out = BUF_INIT(4096);
	struct jx_writer w;
	retry(&s);
	look(&s, &e);
	jx_begin(&w, &out);
	explain_json(&w, NULL, &e);
	assert_string_equal(out.p,
		"{\"cause\":\"retrying\",\"text\":\"Try 1 of 15 failed (answered 503); try 2 follows at "
		"2026-09-21 "
		"14:14:20 UTC.\",\"next_at\":\"2026-09-21T14:14:20.000Z\",\"todo\":\"not to wait for that: "
		"clario-spool run-now " ID "\"}");
	buf_release(&out);
	opts_release(&s.opts);
}

/* --- who works --- */

static int make(const char *dir, const char *name)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	return fd;
}

static void crew__lives_as_long_as_its_locks(void **state)
{
	(void)state;
	char dir[] = "/tmp/clario-crew-XXXXXX", command[64];
	struct crew_member crew[CREW_MAX];
	assert_non_null(mkdtemp(dir));
	assert_int_equal(crew_count(dir), 0);
	int lives = make(dir, "running.host.example.4711"), second = make(dir, "running.host.4711.3");
	close(make(dir, "running.host.9"));
	close(make(dir, "running.nonsense"));
	close(make(dir, "wake"));
	assert_int_equal(flock(lives, LOCK_EX), 0);
	assert_int_equal(flock(second, LOCK_EX), 0);
	assert_int_equal(crew_look(dir, crew), 3);
	for (int i = 0; i < 3; i++) {
		bool is_dead = strcmp(crew[i].name, "host:9") == 0;
		assert_true(is_dead || strcmp(crew[i].name, "host.example:4711") == 0 ||
			    strcmp(crew[i].name, "host:4711") == 0);
		assert_int_equal(crew[i].lives, !is_dead);
	}
	assert_int_equal(crew_count(dir), 2);
	close(second);
	assert_int_equal(crew_count(dir), 1);
	close(lives);
	assert_int_equal(crew_count("/nonexistent"), -1);
	snprintf(command, sizeof command, "rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table__of_states_and_causes),
		cmocka_unit_test(error__is_masked),
		cmocka_unit_test(long_error__is_cut_at_the_end_of_the_text),
		cmocka_unit_test(json__has_the_promised_members),
		cmocka_unit_test(crew__lives_as_long_as_its_locks),
	};
	return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
