/* spool/opts_webhooks.h: what the rows of a source of webhooks must be together, and their parts. */
#ifndef SPOOL_OPTS_WEBHOOKS_H
#define SPOOL_OPTS_WEBHOOKS_H
#include "spool/opts.h"

/* A step of opts_load(): each source has what its kind of signature and its phases need, and what its jobs
 * answer for is not forgotten too soon. */
NODISCARD enum status opts_check_webhooks(struct opts *opts, struct why *why);
/* Its secrets are some, are not too many, and are what its kind of signature takes. Once they are known. */
NODISCARD enum status opts_check_webhook_secrets(const struct webhook_opts *source, struct why *why);

/* NULL: there is none of that name. */
const struct webhook_opts *opts_webhook(const struct opts *opts, struct slice name);

/* What stands between blanks or line ends, one after the other; *at begins as the whole text. */
bool opts_next_word(const char **at, struct slice *out);
/* The bytes that a secret of the source stands for, at most WEBHOOK_KEY_MAX; to be wiped by the caller. */
bool opts_webhook_key(const struct webhook_opts *source, struct slice secret,
	unsigned char key[WEBHOOK_KEY_MAX], size_t *len);

/* A part of what is signed: the next one of a content row. false: there are no more, or (then *at is not at
 * the end) what follows is no content. */
enum webhook_part { WEBHOOK_LITERAL, WEBHOOK_TIMESTAMP, WEBHOOK_BODY };
bool opts_next_part(const char **at, enum webhook_part *part, struct slice *literal);

#endif
