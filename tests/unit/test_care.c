/* tests/unit/test_care.c: the care of a spool: verify, backup, restore, compact. */
#include "spool/base/guard.h"
#include "tests/unit/care_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- a process that crashes or stands still is an answer --- */

static enum status crash(void *arg, struct guard *guard, struct why *why)
{
	(void)arg;
	(void)why;
	guard_at(guard, "queue", slice_of("\x01\x02", 2));
	raise(SIGSEGV);
	return ST_OK;
}

static enum status hang(void *arg, struct guard *guard, struct why *why)
{
	(void)arg;
	(void)why;
	guard_at(guard, "event", slice_of("\xff", 1));
	while (pause() < 0)
		;
	return ST_OK;
}

static enum status end_well(void *arg, struct guard *guard, struct why *why)
{
	(void)arg;
	guard_tell(guard, slice_text("one"));
	guard_tell(guard, slice_text("two"));
	return why_set(why, ST_BUSY, "words of the child");
}

static void take_line(void *arg, char *line)
{
	char *all = arg;
	size_t len = strlen(all);
	snprintf(all + len, 100 - len, "%s;", line);
}

static void guard__tells_of_crash_and_stall(void **state)
{
	(void)state;
	char lines[100] = "";
	struct guard_task task = {.line = take_line, .arg = lines, .stall_ms = 300};
	struct why why = WHY_INIT;
	bool died;
	task.run = crash;
	assert_int_equal(guard_run(&task, &died, &why), ST_CORRUPT);
	assert_true(died);
	assert_non_null(strstr(why.text, "crashed (signal 11) in queue after key 0102"));
	task.run = hang;
	assert_int_equal(guard_run(&task, &died, &why), ST_CORRUPT);
	assert_true(died);
	assert_non_null(strstr(why.text, "made no progress"));
	assert_non_null(strstr(why.text, "in event after key ff"));
	task.run = end_well;
	assert_int_equal(guard_run(&task, &died, &why), ST_BUSY);
	assert_false(died);
	assert_string_equal(why.text, "words of the child");
	assert_string_equal(lines, "one;two;");
}

static void verify__is_content_with_a_spool_in_use_stopped_or_copied(void **state)
{
	struct fixture *f = *state;
	char path[128];
	struct told told;
	fill(f, 200);
	if (verify(f, f->dir, &told) != ST_OK)
		fail_msg("in use: %s", told.all);
	f->ops->close(f->store);
	f->store = NULL;
	if (verify(f, f->dir, &told) != ST_OK)
		fail_msg("stopped: %s", told.all);
	snprintf(path, sizeof path, "%s/lmdb", f->dir);
	assert_int_equal(verify(f, path, &told), ST_OK);
	snprintf(path, sizeof path, "%s/lmdb/data.mdb", f->dir);
	assert_int_equal(verify(f, path, &told), ST_OK);
	struct spool_conf nowhere = f->conf;
	nowhere.path = "/nonexistent";
	assert_int_equal(f->ops->verify(&nowhere, NULL, NULL), ST_NOTFOUND);
	store_reopen(f);
}

/* Accept and complete job after job until killed. While somebody reads, no page is given back: the map may
 * fill up, which is no more than a reason to wait. */
static _Noreturn void keep_busy(struct fixture *f)
{
	struct job held[4];
	for (int i = 1000;; i++) {
		char workflow[32];
		snprintf(workflow, sizeof workflow, "busy-%d", i);
		struct trigger trigger = make_trigger(3, workflow, "u", "{}");
		struct receipt receipt;
		struct submission one = {&trigger, &receipt};
		struct claim_ask ask = {.owner = "host:1", .max = 3, .lease_ms = 60000};
		size_t n = 0, removed;
		enum status st = store_submit(f->ops, f->store, f->now, &one, 1, NULL);
		pass_ms(f, 1);
		if (st == ST_OK)
			st = f->ops->exchange(
				f->store, f->now, NULL, 0, &ask, held, &n, &f->next_due_us, NULL);
		for (size_t k = 0; k < n; k++) {
			struct settlement s = {
				.id = held[k].id, .token = held[k].lease.token, .kind = SETTLE_COMPLETE};
			size_t none;
			f->ops->exchange(f->store, f->now, &s, 1, NULL, NULL, &none, &f->next_due_us, NULL);
			job_release(&held[k]);
		}
		if (i % 500 == 0)
			f->ops->remove(f->store, f->now, JOB_COMPLETED, f->now.wall_us, 256,
				slice_text("tests"), &removed, NULL);
		if (st != ST_OK)
			usleep(1000);
	}
}

/* A writer beside it changes pages all the time: what verify sees is one state. */
static void verify__sees_one_state_of_a_busy_spool(void **state)
{
	struct fixture *f = *state;
	struct told told;
	fill(f, 50);
	f->ops->close(f->store);
	f->store = NULL;
	pid_t pid = fork();
	if (pid == 0) {
		if (f->ops->open(&f->conf, &f->store, NULL) == ST_OK)
			keep_busy(f);
		_exit(1);
	}
	char all[sizeof told.all] = "";
	for (int i = 0; i < 20 && !all[0]; i++)
		if (verify(f, f->dir, &told) != ST_OK)
			snprintf(all, sizeof all, "%s", told.all);
	int ended;
	kill(pid, SIGKILL);
	waitpid(pid, &ended, 0);
	f->ops->open(&f->conf, &f->store, NULL);
	if (all[0])
		fail_msg("%s", all);
	assert_true(WIFSIGNALED(ended));
}

static enum status care(
	struct fixture *f, enum care_verb verb, const char *path, bool replaces, struct care_result *result)
{
	struct care_ask ask = {.verb = verb, .path = path, .replaces = replaces};
	struct why why = WHY_INIT;
	enum status st = f->ops->care(&f->conf, &ask, NULL, result, &why);
	if (st != ST_OK && st != ST_EXISTS && st != ST_BUSY)
		print_message("%s: %s\n", status_name(st), why.text);
	return st;
}

static void backup__is_a_copy_that_restore_makes_the_spool(void **state)
{
	struct fixture *f = *state;
	struct care_result result;
	struct told told;
	char path[128];
	snprintf(path, sizeof path, "%s/kept.mdb", f->dir);
	fill(f, 120);
	struct job_id before = accept_job(f, 3, "before", "u", "{}");
	assert_int_equal(care(f, CARE_RESTORE, path, true, &result), ST_BUSY);
	assert_int_equal(care(f, CARE_COMPACT, "", false, &result), ST_BUSY);
	assert_int_equal(care(f, CARE_REPAIR, "", false, &result), ST_BUSY);
	uint64_t accepted = stats_of(f).accepted_total;
	/* A process with the spool open is not what makes a backup: it opens the spool itself. */
	assert_int_equal(care(f, CARE_BACKUP, path, false, &result), ST_OK);
	assert_string_equal(result.path, path);
	assert_int_equal(verify(f, path, &told), ST_OK);
	assert_int_equal(care(f, CARE_BACKUP, path, false, &result), ST_EXISTS);
	assert_int_equal(care(f, CARE_BACKUP, f->dir, false, &result), ST_OK);
	struct job_id after = accept_job(f, 3, "after", "u", "{}");
	uint64_t last_seq = stats_of(f).last_seq;
	f->ops->close(f->store);
	f->store = NULL;
	assert_int_equal(care(f, CARE_RESTORE, path, false, &result), ST_EXISTS);
	assert_int_equal(care(f, CARE_RESTORE, path, true, &result), ST_OK);
	assert_non_null(strstr(result.path, "lmdb.replaced-"));
	assert_int_equal(verify(f, result.path, &told), ST_OK);
	store_reopen(f);
	assert_int_equal(state_of(f, before), JOB_WAITING);
	struct job none;
	assert_int_equal(f->ops->get(f->store, after, &none, NULL), ST_NOTFOUND);
	assert_int_equal(stats_of(f).accepted_total, accepted);
	assert_true(stats_of(f).last_seq > last_seq);
	/* What was being run is handed out again at once, whatever its lease said. */
	claim(f, 1);
	struct stats now = stats_of(f);
	assert_int_equal(stats_state(&now, JOB_ACTIVE), 1);
}

static void restore__refuses_a_damaged_copy(void **state)
{
	struct fixture *f = *state;
	struct care_result result;
	char path[128];
	snprintf(path, sizeof path, "%s/kept.mdb", f->dir);
	struct job_id id = accept_job(f, 3, "w", "u", "{}");
	assert_int_equal(care(f, CARE_BACKUP, path, false, &result), ST_OK);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	static const char zeros[600];
	assert_int_equal(pwrite(fd, zeros, sizeof zeros, 3 * 4096), sizeof zeros);
	close(fd);
	f->ops->close(f->store);
	f->store = NULL;
	assert_int_equal(care(f, CARE_RESTORE, path, true, &result), ST_CORRUPT);
	store_reopen(f);
	assert_int_equal(state_of(f, id), JOB_WAITING);
}

static void compact__gives_back_free_pages(void **state)
{
	struct fixture *f = *state;
	struct care_result result;
	struct told told;
	size_t removed;
	fill(f, 300);
	struct job_id id = accept_job(f, 3, "kept", "u", "{}");
	f->ops->remove(f->store, f->now, JOB_DELAYED, INT64_MAX, 256, slice_text("tests"), &removed, NULL);
	f->ops->close(f->store);
	f->store = NULL;
	assert_int_equal(care(f, CARE_COMPACT, "", false, &result), ST_OK);
	assert_true(result.bytes_after < result.bytes_before);
	assert_int_equal(verify(f, f->dir, &told), ST_OK);
	store_reopen(f);
	assert_int_equal(state_of(f, id), JOB_WAITING);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guard__tells_of_crash_and_stall),
		CASE(verify__is_content_with_a_spool_in_use_stopped_or_copied),
		CASE(verify__sees_one_state_of_a_busy_spool),
		CASE(backup__is_a_copy_that_restore_makes_the_spool),
		CASE(restore__refuses_a_damaged_copy),
		CASE(compact__gives_back_free_pages),
	};
	return cmocka_run_group_tests_name("care", tests, NULL, NULL);
}
