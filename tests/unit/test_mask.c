/* tests/unit/test_mask.c: what is hidden, and that all else stays as it was, byte for byte. */
#include "spool/base/jx.h"
#include "spool/base/mask.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct mask *make(const char *fields)
{
	struct mask *mask;
	struct why why = WHY_INIT;
	if (mask_new(fields, &mask, &why) != ST_OK)
		fail_msg("%s: %s", fields, why.text);
	return mask;
}

static void assert_json(const char *fields, const char *in, const char *want)
{
	struct mask *mask = make(fields);
	struct buf out = BUF_INIT(1 << 20);
	mask_json(mask, slice_text(in), &out);
	if (strcmp(out.p ? out.p : "", want) != 0)
		fail_msg("%s by \"%s\" is %s", in, fields, out.p);
	buf_release(&out);
	mask_free(mask);
}

static void names__at_any_depth_in_any_case(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"{\"user_id\":\"u\",\"token\":\"t\"}", "{\"user_id\":\"u\",\"token\":\"***\"}"},
		{"{\"a\":[{\"accessToken\":{\"x\":1}},2]}", "{\"a\":[{\"accessToken\":\"***\"},2]}"},
		{"{\"PASSWORD\":null,\"Authorization\":7,\"client_secret\":[1,{}],\"amount\":5}",
			"{\"PASSWORD\":\"***\",\"Authorization\":\"***\",\"client_secret\":\"***\","
			"\"amount\":5}"},
		{"{\"x-api-key\":1,\"apiKey\":2,\"API_KEY\":3,\"Set-Cookie\":4}",
			"{\"x-api-key\":\"***\",\"apiKey\":\"***\",\"API_KEY\":\"***\",\"Set-Cookie\":\"***"
			"\"}"},
		{"[1,\"token\"]", "[1,\"token\"]"},
		/* As another reader would read the name. */
		{"{\"pass\\u0077ord\":1,\"\\u0054oken\":2,\"to\\/ken\":3}",
			"{\"pass\\u0077ord\":\"***\",\"\\u0054oken\":\"***\",\"to\\/ken\":3}"},
		/* Each of several members of one name. */
		{"{\"token\":1,\"token\":2}", "{\"token\":\"***\",\"token\":\"***\"}"},
		/* Bytes that are not a secret's stay. */
		{"\xef\xbb\xbf { \"a\" : 1.10 ,\n\t\"token\"  :  \"x\"  , \"b\":1e2 } \n",
			"\xef\xbb\xbf { \"a\" : 1.10 ,\n\t\"token\"  :  \"***\"  , \"b\":1e2 } \n"},
		{"{\"password\":{\"token\":[\"]}\\\"\"]},\"z\":\"\\\\\"}",
			"{\"password\":\"***\",\"z\":\"\\\\\"}"},
		{"\"a text\"", "\"a text\""},
		{"-0.5E+7", "-0.5E+7"},
		{"", ""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_json(MASK_DEFAULT_FIELDS, rows[i].in, rows[i].out);
}

static void names__as_given(void **state)
{
	(void)state;
	assert_json("iban, Card-Number", "{\"IBAN\":1,\"my_iban\":2,\"card_number\":3}",
		"{\"IBAN\":\"***\",\"my_iban\":2,\"card_number\":\"***\"}");
	assert_json("*iban", "{\"my_iban\":1,\"iban_2\":2}", "{\"my_iban\":\"***\",\"iban_2\":2}");
	assert_json("iban*\n pin", "{\"my_iban\":1,\"iban_2\":2,\"pin\":3}",
		"{\"my_iban\":1,\"iban_2\":\"***\",\"pin\":\"***\"}");
	assert_json("", "{\"token\":1}", "{\"token\":1}");
}

static void pointers__from_the_root(void **state)
{
	(void)state;
	static const char in[] =
		"{\"a\":{\"b\":1,\"c\":[10,{\"d\":2},20]},\"b\":3,\"x/y\":4,\"m~n\":5,\"\":6}";
	assert_json("/a/b", in,
		"{\"a\":{\"b\":\"***\",\"c\":[10,{\"d\":2},20]},\"b\":3,\"x/y\":4,\"m~n\":5,\"\":6}");
	assert_json(
		"/a/c/1", in, "{\"a\":{\"b\":1,\"c\":[10,\"***\",20]},\"b\":3,\"x/y\":4,\"m~n\":5,\"\":6}");
	assert_json("/a/c/1/d, /a/c/2", in,
		"{\"a\":{\"b\":1,\"c\":[10,{\"d\":\"***\"},\"***\"]},\"b\":3,\"x/y\":4,\"m~n\":5,\"\":6}");
	assert_json("/x~1y, /m~0n, /", in,
		"{\"a\":{\"b\":1,\"c\":[10,{\"d\":2},20]},\"b\":3,\"x/"
		"y\":\"***\",\"m~n\":\"***\",\"\":\"***\"}");
	assert_json("/a", in, "{\"a\":\"***\",\"b\":3,\"x/y\":4,\"m~n\":5,\"\":6}");
	assert_json("/c/0, /a/b/c, /A/b, /a/c/01", in, in);
	assert_json("/1", "[1,2]", "[1,\"***\"]");
	assert_json("/\\u0061", "{\"\\u0061\":1}", "{\"\\u0061\":1}"); /* a pointer is no JSON string */
	assert_json("/a", "{\"\\u0061\":1}", "{\"\\u0061\":\"***\"}");
}

static void what_is_no_json__is_hidden_whole(void **state)
{
	(void)state;
	static const char *const rows[] = {"not json", "{", "{\"a\":1", "{\"token\":\"x\"}}", "{\"a\" 1}",
		"[1,]", "[,1]", "{\"a\":1,}", "01", "1.", "+1", "nul", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"",
		"\"\\udc00\"", "\"\\ud800\\u0041\"", "\"a\nb\"", "\"a", "{1:2}", "[1 2]", "-", "1e", "{}{}",
		" ", "\\"};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_json(MASK_DEFAULT_FIELDS, rows[i], "\"***\"");
	char deep[600] = "";
	memset(deep, '[', 200);
	memset(deep + 200, ']', 200);
	assert_json(MASK_DEFAULT_FIELDS, deep, "\"***\"");
	/* What was in the buffer before stays. */
	struct mask *mask = make("x");
	struct buf out = BUF_INIT(100);
	buf_text(&out, "before ");
	mask_json(mask, slice_text("{\"x\":1,\"y\"}"), &out);
	assert_string_equal(out.p, "before \"***\"");
	buf_release(&out);
	mask_free(mask);
}

/* Every beginning of a document, and documents with bytes changed: the answer is JSON without the secret. */
static void damaged__never_tells(void **state)
{
	(void)state;
	static const char whole[] =
		"{\"a\":[1,{\"token\":\"CANARY\",\"b\":\"\\u00e9\\ud83d\\ude00\"},true],\"c\":-1.5e3}";
	struct mask *mask = make(MASK_DEFAULT_FIELDS);
	srandom(7);
	for (int round = 0; round < 20000; round++) {
		char text[sizeof whole];
		memcpy(text, whole, sizeof whole);
		size_t len = sizeof whole - 1 - (round % 3 ? 0 : (size_t)random() % sizeof whole);
		for (int i = 0; i < round % 4; i++) {
			size_t at = (size_t)random() % (sizeof whole - 1);
			if (at < 16 || at > 31) /* the secret and its name stay */
				text[at] = "{}[]\",:\\ 0a\n"[random() % 12];
		}
		char *exact = malloc(len + 1); /* so that a read beyond it is seen */
		memcpy(exact, text, len);
		struct buf out = BUF_INIT(4096);
		json_t *json = NULL;
		mask_json(mask, slice_of(exact, len), &out);
		bool is_named = len > 32 && memmem(exact, len, "\"token\":\"CANARY\"", 16);
		bool has_it = out.len && memmem(out.p, out.len, "CANARY", 6);
		bool is_masked = out.len && memmem(out.p, out.len, "***", 3);
		if (len && jx_parse(buf_slice(&out), 64, &json, NULL) != ST_OK)
			fail_msg("%.*s -> %s is no JSON", (int)len, exact, out.p);
		/* As a value, or part of a text: a quote before it may have changed what it is. */
		if (is_named && !is_masked && has_it) {
			json_t *was = NULL;
			assert_int_equal(jx_parse(slice_of(exact, len), 64, &was, NULL), ST_OK);
			char *dump = json_dumps(was, JSON_COMPACT);
			if (strstr(dump, "\"token\":\"CANARY\""))
				fail_msg("%.*s -> %s", (int)len, exact, out.p);
			free(dump);
			json_decref(was);
		}
		json_decref(json);
		buf_release(&out);
		free(exact);
	}
	mask_free(mask);
}

static void text__hides_what_looks_secret(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"call fee: answered 503", "call fee: answered 503"},
		{"call refresh-token: answered 503", "call refresh-token: answered 503"},
		{"bad Authorization: Bearer abc.def-1, x", "bad Authorization: ***"},
		{"got bearer abc123 here", "got bearer *** here"},
		{"Basic dXNlcjpwdw== refused", "Basic *** refused"},
		{"key eyJhbGciOiJI.eyJ1c2VyIn0.c2ln_-x is old", "key *** is old"},
		{"GET /x?api_key=hush&n=1", "GET /x?api_key=***&n=1"},
		{"{\"error\":\"no\",\"token\":\"hush\"}", "{\"error\":\"no\",\"token\":\"***\"}"},
		{"said {\\\"password\\\": \\\"hush\\\"} twice", "said {\\\"password\\\": \\\"***\\\"} twice"},
		{"Set-Cookie: a=b; c=d\nnext", "Set-Cookie: ***\nnext"},
		{"password='hush hush' gone", "password='***' gone"},
		{"eyJ is short", "eyJ is short"},
		{"token", "token"},
		{"Bearer", "Bearer"},
		{"token=", "token="},
		{"", ""},
	};
	struct mask *mask = make(MASK_DEFAULT_FIELDS);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf out = BUF_INIT(4096);
		mask_text(mask, slice_text(rows[i].in), &out);
		if (strcmp(out.p ? out.p : "", rows[i].out) != 0)
			fail_msg("%s -> %s", rows[i].in, out.p);
		buf_release(&out);
	}
	mask_free(mask);
}

static void known__wherever_they_stand(void **state)
{
	(void)state;
	const struct slice secrets[] = {
		slice_text(""), slice_text("abc"), slice_text("s3cret"), slice_text("s3cret-2")};
	struct buf out = BUF_INIT(100);
	mask_known(secrets, 4, slice_text("abc xs3crety s3cre s3cret-2"), &out);
	assert_string_equal(out.p, "abc x***y s3cre ***");
	buf_release(&out);
}

static void nothing__hides_nothing(void **state)
{
	(void)state;
	struct buf out = BUF_INIT(100);
	mask_json(NULL, slice_text("{\"token\":1"), &out);
	mask_text(NULL, slice_text(" Bearer x"), &out);
	assert_string_equal(out.p, "{\"token\":1 Bearer x");
	assert_false(mask_has_name(NULL, slice_text("token")));
	buf_release(&out);
	mask_free(NULL);
}

static void fields__that_are_none(void **state)
{
	(void)state;
	static const struct {
		const char *fields, *words;
	} rows[] = {{"a, to*ken", "a * stands before or after a name"}, {"*", "a * stands"},
		{"--", "-- is no name"}, {"/a~2", "/a~2: in a JSON pointer ~ is followed by 0 or 1"},
		{"/a~", "~ is followed by"}, {"/1/2/3/4/5/6/7/8/9/a/b/c/d/e/f/g/h", "more than 16 steps"}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct mask *mask;
		struct why why = WHY_INIT;
		assert_int_equal(mask_new(rows[i].fields, &mask, &why), ST_INVALID);
		assert_null(mask);
		if (!strstr(why.text, rows[i].words))
			fail_msg("%s: %s", rows[i].fields, why.text);
	}
	char many[400] = "";
	for (int i = 0; i < 65; i++)
		snprintf(many + strlen(many), 8, "n%d,", i);
	struct mask *mask;
	assert_int_equal(mask_new(many, &mask, NULL), ST_INVALID);
	char long_name[3000];
	memset(long_name, 'n', sizeof long_name);
	mask = make("x");
	assert_true(mask_has_name(mask, slice_of(long_name, sizeof long_name)));
	mask_free(mask);
}

int main(void)
{
	jx_init();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names__at_any_depth_in_any_case),
		cmocka_unit_test(names__as_given),
		cmocka_unit_test(pointers__from_the_root),
		cmocka_unit_test(what_is_no_json__is_hidden_whole),
		cmocka_unit_test(damaged__never_tells),
		cmocka_unit_test(text__hides_what_looks_secret),
		cmocka_unit_test(known__wherever_they_stand),
		cmocka_unit_test(nothing__hides_nothing),
		cmocka_unit_test(fields__that_are_none),
	};
	return cmocka_run_group_tests_name("mask", tests, NULL, NULL);
}
