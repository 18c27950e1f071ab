/* tests/fault/test_calls.c: in the running daemons the first call of a kind fails, then the second, and so on
 * until a job is done without it: memory, accepting, sending, receiving, writes and syncs of the spool. The
 * client tries again under its key, as clients do. A daemon may stop, as long as starting it again helps. In
 * the end every job that was acknowledged has one outcome, and no key has two jobs.
 *
 * FAULT_CALLS: how far to count. FAULT_ROUNDS: how often, each time with another phase's job. */
#include "tests/fault/fail_calls.h"
#include "tests/support/instance.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum { TRIES_MAX = 100, MISSES_MAX = 3, JOBS_MAX = 20000 };

static const char *const kind_names[FAIL_KIND_N] = {
	[FAIL_MALLOC] = "malloc: ENOMEM",
	[FAIL_ACCEPT] = "accept: EMFILE",
	[FAIL_SEND] = "send: ECONNRESET",
	[FAIL_SEND_SHORT] = "send: one byte",
	[FAIL_RECEIVE] = "receive: ECONNRESET",
	[FAIL_WRITE_IO] = "write: EIO",
	[FAIL_WRITE_FULL] = "write: ENOSPC",
	[FAIL_SYNC] = "sync: EIO",
};

struct trial {
	struct instance *in;
	char dir[64];
	struct fail_plan *plans[2]; /* of FCGI and WORKER */
	char (*ids)[40];
	size_t n;
	unsigned long deaths, hits;
	size_t shape; /* of the jobs of this round */
};

static const struct {
	const char *path, *members; /* the last one's value makes it unlike the others */
} shapes[] = {
	{"/phase/2", "\"sync_id\""},
	{"/phase/7", "\"amount\":\"120.50\",\"claim_id\""},
	{"/phase/6", "\"rejection_reason\":\"none\",\"claim_id\""},
	{"/phase/3", "\"sync_id\""},
	{"/phase/5", "\"claim_id\""},
	{"/step/10", "\"sync_id\""},
	{"/step/12", "\"sync_id\""},
};
enum { SHAPES = sizeof shapes / sizeof *shapes, CALLING_SHAPES = 4 /* the first ones: phases with calls */ };

static const char *const programs[] = {"clario-fcgi", "clario-worker"};

static struct fail_plan *map_plan(const char *dir, const char *program)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", dir, program);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0 && ftruncate(fd, sizeof(struct fail_plan)) == 0);
	void *at = mmap(NULL, sizeof(struct fail_plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(at != MAP_FAILED);
	close(fd);
	return at;
}

static int setup(void **state)
{
	struct trial *t = calloc(1, sizeof *t);
	char library[256];
	snprintf(
		library, sizeof library, "%s/tests/fault/fail_calls.so", getenv("B") ? getenv("B") : "build");
	char *full = realpath(library, NULL);
	assert_non_null(t);
	assert_non_null(full);
	t->ids = calloc(JOBS_MAX, sizeof *t->ids);
	assert_non_null(t->ids);
	snprintf(t->dir, sizeof t->dir, "/tmp/clario-calls-XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	for (int i = 0; i < 2; i++)
		t->plans[i] = map_plan(t->dir, programs[i]);
	setenv("CLARIO_FAIL_DIR", t->dir, 1);
	setenv("LD_PRELOAD", full, 1);
	free(full);
	t->in = instance_start("worker.lease=1s retry.attempts=15");
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct trial *t = *state;
	instance_stop(t->in);
	unsetenv("LD_PRELOAD");
	for (int i = 0; i < 2; i++) {
		char path[128];
		snprintf(path, sizeof path, "%s/%s", t->dir, programs[i]);
		munmap(t->plans[i], sizeof *t->plans[i]);
		unlink(path);
	}
	rmdir(t->dir);
	free(t->ids);
	free(t);
	return 0;
}

static struct fail_plan *plan_of(struct trial *t, enum daemon daemon)
{
	return t->plans[daemon == WORKER];
}

static void arm(struct fail_plan *plan, enum fail_kind kind, long k)
{
	atomic_store(&plan->left, 0);
	atomic_store(&plan->hits, 0);
	atomic_store(&plan->kind, (int)kind);
	atomic_store(&plan->left, k);
}

/* As systemd would. */
static void revive(struct trial *t, enum daemon daemon)
{
	if (instance_is_running(t->in, daemon))
		return;
	/* A start without memory ends at once, and systemd would try again: only what runs is made to fail.
	 */
	struct fail_plan *plan = plan_of(t, daemon);
	long left = atomic_exchange(&plan->left, 0);
	t->deaths++;
	instance_launch(t->in, daemon);
	atomic_store(&plan->left, left);
}

static bool try_submit(struct trial *t, const char *key, char id[40])
{
	char path[64], headers[128], body[160];
	snprintf(headers, sizeof headers, "Content-Type: application/json\nIdempotency-Key: %s\n", key);
	snprintf(path, sizeof path, API "%s", shapes[t->shape].path);
	snprintf(body, sizeof body, "{\"user_id\":\"u\",%s:\"%s\"}", shapes[t->shape].members, key);
	struct answer a = request(t->in, "POST", path, headers, body);
	bool is_taken = a.status >= 200 && a.status < 300;
	if (is_taken)
		snprintf(id, 40, "%s", answer_text(&a, "job_id"));
	else if (a.status && a.status < 500)
		fail_msg("%s: answered %ld: %.200s", key, a.status, a.body ? a.body : "");
	answer_release(&a);
	return is_taken;
}

static void submit(struct trial *t, const char *key, enum daemon daemon)
{
	assert_in_range(t->n, 0, JOBS_MAX - 1);
	for (int tries = 0; tries < TRIES_MAX; tries++) {
		if (try_submit(t, key, t->ids[t->n])) {
			t->n++;
			return;
		}
		revive(t, daemon);
		clock_sleep_ms(20);
	}
	fail_msg("%s: no success in %d tries", key, TRIES_MAX);
}

static void wait_completed(struct trial *t, const char *id)
{
	for (int i = 0; i < 30; i++) {
		char path[128];
		snprintf(path, sizeof path, API "/jobs/%s", id);
		struct answer a = request(t->in, "GET", path, NULL, NULL);
		const char *state = json_string_value(jx_path(a.json, "job.state"));
		bool is_done = state && strcmp(state, "completed") == 0;
		answer_release(&a);
		if (is_done)
			return;
		revive(t, WORKER);
		clock_sleep_ms(i < 10 ? 10 : 200);
	}
	json_decref(wait_state(t->in, id, "completed"));
}

static long setting(const char *name, long otherwise)
{
	const char *text = getenv(name);
	return text && *text ? strtol(text, NULL, 10) : otherwise;
}

static void fail_each(struct trial *t, enum daemon daemon, enum fail_kind kind)
{
	struct fail_plan *plan = plan_of(t, daemon);
	long k = 1, k_max = setting("FAULT_CALLS", 25);
	unsigned long hits = 0, deaths = t->deaths;
	for (int misses = 0; misses < MISSES_MAX && k <= k_max; k++) {
		char key[64];
		snprintf(key, sizeof key, "%s-%zu-%d-%ld", programs[daemon == WORKER], t->shape, kind, k);
		arm(plan, kind, k);
		submit(t, key, daemon);
		if (daemon == WORKER)
			wait_completed(t, t->ids[t->n - 1]);
		misses = atomic_load(&plan->hits) ? 0 : misses + 1;
		hits += atomic_load(&plan->hits);
		arm(plan, kind, 0);
		revive(t, daemon);
	}
	report("%s, %s, %s: %lu calls failed, %lu restarts\n", programs[daemon == WORKER],
		shapes[t->shape].path, kind_names[kind], hits, t->deaths - deaths);
	assert_true(hits > 0);
	t->hits += hits;
}

static uint64_t accepted_total(struct trial *t)
{
	char out[8192];
	json_t *stats;
	assert_int_equal(instance_tool(t->in, "stats --json", out, sizeof out), 0);
	assert_int_equal(jx_parse(slice_text(out), 8, &stats, NULL), ST_OK);
	uint64_t total = (uint64_t)json_integer_value(jx_get(stats, "accepted_total"));
	json_decref(stats);
	return total;
}

static void judge(struct trial *t)
{
	for (size_t i = 0; i < t->n; i++)
		wait_completed(t, t->ids[i]);
	assert_int_equal(accepted_total(t), t->n);
	report("%lu calls failed, %lu restarts, %zu jobs acknowledged, none lost\n", t->hits, t->deaths,
		t->n);
}

static void fail_all(struct trial *t, enum daemon daemon, const enum fail_kind *kinds, size_t n)
{
	for (long round = 0; round < setting("FAULT_ROUNDS", 1); round++) {
		t->shape = (size_t)round % (daemon == WORKER ? CALLING_SHAPES : SHAPES);
		for (size_t i = 0; i < n; i++)
			fail_each(t, daemon, kinds[i]);
	}
	judge(t);
}

static void fcgi__survives_each_call_that_fails(void **state)
{
	static const enum fail_kind kinds[] = {FAIL_MALLOC, FAIL_ACCEPT, FAIL_SEND, FAIL_SEND_SHORT,
		FAIL_RECEIVE, FAIL_WRITE_IO, FAIL_WRITE_FULL, FAIL_SYNC};
	fail_all(*state, FCGI, kinds, sizeof kinds / sizeof *kinds);
}

static void worker__survives_each_call_that_fails(void **state)
{
	static const enum fail_kind kinds[] = {FAIL_MALLOC, FAIL_SEND, FAIL_SEND_SHORT, FAIL_RECEIVE,
		FAIL_WRITE_IO, FAIL_WRITE_FULL, FAIL_SYNC};
	fail_all(*state, WORKER, kinds, sizeof kinds / sizeof *kinds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(fcgi__survives_each_call_that_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(worker__survives_each_call_that_fails, setup, teardown),
	};
	jx_init();
	return cmocka_run_group_tests_name("calls", tests, NULL, NULL);
}
