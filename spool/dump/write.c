/* spool/dump/write.c: items to JSON lines. See dump.h. */
#include "spool/dump/dump.h"
#include "spool/dump/form.h"

#include <errno.h>

#define LINE_MAX_BYTES ((size_t)128 << 20)

static void write_hex(struct buf *line, struct slice bytes)
{
	static const char digits[] = "0123456789abcdef";
	char *to = buf_room(line, bytes.len * 2);
	for (size_t i = 0; to && i < bytes.len; i++) {
		*to++ = digits[(uint8_t)bytes.p[i] >> 4];
		*to++ = digits[(uint8_t)bytes.p[i] & 15];
	}
}

static void write_bytes(struct jx_writer *w, const char *name, struct slice bytes)
{
	jx_raw(w, name, slice_text("\""));
	write_hex(w->out, bytes);
	buf_byte(w->out, '"');
}

static void write_digest(struct jx_writer *w, const struct member *m, const uint8_t *digest)
{
	static const uint8_t none[TOKEN_DIGEST_LEN];
	if (m->is_needed || memcmp(digest, none, TOKEN_DIGEST_LEN) != 0)
		write_bytes(w, m->name, slice_of(digest, TOKEN_DIGEST_LEN));
}

static void write_text(struct jx_writer *w, const char *name, struct slice text)
{
	if (text.len == 0)
		return;
	if (jx_is_text(text)) {
		jx_string(w, name, text);
		return;
	}
	jx_open_object(w, name);
	write_bytes(w, "hex", text);
	jx_close_object(w);
}

static void write_number(struct jx_writer *w, const struct member *m, int64_t value)
{
	if (value || m->is_needed)
		jx_int(w, m->name, value);
}

static void write_ring(struct jx_writer *w, const char *name, const uint32_t *ring)
{
	jx_open_array(w, name);
	for (size_t i = 0; i < STATS_RECENT_MAX; i++)
		jx_int(w, NULL, ring[i]);
	jx_close_array(w);
}

static void write_id(struct jx_writer *w, const char *name, struct job_id id)
{
	char text[JOB_ID_TEXT_LEN];
	id_text(id, text);
	if (!id_is_zero(id))
		jx_cstring(w, name, text);
}

static void write_bits(struct jx_writer *w, const char *name, uint64_t bits)
{
	char text[17];
	snprintf(text, sizeof text, "%016llx", (unsigned long long)bits);
	if (bits)
		jx_cstring(w, name, text);
}

static void write_member(struct jx_writer *w, const struct member *m, const void *at)
{
	switch (m->type) {
	case MEMBER_ID:
		write_id(w, m->name, *(const struct job_id *)at);
		break;
	case MEMBER_TEXT:
		write_text(w, m->name, *(const struct slice *)at);
		break;
	case MEMBER_BYTES:
		write_bytes(w, m->name, *(const struct slice *)at);
		break;
	case MEMBER_DIGEST:
		write_digest(w, m, at);
		break;
	case MEMBER_CHARS:
		write_text(w, m->name, slice_text(at));
		break;
	case MEMBER_BOOL:
		if (*(const bool *)at)
			jx_bool(w, m->name, true);
		break;
	case MEMBER_INT:
		write_number(w, m, *(const int *)at);
		break;
	case MEMBER_U32:
		write_number(w, m, *(const uint32_t *)at);
		break;
	case MEMBER_I64:
	case MEMBER_U64:
		write_number(w, m, *(const int64_t *)at);
		break;
	case MEMBER_BITS:
		write_bits(w, m->name, *(const uint64_t *)at);
		break;
	case MEMBER_STATE:
		jx_cstring(w, m->name, job_state_name(*(const enum job_state *)at));
		break;
	case MEMBER_MOVE:
		if (*(const int *)at != EVENT_NO_STATE)
			jx_cstring(w, m->name, job_state_name((enum job_state) * (const int *)at));
		break;
	case MEMBER_KIND:
		jx_cstring(w, m->name, event_kind_name(*(const enum event_kind *)at));
		break;
	case MEMBER_BREAKER:
		jx_cstring(w, m->name, breaker_name(*(const enum breaker *)at));
		break;
	case MEMBER_RING:
		write_ring(w, m->name, at);
		break;
	}
}

/* --- without secrets --- */

/* An item whose texts are its own where they differ from those that it was made of. */
struct masked {
	struct item item;
	struct buf texts[8];
	size_t n;
};

static struct buf *new_text(struct masked *m)
{
	struct buf *b = &m->texts[m->n++];
	buf_init(b, LINE_MAX_BYTES);
	return b;
}

static void hide_json(const struct mask *mask, struct masked *m, struct slice *json)
{
	struct buf *b = new_text(m);
	mask_json(mask, *json, b);
	*json = buf_slice(b);
}

static void hide_text(const struct mask *mask, struct masked *m, const char *name, struct slice *text)
{
	struct buf *b = new_text(m);
	mask_member(mask, name, *text, b);
	*text = buf_slice(b);
}

/* false: no memory. */
static bool mask_item(const struct mask *mask, struct masked *m)
{
	struct job *job = &m->item.job;
	struct event *event = &m->item.event;
	switch (m->item.kind) {
	case ITEM_TOTALS:
		m->item.totals.masked = true;
		break;
	case ITEM_JOB:
		hide_text(mask, m, "source", &job->source);
		hide_text(mask, m, "idempotency_key", &job->idempotency_key);
		hide_text(mask, m, "error", &job->error);
		hide_json(mask, m, &job->outcome);
		hide_json(mask, m, &job->checkpoint);
		hide_json(mask, m, &job->payload);
		break;
	case ITEM_EVENT:
		hide_text(mask, m, "reason", &event->reason);
		hide_json(mask, m, &event->data);
		break;
	case ITEM_ASIDE: /* nobody can tell what it says */
		m->item.aside.bytes = (struct slice)SLICE_INIT;
		break;
	default:
		break;
	}
	bool ok = true;
	for (size_t i = 0; i < m->n; i++)
		ok &= buf_status(&m->texts[i]) == ST_OK;
	return ok;
}

static void masked_release(struct masked *m)
{
	for (size_t i = 0; i < m->n; i++)
		buf_release(&m->texts[i]);
}

enum status dump_write(void *arg, const struct item *item, struct why *why)
{
	struct dump_writer *d = arg;
	const struct form *form = &dump_forms[item->kind];
	struct masked masked = {.item = *item};
	struct jx_writer w;
	if (d->mask && !mask_item(d->mask, &masked)) {
		masked_release(&masked);
		return why_set(why, ST_NOMEM, "a line cannot be put together: no memory");
	}
	const char *base = (const char *)&masked.item + form->at;
	if (!d->line.max)
		buf_init(&d->line, LINE_MAX_BYTES);
	buf_clear(&d->line);
	jx_begin(&w, &d->line);
	jx_open_object(&w, NULL);
	jx_open_object(&w, form->name);
	for (size_t i = 0; i < form->n; i++)
		write_member(&w, &form->members[i], base + form->members[i].at);
	jx_close_object(&w);
	jx_close_object(&w);
	buf_byte(&d->line, '\n');
	masked_release(&masked);
	if (buf_status(&d->line) != ST_OK)
		return why_set(why, buf_status(&d->line), "a line cannot be put together: no memory");
	if (fwrite(d->line.p, 1, d->line.len, d->to) != d->line.len)
		return why_errno(why, errno, "cannot write the export");
	d->items++;
	return ST_OK;
}

enum status dump_finish(struct dump_writer *d, struct why *why)
{
	struct item item = {.kind = ITEM_END, .end.items = d->items};
	enum status st = dump_write(d, &item, why);
	if (st == ST_OK && fflush(d->to) != 0)
		st = why_errno(why, errno, "cannot write the export");
	dump_writer_release(d);
	return st;
}

void dump_writer_release(struct dump_writer *d)
{
	buf_release(&d->line);
}
