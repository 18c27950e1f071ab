/* tests/unit/test_model.c: states, rules and tables of spool/model, as tables. */
#include "spool/model/rules.h"
#include "tests/support/unit.h"

static const struct moment NOON = {.wall_us = INT64_C(1790000000000000), .boot_us = 5000000, .boot_id = 7};

static struct moment later(int64_t us)
{
	return (struct moment){NOON.wall_us + us, NOON.boot_us + us, NOON.boot_id};
}

static struct trigger trigger_of(int phase)
{
	return (struct trigger){
		.phase = phase,
		.attempts_allowed = 3,
		.give_up_after_us = 3600000000,
		.workflow_id = slice_text("sync-1"),
		.user_id = slice_text("user-1"),
		.payload = slice_text("{\"user_id\":\"user-1\"}"),
		.source = slice_text("tests"),
	};
}

static struct job accepted(const struct trigger *t)
{
	struct job job;
	struct event event;
	rules_accept(&job, t, id_next((struct job_id){{0}}, NOON.wall_us), NOON, true, true, &event);
	return job;
}

static const struct claim_ask ASK = {.owner = "host:1", .max = 1, .lease_ms = 60000};

static struct job claimed(const struct trigger *t)
{
	struct job job = accepted(t);
	struct event event;
	assert_int_equal(rules_claim(&job, &ASK, NOON, &event, NULL), ST_OK);
	return job;
}

static void states__every_pair_is_decided(void **state)
{
	(void)state;
	/* Rows: from; columns: waiting delayed active completed failed held cancelled. */
	static const char *const legal[JOB_STATE_N] = {
		[JOB_WAITING] = "..x..xx",
		[JOB_DELAYED] = "x....xx",
		[JOB_ACTIVE] = "xx.xxxx",
		[JOB_COMPLETED] = "x......",
		[JOB_FAILED] = "x......",
		[JOB_HELD] = "xx....x",
		[JOB_CANCELLED] = "x......",
	};
	for (int from = 0; from < JOB_STATE_N; from++)
		for (int to = 0; to < JOB_STATE_N; to++) {
			struct job job = {.state = (enum job_state)from};
			bool want = legal[from][to] == 'x';
			enum status st = job_move(&job, (enum job_state)to, NULL);
			assert_int_equal(st, want ? ST_OK : ST_CONFLICT);
			assert_int_equal(job.state, want ? to : from);
		}
	assert_false(job_move_is_legal((enum job_state)99, JOB_WAITING));
}

static void names__read_back(void **state)
{
	(void)state;
	for (int i = 0; i < JOB_STATE_N; i++) {
		enum job_state got;
		assert_true(job_state_parse(slice_text(job_state_name((enum job_state)i)), &got));
		assert_int_equal(got, i);
	}
	for (int i = 0; i < EVENT_KIND_N; i++) {
		enum event_kind got;
		assert_true(event_kind_parse(slice_text(event_kind_name((enum event_kind)i)), &got));
		assert_int_equal(got, i);
	}
	for (int i = 0; i < STEER_VERB_N; i++) {
		enum steer_verb got;
		assert_true(steer_verb_parse(slice_text(steer_verb_name((enum steer_verb)i)), &got));
		assert_int_equal(got, i);
	}
	enum job_state none;
	assert_false(job_state_parse(slice_text("waitin"), &none));
}

static void phases__slots_and_numbers_agree(void **state)
{
	(void)state;
	static const int percent[] = {14, 29, 43, 57, 71, 86, 100};
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		assert_int_equal(phase_slot(phase_of_slot(slot)), slot);
	for (int n = -1; n < 20; n++) {
		bool exists = (n >= 1 && n <= 7) || (n >= 10 && n <= 14);
		assert_int_equal(phase_slot(n) >= 0, exists);
		assert_int_equal(phase_info(n) != NULL, exists);
	}
	for (int n = 1; n <= 7; n++)
		assert_int_equal(phase_info(n)->percent, percent[n - 1]);
}

static void check_trigger__names_what_is_wrong(void **state)
{
	(void)state;
	char long_text[JOB_TEXT_MAX + 2];
	memset(long_text, 'x', sizeof long_text);
	const struct {
		const char *name;
		struct trigger t;
		const char *word;
	} rows[] = {
		{"phase", {.phase = 8}, "phase"},
		{"workflow", {.phase = 1, .user_id = slice_text("u")}, "workflow_id"},
		{"user", {.phase = 1, .workflow_id = slice_text("w")}, "user_id"},
		{"long user",
			{.phase = 1,
				.workflow_id = slice_text("w"),
				.user_id = slice_of(long_text, JOB_TEXT_MAX + 1)},
			"user_id"},
		{"priority",
			{.phase = 1,
				.workflow_id = slice_text("w"),
				.user_id = slice_text("u"),
				.priority = 10},
			"priority"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct why why = WHY_INIT;
		assert_int_equal(rules_check_trigger(&rows[i].t, &why), ST_INVALID);
		if (!strstr(why.text, rows[i].word))
			fail_msg("%s: %s", rows[i].name, why.text);
	}
	struct trigger good = trigger_of(3);
	good.workflow_id = slice_of(long_text, JOB_TEXT_MAX);
	assert_int_equal(rules_check_trigger(&good, NULL), ST_OK);
}

static void accept__due_or_delayed(void **state)
{
	(void)state;
	struct trigger t = trigger_of(3);
	struct job job = accepted(&t);
	assert_int_equal(job.state, JOB_WAITING);
	assert_int_equal(job.run_at_us, NOON.wall_us);
	t.run_at_us = NOON.wall_us + 1;
	job = accepted(&t);
	assert_int_equal(job.state, JOB_DELAYED);
	assert_int_equal(rules_place(&job), PLACE_DELAYED);
	assert_int_equal(rules_place_at_us(&job), t.run_at_us);
	t.run_at_us = 5; /* long past: due at once, and not ahead of what waits already */
	job = accepted(&t);
	assert_int_equal(job.run_at_us, NOON.wall_us);
}

static void claim__raises_token_and_counts(void **state)
{
	(void)state;
	struct trigger t = trigger_of(3);
	struct job job = accepted(&t);
	for (unsigned attempt = 1; attempt <= 3; attempt++) {
		struct event event;
		struct settlement back = {.kind = SETTLE_RETRY, .token = attempt, .error = slice_text("503")};
		assert_int_equal(rules_claim(&job, &ASK, NOON, &event, NULL), ST_OK);
		assert_int_equal(job.lease.token, attempt);
		assert_int_equal(job.attempts_made, attempt);
		assert_string_equal(job.lease.owner, "host:1");
		assert_int_equal(event.kind, EVENT_CLAIMED);
		assert_int_equal(event.from, JOB_WAITING);
		assert_int_equal(event.to, JOB_ACTIVE);
		assert_int_equal(rules_settle(&job, &back, NOON, &event, NULL), ST_OK);
		assert_int_equal(job.state, JOB_DELAYED);
		assert_string_equal(job.lease.owner, "");
		assert_int_equal(rules_due(&job, NOON, NULL), ST_OK);
	}
}

static void settle__stale_token_changes_nothing(void **state)
{
	(void)state;
	struct trigger t = trigger_of(3);
	for (int kind = SETTLE_COMPLETE; kind <= SETTLE_ORPHAN; kind++) {
		struct job job = claimed(&t), before = job;
		struct event event;
		struct settlement s = {
			.kind = (enum settle_kind)kind, .token = job.lease.token + 1, .lease_ms = 5};
		assert_int_equal(rules_settle(&job, &s, NOON, &event, NULL), ST_CONFLICT);
		assert_memory_equal(&job, &before, sizeof job);
		assert_int_equal(event.kind, EVENT_FENCED);
		s.token = job.lease.token;
		job.state = before.state = JOB_CANCELLED;
		assert_int_equal(rules_settle(&job, &s, NOON, &event, NULL), ST_CONFLICT);
		assert_memory_equal(&job, &before, sizeof job);
	}
}

static void settle__each_kind(void **state)
{
	(void)state;
	static const struct {
		enum settle_kind kind;
		enum job_state to;
		enum event_kind event;
		unsigned attempts;
		bool ended;
	} rows[] = {
		{SETTLE_COMPLETE, JOB_COMPLETED, EVENT_COMPLETED, 1, true},
		{SETTLE_RETRY, JOB_DELAYED, EVENT_RETRY, 1, false},
		{SETTLE_FAIL, JOB_FAILED, EVENT_FAILED, 1, true},
		{SETTLE_RELEASE, JOB_WAITING, EVENT_RELEASED, 0, false},
		{SETTLE_CHECKPOINT, JOB_ACTIVE, EVENT_CHECKPOINT, 1, false},
		{SETTLE_CRASH, JOB_WAITING, EVENT_CRASHED, 1, false},
		{SETTLE_ORPHAN, JOB_WAITING, EVENT_LEASE_EXPIRED, 1, false},
	};
	struct trigger t = trigger_of(7);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct job job = claimed(&t);
		struct event event;
		struct settlement s = {
			.kind = rows[i].kind, .token = 1, .run_at_us = NOON.wall_us + 2000000, .span = 99};
		s.error = slice_text("no");
		s.outcome = slice_text("{}");
		s.checkpoint = slice_text("{\"fee\":1}");
		assert_int_equal(rules_settle(&job, &s, later(10), &event, NULL), ST_OK);
		assert_int_equal(job.state, rows[i].to);
		assert_int_equal(event.kind, rows[i].event);
		assert_int_equal(event.to, rows[i].to);
		assert_int_equal(event.span, 99);
		assert_int_equal(job.attempts_made, rows[i].attempts);
		assert_int_equal(job.finished_at_us != 0, rows[i].ended);
		assert_int_equal(job.has_turn, !rows[i].ended);
		assert_int_equal(job.checkpoint.len != 0, rows[i].kind == SETTLE_CHECKPOINT);
	}
}

static void crash__is_counted_apart_and_held_at_the_third(void **state)
{
	(void)state;
	static const struct {
		enum job_state to;
		const char *words;
	} rows[] = {
		{JOB_WAITING, "its worker died while running it (1 of 3)"},
		{JOB_WAITING, "its worker died while running it (2 of 3)"},
		{JOB_HELD, "its worker died while running it (3 of 3): held until it is released"},
	};
	struct trigger t = trigger_of(3);
	struct job job = accepted(&t);
	for (unsigned i = 0; i < 3; i++) {
		struct event event;
		struct settlement s = {.kind = SETTLE_CRASH, .token = i + 1};
		assert_int_equal(rules_claim(&job, &ASK, later(i), &event, NULL), ST_OK);
		assert_int_equal(rules_settle(&job, &s, later(i), &event, NULL), ST_OK);
		assert_int_equal(job.state, rows[i].to);
		assert_int_equal(job.crashes, i + 1);
		/* The attempt has its number, and costs none of those allowed. */
		assert_int_equal(job.attempts_made, i + 1);
		assert_int_equal(job.attempts_allowed - job.attempts_made, 3);
		assert_true(job.has_turn);
		assert_string_equal(job.lease.owner, "");
		assert_true(slice_is(job.error, rows[i].words));
		assert_true(slice_is(event.reason, rows[i].words));
		assert_int_equal(event.kind, EVENT_CRASHED);
		assert_int_equal(event.from, JOB_ACTIVE);
		assert_int_equal(event.to, rows[i].to);
	}
}

static void orphan__is_tried_again_without_a_charge(void **state)
{
	(void)state;
	struct trigger t = trigger_of(3);
	t.attempts_allowed = 1;
	struct job job = claimed(&t);
	struct event event;
	struct settlement s = {.kind = SETTLE_ORPHAN, .token = 1};
	assert_int_equal(rules_settle(&job, &s, later(9), &event, NULL), ST_OK);
	assert_int_equal(job.attempts_made, 1);
	assert_int_equal(job.attempts_allowed, 2);
	assert_int_equal(job.crashes, 0);
	assert_int_equal(job.error.len, 0);
	assert_int_equal(job.run_at_us, NOON.wall_us);
	assert_true(slice_is(event.reason, "its worker died while running another job"));
}

static void crash__is_forgiven_by_an_operator_alone(void **state)
{
	(void)state;
	static const struct {
		enum steer_verb verb;
		enum job_state from;
		unsigned left;
	} rows[] = {
		{STEER_RELEASE, JOB_HELD, 0},
		{STEER_RETRY, JOB_CANCELLED, 0},
		{STEER_REPLAY, JOB_COMPLETED, 0},
		{STEER_HOLD, JOB_WAITING, 2},
		{STEER_RUN_NOW, JOB_DELAYED, 2},
		{STEER_CANCEL, JOB_WAITING, 2},
	};
	struct trigger t = trigger_of(3);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct job job = accepted(&t);
		struct event event;
		job.crashes = 2;
		job.state = rows[i].from;
		assert_int_equal(rules_steer(&job, rows[i].verb, NOON, slice_text("operator:me"),
					 slice_text("because"), &event, NULL),
			ST_OK);
		assert_int_equal(job.crashes, rows[i].left);
	}
	struct job stalled = claimed(&t);
	struct event event;
	stalled.crashes = 2;
	assert_int_equal(rules_expire_lease(&stalled, later(1), &event, NULL), ST_OK);
	assert_int_equal(stalled.crashes, 2); /* a stall is no crash */
	/* A number from elsewhere that is beyond all bounds. */
	struct job job = claimed(&t);
	struct settlement s = {.kind = SETTLE_CRASH, .token = 1};
	job.crashes = UINT32_MAX;
	assert_int_equal(rules_settle(&job, &s, NOON, &event, NULL), ST_OK);
	assert_int_equal(job.state, JOB_HELD);
}

static void lease__over_by_time_or_by_boot(void **state)
{
	(void)state;
	struct trigger t = trigger_of(3);
	struct job job = claimed(&t);
	struct moment other_boot = NOON, stepped = later(1);
	other_boot.boot_id++;
	stepped.wall_us += INT64_C(86400000000); /* the wall clock alone must not end a lease */
	assert_false(rules_lease_is_over(&job, later(59999999)));
	assert_true(rules_lease_is_over(&job, later(60000000)));
	assert_true(rules_lease_is_over(&job, other_boot));
	assert_false(rules_lease_is_over(&job, stepped));
}

static void lease__a_job_that_kills_its_workers_ends(void **state)
{
	(void)state;
	struct trigger t = trigger_of(3);
	struct job job = accepted(&t);
	for (unsigned attempt = 1; attempt <= t.attempts_allowed; attempt++) {
		struct event event;
		bool is_last = attempt == t.attempts_allowed;
		assert_int_equal(rules_claim(&job, &ASK, NOON, &event, NULL), ST_OK);
		assert_int_equal(rules_expire_lease(&job, later(1), &event, NULL), ST_OK);
		assert_int_equal(job.state, is_last ? JOB_FAILED : JOB_WAITING);
		assert_int_equal(event.kind, EVENT_LEASE_EXPIRED);
	}
}

static void steer__from_each_state(void **state)
{
	(void)state;
	/* Rows: verb; columns: states; letter: where it goes (w d h c), '.': refused. */
	static const char *const rows[STEER_VERB_N] = {
		[STEER_RETRY] = "....w.w",
		[STEER_CANCEL] = "ccc..c.",
		[STEER_HOLD] = "hh.....",
		[STEER_RELEASE] = ".....w.",
		[STEER_RUN_NOW] = ".w.....",
		[STEER_REPLAY] = "...ww.w",
	};
	static const char letters[JOB_STATE_N] = {'w', 'd', 'a', 'o', 'f', 'h', 'c'};
	struct trigger t = trigger_of(3);
	for (int verb = 0; verb < STEER_VERB_N; verb++)
		for (int from = 0; from < JOB_STATE_N && verb != STEER_PURGE; from++) {
			struct job job = accepted(&t);
			struct event event;
			job.state = (enum job_state)from;
			enum status st = rules_steer(&job, (enum steer_verb)verb, NOON,
				slice_text("operator:me"), slice_text("because"), &event, NULL);
			assert_int_equal(st, rows[verb][from] == '.' ? ST_CONFLICT : ST_OK);
			if (st == ST_OK)
				assert_int_equal(letters[job.state], rows[verb][from]);
			else
				assert_int_equal(job.state, from);
		}
}

/* What ends by it is no job any more: the store does it, and asks only whether it may. */
static void steer__purge_is_for_what_has_ended(void **state)
{
	(void)state;
	struct trigger t = trigger_of(3);
	for (int from = 0; from < JOB_STATE_N; from++) {
		struct job job = accepted(&t);
		struct event event;
		job.state = (enum job_state)from;
		assert_int_equal(
			rules_steer_allows(STEER_PURGE, job.state), job_state_is_ended((enum job_state)from));
		assert_int_equal(
			rules_steer(&job, STEER_PURGE, NOON, slice_text("o"), slice_text("x"), &event, NULL),
			ST_INVALID);
		assert_int_equal(job.state, from);
	}
}

static void steer__retry_grants_anew_and_release_keeps_the_delay(void **state)
{
	(void)state;
	struct trigger t = trigger_of(3);
	struct job job = accepted(&t);
	struct event event;
	job.state = JOB_FAILED;
	job.attempts_made = 3;
	job.outcome = slice_text("{}");
	assert_int_equal(
		rules_steer(&job, STEER_RETRY, later(7), slice_text("o"), slice_text(""), &event, NULL),
		ST_OK);
	assert_int_equal(job.attempts_allowed, 6);
	assert_int_equal(job.give_up_at_us, later(7).wall_us + t.give_up_after_us);
	assert_int_equal(job.outcome.len, 0);
	job.state = JOB_HELD;
	job.run_at_us = later(100).wall_us;
	assert_int_equal(
		rules_steer(&job, STEER_RELEASE, later(50), slice_text("o"), slice_text(""), &event, NULL),
		ST_OK);
	assert_int_equal(job.state, JOB_DELAYED);
}

static void steer__replay_forgets_what_was_done_and_says_why(void **state)
{
	(void)state;
	struct trigger t = trigger_of(7);
	struct job job = claimed(&t);
	struct event event;
	struct slice who = slice_text("operator:me"), why = slice_text("they lost it"), none = SLICE_INIT;
	struct settlement s = {.kind = SETTLE_COMPLETE, .token = 1, .outcome = slice_text("{}")};
	job.checkpoint = slice_text("{\"fee\":1}");
	assert_int_equal(rules_settle(&job, &s, NOON, &event, NULL), ST_OK);
	assert_int_equal(rules_steer(&job, STEER_REPLAY, later(7), who, none, &event, NULL), ST_INVALID);
	assert_int_equal(job.state, JOB_COMPLETED);
	assert_int_equal(rules_steer(&job, STEER_REPLAY, later(7), who, why, &event, NULL), ST_OK);
	assert_int_equal(job.state, JOB_WAITING);
	assert_int_equal(job.attempts_made, 1);
	assert_int_equal(job.attempts_allowed, 4);
	assert_int_equal(job.give_up_at_us, later(7).wall_us + t.give_up_after_us);
	assert_int_equal(job.outcome.len + job.checkpoint.len, 0);
	assert_int_equal(job.finished_at_us, 0);
	assert_int_equal(event.kind, EVENT_REPLAYED);
	assert_int_equal(event.from, JOB_COMPLETED);
	assert_true(slice_eq(event.actor, who) && slice_eq(event.reason, why));
	assert_int_equal(rules_claim(&job, &ASK, later(8), &event, NULL), ST_OK);
	assert_int_equal(job.attempts_made, 2);
	assert_int_equal(job.lease.token, 2);
}

static void dedupe__as_a_table(void **state)
{
	(void)state;
	static const struct dedupe_policy week = {.window_us = INT64_C(7) * 86400 * 1000000};
	static const struct {
		enum job_state state;
		int64_t finished_ago_us;
		bool other_body, solo;
		enum dedupe want;
	} rows[] = {
		{JOB_WAITING, 0, false, false, DEDUPE_SAME}, {JOB_DELAYED, 0, false, false, DEDUPE_SAME},
		{JOB_ACTIVE, 0, false, false, DEDUPE_SAME}, {JOB_HELD, 0, false, false, DEDUPE_SAME},
		{JOB_WAITING, 0, true, false, DEDUPE_OTHER_BODY},
		{JOB_COMPLETED, 1, false, false, DEDUPE_SAME},
		{JOB_COMPLETED, INT64_C(7) * 86400 * 1000000, false, false, DEDUPE_NONE},
		{JOB_FAILED, 1, false, false, DEDUPE_NONE}, {JOB_CANCELLED, 1, false, false, DEDUPE_NONE},
		{JOB_WAITING, 0, false, true, DEDUPE_SAME}, {JOB_WAITING, 0, true, true, DEDUPE_OTHER_BODY},
		{JOB_COMPLETED, 1, false, true,
			DEDUPE_NONE}, /* a solo user's key is free when the job has ended */
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct trigger t = trigger_of(1);
		t.solo_user = rows[i].solo;
		struct job old = accepted(&t);
		old.state = rows[i].state;
		old.finished_at_us = NOON.wall_us - rows[i].finished_ago_us;
		if (rows[i].other_body)
			t.payload = slice_text("{}");
		if (rules_dedupe(&old, &t, &week, NOON) != rows[i].want)
			fail_msg("row %zu", i);
	}
}

static void dedupe__each_part_of_the_key_counts(void **state)
{
	(void)state;
	static const struct dedupe_policy policy = {.window_us = 1};
	struct trigger t = trigger_of(2), other;
	struct job old = accepted(&t);
	assert_int_equal(rules_dedupe(&old, &t, &policy, NOON), DEDUPE_SAME);
	other = t;
	other.phase = 3;
	assert_int_equal(rules_dedupe(&old, &other, &policy, NOON), DEDUPE_NONE);
	other = t;
	other.user_id = slice_text("user-2");
	assert_int_equal(rules_dedupe(&old, &other, &policy, NOON), DEDUPE_NONE);
	other = t;
	other.workflow_id = slice_text("sync-2");
	assert_int_equal(rules_dedupe(&old, &other, &policy, NOON), DEDUPE_NONE);
	assert_true(rules_same_request(&old, &t));
	assert_false(rules_same_request(&old, &other));
}

static void place__each_state(void **state)
{
	(void)state;
	static const struct {
		enum job_state state;
		bool has_turn;
		enum place want;
	} rows[] = {
		{JOB_WAITING, true, PLACE_READY},
		{JOB_WAITING, false, PLACE_BEHIND},
		{JOB_DELAYED, true, PLACE_DELAYED},
		{JOB_DELAYED, false, PLACE_DELAYED},
		{JOB_ACTIVE, true, PLACE_ACTIVE},
		{JOB_COMPLETED, false, PLACE_COMPLETED},
		{JOB_FAILED, false, PLACE_FAILED},
		{JOB_HELD, true, PLACE_HELD},
		{JOB_CANCELLED, false, PLACE_CANCELLED},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct job job = {.state = rows[i].state, .has_turn = rows[i].has_turn};
		assert_int_equal(rules_place(&job), rows[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states__every_pair_is_decided),
		cmocka_unit_test(names__read_back),
		cmocka_unit_test(phases__slots_and_numbers_agree),
		cmocka_unit_test(check_trigger__names_what_is_wrong),
		cmocka_unit_test(accept__due_or_delayed),
		cmocka_unit_test(claim__raises_token_and_counts),
		cmocka_unit_test(settle__stale_token_changes_nothing),
		cmocka_unit_test(settle__each_kind),
		cmocka_unit_test(crash__is_counted_apart_and_held_at_the_third),
		cmocka_unit_test(orphan__is_tried_again_without_a_charge),
		cmocka_unit_test(crash__is_forgiven_by_an_operator_alone),
		cmocka_unit_test(lease__over_by_time_or_by_boot),
		cmocka_unit_test(lease__a_job_that_kills_its_workers_ends),
		cmocka_unit_test(steer__from_each_state),
		cmocka_unit_test(steer__purge_is_for_what_has_ended),
		cmocka_unit_test(steer__retry_grants_anew_and_release_keeps_the_delay),
		cmocka_unit_test(steer__replay_forgets_what_was_done_and_says_why),
		cmocka_unit_test(dedupe__as_a_table),
		cmocka_unit_test(dedupe__each_part_of_the_key_counts),
		cmocka_unit_test(place__each_state),
	};
	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
