/* fcgi/batch.c: POST /batch: many triggers in one body, each with its own verdict, all in one commit. One
 * that is wrong does not keep the others out. */
#include "fcgi/handlers.h"
#include "fcgi/intake.h"
#include "fcgi/limit.h"
#include "fcgi/options.h"
#include "fcgi/span.h"
#include "spool/validate.h"

#include <stdlib.h>

enum { BATCH_MAX = 1000 };

struct element {
	struct draft draft;
	struct fault fault; /* problem NONE: it went to the spool, as number `at` */
	size_t at;
};

struct batch {
	size_t n, sent;
	bool hides_others; /* as in struct intake */
	struct element *elements;
	struct trigger *triggers;
	struct receipt *receipts;
};

static void batch_release(struct batch *b)
{
	free(b->elements);
	free(b->triggers);
	free(b->receipts);
}

static bool batch_init(struct batch *b, size_t n)
{
	*b = (struct batch){.n = n};
	b->elements = calloc(n, sizeof *b->elements);
	b->triggers = calloc(n, sizeof *b->triggers);
	b->receipts = calloc(n, sizeof *b->receipts);
	return b->elements && b->triggers && b->receipts;
}

/* A key may be written with escapes; only a JSON parser can tell what it says. */
static bool key_is(struct slice raw, const char *name)
{
	json_t *key = NULL;
	bool same = jx_parse(raw, 1, &key, NULL) == ST_OK && slice_is(jx_text(key), name);
	json_decref(key);
	return same;
}

/* The bytes of the array of triggers: the body itself, or its last member of that name (which is the one that
 * the parser took). */
static struct slice find_array(struct slice body)
{
	struct slice key, value, found = SLICE_INIT;
	struct span span;
	if (!span_open(body, &span) || !span.is_object)
		return body;
	while (span_next(&span, &key, &value))
		if (key_is(key, "triggers"))
			found = value;
	return found;
}

static bool prepare(const struct app *app, const struct request *request, const struct options *common,
	const json_t *json, struct slice bytes, struct element *e)
{
	if (!validate_trigger(json, request->now, common, &e->draft, &e->fault))
		return false;
	e->draft.trigger.payload = bytes;
	intake_grant(app, &e->draft.trigger);
	return caller_may_submit(&request->caller, &e->draft.trigger, &e->fault);
}

static void prepare_all(const struct app *app, const struct request *request, const struct options *common,
	const json_t *array, struct batch *b)
{
	struct slice key, bytes;
	struct span span;
	bool has_bytes = span_open(find_array(request->body), &span);
	for (size_t i = 0; i < b->n; i++) {
		struct element *e = &b->elements[i];
		has_bytes = has_bytes && span_next(&span, &key, &bytes);
		if (!has_bytes) {
			fault_set(&e->fault, PROBLEM_INTERNAL, NULL, "the trigger's bytes were not found");
		} else if (prepare(app, request, common, json_array_get(array, i), bytes, e)) {
			e->at = b->sent;
			b->triggers[b->sent++] = e->draft.trigger;
		}
	}
}

/* How many came to what. */
struct tally {
	size_t accepted, duplicates, refused;
	const struct receipt *full; /* one that was refused for want of room; NULL: none */
};

static bool is_want_of_room(const struct receipt *receipt)
{
	return receipt->verdict == SUBMIT_REFUSED &&
	       (receipt->status == ST_FULL || receipt->status == ST_NOSPACE || receipt->status == ST_DEEP ||
		       receipt->status == ST_QUOTA);
}

static void count(const struct batch *b, struct tally *t)
{
	*t = (struct tally){.refused = b->n - b->sent};
	for (size_t i = 0; i < b->sent; i++) {
		t->accepted += b->receipts[i].verdict == SUBMIT_ACCEPTED;
		t->duplicates += b->receipts[i].verdict == SUBMIT_DUPLICATE;
		if (is_want_of_room(&b->receipts[i]))
			t->full = &b->receipts[i];
	}
	t->refused += b->sent - t->accepted - t->duplicates;
}

static void write_result(
	struct jx_writer *w, struct element *e, const struct receipt *receipt, bool hides_others)
{
	char id[JOB_ID_TEXT_LEN];
	bool is_fault = e->fault.problem != PROBLEM_NONE || intake_receipt_is_fault(receipt, &e->fault);
	jx_open_object(w, NULL);
	if (is_fault) {
		limit_note(e->fault.problem);
		fault_members(w, &e->fault);
		if (receipt && receipt->verdict == SUBMIT_KEY_REUSED && !hides_others) {
			id_text(receipt->id, id);
			jx_cstring(w, "job_id", id);
		}
	} else {
		jx_bool(w, "success", true);
		intake_receipt_members(w, e->draft.trigger.phase, receipt);
	}
	jx_int(w, "status", problem_info(e->fault.problem)->http_status);
	jx_close_object(w);
}

/* When there was room for none of it, the batch as a whole is to be sent again. */
static void answer(struct batch *b, struct reply *reply)
{
	struct tally t;
	struct jx_writer w;
	count(b, &t);
	if (t.full && t.accepted + t.duplicates == 0) {
		reply_status(reply, t.full->status, &t.full->why, PROBLEM_INTERNAL);
		return;
	}
	buf_clear(&reply->body);
	jx_begin(&w, &reply->body);
	jx_open_object(&w, NULL);
	jx_bool(&w, "success", t.refused == 0);
	jx_int(&w, "accepted", (int64_t)t.accepted);
	jx_int(&w, "duplicates", (int64_t)t.duplicates);
	jx_int(&w, "refused", (int64_t)t.refused);
	jx_open_array(&w, "results");
	for (size_t i = 0; i < b->n; i++) {
		struct element *e = &b->elements[i];
		write_result(&w, e, e->fault.problem == PROBLEM_NONE ? &b->receipts[e->at] : NULL,
			b->hides_others);
	}
	jx_close_array(&w);
	reply_close(reply, &w);
}

/* The array of triggers in a body that is one, or an object that holds it. */
static bool find_triggers(const json_t *body, const json_t **array, struct fault *fault)
{
	*array = json_is_array(body) ? body : jx_get(body, "triggers");
	size_t n = json_array_size(*array);
	if (n >= 1 && n <= BATCH_MAX)
		return true;
	return fault_set(fault, PROBLEM_BAD_BATCH, "triggers", "triggers must be an array of 1 to %d objects",
		BATCH_MAX);
}

static bool check_headers(const struct request *request, struct options *common, struct fault *fault)
{
	if (request->param[PARAM_IDEMPOTENCY_KEY].len)
		return fault_set(fault, PROBLEM_BAD_HEADER, "Idempotency-Key",
			"a batch takes its keys from each trigger's idempotency_key");
	return options_from_headers(request, common, fault);
}

static void run(struct app *app, const struct request *request, const json_t *array,
	const struct options *common, struct reply *reply)
{
	struct batch b;
	struct why why = WHY_INIT;
	enum status st = ST_NOMEM;
	if (batch_init(&b, json_array_size(array))) {
		b.hides_others = caller_is_limited(&request->caller);
		prepare_all(app, request, common, array, &b);
		st = spool_submit(app->spool, request->now, b.triggers, b.sent, b.receipts, &why);
	}
	if (st == ST_OK)
		answer(&b, reply);
	else
		reply_status(reply, st, &why, PROBLEM_INTERNAL);
	batch_release(&b);
}

void batch_submit(struct app *app, const struct request *request, struct reply *reply)
{
	struct parsed parsed;
	struct options common;
	struct fault fault;
	const json_t *array;
	if (!app_parse_body(app, request, &parsed, &fault)) {
		reply_fault(reply, &fault);
		return;
	}
	if (find_triggers(parsed.json, &array, &fault) && check_headers(request, &common, &fault)) {
		limit_triggers(app, request, json_array_size(array));
		run(app, request, array, &common, reply);
	} else {
		reply_fault(reply, &fault);
	}
	app_parsed_release(app, &parsed);
}
