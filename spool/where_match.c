/* spool/where_match.c: a selection's terms on a job, and on the store's own filter. See where.h. */
#include "spool/base/decimal.h"
#include "spool/base/jfind.h"
#include "spool/where_field.h"

#include <strings.h>

static struct slice text_of(const struct job *job, enum where_member member)
{
	switch (member) {
	case OF_WORKFLOW:
		return job->workflow_id;
	case OF_USER:
		return job->user_id;
	case OF_SOURCE:
		return job->source;
	case OF_ERROR:
		return job->error;
	case OF_KEY:
		return job->idempotency_key;
	default:
		return job->traceparent;
	}
}

static int64_t number_of(const struct job *job, enum where_member member)
{
	switch (member) {
	case OF_PRIORITY:
		return job->priority;
	case OF_ATTEMPTS:
		return job->attempts_made;
	case OF_ATTEMPTS_ALLOWED:
		return job->attempts_allowed;
	case OF_CRASHES:
		return job->crashes;
	case OF_ACCEPTED:
		return job->accepted_at_us;
	case OF_RUN_AT:
		return job->run_at_us;
	case OF_WAITING:
		return job->state == JOB_WAITING ? job->run_at_us : 0;
	case OF_STARTED:
		return job->started_at_us;
	case OF_FINISHED:
		return job->finished_at_us;
	default:
		return job->give_up_at_us;
	}
}

static bool contains(struct slice text, struct slice part)
{
	for (size_t at = 0; at + part.len <= text.len; at++)
		if (strncasecmp(text.p + at, part.p, part.len) == 0)
			return true;
	return part.len == 0;
}

bool where_compares(enum where_operator op, int order)
{
	switch (op) {
	case WHERE_LESS:
		return order < 0;
	case WHERE_MOST:
		return order <= 0;
	case WHERE_MORE:
		return order > 0;
	case WHERE_LEAST:
		return order >= 0;
	default:
		return order == 0;
	}
}

/* Any of the values. */
static bool text_matches(const struct where *w, const struct where_term *t, struct slice text)
{
	for (size_t i = t->first; i < t->first + t->n; i++)
		if (t->op == WHERE_HAS ? contains(text, w->values[i].text)
				       : slice_eq(text, w->values[i].text))
			return true;
	return false;
}

/* As it is shown, under the name that it has in JSON; only these may have a secret in them. */
static bool shown_matches(const struct where *w, const struct where_term *t, struct slice text)
{
	enum { GROWTH = 4 }; /* "***" for a shorter one */
	const struct where_field *f = t->field;
	bool is_masked = f->member == OF_ERROR || f->member == OF_SOURCE || f->member == OF_KEY;
	if (!w->mask || !is_masked || !text.len)
		return text_matches(w, t, text);
	struct buf shown = BUF_INIT(GROWTH * (text.len + 1));
	mask_member(w->mask, f->also ? f->also : f->name, text, &shown);
	bool matches = buf_status(&shown) == ST_OK && text_matches(w, t, buf_slice(&shown));
	buf_release(&shown);
	return matches;
}

static bool number_matches(const struct where *w, const struct where_term *t, int64_t number)
{
	for (size_t i = t->first; i < t->first + t->n; i++) {
		int64_t value = w->values[i].number;
		if (where_compares(t->op, number < value ? -1 : number > value))
			return true;
	}
	return false;
}

static bool id_matches(const struct where *w, const struct where_term *t, struct job_id id)
{
	for (size_t i = t->first; i < t->first + t->n; i++)
		if (id_cmp(id, w->values[i].id) == 0)
			return true;
	return false;
}

/* Numbers are compared as numbers where both are some, be the body's one written as a string. */
static bool body_matches_text(const struct where *w, const struct where_term *t, struct slice text)
{
	struct decimal have, want;
	bool is_number = t->op != WHERE_HAS && decimal_parse(text, &have);
	for (size_t i = t->first; is_number && i < t->first + t->n; i++)
		if (decimal_parse(w->values[i].text, &want) &&
			where_compares(t->op, decimal_compare(&have, &want)))
			return true;
	bool is_texts = t->op == WHERE_IS || t->op == WHERE_IS_NOT || t->op == WHERE_HAS;
	return is_texts && text_matches(w, t, text);
}

/* Objects and arrays equal nothing and contain nothing; true, false and null are compared as those words. */
static bool body_matches(const struct where *w, const struct where_term *t, struct slice payload)
{
	struct slice raw;
	if (!jfind(payload, t->path, &raw) || raw.p[0] == '{' || raw.p[0] == '[')
		return false;
	if (raw.p[0] != '"')
		return body_matches_text(w, t, raw);
	raw = raw.len >= 2 ? slice_of(raw.p + 1, raw.len - 2) : (struct slice)SLICE_INIT;
	if (!raw.len || !memchr(raw.p, '\\', raw.len))
		return body_matches_text(w, t, raw);
	struct buf text = BUF_INIT(JOB_PAYLOAD_MAX);
	jfind_text(raw, &text);
	bool matches = body_matches_text(w, t, buf_slice(&text));
	buf_release(&text);
	return matches;
}

static bool term_holds(const struct where *w, const struct where_term *t, const struct job *job)
{
	bool is_any;
	switch (t->field->kind) {
	case KIND_STATE:
		return t->mask & 1u << job->state;
	case KIND_PHASE:
	case KIND_RECEIVER:
		return t->mask & 1u << phase_slot(job->phase);
	case KIND_TIME:
	case KIND_AGE: /* what has not happened yet is at no time */
		return number_of(job, t->field->member) &&
		       number_matches(w, t, number_of(job, t->field->member));
	case KIND_ID:
		is_any = id_matches(w, t, job->id);
		break;
	case KIND_TEXT:
		is_any = shown_matches(w, t, text_of(job, t->field->member));
		break;
	case KIND_NUMBER:
		is_any = number_matches(w, t, number_of(job, t->field->member));
		break;
	default:
		is_any = body_matches(w, t, job->payload);
		break;
	}
	return is_any != (t->op == WHERE_IS_NOT);
}

bool where_matches(const struct where *where, const struct job *job)
{
	for (size_t i = 0; i < where->n; i++)
		if (!term_holds(where, &where->terms[i], job))
			return false;
	return true;
}

static bool rest_matches(const void *arg, const struct job *job)
{
	const struct where *w = arg;
	for (size_t i = 0; i < w->n; i++)
		if (!where_term_is_indexed(&w->terms[i]) && !term_holds(w, &w->terms[i], job))
			return false;
	return true;
}

bool where_term_is_indexed(const struct where_term *t)
{
	switch (t->field->kind) {
	case KIND_STATE:
	case KIND_PHASE:
	case KIND_RECEIVER:
		return true;
	case KIND_TIME:
	case KIND_AGE:
		return t->field->member == OF_ACCEPTED;
	case KIND_TEXT:
		return (t->field->member == OF_WORKFLOW || t->field->member == OF_USER) &&
		       t->op == WHERE_IS && t->n == 1;
	default:
		return false;
	}
}

static void narrow_mask(uint32_t *mask, uint32_t all, uint32_t term, struct job_filter *f)
{
	*mask = (*mask ? *mask : all) & term;
	f->nothing = f->nothing || *mask == 0;
}

static void narrow_text(struct slice *to, struct slice value, struct job_filter *f)
{
	f->nothing = f->nothing || !value.len || (to->len && !slice_eq(*to, value));
	*to = value;
}

/* Accepted in [since, until). */
static void narrow_time(enum where_operator op, int64_t at_us, struct job_filter *f)
{
	if (op == WHERE_MORE || op == WHERE_LEAST) {
		int64_t since_us = at_us + (op == WHERE_MORE);
		f->since_us = since_us > f->since_us ? since_us : f->since_us;
	} else {
		int64_t until_us = at_us + (op == WHERE_MOST);
		f->nothing = f->nothing || until_us <= 0;
		f->until_us = !f->until_us || until_us < f->until_us ? until_us : f->until_us;
	}
}

static void narrow(const struct where *w, const struct where_term *t, struct job_filter *f)
{
	const struct where_value *value = &w->values[t->first];
	switch (t->field->kind) {
	case KIND_STATE:
		narrow_mask(&f->states, (1u << JOB_STATE_N) - 1, t->mask, f);
		break;
	case KIND_PHASE:
	case KIND_RECEIVER:
		narrow_mask(&f->phases, (1u << PHASE_SLOTS) - 1, t->mask, f);
		break;
	case KIND_TEXT:
		narrow_text(t->field->member == OF_USER ? &f->user_id : &f->workflow_id, value->text, f);
		break;
	default:
		narrow_time(t->op, value->number, f);
		break;
	}
}

bool where_is_scan(const struct where *where)
{
	for (size_t i = 0; i < where->n; i++)
		if (!where_term_is_indexed(&where->terms[i]))
			return true;
	return false;
}

void where_narrow(const struct where *where, struct job_filter *filter)
{
	for (size_t i = 0; i < where->n; i++) {
		const struct where_term *t = &where->terms[i];
		if (where_term_is_indexed(t))
			narrow(where, t, filter);
		filter->test_payload = filter->test_payload || t->field->kind == KIND_BODY;
	}
	if (!where_is_scan(where))
		return;
	filter->test = rest_matches;
	filter->test_arg = where;
}
