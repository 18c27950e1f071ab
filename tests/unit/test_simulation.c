/* tests/unit/test_simulation.c: random histories of submits, claims, results, crashes, retention, operators'
 * acts, quotas, what workflows await, and reports of receivers with a clock of their own, held step by step
 * against a model that is a plain array and knows nothing of indexes; of hashes only that they put the users
 * in some order.
 *
 * Each history has a seed; a failure prints it, and CLARIO_SIM_SEED=N repeats that one. CLARIO_SIM_SEEDS=N
 * sets how many, from that one or from the first. */
#include "spool/store/lmdb/init.h"
#include "spool/store/lmdb/tx.h"
#include "tests/unit/sim.h"

#include <stdio.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SEEDS = 1000 };
#else
enum { SEEDS = 10000 };
#endif
static bool is_live(const struct model_job *j)
{
	return !job_state_is_ended(j->state);
}

/* The turn of a workflow goes to its first live job when nobody has it. */
static void pass_turn(struct sim *s, int workflow)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->jobs[i].workflow == workflow && is_live(&s->jobs[i])) {
			s->jobs[i].has_turn = true;
			return;
		}
}

static bool anybody_live(const struct sim *s, int workflow)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->jobs[i].workflow == workflow && is_live(&s->jobs[i]))
			return true;
	return false;
}

static void end_job(struct sim *s, struct model_job *j, enum job_state state)
{
	bool had = j->has_turn;
	j->state = state;
	j->has_turn = false;
	j->finished_at_us = s->f->now.wall_us;
	if (had)
		pass_turn(s, j->workflow);
}

static struct model_job *find_duplicate(struct sim *s, const struct model_job *like)
{
	for (size_t i = s->n; i-- > 0;) {
		struct model_job *j = &s->jobs[i];
		bool blocks = is_live(j) ||
			      (j->state == JOB_COMPLETED &&
				      s->f->now.wall_us - j->finished_at_us < s->f->conf.dedupe_window_us);
		if (blocks && j->phase == like->phase && j->workflow == like->workflow &&
			j->user == like->user && j->payload == like->payload)
			return j;
	}
	return NULL;
}

static bool crowds(struct sim *s, int user)
{
	for (; s->halvings < s->f->now.boot_us / HALF_LIFE_US; s->halvings++)
		for (int u = 0; u < USERS; u++)
			s->submitted[u] /= 2;
	return ++s->submitted[user] > CROWD_AT;
}

static void do_submit(struct sim *s)
{
	static const char *const payloads[] = {"{\"n\":1}", "{\"n\":2}"};
	char workflow[16], user[16];
	struct model_job like = {
		.phase = phase_of_slot((int)sim_roll(s, 4)),
		.workflow = (int)(sim_roll(s, 2) ? sim_roll(s, SHARED) : SHARED + sim_roll(s, ALONE)),
		.user = sim_roll(s, 2) ? 0 : (int)sim_roll(s, USERS),
		.payload = (int)sim_roll(s, 2),
		.priority = sim_roll(s, 4) ? 5 : 1 + (int)sim_roll(s, 9),
		.run_at_us = s->f->now.wall_us,
		.allowed = 3,
	};
	if (s->n == JOBS_MAX)
		return;
	snprintf(workflow, sizeof workflow, "w%d", like.workflow);
	snprintf(user, sizeof user, "u%d", like.user);
	struct trigger t = make_trigger(like.phase, workflow, user, payloads[like.payload]);
	t.priority = like.priority;
	if (sim_roll(s, 5) == 0)
		t.run_at_us = like.run_at_us += (int64_t)sim_roll(s, 100000000) + 1;
	sim_bind(s, &t, &like);
	struct model_job *first = find_duplicate(s, &like);
	bool is_over = !first && sim_is_over(s, &t, &like);
	struct receipt r = submit(s->f, &t);
	CHECK(s, r.verdict == (first ? SUBMIT_DUPLICATE : is_over ? SUBMIT_REFUSED : SUBMIT_ACCEPTED));
	if (first)
		CHECK(s, id_cmp(first->id, r.id) == 0 && r.state == first->state);
	if (is_over)
		CHECK(s, r.status == ST_QUOTA);
	if (first || is_over)
		return;
	like.id = r.id;
	like.state = like.run_at_us > s->f->now.wall_us ? JOB_DELAYED : JOB_WAITING;
	like.has_turn = !anybody_live(s, like.workflow);
	like.in_crowd = crowds(s, like.user);
	s->jobs[s->n++] = like;
	s->accepted++;
}

static void do_flood(struct sim *s)
{
	for (uint64_t n = 4 + sim_roll(s, 8); n > 0; n--)
		do_submit(s);
}

static bool lease_is_over(const struct sim *s, const struct model_job *j)
{
	return j->state == JOB_ACTIVE &&
	       (j->boot_id != s->f->now.boot_id || j->lease_end_us <= s->f->now.boot_us);
}

void sim_reap(struct sim *s)
{
	bool any_active = false;
	for (size_t i = 0; i < s->n; i++)
		any_active |= s->jobs[i].state == JOB_ACTIVE;
	if (!any_active || s->f->now.boot_us < s->next_reap_us)
		return;
	s->next_reap_us = s->f->now.boot_us + REAP_EVERY_US;
	for (size_t i = 0; i < s->n; i++) {
		struct model_job *j = &s->jobs[i];
		if (!lease_is_over(s, j))
			continue;
		if (j->made >= j->allowed) {
			end_job(s, j, JOB_FAILED);
		} else {
			j->state = JOB_WAITING;
			j->run_at_us = s->f->now.wall_us;
		}
	}
}

void sim_due(struct sim *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->jobs[i].state == JOB_DELAYED && s->jobs[i].run_at_us <= s->f->now.wall_us)
			s->jobs[i].state = JOB_WAITING;
}

static bool is_older(const struct model_job *a, const struct model_job *b)
{
	if (a->run_at_us != b->run_at_us)
		return a->run_at_us < b->run_at_us;
	return a->priority != b->priority ? a->priority < b->priority : id_cmp(a->id, b->id) < 0;
}

static bool is_more_urgent(const struct model_job *a, const struct model_job *b)
{
	return a->priority != b->priority ? a->priority < b->priority : is_older(a, b);
}

/* How many turns others have before this job's user. */
static uint32_t turns_before(const struct sim *s, const struct model_job *j)
{
	return s->order[j->user] - s->last_user[j->priority] - 1;
}

static bool may_be_claimed(const struct sim *s, const struct model_job *j)
{
	int slot = phase_slot(j->phase);
	for (size_t i = 0; i < s->limits_n; i++)
		if (s->limits[i].phases & 1u << slot && s->limits[i].room == 0)
			return false;
	return j->state == JOB_WAITING && j->has_turn && !s->paused[slot];
}

static struct model_job *next_ordinary(struct sim *s)
{
	struct model_job *best = NULL;
	for (size_t i = 0; i < s->n; i++) {
		struct model_job *j = &s->jobs[i];
		if (!j->in_crowd && may_be_claimed(s, j) &&
			(!best || (s->claims % 8 == 7 ? is_older(j, best) : is_more_urgent(j, best))))
			best = j;
	}
	return best;
}

static struct model_job *next_of_crowd(struct sim *s)
{
	bool by_age = s->claims % 16 == 7 || s->claims % 16 == 14;
	struct model_job *best = NULL;
	for (int priority = JOB_PRIORITY_FIRST; priority <= JOB_PRIORITY_LAST; priority++) {
		struct model_job *first = NULL;
		for (size_t i = 0; i < s->n; i++) {
			struct model_job *j = &s->jobs[i];
			if (!j->in_crowd || j->priority != priority || !may_be_claimed(s, j))
				continue;
			if (!first || turns_before(s, j) < turns_before(s, first) ||
				(j->user == first->user && is_older(j, first)))
				first = j;
		}
		if (first && (!best || (by_age && is_older(first, best))))
			best = first;
	}
	return best;
}

static struct model_job *next_claim(struct sim *s)
{
	struct model_job *ordinary = next_ordinary(s), *crowd = next_of_crowd(s);
	return crowd && (!ordinary || s->claims % 4 == 2) ? crowd : ordinary;
}

static void model_claim(struct sim *s, struct model_job *j)
{
	j->state = JOB_ACTIVE;
	j->made++;
	j->token++;
	j->lease_end_us = s->f->now.boot_us + LEASE_US;
	j->boot_id = s->f->now.boot_id;
	s->claims++;
	if (j->in_crowd)
		s->last_user[j->priority] = s->order[j->user];
	for (size_t i = 0; i < s->limits_n; i++)
		if (s->limits[i].phases & 1u << phase_slot(j->phase))
			s->limits[i].room--;
}

static size_t claim_some(struct sim *s, size_t max)
{
	struct claim_ask ask = {
		.owner = "host:1", .max = max, .lease_ms = LEASE_US / 1000, .limits = s->limits};
	s->limits_n = sim_roll(s, 2) ? 0 : 1 + sim_roll(s, LIMITS);
	for (size_t i = 0; i < s->limits_n; i++)
		s->limits[i] = (struct claim_limit){(uint32_t)sim_roll(s, 16), sim_roll(s, 4)};
	ask.limits_n = s->limits_n;
	return claim_as(s->f, &ask);
}

static void do_claim(struct sim *s)
{
	size_t max = 1 + sim_roll(s, 5), got = claim_some(s, max), want = 0;
	sim_reap(s);
	sim_due(s);
	for (; want < max; want++) {
		struct model_job *j = next_claim(s);
		if (!j)
			break;
		CHECK(s, want < got);
		CHECK(s, id_cmp(s->f->held[want].id, j->id) == 0);
		model_claim(s, j);
		CHECK(s, s->f->held[want].lease.token == j->token &&
				 s->f->held[want].attempts_made == j->made);
	}
	CHECK(s, got == want);
}

static void model_settle(struct sim *s, struct model_job *j, enum settle_kind kind)
{
	switch (kind) {
	case SETTLE_COMPLETE:
		end_job(s, j, JOB_COMPLETED);
		break;
	case SETTLE_FAIL:
		end_job(s, j, JOB_FAILED);
		break;
	case SETTLE_RETRY:
		j->state = JOB_DELAYED;
		j->run_at_us = s->f->now.wall_us + 2000000;
		break;
	case SETTLE_RELEASE:
		j->state = JOB_WAITING;
		j->made--;
		break;
	case SETTLE_RENEW:
		j->lease_end_us = s->f->now.boot_us + LEASE_US;
		break;
	case SETTLE_CRASH:
		j->crashes++;
		j->allowed++;
		j->state = j->crashes < 3 ? JOB_WAITING : JOB_HELD;
		j->run_at_us = s->f->now.wall_us;
		break;
	case SETTLE_ORPHAN:
		j->allowed++;
		j->state = JOB_WAITING;
		break;
	case SETTLE_CHECKPOINT:
		break;
	}
}

static void do_settle(struct sim *s)
{
	if (s->n == 0)
		return;
	struct model_job *j = &s->jobs[sim_roll(s, s->n)];
	enum settle_kind kind = (enum settle_kind)sim_roll(s, SETTLE_ORPHAN + 1);
	uint64_t token = sim_roll(s, 6) ? j->token : j->token + 1;
	bool is_live_lease = j->state == JOB_ACTIVE && token == j->token;
	enum status st = settle(s->f, j->id, token, kind);
	CHECK(s, st == (is_live_lease ? ST_OK : ST_CONFLICT));
	if (is_live_lease)
		model_settle(s, j, kind);
	sim_reap(s);
	sim_due(s);
}

static bool model_steer(struct sim *s, struct model_job *j, enum steer_verb verb)
{
	if (j->is_forgotten)
		return false;
	bool ended = job_state_is_ended(j->state);
	switch (verb) {
	case STEER_RETRY:
	case STEER_REPLAY:
		if (j->state != JOB_FAILED && j->state != JOB_CANCELLED &&
			(verb == STEER_RETRY || j->state != JOB_COMPLETED))
			return false;
		j->crashes = 0;
		j->has_turn = !anybody_live(s, j->workflow);
		j->state = JOB_WAITING;
		j->run_at_us = s->f->now.wall_us;
		j->allowed = j->made + 3;
		return true;
	case STEER_CANCEL:
		if (!ended)
			end_job(s, j, JOB_CANCELLED);
		return !ended;
	case STEER_HOLD:
		if (j->state != JOB_WAITING && j->state != JOB_DELAYED)
			return false;
		j->state = JOB_HELD;
		return true;
	case STEER_RELEASE:
		if (j->state != JOB_HELD)
			return false;
		j->crashes = 0;
		j->state = j->run_at_us > s->f->now.wall_us ? JOB_DELAYED : JOB_WAITING;
		return true;
	default:
		if (j->state != JOB_DELAYED)
			return false;
		j->state = JOB_WAITING;
		j->run_at_us = s->f->now.wall_us;
		return true;
	}
}

/* What has ended goes, whoever it was about; the others keep their order. */
static bool model_purge(struct sim *s, struct model_job *j)
{
	size_t at = (size_t)(j - s->jobs);
	if (is_live(j))
		return false;
	memmove(j, j + 1, (s->n - at - 1) * sizeof *j);
	s->n--;
	s->removed++;
	return true;
}

static void do_steer(struct sim *s)
{
	if (s->n == 0)
		return;
	struct model_job *j = &s->jobs[sim_roll(s, s->n)];
	enum steer_verb verb = (enum steer_verb)sim_roll(s, STEER_VERB_N);
	enum status st = steer(s->f, j->id, verb);
	bool is_done = verb == STEER_PURGE ? model_purge(s, j) : model_steer(s, j, verb);
	CHECK(s, st == (is_done ? ST_OK : ST_CONFLICT));
}

static void do_remove(struct sim *s)
{
	static const enum job_state states[] = {JOB_COMPLETED, JOB_FAILED, JOB_CANCELLED};
	enum job_state state = states[sim_roll(s, 3)];
	int64_t before = s->f->now.wall_us - (int64_t)sim_roll(s, 50000000);
	size_t removed, want = 0, kept = 0;
	assert_int_equal(s->f->ops->remove(s->f->store, s->f->now, state, before, JOBS_MAX,
				 slice_text("system"), &removed, NULL),
		ST_OK);
	for (size_t i = 0; i < s->n; i++) {
		if (s->jobs[i].state == state && s->jobs[i].finished_at_us < before)
			want++;
		else
			s->jobs[kept++] = s->jobs[i];
	}
	s->n = kept;
	s->removed += want;
	CHECK(s, removed == want);
}

/* All that has ended of one user; what is alive stays. */
static void do_forget(struct sim *s)
{
	char id[16];
	int user = (int)sim_roll(s, USERS);
	uint64_t jobs = 0, live = 0;
	struct forget forget = {0};
	struct forget_ask ask = {.actor = slice_text("operator:sim"),
		.chance = {sim_roll(s, UINT32_MAX), sim_roll(s, UINT32_MAX), sim_roll(s, UINT32_MAX)}};
	snprintf(id, sizeof id, "u%d", user);
	ask.user_id = slice_text(id);
	while (!forget.is_done)
		assert_int_equal(s->f->ops->forget(s->f->store, s->f->now, &ask, &forget, NULL), ST_OK);
	for (size_t i = 0; i < s->n; i++) {
		struct model_job *j = &s->jobs[i];
		if (j->user != user)
			continue;
		live += is_live(j);
		if (is_live(j))
			continue;
		jobs++;
		j->is_forgotten = true;
		j->user = j->workflow = -1; /* like nobody's that will come */
	}
	CHECK(s, forget.jobs == jobs && forget.live == live);
}

static void do_pause(struct sim *s)
{
	int slot = (int)sim_roll(s, 4);
	bool pause = !s->paused[slot];
	assert_int_equal(
		s->f->ops->pause(s->f->store, s->f->now, 1u << slot, pause, slice_text("operator:sim"), NULL),
		ST_OK);
	s->paused[slot] = pause;
}

static void do_crash(struct sim *s)
{
	store_reopen(s->f);
	sim_begin_reporter(s, sim_roll(s, REPORTERS));
	s->next_reap_us = 0;
	s->claims = 0;
	s->halvings = 0;
	memset(s->last_user, 0, sizeof s->last_user);
	memset(s->submitted, 0, sizeof s->submitted);
	if (sim_roll(s, 3) == 0) {
		s->f->now.boot_id++;
		s->f->now.boot_us = 1000000;
	}
}

static void do_time(struct sim *s)
{
	pass_ms(s->f, (int64_t)sim_roll(s, 40000));
	if (sim_roll(s, 8) == 0)
		s->f->now.wall_us -= (int64_t)sim_roll(s, 3000000); /* the wall clock is stepped back */
}

static void compare(struct sim *s)
{
	struct stats stats = stats_of(s->f);
	uint64_t count[JOB_STATE_N] = {0};
	for (size_t i = 0; i < s->n; i++) {
		struct job job;
		CHECK(s, s->f->ops->get(s->f->store, s->jobs[i].id, &job, NULL) == ST_OK);
		CHECK(s, job.state == s->jobs[i].state);
		CHECK(s, job.attempts_made == s->jobs[i].made);
		CHECK(s, job.attempts_allowed == s->jobs[i].allowed);
		CHECK(s, job.crashes == s->jobs[i].crashes);
		CHECK(s, job.lease.token == s->jobs[i].token);
		CHECK(s, job.in_crowd == s->jobs[i].in_crowd);
		CHECK(s, job.is_forgotten == s->jobs[i].is_forgotten);
		CHECK(s, slice_is(job.payload, "{}") == s->jobs[i].is_forgotten);
		CHECK(s, !is_live(&s->jobs[i]) || job.has_turn == s->jobs[i].has_turn);
		count[job.state]++;
		job_release(&job);
	}
	for (int state = 0; state < JOB_STATE_N; state++)
		CHECK(s, stats_state(&stats, (enum job_state)state) == count[state]);
	sim_compare_receiver(s);
	sim_compare_callers(s);
	sim_compare_await(s);
	CHECK(s, stats.accepted_total == s->accepted && stats.removed_total == s->removed);
}

/* The store's own seed is drawn at its creation: a history that is to be repeated brings it along. */
static void plant_seed(struct sim *s)
{
	struct tx tx;
	struct slice record;
	struct birth birth;
	s->f->conf.crowd_at = CROWD_AT;
	sim_await_conf(&s->f->conf);
	if (store_is(s->f, "postgres")) {
		store_sql(s->f, "UPDATE clario_head SET seed = %lld", (long long)s->seed);
		store_reopen(s->f);
		sim_tell(s);
		return;
	}
	assert_int_equal(tx_begin(&tx, s->f->store, TX_WRITE, s->f->now, NULL), ST_OK);
	assert_int_equal(tx_get(&tx, TREE_META, slice_text("spool"), &record), ST_OK);
	assert_int_equal(birth_decode(record, &birth), ST_OK);
	birth.seed = s->seed;
	birth_encode(&birth, &tx.scratch);
	tx_put(&tx, TREE_META, slice_text("spool"), buf_slice(&tx.scratch));
	assert_int_equal(tx_commit(&tx, NULL), ST_OK);
	store_reopen(s->f);
	sim_tell(s);
}

/* false: two users look the same to the store. */
static bool put_users_in_order(struct sim *s)
{
	for (int u = 0; u < USERS; u++) {
		char user[16];
		snprintf(user, sizeof user, "u%d", u);
		s->order[u] = key_user_hash(s->seed, slice_text(user));
		for (int other = 0; other < u; other++)
			if ((s->order[u] & 0xffffff) == (s->order[other] & 0xffffff))
				return false;
	}
	return true;
}

static void run_history(struct fixture *f, uint64_t seed)
{
	static void (*const acts[])(struct sim *) = {do_submit, do_submit, do_flood, do_claim, do_claim,
		do_settle, do_settle, do_settle, do_steer, do_time, do_time, do_remove, do_forget, do_pause,
		do_crash, sim_report, sim_report, sim_pause_receiver, sim_tell};
	struct sim *s = calloc(1, sizeof *s);
	assert_non_null(s);
	*s = (struct sim){.f = f, .seed = seed, .random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1};
	receiver_init(&s->receiver, slice_text("shop"));
	for (size_t i = 0; i < REPORTERS; i++)
		sim_begin_reporter(s, i);
	plant_seed(s);
	bool is_fit = put_users_in_order(s);
	for (s->step = 0; is_fit && s->step < STEPS; s->step++) {
		acts[sim_roll(s, sizeof acts / sizeof *acts)](s);
		if (s->step % 10 == 9)
			compare(s);
	}
	compare(s);
	free(s);
}

static uint64_t number_from(const char *variable, uint64_t otherwise)
{
	const char *text = getenv(variable);
	return text ? strtoull(text, NULL, 10) : otherwise;
}

static void histories__agree_with_the_model(void **state)
{
	(void)state;
	uint64_t first = number_from("CLARIO_SIM_SEED", 1), n = number_from("CLARIO_SIM_SEEDS", SEEDS);
	if (getenv("CLARIO_SIM_SEED") && !getenv("CLARIO_SIM_SEEDS"))
		n = 1;
	for (uint64_t seed = first; seed < first + n; seed++) {
		void *f = NULL;
		store_setup(&f);
		run_history(f, seed);
		store_teardown(&f);
	}
	report("%llu histories of %d steps, seeds from %llu\n", (unsigned long long)n, STEPS,
		(unsigned long long)first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(histories__agree_with_the_model)};
	return cmocka_run_group_tests_name("simulation", tests, NULL, NULL);
}
