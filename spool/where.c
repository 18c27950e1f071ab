/* spool/where.c: a selection's text becomes terms. See where.h. */
#include "spool/where.h"

#include "spool/base/decimal.h"
#include "spool/where_field.h"
#include "spool/where_value.h"

#include <stdarg.h>
#include <stdio.h>

const struct where_field where_fields[] = {
	{"id", NULL, KIND_ID, OF_NONE},
	{"state", NULL, KIND_STATE, OF_NONE},
	{"phase", "step", KIND_PHASE, OF_NONE},
	{"receiver", NULL, KIND_RECEIVER, OF_NONE},
	{"workflow", "workflow_id", KIND_TEXT, OF_WORKFLOW},
	{"user", "user_id", KIND_TEXT, OF_USER},
	{"source", NULL, KIND_TEXT, OF_SOURCE},
	{"error", NULL, KIND_TEXT, OF_ERROR},
	{"key", "idempotency_key", KIND_TEXT, OF_KEY},
	{"traceparent", NULL, KIND_TEXT, OF_TRACE},
	{"priority", NULL, KIND_NUMBER, OF_PRIORITY},
	{"attempts", "attempts_made", KIND_NUMBER, OF_ATTEMPTS},
	{"attempts_allowed", NULL, KIND_NUMBER, OF_ATTEMPTS_ALLOWED},
	{"crashes", NULL, KIND_NUMBER, OF_CRASHES},
	{"age", NULL, KIND_AGE, OF_ACCEPTED},
	{"wait", NULL, KIND_AGE, OF_WAITING},
	{"accepted", "accepted_at", KIND_TIME, OF_ACCEPTED},
	{"run_at", NULL, KIND_TIME, OF_RUN_AT},
	{"started", "started_at", KIND_TIME, OF_STARTED},
	{"finished", "finished_at", KIND_TIME, OF_FINISHED},
	{"give_up_at", NULL, KIND_TIME, OF_GIVE_UP},
	{"body", NULL, KIND_BODY, OF_NONE},
};
const size_t where_fields_n = sizeof where_fields / sizeof *where_fields;

static const struct {
	const char *text; /* the longer ones first */
	enum where_operator op;
} operators[] = {{"!=", WHERE_IS_NOT}, {"<=", WHERE_MOST}, {">=", WHERE_LEAST}, {"=", WHERE_IS},
	{"<", WHERE_LESS}, {">", WHERE_MORE}, {"~", WHERE_HAS}};

struct parser {
	struct slice text;
	size_t at;
	const struct where_env *env;
	struct where *out;
	size_t *error_at;
	struct why *why;
};

/* Always false, so that a check is one line. */
static bool fail(struct parser *p, size_t at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static bool fail(struct parser *p, size_t at, const char *fmt, ...)
{
	va_list args;
	*p->error_at = at;
	if (p->why) {
		va_start(args, fmt);
		vsnprintf(p->why->text, sizeof p->why->text, fmt, args);
		va_end(args);
	}
	return false;
}

/* For messages: a text of any length. */
#define CUT(s) (int)((s).len < 40 ? (s).len : 40), (s).len ? (s).p : ""

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
	       c == '-' || c == '.';
}

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static bool is_over(const struct parser *p)
{
	return p->at == p->text.len;
}

static void skip_blank(struct parser *p)
{
	while (!is_over(p) && is_blank(p->text.p[p->at]))
		p->at++;
}

static void add_byte(struct parser *p, char c)
{
	p->out->text[p->out->text_len++] = c; /* no more than was read, which fits */
}

static const char letters[] = "\"\\nrt", meanings[] = "\"\\\n\r\t"; /* of escapes */

static bool take_quoted(struct parser *p)
{
	size_t from = p->at++;
	while (!is_over(p) && p->text.p[p->at] != '"') {
		char c = p->text.p[p->at];
		if (is_control(c))
			return fail(p, p->at, "a control character; write \\n, \\r or \\t");
		if (c == '\\') {
			char escaped = p->at + 1 < p->text.len ? p->text.p[p->at + 1] : '\0';
			const char *letter = escaped ? strchr(letters, escaped) : NULL;
			if (!letter)
				return fail(p, p->at, "not an escape: there are \\\" \\\\ \\n \\r \\t");
			c = meanings[letter - letters];
			p->at++;
		}
		add_byte(p, c);
		p->at++;
	}
	if (is_over(p))
		return fail(p, from, "a quote that is not closed");
	p->at++;
	return true;
}

static bool take_word(struct parser *p)
{
	size_t from = p->at;
	for (; !is_over(p); p->at++) {
		char c = p->text.p[p->at];
		if (is_blank(c) || c == ',')
			break;
		if (c == '"' || is_control(c))
			return fail(p, p->at, "values with such characters are written in \"quotes\"");
		if (p->at == from && strchr("=<>~!", c))
			return fail(p, from, "not an operator; a value that begins with %c needs quotes", c);
		add_byte(p, c);
	}
	return p->at > from || fail(p, from, "a value is missing");
}

static bool take_value(struct parser *p, struct where_term *term, size_t *at)
{
	struct where *w = p->out;
	size_t from = w->text_len;
	if (w->values_n == WHERE_VALUES_MAX)
		return fail(p, p->at, "more than %d values", WHERE_VALUES_MAX);
	skip_blank(p);
	*at = p->at;
	if (is_over(p))
		return fail(p, p->at, "a value is missing");
	if (!(p->text.p[p->at] == '"' ? take_quoted(p) : take_word(p)))
		return false;
	w->values[w->values_n++] = (struct where_value){.text = slice_of(w->text + from, w->text_len - from)};
	term->n++;
	return true;
}

void where_quote(struct buf *to, struct slice text)
{
	buf_byte(to, '"');
	for (size_t i = 0; i < text.len; i++) {
		const char *special = text.p[i] ? strchr(meanings, text.p[i]) : NULL;
		if (special)
			buf_byte(to, '\\');
		buf_byte(to, (unsigned char)(special ? letters[special - meanings] : text.p[i]));
	}
	buf_byte(to, '"');
}

static bool is_ordering(enum where_operator op)
{
	return op == WHERE_LESS || op == WHERE_MOST || op == WHERE_MORE || op == WHERE_LEAST;
}

/* Which operators a field knows. */
static bool check_operator(struct parser *p, const struct where_term *term, size_t at)
{
	enum where_kind kind = term->field->kind;
	bool is_wrong = false;
	const char *right = "";
	if (kind == KIND_TIME || kind == KIND_AGE) {
		is_wrong = !is_ordering(term->op);
		right = "< <= > >=";
	} else if (kind == KIND_NUMBER || kind == KIND_PHASE) {
		is_wrong = term->op == WHERE_HAS;
		right = "= != < <= > >=";
	} else if (kind == KIND_TEXT) {
		is_wrong = is_ordering(term->op);
		right = "= != ~";
	} else if (kind != KIND_BODY) {
		is_wrong = term->op != WHERE_IS && term->op != WHERE_IS_NOT;
		right = "= !=";
	}
	return !is_wrong || fail(p, at, "%s takes %s", term->field->name, right);
}

static bool take_operator(struct parser *p, struct where_term *term, struct slice name)
{
	skip_blank(p);
	size_t at = p->at;
	for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
		size_t len = strlen(operators[i].text);
		if (p->text.len - at < len || memcmp(p->text.p + at, operators[i].text, len) != 0)
			continue;
		p->at += len;
		term->op = operators[i].op;
		return check_operator(p, term, at);
	}
	return fail(p, at, "an operator is missing after %.*s: = != < <= > >= ~", CUT(name));
}

static bool is_secret_path(const struct mask *mask, struct slice path)
{
	struct slice steps[WHERE_PATH_MAX];
	size_t n = 0;
	while (path.len && n < WHERE_PATH_MAX) {
		const char *point = memchr(path.p, '.', path.len);
		size_t len = point ? (size_t)(point - path.p) : path.len;
		steps[n++] = slice_of(path.p, len);
		len += point != NULL;
		path = slice_of(path.p + len, path.len - len);
	}
	return mask_has_path(mask, steps, n);
}

/* "body.a.b": the path is kept behind what is before it in the text. */
static bool take_path(struct parser *p, struct where_term *term, struct slice name, size_t at)
{
	struct slice path = slice_of(name.p + 5, name.len - 5);
	size_t steps = 1, from = p->out->text_len;
	for (size_t i = 0; i < path.len; i++) {
		steps += path.p[i] == '.';
		if (path.p[i] == '.' && (i == 0 || i + 1 == path.len || path.p[i + 1] == '.'))
			return fail(p, at + 5 + i, "an empty name in a path");
		add_byte(p, path.p[i]);
	}
	if (steps > WHERE_PATH_MAX || path.len == 0)
		return fail(p, at, "a path has 1 to %d names: body.a.b", WHERE_PATH_MAX);
	term->path = slice_of(p->out->text + from, path.len);
	if (is_secret_path(p->env->mask, term->path))
		return fail(p, at, "what privacy.secret-fields hides cannot be searched for");
	return true;
}

static bool fail_field(struct parser *p, struct slice name, size_t at)
{
	char names[256] = "";
	size_t len = 0;
	if (slice_is(name, "and") || slice_is(name, "AND"))
		return fail(p, at, "terms are parted by blanks alone, and all of them must hold");
	if (slice_is(name, "body"))
		return fail(p, at, "body needs the path of a member: body.amount");
	for (size_t i = 0; i < where_fields_n && len < sizeof names; i++)
		len += (size_t)snprintf(names + len, sizeof names - len, " %s", where_fields[i].name);
	return fail(p, at, "there is no field %.*s; there are%s.PATH", CUT(name), names);
}

static bool take_field(struct parser *p, struct where_term *term, struct slice *name)
{
	size_t at = p->at;
	while (!is_over(p) && is_name(p->text.p[p->at]))
		p->at++;
	*name = slice_of(p->text.p + at, p->at - at);
	if (!name->len)
		return fail(p, at, "a field is missing");
	bool is_body = name->len >= 5 && memcmp(name->p, "body.", 5) == 0;
	for (size_t i = 0; i < where_fields_n; i++) {
		const struct where_field *f = &where_fields[i];
		if (is_body ? f->kind != KIND_BODY
			    : f->kind == KIND_BODY ||
					(!slice_is(*name, f->name) && !(f->also && slice_is(*name, f->also))))
			continue;
		term->field = f;
		return !is_body || take_path(p, term, *name, at);
	}
	return fail_field(p, *name, at);
}

static bool take_number(struct slice text, int64_t *out)
{
	*out = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] < '0' || text.p[i] > '9' || i > 9)
			return false;
		*out = *out * 10 + (text.p[i] - '0');
	}
	return text.len > 0;
}

static uint32_t phases_of_receiver(const struct opts *opts, struct slice name, bool *is_known)
{
	uint32_t mask = 0;
	*is_known = false;
	for (size_t r = 0; opts && r < opts->receivers_n; r++) {
		if (!slice_is(name, opts->receivers[r].name))
			continue;
		*is_known = true;
		for (size_t c = 0; c < opts->calls_n; c++)
			if (opts->call[c].receiver == r && opts->call[c].phase)
				mask |= 1u << phase_slot((int)opts->call[c].phase);
	}
	return mask;
}

static bool read_phase(struct parser *p, struct where_term *term, const struct where_value *v, size_t at)
{
	int64_t number;
	if (!take_number(v->text, &number) || number > STEP_LAST || phase_slot((int)number) < 0)
		return fail(p, at, "not a phase: %.*s; there are 1 to 7 and 10 to 14", CUT(v->text));
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		if (where_compares(term->op, phase_of_slot(slot) - (int)number))
			term->mask |= 1u << slot;
	return true;
}

static bool read_state(struct parser *p, struct where_term *term, const struct where_value *v, size_t at)
{
	enum job_state state;
	if (!job_state_parse(v->text, &state))
		return fail(p, at,
			"not a state: %.*s; there are waiting, delayed, active, completed, failed, held, "
			"cancelled",
			CUT(v->text));
	term->mask |= 1u << state;
	return true;
}

static bool read_receiver(struct parser *p, struct where_term *term, const struct where_value *v, size_t at)
{
	bool is_known;
	term->mask |= phases_of_receiver(p->env->opts, v->text, &is_known);
	return is_known || fail(p, at, "the configuration has no receiver %.*s", CUT(v->text));
}

/* An age above one hour is a time before an hour ago. */
static bool read_age(struct parser *p, struct where_term *term, struct where_value *v, size_t at)
{
	static const enum where_operator turned[] = {[WHERE_LESS] = WHERE_MORE,
		[WHERE_MOST] = WHERE_LEAST,
		[WHERE_MORE] = WHERE_LESS,
		[WHERE_LEAST] = WHERE_MOST};
	int64_t span;
	if (!where_span(v->text, &span))
		return fail(p, at, "not a span of time: %.*s; expected 90s, 5m, 1h30m, 7d", CUT(v->text));
	v->number = p->env->now_us - span;
	term->op = turned[term->op];
	return true;
}

static bool read_body(struct parser *p, struct where_term *term, const struct where_value *v, size_t at)
{
	struct decimal number;
	return !is_ordering(term->op) || decimal_parse(v->text, &number) ||
	       fail(p, at, "not a number: %.*s; < <= > >= compare numbers", CUT(v->text));
}

static bool read_value(struct parser *p, struct where_term *term, struct where_value *v, size_t at)
{
	switch (term->field->kind) {
	case KIND_ID:
		return id_parse(v->text, &v->id) == ST_OK ||
		       fail(p, at, "not a job's id: %.*s", CUT(v->text));
	case KIND_STATE:
		return read_state(p, term, v, at);
	case KIND_PHASE:
		return read_phase(p, term, v, at);
	case KIND_RECEIVER:
		return read_receiver(p, term, v, at);
	case KIND_NUMBER:
		return take_number(v->text, &v->number) || fail(p, at, "not a number: %.*s", CUT(v->text));
	case KIND_TIME:
		return where_time(v->text, p->env->now_us, &v->number) ||
		       fail(p, at,
			       "not a time: %.*s; expected 2026-11-24T10:00:00Z (UTC), 2026-11-24, 90m "
			       "(ago), +2h (from now) or now",
			       CUT(v->text));
	case KIND_AGE:
		return read_age(p, term, v, at);
	case KIND_BODY:
		return read_body(p, term, v, at);
	default:
		return true;
	}
}

static bool take_values(struct parser *p, struct where_term *term)
{
	bool takes_list = !is_ordering(term->op);
	bool goes_on = true;
	while (goes_on) {
		size_t at = p->at, value = p->out->values_n;
		if (!take_value(p, term, &at) || !read_value(p, term, &p->out->values[value], at))
			return false;
		goes_on = !is_over(p) && p->text.p[p->at] == ',';
		if (goes_on && !takes_list)
			return fail(p, p->at, "only = != and ~ take a list");
		p->at += goes_on;
	}
	if (!is_over(p) && !is_blank(p->text.p[p->at]))
		return fail(p, p->at, "a blank is missing between two terms");
	return true;
}

static bool take_term(struct parser *p)
{
	struct where *w = p->out;
	struct where_term term = {.first = w->values_n};
	struct slice name;
	if (w->n == WHERE_TERMS_MAX)
		return fail(p, p->at, "more than %d terms", WHERE_TERMS_MAX);
	if (!take_field(p, &term, &name) || !take_operator(p, &term, name) || !take_values(p, &term))
		return false;
	if (term.op == WHERE_IS_NOT)
		term.mask = ~term.mask;
	w->terms[w->n++] = term;
	return true;
}

enum status where_parse(
	struct slice text, const struct where_env *env, struct where *out, size_t *at, struct why *why)
{
	struct parser p = {.text = text, .env = env, .out = out, .error_at = at, .why = why};
	out->n = out->values_n = out->text_len = 0;
	out->mask = env->mask;
	*at = 0;
	if (text.len > WHERE_TEXT_MAX) {
		fail(&p, WHERE_TEXT_MAX, "longer than %d bytes", WHERE_TEXT_MAX);
		return ST_INVALID;
	}
	for (skip_blank(&p); !is_over(&p); skip_blank(&p))
		if (!take_term(&p))
			return ST_INVALID;
	return ST_OK;
}

void where_hide(char text[WHERE_TEXT_MAX + 1], const struct where_env *env)
{
	struct where where;
	struct buf shown = BUF_INIT(WHERE_TEXT_MAX);
	size_t at;
	if (!env->mask)
		return;
	if (where_parse(slice_text(text), env, &where, &at, NULL) == ST_OK)
		mask_text(env->mask, slice_text(text), &shown);
	else
		buf_text(&shown, "***");
	bool fits = buf_status(&shown) == ST_OK;
	snprintf(text, WHERE_TEXT_MAX + 1, "%.*s", SLICE_ARG(fits ? buf_slice(&shown) : slice_text("***")));
	buf_release(&shown);
}
