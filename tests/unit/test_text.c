/* tests/unit/test_text.c: texts made and read, and lines put out, spool/base linked alone. */
#include "spool/base/jx_plain.h"
#include "spool/base/log.h"
#include "tests/support/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* What is read without jansson's scanner is what jansson reads: as it stands, and with any byte changed. */
static void check_like_jansson(const char *text, size_t len)
{
	json_t *plain = jx_plain_parse(slice_of(text, len), 8),
	       *full = json_loadb(text, len, JSON_DECODE_ANY, NULL);
	if (plain && !(full && json_equal(plain, full)))
		fail_msg("not as jansson reads it: %.*s", (int)len, text);
	json_decref(plain);
	json_decref(full);
}

static void jx__reads_plain_text_as_jansson_does(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"{\"user_id\":\"u-1\",\"sync_id\":\"s\",\"orders_count\":1250,\"ok\":true,\"no\":[false,null]"
		"}",
		" [ 0 , -0, 7, -12, 123456789012345678, 1234567890123456789, 12345678901234567890, 1.50, "
		"1e2, -3E-1, 01 ] ",
		"{\"a\":1,\"b\":2,\"a\":{\"c\":[]},\"\":{},\"d\":[[],{}]}",
		"[\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x94\x8d "
		"\x7f\",\"a\\\"b\\\\\",\"\\u00e9\\ud83d\\udd0d\",\"\\u0000\"]",
		"{\"a\\\"\":\"long enough for more than one step of eight bytes\",\"x\":tru}",
		"[[[[[[[[1]]]]]]]]",
		"[[[[[[[[[1]]]]]]]]]",
		"\"text\"",
		"12",
		"true",
		"",
		"[1,]",
		"{\"a\":}",
		"[1 2]",
		"{a:1}",
		"nulL",
	};
	static const char bytes[] = "\"\\{}[],:0129-+.eEtnu \t\n\x01\x7f\xc3\xa9";
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		char text[200];
		size_t len = strlen(texts[i]);
		check_like_jansson(texts[i], len);
		for (size_t at = 0; at < len; at++) {
			memcpy(text, texts[i], len);
			for (size_t k = 0; k < sizeof bytes; k++) {
				text[at] = bytes[k];
				check_like_jansson(text, len);
			}
			check_like_jansson(texts[i], at); /* cut short */
		}
	}
	json_t *value = jx_plain_parse(slice_text(texts[0]), 8);
	assert_non_null(value); /* it does read something */
	json_decref(value);
	assert_null(jx_plain_parse(slice_text("[[[[[[[[[1]]]]]]]]]"), 8));
	struct buf many = BUF_INIT(400);
	buf_text(&many, "[1.5");
	while (many.len < 300)
		buf_text(&many, ",1.5");
	buf_byte(&many, ']');
	assert_null(jx_plain_parse(buf_slice(&many), 8)); /* one scan is cheaper than so many */
	assert_int_equal(jx_parse(buf_slice(&many), 8, &value, NULL), ST_OK);
	json_decref(value);
	buf_release(&many);
}

static void jx__escapes_every_byte_that_must_be(void **state)
{
	(void)state;
	for (int c = 1; c < 256; c++)
		for (size_t at = 0; at < 20; at++) {
			char text[21];
			struct buf out = BUF_INIT(200);
			json_t *value;
			memset(text, 'x', sizeof text);
			text[at] = (char)c;
			jx_escape(&out, slice_of(text, sizeof text));
			assert_int_equal(jx_parse(buf_slice(&out), 1, &value, NULL), ST_OK);
			if (c < 0x80)
				assert_true(slice_eq(jx_text(value), slice_of(text, sizeof text)));
			else
				assert_true(jx_text(value).len == sizeof text + 2); /* U+FFFD in its place */
			json_decref(value);
			buf_release(&out);
		}
}

static void buf__lays_out_numbers_within_its_bounds(void **state)
{
	(void)state;
	for (size_t max = 0; max < 200; max++) {
		struct buf b = BUF_INIT(max);
		char want[300] = "";
		while (buf_status(&b) == ST_OK) {
			assert_string_equal(b.p ? b.p : "", want);
			assert_int_equal(b.len, strlen(want));
			snprintf(want + strlen(want), 40, "%d,%s;", 12345, "abcdefghijklm");
			buf_fmt(&b, "%d,%s;", 12345, "abcdefghijklm");
		}
		assert_int_equal(buf_status(&b), ST_FULL);
		assert_true(b.len <= max && strlen(want) > max);
		assert_true(!b.p || b.p[b.len] == '\0');
		buf_release(&b);
	}
}

static void buf__lays_out_any_integer(void **state)
{
	(void)state;
	static const struct {
		int64_t value;
		const char *text;
	} rows[] = {
		{0, "0"},
		{7, "7"},
		{-10, "-10"},
		{INT64_MAX, "9223372036854775807"},
		{INT64_MIN, "-9223372036854775808"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf b = BUF_INIT(20);
		buf_int(&b, rows[i].value);
		assert_string_equal(b.p, rows[i].text);
		buf_release(&b);
	}
}

static void buf__keeps_no_more_memory_than_told(void **state)
{
	(void)state;
	struct buf b = BUF_INIT(10000);
	buf_text(&b, "short");
	size_t cap = b.cap;
	buf_reuse(&b, 1000);
	assert_true(b.len == 0 && b.cap == cap && b.p[0] == '\0');
	memset(buf_room(&b, 5000), 'x', 5000);
	buf_reuse(&b, 1000);
	assert_true(b.len == 0 && b.cap == 0 && !b.p && b.max == 10000);
	buf_release(&b);
}

static void log__gathers_whole_lines(void **state)
{
	(void)state;
	char got[LOG_GATHER_MAX * 3];
	int fds[2], kept = dup(STDERR_FILENO);
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	dup2(fds[1], STDERR_FILENO);
	log_gather(true);
	log_info("a=1");
	log_info("a=2");
	ssize_t before = read(fds[0], got, sizeof got);
	log_warning("a=3");
	ssize_t n = read(fds[0], got, sizeof got - 1);
	got[n > 0 ? n : 0] = '\0';
	for (int i = 0; i < LOG_GATHER_MAX / 16; i++)
		log_info("one of many");
	ssize_t many = read(fds[0], got + n + 1, sizeof got - (size_t)n - 1);
	char last = many > 0 ? got[n + many] : 0;
	log_gather(false);
	ssize_t rest = read(fds[0], got + n + 1, 100);
	log_info("a=4");
	ssize_t after = read(fds[0], got + n + 1, 100);
	dup2(kept, STDERR_FILENO);
	close(kept);
	close(fds[0]);
	close(fds[1]);
	assert_true(
		before < 0 && many > 0 && many <= LOG_GATHER_MAX && last == '\n' && rest > 0 && after > 0);
	assert_string_equal(strstr(got, "a=1"), "a=1\n<6>clario a=2\n<4>clario a=3\n");
}

int main(void)
{
	jx_init();
	log_open("clario", LOG_LEVEL_INFO);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jx__reads_plain_text_as_jansson_does),
		cmocka_unit_test(jx__escapes_every_byte_that_must_be),
		cmocka_unit_test(buf__lays_out_numbers_within_its_bounds),
		cmocka_unit_test(buf__lays_out_any_integer),
		cmocka_unit_test(buf__keeps_no_more_memory_than_told),
		cmocka_unit_test(log__gathers_whole_lines),
	};
	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
