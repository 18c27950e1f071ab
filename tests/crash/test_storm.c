/* tests/crash/test_storm.c: daemons and the tool are killed again and again, at random moments and inside
 * their writes, while clients submit under keys and try again as good clients do. In the end every
 * acknowledged job has exactly one outcome, and no key has two jobs. Then rolling restarts: no client needs
 * more than a second try.
 *
 * STORM_SEED, STORM_KILLS, STORM_JOBS (at least), STORM_PAUSE_MS (of a client between batches),
 * STORM_RESTARTS. */
#include "tests/crash/history.h"
#include "tests/support/instance.h"

#include "spool/base/log.h"
#include "spool/spool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { CLIENTS = 4, BATCH = 10, TRIES_MAX = 3000, STUCK_MS = 2000 + 5000, EXIT_MS = 5000 };

static unsigned long setting(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);
	return text && *text ? strtoul(text, NULL, 10) : otherwise;
}

struct storm {
	struct instance *in;
	char kill_dir[64];
	uint64_t random;
	atomic_bool is_over;
	int pause_ms; /* of a client, between batches */
	atomic_size_t acknowledged;
	unsigned long kills, own_deaths, tool_kills;
};

struct client {
	struct storm *storm;
	unsigned number;
	struct job_id *ids;
	size_t n, cap;
	unsigned long tries, most_tries;
};

static uint64_t draw(struct storm *s, uint64_t below)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return (s->random >> 11) % below;
}

static void batch_body(const struct client *c, struct buf *out)
{
	buf_clear(out);
	buf_text(out, "[");
	for (size_t i = 0; i < BATCH; i++) {
		size_t number = c->n + i;
		buf_fmt(out,
			"%s{\"phase\":2,\"user_id\":\"storm-%u\",\"sync_id\":\"storm-%u-%zu\","
			"\"idempotency_key\":\"storm-%u-%zu\"}",
			i ? "," : "", c->number, c->number, number / 2, c->number, number);
	}
	buf_text(out, "]");
}

/* true: each trigger of the batch has been acknowledged. */
static bool take_results(struct client *c, const struct answer *a)
{
	size_t i;
	json_t *result, *results = a->status == 200 ? json_object_get(a->json, "results") : NULL;
	if (json_array_size(results) != BATCH || !json_is_true(json_object_get(a->json, "success")))
		return false;
	json_array_foreach(results, i, result)
	{
		const char *id = json_string_value(json_object_get(result, "job_id"));
		if (!id || id_parse(slice_text(id), &c->ids[c->n + i]) != ST_OK)
			return false;
	}
	c->n += BATCH;
	atomic_fetch_add(&c->storm->acknowledged, BATCH);
	return true;
}

/* As a good client does: the same keys again, until it is answered. */
static bool submit_batch(struct client *c, struct buf *body)
{
	batch_body(c, body);
	for (unsigned long tries = 1; tries < TRIES_MAX; tries++) {
		struct answer a = post(c->storm->in, "/batch", body->p);
		bool done = take_results(c, &a);
		answer_release(&a);
		c->tries += tries > 1;
		c->most_tries = tries > c->most_tries ? tries : c->most_tries;
		if (done)
			return true;
		clock_sleep_ms(5);
	}
	return false;
}

static void *run_client(void *arg)
{
	struct client *c = arg;
	struct buf body = BUF_INIT(1 << 20);
	bool ok = true;
	while (ok && !atomic_load(&c->storm->is_over) && c->n + BATCH <= c->cap) {
		ok = submit_batch(c, &body);
		clock_sleep_ms(c->storm->pause_ms);
	}
	buf_release(&body);
	return (void *)(intptr_t)!ok;
}

static const char *const programs[] = {[FCGI] = "clario-fcgi", [WORKER] = "clario-worker"};

/* From its next start on the program dies at its k-th write; 0: it lives. */
static void doom(struct storm *s, const char *program, unsigned long k)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", s->kill_dir, program);
	if (k == 0) {
		unlink(path);
		return;
	}
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fprintf(file, "%lu\n", k);
	assert_int_equal(fclose(file), 0);
}

static bool is_gone(pid_t pid)
{
	waitpid(pid, NULL, WNOHANG); /* it may be a child of ours, and a zombie until then */
	return kill(pid, 0) != 0 && errno == ESRCH;
}

static bool wait_gone(pid_t pid, int64_t ms)
{
	int64_t until = clock_mono_us() + ms * 1000;
	while (!is_gone(pid)) {
		if (clock_mono_us() > until)
			return false;
		clock_sleep_ms(1);
	}
	return true;
}

/* Let it die of its doom, or kill it; then start it again under a new one. */
static void kill_daemon(struct storm *s, enum daemon daemon)
{
	pid_t pid = instance_pid(s->in, daemon);
	if (wait_gone(pid, (int64_t)draw(s, 120))) {
		s->own_deaths++;
	} else {
		kill(pid, SIGKILL);
		assert_true(wait_gone(pid, EXIT_MS));
	}
	s->kills++;
	doom(s, programs[daemon], 5 + draw(s, 400));
	instance_launch(s->in, daemon);
}

/* An operator's act on a job that was acknowledged, killed half-way more often than not. */
static void kill_tool(struct storm *s, const struct client *c)
{
	static const char *const acts[] = {"hold", "release", "cancel", "retry", "run-now"};
	char args[160], id[JOB_ID_TEXT_LEN], out[2000];
	size_t n = atomic_load(&s->acknowledged) / CLIENTS;
	if (n < 4 * BATCH)
		return;
	id_text(c->ids[draw(s, n / 4)], id);
	doom(s, "clario-spool", 1 + draw(s, 12));
	snprintf(args, sizeof args, "%s --reason storm %s 2>&1", acts[draw(s, 5)], id);
	int code = instance_tool(s->in, args, out, sizeof out);
	s->tool_kills += code < 0 || code == 128 + SIGKILL;
	doom(s, "clario-spool", 0);
}

static void blow(struct storm *s, const struct client *clients)
{
	unsigned long kills = setting("STORM_KILLS", 60);
	size_t jobs = setting("STORM_JOBS", 1000);
	while (s->kills < kills || atomic_load(&s->acknowledged) < jobs) {
		kill_daemon(s, draw(s, 2) ? FCGI : WORKER);
		if (draw(s, 4) == 0)
			kill_tool(s, &clients[draw(s, CLIENTS)]);
	}
	doom(s, programs[FCGI], 0);
	doom(s, programs[WORKER], 0);
	for (enum daemon d = FCGI; d <= WORKER; d++) {
		kill(instance_pid(s->in, d), SIGKILL);
		assert_true(wait_gone(instance_pid(s->in, d), EXIT_MS));
		instance_launch(s->in, d);
	}
	instance_wait_ready(s->in);
}

static struct spool *open_spool(struct storm *s)
{
	char path[96];
	struct why why = WHY_INIT;
	struct spool *sp;
	snprintf(path, sizeof path, "%s/spool", s->in->dir);
	struct spool_conf conf = {.store = "lmdb",
		.path = path,
		.map_size = 256 << 20,
		.full_at_percent = 90,
		.ordering = true,
		.read_only = true};
	if (spool_open(&conf, &sp, &why) != ST_OK)
		fail_msg("%s", why.text);
	return sp;
}

/* Until nothing is left to do, or nothing has happened for longer than a lease and five seconds. What is held
 * goes on. */
static void wait_for_outcomes(struct storm *s, struct spool *sp)
{
	char out[2000];
	uint64_t live = UINT64_MAX, last_seq = 0;
	int64_t until = 0;
	instance_tool(s->in, "release --reason storm --all 2>&1", out, sizeof out);
	do {
		struct stats stats;
		assert_int_equal(spool_stats(sp, &stats, NULL), ST_OK);
		live = stats_state(&stats, JOB_WAITING) + stats_state(&stats, JOB_DELAYED) +
		       stats_state(&stats, JOB_ACTIVE);
		if (stats.last_seq != last_seq)
			until = clock_mono_us() + STUCK_MS * INT64_C(1000);
		last_seq = stats.last_seq;
		clock_sleep_ms(20);
	} while (live > 0 && clock_mono_us() < until);
}

static void read_story(struct spool *sp, struct job_id id, struct story *story)
{
	struct event events[64];
	struct job job;
	size_t n;
	uint64_t after = 0;
	story->acknowledged = true;
	story->delivered = 1; /* counted over all jobs, see below */
	story->found = spool_get(sp, id, &job, NULL) == ST_OK;
	if (!story->found)
		return;
	story->state = job.state;
	job_release(&job);
	do {
		struct event_filter filter = {.job = id, .after_seq = after};
		assert_int_equal(spool_events(sp, &filter, 64, events, &n, &after, NULL), ST_OK);
		for (size_t i = 0; i < n; i++) {
			history_tell(story, &events[i]);
			event_release(&events[i]);
		}
	} while (n == 64);
}

static int by_id(const void *a, const void *b)
{
	return id_cmp(*(const struct job_id *)a, *(const struct job_id *)b);
}

/* Two keys never name one job. */
static size_t count_shared(struct job_id *ids, size_t n)
{
	size_t shared = 0;
	qsort(ids, n, sizeof *ids, by_id);
	for (size_t i = 1; i < n; i++)
		shared += id_cmp(ids[i - 1], ids[i]) == 0;
	return shared;
}

static void judge(struct storm *s, struct client *clients)
{
	size_t n = 0, at = 0;
	struct stats stats;
	for (int i = 0; i < CLIENTS; i++)
		n += clients[i].n;
	struct story *stories = calloc(n, sizeof *stories);
	struct job_id *ids = calloc(n, sizeof *ids);
	struct spool *sp = open_spool(s);
	wait_for_outcomes(s, sp);
	for (int i = 0; i < CLIENTS; i++)
		for (size_t k = 0; k < clients[i].n; k++) {
			ids[at] = clients[i].ids[k];
			read_story(sp, ids[at], &stories[at]);
			at++;
		}
	struct verdict v = history_judge(stories, n);
	assert_int_equal(spool_stats(sp, &stats, NULL), ST_OK);
	size_t delivered = receiver_count(s->in->receiver, "/api/detections/run", NULL);
	report("%lu kills (%lu inside a write, and %lu of the tool), %zu jobs acknowledged: %zu lost, "
	       "%zu ended twice, "
	       "%zu without outcome, %zu deliveries\n",
		s->kills, s->own_deaths, s->tool_kills, v.acknowledged, v.lost, v.ended_twice,
		v.without_outcome, delivered);
	assert_true(history_is_good(&v));
	assert_int_equal(count_shared(ids, n), 0);
	assert_int_equal(stats.accepted_total, n); /* no key has two jobs, and there is none without a key */
	spool_close(sp);
	free(stories);
	free(ids);
}

static void storm_start(struct storm *s, const char *rows)
{
	char library[256];
	snprintf(library, sizeof library, "%s/tests/crash/kill_at.so", getenv("B") ? getenv("B") : "build");
	char *full = realpath(library, NULL);
	*s = (struct storm){.random = setting("STORM_SEED", (unsigned long)clock_now().wall_us) | 1};
	snprintf(s->kill_dir, sizeof s->kill_dir, "/tmp/clario-storm-XXXXXX");
	assert_non_null(mkdtemp(s->kill_dir));
	assert_non_null(full);
	report("seed %llu\n", (unsigned long long)s->random);
	setenv("CLARIO_KILL_DIR", s->kill_dir, 1);
	setenv("LD_PRELOAD", full, 1);
	free(full);
	s->in = instance_start(rows);
}

static void storm_stop(struct storm *s)
{
	instance_stop(s->in);
	unsetenv("LD_PRELOAD");
	rmdir(s->kill_dir);
}

static void start_clients(struct storm *s, struct client *clients, pthread_t *threads)
{
	size_t cap = (setting("STORM_JOBS", 1000) + 400000) / CLIENTS;
	for (unsigned i = 0; i < CLIENTS; i++) {
		clients[i] = (struct client){
			.storm = s, .number = i, .cap = cap, .ids = calloc(cap, sizeof(struct job_id))};
		assert_non_null(clients[i].ids);
		assert_int_equal(pthread_create(&threads[i], NULL, run_client, &clients[i]), 0);
	}
}

static void end_clients(struct storm *s, pthread_t *threads)
{
	atomic_store(&s->is_over, true);
	for (unsigned i = 0; i < CLIENTS; i++) {
		void *failed;
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
}

static void storm__loses_nothing_and_ends_nothing_twice(void **state)
{
	(void)state;
	struct storm s;
	struct client clients[CLIENTS];
	pthread_t threads[CLIENTS];
	storm_start(&s, "retry.attempts=1000 worker.lease=2s");
	s.pause_ms = (int)setting("STORM_PAUSE_MS", 10);
	start_clients(&s, clients, threads);
	blow(&s, clients);
	end_clients(&s, threads);
	judge(&s, clients);
	storm_stop(&s);
	for (unsigned i = 0; i < CLIENTS; i++)
		free(clients[i].ids);
}

/* As an upgrade does it: asked to stop, and started again, while clients go on. */
static void restarts__cost_no_client_more_than_a_retry(void **state)
{
	(void)state;
	struct storm s;
	struct client clients[CLIENTS];
	pthread_t threads[CLIENTS];
	unsigned long restarts = setting("STORM_RESTARTS", 10);
	int64_t longest_ms[] = {[FCGI] = 0, [WORKER] = 0};
	storm_start(&s, "");
	s.pause_ms = 20;
	start_clients(&s, clients, threads);
	for (unsigned long i = 0; i < restarts; i++) {
		enum daemon daemon = i % 2 ? WORKER : FCGI;
		pid_t pid = instance_pid(s.in, daemon);
		int64_t began = clock_mono_us();
		assert_int_equal(kill(pid, SIGTERM), 0);
		assert_true(wait_gone(pid, EXIT_MS));
		int64_t took_ms = (clock_mono_us() - began) / 1000;
		longest_ms[daemon] = took_ms > longest_ms[daemon] ? took_ms : longest_ms[daemon];
		instance_launch(s.in, daemon);
		instance_wait_ready(s.in);
		clock_sleep_ms(20);
	}
	end_clients(&s, threads);
	report("%lu restarts, the slowest stop took %lld ms (clario-fcgi), %lld ms (clario-worker)\n",
		restarts, (long long)longest_ms[FCGI], (long long)longest_ms[WORKER]);
	judge(&s, clients);
	storm_stop(&s);
	for (unsigned i = 0; i < CLIENTS; i++)
		free(clients[i].ids);
}

static void judge__knows_bad_from_good(void **state)
{
	(void)state;
	const struct story good = {true, true, JOB_COMPLETED, 1, 0, 1};
	struct {
		struct story story;
		bool is_good;
	} rows[] = {
		{good, true},
		{{true, true, JOB_CANCELLED, 1, 0, 0}, true},
		{{true, true, JOB_COMPLETED, 2, 1, 3}, true},
		{{true, false, JOB_WAITING, 0, 0, 0}, false},
		{{true, true, JOB_COMPLETED, 2, 0, 1}, false},
		{{true, true, JOB_COMPLETED, 1, 1, 1}, false},
		{{true, true, JOB_WAITING, 0, 0, 0}, false},
		{{true, true, JOB_ACTIVE, 1, 1, 1}, false},
		{{false, true, JOB_COMPLETED, 1, 0, 1}, false},
		{{true, true, JOB_COMPLETED, 1, 0, 0}, false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct story stories[] = {good, rows[i].story, good};
		struct verdict v = history_judge(stories, 3);
		if (history_is_good(&v) != rows[i].is_good)
			fail_msg("row %zu", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(judge__knows_bad_from_good),
		cmocka_unit_test(storm__loses_nothing_and_ends_nothing_twice),
		cmocka_unit_test(restarts__cost_no_client_more_than_a_retry),
	};
	log_open("test", LOG_LEVEL_ERR);
	return cmocka_run_group_tests_name("storm", tests, NULL, NULL);
}
