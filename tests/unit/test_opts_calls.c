/* tests/unit/test_opts_calls.c: receivers and calls as configuration: what is resolved, refused and printed,
 * and where secrets come from. */
#include "spool/opts.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef enum status (*loader)(const char *file, struct opts *out, struct why *why);

static enum status load_by(loader loads, const char *text, struct opts *out, struct why *why)
{
	char path[] = "/tmp/clario-opts-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	enum status st = loads(path, out, why);
	unlink(path);
	return st;
}

static void load(const char *text, struct opts *out)
{
	struct why why = WHY_INIT;
	if (load_by(opts_load, text, out, &why) != ST_OK)
		fail_msg("%s: %s", text, why.text);
}

/* The caller frees it. */
static char *print(const struct opts *o)
{
	char *printed = NULL;
	size_t len;
	FILE *out = open_memstream(&printed, &len);
	opts_print(o, out, false);
	fclose(out);
	return printed;
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("%s\n--- does not contain:\n%s", text, part);
}

struct fixture {
	char dir[64]; /* $CREDENTIALS_DIRECTORY */
};

static int setup(void **state)
{
	static const char *const names[] = {
		"INTEGRATIONS_URL", "PYTHON_API_URL", "PYTHON_API_JWT_SECRET", "INTERNAL_API_KEY"};
	struct fixture *f = calloc(1, sizeof *f);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unsetenv(names[i]);
	snprintf(f->dir, sizeof f->dir, "/tmp/clario-secrets-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	setenv("CREDENTIALS_DIRECTORY", f->dir, 1);
	*state = f;
	return 0;
}

static const char *file_in(const struct fixture *f, const char *name, char out[128])
{
	snprintf(out, 128, "%s/%s", f->dir, name);
	return out;
}

static void write_file(const struct fixture *f, const char *name, const char *bytes, size_t len)
{
	char path[128];
	FILE *out = fopen(file_in(f, name, path), "we");
	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, len, out), len);
	fclose(out);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char path[128];
	static const char *const names[] = {"token", "other"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unlink(file_in(f, names[i], path));
	rmdir(f->dir);
	free(f);
	return 0;
}

static void calls__own_ones_follow_the_built_in_in_the_order_of_the_file(void **state)
{
	(void)state;
	struct opts o;
	int calls[CALLS_MAX];
	load("[call.z]\nphase = 7\nreceiver = shop\npath = /z\n[call.fee]\ntimeout = 20s\n"
	     "[call.a]\nphase = 7\nreceiver = python\npath = /a\n[call.other]\nphase = 12\nreceiver = shop\n"
	     "path = /o\n[receiver.shop]\nurl = http://shop/\n",
		&o);
	assert_int_equal(opts_phase_calls(&o, 7, calls), 4);
	assert_int_equal(calls[0], CALL_FEE);
	assert_int_equal(calls[1], CALL_PROOF_PACKET);
	assert_string_equal(o.call[calls[2]].name, "z");
	assert_string_equal(o.call[calls[3]].name, "a");
	assert_string_equal(o.receivers[o.call[calls[2]].receiver].url, "http://shop");
	assert_int_equal(o.call[calls[3]].receiver, RECEIVER_PYTHON);
	assert_string_equal(o.call[calls[2]].method, "POST");
	assert_string_equal(o.call[calls[2]].success, "2xx");
	assert_int_equal(o.call[calls[2]].timeout_ms, 30000);
	assert_int_equal(o.call[calls[2]].auth, AUTH_NONE);
	assert_true(o.call[calls[2]].required);
	assert_int_equal(opts_phase_calls(&o, 12, calls), 1);
	assert_int_equal(opts_phase_calls(&o, 4, calls), 0);
	opts_release(&o);
}

static void calls__built_in_ones_can_be_left_out(void **state)
{
	(void)state;
	struct opts o;
	int calls[CALLS_MAX];
	load("[call.fee]\nphase = 0\n", &o);
	assert_int_equal(opts_phase_calls(&o, 7, calls), 1);
	assert_int_equal(calls[0], CALL_PROOF_PACKET);
	opts_release(&o);
}

static void receivers__are_resolved(void **state)
{
	(void)state;
	struct opts o;
	load("[worker]\nin-flight = 1\n[receiver]\npython-url = http://py\n[receiver.python]\n"
	     "url = http://py/\nrate = 2.5\n[receiver.integrations]\nurl = http://node\n"
	     "[receiver.slow]\nurl = http://s\nconcurrency = 3\nrate = 0.1\nbreaker-share = 0\n"
	     "[receiver.big]\nurl = http://b\nrate = 7\nburst = 2\n[phase.3]\nconcurrency = 5\n",
		&o);
	assert_string_equal(o.receivers[RECEIVER_PYTHON].url, "http://py");
	assert_string_equal(o.receivers[RECEIVER_INTEGRATIONS].url, "http://node");
	assert_int_equal(o.receivers[RECEIVER_PYTHON].concurrency, 1);
	assert_int_equal(o.receivers[RECEIVER_PYTHON].rate_milli, 2500);
	assert_int_equal(o.receivers[RECEIVER_PYTHON].burst, 3); /* one second's, rounded up */
	assert_string_equal(o.receivers[2].name, "slow");
	assert_int_equal(o.receivers[2].concurrency, 3);
	assert_int_equal(o.receivers[2].rate_milli, 100);
	assert_int_equal(o.receivers[2].burst, 1);
	assert_int_equal(o.receivers[2].breaker_share, 0);
	assert_int_equal(o.receivers[3].burst, 2);
	assert_int_equal(o.phase[2].concurrency, 5);
	assert_int_equal(o.phase[3].concurrency, 0);
	opts_release(&o);
	setenv("PYTHON_API_URL", "http://other", 1);
	load("[receiver.python]\nurl = http://py\n", &o);
	assert_string_equal(o.receivers[RECEIVER_PYTHON].url, "http://other");
	char *text = print(&o);
	struct opts back;
	unsetenv("PYTHON_API_URL");
	load(text, &back);
	assert_string_equal(back.receivers[RECEIVER_PYTHON].url, "http://other");
	free(text);
	opts_release(&back);
	opts_release(&o);
}

#define OWN "[receiver.shop]\nurl = http://shop\n[call.own]\nphase = 3\nreceiver = shop\npath = /x\n"

struct refused {
	const char *text, *has;
};

static void assert_refused(const struct refused *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct opts o;
		struct why why = WHY_INIT;
		if (load_by(opts_load, cases[i].text, &o, &why) != ST_INVALID ||
			!strstr(why.text, cases[i].has))
			fail_msg("%s: %s", cases[i].text, why.text);
	}
}

static void requests__that_cannot_be(void **state)
{
	(void)state;
	static const struct refused cases[] = {
		{"[call.fee]\nmethod = post\n", "call.fee.method"},
		{"[call.fee]\nmethod = HEAD\n", "call.fee.method"},
		{"[call.fee]\npath = x\n", "call.fee.path must begin with a slash"},
		{"[call.fee]\ntimeout = 1s\nconnect-timeout = 2s\n", "must not exceed"},
		{"[call.fee]\nphase = 3\n", "call.fee.phase must be 7, or 0"},
		{"[call.fee]\nreceiver = nobody\n",
			"call.fee.receiver = nobody: there is no [receiver.nobody]"},
		{"[call.own]\nreceiver = python\npath = /x\n", "call.own.phase must be set"},
		{OWN "[call.b]\nphase = 0\nreceiver = shop\npath = /x\n", "call.b.phase must be 1 to 7"},
		{OWN "[call.b]\nphase = 8\nreceiver = shop\npath = /x\n", "call.b.phase must be 1 to 7"},
		{OWN "[call.b]\nphase = 15\nreceiver = shop\npath = /x\n",
			"call.b.phase = 15: must be between"},
		{"[call.own]\nphase = 1\npath = /x\n", "call.own.receiver must be set"},
		{"[call.own]\nphase = 1\nreceiver = python\n", "call.own.path must begin with a slash"},
		{OWN "phases = 3\n", ":7: there is no key phases in [call.own]"},
		{"[call.fee]\npath = /{claim}\n", "call.fee.path: there is no hole {claim}"},
		{"[call.fee]\npath = /{payload}\n", "call.fee.path: there is no hole {payload}"},
		{"[call.fee]\npath = /{payload.}\n", "call.fee.path: there is no hole {payload.}"},
		{"[call.fee]\npath = /{claim_id\n", "call.fee.path: there is no hole {claim_id"},
		{"[call.fee]\npath = /a b\n", "call.fee.path: byte 0x20 cannot stand in a path"},
		{"[call.fee]\npath = /a}\n", "call.fee.path: byte 0x7d"},
		{"[call.fee]\npath = /a#b\n", "call.fee.path: byte 0x23"},
		{OWN "success =\n", "call.own.success"},
		{OWN "success = 2xx,\n", "call.own.success"},
		{OWN "success = 199\n", "call.own.success"},
		{OWN "success = 600\n", "call.own.success"},
		{OWN "success = 300-200\n", "call.own.success"},
		{OWN "success = 2xx 409\n", "call.own.success"},
		{OWN "success = ok\n", "call.own.success"},
		{OWN "body = {\"a\":}\n", "call.own.body: JSON is malformed at line 1"},
		{OWN "body = {\"a\":${user}}\n", "call.own.body: there is no hole ${user}"},
		{OWN "body = {\"a\":\"${user_id}\"}\n",
			"call.own.body: ${user_id} stands for a whole JSON value"},
		{OWN "body = {\"a\":\"\\\"${user_id}\"}\n", "stands for a whole JSON value"},
		{OWN "body = {${user_id}:1}\n", "call.own.body: JSON is malformed"},
		{OWN "body = {\"a\":1${payload.n}}\n", "call.own.body: JSON is malformed"},
		{OWN "body = {\"a\":${user_id\n", "call.own.body: there is no hole ${user_id"},
	};
	assert_refused(cases, sizeof cases / sizeof *cases);
}

static void credentials_and_receivers__that_cannot_be(void **state)
{
	(void)state;
	static const struct refused cases[] = {
		{OWN "auth-header = X-Api-Key\n", "call.own: auth-header is for auth = header alone"},
		{OWN "secret = s\n", "call.own: a secret needs an auth other than none"},
		{OWN "auth = header\nsecret = s\n", "call.own: auth = header needs auth-header"},
		{OWN "auth = header\nauth-header = A B\nsecret = s\n", "needs auth-header"},
		{OWN "auth = header\nauth-header = A:\nsecret = s\n", "needs auth-header"},
		{OWN "auth = header\nauth-header = X-Api-Key\n", "call.own: auth = header needs secret-file"},
		{OWN "auth = header\nauth-header = idempotency-key\nsecret = s\n", "each call has already"},
		{OWN "auth = header\nauth-header = X-Clario-Job\nsecret = s\n", "each call has already"},
		{OWN "auth = header\nauth-header = X-Key\nsecret = a\xc3\xa9\n",
			"call.own.secret is sent in a header"},
		{OWN "auth = jwt\nsecret = s\nsecret-file = token\n",
			"call.own.secret and call.own.secret-file are both given"},
		{"[receiver]\ninternal-api-key = a\xc3\xa9\n",
			"receiver.internal-api-key is sent in a header"},
		{"[receiver]\npython-jwt-secret = s\npython-jwt-secret-file = token\n",
			"receiver.python-jwt-secret and receiver.python-jwt-secret-file are both given"},
		{"[receiver]\ninternal-api-key = s\ninternal-api-key-file = token\n", "are both given"},
		{"[receiver]\npython-url = http://a\n[receiver.python]\nurl = http://b\n",
			"receiver.python-url and receiver.python.url differ"},
		{"[receiver.shop]\nrate = 1\n", "receiver.shop.url must be set"},
		{"[receiver.shop]\nurl = http://x\nbreaker-open = 1h\n", "must not exceed"},
		{"[receiver.shop]\nurl = http://x\nca-file = ca.pem\n", "expected an absolute path"},
		{"[worker]\nallowed-networks = metadata\n", "expected addresses or CIDR blocks"},
		{"[receiver.a]\nurl=http://x\n[receiver.b]\nurl=http://x\n[receiver.c]\nurl=http://x\n"
		 "[receiver.d]\nurl=http://x\n[receiver.e]\nurl=http://x\n[receiver.f]\nurl=http://x\n"
		 "[receiver.g]\nurl=http://x\n[receiver.h]\nurl=http://x\n[receiver.i]\nurl=http://x\n"
		 "[receiver.j]\nurl=http://x\n[receiver.k]\nurl=http://x\n[receiver.l]\nurl=http://x\n"
		 "[receiver.m]\nurl=http://x\n[receiver.n]\nurl=http://x\n[receiver.o]\nurl=http://x\n",
			":30: [receiver.o]: there are 16 sections"},
	};
	assert_refused(cases, sizeof cases / sizeof *cases);
}

static void success__as_a_table(void **state)
{
	(void)state;
	static const struct {
		const char *list;
		long status;
		bool is_success;
	} rows[] = {
		{"2xx", 200, true},
		{"2xx", 299, true},
		{"2xx", 300, false},
		{"2xx", 199, false},
		{"2xx", 0, false},
		{"2xx,409", 409, true},
		{"2xx,409", 410, false},
		{"200-204, 409", 204, true},
		{"200-204, 409", 205, false},
		{"200-204, 409", 409, true},
		{"204", 200, false},
		{"2xx-3xx", 399, true},
		{"202 , 5xx", 503, true},
		{"202 , 5xx", 202, true},
		{"202 , 5xx", 404, false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct opts o;
		char text[200];
		snprintf(text, sizeof text, OWN "success = %s\n", rows[i].list);
		load(text, &o);
		if (opts_is_success(&o.call[CALL_N], rows[i].status) != rows[i].is_success)
			fail_msg("%s: %ld", rows[i].list, rows[i].status);
		opts_release(&o);
	}
}

static void print__is_resolved_and_reads_back_to_the_same(void **state)
{
	struct fixture *f = *state;
	struct opts o, back;
	struct why why = WHY_INIT;
	write_file(f, "token", "hush\n", 5);
	setenv("PYTHON_API_JWT_SECRET", "hush-jwt", 1);
	assert_int_equal(load_by(opts_load_for_calls,
				 OWN "method = PUT\nauth = header\nauth-header = X-Api-Key\n"
				     "secret-file = token\nrequired = no\nbody = {\"user\": ${user_id},\n"
				     "  \"all\": ${payload}}\n"
				     "[receiver]\ninternal-api-key = hush-key\npython-url = http://py\n",
				 &o, &why),
		ST_OK);
	char *text = print(&o);
	assert_null(strstr(text, "hush"));
	assert_has(text, "\n[receiver.shop]\nurl = http://shop\nconcurrency = 48\n");
	assert_has(text, "\n[call.own]\nphase = 3\nreceiver = shop\nmethod = PUT\npath = /x\n");
	assert_has(text, "\n# secret (set)\nsecret-file = token\n");
	assert_has(text, "\n# phase 3: matching, auth jwt, secret set by environment\n"
			 "#   POST http://py/api/internal/evidence/matching/run\n"
			 "# phase 3: own, auth header, secret set by its secret-file, not required\n"
			 "#   PUT http://shop/x\n");
	assert_has(text, "\n# phase 1: sync, auth api-key, secret set by receiver.internal-api-key\n");
	load(text, &back);
	assert_int_equal(back.calls_n, o.calls_n);
	assert_int_equal(back.receivers_n, o.receivers_n);
	assert_string_equal(back.call[CALL_N].body, "{\"user\": ${user_id},\n\"all\": ${payload}}");
	assert_false(back.call[CALL_N].required);
	assert_int_equal(back.receivers[2].concurrency, 48);
	free(text);
	unsetenv("PYTHON_API_JWT_SECRET");
	opts_release(&back);
	opts_release(&o);
}

static void secrets__come_from_files(void **state)
{
	struct fixture *f = *state;
	struct opts o;
	struct why why = WHY_INIT;
	char text[400], path[128];
	const char *from;
	write_file(f, "token", "hush \t\r\n", 8);
	write_file(f, "other", "two\nlines", 9);
	snprintf(text, sizeof text,
		OWN "auth = jwt\nsecret-file = token\n[receiver]\npython-jwt-secret-file = %s\n"
		    "internal-api-key-file = gone\n",
		file_in(f, "other", path));
	setenv("INTERNAL_API_KEY", "from-env", 1); /* so that its file is not even looked at */
	enum status st = load_by(opts_load_for_calls, text, &o, &why);
	if (st != ST_OK)
		fail_msg("%s", why.text);
	assert_string_equal(opts_call_secret(&o, &o.call[CALL_N], &from), "hush \t");
	assert_string_equal(from, "its secret-file");
	assert_string_equal(opts_call_secret(&o, &o.call[CALL_MATCHING], &from), "two\nlines");
	assert_string_equal(from, "receiver.python-jwt-secret-file");
	assert_string_equal(opts_call_secret(&o, &o.call[CALL_FEE], &from), "from-env");
	assert_string_equal(from, "environment");
	opts_release(&o);
	unsetenv("INTERNAL_API_KEY");
	/* Who makes no calls needs no right to the files. */
	load(text, &o);
	assert_string_equal(o.call[CALL_N].secret, "");
	opts_release(&o);
}

static void secrets__files_that_cannot_be(void **state)
{
	struct fixture *f = *state;
	char longest[SECRET_MAX + 2];
	memset(longest, 'x', sizeof longest);
	const struct {
		const char *bytes;
		size_t len;
		const char *has;
	} rows[] = {
		{NULL, 0, "call.own.secret-file: cannot read /tmp/clario-secrets-"},
		{"", 0, "is empty"},
		{"\n", 1, "is empty"},
		{"a\0b", 3, "has a NUL byte in it"},
		{longest, SECRET_MAX + 1, "is too long for a secret"},
		{"hush\nhush\n", 10, "call.own.secret is sent in a header"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct opts o;
		struct why why = WHY_INIT;
		if (rows[i].bytes)
			write_file(f, "token", rows[i].bytes, rows[i].len);
		assert_int_not_equal(
			load_by(opts_load_for_calls,
				OWN "auth = header\nauth-header = X-Key\nsecret-file = token\n", &o, &why),
			ST_OK);
		assert_has(why.text, rows[i].has);
		assert_null(strstr(why.text, "hush"));
	}
	struct opts o;
	struct why why = WHY_INIT;
	write_file(f, "token", longest, SECRET_MAX);
	assert_int_equal(
		load_by(opts_load_for_calls, OWN "auth = jwt\nsecret-file = token\n", &o, &why), ST_OK);
	assert_int_equal(strlen(o.call[CALL_N].secret), SECRET_MAX);
	opts_release(&o);
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_int_equal(
		load_by(opts_load_for_calls, OWN "auth = jwt\nsecret-file = token\n", &o, &why), ST_INVALID);
	assert_has(why.text, "call.own.secret-file = token: a relative path is looked up in");
	assert_int_equal(
		load_by(opts_load_for_calls, OWN "auth = jwt\nsecret-file = /tmp\n", &o, &why), ST_INVALID);
	assert_has(why.text, "/tmp is no regular file");
}

static void authorities__must_be_readable(void **state)
{
	(void)state;
	struct opts o;
	struct why why = WHY_INIT;
	static const char text[] = "[receiver.python]\nca-file = /nonexistent/ca.pem\n";
	assert_int_equal(load_by(opts_load_for_calls, text, &o, &why), ST_NOTFOUND);
	assert_has(why.text, "receiver.python.ca-file: cannot read /nonexistent/ca.pem");
	load(text, &o);
	opts_release(&o);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* Those of rows, of files and of the environment, wherever they come back from. */
static void scrub__takes_out_what_is_configured(void **state)
{
	struct fixture *f = *state;
	struct opts o;
	struct why why = WHY_INIT;
	char path[100];
	snprintf(path, sizeof path, "%s/own-key", f->dir);
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fputs("of-a-file\n", file);
	fclose(file);
	setenv("INTERNAL_API_KEY", "of-the-environment", 1);
	assert_int_equal(load_by(opts_load_for_calls,
				 "[receiver]\npython-jwt-secret = of-a-row\n[receiver.x]\nurl = http://x\n"
				 "[call.own]\nphase = 3\nreceiver = x\npath = /\nauth = header\n"
				 "auth-header = X-Key\nsecret-file = own-key\n",
				 &o, &why),
		ST_OK);
	unsetenv("INTERNAL_API_KEY");
	struct buf out = BUF_INIT(1000);
	opts_scrub(&o,
		slice_text("xof-a-rowx of-a-file, of-the-environment: Bearer abc token=1 answered 500"),
		&out);
	assert_string_equal(out.p, "x***x ***, ***: Bearer *** token=*** answered 500");
	buf_release(&out);
	opts_release(&o);
	assert_null(o.privacy.mask);
	unlink(path);
}

static void environment__is_wiped_of_secrets_alone(void **state)
{
	(void)state;
	static char key[] = "INTERNAL_API_KEY=hush", url[] = "INTEGRATIONS_URL=http://x";
	putenv(key); /* this very memory */
	putenv(url);
	opts_wipe_environment();
	assert_string_equal(getenv("INTERNAL_API_KEY"), "");
	for (size_t i = sizeof "INTERNAL_API_KEY"; i < sizeof key; i++)
		assert_int_equal(key[i], 0);
	assert_string_equal(getenv("INTEGRATIONS_URL"), "http://x");
	unsetenv("INTERNAL_API_KEY");
	unsetenv("INTEGRATIONS_URL");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(calls__own_ones_follow_the_built_in_in_the_order_of_the_file),
		CASE(calls__built_in_ones_can_be_left_out),
		CASE(receivers__are_resolved),
		CASE(requests__that_cannot_be),
		CASE(credentials_and_receivers__that_cannot_be),
		CASE(success__as_a_table),
		CASE(print__is_resolved_and_reads_back_to_the_same),
		CASE(secrets__come_from_files),
		CASE(secrets__files_that_cannot_be),
		CASE(authorities__must_be_readable),
		CASE(scrub__takes_out_what_is_configured),
		CASE(environment__is_wiped_of_secrets_alone),
	};
	return cmocka_run_group_tests_name("opts_calls", tests, NULL, NULL);
}
