/* spool/validate.c: see validate.h. What each phase needs is a row of a table. */
#include "spool/validate.h"

#include "spool/base/hash.h"
#include "spool/model/phase.h"

#include <stdio.h>
#include <stdlib.h>

enum need { NEED_SYNC = 1, NEED_CLAIM = 2, NEED_REASON = 4, NEED_AMOUNT = 8 };

enum { SEGMENT_SHOWN = 200, NUMBER_TEXT_MAX = 64 };

static const struct phase_needs {
	int phase;
	unsigned needs;
	const char *missing;         /* said when one of them is not there */
	const char *list, *alias;    /* an array of objects, by the first of two names that holds something */
	const char *workflow_prefix; /* of the workflow id made up from claim_id when there is no sync_id */
} table[] = {
	{1, 0, NULL, NULL, NULL, NULL},
	{2, NEED_SYNC, "sync_id is required for Phase 2", NULL, NULL, NULL},
	{3, NEED_SYNC, "sync_id is required for Phase 3", "claims", "claims_found", NULL},
	{4, NEED_SYNC, "sync_id is required for Phase 4", "matches", "matching_results", NULL},
	{5, NEED_CLAIM, "claim_id is required for Phase 5", NULL, NULL, "claim_"},
	{6, NEED_CLAIM | NEED_REASON, "claim_id and rejection_reason are required for Phase 6", NULL, NULL,
		"rejection_"},
	{7, NEED_CLAIM | NEED_AMOUNT, "claim_id and amount are required for Phase 7", NULL, NULL, "payout_"},
	{10, NEED_SYNC, "sync_id is required for Step 10", NULL, NULL, NULL},
	{11, NEED_SYNC, "sync_id is required for Step 11", NULL, NULL, NULL},
	{12, NEED_SYNC, "sync_id is required for Step 12", NULL, NULL, NULL},
	{13, NEED_SYNC, "sync_id is required for Step 13", NULL, NULL, NULL},
	{14, NEED_SYNC, "sync_id is required for Step 14", NULL, NULL, NULL},
};

static const struct phase_needs *needs_of(int phase)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (table[i].phase == phase)
			return &table[i];
	return NULL;
}

bool validate_number(struct slice segment, bool is_step, int *phase, struct fault *fault)
{
	int first = is_step ? STEP_FIRST : PHASE_FIRST, last = is_step ? STEP_LAST : PHASE_LAST;
	int n = 0;
	bool is_number = segment.len > 0;
	for (size_t i = 0; is_number && i < segment.len; i++) {
		is_number = segment.p[i] >= '0' && segment.p[i] <= '9';
		if (n <= last)
			n = n * 10 + (segment.p[i] - '0');
	}
	*phase = n;
	if (is_number && n >= first && n <= last)
		return true;
	return fault_set(fault, is_step ? PROBLEM_BAD_STEP : PROBLEM_BAD_PHASE, is_step ? "step" : "phase",
		"Invalid %s number: %.*s. Must be %d-%d.", is_step ? "step" : "phase",
		(int)(segment.len < SEGMENT_SHOWN ? segment.len : SEGMENT_SHOWN), segment.p, first, last);
}

/* What counts as nothing: absent, null, "", 0, false. */
static bool is_nothing(const json_t *value)
{
	return !value || json_is_null(value) || json_is_false(value) ||
	       (json_is_string(value) && json_string_length(value) == 0) ||
	       (json_is_number(value) && json_number_value(value) == 0);
}

static bool is_blank_text(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!memchr(" \t\r\n\v\f", text.p[i], 6))
			return false;
	return true;
}

/* The shortest text that reads back as the same number. */
static void real_text(double value, char *out, size_t cap)
{
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(out, cap, "%.*g", digits, value);
		if (strtod(out, NULL) == value)
			return;
	}
}

/* An id: a string that is not blank, or a number taken as its text; anything else is as good as missing,
 * which gives an empty *out. */
static bool take_id(const json_t *body, const char *name, char text[JOB_TEXT_MAX + 1], struct slice *out,
	struct fault *fault)
{
	const json_t *value = jx_get(body, name);
	struct slice given = jx_text(value);
	*out = (struct slice)SLICE_INIT;
	if (given.len > JOB_TEXT_MAX)
		return fault_set(
			fault, PROBLEM_BAD_FIELD, name, "%s must not exceed %d bytes", name, JOB_TEXT_MAX);
	text[0] = '\0';
	if (is_nothing(value))
		return true;
	if (json_is_integer(value))
		snprintf(text, JOB_TEXT_MAX + 1, "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		real_text(json_real_value(value), text, JOB_TEXT_MAX + 1);
	else if (!is_blank_text(given))
		snprintf(text, JOB_TEXT_MAX + 1, "%.*s", SLICE_ARG(given));
	*out = slice_text(text);
	return true;
}

/* Numeric text: what JSON calls a number. INVALID: it is none; NOMEM. */
static enum status check_number_text(struct slice text)
{
	json_t *value = NULL;
	if (text.len == 0 || text.len > NUMBER_TEXT_MAX ||
		(text.p[0] != '-' && (text.p[0] < '0' || text.p[0] > '9')))
		return ST_INVALID;
	enum status st = jx_parse(text, 1, &value, NULL);
	if (st == ST_OK && (!json_is_number(value) || memchr(" \t\r\n", text.p[text.len - 1], 4)))
		st = ST_INVALID;
	json_decref(value);
	return st == ST_OK || st == ST_NOMEM ? st : ST_INVALID;
}

enum amount { AMOUNT_GOOD, AMOUNT_NONE, AMOUNT_BAD, AMOUNT_NO_MEMORY };

/* 10^15 cents: what the worker computes with. A job that could only fail is not taken in. */
static const double AMOUNT_MAX = 1e13;

static enum amount weigh_amount(const json_t *value)
{
	double n = json_number_value(value);
	if (is_nothing(value))
		return AMOUNT_NONE;
	if (json_is_string(value)) {
		enum status st = check_number_text(jx_text(value));
		if (st != ST_OK)
			return st == ST_NOMEM ? AMOUNT_NO_MEMORY : AMOUNT_BAD;
		n = strtod(json_string_value(value), NULL);
		if (n == 0)
			return AMOUNT_NONE;
	} else if (!json_is_number(value)) {
		return AMOUNT_BAD;
	}
	return n > 0 && n <= AMOUNT_MAX ? AMOUNT_GOOD : AMOUNT_BAD;
}

static bool missing(const struct phase_needs *needs, const char *field, struct fault *fault)
{
	return fault_set(fault, PROBLEM_MISSING_FIELD, field, "%s", needs->missing);
}

static bool check_amount(const struct phase_needs *needs, const json_t *body, struct fault *fault)
{
	switch (weigh_amount(jx_get(body, "amount"))) {
	case AMOUNT_GOOD:
		return true;
	case AMOUNT_NONE:
		return missing(needs, "amount", fault);
	case AMOUNT_NO_MEMORY:
		return fault_set(fault, PROBLEM_SPOOL_UNAVAILABLE, NULL, "out of memory");
	case AMOUNT_BAD:
		break;
	}
	return fault_set(fault, PROBLEM_BAD_FIELD, "amount",
		"amount must be a positive number up to 10^13, or text that is one");
}

/* An empty array counts as given; only nothing at all lets the alias speak. */
static bool check_list(const struct phase_needs *needs, const json_t *body, struct fault *fault)
{
	const char *name = needs->list;
	const json_t *list = jx_get(body, name);
	size_t i;
	json_t *element;
	if (is_nothing(list)) {
		name = needs->alias;
		list = jx_get(body, name);
	}
	if (is_nothing(list))
		return true;
	if (!json_is_array(list))
		return fault_set(fault, PROBLEM_BAD_FIELD, name, "%s must be an array of objects", name);
	json_array_foreach(list, i, element) if (!json_is_object(element)) return fault_set(fault,
		PROBLEM_BAD_FIELD, name, "%s must be an array of objects; element %zu is none", name, i);
	return true;
}

static bool check_needs(const struct phase_needs *needs, const json_t *body, const struct trigger *t,
	struct slice claim_id, struct fault *fault)
{
	bool has_reason =
		!is_nothing(jx_get(body, "rejection_reason")) || !is_nothing(jx_get(body, "reason"));
	if ((needs->needs & NEED_SYNC) && !t->workflow_id.len)
		return missing(needs, "sync_id", fault);
	if ((needs->needs & NEED_CLAIM) && !claim_id.len)
		return missing(needs, "claim_id", fault);
	if ((needs->needs & NEED_REASON) && !has_reason)
		return missing(needs, "rejection_reason", fault);
	if ((needs->needs & NEED_AMOUNT) && !check_amount(needs, body, fault))
		return false;
	return !needs->list || check_list(needs, body, fault);
}

/* prefix + id + suffix as a workflow id. Where that is too long the id is cut (at a character's beginning)
 * and a hash of all of it put in place of the rest, so that different ids stay different. */
static void make_workflow_id(struct draft *draft, const char *prefix, struct slice id, const char *suffix)
{
	char hash[20] = "";
	size_t room = JOB_TEXT_MAX - strlen(prefix) - strlen(suffix);
	size_t keep = id.len;
	if (keep > room) {
		snprintf(hash, sizeof hash, "~%016llx", (unsigned long long)hash_text(0, id));
		keep = room - strlen(hash);
		while (keep > 0 && ((unsigned char)id.p[keep] & 0xc0) == 0x80)
			keep--;
	}
	int len = snprintf(draft->workflow_text, sizeof draft->workflow_text, "%s%.*s%s%s", prefix, (int)keep,
		id.p, hash, suffix);
	draft->trigger.workflow_id = slice_of(draft->workflow_text, (size_t)len);
}

static void default_workflow_id(
	struct draft *draft, const struct phase_needs *needs, struct slice claim_id, int64_t now_us)
{
	char suffix[24];
	if (draft->trigger.workflow_id.len)
		return;
	if (needs->workflow_prefix) {
		make_workflow_id(draft, needs->workflow_prefix, claim_id, "");
		return;
	}
	/* Phase 1: each request would be a workflow of its own, so the user is what duplicates are told by.
	 */
	snprintf(suffix, sizeof suffix, "_%lld", (long long)(now_us / 1000));
	make_workflow_id(draft, "oauth_", draft->trigger.user_id, suffix);
	draft->trigger.solo_user = true;
}

bool validate_body(int phase, const json_t *body, int64_t now_us, struct draft *draft, struct fault *fault)
{
	const struct phase_needs *needs = needs_of(phase);
	struct trigger *t = &draft->trigger;
	struct slice claim_id;
	*t = (struct trigger){.phase = phase};
	if (!take_id(body, "user_id", draft->user_text, &t->user_id, fault))
		return false;
	if (!t->user_id.len)
		return fault_set(fault, PROBLEM_MISSING_FIELD, "user_id", "user_id is required");
	if (!take_id(body, "sync_id", draft->workflow_text, &t->workflow_id, fault) ||
		!take_id(body, "claim_id", draft->claim_text, &claim_id, fault) ||
		!check_needs(needs, body, t, claim_id, fault))
		return false;
	default_workflow_id(draft, needs, claim_id, now_us);
	return true;
}

bool validate_number_member(const json_t *trigger, int *phase, struct fault *fault)
{
	const json_t *step = jx_get(trigger, "step"), *number = jx_get(trigger, "phase");
	bool is_step = !number && step;
	const json_t *value = is_step ? step : number;
	json_int_t n = json_is_integer(value) ? json_integer_value(value) : 0;
	*phase = n > 0 && n <= STEP_LAST ? (int)n : 0;
	if (phase_slot(*phase) >= 0 && phase_is_step(*phase) == is_step)
		return true;
	return fault_set(fault, is_step ? PROBLEM_BAD_STEP : PROBLEM_BAD_PHASE, is_step ? "step" : "phase",
		is_step ? "step must be a number from %d to %d" : "phase must be a number from %d to %d",
		is_step ? STEP_FIRST : PHASE_FIRST, is_step ? STEP_LAST : PHASE_LAST);
}

bool validate_trigger(const json_t *trigger, struct moment now, const struct options *common,
	struct draft *draft, struct fault *fault)
{
	struct options options = *common;
	int phase;
	if (!json_is_object(trigger))
		return fault_set(fault, PROBLEM_BODY_NOT_OBJECT, NULL, "each trigger must be an object");
	if (!validate_number_member(trigger, &phase, fault) ||
		!validate_body(phase, trigger, now.wall_us, draft, fault) ||
		!options_from_members(trigger, now, &options, fault))
		return false;
	options_apply(&options, &draft->trigger);
	return true;
}
