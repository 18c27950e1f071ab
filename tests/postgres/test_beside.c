/* tests/postgres/test_beside.c: several processes submit, claim and settle side by side on one server: the
 * same triggers from two of them at a time, workflows that all of them add to, callers who have room for so
 * many jobs and no more, receivers that all of them report of. Each job is there once, ends once, in the
 * order of its workflow; who reads the events behind a number meanwhile misses none; and writers do not wait
 * for each other: one that sits on its transaction keeps nobody else. CLARIO_TEST_DATABASE. */
#include "spool/spool.h"
#include "tests/support/server.h"

#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { INTAKES = 4, WORKERS = 3, ROUNDS = 14, BATCH = 12, SHARED = 5, PATIENCE_S = 60 };
/* Of each round's batch: each process's own; the same in all of them; the same, under a key every other time;
 * of a caller with a bound.
 */
enum { OWN = 6, SAME = 2, KEYED = 2, BOUND = 2, BOUND_MAX = 7 };
enum { ALL = INTAKES * ROUNDS * OWN + ROUNDS * (SAME + KEYED) };

/* What the processes have in common. */
struct common {
	_Atomic bool stops;
	_Atomic int arrived[ROUNDS]; /* intakes that begin a round: all at once */
	_Atomic uint64_t accepted, duplicates, refused, completed, fenced, most_bound;
};

/* In any of the processes, which cmocka knows nothing of. */
#define NEED(condition)                                                                                      \
	do {                                                                                                 \
		if (!(condition)) {                                                                          \
			print_error("line %d: %s\n", __LINE__, #condition);                                  \
			abort();                                                                             \
		}                                                                                            \
	} while (0)

static struct spool_conf conf_of(const char *database)
{
	return (struct spool_conf){.store = "postgres",
		.path = "/tmp",
		.database = database,
		.ordering = true,
		.dedupe_window_us = INT64_C(86400000000)};
}

static struct spool *open_spool(const char *database)
{
	struct spool_conf conf = conf_of(database);
	struct why why = WHY_INIT;
	struct spool *sp;
	NEED(spool_open(&conf, &sp, &why) == ST_OK);
	return sp;
}

struct texts {
	char workflow[32], user[32], payload[64], key[32];
};

static struct trigger trigger_of(struct texts *t, int process, int round, int i)
{
	bool is_same = i >= OWN && i < OWN + SAME, is_keyed = i >= OWN + SAME && i < OWN + SAME + KEYED,
	     is_bound = i >= OWN + SAME + KEYED;
	int who = is_same || is_keyed ? 0 : process;
	if (i % 2 || is_bound)
		snprintf(t->workflow, sizeof t->workflow, "own-%d-%d-%d", who, round, i);
	else
		snprintf(t->workflow, sizeof t->workflow, "shared-%d", round % SHARED);
	snprintf(t->user, sizeof t->user, "u%d", i);
	snprintf(t->payload, sizeof t->payload, "{\"p\":%d,\"r\":%d,\"i\":%d}", who, round, i);
	snprintf(t->key, sizeof t->key, "key-%d-%d", round, i);
	return (struct trigger){.phase = 2,
		.attempts_allowed = 9,
		.give_up_after_us = INT64_C(86400000000),
		.workflow_id = slice_text(t->workflow),
		.user_id = slice_text(t->user),
		.payload = slice_text(t->payload),
		.source = slice_text(is_bound ? "bounded" : "tests"),
		.max_jobs = is_bound ? BOUND_MAX : 0,
		.idempotency_key = slice_text(is_keyed && round % 2 ? t->key : "")};
}

static void submit_round(struct spool *sp, struct common *c, int process, int round)
{
	struct texts texts[BATCH];
	struct trigger triggers[BATCH];
	struct receipt receipts[BATCH] = {0};
	struct why why = WHY_INIT;
	for (int i = 0; i < BATCH; i++)
		triggers[i] = trigger_of(&texts[i], process, round, i);
	while (spool_submit(sp, clock_now(), triggers, BATCH, receipts, &why) != ST_OK)
		clock_sleep_ms(5);
	for (int i = 0; i < BATCH; i++) {
		bool is_bound = triggers[i].max_jobs > 0;
		c->accepted += !is_bound && receipts[i].verdict == SUBMIT_ACCEPTED;
		c->duplicates += !is_bound && receipts[i].verdict == SUBMIT_DUPLICATE;
		c->refused += receipts[i].verdict == SUBMIT_REFUSED && receipts[i].status == ST_QUOTA;
		NEED(is_bound || receipts[i].verdict != SUBMIT_REFUSED);
	}
}

static void intake(const char *database, struct common *c, int process)
{
	struct spool *sp = open_spool(database);
	for (int round = 0; round < ROUNDS; round++) {
		c->arrived[round]++;
		while (c->arrived[round] < INTAKES)
			sched_yield();
		submit_round(sp, c, process, round);
	}
	spool_close(sp);
}

static void settle(struct spool *sp, struct common *c, struct job *jobs, size_t n, struct claim_ask *ask)
{
	struct settlement s[16];
	int64_t next_us;
	size_t none;
	for (size_t i = 0; i < n; i++)
		s[i] = (struct settlement){.id = jobs[i].id,
			.token = jobs[i].lease.token,
			.kind = SETTLE_COMPLETE,
			.outcome = slice_text("{}")};
	ask->max = 0;
	while (spool_exchange(sp, clock_now(), s, n, ask, NULL, &none, &next_us, NULL) != ST_OK)
		clock_sleep_ms(5);
	for (size_t i = 0; i < n; i++)
		*(s[i].verdict == ST_OK ? &c->completed : &c->fenced) += 1;
}

static void note_bound(struct spool *sp, struct common *c)
{
	struct account accounts[4];
	uint64_t after = 0;
	size_t n;
	NEED(spool_accounts(sp, &after, accounts, 4, &n, NULL) == ST_OK);
	for (size_t i = 0; i < n; i++)
		if (accounts[i].jobs > c->most_bound)
			c->most_bound = accounts[i].jobs;
}

static void work(const char *database, struct common *c, int process)
{
	static const struct breaker_policy policy = {.window_us = 10000000, .least_calls = 5};
	struct spool *sp = open_spool(database);
	struct receiver_report report = {.name = "shop", .policy = &policy};
	char owner[32];
	snprintf(owner, sizeof owner, "host%d:%d", process, process);
	while (!c->stops) {
		struct claim_ask ask = {
			.owner = owner, .max = 16, .lease_ms = 20000, .reports = &report, .reports_n = 1};
		struct job jobs[16];
		int64_t next_us;
		size_t n = 0;
		if (spool_exchange(sp, clock_now(), NULL, 0, &ask, jobs, &n, &next_us, NULL) != ST_OK ||
			n == 0)
			clock_sleep_ms(3);
		receiver_report_calls(&report, report.era, (uint32_t)n, 0);
		if (n)
			settle(sp, c, jobs, n, &ask);
		for (size_t i = 0; i < n; i++)
			job_release(&jobs[i]);
		note_bound(sp, c);
	}
	spool_close(sp);
}

static pid_t run_beside(
	void (*run)(const char *, struct common *, int), const char *database, struct common *c, int process)
{
	pid_t pid = fork();
	if (pid == 0) {
		run(database, c, process);
		_exit(0);
	}
	return pid;
}

static void print_finding(void *arg, const char *finding)
{
	(void)arg;
	print_error("%s\n", finding);
}

/* Read onward while others write: of each job all its events, in their order. */
struct reading {
	struct event_filter filter;
	uint64_t events, accepted, completed;
};

static void read_on(struct spool *sp, struct reading *r)
{
	struct event events[100];
	uint64_t seen;
	size_t n;
	do {
		assert_int_equal(spool_events(sp, &r->filter, 100, events, &n, &seen, NULL), ST_OK);
		for (size_t i = 0; i < n; i++) {
			assert_true(events[i].seq > r->filter.after_seq);
			r->filter.after_seq = events[i].seq;
			r->accepted += events[i].kind == EVENT_ACCEPTED;
			r->completed += events[i].kind == EVENT_COMPLETED;
			event_release(&events[i]);
		}
		r->events += n;
		r->filter.after_seq = seen;
	} while (n == 100);
}

static uint64_t count_events(struct spool *sp)
{
	struct reading all = {0};
	read_on(sp, &all);
	return all.events;
}

/* Jobs of a workflow run one at a time, in the order in which they were accepted. */
static void check_order(struct spool *sp)
{
	for (int w = 0; w < SHARED; w++) {
		char name[32];
		struct event events[400];
		uint64_t seen;
		size_t n;
		struct job_id last = {{0}};
		bool is_running = false;
		snprintf(name, sizeof name, "shared-%d", w);
		struct event_filter filter = {.workflow_id = slice_text(name),
			.kinds = UINT64_C(1) << EVENT_CLAIMED | UINT64_C(1) << EVENT_COMPLETED};
		for (n = 400; n == 400; filter.after_seq = seen) {
			assert_int_equal(spool_events(sp, &filter, 400, events, &n, &seen, NULL), ST_OK);
			for (size_t i = 0; i < n; i++) {
				assert_int_equal(events[i].kind == EVENT_CLAIMED, !is_running);
				is_running = !is_running;
				assert_true(is_running ? id_cmp(events[i].job, last) > 0
						       : id_cmp(events[i].job, last) == 0);
				last = events[i].job;
				event_release(&events[i]);
			}
		}
		assert_false(is_running);
	}
}

static void many__leave_what_one_would(void **state)
{
	char database[SERVER_TEXT];
	struct why why = WHY_INIT;
	struct reading reading = {0};
	struct stats stats;
	pid_t intakes[INTAKES], workers[WORKERS];
	int status;
	(void)state;
	server_schema(database);
	struct spool_conf conf = conf_of(database);
	if (spool_init(&conf, &why) != ST_OK)
		fail_msg("%s", why.text);
	struct common *c = mmap(NULL, sizeof *c, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < INTAKES; i++)
		intakes[i] = run_beside(intake, database, c, i);
	for (int i = 0; i < WORKERS; i++)
		workers[i] = run_beside(work, database, c, i);
	struct spool *sp = open_spool(database);
	int64_t until_us = clock_mono_us() + PATIENCE_S * INT64_C(1000000);
	do {
		read_on(sp, &reading);
		assert_int_equal(spool_stats(sp, &stats, NULL), ST_OK);
		clock_sleep_ms(2);
	} while ((c->accepted < ALL || stats_state(&stats, JOB_COMPLETED) < stats.accepted_total) &&
		 clock_mono_us() < until_us);
	for (int i = 0; i < INTAKES; i++)
		assert_true(waitpid(intakes[i], &status, 0) == intakes[i] && status == 0);
	c->stops = true;
	for (int i = 0; i < WORKERS; i++)
		assert_true(waitpid(workers[i], &status, 0) == workers[i] && status == 0);
	read_on(sp, &reading);
	assert_int_equal(spool_stats(sp, &stats, NULL), ST_OK);
	assert_int_equal(c->accepted, ALL);
	assert_int_equal(c->duplicates, (INTAKES - 1) * ROUNDS * (SAME + KEYED));
	assert_int_equal(c->fenced, 0);
	assert_int_equal(c->completed, stats.accepted_total);
	assert_int_equal(stats_state(&stats, JOB_COMPLETED), stats.accepted_total);
	assert_in_range(c->most_bound, 1, BOUND_MAX);
	assert_int_equal(reading.accepted, stats.accepted_total);
	assert_int_equal(reading.completed, stats.accepted_total);
	assert_int_equal(reading.events, count_events(sp));
	check_order(sp);
	if (spool_check(sp, print_finding, NULL, &why) != ST_OK)
		fail_msg("%s", why.text);
	print_message("report: %d intakes and %d workers beside each other: %llu jobs, %llu duplicates told, "
		      "%llu refused for quota\n",
		INTAKES, WORKERS, (unsigned long long)stats.accepted_total, (unsigned long long)c->duplicates,
		(unsigned long long)c->refused);
	spool_close(sp);
	munmap(c, sizeof *c);
}

/* A row of a job that somebody sits on, the lock of its workflow and a slot: others go on beside it. */
static void one_that_sits__keeps_nobody(void **state)
{
	char database[SERVER_TEXT];
	struct why why = WHY_INIT;
	struct stats stats;
	(void)state;
	server_schema(database);
	struct spool_conf conf = conf_of(database);
	assert_int_equal(spool_init(&conf, &why), ST_OK);
	struct spool *sp = open_spool(database);
	static struct common c;
	submit_round(sp, &c, 0, 0);
	pid_t pid = fork();
	if (pid == 0) {
		server_sql(database, "BEGIN; SELECT slot FROM clario_head WHERE slot > 8 FOR UPDATE; "
				     "SELECT id FROM clario_job WHERE place = 0 ORDER BY at_us, id LIMIT 1"
				     " FOR UPDATE; SELECT pg_sleep(3)");
		_exit(0);
	}
	clock_sleep_ms(1000);
	int64_t began_us = clock_mono_us();
	struct claim_ask ask = {.owner = "host:1", .max = 16, .lease_ms = 20000};
	struct job jobs[16];
	int64_t next_us;
	size_t n = 0;
	submit_round(sp, &c, 0, 1);
	assert_int_equal(spool_exchange(sp, clock_now(), NULL, 0, &ask, jobs, &n, &next_us, NULL), ST_OK);
	assert_in_range(clock_mono_us() - began_us, 0, 1500000);
	assert_int_equal(spool_stats(sp, &stats, NULL), ST_OK);
	assert_int_equal(stats_state(&stats, JOB_ACTIVE), n);
	assert_true(n > 4);
	settle(sp, &c, jobs, n, &ask);
	for (size_t i = 0; i < n; i++)
		job_release(&jobs[i]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(spool_check(sp, print_finding, NULL, NULL), ST_OK);
	spool_close(sp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many__leave_what_one_would), cmocka_unit_test(one_that_sits__keeps_nobody)};
	return cmocka_run_group_tests_name("beside", tests, NULL, NULL);
}
