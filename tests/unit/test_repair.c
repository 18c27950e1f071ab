/* tests/unit/test_repair.c: a campaign of damage: copies of a lived-in spool are damaged at random.
 *
 * What LMDB itself makes of a copy (in a child, which it may crash) tells whether anything live was hit: then
 * verify must have a finding. Repair must then give a spool that verifies and has every job whose records are
 * whole in the damaged file, as it was. CLARIO_DAMAGE_COPIES (40) and CLARIO_DAMAGE_SEED set its size and its
 * seed. */
#include "spool/base/guard.h"
#include "spool/base/hash.h"
#include "spool/store/lmdb/pages.h"
#include "spool/store/lmdb/tx.h"
#include "tests/unit/care_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- the campaign --- */

struct copy {
	struct fixture *f;
	char dir[96], data[128], digest[40];
	uint8_t *sound, *bytes; /* of the file, before and after */
	const uint8_t *mapped;
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
	c->len_after = 1 + draw(c, c->len - 1);
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
		"meta", "trigger", "job", "queue", "workflow", "key", "event", "aside"};
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

/* --- repair of a copy: every job whose records are whole is there as it was --- */

struct known_job {
	struct job_id id;
	uint64_t digest;
	size_t at[2], len[2]; /* where its two records stand in the file */
	size_t key_at[2];
};

enum { KNOWN_MAX = 1000 };

static uint64_t digest_of_job(struct fixture *f, struct store *store, struct job_id id)
{
	struct job job;
	if (f->ops->get(store, id, &job, NULL) != ST_OK)
		return 0;
	uint64_t numbers[] = {(uint64_t)job.state, (uint64_t)job.phase, (uint64_t)job.priority, job.ordered,
		(uint64_t)job.accepted_at_us, (uint64_t)job.run_at_us, (uint64_t)job.finished_at_us,
		job.attempts_made, job.attempts_allowed, job.lease.token};
	uint64_t digest = hash_text(1, slice_of(numbers, sizeof numbers));
	const struct slice texts[] = {job.workflow_id, job.user_id, job.payload, job.source,
		job.idempotency_key, job.error, job.outcome, job.checkpoint};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		digest = hash_text(digest + texts[i].len, texts[i]);
	job_release(&job);
	return digest;
}

static struct known_job known[KNOWN_MAX];
static size_t known_n;

/* Needs the store open; the places in the file are looked for in its bytes afterwards. */
static void learn_jobs(struct fixture *f)
{
	struct tx tx;
	struct walk w;
	known_n = 0;
	assert_int_equal(tx_begin(&tx, f->store, TX_READ, f->now, NULL), ST_OK);
	bool more = walk_open(&w, &tx, TREE_JOB) && walk_from(&w, (struct slice)SLICE_INIT);
	for (; more && known_n < KNOWN_MAX; more = walk_next(&w))
		memcpy(known[known_n++].id.b, w.key.p, w.key.len);
	walk_close(&w);
	tx_end(&tx);
	for (size_t i = 0; i < known_n; i++)
		known[i].digest = digest_of_job(f, f->store, known[i].id);
}

static bool is_same(const struct copy *c, size_t at, size_t len)
{
	return at + len <= c->len_after && memcmp(c->bytes + at, c->sound + at, len) == 0;
}

/* A record that is whole somewhere in the damaged file, behind its key: entry header 8, key 16, record. One
 * that stands on pages of its own has 8 bytes in its entry that say where, and before it those pages' head.
 */
static bool is_in(const struct copy *c, const struct known_job *job, int which)
{
	enum { ENTRY = 24, FLAGS_AT = 4, IS_APART = 1, WHERE = 8, HEAD = 16 };
	bool is_apart = c->sound[job->key_at[which] + FLAGS_AT] & IS_APART;
	if (is_apart && !is_same(c, job->at[which] - HEAD, HEAD))
		return false;
	return is_same(c, job->key_at[which], is_apart ? ENTRY + WHERE : ENTRY) &&
	       is_same(c, job->at[which], job->len[which]);
}

/* Find the live records in the sound file by its trees. */
struct locating {
	struct copy *c;
	int which;
};

static bool locate(void *arg, struct slice key, struct slice value)
{
	struct locating *l = arg;
	struct job_id id;
	memcpy(id.b, key.p, sizeof id.b);
	for (size_t i = 0; i < known_n; i++)
		if (id_cmp(known[i].id, id) == 0) {
			const uint8_t *base = l->c->mapped;
			known[i].key_at[l->which] = (size_t)((const uint8_t *)key.p - base) - 8;
			known[i].at[l->which] = (size_t)((const uint8_t *)value.p - base);
			known[i].len[l->which] = value.len;
		}
	return true;
}

static void locate_records(struct copy *c)
{
	static const enum tree trees[] = {TREE_JOB, TREE_TRIGGER};
	struct pages pages;
	struct page_visit none = {0};
	assert_int_equal(pages_open(c->data, 0, &pages, &none, NULL), ST_OK);
	pages_find_trees(&pages, &none);
	c->mapped = pages.base;
	for (int which = 0; which < 2; which++) {
		struct locating l = {c, which};
		struct page_visit visit = {locate, NULL, &l, false};
		pages_walk(&pages, &pages.trees[trees[which]], &visit);
	}
	pages_close(&pages);
}

struct repaired {
	size_t whole, there, set_aside;
};

/* What the daemons would do with the damaged copy: refuse, serve, or crash, but in bounded time. */
static enum status open_child(void *arg, struct guard *guard, struct why *why)
{
	struct copy *c = arg;
	struct spool_conf conf = c->f->conf;
	struct store *store;
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	dup2(null, STDERR_FILENO);
	conf.path = c->dir;
	(void)guard;
	return c->f->ops->open(&conf, &store, why);
}

static void assert_refused_with_words(struct copy *c, size_t i)
{
	struct guard_task task = {.run = open_child, .arg = c, .stall_ms = 5000};
	struct why why = WHY_INIT;
	bool died;
	if (guard_run(&task, &died, &why) != ST_OK && !died && !why.text[0])
		fail_msg("copy %zu: refused without a word", i);
}

static void repair_copy(struct copy *c, size_t i, struct repaired *sum)
{
	struct fixture *f = c->f;
	struct spool_conf conf = f->conf;
	struct care_ask ask = {.verb = CARE_REPAIR};
	struct care_result result;
	struct told told = {0};
	struct spool_watch watch = {.found = hear, .arg = &told, .stall_ms = 20000};
	struct why why = WHY_INIT;
	struct store *store;
	conf.path = c->dir;
	enum status st = f->ops->care(&conf, &ask, &watch, &result, &why);
	if (c->len_after < 2 * PAGE && st == ST_CORRUPT)
		return; /* nothing is left of it */
	if (st != ST_OK)
		fail_msg("copy %zu, kind %zu: repair: %s\n%s", i, i % KINDS, why.text, told.all);
	assert_int_equal(verify(f, c->dir, &told), ST_OK);
	if (f->ops->open(&conf, &store, &why) != ST_OK)
		fail_msg("copy %zu: %s", i, why.text);
	for (size_t k = 0; k < known_n; k++) {
		bool is_whole = is_in(c, &known[k], 0) && is_in(c, &known[k], 1);
		bool is_there = digest_of_job(f, store, known[k].id) == known[k].digest;
		if (is_whole && !is_there)
			fail_msg("copy %zu, kind %zu: job %zu is whole in the file, but not as it was after "
				 "repair",
				i, i % KINDS, k);
		sum->whole += is_whole;
		sum->there += is_there;
	}
	sum->set_aside += result.set_aside;
	f->ops->close(store);
}

/* What repair left beside the spool. */
static void clean_copy(struct copy *c)
{
	char command[400];
	snprintf(command, sizeof command, "rm -rf '%s'/lmdb* '%s'/aside* && mkdir '%s/lmdb'", c->dir, c->dir,
		c->dir);
	assert_int_equal(system(command), 0);
}

static void campaign__damage_is_named_and_repaired(void **state)
{
	struct fixture *f = *state;
	struct copy c;
	struct told told;
	char sound[40];
	size_t copies = number_of("CLARIO_DAMAGE_COPIES", 40), live = 0, crashes = 0, named = 0;
	uint64_t seed = number_of("CLARIO_DAMAGE_SEED", 20261124);
	struct repaired sum = {0};
	fill(f, 400);
	learn_jobs(f);
	f->ops->close(f->store);
	f->store = NULL;
	make_copy(f, &c);
	locate_records(&c);
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
		assert_refused_with_words(&c, i);
		repair_copy(&c, i, &sum);
		clean_copy(&c);
	}
	report("seed %llu: %zu copies, %zu with damage that LMDB shows (%zu crash or stall it), all named; "
	       "%zu named in all\n",
		(unsigned long long)seed, copies, live, crashes, named);
	report("repaired: %zu jobs were whole in the copies, %zu are there as they were, %zu are set "
	       "aside\n",
		sum.whole, sum.there, sum.set_aside);
	free(c.sound);
	free(c.bytes);
	store_reopen(f);
}

/* The head of a leaf counts its entries: it loses the last ones, whose bytes are whole. */
static void unlisted__entries_are_named_and_come_back(void **state)
{
	enum { COUNT_AT = 12, ENTRY_BYTES = 2, CUTS = 3 };
	struct fixture *f = *state;
	struct copy c;
	struct told told;
	fill(f, 100);
	learn_jobs(f);
	f->ops->close(f->store);
	f->store = NULL;
	make_copy(f, &c);
	locate_records(&c);
	for (size_t i = 0; i < 2 * CUTS; i++) {
		struct repaired sum = {0};
		size_t page = known[0].key_at[i % 2] / PAGE * PAGE;
		memcpy(c.bytes, c.sound, c.len);
		c.bytes[page + COUNT_AT] -= (uint8_t)(ENTRY_BYTES * (1 + i / 2));
		write_copy(&c);
		assert_int_equal(verify(f, c.dir, &told), ST_CORRUPT);
		assert_non_null(strstr(told.all, "lists other entries than it holds"));
		repair_copy(&c, i, &sum);
		assert_int_equal(sum.whole, known_n);
		clean_copy(&c);
	}
	free(c.sound);
	free(c.bytes);
	store_reopen(f);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(unlisted__entries_are_named_and_come_back),
		CASE(campaign__damage_is_named_and_repaired),
	};
	return cmocka_run_group_tests_name("repair", tests, NULL, NULL);
}
