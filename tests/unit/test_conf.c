/* tests/unit/test_conf.c: sections of the operator's own names, and texts of several lines. spool/base,
 * linked alone. */
#include "spool/base/conf.h"
#include "tests/support/unit.h"

#include <malloc.h>
#include <string.h>
#include <unistd.h>

/* Was anything given back with a secret still in it? */
static bool was_leaked;
void __real_free(void *p);
void __wrap_free(void *p);
void __wrap_free(void *p)
{
	if (p && malloc_usable_size(p) >= 4 && memcmp(p, "hush", 4) == 0)
		was_leaked = true;
	__real_free(p);
}

/* A pattern: [shop.NAME] for two built-in shops and the operator's own. */
struct shops {
	struct shop {
		char name[CONF_NAME_MAX + 1];
		char *street, *notes, *key;
		int64_t floor, rooms;
	} shop[4];
	size_t used;
};
#define SHOP_ROWS(section_, i_, street_)                                                                     \
	{section_, "street", CONF_TEXT, offsetof(struct shops, shop[i_].street), 0, 0, street_, NULL, "s"},  \
		{section_, "notes", CONF_LINES, offsetof(struct shops, shop[i_].notes), 0, 0, "", NULL, ""}, \
		{section_, "key", CONF_SECRET, offsetof(struct shops, shop[i_].key), 0, 0, "", NULL, ""},    \
		{section_, "floor", CONF_INT, offsetof(struct shops, shop[i_].floor), 1, 9, "1", NULL, ""},  \
	{                                                                                                    \
		section_, "rooms", CONF_INT, offsetof(struct shops, shop[i_].rooms), 0, 0, NULL, NULL, ""    \
	}
static const struct conf_row shop_rows[] = {
	SHOP_ROWS("shop.east", 0, "East"),
	SHOP_ROWS("shop.west", 1, "West"),
	CONF_PATTERN("shop.*", struct shops, shop, used, "east|west"),
	SHOP_ROWS("shop.*", 0, "?"),
};
enum { SHOP_ROWS_N = sizeof shop_rows / sizeof *shop_rows };

static enum status read_shops(const char *text, struct shops *out, struct why *why)
{
	char path[] = "/tmp/clario-conf-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	*out = (struct shops){0};
	assert_int_equal(conf_defaults(shop_rows, SHOP_ROWS_N, out, why), ST_OK);
	enum status st = conf_read(shop_rows, SHOP_ROWS_N, path, out, why);
	unlink(path);
	return st;
}

static void sections__of_own_names(void **state)
{
	(void)state;
	struct shops s;
	struct why why = WHY_INIT;
	enum status st = read_shops("[shop.2-b]\nfloor = 3\n[shop.west]\nstreet = W\n[shop.a]\n"
				    "street = A\n[shop.2-b]\nrooms = 7\n",
		&s, &why);
	if (st != ST_OK)
		fail_msg("%s", why.text);
	assert_int_equal(s.used, 4);
	assert_string_equal(s.shop[0].name, "east");
	assert_string_equal(s.shop[0].street, "East");
	assert_string_equal(s.shop[1].name, "west");
	assert_string_equal(s.shop[1].street, "W");
	assert_string_equal(s.shop[2].name, "2-b"); /* in the order of the file, at the defaults */
	assert_string_equal(s.shop[2].street, "?");
	assert_int_equal(s.shop[2].floor, 3);
	assert_int_equal(s.shop[2].rooms, 7);
	assert_string_equal(s.shop[3].street, "A");
	assert_int_equal(s.shop[3].floor, 1);
	assert_true(s.shop[3].rooms == CONF_UNSET);
	conf_release(shop_rows, SHOP_ROWS_N, &s);
	assert_null(s.shop[2].street);
	assert_int_equal(s.used, 2);
}

static void sections__set_one_by_one(void **state)
{
	(void)state;
	struct shops s = {0};
	struct why why = WHY_INIT;
	assert_int_equal(conf_defaults(shop_rows, SHOP_ROWS_N, &s, &why), ST_OK);
	assert_int_equal(conf_set(shop_rows, SHOP_ROWS_N, &s, "shop.x", "floor", "2", &why), ST_OK);
	assert_int_equal(conf_set(shop_rows, SHOP_ROWS_N, &s, "shop.x", "rooms", "5", &why), ST_OK);
	assert_int_equal(s.used, 3);
	assert_int_equal(s.shop[2].floor, 2);
	assert_int_equal(s.shop[2].rooms, 5);
	assert_int_equal(conf_set(shop_rows, SHOP_ROWS_N, &s, "shop.y", "roof", "5", &why), ST_INVALID);
	assert_string_equal(why.text, "there is no configuration key shop.y.roof");
	assert_int_equal(s.used, 3); /* an unknown key brings no section into use */
	conf_release(shop_rows, SHOP_ROWS_N, &s);
}

static void sections__every_error_names_the_line(void **state)
{
	(void)state;
	static const struct {
		const char *text, *has;
	} cases[] = {
		{"[shop.a]\nroof = 1\n", ":2: there is no key roof in [shop.a]"},
		{"[shop.east]\nroof = 1\n", ":2: there is no key roof in [shop.east]"},
		{"[shop]\nfloor = 1\n", ":2: there is no section [shop]"},
		{"[shops.a]\nfloor = 1\n", ":2: there is no section [shops.a]"},
		{"[shop.a]\nfloor = 10\n", ":2: shop.a.floor = 10: must be between 1 and 9"},
		{"[shop.a]\nfloor = x\n", ":2: shop.a.floor = x: expected a whole number"},
		{"[shop.a]\nfloor = 1\n[shop.b]\nfloor = 1\n[shop.a]\nfloor = 2\n",
			":6: shop.a.floor is set twice, first in line 2"},
		{"[shop.a]\nfloor = 1\n floor = 2\n", ":3: shop.a.floor is set twice"},
		{"[shop.a]\nnotes = 1\nnotes = 2\n", ":3: shop.a.notes is set twice, first in line 2"},
		{"[shop.a]\n = 2\n", ":2: there is no key  in [shop.a]"},
		{"[shop.]\nfloor = 1\n", ":2: [shop.]: a name has 1 to 32 letters, digits and dashes"},
		{"[shop.*]\nfloor = 1\n", ":2: [shop.*]: a name has 1 to 32"},
		{"[shop.a.b]\nfloor = 1\n", ":2: [shop.a.b]: a name has 1 to 32"},
		{"[shop.a_b]\nfloor = 1\n", ":2: [shop.a_b]: a name has 1 to 32"},
		{"[shop.a23456789-b23456789-c23456789-d23]\nfloor = 1\n", ": a name has 1 to 32"},
		{"[shop.a]\nfloor = 1\n[shop.b]\nfloor = 1\n[shop.c]\nfloor = 1\n",
			":6: [shop.c]: there are 4 sections shop.* already, which is the limit"},
		{"[shop.a]\n", ":1: [shop.a] has no keys; give it some or remove it"},
		{"[shop.east]\nfloor = 1\n\n[shop.a]\n# floor = 2\n [shop.b]\nfloor = 1\n",
			":4: [shop.a] has no keys"},
		{"[shop.a]\nnotes = 1\n[shop.a]", ":3: [shop.a] has no keys"},
		{"[shpo]\n[shop.a]\nfloor = 1\n", ":1: there is no section [shpo]"},
		{"[shop.a]\nfloor = 1\n[shpo] ; none", ":3: there is no section [shpo]"},
		{"\xef\xbb\xbf[shpo]\n", ":1: there is no section [shpo]"},
		{"[]\n", ":1: there is no section []"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct shops s;
		struct why why = WHY_INIT;
		enum status st = read_shops(cases[i].text, &s, &why);
		if (st != ST_INVALID || !strstr(why.text, cases[i].has))
			fail_msg("%s: %s %s", cases[i].text, status_name(st), why.text);
		conf_release(shop_rows, SHOP_ROWS_N, &s);
	}
}

static void sections__with_rows_of_their_own_may_be_empty(void **state)
{
	(void)state;
	struct shops s;
	struct why why = WHY_INIT;
	enum status st = read_shops(
		"[shop.east]\n[shop.west]\n[shop.a]\nnotes = one\n [shop.b]\n[shop.east]\n", &s, &why);
	if (st != ST_OK)
		fail_msg("%s", why.text);
	assert_int_equal(s.used, 3);
	assert_string_equal(s.shop[2].notes, "one\n[shop.b]"); /* a further line of the text, no section */
	conf_release(shop_rows, SHOP_ROWS_N, &s);
}

static char *print_shops(const struct shops *s, bool with_help)
{
	char *printed = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&printed, &len);
	conf_print(shop_rows, SHOP_ROWS_N, s, out, with_help);
	fclose(out);
	return printed;
}

static void sections__print_what_reads_back_to_the_same(void **state)
{
	(void)state;
	char text[700], longest[200];
	struct shops s, back;
	struct why why = WHY_INIT;
	memset(longest, 'x', sizeof longest);
	snprintf(text, sizeof text,
		"[shop.b]\nfloor = 3\nkey = hush\nnotes = one\n  two; words\n\tthree\n"
		"[shop.a]\nrooms = 0\nnotes=%.192s\n",
		longest);
	if (read_shops(text, &s, &why) != ST_OK)
		fail_msg("%s", why.text);
	assert_string_equal(s.shop[2].notes, "one\ntwo; words\nthree");
	char *once = print_shops(&s, false), *helped = print_shops(&s, true);
	assert_non_null(strstr(once, "\n\n[shop.b]\nstreet = ?\n"));
	assert_null(strstr(once, "[shop.*]"));
	assert_null(strstr(once, "hush"));
	assert_non_null(strstr(once, "# key (set)"));
	for (int i = 0; i < 2; i++) {
		if (read_shops(i ? helped : once, &back, &why) != ST_OK)
			fail_msg("%s: %s", why.text, i ? helped : once);
		assert_int_equal(back.used, 4);
		assert_string_equal(back.shop[2].name, "b");
		assert_string_equal(back.shop[2].notes, s.shop[2].notes);
		assert_string_equal(back.shop[3].notes, s.shop[3].notes);
		assert_true(back.shop[2].rooms == CONF_UNSET && back.shop[3].rooms == 0);
		conf_release(shop_rows, SHOP_ROWS_N, &back);
	}
	free(once);
	free(helped);
	conf_release(shop_rows, SHOP_ROWS_N, &s);
}

static void secrets__are_wiped(void **state)
{
	(void)state;
	struct shops s;
	struct why why = WHY_INIT;
	was_leaked = false;
	assert_int_equal(read_shops("[shop.east]\nkey = hush\n[shop.a]\nkey = hush-a\n", &s, &why), ST_OK);
	assert_int_equal(conf_set(shop_rows, SHOP_ROWS_N, &s, "shop.a", "key", "hush-b", &why), ST_OK);
	conf_release(shop_rows, SHOP_ROWS_N, &s);
	assert_false(was_leaked);
	assert_int_equal(read_shops("[shop.a]\nstreet = hush\n", &s, &why), ST_OK);
	conf_release(shop_rows, SHOP_ROWS_N, &s);
	assert_true(was_leaked); /* else nothing was looked at */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sections__of_own_names),
		cmocka_unit_test(sections__set_one_by_one),
		cmocka_unit_test(sections__every_error_names_the_line),
		cmocka_unit_test(sections__with_rows_of_their_own_may_be_empty),
		cmocka_unit_test(sections__print_what_reads_back_to_the_same),
		cmocka_unit_test(secrets__are_wiped),
	};
	return cmocka_run_group_tests_name("conf", tests, NULL, NULL);
}
