/* worker/jwt.c: see jwt.h. */
#include "worker/jwt.h"

#include "spool/base/jx.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

void jwt_base64url(struct slice bytes, struct buf *out)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const unsigned char *p = (const unsigned char *)bytes.p;
	for (size_t i = 0; i < bytes.len; i += 3) {
		size_t n = bytes.len - i < 3 ? bytes.len - i : 3;
		unsigned group = (unsigned)p[i] << 16 | (n > 1 ? (unsigned)p[i + 1] << 8 : 0) |
				 (n > 2 ? p[i + 2] : 0u);
		for (size_t k = 0; k <= n; k++)
			buf_byte(out, (unsigned char)letters[group >> (18 - 6 * k) & 63]);
	}
}

static void write_claims(struct slice user_id, int64_t now_s, struct buf *out)
{
	struct jx_writer w;
	jx_begin(&w, out);
	jx_open_object(&w, NULL);
	jx_string(&w, "user_id", user_id);
	jx_cstring(&w, "role", "service_worker");
	jx_cstring(&w, "iss", "integrations-backend");
	jx_int(&w, "iat", now_s);
	jx_int(&w, "exp", now_s + JWT_LIFE_S);
	jx_close_object(&w);
}

enum status jwt_sign(struct slice secret, struct slice user_id, int64_t now_s, struct buf *out)
{
	struct buf claims = BUF_INIT(2048);
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned mac_len = 0;
	size_t from = out->len;
	write_claims(user_id, now_s, &claims);
	jwt_base64url(slice_text("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"), out);
	buf_byte(out, '.');
	jwt_base64url(buf_slice(&claims), out);
	enum status st = buf_status(&claims);
	buf_release(&claims);
	if (st == ST_OK)
		st = buf_status(out);
	if (st != ST_OK)
		return st;
	if (!HMAC(EVP_sha256(), secret.p, (int)secret.len, (unsigned char *)out->p + from, out->len - from,
		    mac, &mac_len))
		return ST_IO;
	buf_byte(out, '.');
	jwt_base64url(slice_of(mac, mac_len), out);
	explicit_bzero(mac, sizeof mac);
	return buf_status(out);
}
