/* spool/store/postgres/whole.c: the spool as a whole: exported item by item, or built from such items. */
#include "spool/store/common/codec.h"
#include "spool/store/postgres/slots.h"
#include "spool/store/postgres/verbs.h"

#include <stdio.h>

enum { PAGE = 500, FLUSH_AT = 500 };

/* --- export --- */

struct export
{
	struct moment now;
	item_sink sink;
	void *arg;
	const struct spool_watch *watch;
	struct item item;
	uint64_t done, total, unreadable;
	enum status st; /* the sink's */
	struct why why;
	bool has_begun;
};

static bool give(struct export *x)
{
	if (x->st == ST_OK)
		x->st = x->sink(x->arg, &x->item, &x->why);
	return x->st == ST_OK;
}

static void step(struct export *x)
{
	x->done++;
	if (x->watch->progress)
		x->watch->progress(x->watch->arg, x->done, x->total);
}

static void tell(struct export *x, const char *where, struct job_id job, const char *what)
{
	char id[JOB_ID_TEXT_LEN] = "";
	struct spool_finding finding = {where, id, what, ""};
	if (!id_is_zero(job))
		id_text(job, id);
	if (x->unreadable++ == 0)
		why_set(&x->why, ST_CORRUPT, "%s %s: %s", where, id, what);
	if (x->watch->found)
		x->watch->found(x->watch->arg, &finding);
}

static uint64_t count_of(struct tx *tx, const char *sql)
{
	PGresult *r = tx_query(tx, sql, NULL);
	uint64_t n = r ? (uint64_t)col_int(r, 0, 0) : 0;
	PQclear(r);
	return n;
}

static void export_totals(struct tx *tx, struct export *x)
{
	struct item_totals *t = &x->item.totals;
	const struct head *head = &tx->head;
	x->item.kind = ITEM_TOTALS;
	*t = (struct item_totals){.format = ITEM_FORMAT,
		.exported_at_us = x->now.wall_us,
		.jobs = count_of(tx, "SELECT count(*) FROM clario_job"),
		.events = count_of(tx, "SELECT count(*) FROM clario_event"),
		.accepted = head->accepted_total,
		.removed = head->removed_total,
		.set_aside = head->set_aside,
		.next_seq = head->next_seq,
		.paused_phases = head->paused_phases,
		.recent_n = head->recent_n,
		.recent_at = head->recent_at};
	memcpy(t->recent_ms, head->recent_ms, sizeof t->recent_ms);
	x->total = t->jobs + t->events;
	if (tx->st == ST_OK)
		give(x);
}

static bool is_of(struct slice key, const char *prefix, struct slice *name)
{
	size_t len = strlen(prefix);
	*name = slice_of(key.p + len, key.len > len ? key.len - len : 0);
	return key.len > len && memcmp(key.p, prefix, len) == 0;
}

static void export_one_meta(struct export *x, struct slice key, struct slice value)
{
	struct slice name;
	bool ok = true;
	if (is_of(key, "receiver.", &name)) {
		x->item.kind = ITEM_RECEIVER;
		ok = receiver_decode(name, value, &x->item.receiver) == ST_OK;
	} else if (is_of(key, "token.", &name)) {
		x->item.kind = ITEM_TOKEN;
		ok = token_decode(name, value, &x->item.token) == ST_OK;
	} else if (is_of(key, "bookmark.", &name) && name.len <= BOOKMARK_NAME_MAX) {
		x->item.kind = ITEM_BOOKMARK;
		snprintf(x->item.bookmark.name, sizeof x->item.bookmark.name, "%.*s", SLICE_ARG(name));
		ok = record_decode_number(value, &x->item.bookmark.value) == ST_OK;
	} else {
		return;
	}
	if (ok)
		give(x);
	else
		tell(x, "meta", (struct job_id){{0}}, "a record cannot be read");
}

static void export_meta(struct tx *tx, struct export *x)
{
	PGresult *r = tx_query(tx, "SELECT key, value FROM clario_meta ORDER BY key", NULL);
	for (int i = 0; r && i < PQntuples(r) && x->st == ST_OK; i++)
		export_one_meta(x, col_bytes(r, i, 0), col_bytes(r, i, 1));
	PQclear(r);
	r = tx_query(tx, "SELECT key, value FROM clario_aside ORDER BY key", NULL);
	for (int i = 0; r && i < PQntuples(r) && x->st == ST_OK; i++) {
		x->item.kind = ITEM_ASIDE;
		x->item.aside.key = col_bytes(r, i, 0);
		x->item.aside.bytes = col_bytes(r, i, 1);
		give(x);
	}
	PQclear(r);
}

static void give_aside(struct export *x, char kind, struct job_id id, struct slice bytes)
{
	char key[1 + sizeof id.b];
	key[0] = kind;
	memcpy(key + 1, id.b, sizeof id.b);
	x->item.kind = ITEM_ASIDE;
	x->item.aside.key = slice_of(key, sizeof key);
	x->item.aside.bytes = bytes;
	give(x);
}

static void export_job(struct tx *tx, struct export *x, const PGresult *r, int i)
{
	struct job_hashes hashes;
	struct job_id id = col_id(r, i, 0);
	step(x);
	x->item.kind = ITEM_JOB;
	if (job_decode(r, i, &x->item.job, tx->store->seed, &hashes) == ST_OK) {
		give(x);
		job_release(&x->item.job);
		return;
	}
	tell(x, "job", id, "a record cannot be read: it is given as set aside");
	give_aside(x, 'j', id, col_bytes(r, i, 4));
	give_aside(x, 't', id, col_bytes(r, i, 7));
}

static void export_jobs(struct tx *tx, struct export *x)
{
	struct job_id after = {{0}};
	for (int n = PAGE; n == PAGE && tx->st == ST_OK && x->st == ST_OK;) {
		struct args args = ARGS_INIT;
		arg_id(&args, after);
		arg_int(&args, PAGE);
		PGresult *r = tx_query(tx,
			"SELECT " ROW_WHOLE " FROM clario_job j WHERE j.id > $1 ORDER BY j.id LIMIT $2",
			&args);
		n = r ? PQntuples(r) : 0;
		for (int i = 0; i < n && x->st == ST_OK; i++) {
			after = col_id(r, i, 0);
			export_job(tx, x, r, i);
		}
		PQclear(r);
		args_release(&args);
	}
}

static void export_events(struct tx *tx, struct export *x)
{
	int64_t after = 0;
	for (int n = PAGE; n == PAGE && tx->st == ST_OK && x->st == ST_OK;) {
		struct args args = ARGS_INIT;
		arg_int(&args, after);
		arg_int(&args, PAGE);
		PGresult *r = tx_query(tx,
			"SELECT seq, record FROM clario_event WHERE seq > $1 ORDER BY seq LIMIT $2", &args);
		n = r ? PQntuples(r) : 0;
		for (int i = 0; i < n && x->st == ST_OK; i++) {
			after = col_int(r, i, 0);
			step(x);
			x->item.kind = ITEM_EVENT;
			if (event_decode(r, i, 0, 1, &x->item.event) == ST_OK) {
				give(x);
				event_release(&x->item.event);
			} else {
				tell(x, "event", (struct job_id){{0}}, "a record cannot be read");
			}
		}
		PQclear(r);
		args_release(&args);
	}
}

static void export_all(struct tx *tx, void *arg)
{
	struct export *x = arg;
	if (x->has_begun) { /* what was given cannot be taken back */
		tx_fail(tx, ST_IO, "the connection was lost; begin the export again");
		return;
	}
	x->has_begun = true;
	export_totals(tx, x);
	export_meta(tx, x);
	export_jobs(tx, x);
	export_events(tx, x);
}

enum status pg_export(struct store *store, struct moment now, item_sink sink, void *arg,
	const struct spool_watch *watch, struct why *why)
{
	struct export x = {.now = now, .sink = sink, .arg = arg, .watch = watch, .why = WHY_INIT};
	enum status st = tx_snapshot(store, export_all, &x, why);
	if (st != ST_OK)
		return st;
	if ((x.st != ST_OK || x.unreadable) && why)
		*why = x.why;
	return x.st != ST_OK ? x.st : x.unreadable ? ST_CORRUPT : ST_OK;
}

/* --- import --- */

struct import {
	const struct care_ask *ask;
	const struct spool_watch *watch;
	struct care_result *result;
	struct item_totals totals;
	uint64_t done;
	bool has_begun;
	enum status verdict;
	struct why why;
};

static void put_aside(struct tx *tx, struct slice key, struct slice bytes)
{
	struct args args = ARGS_INIT;
	arg_bytes(&args, key);
	arg_bytes(&args, bytes);
	tx_exec(tx, "INSERT INTO clario_aside VALUES ($1, $2)", &args);
	args_release(&args);
}

static struct slice named(const char *kind, const char *name, char out[80])
{
	int len = snprintf(out, 80, "%s.%s", kind, name);
	return slice_of(out, (size_t)len);
}

static void refuse(struct import *m, const char *what)
{
	m->verdict = why_set(&m->why, ST_INVALID, "%s", what);
}

static void refuse_twin(struct tx *tx, struct import *m, struct slice key, const char *what)
{
	struct buf there = BUF_INIT(1 << 16);
	if (meta_get(tx, key, &there) == ST_OK)
		refuse(m, what);
	buf_release(&there);
}

static void import_item(struct tx *tx, struct import *m, const struct item *item)
{
	struct job job = item->job;
	char key[80];
	switch (item->kind) {
	case ITEM_TOTALS:
		m->totals = item->totals;
		break;
	case ITEM_BOOKMARK:
		record_encode_number(item->bookmark.value, &tx->scratch);
		meta_put(tx, named("bookmark", item->bookmark.name, key), buf_slice(&tx->scratch));
		break;
	case ITEM_RECEIVER:
		if (!receiver_name_is_valid(slice_text(item->receiver.name))) {
			refuse(m, "receiver.name is none");
			break;
		}
		refuse_twin(tx, m, named("receiver", item->receiver.name, key),
			"the same receiver stands there twice");
		receiver_encode(&item->receiver, &tx->scratch);
		meta_put(tx, named("receiver", item->receiver.name, key), buf_slice(&tx->scratch));
		break;
	case ITEM_TOKEN:
		if (!token_is_valid(&item->token)) {
			refuse(m, "token is none: its name, prefix or user is not one");
			break;
		}
		refuse_twin(
			tx, m, named("token", item->token.name, key), "the same token stands there twice");
		token_encode(&item->token, &tx->scratch);
		meta_put(tx, named("token", item->token.name, key), buf_slice(&tx->scratch));
		break;
	case ITEM_ASIDE:
		if (item->aside.key.len != 1 + sizeof(struct job_id) ||
			(*item->aside.key.p != 'j' && *item->aside.key.p != 't')) {
			refuse(m, "aside.key is not that of a job or a trigger");
			break;
		}
		put_aside(tx, item->aside.key, item->aside.bytes);
		break;
	case ITEM_JOB:
		job.mem = (struct buf)BUF_INIT(0);
		row_insert(tx, &job);
		m->result->jobs++;
		break;
	case ITEM_EVENT:
		if (item->event.seq >= m->totals.next_seq || item->event.prev >= item->event.seq) {
			refuse(m, "an event's seq or prev is beyond those that were given");
			break;
		}
		event_put(tx, &item->event);
		m->result->events++;
		break;
	default:
		break;
	}
}

/* Its texts last until the next item: it is written at once. */
static void take_items(struct tx *tx, struct import *m)
{
	struct item item;
	for (bool is_end = false; !is_end && tx->st == ST_OK && m->verdict == ST_OK;) {
		m->verdict = m->ask->source(m->ask->source_arg, &item, &m->why);
		if (m->verdict != ST_OK)
			return;
		is_end = item.kind == ITEM_END;
		import_item(tx, m, &item);
		if (item.kind == ITEM_JOB || tx->event_seqs.n >= FLUSH_AT)
			tx_flush(tx);
		if (item.kind == ITEM_JOB)
			rows_drop(tx);
		if (m->watch && m->watch->progress)
			m->watch->progress(m->watch->arg, ++m->done, m->totals.jobs + m->totals.events);
	}
}

static void take_totals(struct tx *tx, const struct item_totals *t)
{
	struct head *head = &tx->head;
	head->removed_total = t->removed;
	/* What could not be read when it was exported is set aside now. */
	uint64_t known = head_present(head) + t->removed;
	head->set_aside = t->accepted > known ? t->accepted - known : 0;
	head->accepted_total = known + head->set_aside;
	head->paused_phases = t->paused_phases;
	tx->own.recent_n = t->recent_n;
	tx->own.recent_at = t->recent_at;
	memcpy(tx->own.recent_ms, t->recent_ms, sizeof tx->own.recent_ms);
}

/* Those that are given from now on are greater. */
static void take_numbers(struct tx *tx, uint64_t next_seq)
{
	struct args args = ARGS_INIT;
	arg_int(&args, (int64_t)next_seq - 1);
	if (next_seq > 1)
		tx_exec(tx, "SELECT setval('clario_event_seq', greatest($1, " EVENTS_GIVEN "))", &args);
	args_release(&args);
}

/* A turn that nobody has is given, two are made one. */
static void mend_lines(struct tx *tx)
{
	struct list workflows = LIST_INIT(LIST_BYTES);
	PGresult *r = tx_query(tx,
		"SELECT j.workflow FROM clario_job j WHERE j.is_ordered AND " ROW_LIVE
		" GROUP BY j.workflow HAVING NOT bool_or(j.has_turn)",
		NULL);
	for (int i = 0; r && i < PQntuples(r); i++)
		list_bytes(&workflows, col_bytes(r, i, 0));
	PQclear(r);
	lines_hand_on(tx, &workflows);
	list_release(&workflows);
}

/* Its leases are none of this database's clock: the next exchange takes them back. */
static void append_restored(struct tx *tx)
{
	struct event event = event_of_spool(EVENT_RESTORED, tx->now);
	event.actor = slice_text("system");
	event.reason = slice_text("from an export");
	event_append(tx, &event, NULL);
}

static void import_all(struct tx *tx, void *arg)
{
	struct import *m = arg;
	if (m->has_begun) { /* what was read cannot be read again */
		tx_fail(tx, ST_IO, "the connection was lost; begin the import again");
		return;
	}
	if (head_present(&tx->head) && !m->ask->replaces) {
		m->verdict = why_set(&m->why, ST_EXISTS, "the spool has jobs already; --replace replaces it");
		return;
	}
	m->has_begun = true;
	tx_exec(tx, "SET LOCAL idle_in_transaction_session_timeout = 0", NULL);
	tx_exec(tx, "DELETE FROM clario_event", NULL);
	tx_exec(tx, "DELETE FROM clario_job", NULL);
	tx_exec(tx, "DELETE FROM clario_meta", NULL);
	tx_exec(tx, "DELETE FROM clario_aside", NULL);
	tx_exec(tx, "DELETE FROM clario_stalled", NULL);
	slots_reset(tx);
	events_hold(tx);
	take_items(tx, m);
	if (m->verdict != ST_OK)
		tx_fail(tx, m->verdict, m->why.text);
	if (tx->st == ST_CONFLICT && m->verdict == ST_OK) /* link_fail(): a key is taken */
		tx->st = why_set(
			&tx->why, ST_INVALID, "the same job, event or set-aside record stands there twice");
	take_totals(tx, &m->totals);
	take_numbers(tx, m->totals.next_seq);
	mend_lines(tx);
	append_restored(tx);
}

enum status pg_care(const struct spool_conf *conf, const struct care_ask *ask,
	const struct spool_watch *watch, struct care_result *result, struct why *why)
{
	struct import m = {.ask = ask, .watch = watch, .result = result, .why = WHY_INIT};
	struct store *store;
	*result = (struct care_result){0};
	if (ask->verb != CARE_IMPORT)
		return why_set(why, ST_INVALID,
			"a spool in PostgreSQL is backed up, restored and vacuumed with PostgreSQL's own "
			"tools "
			"(pg_basebackup, pg_dump, VACUUM); export and import work here, too");
	enum status st = pg_open(conf, &store, why);
	if (st != ST_OK)
		return st;
	st = tx_write(store, clock_now(), import_all, &m, why);
	if (st == ST_OK && m.verdict != ST_OK && why)
		*why = m.why;
	pg_close(store);
	return st != ST_OK ? st : m.verdict;
}
