/* tests/crash/test_points.c: a worker is killed at every point of an attempt's life: before, half-way through
 * and after each of its writes and syncs of the spool and each request that it sends, and after each answer.
 * Started again it ends the job, once; a call whose checkpoint was stored is not made again, and none is made
 * more often than attempts are recorded.
 *
 * Each point has a spool, a worker and a job of its own, and several are tried at a time. A phase with two
 * calls is taken through, and one that tells the user something first. The points end where the worker lives
 * to do all of it. */
#include "tests/crash/history.h"
#include "tests/support/receiver.h"
#include "tests/support/unit.h"

#include "spool/base/log.h"
#include "spool/spool.h"

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum {
	THREADS = 16,
	MOMENTS = 3,
	POINTS_MAX = 300,
	MAP_SIZE = 16 << 20,
	LEASE_MS = 500,
	ANSWER_MS = 40, /* so that what is told first is stored before the first answer */
	WAIT_MS = 20000,
	LINGER_MS = 60
};

/* How far the attempt had come when its worker died. */
enum stage {
	UNCLAIMED,
	CLAIMED,        /* the claim is committed */
	NOTIFIED,       /* what is told first is stored */
	FIRST_SENT,     /* the first call has gone out */
	FIRST_ANSWERED, /* ... and was answered */
	CHECKPOINTED,   /* ... and that is stored */
	SECOND_SENT,    /* of a phase with two calls */
	LAST_ANSWERED,  /* all calls are answered */
	OUTCOME_GIVEN,  /* the outcome is being written */
	OUTCOME_COMMITTED,
	STAGE_N
};
static const char *const stage_names[STAGE_N] = {"unclaimed", "claimed", "notified", "first call sent",
	"first call answered", "checkpoint stored", "second call sent", "last call answered", "outcome given",
	"outcome committed"};

static const struct shape {
	int phase, calls, notices; /* notices: in the end */
	const char *paths[2], *name;
	unsigned stages; /* bits of those that it must have been killed at */
} shapes[] = {
	{7, 2, 1, {"process-fee", "proof-packets/"}, "two-calls",
		1 << UNCLAIMED | 1 << CLAIMED | 1 << FIRST_SENT | 1 << FIRST_ANSWERED | 1 << CHECKPOINTED |
			1 << SECOND_SENT | 1 << LAST_ANSWERED | 1 << OUTCOME_GIVEN | 1 << OUTCOME_COMMITTED},
	{2, 1, 1, {"detections/run", NULL}, "one-call",
		1 << UNCLAIMED | 1 << CLAIMED | 1 << NOTIFIED | 1 << LAST_ANSWERED | 1 << OUTCOME_GIVEN |
			1 << OUTCOME_COMMITTED},
};

struct sweep {
	const struct shape *shape;
	struct receiver *receiver;
	char dir[64], worker[256], library[300];
	atomic_int next;
	atomic_bool has_lived; /* a worker has come to the end alive: no point is left */
	atomic_bool is_over;
	atomic_int died_at[STAGE_N];
	pthread_mutex_t lock;
	char wrong[300]; /* the first thing that was; under the lock */
};

struct point {
	struct sweep *sweep;
	int k, moment; /* as kill_at.c takes them */
	char dir[96], name[32], fit[40];
	struct spool *spool;
	struct job_id id;
	/* When the worker died, of its doom or, having done all, by the test. */
	bool has_died;
	char died_in[16];
	int sent, received;
	struct job job;
	enum stage stage;
};

static bool wrong(struct point *p, const char *what)
{
	struct sweep *s = p->sweep;
	pthread_mutex_lock(&s->lock);
	if (!s->wrong[0])
		snprintf(s->wrong, sizeof s->wrong, "%s, point %d.%d (%s): %s", s->shape->name, p->k,
			p->moment, stage_names[p->stage], what);
	pthread_mutex_unlock(&s->lock);
	atomic_store(&s->is_over, true);
	return false;
}

static void path_of(const struct point *p, const char *file, char out[160])
{
	snprintf(out, 160, "%s/%s", p->dir, file);
}

static bool write_text(const struct point *p, const char *name, const char *text)
{
	char path[160];
	path_of(p, name, path);
	FILE *file = fopen(path, "we");
	return file && fputs(text, file) >= 0 && fclose(file) == 0;
}

static bool write_conf(const struct point *p)
{
	char text[900];
	const char *url = receiver_url(p->sweep->receiver);
	snprintf(text, sizeof text,
		"[spool]\npath = %s/spool\nmap-size = 16M\n[receiver]\nintegrations-url = %s\npython-url = "
		"%s\n"
		"[retry]\nbase = 20ms\njitter = off\nattempts = 100\n[worker]\nlease = %dms\n",
		p->dir, url, url, LEASE_MS);
	return write_text(p, "clario.conf", text);
}

static bool submit_job(struct point *p)
{
	char payload[160];
	snprintf(payload, sizeof payload, "{\"user_id\":\"u\",\"claim_id\":\"%s\",\"amount\":\"12.50\"}",
		p->name);
	struct trigger t = {.phase = p->sweep->shape->phase,
		.attempts_allowed = 100,
		.give_up_after_us = INT64_C(86400000000),
		.workflow_id = slice_text(p->name),
		.user_id = slice_text(p->name),
		.payload = slice_text(payload),
		.source = slice_text("tests")};
	struct receipt r;
	if (spool_submit(p->spool, clock_now(), &t, 1, &r, NULL) != ST_OK || r.verdict != SUBMIT_ACCEPTED)
		return false;
	p->id = r.id;
	return true;
}

static bool prepare(struct point *p)
{
	char path[160], plan[40];
	struct spool_conf conf = {
		.store = "lmdb", .path = path, .map_size = MAP_SIZE, .full_at_percent = 85, .ordering = true};
	path_of(p, "spool", path);
	snprintf(plan, sizeof plan, "%d %d calls\n", p->k, p->moment);
	if (mkdir(p->dir, 0700) != 0 || !write_conf(p) || !write_text(p, "clario-worker", plan) ||
		spool_init(&conf, NULL) != ST_OK || spool_open(&conf, &p->spool, NULL) != ST_OK)
		return false;
	return submit_job(p);
}

/* Only the worker carries the library, so it is not in this process's environment. */
static pid_t start_worker(struct point *p)
{
	char conf[160], log[160], preload[320], kill_dir[128], *env[64];
	size_t n = 0;
	pid_t pid;
	posix_spawn_file_actions_t actions;
	path_of(p, "clario.conf", conf);
	path_of(p, "log", log);
	snprintf(preload, sizeof preload, "LD_PRELOAD=%s", p->sweep->library);
	snprintf(kill_dir, sizeof kill_dir, "CLARIO_KILL_DIR=%s", p->dir);
	for (char **e = environ; *e && n < 60; e++)
		env[n++] = *e;
	env[n++] = preload;
	env[n++] = kill_dir;
	env[n] = NULL;
	char *argv[] = {p->sweep->worker, "-c", conf, NULL};
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 2, log, O_WRONLY | O_APPEND | O_CREAT, 0644);
	int rc = posix_spawn(&pid, argv[0], &actions, NULL, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	return rc == 0 ? pid : -1;
}

static bool has_ended(struct point *p)
{
	struct job job;
	bool ended = false;
	if (spool_get(p->spool, p->id, &job, NULL) == ST_OK) {
		ended = job_state_is_ended(job.state);
		job_release(&job);
	}
	return ended;
}

/* Until the worker is dead, or has lived for a while after the job's end. */
static bool wait_death(struct point *p, pid_t pid)
{
	int64_t until = clock_mono_us() + WAIT_MS * 1000, ended = 0;
	while (clock_mono_us() < until) {
		int status;
		if (waitpid(pid, &status, WNOHANG) == pid) {
			p->has_died = true;
			return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
		}
		if (!ended && has_ended(p))
			ended = clock_mono_us();
		if (ended && clock_mono_us() > ended + LINGER_MS * 1000)
			return true;
		clock_sleep_ms(2);
	}
	return false;
}

/* Until it has come so far that SIGTERM is a wish to it: on a busy machine that takes a while. */
static bool wait_heeds_term(pid_t pid)
{
	int64_t until = clock_mono_us() + WAIT_MS * 1000;
	char path[64], line[128];
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	do {
		unsigned long long blocked = 0;
		FILE *file = fopen(path, "re");
		while (file && fgets(line, sizeof line, file))
			if (strncmp(line, "SigBlk:", 7) == 0)
				blocked = strtoull(line + 7, NULL, 16);
		if (file)
			fclose(file);
		if (blocked >> (SIGTERM - 1) & 1)
			return true;
		clock_sleep_ms(5);
	} while (clock_mono_us() < until);
	return false;
}

static bool stop_worker(pid_t pid)
{
	int status = 0;
	kill(pid, SIGTERM);
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static size_t count_events(struct point *p, enum event_kind kind, struct story *story)
{
	struct event events[64];
	struct event_filter filter = {.job = p->id};
	size_t n = 0, count = 0;
	uint64_t last;
	if (spool_events(p->spool, &filter, 64, events, &n, &last, NULL) != ST_OK)
		return SIZE_MAX;
	for (size_t i = 0; i < n; i++) {
		count += events[i].kind == kind;
		if (story)
			history_tell(story, &events[i]);
		event_release(&events[i]);
	}
	return count;
}

static bool has_checkpoint(const struct point *p)
{
	return memmem(p->job.checkpoint.p, p->job.checkpoint.len, "\"fee\"", 5) != NULL;
}

static enum stage stage_of(struct point *p)
{
	const struct shape *shape = p->sweep->shape;
	bool writes = strcmp(p->died_in, "write") == 0 || strcmp(p->died_in, "sync") == 0;
	if (p->job.state == JOB_COMPLETED)
		return OUTCOME_COMMITTED;
	if (p->job.state != JOB_ACTIVE)
		return UNCLAIMED;
	if (p->received >= shape->calls)
		return writes ? OUTCOME_GIVEN : LAST_ANSWERED;
	if (p->sent == 2)
		return SECOND_SENT;
	if (has_checkpoint(p))
		return CHECKPOINTED;
	if (p->received == 1)
		return FIRST_ANSWERED;
	if (count_events(p, EVENT_NOTIFICATION, NULL) > 0)
		return NOTIFIED;
	return p->sent == 1 ? FIRST_SENT : CLAIMED;
}

/* What the dead worker left. */
static bool look(struct point *p)
{
	char path[160];
	path_of(p, "clario-worker.died", path);
	FILE *file = fopen(path, "re");
	bool told = file && fscanf(file, "%15s %d %d", p->died_in, &p->sent, &p->received) == 3;
	if (file)
		fclose(file);
	path_of(p, "clario-worker", path);
	/* The next commit settles whether one that it died in counts; a reader alone might not see it yet. */
	if (spool_bookmark_set(p->spool, "look", 1, NULL) != ST_OK)
		return false;
	if ((p->has_died && !told) || unlink(path) != 0 || spool_get(p->spool, p->id, &p->job, NULL) != ST_OK)
		return false;
	p->stage = stage_of(p);
	atomic_fetch_add(&p->sweep->died_at[p->stage], 1);
	return true;
}

static bool finish_job(struct point *p)
{
	int64_t until = clock_mono_us() + WAIT_MS * 1000;
	pid_t pid = start_worker(p);
	if (pid < 0)
		return false;
	bool lives = wait_heeds_term(pid);
	while (!has_ended(p) && clock_mono_us() < until)
		clock_sleep_ms(5);
	bool ended = has_ended(p);
	if (p->stage == OUTCOME_COMMITTED)
		clock_sleep_ms(LEASE_MS + 200); /* should it be done again, then by now */
	return stop_worker(pid) && lives && ended;
}

/* One of the phase's calls, as the receiver saw it over both lives. */
static bool judge_call(struct point *p, int call, uint32_t attempts)
{
	struct receiver *r = p->sweep->receiver;
	const char *path = p->sweep->shape->paths[call];
	/* The second call names the claim in its path alone. */
	const char *in_path = call == 0 ? path : p->fit, *in_body = call == 0 ? p->name : NULL;
	struct call *seen = calloc(1, sizeof *seen);
	size_t n = receiver_count(r, in_path, in_body);
	uint32_t last = 0, highest = UINT32_MAX;
	char value[512];
	bool good = seen && n >= 1 && n <= attempts;
	/* What is known to be done is not made again: every call of it is of the attempts until then. */
	if (p->job.state == JOB_COMPLETED || (call == 0 && has_checkpoint(p)))
		highest = p->job.attempts_made;
	for (size_t i = 0; good && i < n; i++) {
		good = receiver_get(r, in_path, in_body, i, seen);
		uint32_t attempt = (uint32_t)strtoul(call_header(seen, "X-Clario-Attempt", value), NULL, 10);
		good = good && attempt > last && attempt <= attempts && attempt <= highest;
		last = attempt;
	}
	free(seen);
	return good;
}

static bool judge(struct point *p)
{
	struct story story = {.acknowledged = true, .found = true, .delivered = 1};
	struct job job;
	if (spool_get(p->spool, p->id, &job, NULL) != ST_OK)
		return wrong(p, "the job is gone");
	story.state = job.state;
	uint32_t attempts = job.attempts_made;
	job_release(&job);
	size_t notices = count_events(p, EVENT_NOTIFICATION, &story);
	struct verdict v = history_judge(&story, 1);
	if (!history_is_good(&v) || story.state != JOB_COMPLETED)
		return wrong(p, "not one outcome, or not the right one");
	if (notices != (size_t)p->sweep->shape->notices)
		return wrong(p, "the user was not told once");
	if (p->job.state == JOB_COMPLETED && attempts != p->job.attempts_made)
		return wrong(p, "attempted again after its outcome");
	for (int call = 0; call < p->sweep->shape->calls; call++)
		if (!judge_call(p, call, attempts))
			return wrong(p, call ? "the second call was made wrongly"
					     : "the first call was made wrongly");
	if (spool_check(p->spool, NULL, NULL, NULL) != ST_OK)
		return wrong(p, "the spool is not sound");
	return true;
}

static bool live_through(struct point *p)
{
	if (!prepare(p))
		return wrong(p, "could not be prepared");
	pid_t pid = start_worker(p);
	if (pid < 0 || !wait_death(p, pid))
		return wrong(p, "the worker neither died of its doom nor did its work");
	if (!p->has_died) {
		int status;
		atomic_store(&p->sweep->has_lived, true);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	if (!look(p))
		return wrong(p, "left nothing to look at");
	return finish_job(p) || wrong(p, "was not finished by the next worker");
}

static int remove_entry(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
	(void)sb;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void try_point(struct sweep *s, int number)
{
	struct point p = {
		.sweep = s, .k = number / MOMENTS + 1, .moment = number % MOMENTS + 1, .job = JOB_INIT};
	snprintf(p.name, sizeof p.name, "%s-%d-%d-", s->shape->name, p.k, p.moment);
	snprintf(p.fit, sizeof p.fit, "/%s/", p.name);
	snprintf(p.dir, sizeof p.dir, "%s/%s", s->dir, p.name);
	if (live_through(&p))
		judge(&p);
	spool_close(p.spool);
	job_release(&p.job);
	nftw(p.dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void *try_points(void *arg)
{
	struct sweep *s = arg;
	while (!atomic_load(&s->has_lived) && !atomic_load(&s->is_over)) {
		int number = atomic_fetch_add(&s->next, 1);
		if (number >= POINTS_MAX)
			break;
		try_point(s, number);
	}
	return NULL;
}

static void find_programs(struct sweep *s)
{
	const char *b = getenv("B") ? getenv("B") : "build";
	char library[256];
	setenv("CLARIO_ALLOW_ROOT", "1", 1);
	snprintf(s->worker, sizeof s->worker, "%s/clario-worker", b);
	snprintf(library, sizeof library, "%s/tests/crash/kill_at.so", b);
	char *full = realpath(library, NULL);
	assert_non_null(full);
	snprintf(s->library, sizeof s->library, "%s", full);
	free(full);
}

static unsigned report_stages(struct sweep *s)
{
	char text[400] = "";
	size_t len = 0;
	unsigned seen = 0;
	for (int i = 0; i < STAGE_N; i++) {
		int n = atomic_load(&s->died_at[i]);
		if (n > 0)
			len += (size_t)snprintf(
				text + len, sizeof text - len, "%s%s %d", len ? ", " : "", stage_names[i], n);
		seen |= n > 0 ? 1u << i : 0;
	}
	report("%s: killed when %s\n", s->shape->name, text);
	return seen;
}

static void killed_at_every_point__the_job_ends_once(void **state)
{
	pthread_t threads[THREADS];
	struct sweep *s = calloc(1, sizeof *s);
	assert_non_null(s);
	s->shape = *state;
	s->receiver = receiver_start();
	receiver_rule(s->receiver, (struct rule){.delay_ms = ANSWER_MS});
	pthread_mutex_init(&s->lock, NULL);
	find_programs(s);
	snprintf(s->dir, sizeof s->dir, "/tmp/clario-points-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, try_points, s), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	receiver_stop(s->receiver);
	rmdir(s->dir);
	unsigned seen = report_stages(s);
	if (s->wrong[0])
		fail_msg("%s", s->wrong);
	assert_true(s->has_lived);
	for (int i = 0; i < STAGE_N; i++)
		if ((s->shape->stages & ~seen) >> i & 1)
			fail_msg("never killed when %s", stage_names[i]);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"two_calls__killed_at_every_point", killed_at_every_point__the_job_ends_once, NULL, NULL,
			(void *)&shapes[0]},
		{"one_call__killed_at_every_point", killed_at_every_point__the_job_ends_once, NULL, NULL,
			(void *)&shapes[1]},
	};
	log_open("test", LOG_LEVEL_ERR);
	return cmocka_run_group_tests_name("points", tests, NULL, NULL);
}
