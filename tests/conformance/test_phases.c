/* tests/conformance/test_phases.c: each phase from trigger to recorded outcome: the calls its receivers get,
 * the result, and what is told to people. */
#include "tests/support/instance.h"

#include <stdio.h>
#include <string.h>

static int setup(void **state)
{
	*state = instance_start("receiver.python-jwt-secret=s3cret receiver.internal-api-key=k3y");
	return 0;
}

static int teardown(void **state)
{
	instance_stop(*state);
	return 0;
}

static struct call only_call(struct instance *in, const char *path_has, const char *body_has)
{
	struct call call = {.at_ms = 0};
	assert_true(receiver_get(in->receiver, path_has, body_has, 0, &call));
	assert_int_equal(receiver_count(in->receiver, path_has, body_has), 1);
	return call;
}

/* The outcome of a job as compact JSON. */
static char *outcome_of(struct instance *in, const char *id)
{
	json_t *job = wait_state(in, id, "completed");
	char *text = json_dumps(json_object_get(job, "outcome"), JSON_COMPACT | JSON_REAL_PRECISION(15));
	json_decref(job);
	return text;
}

static void assert_outcome(struct instance *in, const char *id, const char *want)
{
	char *text = outcome_of(in, id);
	assert_string_equal(text, want);
	free(text);
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("%s does not contain %s", text, part);
}

/* The payload of the i-th event of a kind and name, as compact JSON with its room before it. */
static char *told(struct instance *in, const char *workflow, const char *kind, const char *name, size_t i)
{
	json_t *event = find_event(in, workflow, kind, name, i);
	char *data, *text = NULL;
	if (!event)
		fail_msg("no %s %s number %zu in %s", kind, name, i, workflow);
	data = json_dumps(json_object_get(event, "data"), JSON_COMPACT | JSON_REAL_PRECISION(15));
	if (asprintf(&text, "%s %s", json_string_value(json_object_get(event, "room")), data) < 0)
		text = NULL;
	free(data);
	json_decref(event);
	return text;
}

static void assert_told(
	struct instance *in, const char *workflow, const char *name, size_t i, const char *part)
{
	bool is_notification = strcmp(name, "notification") == 0;
	char *text = told(in, workflow, is_notification ? "notification" : "progress", name, i);
	assert_has(text, part);
	free(text);
}

static void assert_common_headers(const struct call *call, const char *id, const char *name)
{
	char value[512], want[80];
	assert_string_equal(call->method, "POST");
	snprintf(want, sizeof want, "%s:%s", id, name);
	assert_string_equal(call_header(call, "Idempotency-Key", value), want);
	assert_string_equal(call_header(call, "X-Clario-Job", value), id);
	assert_string_equal(call_header(call, "X-Clario-Attempt", value), "1");
	assert_string_equal(call_header(call, "X-Clario-Lease", value), "1");
	assert_string_equal(call_header(call, "Content-Type", value), "application/json");
	assert_memory_equal(call_header(call, "User-Agent", value), "clario-workflow/", 16);
	assert_string_equal(call_header(call, "Expect", value), "");
}

static void phase_1__starts_the_sync(void **state)
{
	struct instance *in = *state;
	char id[40], value[512];
	receiver_rule(in->receiver, (struct rule){.path_has = "/amazon/sync",
					    .body_has = "p1",
					    .body = "{\"success\":true,\"syncId\":\"sync_p1_77\"}"});
	submit_job(in, "/phase/1", "{\"user_id\":\"p1\",\"seller_id\":\"s1\",\"sync_id\":\"w1\"}", id);
	assert_outcome(in, id,
		"{\"success\":true,\"step\":1,\"message\":\"Phase 1: Onboarding complete - sync started\","
		"\"data\":{\"sync_id\":\"sync_p1_77\",\"seller_id\":\"s1\"}}");
	struct call call = only_call(in, "/amazon/sync", "p1");
	assert_string_equal(call.path, "/api/v1/integrations/amazon/sync");
	assert_common_headers(&call, id, "sync");
	assert_string_equal(call_header(&call, "X-Internal-Api-Key", value), "k3y");
	assert_string_equal(call_header(&call, "X-User-Id", value), "p1");
	assert_told(in, "w1", "notification", 0,
		"user_p1 {\"type\":\"info\",\"title\":\"Onboarding Started\",\"message\":\"Connected to "
		"Amazon!\"");
	assert_told(in, "w1", "notification", 1,
		"\"title\":\"Onboarding Complete\",\"message\":\"Connected to "
		"Amazon!\",\"data\":{\"sync_started\":true,"
		"\"sync_id\":\"sync_p1_77\",\"next_step\":\"Syncing your data... (30 seconds)\"}");
	assert_int_equal(count_events(in, "w1", "notification", NULL), 2);
	assert_told(in, "w1", "sync_progress_update", 0,
		"sync_w1 {\"syncId\":\"w1\",\"stage\":\"Phase 1: Zero-Friction "
		"Onboarding\",\"percent\":14,\"totalCases\":7,"
		"\"processedCases\":1,\"audit\":[],\"updatedAt\":\"");
	assert_told(in, "w1", "workflow.phase.1.completed", 0,
		"user_p1 {\"phase\":1,\"event\":\"workflow.phase.1.completed\",\"timestamp\":\"");
}

static void phase_1__a_sync_that_runs_already_is_a_success(void **state)
{
	struct instance *in = *state;
	char id[40];
	receiver_rule(in->receiver, (struct rule){.path_has = "/amazon/sync",
					    .body_has = "busy",
					    .status = 409,
					    .body = "{\"success\":false,\"error\":\"sync_in_progress\","
						    "\"existingSyncId\":\"old\"}"});
	submit_job(in, "/phase/1", "{\"user_id\":\"busy\",\"sync_id\":\"w1b\"}", id);
	assert_outcome(in, id,
		"{\"success\":true,\"step\":1,\"message\":\"Phase 1: Onboarding complete - sync started\","
		"\"data\":{\"sync_id\":\"old\",\"seller_id\":\"busy\"}}");
}

static void phase_2__starts_detection(void **state)
{
	struct instance *in = *state;
	char id[40];
	submit_job(in, "/phase/2",
		"{\"user_id\":\"p2\",\"sync_id\":\"w2\",\"orders_count\":12,\"inventory_items\":null}", id);
	assert_outcome(in, id,
		"{\"success\":true,\"step\":2,\"message\":\"Phase 2: Detection triggered after sync "
		"(PRODUCTION MODE)\","
		"\"data\":{\"orders_count\":12,\"inventory_items\":0,\"detection_job_queued\":true,\"is_"
		"sandbox\":false,"
		"\"mode\":\"PRODUCTION\"}}");
	struct call call = only_call(in, "/api/detections/run", "w2");
	assert_common_headers(&call, id, "detection");
	assert_has(call.body, "\"syncId\":\"w2\"");
	assert_int_equal(count_events(in, "w2", "notification", NULL), 1);
	assert_told(in, "w2", "notification", 0,
		"\"message\":\"Data sync complete! Scanning for potential "
		"claims...\",\"data\":{\"orders_count\":12,"
		"\"inventory_items\":0,\"next_step\":\"Running detection "
		"algorithms...\",\"is_sandbox\":false,"
		"\"mode\":\"PRODUCTION\"}");
}

static void phase_3__matches_evidence(void **state)
{
	struct instance *in = *state;
	char id[40], value[512];
	static const char claims[] = "[{\"claim_id\":\"a\",\"confidence\":0.9,\"amount\":1.10},{"
				     "\"confidence\":\"0.5\"},{},{\"confidence\":[]}]";
	char body[300], want[300];
	snprintf(body, sizeof body, "{\"user_id\":\"p3\",\"sync_id\":\"w3\",\"claims\":%s}", claims);
	submit_job(in, "/phase/3", body, id);
	assert_outcome(in, id,
		"{\"success\":true,\"step\":3,\"message\":\"Phase 3: Evidence matching triggered\","
		"\"data\":{\"claims_found\":4,\"evidence_matching_triggered\":true,\"confidence_ignored\":1}"
		"}");
	struct call call = only_call(in, "/evidence/matching/run", "p3");
	assert_common_headers(&call, id, "matching");
	snprintf(want, sizeof want, "{\"user_id\":\"p3\",\"claims\":%s}", claims);
	assert_string_equal(call.body, want); /* as given, to the byte */
	assert_memory_equal(call_header(&call, "Authorization", value), "Bearer eyJ", 10);
	assert_told(in, "w3", "notification", 0,
		"\"title\":\"Detection Complete\",\"message\":\"4 potential claims found! Matching "
		"evidence...\","
		"\"data\":{\"claims_found\":4,\"high_confidence\":1,\"medium_confidence\":1,\"success_"
		"probability\":35");
	assert_told(in, "w3", "notification", 1, "Success probability: 35%");
	assert_int_equal(count_events(in, "w3", "notification", NULL), 2);
}

static void phase_3__an_empty_list_counts_as_given(void **state)
{
	struct instance *in = *state;
	char id[40];
	submit_job(in, "/phase/3",
		"{\"user_id\":\"p3e\",\"sync_id\":\"w3e\",\"claims\":[],\"claims_found\":[{}]}", id);
	json_decref(wait_state(in, id, "completed"));
	struct call call = only_call(in, "/evidence/matching/run", "p3e");
	assert_string_equal(call.body, "{\"user_id\":\"p3e\",\"claims\":[]}");
	assert_int_equal(count_events(in, "w3e", "notification", NULL), 1); /* no probability of nothing */
}

static void phase_4__routes_without_a_call(void **state)
{
	struct instance *in = *state;
	char id[40];
	submit_job(in, "/phase/4",
		"{\"user_id\":\"p4\",\"sync_id\":\"w4\",\"matches\":[{\"confidence\":0.85},{\"confidence\":0."
		"8499},"
		"{\"confidence\":0.5},{\"confidence\":0.49},{}]}",
		id);
	assert_outcome(in, id,
		"{\"success\":true,\"step\":4,\"message\":\"Phase 4: Evidence matching complete - routing "
		"claims\","
		"\"data\":{\"matches\":5,\"auto_submits\":1,\"smart_prompts\":2,\"manual_review\":2}}");
	assert_int_equal(receiver_count(in->receiver, NULL, "p4"), 0);
	assert_told(in, "w4", "notification", 0,
		"\"title\":\"Evidence Matching Complete\",\"message\":\"1 claims ready for automatic "
		"submission\"");
}

static void phase_5__tracks_the_submission(void **state)
{
	struct instance *in = *state;
	char id[40];
	submit_job(in, "/phase/5", "{\"user_id\":\"p5\",\"claim_id\":\"c5\",\"amazon_case_id\":\"K-1\"}", id);
	assert_outcome(in, id,
		"{\"success\":true,\"step\":5,\"message\":\"Phase 5: Claim submitted - tracking started\","
		"\"data\":{\"claim_id\":\"c5\",\"amazon_case_id\":\"K-1\",\"status\":\"submitted\"}}");
	assert_told(
		in, "claim_c5", "notification", 0, "\"message\":\"Claim submitted to Amazon (Case #K-1)\"");
	submit_job(in, "/phase/5", "{\"user_id\":\"p5\",\"claim_id\":\"c5n\",\"amazon_case_id\":null}", id);
	assert_outcome(in, id,
		"{\"success\":true,\"step\":5,\"message\":\"Phase 5: Claim submitted - tracking started\","
		"\"data\":{\"claim_id\":\"c5n\",\"status\":\"submitted\"}}");
	assert_told(in, "claim_c5n", "notification", 0, "\"message\":\"Claim submitted to Amazon\"");
	submit_job(in, "/phase/5", "{\"user_id\":\"p5\",\"claim_id\":\"c5a\",\"case_id\":\"K-2\"}", id);
	json_decref(wait_state(in, id, "completed"));
	assert_told(in, "claim_c5a", "notification", 0, "(Case #K-2)");
}

static void phase_6__logs_the_rejection(void **state)
{
	struct instance *in = *state;
	char id[40];
	submit_job(in, "/phase/6",
		"{\"user_id\":\"p6\",\"claim_id\":\"c6\",\"reason\":\"too late\",\"case_id\":\"K-6\"}", id);
	assert_outcome(in, id,
		"{\"success\":true,\"step\":6,\"message\":\"Phase 6: Rejection logged - learning triggered\","
		"\"data\":{\"claim_id\":\"c6\",\"rejection_reason\":\"too "
		"late\",\"learning_triggered\":true}}");
	struct call call = only_call(in, "/api/v1/claim-detector/rejections/log", "c6");
	assert_common_headers(&call, id, "rejection");
	assert_string_equal(call.body, "{\"user_id\":\"p6\",\"claim_id\":\"c6\",\"amazon_case_id\":\"K-6\","
				       "\"rejection_reason\":\"too late\"}");
	assert_told(in, "rejection_c6", "notification", 0,
		"{\"type\":\"warning\",\"title\":\"Claim Rejected\",\"message\":\"Claim rejected - system "
		"learning from this feedback\"");
}

static void phase_7__splits_the_payout(void **state)
{
	struct instance *in = *state;
	char id[40];
	receiver_rule(in->receiver, (struct rule){.path_has = "/proof-packets/c7/",
					    .body = "{\"ok\":true,\"data\":{\"packet_id\":\"pk-7\"}}"});
	submit_job(in, "/phase/7",
		"{\"user_id\":\"p7\",\"claim_id\":\"c7\",\"amount\":120.50,\"amazon_case_id\":\"K-7\"}", id);
	char *text = outcome_of(in, id);
	assert_has(text, "\"message\":\"Phase 7: Payout processed - proof packet generated\"");
	assert_has(text, "\"proof_packet_id\":\"pk-7\"");
	free(text);
	struct call fee = only_call(in, "/api/v1/stripe/process-fee", "c7"),
		    packet = only_call(in, "/proof-packets/c7/", NULL);
	assert_common_headers(&fee, id, "fee");
	assert_common_headers(&packet, id, "proof-packet");
	assert_string_equal(fee.body, "{\"user_id\":\"p7\",\"claim_id\":\"c7\",\"amount_recovered\":120.50,"
				      "\"platform_fee\":24.10}");
	assert_memory_equal(packet.body, "{\"payout_details\":{\"amount\":120.50,\"date\":\"20", 44);
	assert_string_equal(packet.path, "/api/v1/evidence/proof-packets/c7/generate");
	assert_true(fee.at_ms <= packet.at_ms);
	assert_told(in, "payout_c7", "notification", 0, "\"message\":\"Payment received! You keep $96.40\"");
	assert_told(in, "payout_c7", "sync_completed", 0,
		"sync_payout_c7 {\"success\":true,\"message\":\"Sync completed successfully\"}");
	assert_int_equal(count_events(in, "payout_c7", "notification", NULL), 1);
}

/* The API gives the outcome byte for byte: two decimals, and the amount as it came. */
static void phase_7__amounts_keep_their_form(void **state)
{
	struct instance *in = *state;
	static const struct {
		const char *amount, *has;
	} rows[] = {
		{"\"12.50\"",
			"{\"amount_recovered\":\"12.50\",\"seller_payout\":10.00,\"platform_fee\":2.50,"},
		{"0.03", "{\"amount_recovered\":0.03,\"seller_payout\":0.02,\"platform_fee\":0.01,"},
		{"1.005", "{\"amount_recovered\":1.005,\"seller_payout\":0.81,\"platform_fee\":0.20,"},
		{"1e2", "{\"amount_recovered\":1e2,\"seller_payout\":80.00,\"platform_fee\":20.00,"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char body[200], id[40], path[120];
		snprintf(body, sizeof body, "{\"user_id\":\"p7\",\"claim_id\":\"money-%zu\",\"amount\":%s}",
			i, rows[i].amount);
		submit_job(in, "/phase/7", body, id);
		json_decref(wait_state(in, id, "completed"));
		snprintf(path, sizeof path, API "/jobs/%s", id);
		struct answer a = request(in, "GET", path, NULL, NULL);
		assert_has(a.body, rows[i].has);
		answer_release(&a);
	}
}

static void claim_id__is_percent_encoded_in_paths(void **state)
{
	struct instance *in = *state;
	static const struct {
		const char *claim, *path;
	} rows[] = {
		{"a/../../x?y=1", "/api/v1/evidence/proof-packets/a%2F..%2F..%2Fx%3Fy%3D1/generate"},
		{"b c#d", "/api/v1/evidence/proof-packets/b%20c%23d/generate"},
		{"\xc3\xa9", "/api/v1/evidence/proof-packets/%C3%A9/generate"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char body[200], id[40];
		snprintf(body, sizeof body, "{\"user_id\":\"enc\",\"claim_id\":\"%s\",\"amount\":5}",
			rows[i].claim);
		submit_job(in, "/phase/7", body, id);
		json_decref(wait_state(in, id, "completed"));
		assert_int_equal(receiver_count(in->receiver, rows[i].path, NULL), 1);
	}
}

static void legacy_steps__answer_as_they_always_did(void **state)
{
	struct instance *in = *state;
	static const char *const want[] = {
		"{\"success\":true,\"step\":1,\"message\":\"Amazon claims fetched and mapped "
		"successfully\",\"data\":{\"claimsProcessed\":1}}",
		"{\"success\":true,\"step\":2,\"message\":\"Amazon data normalized and "
		"ingested\",\"data\":{\"totalCases\":0,\"processed\":0,"
		"\"duplicates\":0,\"audit\":[]}}",
		"{\"success\":true,\"step\":3,\"message\":\"Ledger entries created "
		"successfully\",\"data\":{\"ledgerEntriesCreated\":1}}",
		"{\"success\":true,\"step\":4,\"message\":\"Stripe transactions processed successfully\","
		"\"data\":{\"transactionsProcessed\":0}}",
		"{\"success\":true,\"step\":5,\"message\":\"Cases finalized "
		"successfully\",\"data\":{\"casesFinalized\":1}}",
	};
	for (int step = 10; step <= 14; step++) {
		char path[16], id[40];
		snprintf(path, sizeof path, "/step/%d", step);
		submit_job(in, path, "{\"user_id\":\"old\",\"sync_id\":\"legacy\"}", id);
		assert_outcome(in, id, want[step - 10]);
	}
}

static void trace__goes_on_with_a_new_span(void **state)
{
	struct instance *in = *state;
	static const char given[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
	char headers[200], value[512];
	snprintf(headers, sizeof headers, "Content-Type: application/json\ntraceparent: %s\ntracestate: a=1",
		given);
	struct answer a =
		request(in, "POST", API "/phase/2", headers, "{\"user_id\":\"tr\",\"sync_id\":\"trace\"}");
	assert_int_equal(a.status, 200);
	json_decref(wait_state(in, answer_text(&a, "job_id"), "completed"));
	answer_release(&a);
	struct call call = only_call(in, "/api/detections/run", "trace");
	call_header(&call, "traceparent", value);
	assert_int_equal(strlen(value), 55);
	assert_memory_equal(value, given, 36);
	assert_memory_not_equal(value + 36, given + 36, 16);
	assert_string_equal(call_header(&call, "tracestate", value), "a=1");
}

static void sandbox__is_marked(void **state)
{
	(void)state;
	struct instance *in = instance_start("worker.sandbox=yes");
	char id[40];
	submit_job(in, "/phase/2", "{\"user_id\":\"sb\",\"sync_id\":\"sb\"}", id);
	json_decref(wait_state(in, id, "completed"));
	assert_told(in, "sb", "notification", 0, "Analyzing your orders (Sandbox Mode)...");
	submit_job(in, "/phase/3", "{\"user_id\":\"sb\",\"sync_id\":\"sb\",\"claims\":[{\"confidence\":1}]}",
		id);
	json_decref(wait_state(in, id, "completed"));
	assert_int_equal(count_events(in, "sb", "notification", NULL), 4);
	assert_told(in, "sb", "notification", 3, "\"validation_mode\":\"sandbox_mock\"");
	instance_stop(in);
}

static void flat_subscription__has_no_fee_call(void **state)
{
	(void)state;
	struct instance *in = instance_start("phase.7.fee-rate=0");
	char id[40];
	submit_job(in, "/phase/7", "{\"user_id\":\"flat\",\"claim_id\":\"f\",\"amount\":9.5}", id);
	assert_outcome(in, id,
		"{\"success\":true,\"step\":7,\"message\":\"Phase 7: Payout processed - proof packet "
		"generated\","
		"\"data\":{\"amount_recovered\":9.5,\"seller_payout\":9.5,\"billing_model\":\"flat_"
		"subscription\","
		"\"proof_packet_id\":null}}");
	assert_int_equal(receiver_count(in->receiver, "process-fee", NULL), 0);
	assert_told(in, "payout_f", "notification", 0, "You keep $9.50");
	instance_stop(in);
}

static void not_required__completes_and_tells_the_truth(void **state)
{
	(void)state;
	struct instance *in = instance_start("call.matching.required=no retry.attempts=1");
	char id[40];
	receiver_rule(in->receiver, (struct rule){.path_has = "matching", .status = 404});
	submit_job(in, "/phase/3", "{\"user_id\":\"nr\",\"sync_id\":\"nr\",\"claims\":[]}", id);
	assert_outcome(in, id,
		"{\"success\":true,\"step\":3,\"message\":\"Phase 3: Evidence matching triggered\","
		"\"data\":{\"claims_found\":0,\"evidence_matching_triggered\":false}}");
	instance_stop(in);
}

static void notify_url__gets_what_was_recorded_in_order(void **state)
{
	(void)state;
	struct receiver *sink = receiver_start();
	char rows[200], id[40];
	snprintf(rows, sizeof rows, "notify.url=%s/api/internal/ws/emit", receiver_url(sink));
	receiver_rule(sink, (struct rule){.status = 503, .times = 2});
	struct instance *in = instance_start(rows);
	submit_job(in, "/phase/4", "{\"user_id\":\"nu\",\"sync_id\":\"nu\",\"matches\":[]}", id);
	assert_true(receiver_wait(sink, "/api/internal/ws/emit", NULL, 5, 10000));
	static const char *const want[] = {"\"event\":\"notification\"", "\"event\":\"notification\"",
		"\"event\":\"notification\"", "\"event\":\"sync_progress_update\"",
		"\"event\":\"workflow.phase.4.completed\""};
	for (size_t i = 0; i < 5; i++) {
		struct call call;
		assert_true(receiver_get(sink, NULL, NULL, i, &call));
		assert_has(call.body, want[i]);
		assert_has(call.body, i == 3 ? "{\"room\":\"sync_nu\"" : "{\"room\":\"user_nu\"");
		assert_has(call.body, "\"payload\":{");
	}
	instance_stop(in);
	receiver_stop(sink);
}

static void notify_url__one_users_trouble_is_not_anothers(void **state)
{
	(void)state;
	struct receiver *sink = receiver_start();
	char rows[200], id[40];
	snprintf(rows, sizeof rows, "notify.url=%s/emit", receiver_url(sink));
	receiver_rule(sink, (struct rule){.body_has = "stuck", .status = 503, .times = 6});
	struct instance *in = instance_start(rows);
	submit_job(in, "/phase/4", "{\"user_id\":\"stuck\",\"sync_id\":\"stuck\",\"matches\":[]}", id);
	assert_true(receiver_wait(sink, NULL, "stuck", 1, 10000));
	submit_job(in, "/phase/4", "{\"user_id\":\"free\",\"sync_id\":\"free\",\"matches\":[]}", id);
	assert_true(receiver_wait(sink, NULL, "free", 3, 10000));
	size_t tries = receiver_count(sink, NULL, "stuck");
	assert_in_range(tries, 1, 6); /* six tries take 50 + 150 + ... ms: it was still refused */
	assert_true(receiver_wait(sink, NULL, "stuck", 6 + 3, 60000));
	for (size_t i = 0; i < 7; i++) { /* nothing of this user's passed its first */
		struct call call;
		assert_true(receiver_get(sink, NULL, "stuck", i, &call));
		assert_has(call.body, "\"event\":\"notification\"");
	}
	instance_stop(in);
	receiver_stop(sink);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(phase_1__starts_the_sync),
		cmocka_unit_test(phase_1__a_sync_that_runs_already_is_a_success),
		cmocka_unit_test(phase_2__starts_detection),
		cmocka_unit_test(phase_3__matches_evidence),
		cmocka_unit_test(phase_3__an_empty_list_counts_as_given),
		cmocka_unit_test(phase_4__routes_without_a_call),
		cmocka_unit_test(phase_5__tracks_the_submission),
		cmocka_unit_test(phase_6__logs_the_rejection),
		cmocka_unit_test(phase_7__splits_the_payout),
		cmocka_unit_test(phase_7__amounts_keep_their_form),
		cmocka_unit_test(claim_id__is_percent_encoded_in_paths),
		cmocka_unit_test(legacy_steps__answer_as_they_always_did),
		cmocka_unit_test(trace__goes_on_with_a_new_span),
		cmocka_unit_test(sandbox__is_marked),
		cmocka_unit_test(flat_subscription__has_no_fee_call),
		cmocka_unit_test(not_required__completes_and_tells_the_truth),
		cmocka_unit_test(notify_url__gets_what_was_recorded_in_order),
		cmocka_unit_test(notify_url__one_users_trouble_is_not_anothers),
	};
	return cmocka_run_group_tests_name("phases", tests, setup, teardown);
}
