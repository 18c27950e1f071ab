/* fcgi/events/sse.c: see sse.h. */
#include "fcgi/events/sse.h"

#include "spool/show.h"

enum { JSON_MAX = 2 << 20 };

static void add_id(struct buf *out, uint64_t seq)
{
	buf_fmt(out, "id: %llu\n", (unsigned long long)seq);
}

/* One field; a line end in its value would begin another field. */
static void add_word(struct buf *out, const char *field, struct slice value)
{
	buf_fmt(out, "%s: ", field);
	for (size_t i = 0; i < value.len; i++)
		buf_byte(out, (unsigned char)value.p[i] < 0x20 ? ' ' : (unsigned char)value.p[i]);
	buf_byte(out, '\n');
}

/* Each line of the value is a field of its own; CR, LF and both together are one line end. */
static void add_data(struct buf *out, struct slice data)
{
	size_t from = 0;
	for (size_t i = 0; i <= data.len; i++) {
		if (i < data.len && data.p[i] != '\n' && data.p[i] != '\r')
			continue;
		buf_text(out, "data: ");
		buf_add(out, data.p + from, i - from);
		buf_byte(out, '\n');
		if (i + 1 < data.len && data.p[i] == '\r' && data.p[i + 1] == '\n')
			i++;
		from = i + 1;
	}
}

void sse_begin(struct buf *out, unsigned retry_ms, uint64_t at)
{
	buf_fmt(out, "retry: %u\n", retry_ms);
	add_id(out, at);
	buf_byte(out, '\n');
}

void sse_beat(struct buf *out, uint64_t at)
{
	buf_text(out, ":\n");
	add_id(out, at);
	buf_byte(out, '\n');
}

void sse_gap(struct buf *out, uint64_t after, uint64_t before)
{
	add_id(out, before - 1);
	buf_fmt(out, "event: gap\ndata: {\"after\":%llu,\"before\":%llu}\n\n", (unsigned long long)after,
		(unsigned long long)before);
}

static void add_audit(struct buf *json, const struct event *event, const struct mask *mask)
{
	struct jx_writer w;
	jx_begin(&w, json);
	show_event(&w, event, mask);
}

void sse_event(struct buf *out, const struct event *event, bool all, const struct mask *mask)
{
	struct buf json = BUF_INIT(JSON_MAX);
	if (all)
		add_audit(&json, event, mask);
	else
		mask_json(mask, event->data, &json);
	add_id(out, event->seq);
	add_word(out, "event", all ? slice_text("audit") : event->name);
	add_data(out, buf_slice(&json));
	buf_byte(out, '\n');
	if (buf_status(&json) != ST_OK)
		out->fail = buf_status(&json);
	buf_release(&json);
}
