/* tests/unit/test_store_callers.c: quotas of callers in a store: exact within a batch and across them, given
 * back when jobs end, taken again when they come back, whatever becomes of their records. */
#include "spool/base/log.h"
#include "spool/dump/dump.h"
#include "spool/store/lmdb/account_io.h"
#include "tests/unit/care_fixture.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static const char ten_bytes[] = "{\"a\":1234}";

static struct trigger bounded(const char *workflow, const char *source, uint64_t jobs, uint64_t bytes)
{
	struct trigger t = make_trigger(2, workflow, "u", ten_bytes);
	t.source = slice_text(source);
	t.max_jobs = jobs;
	t.max_bytes = bytes;
	return t;
}

static struct receipt submit_as(
	struct fixture *f, const char *workflow, const char *source, uint64_t jobs, uint64_t bytes)
{
	struct trigger t = bounded(workflow, source, jobs, bytes);
	return submit(f, &t);
}

/* The account of that name; blank: there is none. */
static struct account account_of(struct fixture *f, const char *name)
{
	struct account all[16];
	uint64_t after = 0;
	size_t n;
	assert_int_equal(f->ops->accounts(f->store, &after, all, 16, &n, NULL), ST_OK);
	for (size_t i = 0; i < n; i++)
		if (strcmp(all[i].name, name) == 0)
			return all[i];
	return (struct account){0};
}

static void assert_has(struct fixture *f, const char *name, uint64_t jobs, uint64_t bytes)
{
	struct account account = account_of(f, name);
	if (account.jobs != jobs || account.bytes != bytes)
		fail_msg("%s has %llu jobs and %llu bytes, wanted %llu and %llu", name,
			(unsigned long long)account.jobs, (unsigned long long)account.bytes,
			(unsigned long long)jobs, (unsigned long long)bytes);
}

static void assert_refused(const struct receipt *r)
{
	assert_int_equal(r->verdict, SUBMIT_REFUSED);
	assert_int_equal(r->status, ST_QUOTA);
	assert_non_null(strstr(r->why.text, "caller"));
}

enum { N = 7, MORE = 5 };

/* N of N + MORE of one caller in one batch, between those of others, of whom all are taken; then none. */
static void quota__is_exact_within_a_batch_and_across(void **state)
{
	struct fixture *f = *state;
	struct trigger triggers[2 * (N + MORE)];
	struct receipt receipts[2 * (N + MORE)] = {0};
	struct submission list[2 * (N + MORE)];
	char names[2 * (N + MORE)][16];
	size_t accepted = 0, others = 0;
	for (size_t i = 0; i < 2 * (N + MORE); i++) {
		snprintf(names[i], sizeof names[i], "w%zu", i);
		triggers[i] = bounded(names[i], i % 2 ? "bob" : "alice", i % 2 ? 1000 : N, 0);
		list[i] = (struct submission){&triggers[i], &receipts[i]};
	}
	assert_int_equal(store_submit(f->ops, f->store, f->now, list, 2 * (N + MORE), NULL), ST_OK);
	for (size_t i = 0; i < 2 * (N + MORE); i++) {
		bool is = receipts[i].verdict == SUBMIT_ACCEPTED;
		accepted += i % 2 == 0 && is;
		others += i % 2 && is;
		if (!is)
			assert_refused(&receipts[i]);
	}
	assert_int_equal(accepted, N);
	assert_int_equal(others, N + MORE);
	assert_has(f, "alice", N, N * 10);
	assert_has(f, "bob", N + MORE, (N + MORE) * 10);
	struct receipt again = submit_as(f, "w0", "alice", N, 0), late = submit_as(f, "late", "alice", N, 0);
	assert_int_equal(again.verdict, SUBMIT_DUPLICATE); /* what is stored is told of, quota or not */
	assert_refused(&late);
	store_reopen(f);
	late = submit_as(f, "late", "alice", N, 0);
	assert_refused(&late);
	assert_int_equal(submit_as(f, "late", "alice", N + 1, 0).verdict, SUBMIT_ACCEPTED);
}

static void quota__of_bytes(void **state)
{
	struct fixture *f = *state;
	struct receipt r;
	assert_int_equal(submit_as(f, "w1", "alice", 0, 25).verdict, SUBMIT_ACCEPTED);
	assert_int_equal(submit_as(f, "w2", "alice", 0, 25).verdict, SUBMIT_ACCEPTED);
	r = submit_as(f, "w3", "alice", 0, 25);
	assert_refused(&r);
	assert_non_null(strstr(r.why.text, "20 bytes"));
	assert_int_equal(submit_as(f, "w3", "alice", 0, 30).verdict, SUBMIT_ACCEPTED);
	assert_has(f, "alice", 3, 30);
	r = submit_as(f, "x", "bob", 0, 9); /* it will never fit, and is told so */
	assert_refused(&r);
	assert_non_null(strstr(r.why.text, "all jobs of caller bob may have 9"));
	assert_has(f, "bob", 0, 0);
}

/* Without a bound a job counts for nobody, and costs no record. */
static void unbounded__jobs_do_not_count(void **state)
{
	struct fixture *f = *state;
	struct account none[1];
	uint64_t after = 0;
	size_t n;
	struct receipt r = submit_as(f, "w", "alice", 0, 0);
	assert_int_equal(f->ops->accounts(f->store, &after, none, 1, &n, NULL), ST_OK);
	assert_int_equal(n, 0);
	assert_int_equal(submit_as(f, "w1", "alice", 1, 0).verdict, SUBMIT_ACCEPTED);
	assert_int_equal(steer(f, r.id, STEER_CANCEL), ST_OK);
	assert_has(f, "alice", 1, 10);
}

/* Each way to an end gives back, each way back takes again, nothing in between does either. */
static void ends__give_back_and_returns_take_again(void **state)
{
	struct fixture *f = *state;
	struct receipt r;
	struct job_id id;
	size_t removed;
	static const enum settle_kind ends[] = {SETTLE_COMPLETE, SETTLE_FAIL};
	for (size_t i = 0; i < 2; i++) {
		id = submit_as(f, i ? "b" : "a", "alice", 1, 0).id;
		assert_int_equal(claim(f, 1), 1);
		assert_has(f, "alice", 1, 10);
		assert_int_equal(settle_held(f, 0, SETTLE_RETRY), ST_OK);
		assert_has(f, "alice", 1, 10);
		assert_int_equal(steer(f, id, STEER_RUN_NOW), ST_OK);
		assert_int_equal(claim(f, 1), 1);
		assert_int_equal(settle_held(f, 0, ends[i]), ST_OK);
		assert_has(f, "alice", 0, 0);
	}
	assert_int_equal(steer(f, id, STEER_RETRY), ST_OK); /* an operator is not held to it */
	assert_has(f, "alice", 1, 10);
	r = submit_as(f, "c", "alice", 1, 0);
	assert_refused(&r);
	assert_int_equal(steer(f, id, STEER_HOLD), ST_OK);
	assert_has(f, "alice", 1, 10);
	assert_int_equal(steer(f, id, STEER_CANCEL), ST_OK);
	assert_has(f, "alice", 0, 0);
	assert_int_equal(steer(f, id, STEER_REPLAY), ST_OK);
	assert_has(f, "alice", 1, 10);
	pass_ms(f, 1000);
	assert_int_equal(f->ops->remove(f->store, f->now, JOB_WAITING, f->now.wall_us, 10,
				 slice_text("system"), &removed, NULL),
		ST_OK);
	assert_int_equal(removed, 1);
	assert_has(f, "alice", 0, 0);
}

static void lease__that_ran_out_for_the_last_time_gives_back(void **state)
{
	struct fixture *f = *state;
	struct trigger t = bounded("w", "alice", 1, 0);
	t.attempts_allowed = 1;
	assert_int_equal(submit(f, &t).verdict, SUBMIT_ACCEPTED);
	assert_int_equal(claim(f, 1), 1);
	pass_ms(f, 120000);
	assert_int_equal(claim(f, 1), 0);
	assert_has(f, "alice", 0, 0);
}

/* Of a job that cannot be read the rest tells whose it was. */
static void set_aside__jobs_do_not_count(void **state)
{
	struct fixture *f = *state;
	static const enum tree trees[] = {TREE_JOB, TREE_TRIGGER};
	for (size_t i = 0; i < 2; i++) {
		struct job_id bad = submit_as(f, i ? "bad1" : "bad0", "alice", 100, 0).id;
		submit_as(f, i ? "good1" : "good0", "alice", 100, 0);
		submit_as(f, i ? "other1" : "other0", "bob", 100, 0);
		spoil(f, trees[i], bad);
		assert_int_equal(steer(f, bad, STEER_CANCEL), ST_CORRUPT);
		assert_has(f, "alice", 1 + i, 10 * (1 + i));
		assert_has(f, "bob", 1 + i, 10 * (1 + i));
		store_check(f);
	}
}

static void put_account_in_database(struct fixture *f, const char *name, struct account *account)
{
	struct buf record = BUF_INIT(4096);
	char hex[1024] = "";
	snprintf(account->name, sizeof account->name, "%s", name);
	account_encode(account, &record);
	for (size_t i = 0; i < record.len; i++)
		snprintf(hex + 2 * i, 3, "%02x", (uint8_t)record.p[i]);
	store_sql(f, "DELETE FROM clario_meta WHERE key = 'caller.%s'", name);
	store_sql(f, "INSERT INTO clario_meta VALUES ('caller.%s', decode('%s', 'hex'))", name, hex);
	buf_release(&record);
}

static void put_account(struct fixture *f, const char *name, uint64_t jobs, uint64_t bytes)
{
	struct tx tx;
	struct account account = {.jobs = jobs, .bytes = bytes};
	if (store_is(f, "postgres")) {
		put_account_in_database(f, name, &account);
		return;
	}
	struct key key = account_key(key_account_hash(f->store->seed, slice_text(name)));
	snprintf(account.name, sizeof account.name, "%s", name);
	assert_int_equal(tx_begin(&tx, f->store, TX_WRITE, f->now, NULL), ST_OK);
	account_encode(&account, &tx.scratch);
	tx_put(&tx, TREE_META, key_slice(&key), buf_slice(&tx.scratch));
	assert_int_equal(tx_commit(&tx, NULL), ST_OK); /* the head is as it was: nothing is audited */
}

static enum status repair(struct fixture *f)
{
	struct care_ask ask = {.verb = CARE_REPAIR};
	struct care_result result = {0};
	struct spool_watch watch = {0};
	f->ops->close(f->store);
	f->store = NULL;
	enum status st = f->ops->care(&f->conf, &ask, &watch, &result, NULL);
	assert_int_equal(f->ops->open(&f->conf, &f->store, NULL), ST_OK);
	return st;
}

static void verify__finds_a_wrong_count_and_repair_mends_it(void **state)
{
	struct fixture *f = *state;
	struct told told;
	submit_as(f, "w1", "alice", 10, 0);
	submit_as(f, "w2", "alice", 10, 0);
	assert_int_equal(verify(f, f->dir, &told), ST_OK);
	put_account(f, "alice", 3, 20);
	assert_int_equal(verify(f, f->dir, &told), ST_CORRUPT);
	assert_int_equal(told.findings, 1);
	assert_non_null(strstr(told.all, "(alice) counts 3 jobs and 20 bytes, there are 2 and 20"));
	put_account(f, "alice", 2, 20);
	put_account(f, "nobody", 1, 1);
	assert_int_equal(verify(f, f->dir, &told), ST_CORRUPT);
	assert_non_null(strstr(told.all, "(nobody) counts 1 jobs and 1 bytes, there are 0 and 0"));
	if (store_is(f, "postgres")) { /* which is not repaired; PostgreSQL answers for its indexes */
		store_sql(f, "DELETE FROM clario_meta WHERE key = 'caller.nobody'");
		return;
	}
	put_account(f, "alice", 1, 10);
	assert_int_equal(repair(f), ST_OK);
	assert_int_equal(verify(f, f->dir, &told), ST_OK);
	assert_has(f, "alice", 2, 20);
	assert_has(f, "nobody", 0, 0);
}

static void verify__names_a_record_that_cannot_be_read(void **state)
{
	struct fixture *f = *state;
	struct told told;
	struct tx tx;
	struct job_id id = submit_as(f, "w1", "alice", 10, 0).id;
	if (store_is(f, "postgres")) {
		store_sql(f, "UPDATE clario_meta SET value = 'nonsense' WHERE key = 'caller.alice'");
	} else {
		struct key key = account_key(key_account_hash(f->store->seed, slice_text("alice")));
		assert_int_equal(tx_begin(&tx, f->store, TX_WRITE, f->now, NULL), ST_OK);
		tx_put(&tx, TREE_META, key_slice(&key), slice_text("nonsense"));
		assert_int_equal(tx_commit(&tx, NULL), ST_OK);
	}
	assert_int_equal(verify(f, f->dir, &told), ST_CORRUPT);
	assert_non_null(strstr(told.all, "is damaged: what that caller has counts from nothing"));
	assert_int_equal(steer(f, id, STEER_CANCEL), ST_OK); /* no outcome is refused for it */
	assert_int_equal(verify(f, f->dir, &told), ST_OK);
}

/* What every other test relies on to notice a count that is off. */
static void audit__ends_the_process_when_a_count_is_off(void **state)
{
	struct fixture *f = *state;
	ONLY_FOR(f, "lmdb");
	submit_as(f, "w", "alice", 10, 0);
	f->ops->close(f->store);
	f->store = NULL;
	pid_t pid = fork();
	if (pid == 0) {
		struct trigger t = make_trigger(3, "x", "u", "{}");
		log_open("test_store_callers", 0);
		if (f->ops->open(&f->conf, &f->store, NULL) != ST_OK)
			_exit(1);
		put_account(f, "alice", 1, 11);
		submit(f, &t);
		_exit(0);
	}
	int ended;
	waitpid(pid, &ended, 0);
	assert_true(WIFSIGNALED(ended) && WTERMSIG(ended) == SIGABRT);
	assert_int_equal(f->ops->open(&f->conf, &f->store, NULL), ST_OK);
	put_account(f, "alice", 1, 10);
}

/* Under the other spool's seed, from the lines alone. */
static void export__and_import_keep_what_counts(void **state)
{
	struct fixture *f = *state;
	char path[128];
	struct spool_watch watch = {0};
	snprintf(path, sizeof path, "%s/export.jsonl", f->dir);
	struct job_id ended = submit_as(f, "w0", "alice", 10, 0).id;
	submit_as(f, "w1", "alice", 10, 0);
	submit_as(f, "w2", "bob", 10, 0);
	submit_as(f, "w3", "bob", 0, 0);
	assert_int_equal(steer(f, ended, STEER_CANCEL), ST_OK);
	FILE *to = fopen(path, "we");
	struct dump_writer writer = {.to = to};
	assert_int_equal(f->ops->export(f->store, f->now, dump_write, &writer, &watch, NULL), ST_OK);
	assert_int_equal(dump_finish(&writer, NULL), ST_OK);
	fclose(to);
	struct dump_reader reader = {.from = fopen(path, "re")};
	struct care_ask ask = {
		.verb = CARE_IMPORT, .replaces = true, .source = dump_read, .source_arg = &reader};
	struct care_result result = {0};
	struct why why = WHY_INIT;
	f->ops->close(f->store);
	f->store = NULL;
	if (f->ops->care(&f->conf, &ask, &watch, &result, &why) != ST_OK)
		fail_msg("%s", why.text);
	dump_reader_release(&reader);
	fclose(reader.from);
	assert_int_equal(f->ops->open(&f->conf, &f->store, NULL), ST_OK);
	assert_has(f, "alice", 1, 10);
	assert_has(f, "bob", 1, 10);
	assert_int_equal(steer(f, ended, STEER_RETRY), ST_OK);
	assert_has(f, "alice", 2, 20);
}

/* Names without end: as many records as live jobs, in pages, and none left when those have ended. */
static void accounts__in_pages(void **state)
{
	struct fixture *f = *state;
	struct account page[16];
	uint64_t after = 0;
	size_t n, sum = 0, pages = 0;
	char name[16];
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof name, "made-up-%d", i);
		submit_as(f, name, name, 10, 0);
	}
	do {
		assert_int_equal(f->ops->accounts(f->store, &after, page, 16, &n, NULL), ST_OK);
		sum += n;
		pages++;
	} while (n == 16);
	assert_int_equal(sum, 100);
	assert_int_equal(pages, 7);
	n = claim(f, 200);
	assert_int_equal(n, 100);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(settle_held(f, i, SETTLE_COMPLETE), ST_OK);
	after = 0;
	assert_int_equal(f->ops->accounts(f->store, &after, page, 16, &n, NULL), ST_OK);
	assert_int_equal(n, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(quota__is_exact_within_a_batch_and_across),
		CASE(quota__of_bytes),
		CASE(unbounded__jobs_do_not_count),
		CASE(ends__give_back_and_returns_take_again),
		CASE(lease__that_ran_out_for_the_last_time_gives_back),
		CASE(set_aside__jobs_do_not_count),
		CASE(verify__finds_a_wrong_count_and_repair_mends_it),
		CASE(verify__names_a_record_that_cannot_be_read),
		CASE(audit__ends_the_process_when_a_count_is_off),
		CASE(export__and_import_keep_what_counts),
		CASE(accounts__in_pages),
	};
	return cmocka_run_group_tests_name("store_callers", tests, NULL, NULL);
}
