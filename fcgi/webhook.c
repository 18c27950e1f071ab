/* fcgi/webhook.c: see webhook.h. The order is: signature, on the bytes as they came; then JSON; then phase,
 * fields and key, and the job is submitted like a caller's. */
#include "fcgi/webhook.h"

#include "fcgi/handlers.h"
#include "fcgi/mapping.h"
#include "fcgi/options.h"
#include "spool/base/encoding.h"
#include "spool/base/log.h"
#include "spool/opts_webhooks.h"
#include "spool/webhook_sign.h"

#include <openssl/evp.h>
#include <stdio.h>

enum { EVENT_MAX = 1 << 20, LOG_EVERY_MS = 200 };

/* --- who --- */

/* What a source that there is not is held against: to refuse it takes as long. Nothing is good by it. */
static char decoy_secret[] = "whsec_bm90aGluZyBpcyBzaWduZWQgYnkgdGhpcw==", none[] = "";
static const struct webhook_opts decoy = {
	.signature = WEBHOOK_STANDARD, .secret = decoy_secret, .window_ms = 300000, .content = none};

static struct webhook_delivery delivery_of(const struct request *request, const struct webhook_opts *source)
{
	bool is_standard = source->signature == WEBHOOK_STANDARD;
	return (struct webhook_delivery){
		.id = request_header(request, "webhook-id"),
		.timestamp =
			request_header(request, is_standard ? "webhook-timestamp" : source->timestamp_header),
		.signature = request_header(request, is_standard ? "webhook-signature" : source->header),
		.body = request->body,
	};
}

static void log_refusal(const struct request *request, struct slice name, const char *reason)
{
	static struct log_limit limit;
	unsigned long suppressed;
	if (log_allowed(&limit, LOG_EVERY_MS, &suppressed))
		log_info("event=webhook_refused source=%s reason=%s req=%s suppressed=%lu", LOG_Q(name),
			reason, LOG_Q(request->param[PARAM_REQUEST_ID]), suppressed);
}

static bool refuse(struct reply *reply)
{
	struct fault fault;
	fault_set(&fault, PROBLEM_UNAUTHORIZED, NULL,
		"the signature is missing, wrong or out of date, or there is no such source");
	reply_header(reply, "WWW-Authenticate", "Webhook realm=\"clario-workflow\"");
	reply_fault(reply, &fault);
	return false;
}

static void name_caller(const struct webhook_opts *source, struct caller *out)
{
	*out = (struct caller){.scopes = SCOPE_SUBMIT};
	snprintf(out->name, sizeof out->name, "webhook:%s", source->name);
	for (int phase = 6; phase <= 7; phase++)
		if (opts_webhook_has_phase(source, phase))
			out->phases |= UINT32_C(1) << phase_slot(phase);
}

/* An event of such size is nobody's; and what is not signed must not cost much. */
static bool is_too_large(const struct request *request, struct reply *reply)
{
	struct fault fault;
	if (request->body.len <= EVENT_MAX)
		return false;
	fault_set(&fault, PROBLEM_BODY_TOO_LARGE, NULL,
		"the body has %zu bytes, the limit of a webhook is %d", request->body.len, EVENT_MAX);
	reply_fault(reply, &fault);
	return true;
}

bool webhook_identify(struct app *app, struct request *request, struct slice name, struct reply *reply)
{
	const struct webhook_opts *source = opts_webhook(app->opts, name);
	struct webhook_delivery delivery = delivery_of(request, source ? source : &decoy);
	if (is_too_large(request, reply))
		return false;
	enum webhook_verdict verdict =
		webhook_verify(source ? source : &decoy, &delivery, request->now.wall_us);
	if (source && verdict == WEBHOOK_GOOD) {
		name_caller(source, &request->caller);
		return true;
	}
	log_refusal(request, name, source ? webhook_verdict_name(verdict) : "no_such_source");
	return refuse(reply);
}

/* --- what --- */

static bool refuse_event(struct reply *reply, const struct mapping_fault *fault)
{
	struct jx_writer w = reply_fault_open(reply, &fault->fault);
	if (fault->pointer)
		jx_cstring(&w, "pointer", fault->pointer);
	reply_close(reply, &w);
	return false;
}

/* An answer that is no success would have it sent again and again. */
static bool ignore_event(const struct request *request, const struct webhook_opts *source, const char *type,
	struct reply *reply)
{
	struct jx_writer w = reply_open(reply);
	jx_bool(&w, "ignored", true);
	jx_cstring(&w, "type", type);
	reply_close(reply, &w);
	log_info("event=webhook_ignored source=%s type=%s req=%s", source->name, LOG_QT(type),
		LOG_Q(request->param[PARAM_REQUEST_ID]));
	return false;
}

static bool is_plain(struct slice id)
{
	for (size_t i = 0; i < id.len; i++)
		if (id.p[i] < '!' || id.p[i] > '~')
			return false;
	return true;
}

/* What a delivery is known by: "webhook:NAME id=ID", or a digest in place of what is long or no plain ASCII.
 * The blank keeps it apart from any key that a caller can give (rules.h), and the word after it one kind from
 * the other. */
static bool make_key(const struct webhook_opts *source, const char *kind, struct slice id, bool as_digest,
	char out[JOB_TEXT_MAX + 1])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	struct buf hex = BUF_INIT(2 * EVP_MAX_MD_SIZE + 1);
	int head = snprintf(out, JOB_TEXT_MAX + 1, "webhook:%s %s", source->name, kind);
	char *at = out + head;
	size_t room = (size_t)(JOB_TEXT_MAX + 1 - head);
	if (!as_digest && is_plain(id) && id.len + strlen("=") < room) {
		snprintf(at, room, "=%.*s", SLICE_ARG(id));
		return true;
	}
	if (EVP_Digest(id.p, id.len, digest, &len, EVP_sha256(), NULL) == 1)
		hex_encode(slice_of(digest, len), &hex);
	bool ok = hex.len > 0 && buf_status(&hex) == ST_OK;
	snprintf(at, room, "-sha256=%.*s", SLICE_ARG(buf_slice(&hex)));
	buf_release(&hex);
	return ok;
}

static bool find_key(const struct request *request, const struct webhook_opts *source,
	char out[JOB_TEXT_MAX + 1], struct mapping_fault *fault)
{
	struct buf id = BUF_INIT(JOB_PAYLOAD_MAX);
	bool ok = true, is_made;
	if (source->signature == WEBHOOK_STANDARD) {
		is_made = make_key(source, "id", request_header(request, "webhook-id"), false, out);
	} else if (*source->id) {
		ok = mapping_id(source, request->body, &id, fault);
		is_made = !ok || make_key(source, "id", buf_slice(&id), false, out);
	} else {
		is_made = make_key(source, "body", request->body, true, out);
	}
	buf_release(&id);
	return is_made ? ok : fault_set(&fault->fault, PROBLEM_SPOOL_UNAVAILABLE, NULL, "out of memory");
}

/* Headers are not signed: of what they may ask of a trigger only the trace is harmless. */
static void complete(struct app *app, const struct request *request, struct intake *intake)
{
	struct trigger *t = &intake->draft.trigger;
	t->payload = buf_slice(&intake->payload);
	t->idempotency_key = slice_text(intake->key);
	t->source = slice_text(request->caller.name);
	if (options_traceparent_is_valid(request->param[PARAM_TRACEPARENT]))
		t->traceparent = request->param[PARAM_TRACEPARENT];
	intake_grant(app, t);
}

/* The body is JSON, whatever is in it. */
static bool check_json(struct app *app, const struct request *request, struct fault *fault)
{
	struct parsed parsed;
	bool ok = app_parse_body(app, request, &parsed, fault);
	app_parsed_release(app, &parsed);
	return ok;
}

bool webhook_prepare(
	struct app *app, const struct request *request, struct intake *intake, struct reply *reply)
{
	const struct webhook_opts *source = opts_webhook(app->opts, request->capture);
	struct mapping_fault fault = {.pointer = NULL};
	char type[MAPPING_TYPE_MAX];
	int phase = 0;
	intake_init(intake, request);
	intake->key_field = source && source->signature == WEBHOOK_STANDARD ? "webhook-id" : "id";
	bool ok = source && check_json(app, request, &fault.fault) &&
		  mapping_phase(source, request->body, &phase, type, &fault);
	if (ok && !phase)
		return ignore_event(request, source, type, reply);
	ok = ok &&
	     mapping_body(source, phase, request->body, request->now.wall_us, &intake->payload,
		     &intake->draft, &fault) &&
	     find_key(request, source, intake->key, &fault);
	if (ok) {
		complete(app, request, intake);
		ok = caller_may_submit(&request->caller, &intake->draft.trigger, &fault.fault);
	}
	if (ok)
		return true;
	intake_release(intake);
	return refuse_event(reply, &fault);
}

void webhook_submit(struct app *app, const struct request *request, struct reply *reply)
{
	struct intake intake;
	if (webhook_prepare(app, request, &intake, reply))
		intake_run(app, &intake, reply);
}
