/* fcgi/events/ticket.c: see ticket.h. What is signed is bytes of a fixed order, each text with its length
 * before it, so that there is one reading of them; hexadecimal outside. */
#include "fcgi/events/ticket.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { VERSION = 2, MAC_LEN = 32, BYTES_MAX = TICKET_TEXT_MAX / 2 };

/* So that nothing else that this key may ever sign is a ticket. */
static const char purpose[] = "clario-workflow events ticket\n";

static void add_number(struct buf *out, uint64_t value, unsigned bytes)
{
	while (bytes-- > 0)
		buf_byte(out, (unsigned char)(value >> (8 * bytes)));
}

static void add_text(struct buf *out, struct slice text)
{
	add_number(out, text.len, 2);
	buf_add_slice(out, text);
}

/* What stands behind the purpose, which goes in front for the signature alone. */
static void encode(const struct ticket *t, struct buf *out)
{
	buf_byte(out, VERSION);
	add_number(out, (uint64_t)t->expires_at_us, 8);
	add_number(out, t->caller.scopes, 1);
	add_number(out, t->caller.phases, 4);
	add_number(out, t->interest.all, 1);
	add_number(out, t->interest.kinds, 8);
	add_text(out, slice_text(t->caller.name));
	add_text(out, slice_text(t->caller.user_pattern));
	add_text(out, t->interest.user_id);
	add_text(out, t->interest.workflow_id);
}

static bool sign(const uint8_t key[TICKET_KEY_LEN], struct slice bytes, uint8_t mac[MAC_LEN])
{
	struct buf whole = BUF_INIT(BYTES_MAX + sizeof purpose);
	unsigned len = 0;
	buf_text(&whole, purpose);
	buf_add_slice(&whole, bytes);
	bool ok = buf_status(&whole) == ST_OK &&
		  HMAC(EVP_sha256(), key, TICKET_KEY_LEN, (const uint8_t *)whole.p, whole.len, mac, &len) &&
		  len == MAC_LEN;
	buf_release(&whole);
	return ok;
}

static void add_hex(struct buf *out, struct slice bytes)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < bytes.len; i++) {
		buf_byte(out, (unsigned char)digits[(unsigned char)bytes.p[i] >> 4]);
		buf_byte(out, (unsigned char)digits[(unsigned char)bytes.p[i] & 15]);
	}
}

enum status ticket_seal(const uint8_t key[TICKET_KEY_LEN], const struct ticket *ticket, struct buf *out)
{
	struct buf bytes = BUF_INIT(BYTES_MAX);
	uint8_t mac[MAC_LEN];
	encode(ticket, &bytes);
	enum status st = buf_status(&bytes);
	if (st == ST_OK && !sign(key, buf_slice(&bytes), mac))
		st = ST_IO;
	if (st == ST_OK) {
		add_hex(out, buf_slice(&bytes));
		add_hex(out, slice_of(mac, sizeof mac));
		st = buf_status(out);
	}
	buf_release(&bytes);
	return st;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* false: not the hexadecimal of some bytes and a signature. */
static bool from_hex(struct slice text, uint8_t bytes[BYTES_MAX], size_t *len)
{
	if (text.len % 2 || text.len > 2 * BYTES_MAX || text.len / 2 <= MAC_LEN)
		return false;
	*len = text.len / 2;
	for (size_t i = 0; i < *len; i++) {
		int high = digit(text.p[2 * i]), low = digit(text.p[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* What is left to be read; cut: there was less than was wanted. */
struct reader {
	const uint8_t *p, *end;
	bool is_cut;
};

static uint64_t take_number(struct reader *r, unsigned bytes)
{
	uint64_t value = 0;
	if ((size_t)(r->end - r->p) < bytes)
		r->is_cut = true;
	while (!r->is_cut && bytes-- > 0)
		value = value << 8 | *r->p++;
	return value;
}

static struct slice take_text(struct reader *r, char *to, size_t max)
{
	size_t len = take_number(r, 2);
	if (r->is_cut || len > max || len > (size_t)(r->end - r->p)) {
		r->is_cut = true;
		return (struct slice)SLICE_INIT;
	}
	memcpy(to, r->p, len);
	r->p += len;
	return slice_of(to, len);
}

static bool decode(struct reader *r, struct ticket *t)
{
	*t = (struct ticket){0};
	if (take_number(r, 1) != VERSION)
		return false;
	t->expires_at_us = (int64_t)take_number(r, 8);
	t->caller.scopes = (unsigned)take_number(r, 1);
	t->caller.phases = (uint32_t)take_number(r, 4);
	t->interest.all = take_number(r, 1) != 0;
	t->interest.kinds = take_number(r, 8);
	take_text(r, t->caller.name, sizeof t->caller.name - 1);
	take_text(r, t->caller.user_pattern, sizeof t->caller.user_pattern - 1);
	t->interest.user_id = take_text(r, t->mem, JOB_TEXT_MAX);
	t->interest.workflow_id = take_text(r, t->mem + JOB_TEXT_MAX, JOB_TEXT_MAX);
	return !r->is_cut && r->p == r->end;
}

enum ticket_verdict ticket_open(
	const uint8_t key[TICKET_KEY_LEN], struct slice text, int64_t now_us, struct ticket *out)
{
	uint8_t bytes[BYTES_MAX], mac[MAC_LEN];
	size_t len;
	if (!from_hex(text, bytes, &len))
		return TICKET_FORGED;
	len -= MAC_LEN;
	struct reader r = {bytes, bytes + len, false};
	if (!sign(key, slice_of(bytes, len), mac) || CRYPTO_memcmp(mac, bytes + len, MAC_LEN) != 0 ||
		!decode(&r, out))
		return TICKET_FORGED;
	return out->expires_at_us > now_us ? TICKET_GOOD : TICKET_EXPIRED;
}
