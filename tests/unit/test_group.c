/* tests/unit/test_group.c: group commit in front of a double of an engine that counts and can be told to fail
 * or to wait. */
#include "spool/group.h"
#include "tests/support/unit.h"

#include <pthread.h>
#include <stdatomic.h>

enum { THREADS = 24, ROUNDS = 200 };

struct store {
	atomic_int commits, syncs, triggers, inside, most_inside;
	pthread_mutex_t gate; /* held by a test: the next commit waits there */
	enum status answer, sync_answer;
};

static enum status double_submit(
	struct store *store, struct moment now, const struct submission *list, size_t n, struct why *why)
{
	(void)now;
	int inside = atomic_fetch_add(&store->inside, 1) + 1;
	if (inside > atomic_load(&store->most_inside))
		atomic_store(&store->most_inside, inside);
	pthread_mutex_lock(&store->gate);
	pthread_mutex_unlock(&store->gate);
	for (size_t i = 0; store->answer == ST_OK && i < n; i++)
		*list[i].receipt = (struct receipt){
			.verdict = SUBMIT_ACCEPTED,
			.id = {{(uint8_t)list[i].trigger->phase}},
		};
	atomic_fetch_add(&store->commits, 1);
	atomic_fetch_add(&store->triggers, (int)n);
	atomic_fetch_sub(&store->inside, 1);
	return store->answer == ST_OK ? ST_OK : why_set(why, store->answer, "told to fail");
}

static enum status double_sync(struct store *store, struct why *why)
{
	if (store->sync_answer != ST_OK)
		return why_set(why, store->sync_answer, "told to fail");
	atomic_fetch_add(&store->syncs, 1);
	return ST_OK;
}

static const struct store_ops double_ops = {.name = "double", .submit = double_submit, .sync = double_sync};

struct fixture {
	struct store store;
	struct group *group;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	pthread_mutex_init(&f->store.gate, NULL);
	f->group = group_new(&double_ops, &f->store);
	*state = f;
	return f->group ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	group_free(f->group);
	pthread_mutex_destroy(&f->store.gate);
	free(f);
	return 0;
}

static void alone__one_commit_each(void **state)
{
	struct fixture *f = *state;
	struct trigger t = {.phase = 3};
	struct receipt r;
	for (int i = 0; i < 10; i++)
		assert_int_equal(group_submit(f->group, (struct moment){0}, &t, 1, &r, NULL), ST_OK);
	assert_int_equal(f->store.commits, 10);
	assert_int_equal(r.id.b[0], 3);
}

static void *submit_rounds(void *arg)
{
	struct fixture *f = arg;
	intptr_t wrong = 0;
	for (int i = 0; i < ROUNDS; i++) {
		struct trigger t[3] = {{.phase = 1 + i % 7}, {.phase = 2}, {.phase = 3}};
		struct receipt r[3] = {{0}};
		size_t n = 1 + (size_t)i % 3;
		wrong += group_submit(f->group, (struct moment){0}, t, n, r, NULL) != ST_OK;
		for (size_t k = 0; k < n; k++)
			wrong += r[k].verdict != SUBMIT_ACCEPTED || r[k].id.b[0] != t[k].phase;
	}
	return (void *)wrong;
}

static void crowd__everybody_gets_their_own_answer(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, submit_rounds, f), 0);
	for (int i = 0; i < THREADS; i++) {
		void *wrong;
		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
	assert_int_equal(f->store.most_inside, 1); /* one commits at a time */
	assert_in_range(f->store.commits, 1, THREADS * ROUNDS);
	int per_thread = 0;
	for (int i = 0; i < ROUNDS; i++)
		per_thread += 1 + i % 3;
	assert_int_equal(f->store.triggers, THREADS * per_thread);
}

/* Stored is not lasting: who was stored is refused like the rest, and those who come later start anew. */
static void sync__that_fails_refuses_all(void **state)
{
	struct fixture *f = *state;
	struct trigger t = {.phase = 3};
	struct receipt r;
	f->store.sync_answer = ST_IO;
	assert_int_equal(group_submit(f->group, (struct moment){0}, &t, 1, &r, NULL), ST_IO);
	assert_int_equal(r.verdict, SUBMIT_REFUSED);
	assert_int_equal(r.status, ST_IO);
	f->store.sync_answer = ST_OK;
	assert_int_equal(group_submit(f->group, (struct moment){0}, &t, 1, &r, NULL), ST_OK);
	assert_int_equal(r.verdict, SUBMIT_ACCEPTED);
	assert_int_equal(f->store.commits, 2);
	assert_int_equal(f->store.syncs, 1);
}

static void *submit_once(void *arg)
{
	struct fixture *f = arg;
	struct trigger t = {.phase = 5};
	struct receipt r = {0};
	struct why why = WHY_INIT;
	enum status st = group_submit(f->group, (struct moment){0}, &t, 1, &r, &why);
	bool told = st == ST_OK ||
		    (r.verdict == SUBMIT_REFUSED && r.status == st && strstr(why.text, "told to fail"));
	return told ? (void *)(intptr_t)st : (void *)(intptr_t)-1;
}

/* While the first commit waits, the others gather; they share the next one. */
static int gather(struct fixture *f, pthread_t *threads)
{
	pthread_mutex_lock(&f->store.gate);
	assert_int_equal(pthread_create(&threads[0], NULL, submit_once, f), 0);
	while (atomic_load(&f->store.inside) == 0)
		clock_sleep_ms(1);
	for (int i = 1; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, submit_once, f), 0);
	clock_sleep_ms(50); /* lets them queue; the assertion below holds however many did */
	pthread_mutex_unlock(&f->store.gate);
	int failures = 0;
	for (int i = 0; i < THREADS; i++) {
		void *st;
		pthread_join(threads[i], &st);
		assert_int_not_equal((intptr_t)st, -1);
		failures += st != NULL;
	}
	return failures;
}

static void crowd__shares_commits(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[THREADS];
	assert_int_equal(gather(f, threads), 0);
	assert_in_range(f->store.commits, 2, THREADS - 1);
}

static void failure__reaches_all_of_the_batch(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[THREADS];
	f->store.answer = ST_FULL;
	assert_int_equal(gather(f, threads), THREADS);
	f->store.answer = ST_OK;
	assert_int_equal(gather(f, threads), 0);
}

/* Submits that nobody waits for: a lead is asked for once per batch, and each is done once. */
struct parked {
	struct submit submit;
	struct trigger trigger;
	struct receipt receipt;
	int leads, dones;
};

static void count_lead(struct submit *s)
{
	((struct parked *)s)->leads++;
}

static void count_done(struct submit *s)
{
	((struct parked *)s)->dones++;
}

static void park(struct fixture *f, struct parked *p, int phase)
{
	p->trigger.phase = phase;
	p->submit = (struct submit){.triggers = &p->trigger,
		.n = 1,
		.receipts = &p->receipt,
		.done = count_done,
		.lead = count_lead};
	group_begin(f->group, &p->submit);
}

static void begun__waits_for_whoever_leads(void **state)
{
	struct fixture *f = *state;
	struct parked parked[5] = {0};
	for (int i = 0; i < 5; i++) {
		struct parked *p = &parked[i];
		park(f, p, 1 + i);
		assert_int_equal(p->leads, i == 0);
	}
	assert_int_equal(f->store.commits, 0);
	group_lead(f->group);
	assert_int_equal(f->store.commits, 1);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(parked[i].leads, i == 0);
		assert_int_equal(parked[i].dones, 1);
		assert_int_equal(parked[i].submit.status, ST_OK);
		assert_int_equal(parked[i].receipt.id.b[0], 1 + i);
	}
}

static void *lead_once(void *arg)
{
	group_lead(((struct fixture *)arg)->group);
	return NULL;
}

/* What comes during a commit is the next batch, and its head is told when the commit has ended. */
static void begun__during_a_commit_leads_the_next(void **state)
{
	struct fixture *f = *state;
	struct parked parked[3] = {0};
	pthread_t leader;
	pthread_mutex_lock(&f->store.gate);
	for (int i = 0; i < 3; i++) {
		struct parked *p = &parked[i];
		park(f, p, 2);
		if (i == 0)
			assert_int_equal(pthread_create(&leader, NULL, lead_once, f), 0);
		while (atomic_load(&f->store.inside) == 0)
			clock_sleep_ms(1);
	}
	pthread_mutex_unlock(&f->store.gate);
	pthread_join(leader, NULL);
	assert_int_equal(parked[0].dones, 1);
	assert_int_equal(parked[1].leads, 1);
	assert_int_equal(parked[2].leads, 0);
	assert_int_equal(parked[1].dones + parked[2].dones, 0);
	group_lead(f->group);
	assert_int_equal(parked[1].dones + parked[2].dones, 2);
	assert_int_equal(f->store.commits, 2);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(alone__one_commit_each),
		CASE(sync__that_fails_refuses_all),
		CASE(crowd__everybody_gets_their_own_answer),
		CASE(crowd__shares_commits),
		CASE(failure__reaches_all_of_the_batch),
		CASE(begun__waits_for_whoever_leads),
		CASE(begun__during_a_commit_leads_the_next),
	};
	return cmocka_run_group_tests_name("group", tests, NULL, NULL);
}
