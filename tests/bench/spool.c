/* tests/bench/spool.c: the spool without anything around it.
 *
 *   bench-spool fill CONF N [PHASE...]
 *
 * submits N jobs to the spool of this configuration, of these phases in turns (2), each of a user of its own.
 *
 *   bench-spool crowd CONF USERS N
 *
 * does the same for so many users: N jobs of one of them, and spread among those one of each other.
 *
 *   bench-spool depth DIR N...
 *
 * tells what a submit, and a claim with its settlement, cost in a fresh spool in DIR once N jobs are queued
 * (ascending); one line of JSON for each N.
 *
 * Costs are processor time, user and system, of this process: writing pages back is in it where the commit
 * does it. */
#include "spool/base/log.h"
#include "spool/opts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { FILL_BATCH = 2000, BATCH_MAX = FILL_BATCH, TEXT = 64, BODY = 320, IN_FLIGHT = 64, PHASES_MAX = 7 };

struct load {
	struct spool *spool;
	uint64_t random, jobs, body_bytes;
	uint64_t stride, singles; /* every stride-th job is another user's, so many of them; 0: each is */
	int phases[PHASES_MAX], phases_n;
	struct trigger triggers[BATCH_MAX];
	struct receipt receipts[BATCH_MAX];
	char workflow[BATCH_MAX][TEXT], user[BATCH_MAX][TEXT], body[BATCH_MAX][BODY];
};

static _Noreturn void give_up(const struct why *why)
{
	fprintf(stderr, "bench-spool: %s\n", why->text);
	exit(1);
}

/* xorshift64: callers' ids are random. */
static uint64_t next_random(struct load *l)
{
	l->random ^= l->random << 13;
	l->random ^= l->random >> 7;
	l->random ^= l->random << 17;
	return l->random;
}

static void choose_user(struct load *l, uint64_t nth, char user[TEXT])
{
	if (l->stride == 0 || (nth % l->stride == 0 && nth / l->stride < l->singles))
		snprintf(user, TEXT, "bench-user-%08" PRIx64, next_random(l) & UINT32_MAX);
	else
		snprintf(user, TEXT, "bench-crowd");
}

static void make_trigger(struct load *l, size_t i)
{
	uint64_t nth = l->jobs + i;
	snprintf(l->workflow[i], TEXT, "bench-sync-%016" PRIx64, next_random(l));
	choose_user(l, nth, l->user[i]);
	int len = snprintf(l->body[i], BODY,
		"{\"user_id\":\"%s\",\"sync_id\":\"%s\",\"orders_count\":1250,\"inventory_items\":340,"
		"\"marketplace\":\"ATVPDKIKX0DER\",\"note\":\"about two hundred bytes in all\"}",
		l->user[i], l->workflow[i]);
	l->body_bytes += (uint64_t)len;
	l->triggers[i] = (struct trigger){
		.phase = l->phases_n ? l->phases[nth % (uint64_t)l->phases_n] : 2,
		.attempts_allowed = 15,
		.give_up_after_us = INT64_C(86400000000),
		.workflow_id = slice_text(l->workflow[i]),
		.user_id = slice_text(l->user[i]),
		.payload = slice_of(l->body[i], (size_t)len),
	};
}

static void submit(struct load *l, size_t n)
{
	struct why why = WHY_INIT;
	for (size_t i = 0; i < n; i++)
		make_trigger(l, i);
	if (spool_submit(l->spool, clock_now(), l->triggers, n, l->receipts, &why) != ST_OK)
		give_up(&why);
	for (size_t i = 0; i < n; i++)
		if (l->receipts[i].verdict != SUBMIT_ACCEPTED)
			give_up(&l->receipts[i].why);
	l->jobs += n;
}

static void fill_to(struct load *l, uint64_t jobs)
{
	while (l->jobs < jobs)
		submit(l, jobs - l->jobs < FILL_BATCH ? (size_t)(jobs - l->jobs) : FILL_BATCH);
}

static double cpu_us(void)
{
	struct rusage use;
	getrusage(RUSAGE_SELF, &use);
	return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e6 +
	       (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

static double submit_us(struct load *l, size_t batch, size_t rounds)
{
	double before = cpu_us();
	for (size_t i = 0; i < rounds; i++)
		submit(l, batch);
	return (cpu_us() - before) / (double)(batch * rounds);
}

/* As the worker does it: what was claimed last is settled, and the next claimed, in one commit. */
static double exchange_us(struct load *l, size_t rounds)
{
	struct settlement settlements[IN_FLIGHT];
	struct job jobs[IN_FLIGHT];
	struct why why = WHY_INIT;
	size_t held = 0, settled = 0;
	int64_t next_due_us;
	double before = cpu_us();
	for (size_t i = 0; i <= rounds; i++) {
		struct claim_ask ask = {
			.max = i < rounds ? IN_FLIGHT : 0, .lease_ms = 60000, .owner = "bench"};
		size_t n;
		if (spool_exchange(l->spool, clock_now(), settlements, held, &ask, jobs, &n, &next_due_us,
			    &why) != ST_OK)
			give_up(&why);
		settled += held;
		for (held = 0; held < n; held++) {
			settlements[held] = (struct settlement){.id = jobs[held].id,
				.token = jobs[held].lease.token,
				.kind = SETTLE_COMPLETE,
				.outcome = slice_text("{\"success\":true,\"call\":{\"status\":200}}")};
			job_release(&jobs[held]);
		}
	}
	return settled ? (cpu_us() - before) / (double)settled : 0;
}

static void measure(struct load *l, const char *dir, uint64_t depth)
{
	char path[512];
	struct stat file;
	fill_to(l, depth);
	snprintf(path, sizeof path, "%s/lmdb/data.mdb", dir);
	if (stat(path, &file) != 0)
		memset(&file, 0, sizeof file);
	double beyond_body = ((double)file.st_size - (double)l->body_bytes) / (double)l->jobs;
	double one = submit_us(l, 1, 400), some = submit_us(l, 16, 100), many = submit_us(l, IN_FLIGHT, 100);
	double exchange = exchange_us(l, 100);
	printf("{\"depth\":%" PRIu64 ",\"submit_1_us\":%.1f,\"submit_16_us\":%.1f,\"submit_64_us\":%.1f,"
	       "\"claim_settle_us\":%.1f,\"bytes_per_job\":%.0f}\n",
		depth, one, some, many, exchange, beyond_body);
	fflush(stdout);
}

static int depths(struct load *l, const char *dir, int n, char **depth)
{
	struct spool_conf conf = {.store = "lmdb",
		.path = dir,
		.map_size = INT64_C(64) << 30,
		.full_at_percent = 90,
		.ordering = true,
		.crowd_at = 64,
		.dedupe_window_us = INT64_C(86400000000)};
	struct why why = WHY_INIT;
	if (spool_init(&conf, &why) != ST_OK || spool_open(&conf, &l->spool, &why) != ST_OK)
		give_up(&why);
	for (int i = 0; i < n; i++)
		measure(l, dir, strtoull(depth[i], NULL, 10));
	return 0;
}

static int fill(struct load *l, const char *file, uint64_t jobs)
{
	struct opts opts;
	struct why why = WHY_INIT;
	l->random = (uint64_t)clock_now().wall_us; /* what was there before is not filled in again */
	if (opts_load(file, &opts, &why) != ST_OK)
		give_up(&why);
	struct spool_conf conf = opts_spool_conf(&opts);
	if (spool_open(&conf, &l->spool, &why) != ST_OK)
		give_up(&why);
	fill_to(l, jobs);
	opts_release(&opts);
	return 0;
}

static int fill_phases(struct load *l, const char *file, const char *jobs, int n, char **phase)
{
	for (l->phases_n = 0; l->phases_n < n && l->phases_n < PHASES_MAX; l->phases_n++)
		l->phases[l->phases_n] = (int)strtol(phase[l->phases_n], NULL, 10);
	return fill(l, file, strtoull(jobs, NULL, 10));
}

static int fill_crowd(struct load *l, const char *file, const char *users, const char *jobs)
{
	uint64_t singles = strtoull(users, NULL, 10) - 1, all = singles + strtoull(jobs, NULL, 10);
	l->singles = singles;
	l->stride = all / (singles ? singles : 1);
	return fill(l, file, all);
}

int main(int argc, char **argv)
{
	struct load *l = calloc(1, sizeof *l);
	int code = 2;
	if (!l)
		return 1;
	l->random = UINT64_C(88172645463325252); /* each measurement's ids are the same */
	log_open("bench-spool", LOG_LEVEL_WARNING);
	if (argc >= 4 && strcmp(argv[1], "fill") == 0)
		code = fill_phases(l, argv[2], argv[3], argc - 4, argv + 4);
	else if (argc == 5 && strcmp(argv[1], "crowd") == 0)
		code = fill_crowd(l, argv[2], argv[3], argv[4]);
	else if (argc >= 4 && strcmp(argv[1], "depth") == 0)
		code = depths(l, argv[2], argc - 3, argv + 3);
	else
		fprintf(stderr,
			"usage: bench-spool fill CONF N [PHASE...] | crowd CONF USERS N | depth DIR N...\n");
	spool_close(l->spool);
	free(l);
	return code;
}
