/* spool/store/lmdb/export.c: every record of one state of the spool as items, in one read transaction. */
#include "spool/store/common/record.h"
#include "spool/store/lmdb/init.h"
#include "spool/store/lmdb/job_io.h"
#include "spool/store/lmdb/key.h"
#include "spool/store/lmdb/receiver_io.h"
#include "spool/store/lmdb/token_io.h"
#include "spool/store/lmdb/verbs.h"

#include <stdio.h>

static const char bookmark_prefix[] = "bookmark.";

struct export
{
	struct tx tx;
	item_sink sink;
	void *arg;
	const struct spool_watch *watch;
	struct item item;
	uint64_t done, total, unreadable;
	enum status st; /* the sink's */
	struct why *why;
};

static bool give(struct export *x)
{
	if (x->st == ST_OK)
		x->st = x->sink(x->arg, &x->item, x->why);
	return x->st == ST_OK;
}

static void step(struct export *x)
{
	x->done++;
	if (x->watch->progress)
		x->watch->progress(x->watch->arg, x->done, x->total);
}

static void tell(struct export *x, enum tree tree, struct job_id job, const char *what)
{
	char id[JOB_ID_TEXT_LEN] = "";
	struct spool_finding finding = {tree_names[tree], id, what, "clario-spool repair"};
	if (!id_is_zero(job))
		id_text(job, id);
	if (x->unreadable++ == 0)
		why_set(x->why, ST_CORRUPT, "%s %s: %s", tree_names[tree], id, what);
	if (x->watch->found)
		x->watch->found(x->watch->arg, &finding);
}

/* --- what no job and no event tells --- */

static uint64_t entries(struct export *x, enum tree tree)
{
	MDB_stat st;
	int rc = mdb_stat(x->tx.txn, x->tx.store->dbi[tree], &st);
	if (rc != 0)
		tx_fail(&x->tx, rc, "cannot count records");
	return rc == 0 ? st.ms_entries : 0;
}

static void export_totals(struct export *x, struct moment now)
{
	struct slice record;
	struct head head = {0};
	if (tx_get(&x->tx, TREE_META, slice_text("head"), &record) != ST_OK ||
		head_decode(record, &head) != ST_OK)
		tell(x, TREE_META, (struct job_id){{0}}, "the counters cannot be read");
	struct item_totals *t = &x->item.totals;
	x->item.kind = ITEM_TOTALS;
	*t = (struct item_totals){.format = ITEM_FORMAT,
		.exported_at_us = now.wall_us,
		.jobs = entries(x, TREE_JOB),
		.events = entries(x, TREE_EVENT),
		.accepted = head.accepted_total,
		.removed = head.removed_total,
		.set_aside = head.set_aside,
		.next_seq = head.next_seq,
		.paused_phases = head.paused_phases,
		.recent_n = head.recent_n,
		.recent_at = head.recent_at};
	memcpy(t->recent_ms, head.recent_ms, sizeof t->recent_ms);
	x->total = t->jobs + t->events;
	give(x);
	if (entries(x, TREE_TRIGGER) != t->jobs)
		tell(x, TREE_TRIGGER, (struct job_id){{0}}, "there are not as many as jobs");
}

static bool export_receiver(struct export *x, struct slice name, struct slice value)
{
	x->item.kind = ITEM_RECEIVER;
	if (receiver_decode(name, value, &x->item.receiver) == ST_OK)
		return give(x);
	tell(x, TREE_META, (struct job_id){{0}}, "a receiver cannot be read");
	return true;
}

static bool export_token(struct export *x, struct slice name, struct slice value)
{
	x->item.kind = ITEM_TOKEN;
	if (token_decode(name, value, &x->item.token) == ST_OK)
		return give(x);
	tell(x, TREE_META, (struct job_id){{0}}, "a token cannot be read");
	return true;
}

static bool export_meta(struct export *x, struct slice key, struct slice value)
{
	size_t len = sizeof bookmark_prefix - 1;
	struct slice name;
	if (receiver_of_key(key, &name))
		return export_receiver(x, name, value);
	if (token_of_key(key, &name))
		return export_token(x, name, value);
	if (key.len <= len || key.len - len > BOOKMARK_NAME_MAX || memcmp(key.p, bookmark_prefix, len) != 0)
		return true;
	x->item.kind = ITEM_BOOKMARK;
	snprintf(x->item.bookmark.name, sizeof x->item.bookmark.name, "%.*s", (int)(key.len - len),
		key.p + len);
	if (record_decode_number(value, &x->item.bookmark.value) == ST_OK)
		return give(x);
	tell(x, TREE_META, (struct job_id){{0}}, "a bookmark cannot be read");
	return true;
}

/* --- records --- */

static bool export_aside(struct export *x, struct slice key, struct slice value)
{
	x->item.kind = ITEM_ASIDE;
	x->item.aside.key = key;
	x->item.aside.bytes = value;
	return give(x);
}

static void give_aside(struct export *x, char kind, struct slice id, struct slice bytes)
{
	struct key key = {0};
	key_add(&key, (uint8_t)kind, 1);
	key_add_id(&key, key_get_id(id, 0));
	export_aside(x, key_slice(&key), bytes);
}

static bool export_job(struct export *x, struct slice key, struct slice state)
{
	struct job_hashes hashes;
	struct slice trigger = SLICE_INIT;
	struct job *job = &x->item.job;
	*job = (struct job)JOB_INIT;
	step(x);
	if (key.len != sizeof job->id.b) {
		tell(x, TREE_JOB, (struct job_id){{0}}, "a key is no id");
		return true;
	}
	job->id = key_get_id(key, 0);
	bool has_trigger = tx_get(&x->tx, TREE_TRIGGER, key, &trigger) == ST_OK;
	x->item.kind = ITEM_JOB;
	if (has_trigger && record_decode_job(state, job, &hashes) == ST_OK &&
		record_decode_trigger(trigger, true, job) == ST_OK)
		return give(x);
	tell(x, TREE_JOB, job->id, "a record cannot be read: it is given as set aside");
	give_aside(x, 'j', key, state);
	if (has_trigger)
		give_aside(x, 't', key, trigger);
	return x->st == ST_OK;
}

static bool export_event(struct export *x, struct slice key, struct slice record)
{
	step(x);
	x->item.kind = ITEM_EVENT;
	x->item.event = (struct event){.seq = key.len == 8 ? key_get(key, 0, 8) : 0};
	if (x->item.event.seq && record_decode_event(record, &x->item.event) == ST_OK)
		return give(x);
	tell(x, TREE_EVENT, (struct job_id){{0}}, "a record cannot be read");
	return true;
}

static void each(struct export *x, enum tree tree,
	bool (*visit)(struct export *x, struct slice key, struct slice value))
{
	struct walk w;
	if (x->st != ST_OK || !walk_open(&w, &x->tx, tree))
		return;
	bool more = walk_from(&w, (struct slice)SLICE_INIT);
	while (more)
		more = visit(x, w.key, w.value) && walk_next(&w);
	walk_close(&w);
}

enum status lmdb_export(struct store *store, struct moment now, item_sink sink, void *arg,
	const struct spool_watch *watch, struct why *why)
{
	struct why unused = WHY_INIT;
	struct export x = {.sink = sink, .arg = arg, .watch = watch, .why = why ? why : &unused};
	enum status st = tx_begin(&x.tx, store, TX_READ, now, why);
	if (st != ST_OK)
		return st;
	export_totals(&x, now);
	each(&x, TREE_META, export_meta);
	each(&x, TREE_ASIDE, export_aside);
	each(&x, TREE_JOB, export_job);
	each(&x, TREE_EVENT, export_event);
	st = x.st != ST_OK ? x.st : x.tx.st;
	if (x.st == ST_OK && x.tx.st != ST_OK)
		*x.why = x.tx.why;
	tx_end(&x.tx);
	return st == ST_OK && x.unreadable ? ST_CORRUPT : st;
}
