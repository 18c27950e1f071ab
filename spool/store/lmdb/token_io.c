/* spool/store/lmdb/token_io.c: see token_io.h. */
#include "spool/store/lmdb/token_io.h"

#include "spool/store/common/record.h"
#include "spool/store/lmdb/event_io.h"
#include "spool/store/lmdb/key.h"
#include "spool/store/lmdb/verbs.h"

static const char prefix[] = "token.";
enum { PREFIX_LEN = sizeof prefix - 1 };

/* --- in the tree --- */

bool token_of_key(struct slice key, struct slice *name)
{
	if (key.len < PREFIX_LEN || memcmp(key.p, prefix, PREFIX_LEN) != 0)
		return false;
	*name = slice_of(key.p + PREFIX_LEN, key.len - PREFIX_LEN);
	return token_name_is_valid(*name);
}

static struct key key_of(struct slice name)
{
	struct key key = {.len = PREFIX_LEN + name.len};
	memcpy(key.b, prefix, PREFIX_LEN);
	memcpy(key.b + PREFIX_LEN, name.p, name.len);
	return key;
}

enum status token_load(struct tx *tx, struct slice name, struct token *out)
{
	struct key key = key_of(name);
	struct slice record;
	token_init(out, name);
	enum status st = tx_get(tx, TREE_META, key_slice(&key), &record);
	return st == ST_OK ? token_decode(name, record, out) : st;
}

void token_put(struct tx *tx, const struct token *t)
{
	struct key key = key_of(slice_text(t->name));
	token_encode(t, &tx->scratch);
	tx_put(tx, TREE_META, key_slice(&key), buf_slice(&tx->scratch));
}

/* --- verbs --- */

enum status lmdb_tokens(struct store *store, struct token *out, size_t cap, size_t *n, struct why *why)
{
	struct tx tx;
	struct walk w;
	struct slice name;
	*n = 0;
	enum status st = tx_begin(&tx, store, TX_READ, (struct moment){0}, why);
	if (st != ST_OK)
		return st;
	bool more = walk_open(&w, &tx, TREE_META) && walk_from(&w, slice_of(prefix, PREFIX_LEN));
	for (; more && token_of_key(w.key, &name); more = walk_next(&w)) {
		struct token token;
		if (token_decode(name, w.value, &token) != ST_OK)
			continue; /* `verify` names it */
		if (*n < cap)
			out[*n] = token;
		(*n)++;
	}
	walk_close(&w);
	st = tx.st;
	if (st != ST_OK && why)
		*why = tx.why;
	tx_end(&tx);
	return st;
}

static void append_event(
	struct tx *tx, const struct token *t, enum token_act act, struct slice actor, struct slice reason)
{
	char words[TOKEN_WORDS_MAX];
	struct buf data = BUF_INIT(TOKEN_TELL_MAX);
	token_tell(t, act, &data);
	struct event event = token_event(t, act, actor, reason, tx->now, words, &data);
	if (buf_status(&data) == ST_OK)
		event_append(tx, &event, NULL);
	else
		tx_fail_status(tx, buf_status(&data), "an event could not be put together");
	buf_release(&data);
}

enum status lmdb_token_change(struct store *store, struct moment now, const struct token_change *change,
	struct slice actor, struct slice reason, struct token *out, struct why *why)
{
	struct tx tx;
	struct token token;
	struct slice name = slice_text(change->token.name);
	bool is_changed = false;
	if (!token_name_is_valid(name))
		return why_set(
			why, ST_INVALID, "a token's name has 1 to %d of A-Z a-z 0-9 . _ -", TOKEN_NAME_MAX);
	enum status st = tx_begin(&tx, store, TX_WRITE, now, why);
	if (st != ST_OK)
		return st;
	enum status there = token_load(&tx, name, &token);
	if (tx.st == ST_OK) {
		st = token_apply(&token, change, there, now.wall_us, &is_changed, why);
		if (st != ST_OK || !is_changed) {
			tx_end(&tx);
			*out = token;
			return st;
		}
		token_put(&tx, &token);
		append_event(&tx, &token, change->act, actor, reason);
	}
	*out = token;
	return tx_commit(&tx, why);
}
