/* spool/ctl/select.c: which jobs a command is about: --where and the short options, as one selection. */
#include "spool/base/clock.h"
#include "spool/ctl/ctl.h"

#include <string.h>

static void add_quoted(struct buf *to, struct slice text)
{
	static const char letters[] = "\"\\nrt", meanings[] = "\"\\\n\r\t";
	buf_byte(to, '"');
	for (size_t i = 0; i < text.len; i++) {
		const char *special = text.p[i] ? strchr(meanings, text.p[i]) : NULL;
		if (special)
			buf_byte(to, '\\');
		buf_byte(to, (unsigned char)(special ? letters[special - meanings] : text.p[i]));
	}
	buf_byte(to, '"');
}

static void add_text(struct buf *to, const char *field, struct slice text)
{
	if (!text.len)
		return;
	buf_fmt(to, " %s=", field);
	add_quoted(to, text);
}

static void add_time(struct buf *to, const char *term, int64_t at_us)
{
	char text[CLOCK_TEXT_LEN];
	if (!at_us)
		return;
	clock_text(at_us, text, sizeof text);
	buf_fmt(to, " %s%s", term, text);
}

/* The short options as terms behind what --where has, so that places in that stay what they are. */
static void add_options(struct buf *to, const struct ctl *ctl)
{
	const struct job_filter *f = &ctl->filter;
	if (f->has_state)
		buf_fmt(to, " state=%s", job_state_name(f->state));
	if (f->phase)
		buf_fmt(to, " phase=%d", f->phase);
	add_text(to, "user", f->user_id);
	add_text(to, "workflow", f->workflow_id);
	add_time(to, "accepted>=", f->since_us);
	add_time(to, "accepted<", f->until_us);
	add_time(to, "finished<", ctl->ended_before_us);
}

/* The text with a caret below the place; what is no printable character shows as one. */
static void point_at(const char *text, size_t at)
{
	fputs("  ", stderr);
	for (const char *p = text; *p; p++)
		fputc((unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p, stderr);
	fprintf(stderr, "\n  ");
	for (size_t i = 0; i < at && text[i]; i++)
		if (((unsigned char)text[i] & 0xc0) != 0x80) /* one place for a character of several bytes */
			fputc(' ', stderr);
	fputs("^\n", stderr);
}

bool ctl_select(struct ctl *ctl)
{
	struct buf text = BUF_INIT(2 * WHERE_TEXT_MAX + 4 * JOB_TEXT_MAX);
	struct where_env env = {.now_us = clock_now().wall_us, .opts = &ctl->opts};
	struct why why = WHY_INIT;
	size_t at;
	const char *own = ctl->where_text ? ctl->where_text : "";
	buf_add(&text, own, strnlen(own, WHERE_TEXT_MAX + 1));
	add_options(&text, ctl);
	struct slice whole = buf_slice(&text);
	if (!*own && whole.len)
		whole = slice_of(whole.p + 1, whole.len - 1);
	bool ok = where_parse(whole, &env, &ctl->where, &at, &why) == ST_OK;
	if (ok) {
		memcpy(ctl->selection, whole.len ? whole.p : "", whole.len);
		ctl->filter = (struct job_filter){
			.oldest_first = ctl->filter.oldest_first, .scanned = &ctl->scanned};
		where_narrow(&ctl->where, &ctl->filter);
	} else {
		fprintf(stderr, "clario-spool: --where: %s\n", why.text);
		if (whole.len <= WHERE_TEXT_MAX && whole.len)
			point_at(text.p + (whole.p - text.p), at);
	}
	buf_release(&text);
	return ok;
}

bool ctl_scan_is_over(const struct ctl *ctl)
{
	return where_is_scan(&ctl->where) && ctl->scanned >= (uint64_t)ctl->scan_limit;
}

int ctl_tell_scan(const struct ctl *ctl, bool is_cut)
{
	if (!where_is_scan(&ctl->where))
		return CTL_DONE;
	fprintf(stderr, "clario-spool: scanned %llu jobs\n", (unsigned long long)ctl->scanned);
	if (!is_cut)
		return CTL_DONE;
	fprintf(stderr,
		"clario-spool: stopped there, there may be more; see --scan-limit, or narrow it by state, "
		"workflow, user or age\n");
	return CTL_PARTLY;
}
