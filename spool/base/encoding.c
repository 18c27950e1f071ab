/* spool/base/encoding.c: see encoding.h. */
#include "spool/base/encoding.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct slice bytes, struct buf *out)
{
	const unsigned char *p = (const unsigned char *)bytes.p;
	for (size_t i = 0; i < bytes.len; i += 3) {
		size_t n = bytes.len - i < 3 ? bytes.len - i : 3;
		unsigned group = (unsigned)p[i] << 16 | (n > 1 ? (unsigned)p[i + 1] << 8 : 0) |
				 (n > 2 ? p[i + 2] : 0u);
		for (size_t k = 0; k < 4; k++)
			buf_byte(out, k <= n ? (unsigned char)letters[group >> (18 - 6 * k) & 63] : '=');
	}
}

void hex_encode(struct slice bytes, struct buf *out)
{
	for (size_t i = 0; i < bytes.len; i++)
		buf_fmt(out, "%02x", (unsigned char)bytes.p[i]);
}

static bool take_letter(char c, uint32_t *group)
{
	const char *at = c ? memchr(letters, c, sizeof letters - 1) : NULL;
	*group = *group << 6 | (at ? (uint32_t)(at - letters) : 0);
	return at;
}

bool base64_decode(struct slice text, unsigned char *out, size_t cap, size_t *len)
{
	size_t padding = 0;
	uint32_t group = 0;
	while (padding < 2 && padding < text.len && text.p[text.len - 1 - padding] == '=')
		padding++;
	*len = 0;
	if (text.len % 4 != 0 || text.len / 4 * 3 - padding > cap)
		return false;
	for (size_t i = 0; i < text.len - padding; i++) {
		if (!take_letter(text.p[i], &group))
			return false;
		if (i % 4 == 3)
			for (int shift = 16; shift >= 0; shift -= 8)
				out[(*len)++] = (unsigned char)(group >> shift);
	}
	if (padding == 0)
		return true;
	/* What is left over: 12 bits for one byte, or 18 for two, and those beyond are zero. */
	group <<= 6 * padding;
	for (size_t k = 0; k < 3 - padding; k++)
		out[(*len)++] = (unsigned char)(group >> (16 - 8 * k));
	return (group & ((UINT32_C(1) << (8 * padding)) - 1)) == 0;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hex_decode(struct slice text, unsigned char *out, size_t cap, size_t *len)
{
	*len = 0;
	if (text.len % 2 != 0 || text.len / 2 > cap)
		return false;
	for (size_t i = 0; i < text.len; i += 2) {
		int high = hex_value(text.p[i]), low = hex_value(text.p[i + 1]);
		if (high < 0 || low < 0)
			return false;
		out[(*len)++] = (unsigned char)(high << 4 | low);
	}
	return true;
}
