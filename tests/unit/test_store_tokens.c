/* tests/unit/test_store_tokens.c: tokens in a store: one commit and one event each, there after a restart,
 * and through verify, repair, backup, export and import. */
#include "spool/dump/dump.h"
#include "spool/secret.h"
#include "spool/store/lmdb/token_io.h"
#include "tests/unit/care_fixture.h"

#include <string.h>

#define S INT64_C(1000000)

static const char *const ACTOR = "operator:ann";

static struct token_change change_of(enum token_act act, const char *name)
{
	struct token_change change = {.act = act,
		.token = {.scopes = SCOPE_SUBMIT | SCOPE_READ, .phases = 1 << 0 | 1 << 3, .user = "seller-*"},
		.overlap_us = 60 * S};
	char text[TOKEN_TEXT_LEN + 1];
	snprintf(change.token.name, sizeof change.token.name, "%s", name);
	assert_int_equal(secret_draw(&change.token.now, text, NULL), ST_OK);
	return change;
}

static enum status change(struct fixture *f, enum token_act act, const char *name, struct token *out)
{
	struct token_change c = change_of(act, name);
	struct token unused;
	return f->ops->token_change(
		f->store, f->now, &c, slice_text(ACTOR), slice_text("because"), out ? out : &unused, NULL);
}

/* How the store has it; name "": it does not. */
static struct token stored(struct fixture *f, const char *name)
{
	struct token all[8], none = {0};
	size_t n;
	assert_int_equal(f->ops->tokens(f->store, all, 8, &n, NULL), ST_OK);
	for (size_t i = 0; i < n && i < 8; i++)
		if (strcmp(all[i].name, name) == 0)
			return all[i];
	return none;
}

static char *told_of(const struct token *t)
{
	struct item item = {.kind = ITEM_TOKEN, .token = *t};
	char *text;
	size_t len;
	struct dump_writer writer = {.to = open_memstream(&text, &len)};
	assert_int_equal(dump_write(&writer, &item, NULL), ST_OK);
	dump_writer_release(&writer);
	fclose(writer.to);
	return text;
}

static void assert_same(struct token a, struct token b)
{
	char *x = told_of(&a), *y = told_of(&b);
	assert_string_equal(x, y);
	free(x);
	free(y);
}

static void assert_last_event(struct fixture *f, const char *name, const char *reason)
{
	struct event e;
	struct event_filter filter = {.after_seq = stats_of(f).last_seq - 1};
	size_t n;
	uint64_t seen;
	assert_int_equal(f->ops->events(f->store, &filter, 1, &e, &n, &seen, NULL), ST_OK);
	assert_int_equal(n, 1);
	assert_int_equal(e.kind, EVENT_TOKEN);
	assert_true(slice_is(e.name, name));
	assert_true(slice_is(e.actor, ACTOR));
	assert_true(slice_is(e.reason, reason));
	assert_true(e.data.len > 0);
	event_release(&e);
}

static void life__each_change_is_one_event(void **state)
{
	struct fixture *f = *state;
	struct token added, rotated, is;
	uint64_t seq = stats_of(f).last_seq;
	assert_int_equal(change(f, TOKEN_ADD, "shop", &added), ST_OK);
	assert_last_event(f, "shop", "added: because");
	assert_same(stored(f, "shop"), added);
	pass_ms(f, 1000);
	assert_int_equal(change(f, TOKEN_ROTATE, "shop", &rotated), ST_OK);
	assert_last_event(f, "shop", "rotated: because");
	assert_string_equal(rotated.old.prefix, added.now.prefix);
	pass_ms(f, 1000);
	assert_int_equal(change(f, TOKEN_REVOKE, "shop", &is), ST_OK);
	assert_last_event(f, "shop", "revoked: because");
	assert_int_equal(is.revoked_at_us, f->now.wall_us);
	assert_int_equal(stats_of(f).last_seq, seq + 3);
	store_reopen(f);
	assert_same(stored(f, "shop"), is);
	/* what was so already is no event */
	pass_ms(f, 1000);
	assert_int_equal(change(f, TOKEN_REVOKE, "shop", &is), ST_OK);
	assert_true(is.revoked_at_us < f->now.wall_us);
	assert_int_equal(stats_of(f).last_seq, seq + 3);
}

static void refusals__leave_no_trace(void **state)
{
	struct fixture *f = *state;
	struct token first;
	assert_int_equal(change(f, TOKEN_ADD, "shop", &first), ST_OK);
	uint64_t seq = stats_of(f).last_seq;
	assert_int_equal(change(f, TOKEN_ADD, "shop", NULL), ST_EXISTS);
	assert_int_equal(change(f, TOKEN_REVOKE, "bank", NULL), ST_NOTFOUND);
	assert_int_equal(change(f, TOKEN_ROTATE, "bank", NULL), ST_NOTFOUND);
	assert_int_equal(change(f, TOKEN_ADD, "a b", NULL), ST_INVALID);
	assert_int_equal(change(f, TOKEN_ADD, "", NULL), ST_INVALID);
	assert_int_equal(stats_of(f).last_seq, seq);
	assert_same(stored(f, "shop"), first);
	assert_string_equal(stored(f, "bank").name, "");
}

static void list__is_by_name_and_counts_on(void **state)
{
	struct fixture *f = *state;
	struct token two[2];
	size_t n;
	assert_int_equal(change(f, TOKEN_ADD, "c", NULL), ST_OK);
	assert_int_equal(change(f, TOKEN_ADD, "a", NULL), ST_OK);
	assert_int_equal(change(f, TOKEN_ADD, "b", NULL), ST_OK);
	f->ops->bookmark_set(f->store, "reader", 17, NULL);
	assert_int_equal(f->ops->tokens(f->store, two, 2, &n, NULL), ST_OK);
	assert_int_equal(n, 3);
	assert_string_equal(two[0].name, "a");
	assert_string_equal(two[1].name, "b");
	assert_int_equal(f->ops->tokens(f->store, NULL, 0, &n, NULL), ST_OK);
	assert_int_equal(n, 3);
}

static struct token full_token(void)
{
	return (struct token){.name = "shop",
		.scopes = SCOPE_OPERATE,
		.phases = TOKEN_ALL_PHASES,
		.user = "u\xc3\xa4*",
		.created_at_us = 1,
		.expires_at_us = 2,
		.revoked_at_us = 3,
		.now = {"clw_0123456789ab", {1, 2, 3}, 4},
		.old = {"clw_ba9876543210", {255, 0, 9}, 5},
		.old_until_us = TOKEN_TIME_MAX};
}

static void record__reads_back_and_notices_damage(void **state)
{
	(void)state;
	struct token t = full_token(), back;
	struct buf out = BUF_INIT(1024);
	token_encode(&t, &out);
	assert_int_equal(token_decode(slice_text("shop"), buf_slice(&out), &back), ST_OK);
	assert_same(back, t);
	for (size_t i = 0; i < out.len * 8; i++) {
		out.p[i / 8] = (char)(out.p[i / 8] ^ 1 << i % 8);
		assert_int_not_equal(token_decode(slice_text("shop"), buf_slice(&out), &back), ST_OK);
		assert_true(back.scopes == 0 && back.now.prefix[0] == '\0');
		out.p[i / 8] = (char)(out.p[i / 8] ^ 1 << i % 8);
	}
	for (size_t len = 0; len < out.len; len++)
		assert_int_equal(token_decode(slice_text("shop"), slice_of(out.p, len), &back), ST_CORRUPT);
	/* A checksum that fits does not make a token out of nonsense. */
	t.scopes = 8;
	token_encode(&t, &out);
	assert_int_equal(token_decode(slice_text("shop"), buf_slice(&out), &back), ST_CORRUPT);
	t = full_token();
	t.expires_at_us = INT64_MIN;
	token_encode(&t, &out);
	assert_int_equal(token_decode(slice_text("shop"), buf_slice(&out), &back), ST_CORRUPT);
	t = full_token();
	t.now.prefix[0] = '\0';
	token_encode(&t, &out);
	assert_int_equal(token_decode(slice_text("shop"), buf_slice(&out), &back), ST_CORRUPT);
	buf_release(&out);
}

static void damage__is_found_and_lets_nobody_in(void **state)
{
	struct fixture *f = *state;
	struct told told;
	assert_int_equal(change(f, TOKEN_ADD, "shop", NULL), ST_OK);
	assert_int_equal(verify(f, f->dir, &told), ST_OK);
	spoil_meta(f, "token.shop");
	assert_int_equal(verify(f, f->dir, &told), ST_CORRUPT);
	assert_string_equal(told.all, "meta||token.shop is damaged: it lets nobody in\n");
	assert_string_equal(stored(f, "shop").name, "");
	assert_int_equal(change(f, TOKEN_ROTATE, "shop", NULL), ST_CORRUPT);
	assert_int_equal(change(f, TOKEN_REVOKE, "shop", NULL), ST_CORRUPT);
	assert_int_equal(change(f, TOKEN_ADD, "shop", NULL), ST_OK);
	assert_int_equal(verify(f, f->dir, &told), ST_OK);
}

static void care(struct fixture *f, struct care_ask *ask)
{
	struct care_result result;
	struct why why = WHY_INIT;
	f->ops->close(f->store);
	f->store = NULL;
	if (f->ops->care(&f->conf, ask, NULL, &result, &why) != ST_OK)
		fail_msg("%s", why.text);
	assert_int_equal(f->ops->open(&f->conf, &f->store, NULL), ST_OK);
}

static void repair__keeps_what_can_be_read(void **state)
{
	struct fixture *f = *state;
	ONLY_FOR(f, "lmdb");
	struct care_ask ask = {.verb = CARE_REPAIR};
	struct token shop, bank;
	assert_int_equal(change(f, TOKEN_ADD, "shop", NULL), ST_OK);
	assert_int_equal(change(f, TOKEN_ROTATE, "shop", &shop), ST_OK);
	assert_int_equal(change(f, TOKEN_ADD, "bank", NULL), ST_OK);
	assert_int_equal(change(f, TOKEN_REVOKE, "bank", &bank), ST_OK);
	assert_int_equal(change(f, TOKEN_ADD, "post", NULL), ST_OK);
	f->ops->bookmark_set(f->store, "reader", 17, NULL);
	spoil_meta(f, "token.post");
	care(f, &ask);
	assert_same(stored(f, "shop"), shop);
	assert_same(stored(f, "bank"), bank);
	assert_string_equal(stored(f, "post").name, "");
	uint64_t bookmark;
	assert_int_equal(f->ops->bookmark_get(f->store, "reader", &bookmark, NULL), ST_OK);
	assert_int_equal(bookmark, 17);
}

static void backup__keeps_them(void **state)
{
	struct fixture *f = *state;
	ONLY_FOR(f, "lmdb");
	struct care_result result;
	struct why why = WHY_INIT;
	struct token shop;
	char file[128];
	snprintf(file, sizeof file, "%s/copy.mdb", f->dir);
	struct care_ask backup = {.verb = CARE_BACKUP, .path = file},
			restore = {.verb = CARE_RESTORE, .path = file, .replaces = true};
	assert_int_equal(change(f, TOKEN_ADD, "shop", &shop), ST_OK);
	f->ops->close(f->store);
	f->store = NULL;
	if (f->ops->care(&f->conf, &backup, NULL, &result, &why) != ST_OK)
		fail_msg("%s", why.text);
	assert_int_equal(f->ops->open(&f->conf, &f->store, NULL), ST_OK);
	assert_int_equal(change(f, TOKEN_REVOKE, "shop", NULL), ST_OK);
	care(f, &restore);
	assert_same(stored(f, "shop"), shop);
}

static char *export(struct fixture *f)
{
	static const struct spool_watch nobody;
	char *text;
	size_t len;
	struct dump_writer writer = {.to = open_memstream(&text, &len)};
	assert_int_equal(f->ops->export(f->store, f->now, dump_write, &writer, &nobody, NULL), ST_OK);
	assert_int_equal(dump_finish(&writer, NULL), ST_OK);
	fclose(writer.to);
	return text;
}

static void export__and_import_carry_all_of_it(void **state)
{
	struct fixture *f = *state;
	ONLY_FOR(f, "lmdb");
	struct tx tx;
	struct token bank;
	assert_int_equal(tx_begin(&tx, f->store, TX_WRITE, f->now, NULL), ST_OK);
	struct token full = full_token();
	token_put(&tx, &full);
	assert_int_equal(tx_commit(&tx, NULL), ST_OK);
	assert_int_equal(change(f, TOKEN_ADD, "bank", &bank), ST_OK);
	char *text = export(f);
	struct dump_reader reader = {.from = fmemopen(text, strlen(text), "r")};
	struct care_ask ask = {.verb = CARE_IMPORT,
		.path = "tests",
		.replaces = true,
		.source = dump_read,
		.source_arg = &reader};
	care(f, &ask);
	assert_same(stored(f, "shop"), full);
	assert_same(stored(f, "bank"), bank);
	dump_reader_release(&reader);
	fclose(reader.from);
	free(text);
}

#define DIGEST "000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f"
#define TOKEN(name, prefix)                                                                                  \
	"{\"token\":{\"name\":\"" name "\",\"scopes\":1,\"phases\":1,\"prefix\":\"" prefix                   \
	"\",\"digest\":\"" DIGEST "\"}}\n"

static void import__refuses_what_is_no_token(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *lines, *words;
		int items;
	} rows[] = {
		{TOKEN("a b", "clw_0123456789ab"), "token is none", 2},
		{TOKEN("a", "clx_0123456789ab"), "token is none", 2},
		{TOKEN("a", "clw_0123456789ab") TOKEN("a", "clw_0123456789ac"),
			"the same token stands there twice", 3},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[1000];
		struct care_result result;
		struct why why = WHY_INIT;
		snprintf(text, sizeof text,
			"{\"spool\":{\"format\":1,\"next_seq\":1}}\n%s{\"end\":{\"items\":%d}}\n",
			rows[i].lines, rows[i].items);
		struct dump_reader reader = {.from = fmemopen(text, strlen(text), "r")};
		struct care_ask ask = {.verb = CARE_IMPORT,
			.path = "tests",
			.replaces = true,
			.source = dump_read,
			.source_arg = &reader};
		f->ops->close(f->store);
		f->store = NULL;
		assert_int_equal(f->ops->care(&f->conf, &ask, NULL, &result, &why), ST_INVALID);
		if (!strstr(why.text, rows[i].words))
			fail_msg("%s", why.text);
		assert_int_equal(f->ops->open(&f->conf, &f->store, NULL), ST_OK);
		dump_reader_release(&reader);
		fclose(reader.from);
	}
}

/* Who accepted a job is proved or said: only the second is marked as such. */
static void accepted__names_the_token(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *source, *actor;
	} rows[] = {{"token:shop", "token:shop"}, {"shop", "caller:shop"}, {"", "caller:"}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct trigger t = make_trigger(2, "w", "u", "{}");
		struct event e;
		size_t n;
		uint64_t seen;
		char workflow[8];
		snprintf(workflow, sizeof workflow, "w%zu", i);
		t.workflow_id = slice_text(workflow);
		t.source = slice_text(rows[i].source);
		struct event_filter filter = {.job = submit(f, &t).id};
		assert_int_equal(f->ops->events(f->store, &filter, 1, &e, &n, &seen, NULL), ST_OK);
		assert_int_equal(n, 1);
		if (!slice_is(e.actor, rows[i].actor))
			fail_msg("%.*s", SLICE_ARG(e.actor));
		event_release(&e);
	}
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
	jx_init();
	const struct CMUnitTest tests[] = {
		CASE(life__each_change_is_one_event),
		CASE(refusals__leave_no_trace),
		CASE(list__is_by_name_and_counts_on),
		cmocka_unit_test(record__reads_back_and_notices_damage),
		CASE(damage__is_found_and_lets_nobody_in),
		CASE(repair__keeps_what_can_be_read),
		CASE(backup__keeps_them),
		CASE(export__and_import_carry_all_of_it),
		CASE(import__refuses_what_is_no_token),
		CASE(accepted__names_the_token),
	};
	return cmocka_run_group_tests_name("store tokens", tests, NULL, NULL);
}
