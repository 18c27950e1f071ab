/* tests/conformance/test_fence.c: two workers on one spool, and one of them stops in the middle of its calls
 * for longer than its leases last. The other one takes its jobs over; when the first one goes on, its late
 * results are refused, and each refusal is an event. */
#include "tests/crash/history.h"
#include "tests/support/instance.h"

#include "spool/spool.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { JOBS = 500, BATCH = 100, IN_FLIGHT = 16, STOPPED_AT = 60, WAIT_MS = 60000 };

struct race {
	struct instance *in;
	struct spool *spool;
	pid_t first, second;
	struct job_id ids[JOBS];
	struct story stories[JOBS];
	uint64_t attempts[JOBS];
};

static int setup(void **state)
{
	static struct race r;
	char settings[200], path[128];
	struct why why = WHY_INIT;
	snprintf(settings, sizeof settings, "worker.in-flight=%d worker.lease=1s retry.attempts=20",
		IN_FLIGHT);
	r.in = instance_start(settings);
	r.first = instance_pid(r.in, WORKER);
	r.second = instance_add_worker(r.in);
	snprintf(path, sizeof path, "%s/spool", r.in->dir);
	struct spool_conf conf = {.store = "lmdb",
		.path = path,
		.map_size = 256 << 20,
		.full_at_percent = 90,
		.ordering = true,
		.read_only = true};
	if (spool_open(&conf, &r.spool, &why) != ST_OK)
		fail_msg("%s", why.text);
	*state = &r;
	return 0;
}

static int teardown(void **state)
{
	struct race *r = *state;
	spool_close(r->spool);
	instance_end_added(r->in);
	instance_stop(r->in);
	return 0;
}

static void submit_all(struct race *r)
{
	struct buf body = BUF_INIT(1 << 20);
	for (size_t from = 0; from < JOBS; from += BATCH) {
		buf_clear(&body);
		for (size_t i = 0; i < BATCH; i++)
			buf_fmt(&body, "%s{\"phase\":2,\"user_id\":\"fence\",\"sync_id\":\"fence-%zu\"}",
				i ? "," : "[", from + i);
		buf_text(&body, "]");
		struct answer a = post(r->in, "/batch", body.p);
		json_t *results = json_object_get(a.json, "results");
		assert_int_equal(json_array_size(results), BATCH);
		for (size_t i = 0; i < BATCH; i++) {
			const char *id =
				json_string_value(json_object_get(json_array_get(results, i), "job_id"));
			assert_non_null(id);
			assert_int_equal(id_parse(slice_text(id), &r->ids[from + i]), ST_OK);
		}
		answer_release(&a);
	}
	buf_release(&body);
}

/* Jobs under a lease of this worker. */
static size_t count_held(struct race *r, pid_t worker)
{
	struct job_filter filter = {.has_state = true, .state = JOB_ACTIVE};
	struct job jobs[256];
	struct cursor at = {""}, next;
	char suffix[16];
	size_t n, held = 0;
	snprintf(suffix, sizeof suffix, ":%d", (int)worker);
	assert_int_equal(spool_list(r->spool, &filter, &at, 256, false, jobs, &n, &next, NULL), ST_OK);
	for (size_t i = 0; i < n; i++) {
		const char *owner = strrchr(jobs[i].lease.owner, ':');
		held += owner && strcmp(owner, suffix) == 0;
		job_release(&jobs[i]);
	}
	return held;
}

static uint64_t newest_event(struct race *r)
{
	struct stats stats;
	assert_int_equal(spool_stats(r->spool, &stats, NULL), ST_OK);
	return stats.last_seq;
}

/* Had it stopped inside a commit, nobody else could commit. */
static bool others_go_on(struct race *r)
{
	uint64_t before = newest_event(r);
	for (int i = 0; i < 100; i++) {
		if (newest_event(r) > before + 4)
			return true;
		clock_sleep_ms(2);
	}
	return false;
}

static bool is_stopped(pid_t pid)
{
	char path[64], line[512] = "";
	bool all = true;
	snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
	DIR *dir = opendir(path);
	assert_non_null(dir);
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "/proc/%d/task/%.20s/stat", (int)pid, entry->d_name);
		FILE *in = fopen(path, "r");
		const char *name_end = in && fgets(line, sizeof line, in) ? strrchr(line, ')') : NULL;
		all &= name_end && name_end[2] == 'T';
		if (in)
			fclose(in);
	}
	closedir(dir);
	return all;
}

/* Its threads stop only after one of them has taken the signal, which on a busy machine may be a while. */
static void stop(pid_t pid)
{
	assert_int_equal(kill(pid, SIGSTOP), 0);
	for (int i = 0; i < WAIT_MS && !is_stopped(pid); i++)
		clock_sleep_ms(1);
	assert_true(is_stopped(pid));
}

/* Stop the first worker while it holds jobs; how many. */
static size_t stop_holding(struct race *r)
{
	for (int tries = 0; tries < 100; tries++) {
		stop(r->first);
		size_t held = others_go_on(r) ? count_held(r, r->first) : 0;
		if (held > 0)
			return held;
		kill(r->first, SIGCONT);
		clock_sleep_ms(50);
	}
	fail_msg("the first worker never held a job");
	return 0;
}

static uint64_t count_ended(struct race *r)
{
	struct stats stats;
	assert_int_equal(spool_stats(r->spool, &stats, NULL), ST_OK);
	return stats_state(&stats, JOB_COMPLETED) + stats_state(&stats, JOB_FAILED);
}

static bool wait_ended(struct race *r, uint64_t n, int ms)
{
	int64_t until = clock_mono_us() + ms * INT64_C(1000);
	while (count_ended(r) < n && clock_mono_us() < until)
		clock_sleep_ms(10);
	return count_ended(r) >= n;
}

static size_t count_fenced(struct race *r)
{
	struct event events[256];
	size_t n, fenced = 0;
	uint64_t after = 0, last;
	do {
		struct event_filter filter = {.after_seq = after};
		assert_int_equal(spool_events(r->spool, &filter, 256, events, &n, &last, NULL), ST_OK);
		for (size_t i = 0; i < n; i++) {
			fenced += events[i].kind == EVENT_FENCED;
			event_release(&events[i]);
		}
	} while (last > after && (after = last));
	return fenced;
}

static void read_stories(struct race *r)
{
	for (size_t i = 0; i < JOBS; i++) {
		struct event events[64];
		struct event_filter filter = {.job = r->ids[i]};
		struct story *s = &r->stories[i];
		struct job job;
		size_t n;
		uint64_t last;
		*s = (struct story){.acknowledged = true};
		s->found = spool_get(r->spool, r->ids[i], &job, NULL) == ST_OK;
		assert_true(s->found);
		s->state = job.state;
		r->attempts[i] = job.attempts_made;
		job_release(&job);
		assert_int_equal(spool_events(r->spool, &filter, 64, events, &n, &last, NULL), ST_OK);
		for (size_t k = 0; k < n; k++) {
			history_tell(s, &events[k]);
			event_release(&events[k]);
		}
	}
}

/* Calls of each job: none more often than attempts recorded. How many came late: after one with a newer
 * lease. */
static size_t check_calls(struct race *r)
{
	static struct call call;
	size_t late = 0;
	for (size_t i = 0; i < JOBS; i++) {
		char fit[32], value[512];
		long newest = 0;
		snprintf(fit, sizeof fit, "\"fence-%zu\"", i);
		size_t n = receiver_count(r->in->receiver, NULL, fit);
		r->stories[i].delivered = (unsigned)n;
		if (n > r->attempts[i])
			fail_msg("job %zu: %zu calls, %llu attempts", i, n,
				(unsigned long long)r->attempts[i]);
		for (size_t k = 0; n > 1 && k < n; k++) {
			assert_true(receiver_get(r->in->receiver, NULL, fit, k, &call));
			long token = strtol(call_header(&call, "X-Clario-Lease", value), NULL, 10);
			late += token < newest;
			newest = token > newest ? token : newest;
		}
	}
	return late;
}

static void stalled_worker__is_fenced_and_every_job_ends_once(void **state)
{
	struct race *r = *state;
	receiver_rule(r->in->receiver, (struct rule){.delay_ms = 40});
	submit_all(r);
	assert_true(receiver_wait(r->in->receiver, NULL, "\"fence-", STOPPED_AT, WAIT_MS));
	size_t held = stop_holding(r);
	bool rest_ended = wait_ended(r, JOBS, WAIT_MS);
	size_t by_then = count_fenced(r);
	kill(r->first, SIGCONT);
	assert_true(rest_ended);
	assert_int_equal(by_then, 0);
	for (int i = 0; i < WAIT_MS / 10 && count_fenced(r) == 0; i++)
		clock_sleep_ms(10);
	instance_kill(r->in, WORKER, SIGTERM); /* all that it has to say is said */
	size_t fenced = count_fenced(r);
	read_stories(r);
	size_t late = check_calls(r);
	struct verdict v = history_judge(r->stories, JOBS);
	report("%d jobs, two workers, one stalled with %zu of them: %zu late results refused, %zu calls in "
	       "all\n",
		JOBS, held, fenced, receiver_count(r->in->receiver, NULL, "\"fence-"));
	assert_true(history_is_good(&v));
	assert_true(fenced >= 1);
	assert_true(late <= 1); /* one thread sends, and it may have been stopped right before that */
	for (size_t i = 0; i < JOBS; i++)
		assert_int_equal(r->stories[i].state, JOB_COMPLETED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stalled_worker__is_fenced_and_every_job_ends_once),
	};
	return cmocka_run_group_tests_name("fence", tests, setup, teardown);
}
