/* spool/store/postgres/meta.c: small records by name: bookmarks, tokens, receivers, accounts. */
#include "spool/store/common/codec.h"
#include "spool/store/postgres/locks.h"
#include "spool/store/postgres/verbs.h"

#include <stdio.h>

enum { RECORD_MAX = 1 << 16, KEY_MAX = 64 };

/* Within a flush too: not by tx_query(). */
static PGresult *run(struct tx *tx, const char *sql, struct args *args)
{
	PGresult *r = NULL;
	if (tx->st == ST_OK)
		tx->st = link_run(tx->conn, sql, args, &r, &tx->why);
	args_release(args);
	return r;
}

enum status meta_get(struct tx *tx, struct slice key, struct buf *out)
{
	struct args args = ARGS_INIT;
	arg_bytes(&args, key);
	PGresult *r = run(tx, "SELECT value FROM clario_meta WHERE key = $1", &args);
	bool is = r && PQntuples(r) == 1;
	if (is)
		buf_add_slice(out, col_bytes(r, 0, 0));
	PQclear(r);
	return tx->st != ST_OK ? tx->st : is ? buf_status(out) : ST_NOTFOUND;
}

void meta_put(struct tx *tx, struct slice key, struct slice value)
{
	struct args args = ARGS_INIT;
	arg_bytes(&args, key);
	arg_bytes(&args, value);
	PQclear(run(tx,
		"INSERT INTO clario_meta VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = "
		"excluded.value",
		&args));
	tx->is_changed = true;
}

void meta_del(struct tx *tx, struct slice key)
{
	struct args args = ARGS_INIT;
	arg_bytes(&args, key);
	PQclear(run(tx, "DELETE FROM clario_meta WHERE key = $1", &args));
	tx->is_changed = true;
}

static struct slice name_key(const char *kind, const char *name, char out[KEY_MAX])
{
	int len = snprintf(out, KEY_MAX, "%s.%s", kind, name ? name : "");
	return slice_of(out, (size_t)len);
}

/* --- bookmarks --- */

struct bookmark {
	const char *name;
	uint64_t value;
};

static struct slice bookmark_key(const char *name, char out[KEY_MAX])
{
	int len = snprintf(out, KEY_MAX, "bookmark.%.32s", name);
	return slice_of(out, (size_t)len);
}

static void get_bookmark(struct tx *tx, void *arg)
{
	struct bookmark *b = arg;
	struct buf record = BUF_INIT(RECORD_MAX);
	char key[KEY_MAX];
	b->value = 0;
	enum status st = meta_get(tx, bookmark_key(b->name, key), &record);
	if (st == ST_OK && record_decode_number(buf_slice(&record), &b->value) != ST_OK)
		tx_fail(tx, ST_CORRUPT, "a bookmark cannot be read");
	buf_release(&record);
}

void bookmark_put(struct tx *tx, const char *name, uint64_t value)
{
	char key[KEY_MAX];
	record_encode_number(value, &tx->scratch);
	meta_put(tx, bookmark_key(name, key), buf_slice(&tx->scratch));
}

static void set_bookmark(struct tx *tx, void *arg)
{
	const struct bookmark *b = arg;
	bookmark_put(tx, b->name, b->value);
}

enum status pg_bookmark_get(struct store *store, const char *name, uint64_t *value, struct why *why)
{
	struct bookmark b = {name, 0};
	enum status st = tx_read(store, get_bookmark, &b, why);
	*value = b.value;
	return st;
}

enum status pg_bookmark_set(struct store *store, const char *name, uint64_t value, struct why *why)
{
	struct bookmark b = {name, value};
	return tx_write_beside(store, clock_now(), set_bookmark, &b, why);
}

/* --- tokens --- */

struct token_ask {
	struct token *out;
	size_t cap, n;
	const struct token_change *change;
	struct slice actor, reason;
	enum status verdict;
	struct why why;
};

static struct slice name_in(const PGresult *r, int i, const char *prefix)
{
	struct slice key = col_bytes(r, i, 0);
	size_t len = strlen(prefix);
	return slice_of(key.p + len, key.len - len);
}

static void read_tokens(struct tx *tx, void *arg)
{
	struct token_ask *ask = arg;
	ask->n = 0;
	PGresult *r = tx_query(tx,
		"SELECT key, value FROM clario_meta WHERE key >= 'token.'::bytea AND key < 'token/'::bytea"
		" ORDER BY key",
		NULL);
	for (int i = 0; r && i < PQntuples(r); i++) {
		struct token token;
		struct slice name = name_in(r, i, "token.");
		if (!token_name_is_valid(name) || token_decode(name, col_bytes(r, i, 1), &token) != ST_OK)
			continue; /* `verify` names it */
		if (ask->n < ask->cap)
			ask->out[ask->n] = token;
		ask->n++;
	}
	PQclear(r);
}

enum status pg_tokens(struct store *store, struct token *out, size_t cap, size_t *n, struct why *why)
{
	struct token_ask ask = {.out = out, .cap = cap};
	enum status st = tx_read(store, read_tokens, &ask, why);
	*n = ask.n;
	return st;
}

static void append_token(struct tx *tx, const struct token *t, const struct token_ask *ask)
{
	char words[TOKEN_WORDS_MAX];
	struct buf data = BUF_INIT(TOKEN_TELL_MAX);
	token_tell(t, ask->change->act, &data);
	struct event event = token_event(t, ask->change->act, ask->actor, ask->reason, tx->now, words, &data);
	if (buf_status(&data) == ST_OK)
		event_append(tx, &event, NULL);
	else
		tx_fail(tx, buf_status(&data), "an event could not be put together");
	buf_release(&data);
}

static enum status load_token(struct tx *tx, const char *name, struct token *out)
{
	struct buf record = BUF_INIT(RECORD_MAX);
	char key[KEY_MAX];
	enum status st = meta_get(tx, name_key("token", name, key), &record);
	token_init(out, slice_text(name));
	if (st == ST_OK)
		st = token_decode(slice_text(name), buf_slice(&record), out);
	buf_release(&record);
	return st;
}

static void change_token(struct tx *tx, void *arg)
{
	struct token_ask *ask = arg;
	bool is_changed = false;
	char key[KEY_MAX];
	enum status there = load_token(tx, ask->change->token.name, ask->out);
	if (tx->st != ST_OK)
		return;
	ask->verdict = token_apply(ask->out, ask->change, there, tx->now.wall_us, &is_changed, &ask->why);
	if (ask->verdict != ST_OK || !is_changed)
		return;
	token_encode(ask->out, &tx->scratch);
	meta_put(tx, name_key("token", ask->out->name, key), buf_slice(&tx->scratch));
	append_token(tx, ask->out, ask);
}

enum status pg_token_change(struct store *store, struct moment now, const struct token_change *change,
	struct slice actor, struct slice reason, struct token *out, struct why *why)
{
	struct token token;
	struct token_ask ask = {
		.out = &token, .change = change, .actor = actor, .reason = reason, .why = WHY_INIT};
	if (!token_name_is_valid(slice_text(change->token.name)))
		return why_set(
			why, ST_INVALID, "a token's name has 1 to %d of A-Z a-z 0-9 . _ -", TOKEN_NAME_MAX);
	enum status st = tx_write(store, now, change_token, &ask, why);
	if (st != ST_OK)
		return st;
	*out = token;
	if (ask.verdict != ST_OK && why)
		*why = ask.why;
	return ask.verdict;
}

/* --- receivers --- */

struct receiver_ask {
	struct receiver_state *out;
	size_t cap, n;
	const char *name;
	bool pause;
	int64_t until_us;
	struct slice actor, reason;
};

static void read_receivers(struct tx *tx, void *arg)
{
	struct receiver_ask *ask = arg;
	ask->n = 0;
	PGresult *r = tx_query(tx,
		"SELECT key, value FROM clario_meta WHERE key >= 'receiver.'::bytea AND key < "
		"'receiver/'::bytea"
		" ORDER BY key",
		NULL);
	for (int i = 0; r && i < PQntuples(r); i++) {
		struct receiver_state state;
		struct slice name = name_in(r, i, "receiver.");
		if (!receiver_name_is_valid(name) ||
			receiver_decode(name, col_bytes(r, i, 1), &state) != ST_OK)
			continue; /* `verify` names it */
		if (ask->n < ask->cap)
			ask->out[ask->n] = state;
		ask->n++;
	}
	PQclear(r);
}

enum status pg_receivers(
	struct store *store, struct receiver_state *out, size_t cap, size_t *n, struct why *why)
{
	struct receiver_ask ask = {.out = out, .cap = cap};
	enum status st = tx_read(store, read_receivers, &ask, why);
	*n = ask.n;
	return st;
}

static bool is_unreadable(enum status st)
{
	return st == ST_CORRUPT || st == ST_VERSION;
}

static enum status load_receiver(struct tx *tx, const char *name, struct receiver_state *out)
{
	struct buf record = BUF_INIT(RECORD_MAX);
	char key[KEY_MAX];
	receiver_init(out, slice_text(name));
	enum status st = meta_get(tx, name_key("receiver", name, key), &record);
	if (st == ST_OK)
		st = receiver_decode(slice_text(name), buf_slice(&record), out);
	buf_release(&record);
	return st;
}

/* Without a commit of its own (is_lasting) it goes with one that is made anyhow. */
static void keep_receiver(struct tx *tx, const struct receiver_state *r, bool is_lasting)
{
	bool was_changed = tx->is_changed;
	char key[KEY_MAX];
	receiver_encode(r, &tx->scratch);
	meta_put(tx, name_key("receiver", r->name, key), buf_slice(&tx->scratch));
	tx->is_changed = was_changed || is_lasting;
}

static void append_changes(
	struct tx *tx, const char *name, const struct receiver_change *change, struct slice actor)
{
	for (size_t i = 0; i < change->events_n; i++) {
		struct event event = receiver_changed(name, change, i, actor, tx->now);
		event_append(tx, &event, NULL);
	}
}

static void append_loss(struct tx *tx, const char *name)
{
	struct event event = receiver_lost(name, tx->now);
	event_append(tx, &event, NULL);
}

/* Report number i becomes part of what is stored. What only counts calls is told again with the next report,
 * if another worker's is being written: nobody waits for that. */
static void report_one(struct tx *tx, const struct claim_ask *ask, size_t i, bool is_free, uint64_t *passed)
{
	char actor[JOB_OWNER_MAX + 8];
	struct receiver_report *report = &ask->reports[i];
	struct receiver_state state;
	struct receiver_change change;
	uint64_t key = lock_key(tx, LOCK_RECEIVER, slice_text(report->name));
	enum status st = load_receiver(tx, report->name, &state);
	if (tx->st != ST_OK)
		return;
	receiver_take(&state, report, tx->now.wall_us, &change);
	if (!is_free && (change.is_lasting || is_unreadable(st))) {
		locks_take(tx, &key, 1);
		st = load_receiver(tx, report->name, &state);
		receiver_take(&state, report, tx->now.wall_us, &change);
	} else if (!is_free) {
		*passed |= UINT64_C(1) << i;
		return;
	}
	if (is_unreadable(st))
		append_loss(tx, state.name);
	snprintf(actor, sizeof actor, "worker:%s", ask->owner);
	append_changes(tx, state.name, &change, slice_text(actor));
	if (change.is_any || is_unreadable(st))
		keep_receiver(tx, &state, change.is_lasting);
}

void receivers_report(struct tx *tx, const struct claim_ask *ask, uint64_t *passed)
{
	enum { MAX = 64 };
	uint64_t keys[MAX] = {0};
	bool got[MAX];
	size_t n = ask ? ask->reports_n : 0;
	*passed = 0;
	if (n > MAX) {
		tx_fail(tx, ST_INVALID, "there are too many reports");
		return;
	}
	for (size_t i = 0; i < n; i++) {
		keys[i] = lock_key(tx, LOCK_RECEIVER, slice_text(ask->reports[i].name));
		if (!receiver_name_is_valid(slice_text(ask->reports[i].name))) {
			tx_fail(tx, ST_INVALID, "a report is of no receiver");
			return;
		}
	}
	locks_try(tx, keys, n, got);
	for (size_t i = 0; i < n && tx->st == ST_OK; i++)
		report_one(tx, ask, i, got[i], passed);
}

bool receivers_reported(const struct claim_ask *ask, struct moment now, uint64_t kept, int64_t *next_due_us)
{
	bool allows_more = false;
	for (size_t i = 0; ask && i < ask->reports_n; i++) {
		struct receiver_report *report = &ask->reports[i];
		int64_t next_us = receiver_next_us(&report->state, now.wall_us);
		*next_due_us = next_us < *next_due_us ? next_us : *next_due_us;
		allows_more |= report->allows_more;
		receiver_taken(report, kept >> i & 1);
	}
	return allows_more;
}

static void pause_receiver(struct tx *tx, void *arg)
{
	struct receiver_ask *ask = arg;
	struct receiver_state state;
	struct receiver_change change = {0};
	char key[KEY_MAX], data[RECEIVER_ACT_MAX];
	bool is_lost = is_unreadable(load_receiver(tx, ask->name, &state));
	if (tx->st != ST_OK)
		return;
	if (ask->pause)
		receiver_pause(&state, ask->until_us, ask->actor, tx->now.wall_us, &change);
	else
		receiver_resume(&state, &change);
	if (!change.is_any && !is_lost)
		return;
	if (is_lost)
		append_loss(tx, state.name);
	if (change.is_any) {
		struct event event =
			receiver_acted(&state, ask->pause, ask->actor, ask->reason, tx->now, data);
		event_append(tx, &event, NULL);
	}
	append_changes(tx, state.name, &change, ask->actor);
	if (receiver_is_blank(&state)) /* a name that was paused by mistake leaves nothing behind */
		meta_del(tx, name_key("receiver", state.name, key));
	else
		keep_receiver(tx, &state, true);
	tx->rings = !ask->pause;
}

enum status pg_receiver_pause(struct store *store, struct moment now, const char *name, bool pause,
	int64_t until_us, struct slice actor, struct slice reason, struct why *why)
{
	struct receiver_ask ask = {
		.name = name, .pause = pause, .until_us = until_us, .actor = actor, .reason = reason};
	enum status st = receiver_check_pause(name, pause, until_us, now, why);
	return st == ST_OK ? tx_write(store, now, pause_receiver, &ask, why) : st;
}
