/* spool/webhook_sign.h: signatures of webhooks, made and checked, by libcrypto. Pure but for libcrypto's
 * memory.
 *
 * Two kinds (struct webhook_opts): that of Standard Webhooks 1.0 (headers webhook-id, webhook-timestamp and
 * webhook-signature), and an HMAC-SHA256 of configured content in a header of a configured name. */
#ifndef SPOOL_WEBHOOK_SIGN_H
#define SPOOL_WEBHOOK_SIGN_H
#include "spool/opts.h"

/* A delivery as it came: values of headers (empty: absent), and the body's bytes. */
struct webhook_delivery {
	struct slice id; /* webhook-id */
	struct slice timestamp, signature;
	struct slice body;
};

enum { WEBHOOK_ID_MAX = 512, WEBHOOK_SIGNATURES_MAX = 16, WEBHOOK_MAC_LEN = 32 };

enum webhook_verdict {
	WEBHOOK_GOOD,
	WEBHOOK_BAD_ID, /* absent, too long, or not of visible ASCII characters */
	WEBHOOK_BAD_TIMESTAMP,
	WEBHOOK_TOO_OLD,
	WEBHOOK_TOO_NEW,
	WEBHOOK_NO_SIGNATURE, /* none of a kind that is known */
	WEBHOOK_WRONG_SIGNATURE,
	WEBHOOK_NOT_CHECKED, /* libcrypto has failed */
	WEBHOOK_VERDICT_N
};
/* For the log: who sent it is told nothing of it. */
const char *webhook_verdict_name(enum webhook_verdict verdict);

/* Of several signatures one must be good, under any one of the source's secrets; of more than
 * WEBHOOK_SIGNATURES_MAX the first count. */
enum webhook_verdict webhook_verify(
	const struct webhook_opts *source, const struct webhook_delivery *delivery, int64_t now_us);

/* The value of the signature's header, by the first of the source's secrets. delivery->signature is not read.
 * IO: libcrypto has failed; INVALID: the source's secrets are not what they must be. */
NODISCARD enum status webhook_sign(
	const struct webhook_opts *source, const struct webhook_delivery *delivery, struct buf *out);

#endif
