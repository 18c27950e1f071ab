/* tests/postgres/test_primary.c: the server is killed with everything under way, and started again, a few
 * times: each job that was acknowledged is there once and ends once, and each caller who tries again with its
 * key is told of the first. CLARIO_TEST_DATABASE, CLARIO_PG_KILL and CLARIO_PG_AGAIN:
 * tests/postgres/suite.sh. */
#include "spool/spool.h"
#include "tests/support/server.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

/* Until a caller is told that there is no primary: the first one, and who asks while that is known; on a busy
 * machine. */
enum { FIRST_MS = 4000, NEXT_MS = 500 };
enum { THREADS = 4, JOBS = 250, ALL = THREADS * JOBS, KILLS = 3, KILLS_SHORT = 1, PATIENCE_S = 90 };

struct world {
	struct spool *sp;
	struct job_id ids[ALL];
	atomic_int submitted, retries, completed, fenced;
	atomic_bool stops;
};

struct caller {
	struct world *w;
	int first;
};

static void submit_until_it_is_there(struct world *w, int i)
{
	char workflow[32], key[32];
	snprintf(workflow, sizeof workflow, "w%d", i / 2);
	snprintf(key, sizeof key, "key-%d", i);
	struct trigger t = {.phase = 2,
		.attempts_allowed = 9,
		.give_up_after_us = INT64_C(86400000000),
		.workflow_id = slice_text(workflow),
		.user_id = slice_text("u"),
		.payload = slice_text("{}"),
		.source = slice_text("tests"),
		.idempotency_key = slice_text(key)};
	for (;;) {
		struct receipt r = {0};
		if (spool_submit(w->sp, clock_now(), &t, 1, &r, NULL) == ST_OK &&
			(r.verdict == SUBMIT_ACCEPTED || r.verdict == SUBMIT_DUPLICATE)) {
			w->ids[i] = r.id;
			atomic_fetch_add(&w->submitted, 1);
			return;
		}
		atomic_fetch_add(&w->retries, 1);
		clock_sleep_ms(20);
	}
}

static struct spool *open_spool(bool needs_standby)
{
	struct spool_conf conf = {.store = "postgres",
		.path = "/tmp",
		.database = getenv("CLARIO_TEST_DATABASE"),
		.require_sync_standby = needs_standby};
	struct why why = WHY_INIT;
	struct spool *sp;
	if (spool_open(&conf, &sp, &why) != ST_OK)
		fail_msg("%s", why.text);
	return sp;
}

static void *call(void *arg)
{
	struct caller *c = arg;
	for (int i = 0; i < JOBS; i++) {
		submit_until_it_is_there(c->w, c->first + i);
		clock_sleep_ms(5);
	}
	return NULL;
}

/* A worker that settles what it holds until it is told how that went. */
static void settle(struct world *w, struct job *jobs, size_t n)
{
	struct settlement s[16];
	int64_t next_us;
	size_t none;
	for (size_t i = 0; i < n; i++)
		s[i] = (struct settlement){.id = jobs[i].id,
			.token = jobs[i].lease.token,
			.kind = SETTLE_COMPLETE,
			.outcome = slice_text("{}")};
	while (spool_exchange(w->sp, clock_now(), s, n, NULL, NULL, &none, &next_us, NULL) != ST_OK)
		clock_sleep_ms(20);
	for (size_t i = 0; i < n; i++)
		atomic_fetch_add(s[i].verdict == ST_OK ? &w->completed : &w->fenced, 1);
}

static void *work(void *arg)
{
	struct world *w = arg;
	while (!atomic_load(&w->stops)) {
		struct claim_ask ask = {.owner = "host:1", .max = 16, .lease_ms = 4000};
		struct job jobs[16];
		int64_t next_us;
		size_t n = 0;
		if (spool_exchange(w->sp, clock_now(), NULL, 0, &ask, jobs, &n, &next_us, NULL) != ST_OK ||
			n == 0)
			clock_sleep_ms(10);
		if (n)
			settle(w, jobs, n);
		for (size_t i = 0; i < n; i++)
			job_release(&jobs[i]);
	}
	return NULL;
}

static uint64_t ended(struct world *w)
{
	struct stats stats;
	return spool_stats(w->sp, &stats, NULL) == ST_OK ? stats_state(&stats, JOB_COMPLETED) : 0;
}

static void print_finding(void *arg, const char *finding)
{
	(void)arg;
	print_error("%s\n", finding);
}

/* Each number once, and in their order; each job completed by one event. */
static void check_events(struct world *w)
{
	struct event_filter filter = {0};
	uint64_t completed = 0, next = 1, seen;
	for (size_t n = 1; n;) {
		struct event events[200];
		assert_int_equal(spool_events(w->sp, &filter, 200, events, &n, &seen, NULL), ST_OK);
		for (size_t i = 0; i < n; i++) {
			assert_true(events[i].seq >= next);
			next = events[i].seq + 1;
			completed += events[i].kind == EVENT_COMPLETED;
			event_release(&events[i]);
		}
		filter.after_seq = seen;
	}
	assert_int_equal(completed, ALL);
}

static void killed__and_nothing_is_lost_or_done_twice(void **state)
{
	const char *kill_it = getenv("CLARIO_PG_KILL"), *again = getenv("CLARIO_PG_AGAIN");
	static struct world w;
	struct spool_conf conf = {.store = "postgres",
		.path = "/tmp",
		.database = getenv("CLARIO_TEST_DATABASE"),
		.host = "host",
		.ordering = true,
		.dedupe_window_us = INT64_C(86400000000)};
	struct why why = WHY_INIT;
	pthread_t callers[THREADS], worker;
	struct caller args[THREADS];
	int kills = server_is_short() ? KILLS_SHORT : KILLS;
	(void)state;
	assert_true(kill_it && again && conf.database);
	if (spool_init(&conf, &why) != ST_OK || spool_open(&conf, &w.sp, &why) != ST_OK)
		fail_msg("%s", why.text);
	for (int i = 0; i < THREADS; i++) {
		args[i] = (struct caller){&w, i * JOBS};
		pthread_create(&callers[i], NULL, call, &args[i]);
	}
	pthread_create(&worker, NULL, work, &w);
	for (int i = 1; i <= kills; i++) {
		while (atomic_load(&w.submitted) < ALL * i / (kills + 1))
			clock_sleep_ms(5);
		assert_int_equal(system(kill_it), 0);
		clock_sleep_ms(200);
		assert_int_equal(system(again), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(callers[i], NULL);
	for (int s = 0; s < PATIENCE_S * 10 && ended(&w) < ALL; s++)
		clock_sleep_ms(100);
	atomic_store(&w.stops, true);
	pthread_join(worker, NULL);
	struct stats stats;
	assert_int_equal(spool_stats(w.sp, &stats, NULL), ST_OK);
	assert_int_equal(stats.accepted_total, ALL);
	assert_int_equal(stats_state(&stats, JOB_COMPLETED), ALL);
	for (int i = 0; i < ALL; i++) {
		struct job job;
		assert_int_equal(spool_get(w.sp, w.ids[i], &job, NULL), ST_OK);
		job_release(&job);
	}
	check_events(&w);
	assert_int_equal(spool_check(w.sp, print_finding, NULL, NULL), ST_OK);
	print_message("report: %d jobs over %d kills of the server, %d calls tried again, %d late outcomes\n",
		ALL, kills, atomic_load(&w.retries), atomic_load(&w.fenced));
	spool_close(w.sp);
}

static enum status submit_one(struct spool *sp, const char *key, struct why *why)
{
	struct trigger t = {.phase = 2,
		.attempts_allowed = 1,
		.workflow_id = slice_text(key),
		.user_id = slice_text("u"),
		.payload = slice_text("{}"),
		.source = slice_text("tests"),
		.idempotency_key = slice_text(key)};
	struct receipt r = {0};
	enum status st = spool_submit(sp, clock_now(), &t, 1, &r, why);
	return st == ST_OK ? r.status : st;
}

/* How long it took, in milliseconds, to be refused. */
static int64_t refused_after_ms(struct spool *sp, const char *key)
{
	struct why why = WHY_INIT;
	int64_t began_us = clock_mono_us();
	assert_int_equal(submit_one(sp, key, &why), ST_BUSY);
	assert_non_null(strstr(why.text, "no primary answers"));
	return (clock_mono_us() - began_us) / 1000;
}

static void accepted_again(struct spool *sp, const char *key)
{
	struct why why = WHY_INIT;
	int64_t until_us = clock_mono_us() + 5000000;
	while (submit_one(sp, key, &why) != ST_OK && clock_mono_us() < until_us)
		clock_sleep_ms(20);
	assert_int_equal(submit_one(sp, key, &why), ST_OK);
}

/* Refused in good time, at once when it is known, and accepted again by the same handle. */
static void gone__is_said_and_passes(void **state)
{
	struct why why = WHY_INIT;
	struct spool *sp = open_spool(false);
	(void)state;
	assert_int_equal(submit_one(sp, "before", &why), ST_OK);
	assert_int_equal(system(getenv("CLARIO_PG_KILL")), 0);
	assert_in_range(refused_after_ms(sp, "meanwhile"), 0, FIRST_MS);
	assert_in_range(refused_after_ms(sp, "meanwhile"), 0, NEXT_MS);
	assert_false(spool_is_broken(sp));
	assert_int_equal(system(getenv("CLARIO_PG_AGAIN")), 0);
	accepted_again(sp, "meanwhile");
	assert_int_equal(spool_check(sp, print_finding, NULL, NULL), ST_OK);
	spool_close(sp);
}

static void send(const char *name)
{
	char command[400];
	snprintf(command, sizeof command, "%s %s", getenv("CLARIO_PG_SIGNAL"), name);
	assert_int_equal(system(command), 0);
}

/* As one that is cut off: connections stand, and nothing comes. */
static void silent__is_as_good_as_gone(void **state)
{
	struct why why = WHY_INIT;
	struct spool *sp = open_spool(false);
	(void)state;
	assert_int_equal(submit_one(sp, "heard", &why), ST_OK);
	send("STOP");
	assert_in_range(refused_after_ms(sp, "unheard"), 500, FIRST_MS);
	assert_in_range(refused_after_ms(sp, "unheard"), 0, NEXT_MS);
	send("CONT");
	accepted_again(sp, "unheard");
	assert_int_equal(spool_check(sp, print_finding, NULL, NULL), ST_OK);
	spool_close(sp);
}

static void standby__is_asked_for(void **state)
{
	struct why why = WHY_INIT;
	struct stats stats;
	struct spool *sp = open_spool(true);
	(void)state;
	assert_int_equal(submit_one(sp, "alone", &why), ST_BUSY);
	assert_non_null(strstr(why.text, "require-sync-standby"));
	assert_int_equal(spool_stats(sp, &stats, NULL), ST_OK); /* it can be looked at */
	spool_close(sp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(killed__and_nothing_is_lost_or_done_twice),
		cmocka_unit_test(gone__is_said_and_passes), cmocka_unit_test(silent__is_as_good_as_gone),
		cmocka_unit_test(standby__is_asked_for)};
	return cmocka_run_group_tests_name("primary", tests, NULL, NULL);
}
