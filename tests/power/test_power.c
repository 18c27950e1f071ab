/* tests/power/test_power.c: the power goes out at any moment of a real run.
 *
 * clario-spool init and both daemons run under load behind nginx with the recorder in them. Then the disk is
 * put together as it could have been left at every moment, and each time: the spool opens, is sound, has
 * every job that a client was answered for and every outcome that one was told of, and takes and delivers new
 * jobs.
 *
 * POWER_SEED, POWER_IMAGES (how many in all), POWER_JOBS (of each of the four clients). */
#include "tests/power/replay.h"
#include "tests/support/instance.h"

#include "spool/base/log.h"
#include "spool/spool.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { CLIENTS = 4, PATIENCE_S = 20, MAP_SIZE = 256 << 20 };

enum finding { SOUND, NOT_OPENED, LOST, OUTCOME_LOST, NOT_SOUND, NOT_WRITABLE, CRASHED, FINDING_N };
static const char *const finding_names[FINDING_N] = {"sound", "not opened", "acknowledged job lost",
	"outcome lost", "not sound", "not writable", "crashed or hung"};

struct world {
	char dir[64], log_path[128], spool_path[96], data_path[128];
	struct power_log *log;
	struct instance *in;
};

static unsigned long setting(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);
	return text && *text ? strtoul(text, NULL, 10) : otherwise;
}

struct client {
	struct world *w;
	unsigned number, jobs;
};

static void mark(struct world *w, enum power_kind kind, const char *id)
{
	struct job_id job;
	assert_int_equal(id_parse(slice_text(id), &job), ST_OK);
	power_mark(w->log, kind, job.b);
}

static void *run_client(void *arg)
{
	struct client *c = arg;
	for (unsigned i = 0; i < c->jobs; i++) {
		char body[160], id[40];
		snprintf(body, sizeof body, "{\"user_id\":\"power-%u\",\"sync_id\":\"power-%u-%u\"}",
			c->number, c->number, i / 2);
		submit_job(c->w->in, i % 2 ? "/phase/3" : "/phase/2", body, id);
		mark(c->w, POWER_ACKNOWLEDGED, id);
		if (i % 3 == 0) {
			json_decref(wait_state(c->w->in, id, "completed"));
			mark(c->w, POWER_ENDED, id);
		}
	}
	return NULL;
}

static void record_run(struct world *w)
{
	char recorder[256];
	struct client clients[CLIENTS];
	pthread_t threads[CLIENTS];
	snprintf(recorder, sizeof recorder, "%s/tests/power/record.so", getenv("B") ? getenv("B") : "build");
	char *full = realpath(recorder, NULL);
	assert_non_null(full);
	setenv("LD_PRELOAD", full, 1);
	setenv(POWER_LOG_ENV, w->log_path, 1);
	w->in = instance_start("");
	unsetenv("LD_PRELOAD");
	unsetenv(POWER_LOG_ENV);
	free(full);
	for (unsigned i = 0; i < CLIENTS; i++) {
		clients[i] = (struct client){w, i, (unsigned)setting("POWER_JOBS", 25)};
		assert_int_equal(pthread_create(&threads[i], NULL, run_client, &clients[i]), 0);
	}
	for (unsigned i = 0; i < CLIENTS; i++)
		pthread_join(threads[i], NULL);
	instance_stop(w->in);
}

static struct spool_conf conf_of(const struct world *w)
{
	return (struct spool_conf){.store = "lmdb",
		.path = w->spool_path,
		.map_size = MAP_SIZE,
		.full_at_percent = 90,
		.ordering = true,
		.dedupe_window_us = INT64_C(86400000000)};
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	struct why why = WHY_INIT;
	assert_non_null(w);
	snprintf(w->dir, sizeof w->dir, "%s/clario-power-XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->log_path, sizeof w->log_path, "%s/log", w->dir);
	snprintf(w->spool_path, sizeof w->spool_path, "%s/spool", w->dir);
	snprintf(w->data_path, sizeof w->data_path, "%s/lmdb/data.mdb", w->spool_path);
	w->log = power_open(w->log_path);
	assert_non_null(w->log);
	struct spool_conf conf = conf_of(w); /* for all but the data file, which the images replace */
	assert_int_equal(spool_init(&conf, &why), ST_OK);
	record_run(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char command[128];
	snprintf(command, sizeof command, "rm -rf %s", w->dir);
	assert_int_equal(system(command), 0);
	munmap(w->log, POWER_LOG_MAX);
	free(w);
	return 0;
}

static enum finding look_for_jobs(struct spool *sp, const struct job_id *ids, const bool *ended, size_t n)
{
	struct why why = WHY_INIT;
	for (size_t i = 0; i < n; i++) {
		struct job job;
		if (spool_get(sp, ids[i], &job, &why) != ST_OK)
			return LOST;
		if (ended[i] && job.state != JOB_COMPLETED)
			return OUTCOME_LOST;
		job_release(&job);
	}
	return SOUND;
}

static bool takes_and_delivers(struct spool *sp)
{
	struct trigger t = {.phase = 2,
		.attempts_allowed = 3,
		.give_up_after_us = 60000000,
		.workflow_id = slice_text("after"),
		.user_id = slice_text("after"),
		.payload = slice_text("{}")};
	struct receipt receipt;
	struct job jobs[1];
	struct claim_ask ask = {.max = 1, .lease_ms = 60000, .owner = "after"};
	struct settlement s = {.kind = SETTLE_COMPLETE, .outcome = slice_text("{}")};
	size_t n;
	int64_t due;
	if (spool_submit(sp, clock_now(), &t, 1, &receipt, NULL) != ST_OK ||
		receipt.verdict != SUBMIT_ACCEPTED)
		return false;
	if (spool_exchange(sp, clock_now(), NULL, 0, &ask, jobs, &n, &due, NULL) != ST_OK || n != 1)
		return false;
	s.id = jobs[0].id;
	s.token = jobs[0].lease.token;
	job_release(&jobs[0]);
	return spool_exchange(sp, clock_now(), &s, 1, NULL, NULL, &n, &due, NULL) == ST_OK &&
	       s.verdict == ST_OK;
}

static enum finding examine(const struct world *w, const struct job_id *ids, const bool *ended, size_t n)
{
	struct spool_conf conf = conf_of(w);
	struct spool *sp;
	struct why why = WHY_INIT;
	if (spool_open(&conf, &sp, &why) != ST_OK)
		return NOT_OPENED;
	enum finding found = look_for_jobs(sp, ids, ended, n);
	if (found == SOUND && spool_check(sp, NULL, NULL, &why) != ST_OK)
		found = NOT_SOUND;
	if (found == SOUND && !takes_and_delivers(sp))
		found = NOT_WRITABLE;
	spool_close(sp);
	return found;
}

/* In a process of its own: LMDB may crash or hang on a file that is wrong, and that is a finding, too. */
static enum finding examine_apart(
	const struct world *w, const struct job_id *ids, const bool *ended, size_t n)
{
	int status;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(PATIENCE_S);
		signal(SIGALRM, SIG_DFL);
		signal(SIGABRT, SIG_DFL);
		signal(SIGSEGV, SIG_DFL);
		signal(SIGBUS, SIG_DFL);
		_exit((int)examine(w, ids, ended, n));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) && WEXITSTATUS(status) < FINDING_N ? (enum finding)WEXITSTATUS(status)
								    : CRASHED;
}

struct tally {
	unsigned long images, found[FINDING_N];
};

static void cut_power(
	struct world *w, struct replay *r, enum power_loss loss, uint64_t *random, int fd, struct tally *t)
{
	const struct job_id *ids;
	const bool *ended;
	char lock_path[160];
	size_t n = replay_jobs(r, &ids, &ended);
	if (!replay_image(r, loss, random, fd)) {
		assert_int_equal(n, 0); /* nobody is answered before the spool has its name */
		return;
	}
	snprintf(lock_path, sizeof lock_path, "%s/lmdb/lock.mdb", w->spool_path);
	unlink(lock_path); /* it does not outlive a boot in a state that counts */
	t->images++;
	t->found[examine_apart(w, ids, ended, n)]++;
}

/* Spread `images` over all boundaries, those after an answer first. Stops early when told to and something
 * was found. */
static struct tally replay_all(
	struct world *w, enum power_mutant mutant, unsigned long images, uint64_t seed, bool stop_early)
{
	struct replay *r = replay_new(w->log, mutant);
	struct tally t = {0};
	int fd = open(w->data_path, O_RDWR | O_CLOEXEC);
	assert_non_null(r);
	assert_true(fd >= 0);
	double each = (double)images / (double)replay_boundaries(r), due = 0;
	uint64_t random = seed * UINT64_C(2654435761) + 88172645463325252;
	unsigned turn = 0;
	while (replay_step(r) && !(stop_early && t.images > t.found[SOUND])) {
		due += replay_is_promise(r) ? each + 1 : each;
		for (; due >= 1; due--)
			cut_power(w, r, (enum power_loss)(turn++ % POWER_LOSS_N), &random, fd, &t);
	}
	close(fd);
	replay_free(r);
	return t;
}

static void tell(const char *what, const struct tally *t)
{
	report("%s: %lu images", what, t->images);
	for (int i = 0; i < FINDING_N; i++)
		if (t->found[i])
			print_message(", %s %lu", finding_names[i], t->found[i]);
	print_message("\n");
}

static void power_cut__loses_nothing_that_was_promised(void **state)
{
	struct world *w = *state;
	uint64_t seed = setting("POWER_SEED", (unsigned long)clock_now().wall_us);
	struct replay *r = replay_new(w->log, MUTANT_NONE);
	report("seed %llu, %zu boundaries\n", (unsigned long long)seed, replay_boundaries(r));
	replay_free(r);
	struct tally t = replay_all(w, MUTANT_NONE, setting("POWER_IMAGES", 1500), seed, false);
	tell("power cuts", &t);
	assert_true(t.images > 0);
	assert_int_equal(t.found[SOUND], t.images);
}

static void expect_caught(struct world *w, enum power_mutant mutant, const char *name)
{
	struct tally t = replay_all(w, mutant, 4000, 1, true);
	tell(name, &t);
	assert_true(t.images > t.found[SOUND]);
}

static void mutants__are_caught(void **state)
{
	expect_caught(*state, MUTANT_NO_META_SYNC, "without a sync of the meta page");
	expect_caught(*state, MUTANT_NO_DATA_SYNC, "without a sync of the data pages");
	expect_caught(*state, MUTANT_EARLY_ANSWER, "answering before the commit");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(power_cut__loses_nothing_that_was_promised),
		cmocka_unit_test(mutants__are_caught),
	};
	log_open("test", LOG_LEVEL_ERR);
	return cmocka_run_group_tests_name("power", tests, setup, teardown);
}
