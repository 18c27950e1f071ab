/* tests/unit/test_webhook_sign.c: signatures of webhooks: which are good, and what is wrong with the others.
 *
 * The first vector is the one that Standard Webhooks publishes; what openssl(1) signs is held against ours in
 * tests/webhook/deliveries.sh. */
#include "spool/base/encoding.h"
#include "spool/opts_webhooks.h"
#include "spool/webhook_sign.h"
#include "tests/support/unit.h"

#include <string.h>

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define OTHER  "whsec_c2VjcmV0IG9mIHNvbWVib2R5IGVsc2U="
#define ID     "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define TIME   "1614265330"
#define BODY   "{\"test\": 2432232314}"
#define GOOD   "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define BAD    "v1,h0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define NOW_S  1614265330

static char none[] = "";

static struct webhook_opts standard(char *secret)
{
	return (struct webhook_opts){.name = "s",
		.secret = secret,
		.window_ms = 300000,
		.header = none,
		.prefix = none,
		.timestamp_header = none,
		.content = none};
}

static void assert_verdict(const struct webhook_opts *source, struct webhook_delivery d, int64_t now_s,
	enum webhook_verdict want, const char *what)
{
	enum webhook_verdict got = webhook_verify(source, &d, now_s * 1000000);
	if (got != want)
		fail_msg("%s: %s, wanted %s", what, webhook_verdict_name(got), webhook_verdict_name(want));
}

static void standard__as_a_table(void **state)
{
	(void)state;
	static const struct {
		const char *what, *id, *time, *signature, *body;
		int age_s;
		enum webhook_verdict verdict;
	} rows[] = {
		{"the published one", ID, TIME, GOOD, BODY, 0, WEBHOOK_GOOD},
		{"as old as may be", ID, TIME, GOOD, BODY, 300, WEBHOOK_GOOD},
		{"too old", ID, TIME, GOOD, BODY, 301, WEBHOOK_TOO_OLD},
		{"as early as may be", ID, TIME, GOOD, BODY, -300, WEBHOOK_GOOD},
		{"too early", ID, TIME, GOOD, BODY, -301, WEBHOOK_TOO_NEW},
		{"another id", ID "x", TIME, GOOD, BODY, 0, WEBHOOK_WRONG_SIGNATURE},
		{"another time", ID, "1614265331", GOOD, BODY, 0, WEBHOOK_WRONG_SIGNATURE},
		{"another body", ID, TIME, GOOD, BODY " ", 0, WEBHOOK_WRONG_SIGNATURE},
		{"no body", ID, TIME, GOOD, "", 0, WEBHOOK_WRONG_SIGNATURE},
		{"one bit off", ID, TIME, BAD, BODY, 0, WEBHOOK_WRONG_SIGNATURE},
		{"several, one good", ID, TIME, BAD " " GOOD, BODY, 0, WEBHOOK_GOOD},
		{"several, the first good", ID, TIME, GOOD " " BAD, BODY, 0, WEBHOOK_GOOD},
		{"blanks about", ID, TIME, " " BAD "  " GOOD " ", BODY, 0, WEBHOOK_GOOD},
		{"unknown scheme alone", ID, TIME, "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", BODY,
			0, WEBHOOK_NO_SIGNATURE},
		{"unknown scheme beside", ID, TIME, "v1a,AAAA v2," GOOD " " GOOD, BODY, 0, WEBHOOK_GOOD},
		{"scheme in capitals", ID, TIME, "V1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", BODY, 0,
			WEBHOOK_NO_SIGNATURE},
		{"no scheme", ID, TIME, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", BODY, 0,
			WEBHOOK_NO_SIGNATURE},
		{"truncated", ID, TIME, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ", BODY, 0,
			WEBHOOK_NO_SIGNATURE},
		{"without its padding", ID, TIME, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE", BODY, 0,
			WEBHOOK_NO_SIGNATURE},
		{"bits that stand for nothing", ID, TIME,
			"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OF=", BODY, 0, WEBHOOK_NO_SIGNATURE},
		{"bad base64", ID, TIME, "v1,!0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", BODY, 0,
			WEBHOOK_NO_SIGNATURE},
		{"the letters of URLs", ID, TIME, "v1,g0hM9SsE-OTPJTGt_tmIKtSyZlE3uFJELVlNIOLJ1OE=", BODY, 0,
			WEBHOOK_NO_SIGNATURE},
		{"too long", ID, TIME, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OEA", BODY, 0,
			WEBHOOK_NO_SIGNATURE},
		{"empty one", ID, TIME, "v1,", BODY, 0, WEBHOOK_NO_SIGNATURE},
		{"no signature", ID, TIME, "", BODY, 0, WEBHOOK_NO_SIGNATURE},
		{"no id", "", TIME, GOOD, BODY, 0, WEBHOOK_BAD_ID},
		{"an id with a blank", "a b", TIME, GOOD, BODY, 0, WEBHOOK_BAD_ID},
		{"an id that is no ASCII", "\xc3\xbc", TIME, GOOD, BODY, 0, WEBHOOK_BAD_ID},
		{"no time", ID, "", GOOD, BODY, 0, WEBHOOK_BAD_TIMESTAMP},
		{"a time before 1970", ID, "-1", GOOD, BODY, 0, WEBHOOK_BAD_TIMESTAMP},
		{"a time with a fraction", ID, TIME ".0", GOOD, BODY, 0, WEBHOOK_BAD_TIMESTAMP},
		{"a time in words", ID, "now", GOOD, BODY, 0, WEBHOOK_BAD_TIMESTAMP},
		{"a time with a blank", ID, TIME " ", GOOD, BODY, 0, WEBHOOK_BAD_TIMESTAMP},
		{"milliseconds", ID, TIME "000", GOOD, BODY, 0, WEBHOOK_BAD_TIMESTAMP},
		{"beyond all numbers", ID, "99999999999999999999999999", GOOD, BODY, 0,
			WEBHOOK_BAD_TIMESTAMP},
		{"the greatest time", ID, "999999999999", GOOD, BODY, 0, WEBHOOK_TOO_NEW},
	};
	char secret[] = SECRET;
	struct webhook_opts source = standard(secret);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct webhook_delivery d = {slice_text(rows[i].id), slice_text(rows[i].time),
			slice_text(rows[i].signature), slice_text(rows[i].body)};
		assert_verdict(&source, d, NOW_S + rows[i].age_s, rows[i].verdict, rows[i].what);
	}
}

static void standard__id_and_body_cannot_change_places(void **state)
{
	(void)state;
	char secret[] = SECRET;
	struct webhook_opts source = standard(secret);
	/* The same bytes are signed, cut elsewhere: it is good, but its body is then no JSON object. */
	struct webhook_delivery d = {slice_text("msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330"), slice_text(""),
		slice_text(GOOD), slice_text(BODY)};
	assert_verdict(&source, d, NOW_S, WEBHOOK_BAD_TIMESTAMP, "no time left");
	d.id = slice_text("msg");
	d.timestamp = slice_text("1614265330");
	assert_verdict(&source, d, NOW_S, WEBHOOK_WRONG_SIGNATURE, "part of an id");
}

static void secrets__any_of_several(void **state)
{
	(void)state;
	static const struct {
		const char *secrets;
		enum webhook_verdict verdict;
	} rows[] = {
		{SECRET, WEBHOOK_GOOD},
		{"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", WEBHOOK_GOOD},
		{OTHER " " SECRET, WEBHOOK_GOOD},
		{SECRET "\n" OTHER "\n", WEBHOOK_GOOD},
		{OTHER "\n\t " SECRET "\r\n" OTHER, WEBHOOK_GOOD},
		{OTHER, WEBHOOK_WRONG_SIGNATURE},
		{OTHER " " OTHER, WEBHOOK_WRONG_SIGNATURE},
	};
	const struct webhook_delivery d = {
		slice_text(ID), slice_text(TIME), slice_text(GOOD), slice_text(BODY)};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char *secrets = strdup(rows[i].secrets);
		struct webhook_opts source = standard(secrets);
		assert_verdict(&source, d, NOW_S, rows[i].verdict, rows[i].secrets);
		free(secrets);
	}
}

/* Beyond the bound a good one does not count: what is sent must not decide how much is compared. */
static void signatures__so_many_and_no_more(void **state)
{
	(void)state;
	char secret[] = SECRET;
	struct webhook_opts source = standard(secret);
	for (size_t before = WEBHOOK_SIGNATURES_MAX - 1; before <= WEBHOOK_SIGNATURES_MAX; before++) {
		struct buf list = BUF_INIT(64 << 10);
		for (size_t i = 0; i < before; i++)
			buf_text(&list, BAD " ");
		buf_text(&list, GOOD);
		const struct webhook_delivery d = {
			slice_text(ID), slice_text(TIME), buf_slice(&list), slice_text(BODY)};
		assert_verdict(&source, d, NOW_S,
			before < WEBHOOK_SIGNATURES_MAX ? WEBHOOK_GOOD : WEBHOOK_WRONG_SIGNATURE, "many");
		buf_release(&list);
	}
}

/* What is expected was made with openssl dgst -sha256 -hmac. */
#define PLAIN_SECRET "plain-secret-of-a-sender"
#define PLAIN_BODY   "{\"a\":1}"

static struct webhook_opts plain(
	char *secret, char *prefix, enum webhook_encoding encoding, char *timestamp, char *content)
{
	return (struct webhook_opts){.name = "p",
		.signature = WEBHOOK_HMAC,
		.secret = secret,
		.window_ms = 300000,
		.header = none,
		.prefix = prefix,
		.encoding = (int)encoding,
		.timestamp_header = timestamp,
		.content = content};
}

/* The words in a row's text for what was signed. */
static void spell(const char *at, const char *hex, const char *base64, struct buf *out)
{
	static const char *const words[] = {"HEX", "BASE64", "CAPS", "HALF", "OTHER"};
	while (*at) {
		size_t word = 0;
		while (word < 5 && strncmp(at, words[word], strlen(words[word])) != 0)
			word++;
		at += word < 5 ? strlen(words[word]) : 1;
		for (const char *c = hex; word == 2 && *c; c++)
			buf_byte(out, (unsigned char)(*c >= 'a' ? *c - 32 : *c));
		if (word == 5)
			buf_byte(out, (unsigned char)at[-1]);
		else if (word < 2)
			buf_text(out, word == 0 ? hex : base64);
		else if (word > 2)
			buf_add(out, hex, word == 3 ? 32 : 63);
		if (word == 4)
			buf_byte(out, hex[63] == '0' ? '1' : '0');
	}
}

static void plain__as_a_table(void **state)
{
	(void)state;
#define HEX_MAC "89eff3de5101c1d6e979eb77d4beba97be3ff14fc749a56c39cf79608b93284c"
	static const struct {
		const char *what, *prefix, *said;
		bool is_base64;
		enum webhook_verdict verdict;
	} rows[] = {
		{"hexadecimal", "", "HEX", false, WEBHOOK_GOOD},
		{"in capitals", "", "CAPS", false, WEBHOOK_GOOD},
		{"base64", "", "BASE64", true, WEBHOOK_GOOD},
		{"with a prefix", "sha256=", "sha256=HEX", false, WEBHOOK_GOOD},
		{"without its prefix", "sha256=", "HEX", false, WEBHOOK_NO_SIGNATURE},
		{"with another prefix", "sha256=", "sha1=HEX", false, WEBHOOK_NO_SIGNATURE},
		{"with a prefix too much", "", "sha256=HEX", false, WEBHOOK_NO_SIGNATURE},
		{"hexadecimal where base64 is", "", "HEX", true, WEBHOOK_NO_SIGNATURE},
		{"base64 where hexadecimal is", "", "BASE64", false, WEBHOOK_NO_SIGNATURE},
		{"twice", "", "HEX,HEX", false, WEBHOOK_NO_SIGNATURE},
		{"with more behind it", "", "HEX00", false, WEBHOOK_NO_SIGNATURE},
		{"half of it", "", "HALF", false, WEBHOOK_NO_SIGNATURE},
		{"another", "", "OTHER", false, WEBHOOK_WRONG_SIGNATURE},
		{"nothing", "", "", false, WEBHOOK_NO_SIGNATURE},
		{"the prefix alone", "sha256=", "sha256=", false, WEBHOOK_NO_SIGNATURE},
	};
	char secret[] = PLAIN_SECRET, content[] = "{body}";
	struct webhook_opts signer = plain(secret, none, WEBHOOK_HEX, none, content);
	struct webhook_delivery d = {.body = slice_text(PLAIN_BODY)};
	struct buf hex = BUF_INIT(256), base64 = BUF_INIT(256);
	assert_int_equal(webhook_sign(&signer, &d, &hex), ST_OK);
	assert_string_equal(hex.p, HEX_MAC);
	signer.encoding = WEBHOOK_BASE64;
	assert_int_equal(webhook_sign(&signer, &d, &base64), ST_OK);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf said = BUF_INIT(512);
		char *prefix = strdup(rows[i].prefix);
		struct webhook_opts source = plain(
			secret, prefix, rows[i].is_base64 ? WEBHOOK_BASE64 : WEBHOOK_HEX, none, content);
		spell(rows[i].said, hex.p, base64.p, &said);
		d.signature = buf_slice(&said);
		assert_verdict(&source, d, NOW_S, rows[i].verdict, rows[i].what);
		buf_release(&said);
		free(prefix);
	}
	buf_release(&hex);
	buf_release(&base64);
}

static void plain__with_a_time_that_is_signed(void **state)
{
	(void)state;
	char secret[] = PLAIN_SECRET, prefix[] = "v0=", header[] = "X-Time",
	     content[] = "v0:{timestamp}:{body}";
	struct webhook_opts source = plain(secret, prefix, WEBHOOK_HEX, header, content);
	struct webhook_delivery d = {.timestamp = slice_text(TIME), .body = slice_text(PLAIN_BODY)};
	struct buf said = BUF_INIT(256);
	assert_int_equal(webhook_sign(&source, &d, &said), ST_OK);
	assert_string_equal(said.p, "v0=788a0604eb9e22cc659f0303df62c51847144c9137805a13f2466f9cae97f90a");
	d.signature = buf_slice(&said);
	assert_verdict(&source, d, NOW_S, WEBHOOK_GOOD, "good");
	assert_verdict(&source, d, NOW_S + 301, WEBHOOK_TOO_OLD, "old");
	assert_verdict(&source, d, NOW_S - 301, WEBHOOK_TOO_NEW, "new");
	d.timestamp = slice_text("1614265331");
	assert_verdict(&source, d, NOW_S, WEBHOOK_WRONG_SIGNATURE, "another time");
	d.timestamp = (struct slice)SLICE_INIT;
	assert_verdict(&source, d, NOW_S, WEBHOOK_BAD_TIMESTAMP, "no time");
	buf_release(&said);
}

static void sign__what_it_signs_is_good(void **state)
{
	(void)state;
	char secrets[] = SECRET " " OTHER;
	struct webhook_opts source = standard(secrets);
	struct webhook_delivery d = {slice_text(ID), slice_text(TIME), SLICE_INIT, slice_text(BODY)};
	struct buf said = BUF_INIT(256);
	assert_int_equal(webhook_sign(&source, &d, &said), ST_OK);
	assert_string_equal(said.p, GOOD);
	buf_release(&said);
}

static void base64__there_and_back(void **state)
{
	(void)state;
	static const struct {
		const char *bytes, *text;
	} rows[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="},
		{"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}, {"\xff\xfe\xfd", "//79"}};
	static const char *const bad[] = {"Z", "Zg", "Zg=", "Zg===", "====", "=", "Zh==", "Zm9=", "Zm9v Zm9v",
		"Zm9v\n", "Zm-v", "Z=g="};
	unsigned char out[16];
	size_t len;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf text = BUF_INIT(64);
		base64_encode(slice_text(rows[i].bytes), &text);
		assert_true(slice_is(buf_slice(&text), rows[i].text));
		assert_true(base64_decode(slice_text(rows[i].text), out, sizeof out, &len));
		assert_true(slice_is(slice_of(out, len), rows[i].bytes));
		buf_release(&text);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (base64_decode(slice_text(bad[i]), out, sizeof out, &len))
			fail_msg("%s is base64", bad[i]);
	assert_true(base64_decode(slice_text("Zm8="), out, 2, &len));
	assert_false(base64_decode(slice_text("Zm9v"), out, 2, &len));
}

static void hex__there_and_back(void **state)
{
	(void)state;
	unsigned char out[4];
	size_t len;
	struct buf text = BUF_INIT(64);
	hex_encode(slice_of("\x00\xffz", 3), &text);
	assert_string_equal(text.p, "00ff7a");
	assert_true(hex_decode(slice_text("00fF7A"), out, sizeof out, &len));
	assert_true(len == 3 && memcmp(out, "\x00\xffz", 3) == 0);
	assert_false(hex_decode(slice_text("0"), out, sizeof out, &len));
	assert_false(hex_decode(slice_text("0g"), out, sizeof out, &len));
	assert_false(hex_decode(slice_text("@0"), out, sizeof out, &len));
	assert_false(hex_decode(slice_text("0011223344"), out, sizeof out, &len));
	buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(standard__as_a_table),
		cmocka_unit_test(standard__id_and_body_cannot_change_places),
		cmocka_unit_test(secrets__any_of_several),
		cmocka_unit_test(signatures__so_many_and_no_more),
		cmocka_unit_test(plain__as_a_table),
		cmocka_unit_test(plain__with_a_time_that_is_signed),
		cmocka_unit_test(sign__what_it_signs_is_good),
		cmocka_unit_test(base64__there_and_back),
		cmocka_unit_test(hex__there_and_back),
	};
	return cmocka_run_group_tests_name("webhook_sign", tests, NULL, NULL);
}
