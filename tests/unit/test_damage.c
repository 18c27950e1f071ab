/* tests/unit/test_damage.c: the LMDB engine against damage and sudden death: unreadable records are set aside
 * and the rest goes on (promise 8); a process killed at any moment loses nothing that was acknowledged
 * (promise 1). */
#include "spool/base/log.h"
#include "spool/store/lmdb/job_io.h"
#include "spool/store/lmdb/key.h"
#include "tests/unit/care_fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void damaged__job_is_set_aside_and_the_rest_goes_on(void **state)
{
	struct fixture *f = *state;
	static const enum tree trees[] = {TREE_JOB, TREE_TRIGGER};
	for (size_t i = 0; i < 2; i++) {
		struct why why = WHY_INIT;
		char workflow[8];
		snprintf(workflow, sizeof workflow, "w%zu", i);
		struct trigger t = make_trigger(2, workflow, "u", "{\"a\":1}");
		t.idempotency_key = slice_text(workflow);
		struct job_id bad = submit(f, &t).id;
		struct job_id follower = accept_job(f, 3, workflow, "u", "{}");
		struct job_id other = accept_job(f, 4, i ? "x1" : "x0", "u", "{}");
		spoil(f, trees[i], bad);
		assert_int_equal(f->ops->check(f->store, NULL, NULL, &why), ST_CORRUPT);
		/* Setting it aside hands the turn to its follower, which the next claim finds. */
		size_t got = claim(f, 10);
		for (size_t k = 0; k < got; k++)
			assert_int_equal(settle_held(f, k, SETTLE_COMPLETE), ST_OK);
		got = claim(f, 10);
		for (size_t k = 0; k < got; k++)
			assert_int_equal(settle_held(f, k, SETTLE_COMPLETE), ST_OK);
		assert_int_equal(state_of(f, follower), JOB_COMPLETED);
		assert_int_equal(state_of(f, other), JOB_COMPLETED);
		assert_int_equal(stats_of(f).set_aside, i + 1);
		struct job gone;
		assert_int_equal(f->ops->get(f->store, bad, &gone, NULL), ST_NOTFOUND);
		store_check(f);
	}
}

/* What every other test here relies on to notice a counter that is off by one. */
static void audit__ends_the_process_when_a_counter_is_off(void **state)
{
	struct fixture *f = *state;
	enum { OF_ALL, OF_PLACE, AUDITS_N };
	accept_job(f, 2, "w", "u", "{}");
	f->ops->close(f->store);
	f->store = NULL;
	for (int what = 0; what < AUDITS_N; what++) {
		pid_t pid = fork();
		if (pid == 0) {
			struct tx tx;
			log_open("test_damage", 0);
			if (f->ops->open(&f->conf, &f->store, NULL) != ST_OK ||
				tx_begin(&tx, f->store, TX_WRITE, f->now, NULL) != ST_OK)
				_exit(1);
			tx.head_changed = true;
			tx.head.accepted_total += what == OF_ALL;
			tx.head.jobs[phase_slot(2)][PLACE_READY] -= what == OF_PLACE;
			tx.head.jobs[phase_slot(3)][PLACE_READY] += what == OF_PLACE;
			_exit(tx_commit(&tx, NULL) == ST_OK ? 0 : 2);
		}
		int ended;
		waitpid(pid, &ended, 0);
		assert_true(WIFSIGNALED(ended) && WTERMSIG(ended) == SIGABRT);
	}
	store_reopen(f);
}

static void damaged__active_job_is_set_aside_when_its_result_comes(void **state)
{
	struct fixture *f = *state;
	struct job_id id = accept_job(f, 2, "w", "u", "{}");
	claim(f, 1);
	spoil(f, TREE_JOB, id);
	assert_int_equal(settle(f, id, 1, SETTLE_COMPLETE), ST_CORRUPT);
	assert_int_equal(stats_of(f).set_aside, 1);
}

static void foreign__files_are_refused(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *name;
		size_t len;
		int fill;
		bool cut;
	} rows[] = {{"empty", 0, 0, false}, {"zeros", 65536, 0, false}, {"noise", 65536, 0xa5, false},
		{"cut", 0, 0, true}};
	char path[128];
	for (int i = 0; i < 300; i++) {
		char workflow[16];
		snprintf(workflow, sizeof workflow, "w%d", i);
		accept_job(f, 2, workflow, "u", "{}");
	}
	f->ops->close(f->store);
	f->store = NULL;
	snprintf(path, sizeof path, "%s/lmdb/data.mdb", f->dir);
	for (size_t i = sizeof rows / sizeof *rows; i-- > 0;) {
		struct store *store;
		struct why why = WHY_INIT;
		if (rows[i].cut) {
			assert_int_equal(truncate(path, 5 * 4096), 0);
		} else {
			char bytes[4096];
			memset(bytes, rows[i].fill, sizeof bytes);
			int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
			for (size_t at = 0; at < rows[i].len; at += sizeof bytes)
				assert_int_equal(write(fd, bytes, sizeof bytes), sizeof bytes);
			close(fd);
		}
		enum status st = f->ops->open(&f->conf, &store, &why);
		if (st == ST_OK || !why.text[0])
			fail_msg("%s: %s %s", rows[i].name, status_name(st), why.text);
	}
}

static void replaced__nothing_is_acknowledged(void **state)
{
	struct fixture *f = *state;
	char path[128], away[128];
	accept_job(f, 2, "w", "u", "{}");
	snprintf(path, sizeof path, "%s/lmdb/data.mdb", f->dir);
	snprintf(away, sizeof away, "%s/lmdb/away.mdb", f->dir);
	assert_int_equal(rename(path, away), 0);
	struct trigger t = make_trigger(2, "x", "u", "{}");
	struct receipt r;
	struct submission one = {&t, &r};
	struct why why = WHY_INIT;
	assert_int_equal(store_submit(f->ops, f->store, f->now, &one, 1, &why), ST_IO);
	assert_non_null(strstr(why.text, "replaced"));
	assert_true(f->ops->is_broken(f->store));
	assert_int_equal(rename(away, path), 0);
	store_reopen(f);
}

/* The child submits, claims and settles as fast as it can and tells each acknowledgement through a pipe. */
static void child_work(struct fixture *f, int out, int round)
{
	open("/dev/null", O_WRONLY);
	f->ops->open(&f->conf, &f->store, NULL);
	for (int i = 0;; i++) {
		char workflow[32];
		snprintf(workflow, sizeof workflow, "r%d-%d", round, i / 3);
		struct trigger t = make_trigger(2 + i % 3, workflow, "u", "{\"n\":1}");
		struct receipt r;
		struct submission one = {&t, &r};
		if (store_submit(f->ops, f->store, clock_now(), &one, 1, NULL) != ST_OK)
			_exit(1);
		if (write(out, &r.id, sizeof r.id) != sizeof r.id)
			_exit(1);
		if (i % 4 != 3)
			continue;
		struct claim_ask ask = {.owner = "child", .max = 3, .lease_ms = 60000};
		struct job jobs[3];
		size_t n, none;
		f->ops->exchange(f->store, clock_now(), NULL, 0, &ask, jobs, &n, &f->next_due_us, NULL);
		for (size_t k = 0; k < n; k++) {
			struct settlement s = {.id = jobs[k].id,
				.token = jobs[k].lease.token,
				.kind = SETTLE_COMPLETE,
				.outcome = slice_text("{}")};
			f->ops->exchange(
				f->store, clock_now(), &s, 1, NULL, NULL, &none, &f->next_due_us, NULL);
			job_release(&jobs[k]);
		}
	}
}

enum { KILLS = 40, ACKS_MAX = 200000 };

static void killed__acknowledged_jobs_are_there(void **state)
{
	struct fixture *f = *state;
	static struct job_id acks[ACKS_MAX];
	size_t n = 0;
	f->ops->close(f->store);
	f->store = NULL;
	srand(20260101);
	for (int round = 0; round < KILLS; round++) {
		int pipe_fds[2];
		assert_int_equal(pipe(pipe_fds), 0);
		pid_t pid = fork();
		if (pid == 0)
			child_work(f, pipe_fds[1], round);
		close(pipe_fds[1]);
		size_t want = n + 5 + (size_t)rand() % 60;
		while (n < want && read(pipe_fds[0], &acks[n], sizeof acks[n]) == sizeof acks[n])
			n++;
		kill(pid, SIGKILL);
		while (n < ACKS_MAX && read(pipe_fds[0], &acks[n], sizeof acks[n]) == sizeof acks[n])
			n++; /* told before it died */
		close(pipe_fds[0]);
		waitpid(pid, NULL, 0);
	}
	assert_int_equal(f->ops->open(&f->conf, &f->store, NULL), ST_OK);
	for (size_t i = 0; i < n; i++)
		state_of(f, acks[i]); /* fails the test for a job that is not there */
	assert_true(stats_of(f).accepted_total >= n);
	report("%d kills, %zu acknowledged jobs, none lost\n", KILLS, n);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(damaged__job_is_set_aside_and_the_rest_goes_on),
		CASE(audit__ends_the_process_when_a_counter_is_off),
		CASE(audit__ends_the_process_when_a_counter_is_off),
		CASE(damaged__active_job_is_set_aside_when_its_result_comes),
		CASE(foreign__files_are_refused),
		CASE(replaced__nothing_is_acknowledged),
		CASE(killed__acknowledged_jobs_are_there),
	};
	return cmocka_run_group_tests_name("damage", tests, NULL, NULL);
}
