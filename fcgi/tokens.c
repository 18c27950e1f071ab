/* fcgi/tokens.c: see tokens.h. */
#include "fcgi/tokens.h"

#include "spool/base/log.h"
#include "spool/secret.h"
#include "spool/spool.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>

enum { COMPLAIN_EVERY_MS = 60000 };

/* Where a secret is found: by its prefix, which is no secret. */
struct entry {
	char prefix[TOKEN_PREFIX_LEN];
	size_t token;
	bool is_old;
};

struct snapshot {
	struct token *list;
	size_t n;
	struct entry *entries; /* ascending by prefix */
	size_t entries_n;
};

struct tokens {
	pthread_mutex_t lock;
	struct snapshot *now; /* NULL: none is known */
	struct log_limit complaints;
};

static void snapshot_free(struct snapshot *s)
{
	if (!s)
		return;
	free(s->list);
	free(s->entries);
	free(s);
}

struct tokens *tokens_new(void)
{
	struct tokens *tokens = calloc(1, sizeof *tokens);
	if (tokens)
		pthread_mutex_init(&tokens->lock, NULL);
	return tokens;
}

void tokens_free(struct tokens *tokens)
{
	if (!tokens)
		return;
	snapshot_free(tokens->now);
	pthread_mutex_destroy(&tokens->lock);
	free(tokens);
}

/* --- renewing --- */

static int by_prefix(const void *a, const void *b)
{
	return memcmp(((const struct entry *)a)->prefix, ((const struct entry *)b)->prefix, TOKEN_PREFIX_LEN);
}

static void add_entry(struct snapshot *s, size_t i, const struct token_secret *secret, bool is_old)
{
	struct entry *entry = &s->entries[s->entries_n];
	if (!secret->prefix[0])
		return;
	memcpy(entry->prefix, secret->prefix, TOKEN_PREFIX_LEN);
	entry->token = i;
	entry->is_old = is_old;
	s->entries_n++;
}

static enum status index_them(struct snapshot *s, struct why *why)
{
	s->entries = calloc(s->n * 2 + 1, sizeof *s->entries);
	if (!s->entries)
		return why_set(why, ST_NOMEM, "out of memory");
	for (size_t i = 0; i < s->n; i++) {
		add_entry(s, i, &s->list[i].now, false);
		add_entry(s, i, &s->list[i].old, true);
	}
	qsort(s->entries, s->entries_n, sizeof *s->entries, by_prefix);
	return ST_OK;
}

/* More may come between counting and reading them. */
static enum status read_all(struct snapshot *s, struct spool *spool, struct why *why)
{
	size_t cap;
	do {
		cap = s->n;
		free(s->list);
		s->list = calloc(cap + 1, sizeof *s->list);
		if (!s->list)
			return why_set(why, ST_NOMEM, "out of memory");
		enum status st = spool_tokens(spool, s->list, cap, &s->n, why);
		if (st != ST_OK)
			return st;
	} while (s->n > cap);
	return index_them(s, why);
}

enum status tokens_renew(struct tokens *tokens, struct spool *spool, struct why *why)
{
	struct snapshot *fresh = calloc(1, sizeof *fresh), *stale = fresh;
	enum status st = fresh ? ST_OK : why_set(why, ST_NOMEM, "out of memory");
	if (st == ST_OK && tokens->now)
		fresh->n = tokens->now->n; /* most often there are as many as before: one read will do */
	if (st == ST_OK)
		st = read_all(fresh, spool, why);
	if (st == ST_OK) {
		pthread_mutex_lock(&tokens->lock);
		stale = tokens->now;
		tokens->now = fresh;
		pthread_mutex_unlock(&tokens->lock);
	}
	snapshot_free(stale);
	return st;
}

/* What cannot be read now may be readable soon; until then what was known counts, also of tokens that have
 * been revoked since: so it is an error, not a warning. */
void tokens_tend(struct tokens *tokens, struct spool *spool)
{
	unsigned long suppressed;
	struct why why = WHY_INIT;
	if (tokens_renew(tokens, spool, &why) != ST_OK &&
		log_allowed(&tokens->complaints, COMPLAIN_EVERY_MS, &suppressed))
		log_err("event=tokens err=%s suppressed=%lu note=\"those known before still count\"",
			LOG_QT(why.text), suppressed);
}

/* --- checking --- */

static const struct entry *first_of(const struct snapshot *s, const char *prefix)
{
	size_t low = 0, high = s->entries_n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (memcmp(s->entries[middle].prefix, prefix, TOKEN_PREFIX_LEN) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return s->entries + low;
}

/* The time that this takes tells nothing that helps. It depends on the prefix, which `token list` shows to
 * anybody who may look; and for the rest on digests alone: each text that has the right form is hashed,
 * whether there is its like or not, and CRYPTO_memcmp() takes as long for any two digests. Even how much of a
 * digest was right would be of no use, for nobody can make a text that has a wanted digest. */
static enum token_verdict look_up(const struct snapshot *s, const char *prefix,
	const uint8_t digest[TOKEN_DIGEST_LEN], int64_t now_us, struct token *out)
{
	const struct entry *end = s->entries + s->entries_n;
	for (const struct entry *e = first_of(s, prefix);
		e < end && memcmp(e->prefix, prefix, TOKEN_PREFIX_LEN) == 0; e++) {
		const struct token *token = &s->list[e->token];
		const struct token_secret *secret = e->is_old ? &token->old : &token->now;
		if (CRYPTO_memcmp(secret->digest, digest, TOKEN_DIGEST_LEN) != 0)
			continue;
		enum token_verdict verdict = token_judge(token, secret, now_us);
		if (verdict == TOKEN_GOOD)
			*out = *token;
		return verdict;
	}
	return TOKEN_UNKNOWN;
}

enum token_verdict tokens_check(struct tokens *tokens, struct slice text, int64_t now_us, struct token *out)
{
	uint8_t digest[TOKEN_DIGEST_LEN];
	enum token_verdict verdict = TOKEN_UNKNOWN;
	if (!token_text_is_valid(text) || !secret_digest(text, digest) || !tokens)
		return TOKEN_UNKNOWN;
	pthread_mutex_lock(&tokens->lock);
	if (tokens->now)
		verdict = look_up(tokens->now, text.p, digest, now_us, out);
	pthread_mutex_unlock(&tokens->lock);
	return verdict;
}

bool tokens_is_live(struct tokens *tokens, const char *name, int64_t now_us)
{
	bool is_live = false;
	if (!tokens)
		return false;
	pthread_mutex_lock(&tokens->lock);
	for (size_t i = 0; tokens->now && !is_live && i < tokens->now->n; i++) {
		const struct token *token = &tokens->now->list[i];
		enum token_state state = token_state(token, now_us);
		is_live =
			strcmp(token->name, name) == 0 && (state == TOKEN_ACTIVE || state == TOKEN_ROTATING);
	}
	pthread_mutex_unlock(&tokens->lock);
	return is_live;
}
