/* spool/store/lmdb/import.c: a spool from an export: its records go into a new one, and rebuild.c makes the
 * rest of them, as after a repair. */
#include "spool/store/common/record.h"
#include "spool/store/lmdb/job_io.h"
#include "spool/store/lmdb/receiver_io.h"
#include "spool/store/lmdb/repair.h"
#include "spool/store/lmdb/token_io.h"

#include <stdio.h>

static void put_new(struct repair *r, enum tree tree, const struct key *key, struct slice value)
{
	if (tx_has(&r->tx, tree, key_slice(key)))
		tx_fail_status(
			&r->tx, ST_INVALID, "the same job, event or set-aside record stands there twice");
	tx_put(&r->tx, tree, key_slice(key), value);
	repair_wrote(r);
}

static void take_totals(struct repair *r, const struct item_totals *t)
{
	r->has_head = true;
	r->head = (struct head){.next_seq = t->next_seq,
		.accepted_total = t->accepted,
		.removed_total = t->removed,
		.set_aside = t->set_aside,
		.paused_phases = t->paused_phases,
		.recent_n = t->recent_n,
		.recent_at = t->recent_at};
	memcpy(r->head.recent_ms, t->recent_ms, sizeof r->head.recent_ms);
	r->guard->total = t->jobs + t->events;
}

static void take_bookmark(struct repair *r, const char *name, uint64_t value)
{
	char text[sizeof "bookmark." + BOOKMARK_NAME_MAX];
	snprintf(text, sizeof text, "bookmark.%s", name);
	record_encode_number(value, &r->tx.scratch);
	tx_put(&r->tx, TREE_META, slice_text(text), buf_slice(&r->tx.scratch));
}

static void take_receiver(struct repair *r, const struct receiver_state *receiver)
{
	struct receiver_state there;
	struct slice name = slice_text(receiver->name);
	if (!receiver_name_is_valid(name))
		tx_fail_status(&r->tx, ST_INVALID, "receiver.name is none");
	else if (receiver_load(&r->tx, name, &there) != ST_NOTFOUND)
		tx_fail_status(&r->tx, ST_INVALID, "the same receiver stands there twice");
	else
		receiver_put(&r->tx, receiver);
}

static void take_token(struct repair *r, const struct token *token)
{
	struct token there;
	if (!token_is_valid(token))
		tx_fail_status(&r->tx, ST_INVALID, "token is none: its name, prefix or user is not one");
	else if (token_load(&r->tx, slice_text(token->name), &there) != ST_NOTFOUND)
		tx_fail_status(&r->tx, ST_INVALID, "the same token stands there twice");
	else
		token_put(&r->tx, token);
}

static void take_job(struct repair *r, const struct job *job)
{
	struct key key = key_of_id(job->id);
	struct job_hashes hashes = job_hashes(r->store->seed, job);
	record_encode_job(job, &hashes, &r->tx.scratch);
	put_new(r, TREE_JOB, &key, buf_slice(&r->tx.scratch));
	record_encode_trigger(job, &r->tx.scratch);
	put_new(r, TREE_TRIGGER, &key, buf_slice(&r->tx.scratch));
}

static void take_event(struct repair *r, const struct event *event)
{
	struct key key = key_of_seq(event->seq);
	if (event->seq >= r->head.next_seq || event->prev >= event->seq)
		tx_fail_status(&r->tx, ST_INVALID, "an event's seq or prev is beyond those that were given");
	record_encode_event(event, &r->tx.scratch);
	put_new(r, TREE_EVENT, &key, buf_slice(&r->tx.scratch));
	if (event->seq > r->newest_seq)
		r->newest_seq = event->seq;
}

static void take_aside(struct repair *r, struct slice from, struct slice bytes)
{
	struct key key = {.len = from.len};
	if (from.len != 1 + sizeof(struct job_id) || (*from.p != 'j' && *from.p != 't')) {
		tx_fail_status(&r->tx, ST_INVALID, "aside.key is not that of a job or a trigger");
		return;
	}
	memcpy(key.b, from.p, from.len);
	put_new(r, TREE_ASIDE, &key, bytes);
}

static void take_item(struct repair *r, const struct item *item)
{
	switch (item->kind) {
	case ITEM_TOTALS:
		take_totals(r, &item->totals);
		return;
	case ITEM_BOOKMARK:
		take_bookmark(r, item->bookmark.name, item->bookmark.value);
		return;
	case ITEM_RECEIVER:
		take_receiver(r, &item->receiver);
		return;
	case ITEM_TOKEN:
		take_token(r, &item->token);
		return;
	case ITEM_JOB:
		take_job(r, &item->job);
		return;
	case ITEM_EVENT:
		take_event(r, &item->event);
		return;
	case ITEM_ASIDE:
		take_aside(r, item->aside.key, item->aside.bytes);
		return;
	default:
		return;
	}
}

static enum status take_items(struct repair *r, struct why *why)
{
	const struct care_ask *ask = r->care->ask;
	struct item item;
	uint64_t taken = 0;
	do {
		enum status st = ask->source(ask->source_arg, &item, why);
		if (st != ST_OK)
			return st;
		guard_at(r->guard, "export", (struct slice)SLICE_INIT);
		take_item(r, &item);
		taken++;
		if (item.kind == ITEM_JOB || item.kind == ITEM_EVENT)
			r->guard->done++;
	} while (item.kind != ITEM_END && r->tx.st == ST_OK);
	if (r->tx.st == ST_OK)
		return ST_OK;
	return why_set(why, r->tx.st, "item %llu: %.250s", (unsigned long long)taken, r->tx.why.text);
}

enum status care_import(void *arg, struct guard *guard, struct why *why)
{
	struct repair r = {.care = arg, .guard = guard};
	enum status st = repair_begin(&r, why);
	if (st == ST_OK)
		st = take_items(&r, why);
	if (st == ST_OK)
		rebuild(&r);
	return repair_end(&r, st, why);
}
