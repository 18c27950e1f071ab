/* tests/conformance/test_connect.c: what goes wrong with connections: reset when made, closed while kept,
 * with more in them than was asked for; names that do not resolve; TLS with certificates good and bad. */
#include "tests/support/instance.h"
#include "tests/support/tls.h"

#include "spool/opts.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct world {
	struct instance *in;
	struct receiver *python; /* phase 3's; phase 2's is in->receiver */
};

static int setup(void **state)
{
	static struct world w;
	char settings[200];
	w.python = receiver_start();
	snprintf(
		settings, sizeof settings, "retry.attempts=5 receiver.python-url=%s", receiver_url(w.python));
	w.in = instance_start(settings);
	*state = &w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	instance_stop(w->in);
	receiver_stop(w->python);
	return 0;
}

static void matching_job(struct instance *in, const char *name, char id[40])
{
	char body[200];
	snprintf(body, sizeof body, "{\"user_id\":\"%s\",\"sync_id\":\"%s\",\"claims\":[]}", name, name);
	submit_job(in, "/phase/3", body, id);
}

static void detection_job(struct instance *in, const char *name, char id[40])
{
	char body[200];
	snprintf(body, sizeof body, "{\"user_id\":\"%s\",\"sync_id\":\"%s\"}", name, name);
	submit_job(in, "/phase/2", body, id);
}

static int64_t attempts_of(json_t *job)
{
	return json_integer_value(json_object_get(job, "attempts_made"));
}

/* Wait for the outcome; the attempts that it took. */
static int64_t attempts_until(struct instance *in, const char *id, const char *state)
{
	json_t *job = wait_state(in, id, state);
	int64_t attempts = attempts_of(job);
	json_decref(job);
	return attempts;
}

static void at_connect__resets_and_closes_are_tried_again(void **state)
{
	struct world *w = *state;
	static const enum misbehaviour ways[] = {RESET, CLOSE_AT_ONCE};
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		char id[40], name[16];
		snprintf(name, sizeof name, "greet-%zu", i);
		receiver_close(w->python); /* no connection is kept */
		receiver_reopen(w->python);
		receiver_at_connect(w->python, ways[i], 2);
		matching_job(w->in, name, id);
		assert_int_equal(attempts_until(w->in, id, "completed"), 3);
		assert_int_equal(receiver_count(w->python, NULL, name), 1);
		json_t *event = find_event(w->in, name, "retry", NULL, 0);
		assert_non_null(event);
		assert_null(json_object_get(event, "http_status"));
		json_decref(event);
	}
}

static void absent__waits_until_it_is_back(void **state)
{
	struct world *w = *state;
	char id[40];
	receiver_close(w->python);
	matching_job(w->in, "absent", id);
	json_t *job = wait_state(w->in, id, "delayed");
	assert_non_null(strstr(json_string_value(json_object_get(job, "error")), "connect"));
	json_decref(job);
	receiver_reopen(w->python);
	assert_true(attempts_until(w->in, id, "completed") >= 2);
	assert_int_equal(receiver_count(w->python, NULL, "absent"), 1);
}

/* The race that every kept connection has: the receiver closes it while the next request is on its way.
 * Whether it took the request nobody knows, so that was an attempt, and it is recorded as one. */
static void kept_connection__closed_under_a_request_costs_an_attempt(void **state)
{
	struct world *w = *state;
	static const enum misbehaviour ways[] = {CLOSE_AT_ONCE, RESET};
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		char id[40], name[16], value[512];
		struct call first, second;
		snprintf(name, sizeof name, "warm-%zu", i);
		matching_job(w->in, name, id);
		json_decref(wait_state(w->in, id, "completed"));
		size_t met = receiver_met(w->python);
		receiver_rule(w->python, (struct rule){.only_kept = true, .how = ways[i], .times = 1});
		snprintf(name, sizeof name, "stale-%zu", i);
		matching_job(w->in, name, id);
		assert_int_equal(attempts_until(w->in, id, "completed"), 2);
		assert_int_equal(receiver_count(w->python, NULL, name), 2);
		assert_true(receiver_get(w->python, NULL, name, 0, &first));
		assert_true(receiver_get(w->python, NULL, name, 1, &second));
		assert_string_equal(call_header(&first, "X-Clario-Attempt", value), "1");
		assert_string_equal(call_header(&second, "X-Clario-Attempt", value), "2");
		assert_true(receiver_met(w->python) > met); /* the first one came on the kept connection */
		receiver_clear_rules(w->python);
	}
}

/* An idle connection that the receiver has closed long ago costs nothing. */
static void kept_connection__closed_before_the_request_costs_nothing(void **state)
{
	struct world *w = *state;
	char id[40];
	receiver_rule(w->python, (struct rule){.how = CLOSE_AFTER, .times = 1});
	matching_job(w->in, "polite-1", id);
	assert_int_equal(attempts_until(w->in, id, "completed"), 1);
	clock_sleep_ms(200);
	matching_job(w->in, "polite-2", id);
	assert_int_equal(attempts_until(w->in, id, "completed"), 1);
}

/* A second answer behind the first must not become that of the next job. */
static void kept_connection__an_answer_too_many_is_nobodys(void **state)
{
	struct world *w = *state;
	char id[40];
	receiver_rule(w->python, (struct rule){.how = RAW_KEPT,
					 .times = 1,
					 .body = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
						 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"});
	receiver_rule(w->python, (struct rule){.status = 404});
	matching_job(w->in, "greedy-1", id);
	json_decref(wait_state(w->in, id, "completed"));
	matching_job(w->in, "greedy-2", id);
	json_decref(wait_state(w->in, id, "failed"));
	receiver_clear_rules(w->python);
}

/* Whether this build can be told whom to trust; then the rows that say so. */
static bool trust_rows(const char *ca_file, char *out, size_t cap)
{
	*out = '\0';
	for (size_t i = 0; i < opts_rows_n; i++)
		if (strcmp(opts_rows[i].section, "receiver.integrations") == 0 &&
			strcmp(opts_rows[i].key, "ca-file") == 0)
			snprintf(out, cap, "receiver.integrations.ca-file=%s", ca_file);
	return *out;
}

struct tls_world {
	struct tls *tls;
	struct receiver *receiver;
	struct instance *in;
	char ca_file[64];
	bool has_trust;
};

static int tls_setup(void **state)
{
	static struct tls_world w;
	char settings[400], trust[128];
	snprintf(w.ca_file, sizeof w.ca_file, "/tmp/clario-ca-%d.pem", (int)getpid());
	w.tls = tls_new();
	tls_write_ca(w.tls, w.ca_file);
	w.has_trust = trust_rows(w.ca_file, trust, sizeof trust);
	w.receiver = receiver_start_tls(tls_context(w.tls, TLS_GOOD));
	snprintf(settings, sizeof settings,
		"retry.attempts=1000 retry.cap=200ms retry.factor=1 call.detection.timeout=2s "
		"call.detection.connect-timeout=700ms call.matching.timeout=2s "
		"call.matching.connect-timeout=700ms "
		"receiver.integrations-url=%s receiver.python-url=http://no-such-host.invalid %s",
		receiver_url(w.receiver), trust);
	w.in = instance_start(settings);
	*state = &w;
	return 0;
}

static int tls_teardown(void **state)
{
	struct tls_world *w = *state;
	instance_stop(w->in);
	receiver_stop(w->receiver);
	tls_free(w->tls);
	unlink(w->ca_file);
	return 0;
}

/* From the next connection on, and none is kept. */
static void show(struct tls_world *w, struct ssl_ctx_st *context)
{
	receiver_close(w->receiver);
	receiver_show(w->receiver, context);
	receiver_reopen(w->receiver);
}

/* Whether an attempt of this workflow's job failed with this text; the newest reason into seen. */
static bool has_failed_with(struct instance *in, const char *workflow, const char *says, char seen[200])
{
	char path[128];
	size_t i;
	json_t *event;
	bool found = false;
	snprintf(path, sizeof path, API "/workflows/%s", workflow);
	struct answer a = request(in, "GET", path, NULL, NULL);
	json_array_foreach(json_object_get(a.json, "events"), i, event)
	{
		const char *kind = json_string_value(json_object_get(event, "kind"));
		const char *reason = json_string_value(json_object_get(event, "reason"));
		if (!kind || strcmp(kind, "retry") != 0 || !reason)
			continue;
		found |= strstr(reason, says) != NULL;
		snprintf(seen, 200, "%s", reason);
	}
	answer_release(&a);
	return found;
}

static void wait_error(struct instance *in, const char *workflow, const char *says)
{
	char seen[200] = "";
	int64_t until = clock_mono_us() + 15000000;
	while (!has_failed_with(in, workflow, says, seen)) {
		if (clock_mono_us() > until)
			fail_msg("%s: no attempt failed with \"%s\", but with \"%s\"", workflow, says, seen);
		clock_sleep_ms(20);
	}
}

static void cancel(struct instance *in, const char *id)
{
	char path[128];
	snprintf(path, sizeof path, "/jobs/%s/cancel", id);
	struct answer a = post(in, path, "");
	answer_release(&a);
	json_decref(wait_state(in, id, "cancelled"));
}

static void tls__bad_certificates_are_refused_before_a_byte_is_said(void **state)
{
	struct tls_world *w = *state;
	static const struct {
		enum tls_certificate certificate;
		const char *workflow, *says, *says_untrusted;
	} rows[] = {
		{TLS_SELF_SIGNED, "tls-self", "self-signed certificate", "self-signed certificate"},
		{TLS_OTHER_HOST, "tls-other", "127.0.0.1", "unable to get local issuer"},
		{TLS_EXPIRED, "tls-expired", "expired", "unable to get local issuer"},
		{TLS_NOT_YET, "tls-not-yet", "not yet valid", "unable to get local issuer"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char id[40];
		show(w, tls_context(w->tls, rows[i].certificate));
		detection_job(w->in, rows[i].workflow, id);
		wait_error(w->in, rows[i].workflow, w->has_trust ? rows[i].says : rows[i].says_untrusted);
		cancel(w->in, id);
	}
	assert_int_equal(receiver_count(w->receiver, NULL, NULL), 0);
}

static void tls__a_good_certificate_is_taken_once_it_is_shown(void **state)
{
	struct tls_world *w = *state;
	char id[40];
	show(w, tls_context(w->tls, TLS_EXPIRED));
	detection_job(w->in, "tls-renewed", id);
	wait_error(w->in, "tls-renewed", "expired");
	assert_int_equal(receiver_count(w->receiver, NULL, "tls-renewed"), 0);
	show(w, tls_context(w->tls, TLS_GOOD));
	assert_true(attempts_until(w->in, id, "completed") >= 2);
	assert_int_equal(receiver_count(w->receiver, NULL, "tls-renewed"), 1);
}

static void tls__a_handshake_that_never_ends_is_given_up(void **state)
{
	struct tls_world *w = *state;
	char id[40];
	show(w, NULL); /* waits for a request in plain text, which will not come */
	detection_job(w->in, "tls-silent", id);
	wait_error(w->in, "tls-silent", "time");
	cancel(w->in, id);
}

static void tls__plain_text_is_no_handshake(void **state)
{
	struct tls_world *w = *state;
	char id[40];
	show(w, NULL);
	receiver_at_connect(w->receiver, CLOSE_AT_ONCE, -1);
	detection_job(w->in, "tls-plain", id);
	wait_error(w->in, "tls-plain", "call detection: ");
	receiver_at_connect(w->receiver, CLOSE_AT_ONCE, 0);
	cancel(w->in, id);
}

static void name__that_does_not_resolve_is_tried_again(void **state)
{
	struct tls_world *w = *state;
	char id[40];
	matching_job(w->in, "nowhere", id);
	wait_error(w->in, "nowhere", "esolv"); /* "Could not resolve host", or "Resolving timed out" */
	cancel(w->in, id);
}

int main(void)
{
	const struct CMUnitTest plain[] = {
		cmocka_unit_test(at_connect__resets_and_closes_are_tried_again),
		cmocka_unit_test(absent__waits_until_it_is_back),
		cmocka_unit_test(kept_connection__closed_under_a_request_costs_an_attempt),
		cmocka_unit_test(kept_connection__closed_before_the_request_costs_nothing),
		cmocka_unit_test(kept_connection__an_answer_too_many_is_nobodys),
	};
	const struct CMUnitTest tls[] = {
		cmocka_unit_test(tls__bad_certificates_are_refused_before_a_byte_is_said),
		cmocka_unit_test(tls__a_handshake_that_never_ends_is_given_up),
		cmocka_unit_test(tls__plain_text_is_no_handshake),
		cmocka_unit_test(name__that_does_not_resolve_is_tried_again),
	};
	const struct CMUnitTest trusting[] = {
		cmocka_unit_test(tls__a_good_certificate_is_taken_once_it_is_shown),
	};
	char rows[128];
	int failed = cmocka_run_group_tests_name("connect", plain, setup, teardown);
	failed += cmocka_run_group_tests_name("tls", tls, tls_setup, tls_teardown);
	if (trust_rows("/", rows, sizeof rows))
		failed += cmocka_run_group_tests_name("trusting", trusting, tls_setup, tls_teardown);
	return failed;
}
