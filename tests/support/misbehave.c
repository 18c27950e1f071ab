/* tests/support/misbehave.c: see misbehave.h. */
#include "tests/support/misbehave.h"

#include "spool/base/clock.h"

#include <stdio.h>
#include <string.h>

/* An answer under way. */
struct stage {
	struct link *link;
	const struct rule *rule;
	const atomic_bool *is_stopping;
	const char *body;
	char head[4096];
};

static bool pause_ms(const struct stage *s, int ms)
{
	int64_t until = clock_mono_us() + ms * INT64_C(1000);
	while (clock_mono_us() < until && !atomic_load(s->is_stopping))
		clock_sleep_ms(ms < 5 ? ms : 5);
	return !atomic_load(s->is_stopping);
}

static void write_head(struct stage *s)
{
	const struct rule *rule = s->rule;
	snprintf(s->head, sizeof s->head,
		"HTTP/1.1 %d Status\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n",
		rule->status ? rule->status : 200, strlen(s->body), rule->headers ? rule->headers : "");
}

static bool send_half(struct stage *s, const char *text)
{
	return link_send(s->link, text, strlen(text) / 2);
}

/* In one piece where that is possible, as servers do. */
static bool behave(struct stage *s)
{
	char whole[8192];
	size_t head = strlen(s->head), body = strlen(s->body);
	if (head + body <= sizeof whole) {
		memcpy(whole, s->head, head);
		memcpy(whole + head, s->body, body);
		return link_send(s->link, whole, head + body);
	}
	return link_send_text(s->link, s->head) && link_send_text(s->link, s->body);
}

static bool drip(struct stage *s, const char *text)
{
	bool going = true;
	for (; *text && going; text++)
		going = link_send(s->link, text, 1) && pause_ms(s, s->rule->delay_ms);
	return going;
}

/* Until the other side has had enough. */
static bool hang(struct stage *s)
{
	char byte;
	while (link_recv(s->link, &byte, 1) > 0)
		;
	return false;
}

static bool send_endlessly(struct stage *s, const char *head, const char *piece)
{
	bool going = link_send_text(s->link, head);
	while (going && !atomic_load(s->is_stopping))
		going = link_send_text(s->link, piece);
	return false;
}

static bool act_drip_head(struct stage *s)
{
	return drip(s, s->head) && link_send_text(s->link, s->body);
}

static bool act_drip_body(struct stage *s)
{
	return link_send_text(s->link, s->head) && drip(s, s->body);
}

static bool act_close(struct stage *s)
{
	(void)s;
	return false;
}

static bool act_close_in_head(struct stage *s)
{
	return send_half(s, s->head) && false;
}

static bool act_close_in_body(struct stage *s)
{
	return link_send_text(s->link, s->head) && send_half(s, s->body) && false;
}

static bool act_close_after(struct stage *s)
{
	return behave(s) && false;
}

static bool act_reset(struct stage *s)
{
	link_will_reset(s->link);
	return false;
}

static bool act_reset_in_body(struct stage *s)
{
	bool sent = link_send_text(s->link, s->head) && send_half(s, s->body);
	pause_ms(s, 50); /* a reset overtakes what the other side has not read */
	return act_reset(s) && sent;
}

static bool act_hang_in_head(struct stage *s)
{
	return send_half(s, s->head) && hang(s);
}

static bool act_hang_after_head(struct stage *s)
{
	return link_send_text(s->link, s->head) && hang(s);
}

static bool act_hang_in_body(struct stage *s)
{
	return link_send_text(s->link, s->head) && send_half(s, s->body) && hang(s);
}

static bool act_garbage(struct stage *s)
{
	return link_send(s->link, "\x16\x03\x01 not HTTP\r\n\r\n", 16) && false;
}

static bool act_raw(struct stage *s)
{
	return link_send_text(s->link, s->body) && false;
}

static bool act_raw_kept(struct stage *s)
{
	return link_send_text(s->link, s->body);
}

static bool act_endless_headers(struct stage *s)
{
	return send_endlessly(
		s, "HTTP/1.1 200 OK\r\n", "X-More: 0123456789012345678901234567890123456789\r\n");
}

static bool act_endless_hints(struct stage *s)
{
	return send_endlessly(s, "", "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n");
}

static bool act_endless_line(struct stage *s)
{
	return send_endlessly(s, "HTTP/1.1 200 OK\r\nX-Long: ", "0123456789012345678901234567890123456789");
}

static bool act_endless_body(struct stage *s)
{
	return send_endlessly(s, "HTTP/1.1 200 OK\r\n\r\n", "0123456789012345678901234567890123456789");
}

static bool act_endless_chunks(struct stage *s)
{
	return send_endlessly(s, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		"28\r\n0123456789012345678901234567890123456789\r\n");
}

bool misbehave(struct link *link, const struct rule *rule, const atomic_bool *is_stopping)
{
	static bool (*const acts[])(struct stage *) = {
		[BEHAVE] = behave,
		[CLOSE_AT_ONCE] = act_close,
		[CLOSE_IN_HEAD] = act_close_in_head,
		[CLOSE_IN_BODY] = act_close_in_body,
		[CLOSE_AFTER] = act_close_after,
		[RESET] = act_reset,
		[RESET_IN_BODY] = act_reset_in_body,
		[HANG] = hang,
		[HANG_IN_HEAD] = act_hang_in_head,
		[HANG_AFTER_HEAD] = act_hang_after_head,
		[HANG_IN_BODY] = act_hang_in_body,
		[DRIP_HEAD] = act_drip_head,
		[DRIP_BODY] = act_drip_body,
		[GARBAGE] = act_garbage,
		[RAW] = act_raw,
		[RAW_KEPT] = act_raw_kept,
		[ENDLESS_HEADERS] = act_endless_headers,
		[ENDLESS_HINTS] = act_endless_hints,
		[ENDLESS_LINE] = act_endless_line,
		[ENDLESS_BODY] = act_endless_body,
		[ENDLESS_CHUNKS] = act_endless_chunks,
	};
	struct stage s = {.link = link, .rule = rule, .is_stopping = is_stopping};
	s.body = rule->body ? rule->body : "{}";
	write_head(&s);
	bool drips = rule->how == DRIP_HEAD || rule->how == DRIP_BODY;
	if (!drips && rule->delay_ms && !pause_ms(&s, rule->delay_ms))
		return false;
	return acts[rule->how](&s);
}
