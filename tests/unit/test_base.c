/* tests/unit/test_base.c: spool/base, linked alone. */
#include "spool/base/clock.h"
#include "spool/base/conf.h"
#include "spool/base/hash.h"
#include "spool/base/id.h"
#include "spool/base/jx.h"
#include "spool/base/log.h"
#include "spool/base/nets.h"
#include "tests/support/unit.h"

#include <string.h>
#include <unistd.h>

static void buf__never_grows_past_its_cap_and_stays_failed(void **state)
{
	(void)state;
	struct buf b = BUF_INIT(10);
	buf_text(&b, "12345");
	buf_fmt(&b, "%d", 67890);
	assert_int_equal(buf_status(&b), ST_OK);
	assert_string_equal(b.p, "1234567890");
	buf_byte(&b, 'x');
	assert_int_equal(buf_status(&b), ST_FULL);
	buf_clear(&b);
	buf_text(&b, "x");
	assert_int_equal(buf_status(&b), ST_OK);
	buf_fmt(&b, "%s", "0123456789");
	assert_int_equal(buf_status(&b), ST_FULL);
	buf_text(&b, "");
	assert_int_equal(buf_status(&b), ST_FULL);
	assert_string_equal(b.p, "x");
	buf_release(&b);
	buf_release(&b);
}

static void id__ascends_within_and_across_milliseconds(void **state)
{
	(void)state;
	struct job_id last = {{0}};
	int64_t at = INT64_C(1790000000000000);
	for (int i = 0; i < 2000; i++) {
		struct job_id next = id_next(last, i % 3 ? at : at - i * 1000000);
		assert_true(id_cmp(last, next) < 0);
		assert_int_equal(next.b[6] >> 4, 7);
		assert_int_equal(next.b[8] >> 6, 2);
		last = next;
		at += i % 5 ? 0 : 1000;
	}
}

static void id__clock_that_steps_back(void **state)
{
	(void)state;
	struct job_id first = id_next((struct job_id){{0}}, INT64_C(1790000000000000));
	struct job_id second = id_next(first, INT64_C(1690000000000000));
	assert_true(id_cmp(first, second) < 0);
	assert_true(id_time_ms(second) >= id_time_ms(first));
	assert_true(id_is_zero((struct job_id){{0}}) && !id_is_zero(second));
}

static void id__reads_back_and_refuses_the_rest(void **state)
{
	(void)state;
	char text[JOB_ID_TEXT_LEN];
	struct job_id id = id_next((struct job_id){{0}}, INT64_C(1790000000123456)), back;
	id_text(id, text);
	assert_int_equal(id_parse(slice_text(text), &back), ST_OK);
	assert_int_equal(id_cmp(id, back), 0);
	assert_int_equal(id_time_ms(id), INT64_C(1790000000123));
	assert_int_equal(id_parse(slice_text("0190ABCD-0000-7000-8000-000000000000"), &back), ST_OK);
	static const char *const bad[] = {"", "x", "0190abcd-0000-7000-8000-00000000000",
		"0190abcd-0000-7000-8000-0000000000000", "0190abcd+0000-7000-8000-000000000000",
		"0190abcg-0000-7000-8000-000000000000"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(id_parse(slice_text(bad[i]), &back), ST_INVALID);
}

static void hash__crc32c_known_vectors(void **state)
{
	(void)state;
	/* RFC 3720, B.4 */
	unsigned char bytes[32];
	memset(bytes, 0, sizeof bytes);
	assert_int_equal(hash_crc32c(bytes, 32), 0x8a9136aa);
	memset(bytes, 0xff, sizeof bytes);
	assert_int_equal(hash_crc32c(bytes, 32), 0x62a8ab43);
	for (int i = 0; i < 32; i++)
		bytes[i] = (unsigned char)i;
	assert_int_equal(hash_crc32c(bytes, 32), 0x46dd794e);
	for (int i = 0; i < 32; i++)
		bytes[i] = (unsigned char)(31 - i);
	assert_int_equal(hash_crc32c(bytes, 32), 0x113fdb5c);
	static const unsigned char command[48] = {
		0x01, 0xc0, [16] = 0x14, [22] = 0x04, [27] = 0x14, [31] = 0x18, [32] = 0x28, [40] = 0x02};
	assert_int_equal(hash_crc32c(command, 48), 0xd9963a56);
	assert_int_equal(hash_crc32c("123456789", 9), 0xe3069283);
	assert_int_equal(hash_crc32c("", 0), 0);
}

static void clock__text(void **state)
{
	(void)state;
	char text[CLOCK_TEXT_LEN];
	clock_text(INT64_C(1795486735123999), text, sizeof text);
	assert_string_equal(text, "2026-11-24T02:18:55.123Z");
	struct moment now = clock_now();
	assert_true(now.wall_us > INT64_C(1700000000000000) && now.boot_us > 0 && now.boot_id != 0);
}

static void jx__parses_what_is_json_and_only_that(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool ok;
	} rows[] = {
		{"{}", true},
		{"[]", true},
		{"7", true},
		{"null", true},
		{"\"x\"", true},
		{" \n{\"a\":1}\t", true},
		{"\xef\xbb\xbf{}", true},
		{"[[[[1]]]]", true},
		{"[[[[[1]]]]]", false}, /* the limit here is 4 */
		{"{\"a\":\"[[[[[[[[\"}", true},
		{"{\"a\":\"\\\"[[[[[[[\"}", true},
		{"", false},
		{"{", false},
		{"{\"a\":1,}", false},
		{"{'a':1}", false},
		{"NaN", false},
		{"{} x", false},
		{"\"\xff\"", false},
		{"\"\\ud800\"", false},
		{"\"\\u0000\"", false},
		{"[1 2]", false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		json_t *value;
		struct why why = WHY_INIT;
		enum status st = jx_parse(slice_text(rows[i].text), 4, &value, &why);
		if ((st == ST_OK) != rows[i].ok || (st != ST_OK && (value || !why.text[0])))
			fail_msg("%s: %s", rows[i].text, status_name(st));
		json_decref(value);
	}
}

static void jx__tells_deep_from_malformed(void **state)
{
	(void)state;
	json_t *value;
	struct why why = WHY_INIT;
	assert_int_equal(jx_parse(slice_text("[[[1]]]"), 2, &value, &why), ST_DEEP);
	assert_int_equal(jx_parse(slice_text("[[[1]]]"), 3, &value, &why), ST_OK);
	json_decref(value);
	assert_int_equal(jx_parse(slice_text("[[[1]]"), 3, &value, &why), ST_INVALID);
	assert_int_equal(jx_parse(slice_of("{}\0", 3), 3, &value, &why), ST_INVALID);
	assert_int_equal(jx_parse(slice_of("{}garbage", 2), 3, &value, &why), ST_OK); /* the length rules */
	json_decref(value);
}

/* What stands where it goes wrong may be a secret. */
static void jx__does_not_quote_what_is_wrong(void **state)
{
	(void)state;
	static const char *const rows[] = {"{\"token\": CANARY}", "{\"token\":\"CANARY\",}", "CANARY",
		"{\"token\":\"CANARY\" \"CANARY\"}", "{\"token\":\"CANARY\\x\"}"};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		json_t *value;
		struct why why = WHY_INIT;
		assert_int_equal(jx_parse(slice_text(rows[i]), 4, &value, &why), ST_INVALID);
		if (strstr(why.text, "CANARY") || !strstr(why.text, "at line 1, column "))
			fail_msg("%s", why.text);
	}
}

static void jx__unescapes_as_it_compares(void **state)
{
	(void)state;
	static const char raw[] = "a\\n\\u00e9\\ud83d\\ude00\\/\\\"";
	struct buf out = BUF_INIT(100);
	jx_unescape(slice_text(raw), &out);
	assert_string_equal(out.p, "a\n\xc3\xa9\xf0\x9f\x98\x80/\"");
	assert_true(jx_raw_is(slice_text(raw), buf_slice(&out)));
	buf_wipe(&out);
	assert_null(out.p);
	buf_wipe(&out);
}

/* The linker leads malloc() here; 0: none fails. */
static unsigned long failing_malloc;
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
	if (failing_malloc > 0 && --failing_malloc == 0)
		return NULL;
	return __real_malloc(size);
}

static void jx__without_memory_gives_nothing_rather_than_a_part(void **state)
{
	(void)state;
	struct slice text = slice_text(
		"{\"reason\":\"a string that is longer than the first sixteen bytes\",\"list\":[1,2.5]}");
	json_t *whole = NULL, *value = NULL;
	unsigned long k = 0;
	jx_init();
	assert_int_equal(jx_parse(text, 9, &whole, NULL), ST_OK);
	do {
		failing_malloc = ++k;
		enum status st = jx_parse(text, 9, &value, NULL);
		bool was_out = failing_malloc == 0;
		failing_malloc = 0;
		if (st != (was_out ? ST_NOMEM : ST_OK) || (st != ST_OK && value))
			fail_msg("allocation %lu: %s", k, status_name(st));
	} while (!value);
	assert_true(k > 5 && json_equal(whole, value));
	json_decref(whole);
	json_decref(value);
}

static void jx__escapes_what_is_no_utf8(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"", "\"\""},
		{"\t\r\b\f/", "\"\\t\\r\\b\\f/\""},
		{"\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\""},
		{"a\x80z", "\"a\xef\xbf\xbdz\""}, /* a tail alone */
		{"a\xc3", "\"a\xef\xbf\xbd\""},   /* cut short */
		{"\xc3(", "\"\xef\xbf\xbd(\""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf out = BUF_INIT(100);
		jx_escape(&out, slice_text(cases[i].in));
		assert_string_equal(out.p, cases[i].out);
		buf_release(&out);
	}
	/* overlong, surrogate, beyond U+10FFFF: whatever stands for them, the result is JSON */
	static const char *const bad[] = {"\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff\xfe"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct buf out = BUF_INIT(100);
		json_t *value;
		jx_escape(&out, slice_text(bad[i]));
		if (jx_parse(buf_slice(&out), 1, &value, NULL) != ST_OK)
			fail_msg("row %zu is not JSON: %s", i, out.p);
		json_decref(value);
		buf_release(&out);
	}
}

static void jx__last_of_equal_keys_wins(void **state)
{
	(void)state;
	json_t *value;
	assert_int_equal(jx_parse(slice_text("{\"a\":{\"b\":1},\"a\":{\"b\":2}}"), 9, &value, NULL), ST_OK);
	assert_int_equal(json_integer_value(jx_path(value, "a.b")), 2);
	assert_null(jx_path(value, "a.c.d"));
	assert_null(jx_get(NULL, "a"));
	json_decref(value);
}

static void jx__writes_compact_json(void **state)
{
	(void)state;
	struct buf b = BUF_INIT(4096);
	struct jx_writer w;
	jx_begin(&w, &b);
	jx_open_object(&w, NULL);
	jx_cstring(&w, "s", "a\"\\\n\x01\x7f\xc3\xa9\xff");
	jx_open_array(&w, "a");
	jx_int(&w, NULL, -1);
	jx_open_object(&w, NULL);
	jx_close_object(&w);
	jx_bool(&w, NULL, true);
	jx_close_array(&w);
	jx_null(&w, "n");
	jx_raw(&w, "r", slice_text("{\"x\": 1.10}"));
	jx_raw(&w, "e", (struct slice)SLICE_INIT);
	jx_time(&w, "t", 0);
	jx_close_object(&w);
	assert_string_equal(b.p,
		"{\"s\":\"a\\\"\\\\\\n\\u0001\\u007f\xc3\xa9\xef\xbf\xbd\",\"a\":[-1,{},true],\"n\":null,"
		"\"r\":{\"x\": 1.10},\"e\":null,\"t\":null}");
	json_t *back;
	assert_int_equal(jx_parse(buf_slice(&b), 9, &back, NULL), ST_OK);
	json_decref(back);
	buf_release(&b);
}

struct values {
	char *text, *url, *nets, *secret;
	int64_t number, span, size, share, rate, factor, maybe;
	bool flag;
	int word;
};
#define AT(m) offsetof(struct values, m)
static const struct conf_row rows[] = {
	{"a", "text", CONF_TEXT, AT(text), 0, 0, "x", NULL, ""},
	{"a", "url", CONF_URL, AT(url), 0, 0, "", NULL, ""},
	{"a", "nets", CONF_NETS, AT(nets), 0, 0, "127.0.0.0/8, ::1", NULL, ""},
	{"a", "secret", CONF_SECRET, AT(secret), 0, 0, "", NULL, ""},
	{"a", "number", CONF_INT, AT(number), 1, 10, "3", NULL, ""},
	{"b", "span", CONF_DURATION, AT(span), 0, 0, "90s", NULL, ""},
	{"b", "size", CONF_SIZE, AT(size), 0, 0, "64k", NULL, ""},
	{"b", "share", CONF_PERCENT, AT(share), 1, 100, "85", NULL, ""},
	{"b", "rate", CONF_DECIMAL, AT(rate), 0, 0, "0.20", NULL, ""},
	{"b", "factor", CONF_FACTOR, AT(factor), 0, 0, "1.5", NULL, ""},
	{"b", "maybe", CONF_SWITCH, AT(maybe), 0, 0, NULL, NULL, ""},
	{"b", "flag", CONF_BOOL, AT(flag), 0, 0, "no", NULL, ""},
	{"b", "word", CONF_ENUM, AT(word), 0, 0, "two", "one|two|three", ""},
};
enum { ROWS = sizeof rows / sizeof *rows };

static enum status read_text(const char *text, struct values *out, struct why *why)
{
	char path[] = "/tmp/clario-conf-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	*out = (struct values){0};
	assert_int_equal(conf_defaults(rows, ROWS, out, why), ST_OK);
	enum status st = conf_read(rows, ROWS, path, out, why);
	unlink(path);
	return st;
}

static void conf__reads_every_kind(void **state)
{
	(void)state;
	struct values v;
	struct why why = WHY_INIT;
	enum status st =
		read_text("# comment\n[a]\ntext = some words\nurl = http://h:1/p/\nnumber = 10\n[b]\nspan = "
			  "2h\nsize = 3M\n"
			  "share = 50 %\nrate = 0.123456\nfactor = 3\nmaybe = on\nflag = yes\nword = three\n",
			&v, &why);
	if (st != ST_OK)
		fail_msg("%s", why.text);
	assert_string_equal(v.text, "some words");
	assert_string_equal(v.url, "http://h:1/p");
	assert_int_equal(v.number, 10);
	assert_int_equal(v.span, 7200000);
	assert_int_equal(v.size, 3 << 20);
	assert_int_equal(v.share, 50);
	assert_int_equal(v.rate, 123456);
	assert_int_equal(v.factor, 3000);
	assert_int_equal(v.maybe, 1);
	assert_true(v.flag);
	assert_int_equal(v.word, 2);
	conf_release(rows, ROWS, &v);
	assert_int_equal(read_text("", &v, &why), ST_OK);
	assert_true(v.maybe == CONF_UNSET && v.rate == 200000 && v.factor == 1500);
	conf_release(rows, ROWS, &v);
}

static void conf__every_error_names_line_and_remedy(void **state)
{
	(void)state;
	static const struct {
		const char *text, *has;
	} cases[] = {
		{"[a]\nnumbr = 1\n", ":2: there is no key numbr in [a]"},
		{"[z]\nx = 1\n", ":2: there is no section [z]"},
		{"[a]\nnumber = 1\n\nnumber = 2\n", ":4: a.number is set twice, first in line 2"},
		{"[a]\nnumber = 11\n", ":2: a.number = 11: must be between 1 and 10"},
		{"[a]\nnumber = 1x\n", "expected a whole number"},
		{"[a]\nnumber =\n", "expected a whole number"},
		{"[b]\nspan = 5\n", "expected a duration such as"},
		{"[b]\nspan = 5 parsecs\n", "expected a duration such as"},
		{"[b]\nsize = 5X\n", "expected a size such as"},
		{"[b]\nsize = 99999999999T\n", "expected a size such as"},
		{"[b]\nshare = 101\n", "must be between 1 % and 100 %"},
		{"[b]\nrate = 0.1234567\n", "expected a decimal"},
		{"[b]\nrate = -1\n", "expected a decimal"},
		{"[b]\nword = four\n", "expected one of its words: one|two|three"},
		{"[b]\nflag = perhaps\n", "expected yes or no"},
		{"[a]\nurl = ftp://x\n", "expected http://"},
		{"[a]\nurl = http://u:p@x\n", "expected http://"},
		{"[a]\nnets = 127.0.0.1/33\n", "expected addresses"},
		{"[a]\nnets = localhost\n", "expected addresses"},
		{"nonsense\n", ":1: neither a [section]"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct values v;
		struct why why = WHY_INIT;
		enum status st = read_text(cases[i].text, &v, &why);
		if (st != ST_INVALID || !strstr(why.text, cases[i].has))
			fail_msg("%s: %s %s", cases[i].text, status_name(st), why.text);
		conf_release(rows, ROWS, &v);
	}
	char line[400] = "[a]\ntext = ";
	struct values v;
	struct why why = WHY_INIT;
	memset(line + 11, 'x', 300);
	assert_int_equal(read_text(line, &v, &why), ST_INVALID); /* libinih would cut it in two */
	assert_non_null(strstr(why.text, ":2: the line is too long"));
	conf_release(rows, ROWS, &v);
}

static void conf__decimals_are_exact(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t micro; /* -1: refused */
	} cases[] = {
		{"0", 0},
		{"0.1", 100000},
		{"0.000001", 1},
		{"0.29", 290000}, /* 0.29 * 1000000 is 289999.99... in binary */
		{"1.000000", 1000000},
		{"9223372036854.775807", INT64_MAX},
		{"9223372036854.775808", -1},
		{"0.0000001", -1},
		{"1e3", -1},
		{".5", -1},
		{"1.2.3", -1},
		{"+1", -1},
		{"", -1},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct values v = {0};
		enum status st = conf_set(rows, ROWS, &v, "b", "rate", cases[i].text, NULL);
		if ((st == ST_OK) != (cases[i].micro >= 0) || (st == ST_OK && v.rate != cases[i].micro))
			fail_msg("%s: %s, %lld", cases[i].text, status_name(st), (long long)v.rate);
	}
}

/* 198 bytes and the newline fill libinih's buffer. */
static void conf__longest_line(void **state)
{
	(void)state;
	char line[300] = "[a]\ntext = ";
	struct values v;
	struct why why = WHY_INIT;
	memset(line + 11, 'x', 198 - 7);
	strncat(line, "\n", 2);
	assert_int_equal(read_text(line, &v, &why), ST_OK);
	assert_int_equal(strlen(v.text), 198 - 7);
	conf_release(rows, ROWS, &v);
	line[strlen(line) - 1] = 'x';
	strncat(line, "\n", 2);
	assert_int_equal(read_text(line, &v, &why), ST_INVALID);
	assert_non_null(strstr(why.text, ":2: the line is too long; the limit is 198 bytes"));
	conf_release(rows, ROWS, &v);
}

static void conf__prints_what_reads_back_to_the_same(void **state)
{
	(void)state;
	struct values v, back;
	struct why why = WHY_INIT;
	char *printed = NULL;
	size_t len = 0;
	assert_int_equal(
		read_text("[a]\nsecret = hush\n[b]\nspan = 1500ms\nfactor = 2.25\nmaybe = no\n", &v, &why),
		ST_OK);
	FILE *out = open_memstream(&printed, &len);
	conf_print(rows, ROWS, &v, out, true);
	fclose(out);
	assert_null(strstr(printed, "hush"));
	if (read_text(printed, &back, &why) != ST_OK)
		fail_msg("%s: %s", why.text, printed);
	assert_true(back.span == v.span && back.factor == v.factor && back.maybe == v.maybe &&
		    back.word == v.word);
	assert_true(back.size == v.size && back.share == v.share && back.rate == v.rate);
	assert_string_equal(back.nets, v.nets);
	free(printed);
	conf_release(rows, ROWS, &v);
	conf_release(rows, ROWS, &back);
}

static void jx__raw_strings_as_a_table(void **state)
{
	(void)state;
	static const struct {
		const char *raw, *text;
		bool is;
	} cases[] = {
		{"", "", true},
		{"", "a", false},
		{"a", "", false},
		{"abc", "abc", true},
		{"abc", "abd", false},
		{"\\u0061bc", "abc", true},
		{"\\u0061bc", "ab", false},
		{"\\u0061b", "abc", false},
		{"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t", true},
		{"\\u007f\\u0080\\u07FF\\u0800\\uffff", "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf", true},
		{"\\ud83d\\ude00\\uDBFF\\uDFFF", "\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf", true},
		{"\\\\u0061", "a", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (jx_raw_is(slice_text(cases[i].raw), slice_text(cases[i].text)) != cases[i].is)
			fail_msg("%s", cases[i].raw);
}

static void nets__contain(void **state)
{
	(void)state;
	static const struct {
		const char *nets, *address;
		bool in;
	} cases[] = {
		{"127.0.0.0/8, ::1", "127.1.2.3", true},
		{"127.0.0.0/8, ::1", "::1", true},
		{"127.0.0.0/8, ::1", "::ffff:127.0.0.1", true},
		{"127.0.0.0/8, ::1", "128.0.0.1", false},
		{"127.0.0.0/8, ::1", "::2", false},
		{"10.1.0.0/20", "10.1.15.255", true},
		{"10.1.0.0/20", "10.1.16.0", false},
		{"2001:db8::/33", "2001:db8:7fff::1", true},
		{"2001:db8::/33", "2001:db8:8000::1", false},
		{"0.0.0.0/0", "8.8.8.8", true},
		{"0.0.0.0/0", "2001::1", false},
		{"", "127.0.0.1", false},
		{"127.0.0.1", "unix:", false},
		{"127.0.0.1", "", false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (nets_contain(cases[i].nets, cases[i].address) != cases[i].in)
			fail_msg("%s in %s", cases[i].address, cases[i].nets);
}

static void log__limits_what_repeats(void **state)
{
	(void)state;
	struct log_limit limit = {0};
	unsigned long skipped = 9;
	assert_true(log_allowed(&limit, 60000, &skipped));
	assert_int_equal(skipped, 0);
	assert_false(log_allowed(&limit, 60000, &skipped));
	assert_false(log_allowed(&limit, 60000, &skipped));
	limit.next_mono_us = 0;
	assert_true(log_allowed(&limit, 60000, &skipped));
	assert_int_equal(skipped, 2);
}

static void log__quotes_what_came_from_outside(void **state)
{
	(void)state;
	assert_string_equal(LOG_QT("plain-1.2"), "plain-1.2");
	assert_string_equal(LOG_QT(""), "\"\"");
	assert_string_equal(LOG_QT("two words"), "\"two words\"");
	assert_string_equal(LOG_QT("a=\"b\"\n\xff"), "\"a=\\\"b\\\"\\x0a\\xff\"");
	char big[2000];
	memset(big, '\n', sizeof big);
	const char *cut = LOG_Q(slice_of(big, sizeof big));
	assert_true(strlen(cut) < LOG_QUOTE_CAP);
	assert_string_equal(cut + strlen(cut) - 4, "...\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buf__never_grows_past_its_cap_and_stays_failed),
		cmocka_unit_test(id__ascends_within_and_across_milliseconds),
		cmocka_unit_test(id__clock_that_steps_back),
		cmocka_unit_test(id__reads_back_and_refuses_the_rest),
		cmocka_unit_test(hash__crc32c_known_vectors),
		cmocka_unit_test(clock__text),
		cmocka_unit_test(jx__parses_what_is_json_and_only_that),
		cmocka_unit_test(jx__tells_deep_from_malformed),
		cmocka_unit_test(jx__does_not_quote_what_is_wrong),
		cmocka_unit_test(jx__unescapes_as_it_compares),
		cmocka_unit_test(jx__without_memory_gives_nothing_rather_than_a_part),
		cmocka_unit_test(jx__escapes_what_is_no_utf8),
		cmocka_unit_test(jx__last_of_equal_keys_wins),
		cmocka_unit_test(jx__writes_compact_json),
		cmocka_unit_test(conf__reads_every_kind),
		cmocka_unit_test(conf__every_error_names_line_and_remedy),
		cmocka_unit_test(conf__decimals_are_exact),
		cmocka_unit_test(conf__longest_line),
		cmocka_unit_test(conf__prints_what_reads_back_to_the_same),
		cmocka_unit_test(jx__raw_strings_as_a_table),
		cmocka_unit_test(nets__contain),
		cmocka_unit_test(log__limits_what_repeats),
		cmocka_unit_test(log__quotes_what_came_from_outside),
	};
	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
