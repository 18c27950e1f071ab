/* spool/dump/read.c: JSON lines to items. See dump.h. Nothing in a line is trusted. */
#include "spool/dump/dump.h"
#include "spool/dump/form.h"
#include "spool/model/phase.h"

#include <errno.h>
#include <stdlib.h>

enum { LINE_DEPTH = 8 };

/* --- bytes from hexadecimal --- */

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The line's bytes were given room at its start, so that what was taken before stays where it is. */
static bool take_hex(struct dump_reader *r, const json_t *value, struct slice *out)
{
	struct slice text = jx_text(value);
	size_t from = r->bytes.len;
	if (!json_is_string(value) || text.len % 2)
		return false;
	for (size_t i = 0; i < text.len; i += 2) {
		int high = digit(text.p[i]), low = digit(text.p[i + 1]);
		if (high < 0 || low < 0)
			return false;
		buf_byte(&r->bytes, (unsigned char)(high << 4 | low));
	}
	*out = slice_of(text.len ? r->bytes.p + from : "", text.len / 2);
	return buf_status(&r->bytes) == ST_OK;
}

static bool take_text(struct dump_reader *r, const json_t *value, struct slice *out)
{
	if (json_is_object(value))
		return json_object_size(value) == 1 && take_hex(r, jx_get(value, "hex"), out);
	*out = jx_text(value);
	return json_is_string(value);
}

/* --- members --- */

static bool take_number(const struct member *m, const json_t *value, int64_t *out)
{
	*out = json_integer_value(value);
	return json_is_integer(value) && *out >= m->least && *out <= m->most;
}

static bool take_integer(const struct member *m, const json_t *value, void *at)
{
	int64_t number;
	if (!take_number(m, value, &number))
		return false;
	switch (m->type) {
	case MEMBER_INT:
		*(int *)at = (int)number;
		return true;
	case MEMBER_U32:
		*(uint32_t *)at = (uint32_t)number;
		return true;
	default:
		*(int64_t *)at = number;
		return true;
	}
}

static bool take_bits(const json_t *value, uint64_t *out)
{
	struct slice text = jx_text(value);
	*out = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (digit(text.p[i]) < 0)
			return false;
		*out = *out << 4 | (unsigned)digit(text.p[i]);
	}
	return text.len == 16;
}

static bool take_ring(const struct member *m, const json_t *value, uint32_t *ring)
{
	if (json_array_size(value) != STATS_RECENT_MAX)
		return false;
	for (size_t i = 0; i < STATS_RECENT_MAX; i++) {
		int64_t number;
		if (!take_number(m, json_array_get(value, i), &number))
			return false;
		ring[i] = (uint32_t)number;
	}
	return true;
}

static bool take_move(const json_t *value, int *out)
{
	enum job_state state;
	bool is = job_state_parse(jx_text(value), &state);
	*out = is ? (int)state : EVENT_NO_STATE;
	return is;
}

static bool take_slice(struct dump_reader *r, const struct member *m, const json_t *value, struct slice *out)
{
	bool is = m->type == MEMBER_BYTES ? take_hex(r, value, out) : take_text(r, value, out);
	return is && (int64_t)out->len >= m->least && (int64_t)out->len <= m->most;
}

static bool take_chars(struct dump_reader *r, const struct member *m, const json_t *value, char *out)
{
	struct slice text;
	if (!take_slice(r, m, value, &text) || (text.len && memchr(text.p, '\0', text.len)))
		return false;
	if (text.len)
		memcpy(out, text.p, text.len);
	out[text.len] = '\0';
	return true;
}

static bool take_digest(struct dump_reader *r, const json_t *value, uint8_t *out)
{
	struct slice bytes;
	bool is = take_hex(r, value, &bytes) && bytes.len == TOKEN_DIGEST_LEN;
	if (is)
		memcpy(out, bytes.p, bytes.len);
	return is;
}

static bool take_member(struct dump_reader *r, const struct member *m, const json_t *value, void *at)
{
	switch (m->type) {
	case MEMBER_ID:
		return id_parse(jx_text(value), at) == ST_OK && !id_is_zero(*(struct job_id *)at);
	case MEMBER_TEXT:
	case MEMBER_BYTES:
		return take_slice(r, m, value, at);
	case MEMBER_DIGEST:
		return take_digest(r, value, at);
	case MEMBER_CHARS:
		return take_chars(r, m, value, at);
	case MEMBER_BOOL:
		*(bool *)at = json_is_true(value);
		return json_is_boolean(value);
	case MEMBER_BITS:
		return take_bits(value, at);
	case MEMBER_STATE:
		return job_state_parse(jx_text(value), at);
	case MEMBER_MOVE:
		return take_move(value, at);
	case MEMBER_KIND:
		return event_kind_parse(jx_text(value), at);
	case MEMBER_BREAKER:
		return breaker_parse(jx_text(value), at);
	case MEMBER_RING:
		return take_ring(m, value, at);
	default:
		return take_integer(m, value, at);
	}
}

/* --- lines --- */

static enum status complain(
	const struct dump_reader *r, struct why *why, const char *form, const char *name, const char *what)
{
	return why_set(why, ST_INVALID, "line %llu: %.40s%s%.60s: %s", (unsigned long long)r->lines, form,
		*name ? "." : "", name, what);
}

static const struct member *find_member(const struct form *form, const char *name)
{
	for (size_t i = 0; i < form->n; i++)
		if (strcmp(form->members[i].name, name) == 0)
			return &form->members[i];
	return NULL;
}

static enum status take_form(
	struct dump_reader *r, const struct form *form, json_t *object, struct item *out, struct why *why)
{
	char *base = (char *)out + form->at;
	const char *name;
	json_t *value;
	json_object_foreach(object, name, value)
	{
		const struct member *m = find_member(form, name);
		if (!m)
			return complain(r, why, form->name, name, "is not a member that this program knows");
		if (!take_member(r, m, value, base + m->at))
			return complain(r, why, form->name, name, "has a value of the wrong kind or size");
	}
	for (size_t i = 0; i < form->n; i++)
		if (form->members[i].is_needed && !jx_get(object, form->members[i].name))
			return complain(r, why, form->name, form->members[i].name, "is missing");
	if (out->kind == ITEM_JOB && phase_slot(out->job.phase) < 0)
		return complain(r, why, form->name, "phase", "there is no such phase");
	return ST_OK;
}

static bool find_form(const char *name, enum item_kind *out)
{
	for (int kind = 0; kind < ITEM_KIND_N; kind++)
		if (strcmp(dump_forms[kind].name, name) == 0) {
			*out = (enum item_kind)kind;
			return true;
		}
	return false;
}

static enum status take_line(struct dump_reader *r, struct item *out, struct why *why)
{
	void *only = json_object_iter(r->line);
	json_t *object = json_object_iter_value(only);
	const char *name = only ? json_object_iter_key(only) : "";
	if (json_object_size(r->line) != 1 || !json_is_object(object) || !find_form(name, &out->kind))
		return complain(r, why, "", "",
			"is not an object with one of spool, bookmark, receiver, token, job, event, aside, "
			"end");
	if ((out->kind == ITEM_TOTALS) != (r->lines == 1))
		return complain(r, why, name, "",
			r->lines == 1 ? "an export begins with its spool line" : "stands a second time");
	enum status st = take_form(r, &dump_forms[out->kind], object, out, why);
	if (st == ST_OK && out->kind == ITEM_TOTALS && out->totals.masked)
		return complain(r, why, name, "masked",
			"this export was made without --reveal: what it hides cannot be brought back from "
			"it. Export again with --reveal");
	if (st == ST_OK && out->kind == ITEM_END && out->end.items != r->lines - 1)
		return complain(r, why, name, "items", "is not the number of lines before it: some are lost");
	return st;
}

static enum status next_line(struct dump_reader *r, struct slice *out, struct why *why)
{
	errno = 0;
	ssize_t len = getline(&r->text, &r->cap, r->from);
	if (len < 0 && (ferror(r->from) || errno))
		return why_errno(
			why, errno ? errno : EIO, "cannot read line %llu", (unsigned long long)r->lines + 1);
	if (len < 0)
		return why_set(why, ST_CORRUPT,
			"the export ends after line %llu without its end line: it was cut short",
			(unsigned long long)r->lines);
	r->lines++;
	*out = slice_of(r->text, (size_t)len);
	return ST_OK;
}

enum status dump_read(void *arg, struct item *out, struct why *why)
{
	struct dump_reader *r = arg;
	struct slice text;
	struct why inner = WHY_INIT;
	*out = (struct item){.event = {.from = EVENT_NO_STATE, .to = EVENT_NO_STATE}};
	enum status st = next_line(r, &text, why);
	if (st != ST_OK)
		return st;
	json_decref(r->line);
	r->line = NULL;
	if (!r->bytes.max)
		buf_init(&r->bytes, SIZE_MAX / 2);
	buf_clear(&r->bytes);
	buf_room(&r->bytes, text.len);
	buf_clear(&r->bytes);
	st = jx_parse(text, LINE_DEPTH, &r->line, &inner);
	if (st != ST_OK)
		return why_set(why, st, "line %llu: %.250s", (unsigned long long)r->lines, inner.text);
	st = take_line(r, out, why);
	if (st == ST_OK && out->kind == ITEM_END && getc(r->from) != EOF)
		return why_set(why, ST_INVALID, "line %llu: something stands after the end line",
			(unsigned long long)r->lines + 1);
	return st;
}

void dump_reader_release(struct dump_reader *r)
{
	json_decref(r->line);
	buf_release(&r->bytes);
	free(r->text);
	*r = (struct dump_reader){.from = r->from};
}
