/* spool/template.c: see template.h. */
#include "spool/template.h"

#include "spool/base/jx.h"

enum { BODY_MAX = 64 << 10, DEPTH_MAX = 64 };

static const char *const opening[] = {[TEMPLATE_PATH] = "{", [TEMPLATE_BODY] = "${"};

static enum hole hole_of(enum template_kind kind, struct slice name, struct slice *member)
{
	static const struct {
		const char *name;
		enum hole hole;
	} rows[] = {
		{"claim_id", HOLE_CLAIM_ID},
		{"user_id", HOLE_USER_ID},
		{"workflow_id", HOLE_WORKFLOW_ID},
		{"job_id", HOLE_JOB_ID},
		{"payload", HOLE_PAYLOAD},
	};
	const struct slice prefix = slice_text("payload.");
	*member = (struct slice)SLICE_INIT;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (slice_is(name, rows[i].name))
			return rows[i].hole == HOLE_PAYLOAD && kind == TEMPLATE_PATH ? HOLE_UNKNOWN
										     : rows[i].hole;
	if (name.len <= prefix.len || memcmp(name.p, prefix.p, prefix.len) != 0)
		return HOLE_UNKNOWN;
	*member = slice_of(name.p + prefix.len, name.len - prefix.len);
	return HOLE_MEMBER;
}

bool template_next(enum template_kind kind, const char **at, struct template_part *out)
{
	const char *text = *at, *open = strstr(text, opening[kind]);
	*out = (struct template_part){.text = slice_text(text)};
	if (!*text)
		return false;
	*at = text + out->text.len;
	if (!open)
		return true;
	const char *name = open + strlen(opening[kind]);
	size_t len = strcspn(name, "{}");
	out->text = slice_of(text, (size_t)(open - text));
	out->name = slice_of(name, len);
	out->hole = name[len] == '}' ? hole_of(kind, out->name, &out->member) : HOLE_UNKNOWN;
	*at = name + len + (name[len] == '}');
	return true;
}

static enum status check_path_text(struct slice text, struct why *why)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c <= ' ' || c >= 0x7f || strchr("#\"<>\\^`}", c))
			return why_set(why, ST_INVALID, "byte 0x%02x cannot stand in a path", c);
	}
	return ST_OK;
}

/* Whether a string of JSON is open behind text, if one was before it. */
static bool in_string_after(struct slice text, bool in_string)
{
	for (size_t i = 0; i < text.len; i++) {
		if (in_string && text.p[i] == '\\')
			i++;
		else if (text.p[i] == '"')
			in_string = !in_string;
	}
	return in_string;
}

static enum status check_json(const struct buf *filled, struct why *why)
{
	json_t *json = NULL;
	struct why inner = WHY_INIT;
	enum status st = buf_status(filled);
	if (st == ST_OK)
		st = jx_parse(buf_slice(filled), DEPTH_MAX, &json, &inner);
	json_decref(json);
	if (st == ST_FULL)
		return why_set(why, ST_INVALID, "it has more than %d bytes", BODY_MAX);
	return st == ST_OK ? ST_OK : why_set(why, st == ST_NOMEM ? st : ST_INVALID, "%s", inner.text);
}

enum status template_check(enum template_kind kind, const char *text, struct why *why)
{
	struct template_part part;
	struct buf filled = BUF_INIT(BODY_MAX);
	bool in_string = false;
	enum status st = ST_OK;
	while (st == ST_OK && template_next(kind, &text, &part)) {
		buf_add_slice(&filled, part.text);
		in_string = in_string_after(part.text, in_string);
		if (kind == TEMPLATE_PATH)
			st = check_path_text(part.text, why);
		if (st != ST_OK || part.hole == HOLE_NONE)
			continue;
		if (part.hole == HOLE_UNKNOWN)
			st = why_set(why, ST_INVALID, "there is no hole %s%.*s}", opening[kind],
				SLICE_ARG(part.name));
		else if (kind == TEMPLATE_BODY && in_string)
			st = why_set(why, ST_INVALID,
				"${%.*s} stands for a whole JSON value and cannot be within quotes",
				SLICE_ARG(part.name));
		buf_text(&filled, "null");
	}
	if (st == ST_OK && kind == TEMPLATE_BODY)
		st = check_json(&filled, why);
	buf_release(&filled);
	return st;
}
