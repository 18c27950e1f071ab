/* tests/unit/test_opts_webhooks.c: sources of webhooks as configuration: what is resolved, refused and
 * printed, and where secrets come from. */
#include "spool/opts_webhooks.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define FIELDS "user-id = /u\nclaim-id = /c\nreason = /r\namount = /a\n"
#define ONE    "[webhook.shop]\nsecret = " SECRET "\n" FIELDS
#define PLAIN                                                                                                \
	"[webhook.shop]\nsignature = hmac\nheader = X-Sig\nsecret = 0123456789abcdef\n" FIELDS "phase = 7\n"

static char dir[64]; /* $CREDENTIALS_DIRECTORY */

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/clario-webhooks-XXXXXX");
	assert_non_null(mkdtemp(dir));
	setenv("CREDENTIALS_DIRECTORY", dir, 1);
	return 0;
}

static const char *path_in(const char *name, char out[128])
{
	snprintf(out, 128, "%s/%s", dir, name);
	return out;
}

static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *out = fopen(path_in(name, path), "we");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static int teardown(void **state)
{
	char path[128];
	(void)state;
	unlink(path_in("keys", path));
	unlink(path_in("conf", path));
	rmdir(dir);
	return 0;
}

typedef enum status (*loader)(const char *file, struct opts *out, struct why *why);

static enum status load_by(loader loads, const char *text, struct opts *out, struct why *why)
{
	char path[128];
	write_file("conf", text);
	return loads(path_in("conf", path), out, why);
}

static void defaults__there_is_no_source(void **state)
{
	(void)state;
	struct opts o;
	assert_int_equal(load_by(opts_load, "", &o, NULL), ST_OK);
	assert_int_equal(o.webhooks_n, 0);
	assert_null(opts_webhook(&o, slice_text("shop")));
	assert_int_equal(opts_spool_conf(&o).keep_reserved_us, 0);
	opts_release(&o);
}

static void sources__are_found_by_name(void **state)
{
	(void)state;
	struct opts o;
	assert_int_equal(
		load_by(opts_load,
			ONE "type = /t\nrejected = no, never\n[webhook.bank]\nsignature = hmac\nheader = "
			    "X-Bank\nsecret = 0123456789abcdef\nphase = 7\nwindow = 1h\n" FIELDS,
			&o, NULL),
		ST_OK);
	const struct webhook_opts *shop = opts_webhook(&o, slice_text("shop")),
				  *bank = opts_webhook(&o, slice_text("bank"));
	assert_non_null(shop);
	assert_non_null(bank);
	assert_null(opts_webhook(&o, slice_text("Shop")));
	assert_null(opts_webhook(&o, slice_text("")));
	assert_int_equal(shop->signature, WEBHOOK_STANDARD);
	assert_int_equal(shop->window_ms, 300000);
	assert_true(shop->keep_event);
	assert_true(opts_webhook_has_phase(shop, 6) && !opts_webhook_has_phase(shop, 7));
	assert_true(opts_webhook_has_phase(bank, 7) && !opts_webhook_has_phase(bank, 6));
	assert_string_equal(bank->content, "{body}");
	/* a signature is good for an hour before and one after its time */
	assert_int_equal(opts_spool_conf(&o).keep_reserved_us, INT64_C(7200000000));
	opts_release(&o);
}

static void mistakes__are_named(void **state)
{
	(void)state;
	static const struct {
		const char *text, *says;
	} rows[] = {
		{"[webhook.shop]\nphase = 7\n" FIELDS, "webhook.shop needs secret-file or secret"},
		{ONE, "webhook.shop: phase must be set, or type"},
		{ONE "type = /t\n", "webhook.shop: phase must be set, or type"},
		{ONE "paid = x\n", "webhook.shop: phase must be set, or type"},
		{ONE "phase = 5\n", "webhook.shop.phase must be 6 or 7"},
		{ONE "phase = 8\n", "must be between 0 and 7"},
		{ONE "phase = 6\ntype = /t\n", "but not both"},
		{ONE "phase = 6\npaid = x\n", "but not both"},
		{"[webhook.shop]\nsecret = " SECRET "\nphase = 6\nuser-id = /u\nclaim-id = /c\n",
			"webhook.shop.reason must be set"},
		{"[webhook.shop]\nsecret = " SECRET "\nphase = 7\nuser-id = /u\nclaim-id = /c\n",
			"webhook.shop.amount must be set"},
		{"[webhook.shop]\nsecret = " SECRET "\nphase = 7\namount = /u\nclaim-id = /c\n",
			"webhook.shop.user-id must be set"},
		{"[webhook.shop]\nsecret = " SECRET "\nphase = 7\namount = /u\nuser-id = /c\n",
			"webhook.shop.claim-id must be set"},
		{ONE "phase = 6\ncase-id = data.case\n",
			"webhook.shop.case-id = data.case: expected a JSON pointer"},
		{ONE "phase = 6\ncurrency = /a~2\n", "expected a JSON pointer"},
		{ONE "phase = 6\ncurrency = /a~\n", "expected a JSON pointer"},
		{ONE "phase = 6\nheader = X-Sig\n", "are for signature = hmac alone"},
		{ONE "phase = 6\nid = /id\n", "are for signature = hmac alone"},
		{PLAIN "header = X-Sig\n", "set twice"},
		{"[webhook.shop]\nsignature = hmac\nsecret = 0123456789abcdef\nphase = 7\n" FIELDS,
			"webhook.shop.header must name the header"},
		{PLAIN "timestamp-header = X_Time\n", "timestamp-header must be a name"},
		{PLAIN "content = {timestamp}.{body}\n", "webhook.shop.content must end with {body}"},
		{PLAIN "timestamp-header = X-Time\ncontent = {body}\n", "webhook.shop.content must end"},
		{PLAIN "content = {body}.\n", "webhook.shop.content must end"},
		{PLAIN "content = {body}{body}\n", "webhook.shop.content must end"},
		{PLAIN "content = {url}{body}\n", "webhook.shop.content must end"},
		{PLAIN "content = x\n", "webhook.shop.content must end"},
		{PLAIN "id = id\n", "webhook.shop.id = id: expected a JSON pointer"},
		{PLAIN "amount-scale = 7\n", "must be between 0 and 6"},
		{PLAIN "window = 0s\n", "must be between"},
		{PLAIN "encoding = binary\n", "hex|base64"},
		{PLAIN "secret-file = keys\n",
			"webhook.shop.secret and webhook.shop.secret-file are both given"},
		{"[webhook.shop]\nsecret = not/base64\nphase = 6\n" FIELDS, "a secret must be base64"},
		{"[webhook.shop]\nsecret = whsec_c2hvcnQ=\nphase = 6\n" FIELDS, "at least 16 bytes"},
		{"[webhook.shop]\nsignature = hmac\nheader = X\nsecret = short\nphase = 6\n" FIELDS,
			"at least 16 bytes"},
		{"[webhook.shop]\nsignature = hmac\nheader = X\nphase = 6\nsecret = 0123456789abcdef "
		 "0123456789abcdef "
		 "0123456789abcdef 0123456789abcdef 0123456789abcdef 0123456789abcdef 0123456789abcdef "
		 "0123456789abcdef 0123456789abcdef\n" FIELDS,
			"more than 8 secrets"},
		{PLAIN "[queue]\nkeep-completed = 599s\n",
			"queue.keep-completed must be at least twice webhook.shop.window"},
		{PLAIN "[queue]\nkeep-failed = 599s\n", "queue.keep-failed must be at least twice"},
		{PLAIN "[queue]\nkeep-cancelled = 599s\n", "queue.keep-cancelled must be at least twice"},
		{"[webhook.a_b]\nphase = 6\n", "letters, digits and dashes"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct opts o;
		struct why why = WHY_INIT;
		if (load_by(opts_load, rows[i].text, &o, &why) == ST_OK)
			fail_msg("taken: %s", rows[i].text);
		if (!strstr(why.text, rows[i].says))
			fail_msg("%s\n--- says: %s\n--- not: %s", rows[i].text, why.text, rows[i].says);
		if (strstr(why.text, "0123456789abcdef") || strstr(why.text, "not/base64"))
			fail_msg("a secret is told: %s", why.text);
	}
}

static void bounds__that_are_just_kept(void **state)
{
	(void)state;
	static const char *const rows[] = {
		PLAIN "[queue]\nkeep-completed = 600s\nkeep-failed = 600s\nkeep-cancelled = 600s\n",
		PLAIN "timestamp-header = X-Time\n",
		PLAIN "timestamp-header = X-Time\ncontent = v0:{timestamp}:{body}\n",
		PLAIN "content = prefix{body}\n",
		PLAIN "id = /a~1b/~0c/0\n",
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct opts o;
		struct why why = WHY_INIT;
		if (load_by(opts_load, rows[i], &o, &why) != ST_OK)
			fail_msg("%s: %s", rows[i], why.text);
		opts_release(&o);
	}
}

/* Only who is sent deliveries reads the file, and of it all secrets. */
static void secrets__in_a_file_of_the_intake(void **state)
{
	(void)state;
	const char *text = "[webhook.shop]\nsecret-file = keys\nphase = 6\n" FIELDS;
	struct opts o;
	struct why why = WHY_INIT;
	assert_int_equal(load_by(opts_load, text, &o, &why), ST_OK);
	opts_release(&o);
	assert_int_equal(load_by(opts_load_for_calls, text, &o, &why), ST_OK);
	assert_string_equal(o.webhooks[0].secret, "");
	opts_release(&o);
	assert_int_not_equal(load_by(opts_load_for_intake, text, &o, &why), ST_OK);
	assert_non_null(strstr(why.text, "webhook.shop.secret-file: cannot read"));
	write_file("keys", SECRET "\n" SECRET "\n");
	assert_int_equal(load_by(opts_load_for_intake, text, &o, &why), ST_OK);
	const char *at = o.webhooks[0].secret;
	struct slice secret;
	for (int i = 0; i < 2; i++)
		assert_true(opts_next_word(&at, &secret) && slice_is(secret, SECRET));
	assert_false(opts_next_word(&at, &secret));
	opts_release(&o);
	static const char *const bad[] = {"whsec_c2hvcnQ=\n", " \n\n", "not-base64\n"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		write_file("keys", bad[i]);
		assert_int_not_equal(load_by(opts_load_for_intake, text, &o, &why), ST_OK);
		assert_non_null(strstr(why.text, "webhook.shop: "));
		assert_null(strstr(why.text, "base64\n"));
	}
}

static void print__tells_no_secret(void **state)
{
	(void)state;
	struct opts o;
	char *printed = NULL;
	size_t len;
	write_file("keys", SECRET "\n");
	assert_int_equal(load_by(opts_load_for_intake,
				 "[webhook.shop]\nsecret-file = keys\nphase = 6\n" FIELDS
				 "[webhook.b]\nsecret = " SECRET "\nphase = 6\n" FIELDS,
				 &o, NULL),
		ST_OK);
	FILE *out = open_memstream(&printed, &len);
	opts_print(&o, out, true);
	fclose(out);
	assert_non_null(strstr(printed, "\n[webhook.shop]\n"));
	assert_non_null(strstr(printed, "# secret (set)"));
	assert_non_null(strstr(printed, "secret-file = keys"));
	assert_null(strstr(printed, "MfKQ"));
	free(printed);
	opts_release(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults__there_is_no_source),
		cmocka_unit_test(sources__are_found_by_name),
		cmocka_unit_test(mistakes__are_named),
		cmocka_unit_test(bounds__that_are_just_kept),
		cmocka_unit_test(secrets__in_a_file_of_the_intake),
		cmocka_unit_test(print__tells_no_secret),
	};
	return cmocka_run_group_tests_name("opts_webhooks", tests, setup, teardown);
}
