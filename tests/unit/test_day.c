/* tests/unit/test_day.c: a day of a spool, with a clock of its own: jobs of all phases arrive, two workers
 * deliver them to receivers that fail by a seeded schedule (weather.h), workers stall past their leases and
 * die, the host boots anew. The spool is a real one, the retry policy the worker's; what an attempt does with
 * an answer is done here as worker/attempt.c does it.
 *
 * Afterwards each job has exactly one outcome and no more calls than attempts, a call that was checkpointed
 * was not made again, nobody gave up early, and no job failed whose receivers were well for longer than the
 * longest wait. At every step the counters conserve jobs; in the end the file has stayed small.
 *
 * SIM_DAY_SEEDS: how many days, from SIM_DAY_SEED or from the first. */
#include "tests/crash/history.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/weather.h"

#include "spool/retry.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SEEDS = 1 };
#else
enum { SEEDS = 10 };
#endif

#define SECOND_US INT64_C(1000000)
#define HOUR_US   (3600 * SECOND_US)
#define DAY_US    (24 * HOUR_US)

enum {
	JOBS = 1000,
	WORKFLOWS = 400,
	RECEIVERS = 4,
	WORKERS = 2,
	IN_FLIGHT = 32,
	DAY_CALLS_MAX = 2,
	LEASE_MS = 60000,
};
#define TIMEOUT_US (60 * SECOND_US)
#define KEEP_US    (2 * HOUR_US)
/* How long a due job may wait for a worker that is free and awake. */
#define SLACK_US (HOUR_US / 4)

static const struct retry_opts policy = {.attempts = 15,
	.base_ms = 2000,
	.factor_milli = 3000,
	.cap_ms = 3600000,
	.give_up_after_ms = 86400000,
	.jitter = 1};

/* Which receivers a phase calls, in order. */
static const struct {
	size_t n;
	int receivers[DAY_CALLS_MAX];
} calls_of[PHASE_LAST + 1] = {
	[1] = {1, {0}},
	[2] = {1, {1}},
	[3] = {1, {2}},
	[6] = {1, {3}},
	[7] = {2, {0, 3}},
};

struct sim_job {
	struct job_id id;
	int phase;
	bool is_poison;                /* its call is refused for good */
	bool was_refused;              /* ... and was */
	bool is_stored[DAY_CALLS_MAX]; /* the call's checkpoint is on disk */
	unsigned delivered[DAY_CALLS_MAX], succeeded[DAY_CALLS_MAX];
	unsigned outcomes; /* verdicts OK of settlements that end it */
	uint64_t token;    /* of its newest claim */
	int64_t first_claim_us;
	bool is_judged;
};

struct flight {
	struct sim_job *job; /* NULL: none */
	uint64_t token;
	uint32_t made, allowed;
	int64_t give_up_at_us;
	size_t call_at;
	int64_t ends_us;
	struct reply reply;
};

struct sim_worker {
	char owner[16];
	struct flight flights[IN_FLIGHT];
	int64_t renew_us, stalled_until_us;
};

struct day {
	struct fixture *f;
	uint64_t seed;
	struct dice dice;
	struct receiver_plan plans[RECEIVERS];
	struct sim_worker workers[WORKERS];
	unsigned deaths, stalls, names;
	struct sim_job jobs[JOBS];
	size_t n, judged;
	bool used[WORKFLOWS][PHASE_LAST + 1];
	int64_t began_us, arrival_us, incident_us, hour_us, due_us;
	uint64_t removed, events_seen;
	unsigned long steps, attempts, calls, fenced, completed, refused, gave_up, duplicates;
	uint64_t most_jobs;
};

#define CHECK(d, condition)                                                                                  \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			fail_msg("seed %llu, step %lu: %s", (unsigned long long)(d)->seed, (d)->steps,       \
				#condition);                                                                 \
	} while (0)

static int64_t now_us(const struct day *d)
{
	return d->f->now.wall_us;
}

static struct sim_job *find_job(struct day *d, struct job_id id)
{
	size_t low = 0, high = d->n;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (id_cmp(d->jobs[middle].id, id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	CHECK(d, low < d->n && id_cmp(d->jobs[low].id, id) == 0);
	return &d->jobs[low];
}

/* A phase that this workflow has not had yet; 0: it has had all. */
static int next_phase(struct day *d, size_t workflow)
{
	int first = 1 + (int)dice_roll(&d->dice, PHASE_LAST);
	for (int i = 0; i < PHASE_LAST; i++) {
		int phase = 1 + (first - 1 + i) % PHASE_LAST;
		if (!d->used[workflow][phase])
			return phase;
	}
	return 0;
}

static void arrive(struct day *d)
{
	char workflow[24], user[24];
	size_t w = dice_roll(&d->dice, WORKFLOWS);
	int phase = next_phase(d, w);
	d->arrival_us += dice_between(&d->dice, 0, 2 * DAY_US / JOBS);
	if (phase == 0 || d->n == JOBS)
		return;
	snprintf(workflow, sizeof workflow, "w%zu", w);
	snprintf(user, sizeof user, "u%zu", w % 50);
	struct trigger t = make_trigger(phase, workflow, user, "{\"claim_id\":\"c\",\"amount\":\"12.50\"}");
	t.attempts_allowed = (uint32_t)policy.attempts;
	t.priority = 1 + (int)dice_roll(&d->dice, 9);
	t.give_up_after_us = dice_roll(&d->dice, 5) ? policy.give_up_after_ms * 1000 : 2 * HOUR_US;
	if (dice_roll(&d->dice, 10) == 0)
		t.run_at_us = now_us(d) + dice_between(&d->dice, 1, 2 * HOUR_US);
	struct receipt r = submit(d->f, &t);
	CHECK(d, r.verdict == SUBMIT_ACCEPTED);
	d->used[w][phase] = true;
	d->jobs[d->n++] = (struct sim_job){
		.id = r.id, .phase = phase, .is_poison = calls_of[phase].n && dice_roll(&d->dice, 40) == 0};
	if (dice_roll(&d->dice, 20) == 0) { /* the caller did not see the answer */
		struct receipt again = submit(d->f, &t);
		CHECK(d, again.verdict == SUBMIT_DUPLICATE && id_cmp(again.id, r.id) == 0);
		d->duplicates++;
	}
}

static void begin_call(struct day *d, struct flight *fl)
{
	struct sim_job *j = fl->job;
	while (fl->call_at < calls_of[j->phase].n && j->is_stored[fl->call_at])
		fl->call_at++;
	fl->ends_us = now_us(d);
	if (fl->call_at == calls_of[j->phase].n)
		return;
	const struct receiver_plan *plan = &d->plans[calls_of[j->phase].receivers[fl->call_at]];
	fl->reply = weather_reply(plan, now_us(d), TIMEOUT_US, &d->dice);
	if (j->is_poison && fl->reply.status == 200)
		fl->reply.status = 422;
	fl->ends_us += fl->reply.takes_us;
	j->delivered[fl->call_at] += fl->reply.was_delivered;
	d->calls += fl->reply.was_delivered;
}

/* What the spool holds of the checkpoint must be what was stored. */
static void take_claim(struct day *d, struct sim_worker *w, const struct job *job)
{
	struct flight *fl = w->flights;
	while (fl->job)
		fl++;
	struct sim_job *j = find_job(d, job->id);
	CHECK(d, job->lease.token > j->token);
	CHECK(d, j->outcomes == 0);
	CHECK(d, (job->checkpoint.len > 0) == j->is_stored[0]);
	j->token = job->lease.token;
	if (j->first_claim_us == 0)
		j->first_claim_us = now_us(d);
	*fl = (struct flight){.job = j,
		.token = job->lease.token,
		.made = job->attempts_made,
		.allowed = job->attempts_allowed,
		.give_up_at_us = job->give_up_at_us};
	d->attempts++;
	begin_call(d, fl);
}

static void settle_failure(struct day *d, struct flight *fl, enum failure failure, struct settlement *s)
{
	struct retry_case c = {
		.attempts_made = fl->made,
		.attempts_allowed = fl->allowed,
		.give_up_at_us = fl->give_up_at_us,
		.now_us = now_us(d),
		.retry_after_s = fl->reply.retry_after_s,
		.chance = (double)dice_roll(&d->dice, 1000) / 1000,
	};
	s->error = slice_text("call: it failed");
	s->http_status = (int)fl->reply.status;
	s->kind = SETTLE_FAIL;
	if (failure == FAILURE_PASSING && retry_decide(&policy, &c, &s->run_at_us))
		s->kind = SETTLE_RETRY;
	else
		s->outcome = slice_text("{\"success\":false}");
	fl->job->was_refused |= failure == FAILURE_PERMANENT;
}

static struct settlement settle_flight(struct day *d, struct flight *fl)
{
	size_t calls = calls_of[fl->job->phase].n;
	struct settlement s = {.id = fl->job->id, .token = fl->token, .kind = SETTLE_COMPLETE};
	if (fl->call_at < calls) {
		enum failure failure = retry_classify(fl->reply.status);
		if (failure != FAILURE_NONE) {
			settle_failure(d, fl, failure, &s);
			return s;
		}
		fl->job->succeeded[fl->call_at]++;
		s.kind = fl->call_at + 1 < calls ? SETTLE_CHECKPOINT : SETTLE_COMPLETE;
	}
	s.http_status = (int)fl->reply.status;
	if (s.kind == SETTLE_CHECKPOINT)
		s.checkpoint = slice_text("{\"calls\":{\"fee\":{\"ok\":true}}}");
	else
		s.outcome = slice_text("{\"success\":true}");
	return s;
}

static void take_verdict(struct day *d, struct flight *fl, const struct settlement *s)
{
	struct sim_job *j = fl->job;
	CHECK(d, s->verdict == ST_OK || s->verdict == ST_CONFLICT);
	if (s->verdict == ST_CONFLICT) {
		CHECK(d, d->stalls > 0); /* nobody else loses a lease that it still works under */
		d->fenced++;
		fl->job = NULL;
		return;
	}
	CHECK(d, fl->token == j->token && j->outcomes == 0);
	if (s->kind == SETTLE_RENEW)
		return;
	if (s->kind == SETTLE_CHECKPOINT) {
		j->is_stored[fl->call_at] = true;
		begin_call(d, fl);
		return;
	}
	j->outcomes += s->kind != SETTLE_RETRY;
	fl->job = NULL;
}

/* One exchange, as the feed makes it. */
static void step_worker(struct day *d, struct sim_worker *w)
{
	struct settlement settlements[IN_FLIGHT];
	struct flight *of[IN_FLIGHT];
	struct job jobs[IN_FLIGHT];
	struct why why = WHY_INIT;
	size_t n = 0, busy = 0, got = 0;
	bool renews = d->f->now.boot_us >= w->renew_us;
	for (struct flight *fl = w->flights; fl < w->flights + IN_FLIGHT; fl++) {
		bool ends = fl->job && fl->ends_us <= now_us(d);
		busy += fl->job != NULL;
		if (!ends && !(fl->job && renews))
			continue;
		of[n] = fl;
		settlements[n++] = ends ? settle_flight(d, fl)
					: (struct settlement){.id = fl->job->id,
						  .token = fl->token,
						  .kind = SETTLE_RENEW,
						  .lease_ms = LEASE_MS};
	}
	if (renews)
		w->renew_us = d->f->now.boot_us + LEASE_MS * 1000 / 3;
	struct claim_ask ask = {.owner = w->owner, .max = IN_FLIGHT - busy, .lease_ms = LEASE_MS};
	if (d->f->ops->exchange(d->f->store, d->f->now, settlements, n, &ask, jobs, &got, &d->due_us, &why) !=
		ST_OK)
		fail_msg("seed %llu: %s", (unsigned long long)d->seed, why.text);
	for (size_t i = 0; i < n; i++)
		take_verdict(d, of[i], &settlements[i]);
	for (size_t i = 0; i < got; i++) {
		take_claim(d, w, &jobs[i]);
		job_release(&jobs[i]);
	}
}

static void start_worker(struct day *d, struct sim_worker *w)
{
	*w = (struct sim_worker){.renew_us = d->f->now.boot_us + LEASE_MS * 1000 / 3};
	snprintf(w->owner, sizeof w->owner, "host:%u", ++d->names);
}

/* A worker stalls, or dies, or the host boots anew. */
static void suffer(struct day *d)
{
	struct sim_worker *w = &d->workers[dice_roll(&d->dice, WORKERS)];
	d->incident_us += dice_between(&d->dice, HOUR_US / 6, 2 * HOUR_US);
	switch (dice_roll(&d->dice, 8)) {
	case 0:
		store_reopen(d->f);
		d->f->now.boot_id++;
		d->f->now.boot_us = SECOND_US;
		for (int i = 0; i < WORKERS; i++)
			start_worker(d, &d->workers[i]);
		d->deaths += WORKERS;
		break;
	case 1:
	case 2:
	case 3:
		start_worker(d, w);
		d->deaths++;
		break;
	default:
		w->stalled_until_us = now_us(d) + dice_between(&d->dice, SECOND_US, 300 * SECOND_US);
		d->stalls++;
	}
}

static void judge_failed(struct day *d, const struct sim_job *j, const struct job *job)
{
	const struct receiver_plan *plans[DAY_CALLS_MAX];
	size_t n = calls_of[j->phase].n;
	if (j->was_refused) {
		d->refused++;
		return;
	}
	d->gave_up++;
	for (size_t i = 0; i < n; i++)
		plans[i] = &d->plans[calls_of[j->phase].receivers[i]];
	/* Not before its time... */
	CHECK(d, job->attempts_made >= job->attempts_allowed ||
			 job->finished_at_us + policy.cap_ms * 1000 > job->give_up_at_us);
	/* ... and not past a chance: within the longest wait between two attempts. */
	int64_t chance_us = weather_longest_fair_us(plans, n, j->first_claim_us, job->finished_at_us);
	CHECK(d, chance_us < policy.cap_ms * 1000 + SLACK_US);
}

static void read_history(struct day *d, const struct sim_job *j, struct story *story, unsigned *claims)
{
	struct event events[256];
	struct event_filter filter = {.job = j->id};
	size_t n;
	uint64_t last;
	CHECK(d, d->f->ops->events(d->f->store, &filter, 256, events, &n, &last, NULL) == ST_OK && n < 256);
	for (size_t i = 0; i < n; i++) {
		history_tell(story, &events[i]);
		*claims += events[i].kind == EVENT_CLAIMED;
		event_release(&events[i]);
	}
}

/* A job that has ended, before retention takes it. */
static void judge(struct day *d, struct sim_job *j)
{
	struct job job;
	CHECK(d, d->f->ops->get(d->f->store, j->id, &job, NULL) == ST_OK);
	if (!job_state_is_ended(job.state)) {
		job_release(&job);
		return;
	}
	struct story story = {.acknowledged = true, .found = true, .state = job.state, .delivered = 1};
	unsigned claims = 0;
	read_history(d, j, &story, &claims);
	struct verdict v = history_judge(&story, 1);
	CHECK(d, history_is_good(&v));
	CHECK(d, claims == job.attempts_made && j->outcomes <= 1);
	for (size_t i = 0; i < calls_of[j->phase].n; i++) {
		CHECK(d, j->delivered[i] <= job.attempts_made);
		CHECK(d, job.state != JOB_COMPLETED || j->succeeded[i] >= 1);
	}
	if (job.state == JOB_FAILED)
		judge_failed(d, j, &job);
	d->completed += job.state == JOB_COMPLETED;
	job_release(&job);
	j->is_judged = true;
	d->judged++;
}

static void remove_old(struct day *d)
{
	static const enum job_state states[] = {JOB_COMPLETED, JOB_FAILED};
	size_t removed;
	bool has_more = true;
	for (size_t i = 0; i < 2; i++)
		do {
			CHECK(d, d->f->ops->remove(d->f->store, d->f->now, states[i], now_us(d) - KEEP_US,
					 100, slice_text("system"), &removed, NULL) == ST_OK);
			d->removed += removed;
		} while (removed == 100);
	d->events_seen = 0;
	while (has_more)
		CHECK(d, d->f->ops->remove_events(d->f->store, d->f->now, now_us(d) - KEEP_US,
				 &d->events_seen, &has_more, NULL) == ST_OK);
}

static void keep_house(struct day *d)
{
	d->hour_us += HOUR_US;
	for (size_t i = 0; i < d->n; i++)
		if (!d->jobs[i].is_judged)
			judge(d, &d->jobs[i]);
	remove_old(d);
}

static uint64_t check_conservation(struct day *d)
{
	struct stats stats = stats_of(d->f);
	uint64_t jobs = 0;
	for (int state = 0; state < JOB_STATE_N; state++)
		jobs += stats_state(&stats, (enum job_state)state);
	CHECK(d, stats.accepted_total == d->n && stats.removed_total == d->removed);
	CHECK(d, jobs + d->removed == d->n && stats.set_aside == 0);
	d->most_jobs = jobs > d->most_jobs ? jobs : d->most_jobs;
	return jobs;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* When this worker has something to do; like the feed it looks now and then, whatever it was told. */
static int64_t worker_next_us(const struct day *d, const struct sim_worker *w)
{
	bool has_room = false;
	if (w->stalled_until_us > now_us(d))
		return w->stalled_until_us;
	int64_t next_us = now_us(d) + (w->renew_us - d->f->now.boot_us);
	for (const struct flight *fl = w->flights; fl < w->flights + IN_FLIGHT; fl++) {
		has_room |= !fl->job;
		if (fl->job)
			next_us = earlier(next_us, fl->ends_us);
	}
	return has_room ? earlier(next_us, d->due_us) : next_us;
}

static void pass_time(struct day *d)
{
	int64_t next_us = earlier(d->incident_us, d->hour_us);
	if (d->n < JOBS)
		next_us = earlier(next_us, d->arrival_us);
	for (int i = 0; i < WORKERS; i++)
		next_us = earlier(next_us, worker_next_us(d, &d->workers[i]));
	int64_t span_us = next_us - now_us(d);
	if (span_us < 1000)
		span_us = 1000;
	d->f->now.wall_us += span_us;
	d->f->now.boot_us += span_us;
}

static void step(struct day *d)
{
	d->steps++;
	pass_time(d);
	while (d->n < JOBS && d->arrival_us <= now_us(d))
		arrive(d);
	if (d->incident_us <= now_us(d))
		suffer(d);
	for (int i = 0; i < WORKERS; i++)
		if (d->workers[i].stalled_until_us <= now_us(d))
			step_worker(d, &d->workers[i]);
	check_conservation(d);
	if (d->hour_us <= now_us(d))
		keep_house(d);
}

static int64_t file_bytes(struct day *d)
{
	char path[128];
	struct stat sb;
	snprintf(path, sizeof path, "%s/lmdb/data.mdb", d->f->dir);
	CHECK(d, stat(path, &sb) == 0);
	return sb.st_blocks * 512;
}

/* How many attempts were made in it. */
static unsigned long run_day(struct fixture *f, uint64_t seed)
{
	enum { JOB_BYTES = 6144, EMPTY_BYTES = 256 << 10 };
	struct day *d = calloc(1, sizeof *d);
	assert_non_null(d);
	d->f = f;
	d->seed = seed;
	d->dice = dice_of(seed);
	d->began_us = d->arrival_us = f->now.wall_us;
	d->incident_us = d->hour_us = d->began_us + HOUR_US;
	d->due_us = INT64_MAX;
	for (int i = 0; i < RECEIVERS; i++)
		weather_plan(&d->plans[i], d->began_us, d->began_us + 2 * DAY_US, &d->dice);
	for (int i = 0; i < WORKERS; i++)
		start_worker(d, &d->workers[i]);
	while (d->n < JOBS || d->judged < d->n) {
		step(d);
		/* A workflow of seven jobs, each until its horizon. */
		CHECK(d, now_us(d) < d->began_us + 10 * DAY_US);
	}
	CHECK(d, file_bytes(d) < EMPTY_BYTES + (int64_t)d->most_jobs * JOB_BYTES);
	print_message("seed %llu: %zu jobs in %.0f h: %lu completed, %lu refused, %lu gave up; %lu attempts, "
		      "%lu calls, "
		      "%lu late results refused, %u deaths, %u stalls, %lu duplicates; at most %llu jobs, "
		      "%lld kB\n",
		(unsigned long long)seed, d->n, (double)(now_us(d) - d->began_us) / (double)HOUR_US,
		d->completed, d->refused, d->gave_up, d->attempts, d->calls, d->fenced, d->deaths, d->stalls,
		d->duplicates, (unsigned long long)d->most_jobs, (long long)file_bytes(d) / 1024);
	unsigned long attempts = d->attempts;
	free(d);
	return attempts;
}

static uint64_t number_from(const char *variable, uint64_t otherwise)
{
	const char *text = getenv(variable);
	return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static void days__end_with_one_outcome_each(void **state)
{
	(void)state;
	uint64_t first = number_from("SIM_DAY_SEED", 1);
	unsigned long attempts = 0;
	uint64_t n = number_from("SIM_DAY_SEEDS", getenv("SIM_DAY_SEED") ? 1 : SEEDS);
	for (uint64_t seed = first; seed < first + n; seed++) {
		void *f = NULL;
		store_setup(&f);
		attempts += run_day(f, seed);
		store_teardown(&f);
	}
	report("%llu days of %d jobs, seeds from %llu, %lu attempts: each job one outcome, no more calls "
	       "than attempts\n",
		(unsigned long long)n, JOBS, (unsigned long long)first, attempts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(days__end_with_one_outcome_each)};
	return cmocka_run_group_tests_name("day", tests, NULL, NULL);
}
