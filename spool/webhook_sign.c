/* spool/webhook_sign.c: see webhook_sign.h.
 *
 * What a stranger can learn from how long a refusal takes. Everything that is compared before the signature
 * is not secret: he wrote it himself, or it is the time. MACs are compared by CRYPTO_memcmp(), whose time
 * depends on the length alone, which is always 32; each signature with the MAC under each secret, also after
 * one that fits, so that the time depends on the body's length, which he knows, and on how many signatures he
 * sent and how many secrets there are: not on where, or whether, one differs. */
#include "spool/webhook_sign.h"

#include "spool/base/encoding.h"
#include "spool/opts_webhooks.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

enum { TIMESTAMP_DIGITS = 12 };

const char *webhook_verdict_name(enum webhook_verdict verdict)
{
	static const char *const names[] = {
		[WEBHOOK_GOOD] = "good",
		[WEBHOOK_BAD_ID] = "bad_id",
		[WEBHOOK_BAD_TIMESTAMP] = "bad_timestamp",
		[WEBHOOK_TOO_OLD] = "too_old",
		[WEBHOOK_TOO_NEW] = "too_new",
		[WEBHOOK_NO_SIGNATURE] = "no_signature",
		[WEBHOOK_WRONG_SIGNATURE] = "wrong_signature",
		[WEBHOOK_NOT_CHECKED] = "not_checked",
	};
	static_assert(sizeof names / sizeof *names == WEBHOOK_VERDICT_N, "every verdict has its name");
	return (unsigned)verdict < WEBHOOK_VERDICT_N ? names[verdict] : "unknown";
}

/* --- what is signed --- */

struct content {
	struct slice parts[WEBHOOK_PARTS_MAX];
	size_t n;
};

static void add(struct content *c, struct slice part)
{
	if (c->n < WEBHOOK_PARTS_MAX)
		c->parts[c->n++] = part;
}

/* An id with a dot in it leaves open where it ends; but what could be read in two ways has a body that begins
 * with a number and a dot one way, which is no JSON object. */
static void gather(const struct webhook_opts *source, const struct webhook_delivery *d, struct content *c)
{
	const char *at = source->content;
	enum webhook_part part;
	struct slice literal;
	c->n = 0;
	if (source->signature == WEBHOOK_STANDARD) {
		add(c, d->id);
		add(c, slice_text("."));
		add(c, d->timestamp);
		add(c, slice_text("."));
		add(c, d->body);
		return;
	}
	while (opts_next_part(&at, &part, &literal))
		add(c, part == WEBHOOK_BODY ? d->body : part == WEBHOOK_TIMESTAMP ? d->timestamp : literal);
}

static bool run_mac(EVP_MAC_CTX *ctx, const unsigned char *key, size_t key_len, const struct content *c,
	unsigned char out[WEBHOOK_MAC_LEN])
{
	char digest[] = "SHA256";
	const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end()};
	size_t len = 0;
	bool ok = EVP_MAC_init(ctx, key, key_len, params) == 1;
	for (size_t i = 0; i < c->n && ok; i++)
		ok = !c->parts[i].len ||
		     EVP_MAC_update(ctx, (const unsigned char *)c->parts[i].p, c->parts[i].len) == 1;
	return ok && EVP_MAC_final(ctx, out, &len, WEBHOOK_MAC_LEN) == 1 && len == WEBHOOK_MAC_LEN;
}

/* Under one secret. ST_INVALID: it is none. */
static enum status make_mac(const struct webhook_opts *source, struct slice secret, const struct content *c,
	unsigned char out[WEBHOOK_MAC_LEN])
{
	unsigned char key[WEBHOOK_KEY_MAX];
	size_t key_len;
	enum status st = ST_INVALID;
	if (opts_webhook_key(source, secret, key, &key_len)) {
		EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
		EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
		st = ctx && run_mac(ctx, key, key_len, c, out) ? ST_OK : ST_IO;
		EVP_MAC_CTX_free(ctx);
		EVP_MAC_free(mac);
	}
	OPENSSL_cleanse(key, sizeof key);
	return st;
}

/* --- what was said --- */

struct signatures {
	unsigned char macs[WEBHOOK_SIGNATURES_MAX][WEBHOOK_MAC_LEN];
	size_t n;
};

static void take_mac(struct slice text, int encoding, struct signatures *out)
{
	size_t len;
	unsigned char *mac = out->macs[out->n];
	bool ok = encoding == WEBHOOK_BASE64 ? base64_decode(text, mac, WEBHOOK_MAC_LEN, &len)
					     : hex_decode(text, mac, WEBHOOK_MAC_LEN, &len);
	out->n += ok && len == WEBHOOK_MAC_LEN;
}

static bool cut_prefix(struct slice *text, const char *prefix)
{
	size_t len = strlen(prefix);
	if (len == 0)
		return true;
	if (text->len < len || memcmp(text->p, prefix, len) != 0)
		return false;
	*text = slice_of(text->p + len, text->len - len);
	return true;
}

/* "v1,BASE64 v1a,... v1,BASE64": schemes that are not known are passed over. */
static void take_list(struct slice text, struct signatures *out)
{
	for (int i = 0; text.len && i < WEBHOOK_SIGNATURES_MAX; i++) {
		const char *end = memchr(text.p, ' ', text.len);
		struct slice one = slice_of(text.p, end ? (size_t)(end - text.p) : text.len);
		size_t step = end ? one.len + 1 : one.len;
		text = slice_of(text.p + step, text.len - step);
		if (cut_prefix(&one, "v1,"))
			take_mac(one, WEBHOOK_BASE64, out);
	}
}

static void take_signatures(const struct webhook_opts *source, struct slice text, struct signatures *out)
{
	out->n = 0;
	if (source->signature == WEBHOOK_STANDARD)
		take_list(text, out);
	else if (cut_prefix(&text, source->prefix))
		take_mac(text, source->encoding, out);
}

static bool id_is_valid(struct slice id)
{
	for (size_t i = 0; i < id.len; i++)
		if (id.p[i] < '!' || id.p[i] > '~')
			return false;
	return id.len >= 1 && id.len <= WEBHOOK_ID_MAX;
}

static bool parse_seconds(struct slice text, int64_t *out)
{
	*out = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		*out = *out * 10 + (text.p[i] - '0');
	}
	return text.len >= 1 && text.len <= TIMESTAMP_DIGITS;
}

static enum webhook_verdict check_time(int64_t window_ms, struct slice timestamp, int64_t now_us)
{
	int64_t sent_s;
	if (timestamp.len > TIMESTAMP_DIGITS || !parse_seconds(timestamp, &sent_s))
		return WEBHOOK_BAD_TIMESTAMP;
	int64_t age_ms = (now_us / 1000000 - sent_s) * 1000;
	return age_ms > window_ms ? WEBHOOK_TOO_OLD : age_ms < -window_ms ? WEBHOOK_TOO_NEW : WEBHOOK_GOOD;
}

/* All of them, whatever the first gives: see above. */
static enum webhook_verdict compare(
	const struct webhook_opts *source, const struct content *c, const struct signatures *said)
{
	unsigned char mac[WEBHOOK_MAC_LEN];
	const char *at = source->secret;
	struct slice secret;
	bool is_good = false;
	while (opts_next_word(&at, &secret)) {
		enum status st = make_mac(source, secret, c, mac);
		if (st != ST_OK)
			return WEBHOOK_NOT_CHECKED;
		for (size_t i = 0; i < said->n; i++)
			is_good |= CRYPTO_memcmp(mac, said->macs[i], WEBHOOK_MAC_LEN) == 0;
	}
	OPENSSL_cleanse(mac, sizeof mac);
	return is_good ? WEBHOOK_GOOD : WEBHOOK_WRONG_SIGNATURE;
}

enum webhook_verdict webhook_verify(
	const struct webhook_opts *source, const struct webhook_delivery *d, int64_t now_us)
{
	struct signatures said;
	struct content content;
	enum webhook_verdict verdict = WEBHOOK_GOOD;
	bool is_standard = source->signature == WEBHOOK_STANDARD;
	if (is_standard && !id_is_valid(d->id))
		return WEBHOOK_BAD_ID;
	if (is_standard || *source->timestamp_header)
		verdict = check_time(source->window_ms, d->timestamp, now_us);
	if (verdict != WEBHOOK_GOOD)
		return verdict;
	take_signatures(source, d->signature, &said);
	if (said.n == 0)
		return WEBHOOK_NO_SIGNATURE;
	gather(source, d, &content);
	return compare(source, &content, &said);
}

enum status webhook_sign(const struct webhook_opts *source, const struct webhook_delivery *d, struct buf *out)
{
	unsigned char mac[WEBHOOK_MAC_LEN];
	const char *at = source->secret;
	struct content content;
	struct slice secret;
	bool is_standard = source->signature == WEBHOOK_STANDARD;
	opts_next_word(&at, &secret);
	gather(source, d, &content);
	enum status st = make_mac(source, secret, &content, mac);
	if (st != ST_OK)
		return st;
	buf_text(out, is_standard ? "v1," : source->prefix);
	if (is_standard || source->encoding == WEBHOOK_BASE64)
		base64_encode(slice_of(mac, sizeof mac), out);
	else
		hex_encode(slice_of(mac, sizeof mac), out);
	return buf_status(out);
}
