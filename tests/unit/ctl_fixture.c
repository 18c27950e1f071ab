/* tests/unit/ctl_fixture.c: see ctl_fixture.h. */
#include "tests/unit/ctl_fixture.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int ctl_run(struct fixture *f, const char *args)
{
	char command[1024];
	const char *b = getenv("B");
	snprintf(command, sizeof command, "'%s/clario-spool' -c '%s/clario.conf' %s", b && *b ? b : "build",
		f->dir, args);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	size_t len = fread(f->out, 1, sizeof f->out - 1, pipe);
	f->out[len] = '\0';
	int code = pclose(pipe);
	assert_true(WIFEXITED(code));
	return WEXITSTATUS(code);
}

void assert_run(struct fixture *f, const char *args, int code, const char *has)
{
	int got = ctl_run(f, args);
	if (got != code || (has && !strstr(f->out, has)))
		fail_msg("clario-spool %s: exit %d, wanted %d with \"%s\": %s", args, got, code,
			has ? has : "", f->out);
}

void assert_run_id(struct fixture *f, const char *verb, int i, int code, const char *has)
{
	char args[200];
	snprintf(args, sizeof args, "%s %s 2>&1", verb, f->ids[i]);
	assert_run(f, args, code, has);
}

void ctl_write_conf(struct fixture *f, const char *map_size)
{
	char path[128];
	snprintf(path, sizeof path, "%s/clario.conf", f->dir);
	FILE *conf = fopen(path, "we");
	assert_non_null(conf);
	fprintf(conf, "[spool]\npath = %s/spool\nmap-size = %s\n", f->dir, map_size);
	fclose(conf);
}

struct spool *ctl_open_spool(struct fixture *f)
{
	char path[128];
	struct spool *sp;
	struct why why = WHY_INIT;
	snprintf(path, sizeof path, "%s/spool", f->dir);
	struct spool_conf conf = {.store = "lmdb",
		.path = path,
		.map_size = 16 << 20,
		.full_at_percent = 85,
		.ordering = true,
		.dedupe_window_us = 1000000};
	if (spool_open(&conf, &sp, &why) != ST_OK)
		fail_msg("%s", why.text);
	return sp;
}

static void fill(struct fixture *f)
{
	static const struct {
		int phase;
		const char *workflow;
	} rows[] = {{3, "w-fail"}, {2, "w-line"}, {3, "w-line"}, {7, "w-late"}};
	struct spool *sp = ctl_open_spool(f);
	for (int i = 0; i < 4; i++) {
		struct trigger t = {.phase = rows[i].phase,
			.attempts_allowed = 1,
			.give_up_after_us = 1000000,
			.workflow_id = slice_text(rows[i].workflow),
			.user_id = slice_text(i ? "bob" : "ann"),
			.payload = slice_text("{\"user_id\":\"x\",\"token\":\"hush\"}"),
			.source = slice_text("tests")};
		struct receipt r;
		if (i == 3)
			t.run_at_us = clock_now().wall_us + INT64_C(3600000000);
		assert_int_equal(spool_submit(sp, clock_now(), &t, 1, &r, NULL), ST_OK);
		id_text(r.id, f->ids[i]);
		if (i > 0)
			continue;
		struct claim_ask ask = {.owner = "tests:1", .max = 1, .lease_ms = 1000};
		struct job job;
		size_t n, none;
		int64_t due;
		assert_int_equal(spool_exchange(sp, clock_now(), NULL, 0, &ask, &job, &n, &due, NULL), ST_OK);
		struct settlement s = {.id = job.id,
			.token = 1,
			.kind = SETTLE_FAIL,
			.error = slice_text("answered 404"),
			.outcome = slice_text("{\"data\":{\"api_key\":\"hush\"}}")};
		assert_int_equal(
			spool_exchange(sp, clock_now(), &s, 1, NULL, NULL, &none, &due, NULL), ST_OK);
		job_release(&job);
	}
	spool_close(sp);
}

static struct spool *open_with_levels(struct fixture *f)
{
	char path[128];
	struct spool *sp;
	snprintf(path, sizeof path, "%s/spool", f->dir);
	struct spool_conf conf = {.store = "lmdb",
		.path = path,
		.map_size = 16 << 20,
		.full_at_percent = 85,
		.ordering = true,
		.await_us[2] = 60000000};
	assert_int_equal(spool_open(&conf, &sp, NULL), ST_OK);
	return sp;
}

void ctl_add_old(struct fixture *f, const char *workflow, bool completes)
{
	struct spool *sp = open_with_levels(f);
	struct moment then = clock_now();
	struct receipt receipt;
	struct job job;
	size_t n;
	int64_t due;
	bool has_more;
	then.wall_us -= 3600000000;
	assert_int_equal(spool_await_tell(sp, then, &n, &has_more, NULL), ST_OK);
	struct trigger t = {.phase = 1,
		.attempts_allowed = 3,
		.priority = JOB_PRIORITY_FIRST,
		.workflow_id = slice_text(workflow),
		.user_id = slice_text("carl"),
		.payload = slice_text("{}")};
	assert_int_equal(spool_submit(sp, then, &t, 1, &receipt, NULL), ST_OK);
	struct claim_ask ask = {.owner = "host:4711", .max = 1, .lease_ms = 60000};
	assert_int_equal(spool_exchange(sp, then, NULL, 0, &ask, &job, &n, &due, NULL), ST_OK);
	assert_int_equal(n, 1);
	struct settlement s = {.id = job.id, .token = job.lease.token, .kind = SETTLE_COMPLETE};
	if (completes)
		assert_int_equal(spool_exchange(sp, then, &s, 1, NULL, NULL, &n, &due, NULL), ST_OK);
	assert_int_equal(spool_await_tell(sp, clock_now(), &n, &has_more, NULL), ST_OK);
	assert_int_equal(n, completes);
	job_release(&job);
	spool_close(sp);
}

int ctl_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	snprintf(f->dir, sizeof f->dir, "/tmp/clario-ctl-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	ctl_write_conf(f, "16M");
	assert_run(f, "init", 0, "created a spool in ");
	fill(f);
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

int ctl_teardown(void **state)
{
	struct fixture *f = *state;
	ctl_write_conf(f, "16M");
	assert_run(f, "verify", 0, "the spool is sound");
	nftw(f->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

size_t count_lines(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += *text == '\n';
	return n;
}
