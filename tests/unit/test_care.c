/* tests/unit/test_care.c: the care of a spool: verify names damage and outlives it.
 *
 * The campaign damages copies of a lived-in spool at random. What LMDB itself makes of a copy (in a child,
 * which it may crash) tells whether anything live was hit: then verify must have a finding.
 * CLARIO_DAMAGE_COPIES (40) and CLARIO_DAMAGE_SEED set its size and its seed. */
#include "spool/base/guard.h"
#include "spool/base/hash.h"
#include "spool/store/lmdb/tx.h"
#include "tests/unit/store_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- a process that crashes or stands still is an answer --- */

static enum status crash(void *arg, struct guard *guard, struct why *why)
{
	(void)arg;
	(void)why;
	guard_at(guard, "queue", slice_of("\x01\x02", 2));
	raise(SIGSEGV);
	return ST_OK;
}

static enum status hang(void *arg, struct guard *guard, struct why *why)
{
	(void)arg;
	(void)why;
	guard_at(guard, "event", slice_of("\xff", 1));
	while (pause() < 0)
		;
	return ST_OK;
}

static enum status end_well(void *arg, struct guard *guard, struct why *why)
{
	(void)arg;
	guard_tell(guard, slice_text("one"));
	guard_tell(guard, slice_text("two"));
	return why_set(why, ST_BUSY, "words of the child");
}

static void take_line(void *arg, char *line)
{
	char *all = arg;
	size_t len = strlen(all);
	snprintf(all + len, 100 - len, "%s;", line);
}

static void guard__tells_of_crash_and_stall(void **state)
{
	(void)state;
	char lines[100] = "";
	struct guard_task task = {.line = take_line, .arg = lines, .stall_ms = 300};
	struct why why = WHY_INIT;
	bool died;
	task.run = crash;
	assert_int_equal(guard_run(&task, &died, &why), ST_CORRUPT);
	assert_true(died);
	assert_non_null(strstr(why.text, "crashed (signal 11) in queue after key 0102"));
	task.run = hang;
	assert_int_equal(guard_run(&task, &died, &why), ST_CORRUPT);
	assert_true(died);
	assert_non_null(strstr(why.text, "made no progress"));
	assert_non_null(strstr(why.text, "in event after key ff"));
	task.run = end_well;
	assert_int_equal(guard_run(&task, &died, &why), ST_BUSY);
	assert_false(died);
	assert_string_equal(why.text, "words of the child");
	assert_string_equal(lines, "one;two;");
}

/* --- a spool with jobs in every state --- */

static void fill(struct fixture *f, int jobs)
{
	static char payload[9000];
	memset(payload, 'p', sizeof payload - 1);
	for (int i = 0; i < jobs; i++) {
		char workflow[32], user[32], key[32];
		snprintf(workflow, sizeof workflow, "workflow-%d", i / 3);
		snprintf(user, sizeof user, "user-%d", i % 17);
		snprintf(key, sizeof key, "key-%d", i);
		struct trigger t = make_trigger(2 + i % 6, workflow, user, i % 50 ? "{\"a\":1}" : payload);
		if (i % 5 == 0)
			t.idempotency_key = slice_text(key);
		if (i % 7 == 0)
			t.run_at_us = f->now.wall_us + INT64_C(3600000000);
		struct receipt r = submit(f, &t);
		assert_int_equal(r.verdict, SUBMIT_ACCEPTED);
		if (i % 19 == 0 && i % 7)
			steer(f, r.id, i % 2 ? STEER_HOLD : STEER_CANCEL);
		pass_ms(f, 3);
	}
	size_t n = claim(f, 60);
	static const enum settle_kind kinds[] = {SETTLE_COMPLETE, SETTLE_FAIL, SETTLE_RETRY};
	for (size_t i = 0; i + 9 < n; i++)
		settle_held(f, i, kinds[i % 3]);
}

struct told {
	uint64_t findings;
	char all[8192];
};

static void hear(void *arg, const struct spool_finding *finding)
{
	struct told *t = arg;
	size_t len = strlen(t->all);
	t->findings++;
	snprintf(t->all + len, sizeof t->all - len, "%s|%s|%s\n", finding->tree, finding->job, finding->what);
}

static enum status verify(struct fixture *f, const char *path, struct told *told)
{
	struct spool_watch watch = {.found = hear, .arg = told, .stall_ms = 20000};
	struct why why = WHY_INIT;
	*told = (struct told){0};
	enum status st = f->ops->verify(path, &watch, &why);
	if (st != ST_OK && st != ST_CORRUPT)
		print_message("verify: %s\n", why.text);
	assert_true((st == ST_CORRUPT) == (told->findings > 0));
	return st;
}

static void verify__is_content_with_a_spool_in_use_stopped_or_copied(void **state)
{
	struct fixture *f = *state;
	char path[128];
	struct told told;
	fill(f, 200);
	if (verify(f, f->dir, &told) != ST_OK)
		fail_msg("in use: %s", told.all);
	f->ops->close(f->store);
	f->store = NULL;
	if (verify(f, f->dir, &told) != ST_OK)
		fail_msg("stopped: %s", told.all);
	snprintf(path, sizeof path, "%s/lmdb", f->dir);
	assert_int_equal(verify(f, path, &told), ST_OK);
	snprintf(path, sizeof path, "%s/lmdb/data.mdb", f->dir);
	assert_int_equal(verify(f, path, &told), ST_OK);
	assert_int_equal(f->ops->verify("/nonexistent", NULL, NULL), ST_NOTFOUND);
	store_reopen(f);
}

/* A writer beside it changes pages all the time: what verify sees is one state. */
static void verify__sees_one_state_of_a_busy_spool(void **state)
{
	struct fixture *f = *state;
	struct told told;
	fill(f, 50);
	f->ops->close(f->store);
	f->store = NULL;
	pid_t pid = fork();
	if (pid == 0) {
		f->ops->open(&f->conf, &f->store, NULL);
		for (int i = 1000;; i++) {
			char workflow[32];
			snprintf(workflow, sizeof workflow, "busy-%d", i);
			accept_job(f, 3, workflow, "u", "{}");
			pass_ms(f, 1);
			for (size_t n = claim(f, 3), k = 0; k < n; k++)
				settle_held(f, k, SETTLE_COMPLETE);
		}
	}
	char all[sizeof told.all] = "";
	for (int i = 0; i < 20 && !all[0]; i++)
		if (verify(f, f->dir, &told) != ST_OK)
			snprintf(all, sizeof all, "%s", told.all);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	f->ops->open(&f->conf, &f->store, NULL);
	if (all[0])
		fail_msg("%s", all);
}

/* --- the campaign --- */

struct copy {
	struct fixture *f;
	char dir[96], data[128], digest[40];
	uint8_t *sound, *bytes; /* of the file, before and after */
	size_t len, len_after;
	uint64_t random;
};

static uint64_t draw(struct copy *c, uint64_t below)
{
	c->random ^= c->random << 13;
	c->random ^= c->random >> 7;
	c->random ^= c->random << 17;
	return c->random % below;
}

enum { PAGE = 4096, KINDS = 6 };

static void flip_bits(struct copy *c)
{
	for (uint64_t n = 1 + draw(c, 8); n; n--)
		c->bytes[draw(c, c->len)] ^= (uint8_t)(1 << draw(c, 8));
}

static void zero_a_sector(struct copy *c)
{
	memset(c->bytes + draw(c, c->len / 512) * 512, 0, 512);
}

static void swap_pages(struct copy *c)
{
	uint8_t page[PAGE], *a = c->bytes + draw(c, c->len / PAGE) * PAGE,
			    *b = c->bytes + draw(c, c->len / PAGE) * PAGE;
	memcpy(page, a, PAGE);
	memmove(a, b, PAGE);
	memcpy(b, page, PAGE);
}

static void cut_short(struct copy *c)
{
	c->len_after = draw(c, c->len);
}

/* Bytes in a page's second half, where entries stand. */
static void overwrite_entries(struct copy *c)
{
	uint8_t *at = c->bytes + draw(c, c->len / PAGE) * PAGE + PAGE / 2 + draw(c, PAGE / 2 - 8);
	for (int i = 0; i < 8; i++)
		at[i] = (uint8_t)draw(c, 256);
}

static void flip_in_header(struct copy *c)
{
	c->bytes[draw(c, c->len / PAGE) * PAGE + draw(c, 64)] ^= (uint8_t)(1 << draw(c, 8));
}

static void write_copy(struct copy *c)
{
	int fd = open(c->data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, c->bytes, c->len_after), c->len_after);
	close(fd);
}

static void damage(struct copy *c, int kind)
{
	static void (*const kinds[KINDS])(struct copy *) = {
		flip_bits, zero_a_sector, swap_pages, cut_short, overwrite_entries, flip_in_header};
	memcpy(c->bytes, c->sound, c->len);
	c->len_after = c->len;
	kinds[kind](c);
	write_copy(c);
}

static uint64_t digest_tree(MDB_txn *txn, MDB_dbi dbi, uint64_t digest)
{
	MDB_cursor *cursor;
	MDB_val key, value, again;
	if (mdb_cursor_open(txn, dbi, &cursor) != 0)
		return 0;
	while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
		digest = hash_text(digest, slice_of(key.mv_data, key.mv_size));
		digest = hash_text(digest, slice_of(value.mv_data, value.mv_size));
		if (mdb_get(txn, dbi, &key, &again) != 0)
			digest++;
	}
	mdb_cursor_close(cursor);
	return digest;
}

/* Everything that LMDB finds in the copy, as a number; 0: it finds nothing. */
static uint64_t digest_by_lmdb(const char *dir)
{
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	uint64_t digest = 1;
	if (mdb_env_create(&env) || mdb_env_set_maxdbs(env, TREE_N) ||
		mdb_env_open(env, dir, MDB_RDONLY | MDB_NOLOCK, 0600) ||
		mdb_txn_begin(env, NULL, MDB_RDONLY, &txn))
		return 0;
	static const char *const names[] = {
		"meta", "trigger", "job", "queue", "workflow", "user", "key", "event", "aside"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (mdb_dbi_open(txn, names[i], 0, &dbi) != 0)
			return 0;
		digest = digest_tree(txn, dbi, digest);
	}
	return digest;
}

static enum status digest_child(void *arg, struct guard *guard, struct why *why)
{
	struct copy *c = arg;
	char text[40], dir[128];
	(void)why;
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	dup2(null, STDERR_FILENO); /* LMDB's last words */
	snprintf(dir, sizeof dir, "%s/lmdb", c->dir);
	snprintf(text, sizeof text, "%llu", (unsigned long long)digest_by_lmdb(dir));
	guard_tell(guard, slice_text(text));
	return ST_OK;
}

static void take_digest(void *arg, char *line)
{
	snprintf(((struct copy *)arg)->digest, sizeof((struct copy *)arg)->digest, "%s", line);
}

/* What LMDB makes of the copy; "" when it crashed. */
static const char *digest_of(struct copy *c)
{
	struct guard_task task = {.run = digest_child, .line = take_digest, .arg = c, .stall_ms = 5000};
	c->digest[0] = '\0';
	if (guard_run(&task, NULL, NULL) != ST_OK)
		c->digest[0] = '\0';
	return c->digest;
}

static size_t number_of(const char *name, size_t otherwise)
{
	const char *text = getenv(name);
	return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static void make_copy(struct fixture *f, struct copy *c)
{
	char path[128];
	struct stat sb;
	*c = (struct copy){.f = f};
	snprintf(path, sizeof path, "%s/lmdb/data.mdb", f->dir);
	assert_int_equal(stat(path, &sb), 0);
	c->len = (size_t)sb.st_size;
	c->sound = malloc(c->len);
	c->bytes = malloc(c->len);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, c->sound, c->len), c->len);
	close(fd);
	snprintf(c->dir, sizeof c->dir, "%s/copy", f->dir);
	assert_int_equal(mkdir(c->dir, 0700), 0);
	snprintf(path, sizeof path, "%s/lmdb", c->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(c->data, sizeof c->data, "%.100s/data.mdb", path);
	memcpy(c->bytes, c->sound, c->len);
	c->len_after = c->len;
	write_copy(c);
}

static void campaign__all_live_damage_is_named(void **state)
{
	struct fixture *f = *state;
	struct copy c;
	struct told told;
	char sound[40];
	size_t copies = number_of("CLARIO_DAMAGE_COPIES", 40), live = 0, crashes = 0, named = 0;
	uint64_t seed = number_of("CLARIO_DAMAGE_SEED", 20261124);
	fill(f, 400);
	f->ops->close(f->store);
	f->store = NULL;
	make_copy(f, &c);
	snprintf(sound, sizeof sound, "%s", digest_of(&c));
	assert_true(sound[0] && strcmp(sound, "0") != 0);
	for (size_t i = 0; i < copies; i++) {
		c.random = seed * 1000003 + i * 7919 + 1;
		for (int k = 0; k < 8; k++)
			draw(&c, 2);
		damage(&c, (int)(i % KINDS));
		const char *digest = digest_of(&c);
		bool is_live = strcmp(digest, sound) != 0;
		live += is_live;
		crashes += !digest[0];
		bool is_named = verify(f, c.dir, &told) == ST_CORRUPT;
		named += is_named;
		if (is_live && !is_named)
			fail_msg("copy %zu, kind %zu: damage was not named", i, i % KINDS);
		if (strstr(told.all, "reading process"))
			fail_msg("copy %zu, kind %zu: %s", i, i % KINDS, told.all);
	}
	print_message(
		"seed %llu: %zu copies, %zu with damage that LMDB shows (%zu crash or stall it), all named; "
		"%zu named in all\n",
		(unsigned long long)seed, copies, live, crashes, named);
	free(c.sound);
	free(c.bytes);
	store_reopen(f);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guard__tells_of_crash_and_stall),
		CASE(verify__is_content_with_a_spool_in_use_stopped_or_copied),
		CASE(verify__sees_one_state_of_a_busy_spool),
		CASE(campaign__all_live_damage_is_named),
	};
	return cmocka_run_group_tests_name("care", tests, NULL, NULL);
}
