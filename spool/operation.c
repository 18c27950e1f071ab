/* spool/operation.c: see operation.h. */
#include "spool/operation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEEP_US (INT64_C(30) * 86400 * 1000000)

static enum status open_notes(struct notes *notes, const char *path, struct why *why)
{
	*notes = (struct notes){
		.kind = "operation", .max = OPERATIONS_MAX, .keep_us = KEEP_US, .bytes_max = 64 << 20};
	return notes_open(notes, path, why);
}

static void write_members(struct jx_writer *w, const struct operation *op)
{
	jx_cstring(w, "operation", op->name);
	jx_cstring(w, "verb", steer_verb_name(op->verb));
	jx_cstring(w, "where", op->where);
	jx_cstring(w, "plan", op->plan);
	jx_cstring(w, "actor", op->actor);
	jx_cstring(w, "reason", op->reason);
	jx_time(w, "at", op->at_us);
	jx_int(w, "done", (int64_t)op->done);
	jx_int(w, "skipped", (int64_t)op->skipped);
	jx_bool(w, "ended", op->last_seq != 0);
	jx_time(w, "undone_at", op->undone_at_us);
	jx_int(w, "undone", (int64_t)op->undone);
	jx_int(w, "kept", (int64_t)op->kept);
	jx_bool(w, "undo_ended", op->is_undone);
}

void operation_hide(struct operation *op, const struct opts *opts)
{
	struct where_env env = {.now_us = op->at_us, .opts = opts, .mask = opts->privacy.mask};
	struct buf shown = BUF_INIT(4 * sizeof op->reason);
	where_hide(op->where, &env);
	mask_text(env.mask, slice_text(op->reason), &shown);
	snprintf(op->reason, sizeof op->reason, "%.*s",
		SLICE_ARG(buf_status(&shown) == ST_OK ? buf_slice(&shown) : slice_text("***")));
	buf_release(&shown);
}

void operation_show(struct jx_writer *w, const char *key, const struct operation *op)
{
	jx_open_object(w, key);
	write_members(w, op);
	jx_close_object(w);
}

static enum status save(const char *path, const struct operation *op, bool syncs, struct why *why)
{
	struct notes notes;
	struct buf text = BUF_INIT(NOTE_BYTES_MAX);
	struct jx_writer w;
	enum status st = open_notes(&notes, path, why);
	if (st != ST_OK)
		return st;
	jx_begin(&w, &text);
	jx_open_object(&w, NULL);
	write_members(&w, op);
	jx_int(&w, "at_us", op->at_us);
	jx_int(&w, "first_seq", (int64_t)op->first_seq);
	jx_int(&w, "last_seq", (int64_t)op->last_seq);
	jx_int(&w, "undone_at_us", op->undone_at_us);
	jx_int(&w, "undo_seq", (int64_t)op->undo_seq);
	jx_close_object(&w);
	st = buf_status(&text) == ST_OK ? notes_write(&notes, op->name, buf_slice(&text), syncs, why)
					: why_set(why, ST_NOMEM, "out of memory");
	buf_release(&text);
	return st;
}

static void take_text(const json_t *note, const char *name, char *out, size_t cap)
{
	struct slice text = jx_text(jx_get(note, name));
	snprintf(out, cap, "%.*s", SLICE_ARG(text));
}

static uint64_t take_number(const json_t *note, const char *name)
{
	return (uint64_t)json_integer_value(jx_get(note, name));
}

static bool from_json(const json_t *note, struct operation *op)
{
	*op = (struct operation){
		.at_us = (int64_t)take_number(note, "at_us"),
		.first_seq = take_number(note, "first_seq"),
		.last_seq = take_number(note, "last_seq"),
		.done = take_number(note, "done"),
		.skipped = take_number(note, "skipped"),
		.undone_at_us = (int64_t)take_number(note, "undone_at_us"),
		.undo_seq = take_number(note, "undo_seq"),
		.undone = take_number(note, "undone"),
		.kept = take_number(note, "kept"),
		.is_undone = json_is_true(jx_get(note, "undo_ended")),
	};
	take_text(note, "operation", op->name, sizeof op->name);
	take_text(note, "plan", op->plan, sizeof op->plan);
	take_text(note, "actor", op->actor, sizeof op->actor);
	take_text(note, "reason", op->reason, sizeof op->reason);
	take_text(note, "where", op->where, sizeof op->where);
	return steer_verb_parse(jx_text(jx_get(note, "verb")), &op->verb);
}

enum status operation_begin(
	struct spool *sp, const char *path, struct moment now, struct operation *op, struct why *why)
{
	struct notes notes;
	struct stats stats;
	enum status st = open_notes(&notes, path, why);
	if (st == ST_OK)
		st = notes_make(&notes, path, why);
	if (st == ST_OK)
		st = notes_sweep(&notes, now.wall_us, why);
	if (st == ST_OK)
		st = spool_stats(sp, &stats, why);
	if (st != ST_OK)
		return st;
	op->at_us = now.wall_us;
	op->first_seq = op->undo_seq = stats.last_seq;
	notes_name(&notes, now.wall_us, op->name);
	return save(path, op, true, why);
}

enum status operation_steer(struct spool *sp, const char *path, struct moment now, struct operation *op,
	const struct job_id *ids, const uint64_t *last_events, size_t n, struct steer_result *results,
	struct why *why)
{
	struct steer_ask ask = {.verb = op->verb,
		.ids = ids,
		.last_events = last_events,
		.n = n,
		.operation = slice_text(op->name),
		.actor = slice_text(op->actor),
		.reason = slice_text(op->reason)};
	enum status st = spool_steer_many(sp, now, &ask, results, why);
	for (size_t i = 0; st == ST_OK && i < n; i++) {
		bool is_done = results[i].status == ST_OK || results[i].status == ST_EXISTS;
		op->done += is_done;
		op->skipped += !is_done;
	}
	return st == ST_OK ? save(path, op, false, why) : st;
}

enum status operation_end(struct spool *sp, const char *path, struct operation *op, struct why *why)
{
	struct stats stats;
	enum status st = spool_stats(sp, &stats, why);
	if (st != ST_OK)
		return st;
	op->last_seq = stats.last_seq;
	return save(path, op, true, why);
}

static enum status load(const struct notes *notes, struct slice name, struct moment now,
	struct operation *out, struct why *why)
{
	json_t *note;
	enum status st = notes_read(notes, name, now.wall_us, &note, why);
	if (st != ST_OK)
		return st;
	bool ok = from_json(note, out);
	json_decref(note);
	return ok ? ST_OK : why_set(why, ST_CORRUPT, "the note of %.*s is damaged", SLICE_ARG(name));
}

enum status operation_load(
	const char *path, struct slice name, struct moment now, struct operation *out, struct why *why)
{
	struct notes notes;
	enum status st = open_notes(&notes, path, why);
	return st == ST_OK ? load(&notes, name, now, out, why) : st;
}

enum status operations_list(
	const char *path, struct moment now, struct operation *out, size_t cap, size_t *n, struct why *why)
{
	static const size_t MAX = OPERATIONS_MAX;
	char names[OPERATIONS_MAX][NOTE_NAME_MAX];
	struct notes notes;
	size_t names_n = 0;
	*n = 0;
	enum status st = open_notes(&notes, path, why);
	if (st == ST_OK)
		st = notes_list(&notes, now.wall_us, names, cap < MAX ? cap : MAX, &names_n, why);
	for (size_t i = 0; st == ST_OK && i < names_n; i++)
		if (load(&notes, slice_text(names[i]), now, &out[*n], NULL) == ST_OK)
			++*n; /* one that cannot be read is no reason not to show the others */
	return st;
}

static bool stands_in(const char *text, struct slice part)
{
	return part.len && memmem(text, strlen(text), part.p, part.len);
}

static enum status forget_one(
	const char *path, struct operation *op, struct slice text, size_t *n, struct why *why)
{
	bool in_where = stands_in(op->where, text), in_reason = stands_in(op->reason, text);
	if (!in_where && !in_reason)
		return ST_OK;
	if (in_where)
		snprintf(op->where, sizeof op->where, "***");
	if (in_reason)
		snprintf(op->reason, sizeof op->reason, "***");
	++*n;
	return save(path, op, true, why);
}

enum status operations_forget(
	const char *path, struct moment now, struct slice text, size_t *n, struct why *why)
{
	struct operation *list = calloc(OPERATIONS_MAX, sizeof *list);
	size_t found = 0;
	*n = 0;
	if (!list)
		return why_set(why, ST_NOMEM, "out of memory");
	enum status st = operations_list(path, now, list, OPERATIONS_MAX, &found, why);
	for (size_t i = 0; st == ST_OK && i < found; i++)
		st = forget_one(path, &list[i], text, n, why);
	free(list);
	return st;
}

static bool is_its_act(const struct event *e, const struct operation *op)
{
	return event_is_operators(e->kind) && e->kind != EVENT_UNDONE && slice_is(e->name, op->name);
}

/* The jobs of its acts among the next events. */
static enum status next_acts(struct spool *sp, struct operation *op, uint64_t last_seq, struct job_id *ids,
	size_t *n, struct why *why)
{
	struct event events[STEER_BATCH];
	struct event_filter filter = {.after_seq = op->undo_seq};
	size_t events_n;
	uint64_t seen;
	*n = 0;
	enum status st = spool_events(sp, &filter, STEER_BATCH, events, &events_n, &seen, why);
	if (st != ST_OK)
		return st;
	for (size_t i = 0; i < events_n; i++) {
		if (events[i].seq <= last_seq && is_its_act(&events[i], op))
			ids[(*n)++] = events[i].job;
		event_release(&events[i]);
	}
	op->is_undone = seen >= last_seq || seen == op->undo_seq;
	op->undo_seq = seen > last_seq ? last_seq : seen;
	return ST_OK;
}

static enum status end_of(struct spool *sp, const struct operation *op, uint64_t *last_seq, struct why *why)
{
	struct stats stats;
	*last_seq = op->last_seq;
	if (op->last_seq)
		return ST_OK;
	enum status st = spool_stats(sp, &stats, why);
	*last_seq = stats.last_seq;
	return st;
}

enum status operation_undo_left(struct spool *sp, const struct operation *op, uint64_t *left, struct why *why)
{
	uint64_t last_seq;
	enum status st = end_of(sp, op, &last_seq, why);
	*left = st == ST_OK && last_seq > op->undo_seq ? last_seq - op->undo_seq : 0;
	return st;
}

enum status operation_undo(struct spool *sp, const char *path, struct moment now, struct operation *op,
	struct slice actor, struct slice reason, struct why *why)
{
	struct job_id ids[STEER_BATCH];
	struct steer_result results[STEER_BATCH];
	struct steer_ask ask = {.undoes = true,
		.ids = ids,
		.operation = slice_text(op->name),
		.actor = actor,
		.reason = reason};
	struct operation moved = *op;
	uint64_t last_seq;
	if (op->verb == STEER_PURGE)
		return why_set(why, ST_CONFLICT, "what was purged is gone: %s cannot be undone", op->name);
	enum status st = end_of(sp, op, &last_seq, why);
	if (st == ST_OK)
		st = next_acts(sp, &moved, last_seq, ids, &ask.n, why);
	if (st == ST_OK && ask.n)
		st = spool_steer_many(sp, now, &ask, results, why);
	if (st != ST_OK)
		return st;
	for (size_t i = 0; i < ask.n; i++) {
		bool is_back = results[i].status == ST_OK || results[i].status == ST_EXISTS;
		moved.undone += is_back;
		moved.kept += !is_back;
	}
	moved.undone_at_us = now.wall_us;
	*op = moved;
	return save(path, op, op->is_undone, why);
}
