/* tests/unit/test_mark.c: what a worker leaves behind when it dies, and what it does not. */
#include "tests/support/unit.h"
#include "worker/mark.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HELD_MAX = 4, FOUND_MAX = 16 };

struct found {
	struct {
		uint8_t number; /* of the job */
		uint64_t token;
		bool in_its_code;
	} jobs[FOUND_MAX];
	size_t n;
};

struct fixture {
	char dir[64];
	struct found found;
};

static struct job_id job(uint8_t number)
{
	return (struct job_id){{number, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, number}};
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	snprintf(f->dir, sizeof f->dir, "/tmp/clario-mark-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	*state = f;
	return 0;
}

static int remove_entry(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
	(void)sb;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	nftw(f->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static void note(void *arg, struct job_id id, uint64_t token, bool in_its_code)
{
	struct found *found = arg;
	assert_true(found->n < FOUND_MAX);
	assert_int_equal(id_cmp(id, job(id.b[0])), 0);
	found->jobs[found->n].number = id.b[0];
	found->jobs[found->n].token = token;
	found->jobs[found->n++].in_its_code = in_its_code;
}

static size_t reap(struct fixture *f)
{
	f->found.n = 0;
	mark_reap(f->dir, note, &f->found);
	return f->found.n;
}

/* Entries of the directory; the path of the last one. */
static size_t files(struct fixture *f, char path[400])
{
	DIR *dir = opendir(f->dir);
	size_t n = 0;
	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir));)
		if (entry->d_name[0] != '.') {
			n++;
			snprintf(path, 400, "%s/%s", f->dir, entry->d_name);
		}
	closedir(dir);
	return n;
}

/* A worker that lives this way and is killed. */
static void die(struct fixture *f, void (*life)(struct mark *))
{
	int status;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct mark *mark = mark_open(f->dir, HELD_MAX, NULL);
		if (mark)
			life(mark);
		kill(getpid(), mark ? SIGKILL : SIGTERM);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void die_in_code(struct mark *mark)
{
	for (uint8_t i = 1; i <= 3; i++)
		mark_hold(mark, job(i), 10u + i);
	mark_set(mark, job(1), 11);
	mark_clear(mark);
	mark_set(mark, job(2), 12);
}

static void die_at_rest(struct mark *mark)
{
	die_in_code(mark);
	mark_clear(mark);
}

/* 1 2 3 4, less the first: 4 2 3; less the last: 4 2. */
static void die_with_less(struct mark *mark)
{
	for (uint8_t i = 1; i <= 4; i++)
		mark_hold(mark, job(i), 10u + i);
	mark_hold(mark, job(5), 15); /* there is no room for it */
	mark_unhold(mark, 0);
	mark_unhold(mark, 2);
	mark_unhold(mark, 7);
	mark_set(mark, job(9), 99); /* not held any more */
}

static void killed_in_code__the_job_and_those_beside_it(void **state)
{
	struct fixture *f = *state;
	char path[400];
	die(f, die_in_code);
	assert_int_equal(files(f, path), 1);
	assert_int_equal(reap(f), 3);
	static const struct {
		uint8_t number;
		bool in_its_code;
	} want[] = {{2, true}, {1, false}, {3, false}};
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(f->found.jobs[i].number, want[i].number);
		assert_int_equal(f->found.jobs[i].token, 10 + want[i].number);
		assert_int_equal(f->found.jobs[i].in_its_code, want[i].in_its_code);
	}
	assert_int_equal(files(f, path), 0); /* told once */
	assert_int_equal(reap(f), 0);
}

static void killed_at_rest__nobody_is_named(void **state)
{
	struct fixture *f = *state;
	char path[400];
	die(f, die_at_rest);
	assert_int_equal(files(f, path), 1);
	assert_int_equal(reap(f), 0);
	assert_int_equal(files(f, path), 0);
}

static void held__what_is_given_back_is_not_named(void **state)
{
	struct fixture *f = *state;
	die(f, die_with_less);
	assert_int_equal(reap(f), 3);
	assert_int_equal(f->found.jobs[0].number, 9);
	assert_true(f->found.jobs[0].in_its_code);
	assert_int_equal(f->found.jobs[1].number, 4);
	assert_int_equal(f->found.jobs[2].number, 2);
}

static void several__each_is_reaped(void **state)
{
	struct fixture *f = *state;
	char path[400];
	die(f, die_in_code);
	die(f, die_in_code);
	die(f, die_at_rest);
	assert_int_equal(files(f, path), 3);
	assert_int_equal(reap(f), 6);
	assert_int_equal(files(f, path), 0);
}

static void the_living__are_left_alone(void **state)
{
	struct fixture *f = *state;
	char path[400];
	struct mark *one = mark_open(f->dir, HELD_MAX, NULL), *two = mark_open(f->dir, HELD_MAX, NULL);
	assert_non_null(one);
	assert_non_null(two);
	assert_int_equal(files(f, path), 2); /* one name each, although the process is the same */
	mark_set(one, job(1), 1);
	assert_int_equal(reap(f), 0);
	assert_int_equal(files(f, path), 2);
	mark_close(one);
	mark_close(two);
	mark_close(NULL);
	assert_int_equal(files(f, path), 0);
}

/* Every bit of what tells the job, and the boot: a mark that is not whole is none, and does not stay. */
static void torn__is_none(void **state)
{
	struct fixture *f = *state;
	enum { MAGIC = 8, UP_TO = 48 };
	char path[400];
	for (off_t at = MAGIC; at < UP_TO; at++) {
		char byte;
		die(f, die_in_code);
		assert_int_equal(files(f, path), 1);
		int fd = open(path, O_RDWR | O_CLOEXEC);
		assert_int_equal(pread(fd, &byte, 1, at), 1);
		byte ^= 4;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		close(fd);
		assert_int_equal(reap(f), 0);
		assert_int_equal(files(f, path), 0);
	}
}

static void make_file(struct fixture *f, const char *name, size_t size)
{
	char path[400], byte = 'x';
	snprintf(path, sizeof path, "%s/%s", f->dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(write(fd, &byte, 1), 1);
	close(fd);
}

static void others__are_left_alone(void **state)
{
	struct fixture *f = *state;
	char path[400], target[400];
	make_file(f, "wake", 0);
	make_file(f, "running.notes", 100);
	make_file(f, "running.short", 3);
	make_file(f, "not-running.host.1", 0);
	snprintf(path, sizeof path, "%s/running.directory", f->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof path, "%s/running.fifo", f->dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	snprintf(path, sizeof path, "%s/running.link", f->dir);
	snprintf(target, sizeof target, "%s/wake", f->dir);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(reap(f), 0);
	assert_int_equal(files(f, path), 7);
	make_file(f, "running.host.unfinished", 0); /* its worker died before it was a mark */
	assert_int_equal(reap(f), 0);
	assert_int_equal(files(f, path), 7);
}

static void open__says_why_it_cannot(void **state)
{
	(void)state;
	struct why why = WHY_INIT;
	assert_null(mark_open("/nonexistent", HELD_MAX, &why));
	assert_non_null(strstr(why.text, "/nonexistent/running."));
	mark_set(NULL, job(1), 1);
	mark_clear(NULL);
	mark_hold(NULL, job(1), 1);
	mark_unhold(NULL, 0);
	mark_reap("/nonexistent", note, NULL);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(killed_in_code__the_job_and_those_beside_it),
		CASE(killed_at_rest__nobody_is_named),
		CASE(held__what_is_given_back_is_not_named),
		CASE(several__each_is_reaped),
		CASE(the_living__are_left_alone),
		CASE(torn__is_none),
		CASE(others__are_left_alone),
		CASE(open__says_why_it_cannot),
	};
	return cmocka_run_group_tests_name("mark", tests, NULL, NULL);
}
