/* tests/unit/test_meter.c: counters of several processes: they add up, whoever dies and however, each count
 * once; and what lies among their files that is not theirs does no harm. */
#include "spool/base/clock.h"
#include "spool/meter_file.h"
#include "tests/support/unit.h"

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
	char dir[64], meters[96];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	assert_non_null(f);
	snprintf(f->dir, sizeof f->dir, "/tmp/clario-meter-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->meters, sizeof f->meters, "%s/meters", f->dir);
	*state = f;
	return 0;
}

static int remove_one(const char *path, const struct stat *sb, int kind, struct FTW *at)
{
	(void)sb;
	(void)kind;
	(void)at;
	return remove(path);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	meter_close();
	nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static void count_submits(const char *source, int n)
{
	struct trigger t = {
		.phase = 1, .source = slice_text(source), .payload = slice_text("{\"user_id\":1}")};
	struct receipt r = {.verdict = SUBMIT_ACCEPTED};
	for (int i = 0; i < n; i++)
		meter_submitted(&t, &r);
}

/* A process that has counted, and lives until it is killed. */
static pid_t start_counter(struct fixture *f, enum meter_program program, const char *source, int n)
{
	int ready[2];
	char byte;
	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (meter_open(f->dir, program, NULL) != ST_OK)
			_exit(1);
		count_submits(source, n);
		meter_set(METER_HELD, 5);
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void end_counter(pid_t pid)
{
	int status;
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

static uint64_t accepted_of(const struct meter_reading *r, const char *source)
{
	return r->sum.values.submits[0][meter_name_find(&r->sum, METER_SOURCES, source)][METER_ACCEPTED];
}

static uint64_t read_accepted(struct fixture *f, const char *source)
{
	struct meter_reading *r;
	assert_int_equal(meter_read(f->dir, &r, NULL), ST_OK);
	uint64_t n = accepted_of(r, source);
	meter_reading_free(r);
	return n;
}

static size_t files_like(struct fixture *f, const char *prefix)
{
	char command[200], out[32] = "";
	snprintf(command, sizeof command, "ls %s | grep -c '^%s'", f->meters, prefix);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	assert_non_null(fgets(out, sizeof out, pipe));
	pclose(pipe);
	return (size_t)strtoul(out, NULL, 10);
}

/* The path of the one file of a worker. */
static void worker_path(struct fixture *f, char out[256])
{
	char command[200];
	snprintf(command, sizeof command, "ls -d %s/clario-worker.*", f->meters);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	assert_non_null(fgets(out, 256, pipe));
	pclose(pipe);
	out[strcspn(out, "\n")] = '\0';
}

__attribute__((format(printf, 1, 2))) static void shell(const char *fmt, ...)
{
	char command[600];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(command, sizeof command, fmt, ap);
	va_end(ap);
	assert_int_equal(system(command), 0);
}

static void nobody__is_not_found(void **state)
{
	struct fixture *f = *state;
	struct meter_reading *r = (struct meter_reading *)f;
	count_submits("x", 1); /* without a meter: nothing */
	meter_refused("bad_json");
	assert_int_equal(meter_read(f->dir, &r, NULL), ST_NOTFOUND);
	assert_null(r);
}

static void dead__count_on(void **state)
{
	struct fixture *f = *state;
	struct meter_reading *r;
	assert_int_equal(meter_open(f->dir, METER_FCGI, NULL), ST_OK);
	count_submits("x", 3);
	pid_t worker = start_counter(f, METER_WORKER, "x", 4);
	assert_int_equal(meter_read(f->dir, &r, NULL), ST_OK);
	assert_int_equal(accepted_of(r, "x"), 7);
	assert_int_equal(r->programs[METER_WORKER].processes, 1);
	assert_int_equal(r->programs[METER_WORKER].gauges[METER_HELD], 5);
	assert_int_equal(r->programs[METER_FCGI].processes, 1);
	assert_true(r->programs[METER_WORKER].started_at_us >= r->programs[METER_FCGI].started_at_us);
	assert_int_equal(r->sum.values.bytes[meter_name_find(&r->sum, METER_SOURCES, "x")], 7 * 13);
	meter_reading_free(r);
	end_counter(worker);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(meter_read(f->dir, &r, NULL), ST_OK);
		assert_int_equal(accepted_of(r, "x"), 7);
		assert_int_equal(r->programs[METER_WORKER].processes, 0);
		assert_int_equal(r->programs[METER_WORKER].gauges[METER_HELD], 0);
		meter_reading_free(r);
		assert_int_equal(files_like(f, "clario-worker"), 0);
	}
	meter_close();
	assert_int_equal(meter_open(f->dir, METER_FCGI, NULL), ST_OK);
	count_submits("x", 1);
	assert_int_equal(read_accepted(f, "x"), 8);
}

/* Whoever folds may die between the new total and the removal: the file is there still. */
static void folding__is_done_once(void **state)
{
	struct fixture *f = *state;
	char path[256];
	end_counter(start_counter(f, METER_WORKER, "x", 4));
	worker_path(f, path);
	shell("cp -p %s %s.kept", path, f->dir);
	assert_int_equal(read_accepted(f, "x"), 4);
	shell("mv %2$s.kept %1$s", path, f->dir);
	end_counter(start_counter(f, METER_WORKER, "x", 5)); /* which folds as it opens */
	assert_int_equal(read_accepted(f, "x"), 9);
	assert_int_equal(read_accepted(f, "x"), 9);
	assert_int_equal(files_like(f, "clario-worker"), 0);
}

/* No room, or no right, to write a new total. */
static void dead__count_on_without_room(void **state)
{
	struct fixture *f = *state;
	end_counter(start_counter(f, METER_WORKER, "x", 4));
	shell("mkdir %s/total.part", f->meters);
	for (int i = 0; i < 3; i++)
		assert_int_equal(read_accepted(f, "x"), 4);
	assert_int_equal(files_like(f, "clario-worker"), 1);
	shell("rmdir %s/total.part", f->meters);
	assert_int_equal(read_accepted(f, "x"), 4);
	assert_int_equal(read_accepted(f, "x"), 4);
	assert_int_equal(files_like(f, "clario-worker"), 0);
}

static void more_dead__than_fit_into_one_folding(void **state)
{
	struct fixture *f = *state;
	pid_t pids[METER_FOLDED_MAX + 5];
	int n = METER_FOLDED_MAX + 5;
	for (int i = 0; i < n; i++)
		pids[i] = start_counter(f, METER_WORKER, "x", i + 1);
	for (int i = 0; i < n; i++)
		end_counter(pids[i]);
	for (int i = 0; i < 4; i++)
		assert_int_equal(read_accepted(f, "x"), n * (n + 1) / 2);
	assert_int_equal(files_like(f, "clario-worker"), 0);
}

static void edit(const char *path, void (*change)(struct meter_page *page))
{
	struct meter_page *page = malloc(sizeof *page);
	int fd = open(path, O_RDWR);
	assert_true(fd >= 0 && page);
	assert_int_equal(pread(fd, page, sizeof *page, 0), sizeof *page);
	change(page);
	assert_int_equal(pwrite(fd, page, sizeof *page, 0), sizeof *page);
	close(fd);
	free(page);
}

static void to_another_boot(struct meter_page *page)
{
	page->boot_id++;
	page->crc = meter_page_crc(page);
}
static void to_another_layout(struct meter_page *page)
{
	page->layout++;
	page->crc = meter_page_crc(page);
}
static void to_torn(struct meter_page *page)
{
	page->nonce++;
}
static void to_endless_names(struct meter_page *page)
{
	memset(page->sum.names, 'a', sizeof page->sum.names);
}
static void to_many_names(struct meter_page *page)
{
	page->sum.names_n[METER_RECEIVERS] = 1000000;
}

static void strange_files__are_passed_over(void **state)
{
	struct fixture *f = *state;
	void (*const changes[])(struct meter_page *) = {
		to_another_boot, to_another_layout, to_torn, to_endless_names, to_many_names};
	char path[256];
	assert_int_equal(meter_open(f->dir, METER_FCGI, NULL), ST_OK);
	count_submits("x", 3);
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		end_counter(start_counter(f, METER_WORKER, "x", 4));
		worker_path(f, path);
		edit(path, changes[i]);
		assert_int_equal(read_accepted(f, "x"), 3);
		assert_int_equal(read_accepted(f, "x"), 3);
		unlink(path);
	}
	shell("head -c 100 /dev/urandom > %s/clario-worker.1", f->meters);
	shell("head -c 30000 /dev/urandom > %s/clario-worker.2", f->meters);
	shell("mkdir %s/clario-worker.3", f->meters);
	shell("ln -s /dev/zero %s/clario-worker.4", f->meters);
	shell("mkfifo %s/clario-worker.5", f->meters);
	shell(": > %s/clario-worker.6", f->meters);
	assert_int_equal(read_accepted(f, "x"), 3);
	assert_int_equal(files_like(f, "clario-worker"), 6); /* not ours to remove */
}

static void damaged_total__begins_anew(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(meter_open(f->dir, METER_FCGI, NULL), ST_OK);
	count_submits("x", 3);
	end_counter(start_counter(f, METER_WORKER, "x", 4));
	assert_int_equal(read_accepted(f, "x"), 7);
	shell("printf x | dd of=%s/total bs=1 seek=5000 conv=notrunc 2>/dev/null", f->meters);
	assert_int_equal(read_accepted(f, "x"), 3);
	end_counter(start_counter(f, METER_WORKER, "x", 2));
	assert_int_equal(read_accepted(f, "x"), 5);
	shell("head -c 50 /dev/urandom >%s/total", f->meters);
	assert_int_equal(read_accepted(f, "x"), 3);
}

/* Two processes and more names than places: each name counts in one place, in both, and none moves when a
 * process ends. */
static void names__are_few_and_stay(void **state)
{
	struct fixture *f = *state;
	struct meter_reading *before, *after;
	char name[64];
	assert_int_equal(meter_open(f->dir, METER_FCGI, NULL), ST_OK);
	for (int i = 0; i < METER_SOURCES_MAX - 2; i++) {
		snprintf(name, sizeof name, "source-%d", i);
		count_submits(name, 1);
	}
	pid_t a = start_counter(f, METER_WORKER, "late-a", 2),
	      b = start_counter(f, METER_WORKER, "late-b", 3);
	count_submits("late-b", 10);
	count_submits("late-a", 20);
	assert_int_equal(meter_read(f->dir, &before, NULL), ST_OK);
	assert_int_equal(accepted_of(before, "late-a"), 22);
	assert_int_equal(accepted_of(before, "late-b"), 13); /* as "other" */
	assert_int_equal(meter_name_find(&before->sum, METER_SOURCES, "late-b"), 0);
	end_counter(b);
	end_counter(a);
	meter_close();
	assert_int_equal(meter_read(f->dir, &after, NULL), ST_OK);
	for (uint32_t i = 0; i < before->sum.names_n[METER_SOURCES]; i++)
		assert_int_equal(accepted_of(after, before->sum.names[METER_SOURCES][i]),
			before->sum.values.submits[0][i][METER_ACCEPTED]);
	assert_int_equal(after->sum.names_n[METER_SOURCES], METER_SOURCES_MAX);
	meter_reading_free(before);
	meter_reading_free(after);
}

/* Of receivers each; what a process counted stays when it is dead, and folded with another's places. */
static void calls__are_timed(void **state)
{
	struct fixture *f = *state;
	struct meter_reading *r;
	assert_null(meter_calls_of(NULL, "bank"));
	pid_t pid = fork();
	if (pid == 0) {
		if (meter_open(f->dir, METER_WORKER, NULL) != ST_OK)
			_exit(1);
		meter_called("shop", 3000);
		meter_called("bank", 200000);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(meter_open(f->dir, METER_WORKER, NULL), ST_OK);
	meter_called("bank", 200);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(meter_read(f->dir, &r, NULL), ST_OK);
		const struct meter_histogram *bank = meter_calls_of(r, "bank"),
					     *shop = meter_calls_of(r, "shop");
		assert_true(bank && shop);
		assert_int_equal(bank->sum, 200200);
		assert_int_equal(bank->in[0], 1);
		assert_int_equal(bank->in[6], 1); /* up to 250 ms */
		assert_int_equal(shop->sum, 3000);
		assert_null(meter_calls_of(r, "nobody"));
		assert_null(meter_calls_of(r, "other"));
		meter_reading_free(r);
	}
}

static void quantiles__lie_within_buckets(void **state)
{
	(void)state;
	static const struct {
		uint64_t in[3]; /* up to 1 ms, up to 5 ms, beyond all */
		double q;
		uint64_t us; /* 0: there is none */
	} rows[] = {{{0, 0, 0}, 0.95, 0}, {{1, 0, 0}, 0.5, 500}, {{100, 0, 0}, 0.95, 950},
		{{50, 50, 0}, 0.5, 1000}, {{50, 50, 0}, 0.75, 3000}, {{0, 10, 0}, 1, 5000},
		{{1, 0, 99}, 0.95, UINT64_C(86400000000)}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct meter_histogram h = {.in = {[0] = rows[i].in[0],
						    [1] = rows[i].in[1],
						    [METER_BUCKETS - 1] = rows[i].in[2]}};
		uint64_t us = 0;
		assert_int_equal(meter_quantile(&h, meter_span_bounds, rows[i].q, &us), rows[i].us > 0);
		if (rows[i].us)
			assert_int_equal(us, rows[i].us);
	}
}

/* Who looks leaves all as it is: the dead's files, too, and makes nothing. */
static void looks__change_nothing(void **state)
{
	struct fixture *f = *state;
	struct meter_reading *r;
	char file[80];
	assert_int_equal(meter_look(f->dir, &r, NULL), ST_NOTFOUND);
	assert_int_equal(access(f->meters, F_OK), -1);
	snprintf(file, sizeof file, "%s/copy.mdb", f->dir);
	fclose(fopen(file, "we"));
	assert_int_equal(meter_look(file, &r, NULL), ST_NOTFOUND);
	end_counter(start_counter(f, METER_WORKER, "x", 4));
	shell("ls -lR --time-style=full-iso %s >%s.before", f->meters, f->dir);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(meter_look(f->dir, &r, NULL), ST_OK);
		assert_int_equal(accepted_of(r, "x"), 4);
		meter_reading_free(r);
	}
	shell("ls -lR --time-style=full-iso %s | cmp - %s.before && rm %s.before", f->meters, f->dir, f->dir);
	assert_int_equal(files_like(f, "clario-worker"), 1);
	assert_int_equal(read_accepted(f, "x"), 4);
	assert_int_equal(files_like(f, "clario-worker"), 0);
}

static void names__are_made_harmless(void **state)
{
	struct fixture *f = *state;
	char longest[300];
	memset(longest, 'l', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	assert_int_equal(meter_open(f->dir, METER_FCGI, NULL), ST_OK);
	count_submits("caf\xc3\xa9\n", 1);
	count_submits("", 2);
	count_submits(longest, 4);
	count_submits("other", 8);
	longest[METER_NAME_MAX] = '\0';
	assert_int_equal(read_accepted(f, "caf???"), 1);
	assert_int_equal(read_accepted(f, "none"), 2);
	assert_int_equal(read_accepted(f, longest), 4);
	struct meter_reading *r;
	assert_int_equal(meter_read(f->dir, &r, NULL), ST_OK);
	assert_int_equal(r->sum.names_n[METER_SOURCES], 4); /* "other" is one and the same */
	assert_int_equal(r->sum.values.submits[0][0][METER_ACCEPTED], 8);
	meter_reading_free(r);
}

/* Nothing ever falls, whoever starts, counts, is killed and reads, in whatever order; and in the end all is
 * there. */
static void sums__never_fall(void **state)
{
	enum { STEPS = 120, LIVING = 5 };
	struct fixture *f = *state;
	pid_t pids[LIVING] = {0};
	uint64_t expected = 0, last = 0;
	unsigned seed = 7;
	for (int step = 0; step < STEPS; step++) {
		int at = (int)(rand_r(&seed) % LIVING), n = (int)(rand_r(&seed) % 50);
		if (pids[at]) {
			end_counter(pids[at]);
			pids[at] = 0;
		} else {
			pids[at] = start_counter(f, METER_WORKER, n % 2 ? "odd" : "even", n);
			expected += (uint64_t)n;
		}
		if (rand_r(&seed) % 3)
			continue;
		uint64_t now = read_accepted(f, "odd") + read_accepted(f, "even");
		assert_true(now >= last);
		assert_int_equal(now, expected);
		last = now;
	}
	for (int i = 0; i < LIVING; i++)
		if (pids[i])
			end_counter(pids[i]);
	assert_int_equal(read_accepted(f, "odd") + read_accepted(f, "even"), expected);
}

enum { THREADS = 4, ROUNDS = 20000 };

static void *count_much(void *arg)
{
	const char *source = arg;
	for (int i = 0; i < ROUNDS; i++) {
		count_submits(source, 1);
		meter_spent(METER_RUN, 3, i % 3000000);
		meter_add(METER_THREADS_BUSY, 1);
		meter_add(METER_THREADS_BUSY, -1);
	}
	return NULL;
}

static void threads__lose_nothing(void **state)
{
	struct fixture *f = *state;
	static char *const sources[THREADS] = {"a", "b", "a", "b"};
	pthread_t threads[THREADS];
	struct meter_reading *r;
	assert_int_equal(meter_open(f->dir, METER_FCGI, NULL), ST_OK);
	count_submits(
		"a", 1); /* a name whose introduction finds the directory taken would count as "other" */
	count_submits("b", 1);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_much, sources[i]), 0);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(meter_read(f->dir, &r, NULL), ST_OK);
		meter_reading_free(r);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(meter_read(f->dir, &r, NULL), ST_OK);
	uint64_t runs = 0;
	for (int i = 0; i < METER_BUCKETS; i++)
		runs += r->sum.values.spans[METER_RUN][2].in[i];
	assert_int_equal(runs, THREADS * ROUNDS);
	assert_int_equal(r->programs[METER_FCGI].gauges[METER_THREADS_BUSY], 0);
	assert_int_equal(accepted_of(r, "a"), THREADS / 2 * ROUNDS + 1);
	assert_int_equal(accepted_of(r, "b"), THREADS / 2 * ROUNDS + 1);
	assert_int_equal(accepted_of(r, "other"), 0);
	meter_reading_free(r);
}

static void full_disk__shows_at_opening(void **state)
{
	struct fixture *f = *state;
	struct rlimit old, small;
	struct why why = WHY_INIT;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 4096;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	enum status st = meter_open(f->dir, METER_FCGI, &why);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_not_equal(st, ST_OK);
	assert_true(why.text[0]);
	count_submits("x", 3);
	assert_int_equal(files_like(f, "clario-"), 0);
	assert_int_equal(read_accepted(f, "x"), 0);
}

/* Counting does not wait for the directory, and reading does not wait for ever. */
static void taken_directory__holds_up_nobody(void **state)
{
	struct fixture *f = *state;
	struct meter_dir dir;
	struct meter_reading *r;
	assert_int_equal(meter_open(f->dir, METER_FCGI, NULL), ST_OK);
	count_submits("known", 1);
	assert_int_equal(meter_dir_open(f->dir, false, 0, &dir, NULL), ST_OK);
	count_submits("known", 1);
	count_submits("new", 1);
	assert_int_equal(meter_read(f->dir, &r, NULL), ST_BUSY);
	assert_null(r);
	meter_dir_close(&dir);
	count_submits("new", 1);
	assert_int_equal(read_accepted(f, "known"), 2);
	assert_int_equal(read_accepted(f, "new"), 1);
	assert_int_equal(read_accepted(f, "other"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nobody__is_not_found, setup, teardown),
		cmocka_unit_test_setup_teardown(dead__count_on, setup, teardown),
		cmocka_unit_test_setup_teardown(folding__is_done_once, setup, teardown),
		cmocka_unit_test_setup_teardown(dead__count_on_without_room, setup, teardown),
		cmocka_unit_test_setup_teardown(more_dead__than_fit_into_one_folding, setup, teardown),
		cmocka_unit_test_setup_teardown(strange_files__are_passed_over, setup, teardown),
		cmocka_unit_test_setup_teardown(damaged_total__begins_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(names__are_few_and_stay, setup, teardown),
		cmocka_unit_test_setup_teardown(names__are_made_harmless, setup, teardown),
		cmocka_unit_test_setup_teardown(calls__are_timed, setup, teardown),
		cmocka_unit_test(quantiles__lie_within_buckets),
		cmocka_unit_test_setup_teardown(looks__change_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(sums__never_fall, setup, teardown),
		cmocka_unit_test_setup_teardown(threads__lose_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(full_disk__shows_at_opening, setup, teardown),
		cmocka_unit_test_setup_teardown(taken_directory__holds_up_nobody, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
