/* tests/unit/care_fixture.c: see care_fixture.h. */
#include "tests/unit/care_fixture.h"

#include "spool/store/lmdb/key.h"

#include <stdio.h>

void fill(struct fixture *f, int jobs)
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

static void flip(struct fixture *f, enum tree tree, struct slice key)
{
	struct tx tx;
	struct slice record;
	char bytes[4096];
	assert_int_equal(tx_begin(&tx, f->store, TX_WRITE, f->now, NULL), ST_OK);
	assert_int_equal(tx_get(&tx, tree, key, &record), ST_OK);
	assert_in_range(record.len, 8, sizeof bytes);
	memcpy(bytes, record.p, record.len);
	bytes[record.len - 1] ^= 0x40;
	tx_put(&tx, tree, key, slice_of(bytes, record.len));
	assert_int_equal(tx_commit(&tx, NULL), ST_OK);
}

/* On a server: the same byte of a column. */
#define FLIPPED "set_byte(%s, length(%s) - 1, get_byte(%s, length(%s) - 1) # 64)"

void spoil(struct fixture *f, enum tree tree, struct job_id id)
{
	const char *column = tree == TREE_JOB ? "state" : "ask";
	struct key key = key_of_id(id);
	char text[JOB_ID_TEXT_LEN];
	id_text(id, text);
	if (store_is(f, "postgres"))
		store_sql(f, "UPDATE clario_job SET %s = " FLIPPED " WHERE id = '%s'", column, column, column,
			column, column, text);
	else
		flip(f, tree, key_slice(&key));
}

void spoil_meta(struct fixture *f, const char *key)
{
	if (store_is(f, "postgres"))
		store_sql(f, "UPDATE clario_meta SET value = " FLIPPED " WHERE key = '%s'::bytea", "value",
			"value", "value", "value", key);
	else
		flip(f, TREE_META, slice_text(key));
}

void hear(void *arg, const struct spool_finding *finding)
{
	struct told *t = arg;
	size_t len = strlen(t->all);
	t->findings++;
	snprintf(t->all + len, sizeof t->all - len, "%s|%s|%s\n", finding->tree, finding->job, finding->what);
}

enum status verify(struct fixture *f, const char *path, struct told *told)
{
	struct spool_watch watch = {.found = hear, .arg = told, .stall_ms = 20000};
	struct why why = WHY_INIT;
	*told = (struct told){0};
	struct spool_conf conf = f->conf;
	conf.path = path;
	enum status st = f->ops->verify(&conf, &watch, &why);
	if (st != ST_OK && st != ST_CORRUPT)
		print_message("verify: %s\n", why.text);
	assert_true((st == ST_CORRUPT) == (told->findings > 0));
	return st;
}
