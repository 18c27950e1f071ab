/* tests/unit/test_retention.c: a simulated week, and two days to fill the spool before it: jobs come by day
 * and by night, end in all ways, and leave when their age has come, by the worker's own retention. None
 * leaves early or late, nothing of them stays, and the file does not grow. */
#include "spool/base/log.h"
#include "tests/support/unit.h"
#include "worker/retain.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	STEP_MINUTES = 10,
	STEPS_PER_DAY = 24 * 60 / STEP_MINUTES,
	DAYS = 9,
	JOBS_MAX = 40000,
	PER_STEP_MAX = 40
};
#define MINUTE_US INT64_C(60000000)
#define HOUR_US   (60 * MINUTE_US)

struct ended {
	struct job_id id;
	int64_t at_us;
	char key[24];
};

/* Those that ended in one state, in that order; the first `gone` of them have left. */
struct line {
	int64_t keep_us;
	struct ended jobs[JOBS_MAX];
	size_t n, gone;
};

struct week {
	char dir[64];
	struct spool_conf conf;
	struct spool *spool;
	struct opts opts;
	struct retain retain;
	struct moment now;
	struct line lines[JOB_STATE_N];
	uint64_t accepted, live;
	double worst; /* size of the file, in those of its live data */
};

static const enum job_state ends[] = {JOB_COMPLETED, JOB_FAILED, JOB_CANCELLED};
enum { ENDS_N = sizeof ends / sizeof *ends };

static int remove_entry(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
	(void)sb;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int setup(void **state)
{
	struct week *w = calloc(1, sizeof *w);
	struct why why = WHY_INIT;
	assert_non_null(w);
	snprintf(w->dir, sizeof w->dir, "%s/clario-week-XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(w->dir));
	w->conf = (struct spool_conf){.store = "lmdb",
		.path = w->dir,
		.map_size = 256 << 20,
		.full_at_percent = 85,
		.ordering = true,
		.dedupe_window_us = 24 * HOUR_US};
	if (spool_init(&w->conf, &why) != ST_OK || spool_open(&w->conf, &w->spool, &why) != ST_OK)
		fail_msg("%s", why.text);
	w->opts.queue.keep_completed_ms = 24 * HOUR_US / 1000;
	w->opts.queue.keep_failed_ms = 48 * HOUR_US / 1000;
	w->opts.queue.keep_cancelled_ms = 12 * HOUR_US / 1000;
	w->lines[JOB_COMPLETED].keep_us = 24 * HOUR_US;
	w->lines[JOB_FAILED].keep_us = 48 * HOUR_US;
	w->lines[JOB_CANCELLED].keep_us = 12 * HOUR_US;
	w->now = (struct moment){INT64_C(1790000000000000), HOUR_US, 42};
	retain_init(&w->retain, &w->opts, w->spool);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct week *w = *state;
	spool_close(w->spool);
	nftw(w->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(w);
	return 0;
}

static void pass(struct week *w, int64_t us)
{
	w->now.wall_us += us;
	w->now.boot_us += us;
}

/* Three times as many by day as by night. */
static size_t load_at(int step)
{
	int hour = step % STEPS_PER_DAY / (60 / STEP_MINUTES);
	return hour >= 8 && hour < 20 ? 30 : 10;
}

static void note_end(struct week *w, enum job_state state, struct job_id id, struct slice key)
{
	struct line *l = &w->lines[state];
	assert_in_range(l->n, 0, JOBS_MAX - 1);
	struct ended *e = &l->jobs[l->n++];
	*e = (struct ended){.id = id, .at_us = w->now.wall_us};
	snprintf(e->key, sizeof e->key, "%.*s", SLICE_ARG(key));
	w->live--;
}

static struct trigger trigger_of(char workflow[40], char key[24], uint64_t number, const char *payload)
{
	snprintf(workflow, 40, "workflow-%llu", (unsigned long long)number / 3);
	snprintf(key, 24, "key-%llu", (unsigned long long)number);
	return (struct trigger){.phase = 2 + (int)(number % 6),
		.attempts_allowed = 3,
		.give_up_after_us = 24 * HOUR_US,
		.workflow_id = slice_text(workflow),
		.user_id = slice_text("user"),
		.payload = slice_text(payload),
		.source = slice_text("tests"),
		.idempotency_key = slice_text(key)};
}

static void submit_some(struct week *w, size_t n)
{
	struct why why = WHY_INIT;
	struct trigger triggers[PER_STEP_MAX];
	struct receipt receipts[PER_STEP_MAX];
	char workflow[PER_STEP_MAX][40], key[PER_STEP_MAX][24], payload[900];
	for (size_t i = 0; i < n; i++) {
		snprintf(payload, sizeof payload, "{\"n\":\"%0*d\"}", (int)(w->accepted * 37 % 700), 1);
		triggers[i] = trigger_of(workflow[i], key[i], w->accepted + i, payload);
	}
	if (spool_submit(w->spool, w->now, triggers, n, receipts, &why) != ST_OK)
		fail_msg("submit: %s", why.text);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(receipts[i].verdict, SUBMIT_ACCEPTED);
	w->accepted += n;
	w->live += n;
	for (size_t i = 0; i < n; i += 17) {
		struct steer_result result;
		assert_int_equal(
			spool_steer(w->spool, w->now, STEER_CANCEL, &receipts[i].id, 1,
				slice_text("operator:tests"), (struct slice)SLICE_INIT, &result, &why),
			ST_OK);
		note_end(w, JOB_CANCELLED, receipts[i].id, slice_text(key[i]));
	}
}

/* Most end well, one in seven badly; what is left over goes on in the next step. */
static void run_some(struct week *w, size_t max)
{
	struct why why = WHY_INIT;
	struct job jobs[PER_STEP_MAX];
	struct settlement settlements[PER_STEP_MAX];
	struct claim_ask ask = {.owner = "host:1", .max = max, .lease_ms = 60000};
	size_t n, none;
	int64_t next_due_us;
	if (spool_exchange(w->spool, w->now, NULL, 0, &ask, jobs, &n, &next_due_us, &why) != ST_OK)
		fail_msg("claim: %s", why.text);
	pass(w, 1000000);
	for (size_t i = 0; i < n; i++)
		settlements[i] = (struct settlement){.id = jobs[i].id,
			.token = jobs[i].lease.token,
			.kind = jobs[i].id.b[15] % 7 ? SETTLE_COMPLETE : SETTLE_FAIL,
			.outcome = slice_text("{\"success\":true}"),
			.error = slice_text("answered 400")};
	if (spool_exchange(w->spool, w->now, settlements, n, NULL, NULL, &none, &next_due_us, &why) != ST_OK)
		fail_msg("settle: %s", why.text);
	for (size_t i = 0; i < n; i++) {
		note_end(w, settlements[i].kind == SETTLE_COMPLETE ? JOB_COMPLETED : JOB_FAILED, jobs[i].id,
			jobs[i].idempotency_key);
		job_release(&jobs[i]);
	}
}

/* One round of the worker's retention, paced as it paces itself. */
static void retain_round(struct week *w)
{
	int steps = 0;
	do {
		int wait_ms = retain_wait_ms(&w->retain, w->now);
		pass(w, (int64_t)wait_ms * 1000);
		retain_step(&w->retain, w->now);
	} while (w->retain.part != RETAIN_OVER && ++steps < 1000);
	assert_int_equal(w->retain.part, RETAIN_OVER);
}

static void assert_there(struct week *w, struct job_id id, bool is)
{
	struct job job;
	assert_int_equal(spool_get(w->spool, id, &job, NULL), is ? ST_OK : ST_NOTFOUND);
	job_release(&job);
}

/* Exactly those have left whose age had come when the round began, or came while it lasted. */
static void compare(struct week *w, int64_t began_us)
{
	struct stats stats;
	struct why why = WHY_INIT;
	uint64_t gone = 0;
	assert_int_equal(spool_stats(w->spool, &stats, &why), ST_OK);
	for (size_t i = 0; i < ENDS_N; i++) {
		struct line *l = &w->lines[ends[i]];
		uint64_t there = stats_state(&stats, ends[i]);
		l->gone = l->n - (size_t)there;
		if (l->gone < l->n)
			assert_true(l->jobs[l->gone].at_us >= began_us - l->keep_us);
		if (l->gone)
			assert_true(l->jobs[l->gone - 1].at_us < w->now.wall_us - l->keep_us);
		if (l->gone < l->n)
			assert_there(w, l->jobs[l->gone].id, true);
		if (l->gone)
			assert_there(w, l->jobs[l->gone - 1].id, false);
		gone += l->gone;
	}
	assert_int_equal(stats.accepted_total, w->accepted);
	assert_int_equal(stats.removed_total, gone);
	assert_int_equal(stats.set_aside, 0);
}

/* --- what is left of them --- */

static enum status count_item(void *arg, const struct item *item, struct why *why)
{
	struct week *w = arg;
	(void)why;
	if (item->kind != ITEM_EVENT)
		return ST_OK;
	int64_t oldest_us = w->now.wall_us - 48 * HOUR_US - STEP_MINUTES * MINUTE_US;
	if (id_is_zero(item->event.job))
		assert_true(item->event.at_us >= oldest_us);
	else
		assert_there(w, item->event.job, true);
	return ST_OK;
}

static void nothing_is_left(struct week *w)
{
	struct why why = WHY_INIT;
	assert_int_equal(spool_export(w->spool, count_item, w, NULL, &why), ST_OK);
	assert_int_equal(spool_check(w->spool, NULL, NULL, &why), ST_OK);
}

static void key_is_free_again(struct week *w)
{
	struct why why = WHY_INIT;
	struct receipt receipt;
	char workflow[40], key[24];
	struct trigger t = trigger_of(workflow, key, 1000000 + w->accepted, "{}");
	t.idempotency_key = slice_text(w->lines[JOB_COMPLETED].jobs[0].key);
	assert_int_equal(spool_submit(w->spool, w->now, &t, 1, &receipt, &why), ST_OK);
	assert_int_equal(receipt.verdict, SUBMIT_ACCEPTED);
}

static int64_t length_of(const struct week *w, const char *name)
{
	char path[128];
	struct stat sb;
	snprintf(path, sizeof path, "%s/%s", w->dir, name);
	assert_int_equal(stat(path, &sb), 0);
	return (int64_t)sb.st_size;
}

/* A copy without free pages is the live data. */
static void measure(struct week *w)
{
	char path[128];
	struct care_result result;
	struct why why = WHY_INIT;
	snprintf(path, sizeof path, "%s/copy.mdb", w->dir);
	struct care_ask ask = {.verb = CARE_BACKUP, .path = path};
	if (spool_care(&w->conf, &ask, NULL, &result, &why) != ST_OK)
		fail_msg("%s", why.text);
	double ratio = (double)length_of(w, "lmdb/data.mdb") / (double)length_of(w, "copy.mdb");
	if (ratio > w->worst)
		w->worst = ratio;
	unlink(path);
}

static void week__leaves_nothing_behind(void **state)
{
	struct week *w = *state;
	for (int step = 0; step < DAYS * STEPS_PER_DAY; step++) {
		submit_some(w, load_at(step));
		run_some(w, PER_STEP_MAX);
		int64_t began_us = w->now.wall_us;
		retain_round(w);
		compare(w, began_us);
		/* At the hours when least and most of the data is live. */
		if (step >= 2 * STEPS_PER_DAY && (step % STEPS_PER_DAY == 47 || step % STEPS_PER_DAY == 119))
			measure(w);
		pass(w, STEP_MINUTES * MINUTE_US - (w->now.wall_us - began_us));
	}
	nothing_is_left(w);
	key_is_free_again(w);
	report("%d days, %llu jobs, %zu + %zu + %zu left after their ages; the file was at most %.2f of its "
	       "live "
	       "data\n",
		DAYS, (unsigned long long)w->accepted, w->lines[JOB_COMPLETED].gone,
		w->lines[JOB_FAILED].gone, w->lines[JOB_CANCELLED].gone, w->worst);
	assert_true(w->worst <= 2.0);
}

int main(void)
{
	log_open("test_retention", LOG_LEVEL_WARNING);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(week__leaves_nothing_behind, setup, teardown),
	};
	return cmocka_run_group_tests_name("retention", tests, NULL, NULL);
}
