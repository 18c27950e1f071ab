/* tests/fuzz/fuzz_webhook.c: the headers of a delivery and its body: four lines, the fourth to the end.
 * Nothing is good but what holds the MAC of just these bytes; and what is signed here is good. */
#include "tests/fuzz/fuzz.h"

#include "spool/base/encoding.h"
#include "spool/webhook_sign.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#define TIME "1614265330"

/* The kind first: s(tandard), h(exadecimal), b(ase64). */
const char *const fuzz_seeds[] = {
	"smsg_p5jXN8AQM9LWM0D4loKWxJek\n" TIME
	"\nv1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\n{\"test\": "
	"2432232314}",
	"sid\n" TIME "\nv1a,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v1,\n{}",
	"h\n" TIME "\nv0=a1adde05adc0d6dfba1e86c7558ed6e2788d6fa3146fa0080793b049cde555a1\n{\"a\":1}",
	"b\n" TIME "\ng0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\n",
	NULL,
};

static char standard_secret[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	    plain_secret[] = "plain-secret-of-a-sender", none[] = "",
	    prefix[] = "v0=", time_header[] = "X-Time", content[] = "{timestamp}.{body}";

static struct webhook_opts source_of(uint8_t kind)
{
	struct webhook_opts source = {.signature = WEBHOOK_STANDARD,
		.secret = standard_secret,
		.window_ms = INT64_C(1000000000000000),
		.prefix = none,
		.timestamp_header = none,
		.content = none};
	if (kind == 's')
		return source;
	source.signature = WEBHOOK_HMAC;
	source.secret = plain_secret;
	source.encoding = kind == 'b' ? WEBHOOK_BASE64 : WEBHOOK_HEX;
	source.prefix = kind == 'b' ? none : prefix;
	source.timestamp_header = time_header;
	source.content = content;
	return source;
}

static struct slice take_line(struct slice *rest)
{
	const char *end = rest->len ? memchr(rest->p, '\n', rest->len) : NULL;
	struct slice line = slice_of(rest->p, end ? (size_t)(end - rest->p) : rest->len);
	size_t step = end ? line.len + 1 : line.len;
	*rest = slice_of(rest->p + step, rest->len - step);
	return line;
}

/* By another way than the one under test: all bytes in one, by libcrypto's older call. */
static void expect(const struct webhook_opts *source, const struct webhook_delivery *d, struct buf *out)
{
	struct buf all = BUF_INIT(64 << 10);
	unsigned char key[64], mac[EVP_MAX_MD_SIZE];
	size_t key_len = strlen(source->secret);
	unsigned len;
	if (source->signature == WEBHOOK_STANDARD) {
		must(base64_decode(slice_text(source->secret + 6), key, sizeof key, &key_len));
		buf_add_slice(&all, d->id);
		buf_byte(&all, '.');
	} else {
		memcpy(key, source->secret, key_len);
	}
	buf_add_slice(&all, d->timestamp);
	buf_byte(&all, '.');
	buf_add_slice(&all, d->body);
	must(HMAC(EVP_sha256(), key, (int)key_len, (unsigned char *)all.p, all.len, mac, &len) != NULL);
	if (source->signature == WEBHOOK_STANDARD || source->encoding == WEBHOOK_BASE64)
		base64_encode(slice_of(mac, len), out);
	else
		hex_encode(slice_of(mac, len), out);
	buf_release(&all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = slice_of(data + (size > 0), size - (size > 0));
	struct webhook_opts source = source_of(size ? data[0] : 's');
	struct webhook_delivery d = {.id = take_line(&rest)};
	struct buf mac = BUF_INIT(256), made = BUF_INIT(256);
	d.timestamp = take_line(&rest);
	d.signature = take_line(&rest);
	d.body = rest;
	expect(&source, &d, &mac);
	enum webhook_verdict verdict = webhook_verify(&source, &d, 0);
	must(verdict != WEBHOOK_NOT_CHECKED);
	if (verdict == WEBHOOK_GOOD && source.encoding != WEBHOOK_HEX)
		must(memmem(d.signature.p, d.signature.len, mac.p, mac.len) != NULL);
	if (verdict == WEBHOOK_GOOD)
		must(d.signature.len >= mac.len);
	must(webhook_sign(&source, &d, &made) == ST_OK);
	must(memmem(made.p, made.len, mac.p, mac.len) != NULL);
	d.signature = buf_slice(&made);
	verdict = webhook_verify(&source, &d, 0);
	must(verdict == WEBHOOK_GOOD || verdict == WEBHOOK_BAD_ID || verdict == WEBHOOK_BAD_TIMESTAMP);
	buf_release(&mac);
	buf_release(&made);
	return 0;
}
