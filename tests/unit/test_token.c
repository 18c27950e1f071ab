/* tests/unit/test_token.c: tokens as rules: what may stand in one, how long it is good, what changes it. */
#include "tests/support/unit.h"

#include "spool/base/jx.h"
#include "spool/model/token.h"
#include "spool/secret.h"

#include <stdio.h>
#include <string.h>

#define NOW INT64_C(1790000000000000)
#define S   INT64_C(1000000)

static void names__as_a_table(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		bool want;
	} rows[] = {{"a", true}, {"A.b-c_9", true}, {"abcdefghijklmnopqrstuvwxyz012345", true},
		{"abcdefghijklmnopqrstuvwxyz0123456", false}, {"", false}, {"a b", false}, {"a:b", false},
		{"a/b", false}, {"\xc3\xa4", false}, {"a\n", false}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (token_name_is_valid(slice_text(rows[i].name)) != rows[i].want)
			fail_msg("%s", rows[i].name);
	assert_false(token_name_is_valid(slice_of("a\0b", 3)));
}

static void users__as_a_table(void **state)
{
	(void)state;
	char longest[JOB_TEXT_MAX + 2];
	static const struct {
		const char *pattern;
		bool want;
	} rows[] = {{"", true}, {"u", true}, {"seller-*", true}, {"*", true}, {"a*b", false}, {"a**", false},
		{"*a", false}, {"a b", true}, {"\xc3\xa4*", true}, {"a\nb", false}, {"a\x7f", false}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (token_user_is_valid(slice_text(rows[i].pattern)) != rows[i].want)
			fail_msg("%s", rows[i].pattern);
	memset(longest, 'u', sizeof longest);
	assert_true(token_user_is_valid(slice_of(longest, JOB_TEXT_MAX)));
	assert_false(token_user_is_valid(slice_of(longest, JOB_TEXT_MAX + 1)));
}

static void scopes__have_names(void **state)
{
	(void)state;
	static const enum scope all[] = {SCOPE_SUBMIT, SCOPE_READ, SCOPE_OPERATE};
	enum scope back;
	for (size_t i = 0; i < 3; i++) {
		assert_true(scope_parse(slice_text(scope_name(all[i])), &back));
		assert_int_equal(back, all[i]);
	}
	assert_false(scope_parse(slice_text("none"), &back));
	assert_false(scope_parse(slice_text(""), &back));
	assert_false(scope_parse(slice_text("Read"), &back));
}

/* One with a secret of its own. */
static struct token make(const char *name)
{
	struct token t = {.scopes = SCOPE_READ, .phases = TOKEN_ALL_PHASES};
	char text[TOKEN_TEXT_LEN + 1];
	snprintf(t.name, sizeof t.name, "%s", name);
	assert_int_equal(secret_draw(&t.now, text, NULL), ST_OK);
	return t;
}

static void secrets__are_drawn_and_known_again(void **state)
{
	(void)state;
	struct token_secret a, b;
	char text[TOKEN_TEXT_LEN + 1], other[TOKEN_TEXT_LEN + 1];
	uint8_t digest[TOKEN_DIGEST_LEN];
	assert_int_equal(secret_draw(&a, text, NULL), ST_OK);
	assert_int_equal(secret_draw(&b, other, NULL), ST_OK);
	assert_true(token_text_is_valid(slice_text(text)));
	assert_int_equal(strlen(text), TOKEN_TEXT_LEN);
	assert_memory_equal(text, a.prefix, TOKEN_PREFIX_LEN);
	assert_string_not_equal(text, other);
	assert_string_not_equal(a.prefix, b.prefix);
	assert_true(secret_digest(slice_text(text), digest));
	assert_memory_equal(digest, a.digest, sizeof digest);
	assert_true(secret_digest(slice_text(other), digest));
	assert_memory_not_equal(digest, a.digest, sizeof digest);
}

/* FIPS 180-2, appendix B.1. */
static void digest__is_sha256(void **state)
{
	(void)state;
	static const uint8_t abc[TOKEN_DIGEST_LEN] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41,
		0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c,
		0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
	uint8_t digest[TOKEN_DIGEST_LEN];
	assert_true(secret_digest(slice_text("abc"), digest));
	assert_memory_equal(digest, abc, sizeof digest);
}

static void texts__as_a_table(void **state)
{
	(void)state;
#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	static const struct {
		const char *text;
		bool want;
	} rows[] = {{"clw_0123456789ab_" HEX64, true}, {"clw_0123456789ab_" HEX64 "0", false},
		{"clw_0123456789a__" HEX64, false}, {"clw_0123456789AB_" HEX64, false},
		{"clx_0123456789ab_" HEX64, false}, {"clw-0123456789ab_" HEX64, false},
		{"clw_0123456789ab-" HEX64, false}, {"clw_0123456789ab", false}, {"", false}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (token_text_is_valid(slice_text(rows[i].text)) != rows[i].want)
			fail_msg("%s", rows[i].text);
}

static struct token_change change_of(enum token_act act, const char *name, int64_t overlap_us)
{
	return (struct token_change){.act = act, .token = make(name), .overlap_us = overlap_us};
}

static enum status apply(
	struct token *t, const struct token_change *change, enum status there, int64_t now_us)
{
	bool is_changed;
	struct why why = WHY_INIT;
	enum status st = token_apply(t, change, there, now_us, &is_changed, &why);
	assert_true(st == ST_OK || why.text[0]);
	return st;
}

static enum token_verdict judge(const struct token *t, const char *prefix, int64_t now_us)
{
	return token_judge(t, strcmp(t->now.prefix, prefix) == 0 ? &t->now : &t->old, now_us);
}

static void life__added_rotated_revoked(void **state)
{
	(void)state;
	struct token t = {.name = "shop"};
	struct token_change add = change_of(TOKEN_ADD, "shop", 0),
			    first = change_of(TOKEN_ROTATE, "shop", 10 * S),
			    second = change_of(TOKEN_ROTATE, "shop", 10 * S),
			    revoke = change_of(TOKEN_REVOKE, "shop", 0);
	const char *a = add.token.now.prefix, *b = first.token.now.prefix, *c = second.token.now.prefix;
	assert_int_equal(apply(&t, &add, ST_NOTFOUND, NOW), ST_OK);
	assert_int_equal(token_state(&t, NOW), TOKEN_ACTIVE);
	assert_int_equal(judge(&t, a, NOW), TOKEN_GOOD);
	assert_int_equal(apply(&t, &add, ST_OK, NOW), ST_EXISTS);
	assert_int_equal(apply(&t, &first, ST_OK, NOW + S), ST_OK);
	assert_int_equal(token_state(&t, NOW + 2 * S), TOKEN_ROTATING);
	assert_int_equal(judge(&t, a, NOW + 11 * S - 1), TOKEN_GOOD);
	assert_int_equal(judge(&t, b, NOW + 11 * S - 1), TOKEN_GOOD);
	assert_int_equal(judge(&t, a, NOW + 11 * S), TOKEN_WAS_REPLACED);
	assert_int_equal(judge(&t, b, NOW + 11 * S), TOKEN_GOOD);
	assert_int_equal(token_state(&t, NOW + 11 * S), TOKEN_ACTIVE);
	/* a second one within the overlap of the first: never more than two */
	assert_int_equal(apply(&t, &second, ST_OK, NOW + 5 * S), ST_OK);
	assert_int_equal(judge(&t, b, NOW + 6 * S), TOKEN_GOOD);
	assert_int_equal(judge(&t, c, NOW + 6 * S), TOKEN_GOOD);
	assert_string_not_equal(t.old.prefix, a);
	assert_int_equal(apply(&t, &revoke, ST_OK, NOW + 7 * S), ST_OK);
	assert_int_equal(judge(&t, b, NOW + 7 * S), TOKEN_WAS_REVOKED);
	assert_int_equal(judge(&t, c, NOW + 7 * S), TOKEN_WAS_REVOKED);
	assert_int_equal(apply(&t, &first, ST_OK, NOW + 8 * S), ST_CONFLICT);
	/* what is revoked leaves its name to another */
	assert_int_equal(apply(&t, &add, ST_OK, NOW + 9 * S), ST_OK);
	assert_int_equal(token_state(&t, NOW + 9 * S), TOKEN_ACTIVE);
	assert_int_equal(t.created_at_us, NOW + 9 * S);
	assert_string_equal(t.old.prefix, "");
}

static void life__ends_by_itself(void **state)
{
	(void)state;
	struct token t = {.name = "shop"};
	struct token_change add = change_of(TOKEN_ADD, "shop", 0),
			    rotate = change_of(TOKEN_ROTATE, "shop", S);
	add.token.expires_at_us = NOW + 10 * S;
	assert_int_equal(apply(&t, &add, ST_NOTFOUND, NOW), ST_OK);
	assert_int_equal(judge(&t, add.token.now.prefix, NOW + 10 * S - 1), TOKEN_GOOD);
	assert_int_equal(judge(&t, add.token.now.prefix, NOW + 10 * S), TOKEN_HAS_EXPIRED);
	assert_int_equal(token_state(&t, NOW + 10 * S), TOKEN_EXPIRED);
	assert_int_equal(apply(&t, &rotate, ST_OK, NOW + 10 * S), ST_CONFLICT);
	assert_int_equal(apply(&t, &add, ST_OK, NOW + 10 * S), ST_EXISTS);
	assert_int_equal(apply(&t, &add, ST_NOTFOUND, NOW + 10 * S), ST_INVALID);
}

static void rotation__without_overlap_ends_the_old_one(void **state)
{
	(void)state;
	struct token t = {.name = "shop"};
	struct token_change add = change_of(TOKEN_ADD, "shop", 0),
			    rotate = change_of(TOKEN_ROTATE, "shop", 0);
	assert_int_equal(apply(&t, &add, ST_NOTFOUND, NOW), ST_OK);
	assert_int_equal(apply(&t, &rotate, ST_OK, NOW), ST_OK);
	assert_string_equal(t.old.prefix, "");
	assert_int_equal(token_state(&t, NOW), TOKEN_ACTIVE);
	rotate.overlap_us = INT64_MAX;
	assert_int_equal(apply(&t, &rotate, ST_OK, NOW), ST_INVALID);
	rotate.overlap_us = -1;
	assert_int_equal(apply(&t, &rotate, ST_OK, NOW), ST_INVALID);
}

static void changes__of_what_is_not_there(void **state)
{
	(void)state;
	struct token t = {.name = "shop"};
	struct token_change add = change_of(TOKEN_ADD, "shop", 0),
			    rotate = change_of(TOKEN_ROTATE, "shop", 0),
			    revoke = change_of(TOKEN_REVOKE, "shop", 0);
	assert_int_equal(apply(&t, &rotate, ST_NOTFOUND, NOW), ST_NOTFOUND);
	assert_int_equal(apply(&t, &revoke, ST_NOTFOUND, NOW), ST_NOTFOUND);
	assert_int_equal(apply(&t, &rotate, ST_CORRUPT, NOW), ST_CORRUPT);
	assert_int_equal(apply(&t, &revoke, ST_VERSION, NOW), ST_CORRUPT);
	assert_int_equal(apply(&t, &add, ST_CORRUPT, NOW), ST_OK);
}

static void revoking__again_changes_nothing(void **state)
{
	(void)state;
	struct token t = {.name = "shop"};
	struct token_change add = change_of(TOKEN_ADD, "shop", 0),
			    revoke = change_of(TOKEN_REVOKE, "shop", 0);
	bool is_changed;
	assert_int_equal(apply(&t, &add, ST_NOTFOUND, NOW), ST_OK);
	assert_int_equal(token_apply(&t, &revoke, ST_OK, NOW + S, &is_changed, NULL), ST_OK);
	assert_true(is_changed);
	assert_int_equal(token_apply(&t, &revoke, ST_OK, NOW + 2 * S, &is_changed, NULL), ST_OK);
	assert_false(is_changed);
	assert_int_equal(t.revoked_at_us, NOW + S);
}

static void nonsense__is_refused(void **state)
{
	(void)state;
	struct token good = make("shop"), t;
	assert_true(token_is_valid(&good));
#define BREAK(what)                                                                                          \
	t = good;                                                                                            \
	t.what;                                                                                              \
	assert_false(token_is_valid(&t))
	BREAK(name[0] = '\0');
	BREAK(name[0] = ' ');
	BREAK(scopes = 0);
	BREAK(scopes = 8);
	BREAK(phases = 0);
	BREAK(phases = 0x1000);
	BREAK(user[0] = '\n');
	BREAK(now.prefix[0] = 'x');
	BREAK(now.prefix[0] = '\0');
	BREAK(old.prefix[0] = 'c');
	BREAK(expires_at_us = -1);
	BREAK(revoked_at_us = TOKEN_TIME_MAX + 1);
	BREAK(old_until_us = INT64_MIN);
	struct token_change add = {.act = TOKEN_ADD, .token = good};
	add.token.scopes = 0;
	assert_int_equal(apply(&t, &add, ST_NOTFOUND, NOW), ST_INVALID);
}

static void events__tell_the_limits_and_no_secret(void **state)
{
	(void)state;
	struct token t = make("shop");
	struct buf out = BUF_INIT(4096);
	char want[400];
	t.scopes = SCOPE_SUBMIT | SCOPE_OPERATE;
	t.phases = 1 << 0 | 1 << 6 | 1 << 11;
	snprintf(t.user, sizeof t.user, "seller-*");
	t.expires_at_us = NOW;
	token_tell(&t, TOKEN_ADD, &out);
	snprintf(want, sizeof want,
		"{\"act\":\"added\",\"prefix\":\"%s\",\"scopes\":[\"submit\",\"operate\"],\"phases\":[1,7,14]"
		","
		"\"user\":\"seller-*\",\"expires_at\":\"2026-09-21T14:13:20.000Z\"}",
		t.now.prefix);
	assert_string_equal(out.p, want);
	buf_clear(&out);
	token_tell(&t, TOKEN_REVOKE, &out);
	snprintf(want, sizeof want, "{\"act\":\"revoked\",\"prefix\":\"%s\"}", t.now.prefix);
	assert_string_equal(out.p, want);
	buf_release(&out);
}

static void sources__that_were_proved(void **state)
{
	(void)state;
	assert_true(token_is_source(slice_text("token:shop")));
	assert_false(token_is_source(slice_text("token:")));
	assert_false(token_is_source(slice_text("shop")));
	assert_false(token_is_source((struct slice)SLICE_INIT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names__as_a_table),
		cmocka_unit_test(users__as_a_table),
		cmocka_unit_test(scopes__have_names),
		cmocka_unit_test(secrets__are_drawn_and_known_again),
		cmocka_unit_test(digest__is_sha256),
		cmocka_unit_test(texts__as_a_table),
		cmocka_unit_test(life__added_rotated_revoked),
		cmocka_unit_test(life__ends_by_itself),
		cmocka_unit_test(rotation__without_overlap_ends_the_old_one),
		cmocka_unit_test(changes__of_what_is_not_there),
		cmocka_unit_test(revoking__again_changes_nothing),
		cmocka_unit_test(nonsense__is_refused),
		cmocka_unit_test(events__tell_the_limits_and_no_secret),
		cmocka_unit_test(sources__that_were_proved),
	};
	return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
