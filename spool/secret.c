/* spool/secret.c: see secret.h.
 *
 * The digest is a plain SHA-256, with no salt and no stretching: what is hashed are 256 random bits, which
 * nobody finds by trying, however fast he tries. */
#include "spool/secret.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/random.h>

enum { PREFIX_BYTES = 6, SECRET_BYTES = TOKEN_SECRET_LEN / 2 };

static void write_hex(char *out, const uint8_t *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < n; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
}

enum status secret_draw(struct token_secret *out, char text[TOKEN_TEXT_LEN + 1], struct why *why)
{
	uint8_t bytes[PREFIX_BYTES + SECRET_BYTES];
	*out = (struct token_secret){0};
	*text = '\0';
	if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
		return why_errno(why, errno ? errno : EIO, "cannot draw a secret");
	memcpy(text, TOKEN_MARK, sizeof TOKEN_MARK - 1);
	write_hex(text + sizeof TOKEN_MARK - 1, bytes, PREFIX_BYTES);
	text[TOKEN_PREFIX_LEN] = '_';
	write_hex(text + TOKEN_PREFIX_LEN + 1, bytes + PREFIX_BYTES, SECRET_BYTES);
	text[TOKEN_TEXT_LEN] = '\0';
	OPENSSL_cleanse(bytes, sizeof bytes);
	memcpy(out->prefix, text, TOKEN_PREFIX_LEN);
	if (!secret_digest(slice_of(text, TOKEN_TEXT_LEN), out->digest)) {
		OPENSSL_cleanse(text, TOKEN_TEXT_LEN);
		return why_set(why, ST_IO, "libcrypto gives no SHA-256");
	}
	return ST_OK;
}

/* Looked for once: to find it anew costs more than to hash with it. Kept until the process ends. */
static EVP_MD *sha256;

static void find_sha256(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

bool secret_digest(struct slice text, uint8_t out[TOKEN_DIGEST_LEN])
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	unsigned len = 0;
	pthread_once(&once, find_sha256);
	return sha256 && EVP_Digest(text.p, text.len, out, &len, sha256, NULL) == 1 &&
	       len == TOKEN_DIGEST_LEN;
}
