/* fcgi/mapping.c: see mapping.h. */
#include "fcgi/mapping.h"

#include "fcgi/amount.h"
#include "fcgi/pointer.h"
#include "fcgi/problem.h"

#include <stdio.h>

/* Of a payload the worker takes 64 levels, and an event is one deeper in it. */
enum { EVENT_DEPTH_MAX = 63 };

enum { FOR_REJECTED = 1, FOR_PAID = 2, FOR_BOTH = 3 };

#define AT(member) offsetof(struct webhook_opts, member)

/* In the order that they have in the body. */
static const struct field {
	const char *name;
	size_t pointer; /* in struct webhook_opts */
	unsigned phases;
	bool may_lack; /* absent or null: left out */
} fields[] = {
	{"user_id", AT(user_id), FOR_BOTH, false},
	{"claim_id", AT(claim_id), FOR_BOTH, false},
	{"rejection_reason", AT(reason), FOR_REJECTED, false},
	{"amount", AT(amount), FOR_PAID, false},
	{"currency", AT(currency), FOR_PAID, false},
	{"amazon_case_id", AT(case_id), FOR_BOTH, true},
};
enum { FIELDS = sizeof fields / sizeof *fields };

static const char *pointer_of(const struct webhook_opts *source, const struct field *field)
{
	return *(char *const *)((const char *)source + field->pointer);
}

static bool fail(struct mapping_fault *fault, const char *name, const char *pointer, const char *what)
{
	fault->pointer = pointer;
	return fault_set(&fault->fault, PROBLEM_BAD_EVENT, name, "%s: %s %.198s", name, what, pointer);
}

static bool no_memory(struct mapping_fault *fault)
{
	fault->pointer = NULL;
	return fault_set(&fault->fault, PROBLEM_SPOOL_UNAVAILABLE, NULL, "out of memory");
}

static bool is_text(struct slice value)
{
	return value.len && value.p[0] == '"';
}

static bool is_number(struct slice value)
{
	return value.len && (value.p[0] == '-' || (value.p[0] >= '0' && value.p[0] <= '9'));
}

/* The bytes of a text or a number. */
static bool find_value(struct slice event, const char *name, const char *pointer, struct slice *out,
	struct mapping_fault *fault)
{
	if (!pointer_find(event, pointer, out) || slice_is(*out, "null"))
		return fail(fault, name, pointer, "there is nothing at");
	if (!is_text(*out) && !is_number(*out))
		return fail(fault, name, pointer, "there must be a text or a number at");
	return true;
}

/* What a text says, or a number is written as. */
static bool read_value(struct slice value, struct buf *out, struct mapping_fault *fault)
{
	json_t *json = NULL;
	if (is_text(value) && jx_parse(value, 1, &json, NULL) != ST_OK)
		return no_memory(fault); /* it was parsed before */
	buf_add_slice(out, json ? jx_text(json) : value);
	json_decref(json);
	return buf_status(out) == ST_OK || no_memory(fault);
}

/* Is name one of those in a list with commas? */
static bool list_has(const char *list, struct slice name)
{
	while (*list) {
		size_t len = strcspn(list, ",");
		struct slice entry = slice_trim(slice_of(list, len), " ");
		if (entry.len && slice_eq(entry, name))
			return true;
		list += len + (list[len] != '\0');
	}
	return false;
}

bool mapping_phase(const struct webhook_opts *source, struct slice event, int *phase,
	char type[MAPPING_TYPE_MAX], struct mapping_fault *fault)
{
	struct buf text = BUF_INIT(JOB_PAYLOAD_MAX);
	struct slice value;
	*phase = (int)source->phase;
	type[0] = '\0';
	if (source->phase)
		return true;
	bool ok = find_value(event, "type", source->type, &value, fault) && read_value(value, &text, fault);
	if (ok) {
		struct slice name = buf_slice(&text);
		*phase = list_has(source->rejected, name) ? 6 : list_has(source->paid, name) ? 7 : 0;
		snprintf(type, MAPPING_TYPE_MAX, "%.*s", SLICE_ARG(name));
	}
	buf_release(&text);
	return ok;
}

bool mapping_id(
	const struct webhook_opts *source, struct slice event, struct buf *out, struct mapping_fault *fault)
{
	struct slice value;
	if (!find_value(event, "id", source->id, &value, fault) || !read_value(value, out, fault))
		return false;
	return out->len > 0 || fail(fault, "id", source->id, "there is an empty text at");
}

/* In major units, as text. */
static bool write_amount(const struct webhook_opts *source, struct slice value, struct jx_writer *w,
	struct mapping_fault *fault)
{
	struct buf text = BUF_INIT(JOB_PAYLOAD_MAX);
	char amount[AMOUNT_TEXT_MAX];
	bool ok = read_value(value, &text, fault);
	if (ok && !amount_from_minor(buf_slice(&text), (int)source->amount_scale, amount))
		ok = fail(fault, "amount", source->amount,
			"there must be a whole number of minor units, of at most 30 digits, at");
	if (ok)
		jx_cstring(w, "amount", amount);
	buf_release(&text);
	return ok;
}

static bool write_field(const struct webhook_opts *source, const struct field *field, struct slice event,
	struct jx_writer *w, struct mapping_fault *fault)
{
	const char *pointer = pointer_of(source, field);
	struct slice value;
	if (!*pointer ||
		(field->may_lack && (!pointer_find(event, pointer, &value) || slice_is(value, "null"))))
		return true;
	if (!find_value(event, field->name, pointer, &value, fault))
		return false;
	if (source->amount_scale && strcmp(field->name, "amount") == 0)
		return write_amount(source, value, w, fault);
	jx_raw(w, field->name, value);
	return true;
}

/* A fault of the body is one of the field, at the pointer it came from. */
static bool blame_event(const struct webhook_opts *source, struct mapping_fault *fault)
{
	struct fault *f = &fault->fault;
	struct why why = f->why;
	fault->pointer = NULL;
	if (problem_info(f->problem)->http_status >= 500)
		return false;
	for (size_t i = 0; i < FIELDS; i++)
		if (f->field && strcmp(f->field, fields[i].name) == 0)
			fault->pointer = pointer_of(source, &fields[i]);
	return fault_set(f, PROBLEM_BAD_EVENT, f->field, "%.200s%s%.198s", why.text,
		fault->pointer ? "; the source gives it at " : "", fault->pointer ? fault->pointer : "");
}

static bool check_body(const struct webhook_opts *source, int phase, struct slice body, int64_t now_us,
	struct draft *draft, struct mapping_fault *fault)
{
	json_t *json = NULL;
	if (jx_parse(body, 1, &json, NULL) != ST_OK)
		return no_memory(fault);
	bool ok = validate_body(phase, json, now_us, draft, &fault->fault);
	json_decref(json);
	return ok || blame_event(source, fault);
}

static bool check_room(const struct buf *out, struct mapping_fault *fault)
{
	fault->pointer = NULL;
	if (buf_status(out) == ST_FULL)
		return fault_set(&fault->fault, PROBLEM_BODY_TOO_LARGE, NULL, "the event is too large");
	return buf_status(out) == ST_OK || no_memory(fault);
}

bool mapping_body(const struct webhook_opts *source, int phase, struct slice event, int64_t now_us,
	struct buf *out, struct draft *draft, struct mapping_fault *fault)
{
	struct jx_writer w;
	*fault = (struct mapping_fault){.pointer = NULL};
	if (source->keep_event && jx_is_deeper(event, EVENT_DEPTH_MAX))
		return fault_set(&fault->fault, PROBLEM_TOO_DEEP, NULL,
			"an event that is kept may be nested %d levels deep", EVENT_DEPTH_MAX);
	jx_begin(&w, out);
	jx_open_object(&w, NULL);
	for (size_t i = 0; i < FIELDS; i++)
		if ((fields[i].phases & (phase == 6 ? FOR_REJECTED : FOR_PAID)) &&
			!write_field(source, &fields[i], event, &w, fault))
			return false;
	jx_close_object(&w);
	if (!check_room(out, fault) || !check_body(source, phase, buf_slice(out), now_us, draft, fault))
		return false;
	if (source->keep_event) {
		out->len--; /* the object goes on */
		buf_text(out, ",\"event\":");
		jx_raw(&(struct jx_writer){.out = out}, NULL, event);
		buf_byte(out, '}');
	}
	return check_room(out, fault);
}
