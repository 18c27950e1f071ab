/* fcgi/tokens.h: the tokens of the spool, as this process knows them.
 *
 * A request reads no spool: what it is held against is a snapshot in memory, which one thread renews a few
 * times a second, so that what is added, rotated or revoked counts within a second. A snapshot is never
 * changed, only taken the place of: under the lock, which a check holds too while it looks (not while it
 * hashes), so that the old one has no reader left when it is freed, by whoever renewed it. Threads: any may
 * check. */
#ifndef FCGI_TOKENS_H
#define FCGI_TOKENS_H
#include "spool/model/token.h"

struct spool;
struct tokens;

/* One that knows no token. NULL: no memory. */
struct tokens *tokens_new(void);
void tokens_free(struct tokens *tokens); /* accepts NULL; no check may be running */

/* Read what there is. Not ST_OK: what was known before still is. One thread at a time. */
NODISCARD enum status tokens_renew(struct tokens *tokens, struct spool *spool, struct why *why);

/* The same, a few times a second; a failure goes to the log, now and then. */
void tokens_tend(struct tokens *tokens, struct spool *spool);

/* Who shows this text: *out is its token when GOOD. tokens may be NULL: it knows none. */
enum token_verdict tokens_check(struct tokens *tokens, struct slice text, int64_t now_us, struct token *out);

/* Whether whoever came in with a token of this name may stay: it was neither revoked nor has it expired. For
 * what goes on long after the check. NULL: no. */
bool tokens_is_live(struct tokens *tokens, const char *name, int64_t now_us);

#endif
