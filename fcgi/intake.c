/* fcgi/intake.c: POST /phase/{n} and /step/{n}: parse, validate, submit, answer. */
#include "fcgi/intake.h"

#include "fcgi/handlers.h"
#include "fcgi/limit.h"
#include "fcgi/options.h"

#include <stdio.h>

void intake_grant(const struct app *app, struct trigger *trigger)
{
	struct retry_opts retry = opts_retry(app->opts, trigger->phase);
	trigger->attempts_allowed = (uint32_t)retry.attempts;
	trigger->give_up_after_us = retry.give_up_after_ms * 1000;
	limit_trigger(app, trigger);
}

void intake_receipt_members(struct jx_writer *w, int phase, const struct receipt *receipt)
{
	char id[JOB_ID_TEXT_LEN], message[64];
	bool is_step = phase_is_step(phase);
	snprintf(message, sizeof message, "%s %d orchestration triggered", is_step ? "Step" : "Phase", phase);
	id_text(receipt->id, id);
	jx_int(w, is_step ? "step" : "phase", phase);
	jx_cstring(w, "message", message);
	jx_cstring(w, "job_id", id);
	jx_cstring(w, "workflow_id", receipt->workflow_id);
	jx_bool(w, "duplicate", receipt->verdict == SUBMIT_DUPLICATE);
	jx_cstring(w, "state", job_state_name(receipt->state));
	if (receipt->verdict == SUBMIT_DUPLICATE)
		jx_bool(w, "body_differs", receipt->body_differs);
	if (receipt->has_earlier) {
		id_text(receipt->earlier, id);
		jx_cstring(w, "earlier_job_id", id);
	}
}

bool intake_receipt_is_fault(const struct receipt *receipt, struct fault *fault)
{
	switch (receipt->verdict) {
	case SUBMIT_ACCEPTED:
	case SUBMIT_DUPLICATE:
		return false;
	case SUBMIT_KEY_REUSED:
		fault_set(fault, PROBLEM_KEY_REUSED, "Idempotency-Key", "%s", receipt->why.text);
		return true;
	case SUBMIT_REFUSED:
		break;
	}
	fault_of_status(fault, receipt->status, &receipt->why, PROBLEM_INTERNAL);
	return true;
}

static void answer_receipt(struct reply *reply, const struct intake *intake)
{
	const struct receipt *receipt = &intake->receipt;
	struct fault fault;
	struct jx_writer w;
	char id[JOB_ID_TEXT_LEN];
	id_text(receipt->id, id);
	if (intake_receipt_is_fault(receipt, &fault)) {
		if (receipt->verdict == SUBMIT_KEY_REUSED && intake->key_field)
			fault.field = intake->key_field;
		w = reply_fault_open(reply, &fault);
		if (receipt->verdict == SUBMIT_KEY_REUSED && !intake->hides_others)
			jx_cstring(&w, "job_id", id);
	} else {
		w = reply_open(reply);
		intake_receipt_members(&w, intake->draft.trigger.phase, receipt);
		reply_header(reply, "Location", ROUTE_PREFIX "/jobs/%s", id);
	}
	reply->job = receipt->id;
	reply_close(reply, &w);
}

static bool fill_draft(
	struct app *app, const struct request *request, struct draft *draft, struct fault *fault)
{
	struct parsed parsed;
	struct options options;
	int phase;
	bool ok = app_parse_body(app, request, &parsed, fault) &&
		  validate_number(request->capture, request->arg, &phase, fault) &&
		  validate_body(phase, parsed.json, request->now.wall_us, draft, fault);
	app_parsed_release(app, &parsed);
	if (!ok || !options_from_headers(request, &options, fault))
		return false;
	options_apply(&options, &draft->trigger);
	draft->trigger.payload = request->body;
	intake_grant(app, &draft->trigger);
	return caller_may_submit(&request->caller, &draft->trigger, fault);
}

void intake_init(struct intake *intake, const struct request *request)
{
	intake->submit = (struct submit){.triggers = &intake->draft.trigger,
		.n = 1,
		.receipts = &intake->receipt,
		.now = request->now};
	buf_init(&intake->payload, JOB_PAYLOAD_MAX);
	intake->key[0] = '\0';
	intake->key_field = NULL;
	intake->hides_others = caller_is_limited(&request->caller);
}

void intake_release(struct intake *intake)
{
	buf_release(&intake->payload);
}

bool intake_prepare(
	struct app *app, const struct request *request, struct intake *intake, struct reply *reply)
{
	struct fault fault;
	intake_init(intake, request);
	if (!fill_draft(app, request, &intake->draft, &fault)) {
		reply_fault(reply, &fault);
		return false;
	}
	return true;
}

void intake_answer(const struct intake *intake, struct reply *reply)
{
	if (intake->submit.status == ST_OK)
		answer_receipt(reply, intake);
	else
		reply_status(reply, intake->submit.status, &intake->submit.why, PROBLEM_INTERNAL);
}

void intake_run(struct app *app, struct intake *intake, struct reply *reply)
{
	struct submit *submit = &intake->submit;
	submit->status = spool_submit(
		app->spool, submit->now, submit->triggers, submit->n, submit->receipts, &submit->why);
	intake_answer(intake, reply);
	intake_release(intake);
}

void intake_trigger(struct app *app, const struct request *request, struct reply *reply)
{
	struct intake intake;
	if (intake_prepare(app, request, &intake, reply))
		intake_run(app, &intake, reply);
}
