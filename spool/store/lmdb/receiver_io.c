/* spool/store/lmdb/receiver_io.c: see receiver_io.h. */
#include "spool/store/lmdb/receiver_io.h"

#include "spool/store/common/record.h"
#include "spool/store/lmdb/event_io.h"
#include "spool/store/lmdb/key.h"
#include "spool/store/lmdb/verbs.h"
#include "spool/store/lmdb/wake.h"

#include <stdio.h>

static const char prefix[] = "receiver.";
enum { PREFIX_LEN = sizeof prefix - 1 };

/* --- in the tree --- */

bool receiver_of_key(struct slice key, struct slice *name)
{
	if (key.len < PREFIX_LEN || memcmp(key.p, prefix, PREFIX_LEN) != 0)
		return false;
	*name = slice_of(key.p + PREFIX_LEN, key.len - PREFIX_LEN);
	return receiver_name_is_valid(*name);
}

static struct key key_of(struct slice name)
{
	struct key key = {.len = PREFIX_LEN + name.len};
	memcpy(key.b, prefix, PREFIX_LEN);
	memcpy(key.b + PREFIX_LEN, name.p, name.len);
	return key;
}

enum status receiver_load(struct tx *tx, struct slice name, struct receiver_state *out)
{
	struct key key = key_of(name);
	struct slice record;
	receiver_init(out, name);
	enum status st = tx_get(tx, TREE_META, key_slice(&key), &record);
	return st == ST_OK ? receiver_decode(name, record, out) : st;
}

void receiver_put(struct tx *tx, const struct receiver_state *r)
{
	struct key key = key_of(slice_text(r->name));
	receiver_encode(r, &tx->scratch);
	tx_put(tx, TREE_META, key_slice(&key), buf_slice(&tx->scratch));
}

/* --- events --- */

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

/* --- of an exchange --- */

static bool is_unreadable(enum status st)
{
	return st == ST_CORRUPT || st == ST_VERSION;
}

static void report_one(struct tx *tx, const char *owner, struct receiver_report *report)
{
	char actor[JOB_OWNER_MAX + 8];
	struct receiver_state state;
	struct receiver_change change;
	struct slice name = slice_text(report->name);
	if (!receiver_name_is_valid(name)) {
		tx_fail_status(tx, ST_INVALID, "a report is of no receiver");
		return;
	}
	enum status st = receiver_load(tx, name, &state);
	if (tx->st != ST_OK)
		return;
	receiver_take(&state, report, tx->now.wall_us, &change);
	if (is_unreadable(st))
		append_loss(tx, state.name);
	snprintf(actor, sizeof actor, "worker:%s", owner);
	append_changes(tx, state.name, &change, slice_text(actor));
	if (change.is_any || is_unreadable(st))
		receiver_put(tx, &state);
	if (change.is_lasting)
		tx->head_changed = true; /* there will be a commit */
}

void receivers_report(struct tx *tx, const struct claim_ask *ask)
{
	for (size_t i = 0; ask && i < ask->reports_n && tx->st == ST_OK; i++)
		report_one(tx, ask->owner, &ask->reports[i]);
}

void receivers_reported(const struct tx *tx, const struct claim_ask *ask, bool is_kept, int64_t *next_due_us)
{
	bool allows_more = false;
	for (size_t i = 0; ask && i < ask->reports_n; i++) {
		struct receiver_report *report = &ask->reports[i];
		int64_t next_us = receiver_next_us(&report->state, tx->now.wall_us);
		*next_due_us = next_us < *next_due_us ? next_us : *next_due_us;
		allows_more |= report->allows_more;
		receiver_taken(report, is_kept);
	}
	if (allows_more)
		wake_ring(tx->store);
}

/* --- verbs --- */

enum status lmdb_receivers(
	struct store *store, struct receiver_state *out, size_t cap, size_t *n, struct why *why)
{
	struct tx tx;
	struct walk w;
	struct slice name;
	*n = 0;
	enum status st = tx_begin(&tx, store, TX_READ, (struct moment){0}, why);
	if (st != ST_OK)
		return st;
	bool more = walk_open(&w, &tx, TREE_META) && walk_from(&w, slice_of(prefix, PREFIX_LEN));
	for (; more && receiver_of_key(w.key, &name); more = walk_next(&w)) {
		struct receiver_state state;
		if (receiver_decode(name, w.value, &state) != ST_OK)
			continue; /* `verify` names it */
		if (*n < cap)
			out[*n] = state;
		(*n)++;
	}
	walk_close(&w);
	st = tx.st;
	if (st != ST_OK && why)
		*why = tx.why;
	tx_end(&tx);
	return st;
}

static void append_act(
	struct tx *tx, const struct receiver_state *r, bool pause, struct slice actor, struct slice reason)
{
	char data[RECEIVER_ACT_MAX];
	struct event event = receiver_acted(r, pause, actor, reason, tx->now, data);
	event_append(tx, &event, NULL);
}

/* A name that was paused by mistake leaves nothing behind once it is resumed. */
static void keep(struct tx *tx, const struct receiver_state *r)
{
	struct key key = key_of(slice_text(r->name));
	if (receiver_is_blank(r))
		tx_del_if_there(tx, TREE_META, key_slice(&key));
	else
		receiver_put(tx, r);
}

enum status lmdb_receiver_pause(struct store *store, struct moment now, const char *name, bool pause,
	int64_t until_us, struct slice actor, struct slice reason, struct why *why)
{
	struct tx tx;
	struct receiver_state state;
	struct receiver_change change = {0};
	enum status st = receiver_check_pause(name, pause, until_us, now, why);
	if (st == ST_OK)
		st = tx_begin(&tx, store, TX_WRITE, now, why);
	if (st != ST_OK)
		return st;
	bool is_lost = is_unreadable(receiver_load(&tx, slice_text(name), &state));
	if (tx.st == ST_OK && pause)
		receiver_pause(&state, until_us, actor, now.wall_us, &change);
	else if (tx.st == ST_OK)
		receiver_resume(&state, &change);
	if (tx.st == ST_OK && !change.is_any && !is_lost) {
		tx_end(&tx);
		return ST_OK;
	}
	if (is_lost)
		append_loss(&tx, state.name);
	if (change.is_any)
		append_act(&tx, &state, pause, actor, reason);
	append_changes(&tx, state.name, &change, actor);
	keep(&tx, &state);
	st = tx_commit(&tx, why);
	if (st == ST_OK && !pause)
		wake_ring(store);
	return st;
}
