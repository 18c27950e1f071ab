/* spool/plan_run.c: plans are read back and applied. See plan.h. */
#include "spool/plan_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum status plan_save(const struct notes *notes, const struct plan *plan, bool syncs, struct why *why)
{
	struct buf text = BUF_INIT(NOTE_BYTES_MAX);
	struct jx_writer w;
	jx_begin(&w, &text);
	jx_open_object(&w, NULL);
	jx_cstring(&w, "plan", plan->name);
	jx_cstring(&w, "verb", steer_verb_name(plan->verb));
	jx_cstring(&w, "where", plan->where);
	jx_cstring(&w, "actor", plan->actor);
	jx_cstring(&w, "operation", plan->operation);
	jx_int(&w, "at_us", plan->at_us);
	jx_int(&w, "until_us", plan->until_us);
	jx_int(&w, "jobs", (int64_t)plan->jobs);
	jx_int(&w, "unfit", (int64_t)plan->unfit);
	jx_int(&w, "scanned", (int64_t)plan->scanned);
	jx_bool(&w, "is_partial", plan->is_partial);
	jx_int(&w, "applied", (int64_t)plan->at);
	jx_int(&w, "done", (int64_t)plan->done);
	jx_int(&w, "changed", (int64_t)plan->changed);
	jx_int(&w, "gone", (int64_t)plan->gone);
	jx_open_array(&w, "by_phase");
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		jx_int(&w, NULL, (int64_t)plan->by_phase[slot]);
	jx_close_array(&w);
	jx_close_object(&w);
	enum status st = buf_status(&text) == ST_OK
				 ? notes_write(notes, plan->name, buf_slice(&text), syncs, why)
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

static bool from_json(const json_t *note, struct plan *plan)
{
	*plan = (struct plan){
		.at_us = (int64_t)take_number(note, "at_us"),
		.until_us = (int64_t)take_number(note, "until_us"),
		.jobs = take_number(note, "jobs"),
		.unfit = take_number(note, "unfit"),
		.scanned = take_number(note, "scanned"),
		.is_partial = json_is_true(jx_get(note, "is_partial")),
		.at = take_number(note, "applied"),
		.done = take_number(note, "done"),
		.changed = take_number(note, "changed"),
		.gone = take_number(note, "gone"),
	};
	for (size_t slot = 0; slot < PHASE_SLOTS; slot++)
		plan->by_phase[slot] =
			(uint64_t)json_integer_value(json_array_get(jx_get(note, "by_phase"), slot));
	take_text(note, "plan", plan->name, sizeof plan->name);
	take_text(note, "operation", plan->operation, sizeof plan->operation);
	take_text(note, "actor", plan->actor, sizeof plan->actor);
	take_text(note, "where", plan->where, sizeof plan->where);
	return steer_verb_parse(jx_text(jx_get(note, "verb")), &plan->verb) && plan->at <= plan->jobs &&
	       plan->jobs <= PLAN_JOBS_MAX;
}

static enum status load(
	const struct notes *notes, struct slice name, struct moment now, struct plan *out, struct why *why)
{
	json_t *note;
	enum status st = notes_read(notes, name, now.wall_us, &note, why);
	if (st != ST_OK)
		return st;
	bool ok = from_json(note, out);
	json_decref(note);
	return ok ? ST_OK : why_set(why, ST_CORRUPT, "the note of %.*s is damaged", SLICE_ARG(name));
}

enum status plan_load(
	const char *path, struct slice name, struct moment now, struct plan *out, struct why *why)
{
	struct notes notes;
	enum status st = plan_notes(&notes, path, why);
	return st == ST_OK ? load(&notes, name, now, out, why) : st;
}

enum status plans_list(
	const char *path, struct moment now, struct plan *out, size_t cap, size_t *n, struct why *why)
{
	char names[PLANS_MAX][NOTE_NAME_MAX];
	struct notes notes;
	size_t names_n = 0;
	*n = 0;
	enum status st = plan_notes(&notes, path, why);
	if (st == ST_OK)
		st = notes_list(&notes, now.wall_us, names, cap < PLANS_MAX ? cap : PLANS_MAX, &names_n, why);
	for (size_t i = 0; st == ST_OK && i < names_n; i++)
		if (load(&notes, slice_text(names[i]), now, &out[*n], NULL) == ST_OK)
			++*n;
	return st;
}

enum status plans_forget(const char *path, struct moment now, struct slice text, size_t *n, struct why *why)
{
	struct plan *list = calloc(PLANS_MAX, sizeof *list);
	struct notes notes;
	size_t found = 0;
	*n = 0;
	enum status st = list ? plan_notes(&notes, path, why) : why_set(why, ST_NOMEM, "out of memory");
	if (st == ST_OK)
		st = plans_list(path, now, list, PLANS_MAX, &found, why);
	for (size_t i = 0; st == ST_OK && i < found; i++) {
		if (!text.len || !memmem(list[i].where, strlen(list[i].where), text.p, text.len))
			continue;
		snprintf(list[i].where, sizeof list[i].where, "***");
		++*n;
		st = plan_save(&notes, &list[i], true, why);
	}
	free(list);
	return st;
}

/* The file of jobs, for this process alone, and as long as the plan says. */
static enum status open_jobs(
	struct plan_run *run, const struct notes *notes, struct slice name, struct why *why)
{
	char file[NOTE_PATH_MAX], text[NOTE_NAME_MAX];
	if (!notes_is_name(notes, name))
		return why_set(why, ST_NOTFOUND, "there is no such plan");
	snprintf(text, sizeof text, "%.*s", SLICE_ARG(name));
	notes_path(notes, text, "jobs", file);
	run->fd = open(file, O_RDONLY | O_CLOEXEC);
	if (run->fd < 0)
		return errno == ENOENT ? why_set(why, ST_NOTFOUND, "there is no such plan, or no more")
				       : why_errno(why, errno, "cannot open %s", file);
	if (flock(run->fd, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? why_set(why, ST_BUSY, "the plan is being applied already")
					    : why_errno(why, errno, "cannot lock %s", file);
	return ST_OK;
}

static enum status check_size(const struct plan_run *run, struct why *why)
{
	struct stat sb;
	if (fstat(run->fd, &sb) != 0)
		return why_errno(why, errno, "cannot examine the plan");
	if ((uint64_t)sb.st_size != run->plan.jobs * PLAN_ENTRY)
		return why_set(why, ST_CORRUPT, "the plan's file of jobs is damaged; make it anew");
	return ST_OK;
}

static enum status begin_operation(struct plan_run *run, const struct notes *notes, struct moment now,
	struct slice actor, struct slice reason, struct why *why)
{
	struct operation *op = &run->op;
	*op = (struct operation){.verb = run->plan.verb};
	snprintf(op->plan, sizeof op->plan, "%s", run->plan.name);
	snprintf(op->where, sizeof op->where, "%s", run->plan.where);
	snprintf(op->actor, sizeof op->actor, "%.*s", SLICE_ARG(actor));
	snprintf(op->reason, sizeof op->reason, "%.*s", SLICE_ARG(reason));
	enum status st = operation_begin(run->spool, run->path, now, op, why);
	if (st != ST_OK)
		return st;
	snprintf(run->plan.operation, sizeof run->plan.operation, "%s", op->name);
	return plan_save(notes, &run->plan, true, why);
}

enum status plan_open(struct plan_run *run, struct spool *sp, const char *path, struct slice name,
	struct moment now, struct slice actor, struct slice reason, struct why *why)
{
	struct notes notes;
	*run = (struct plan_run){.path = path, .spool = sp, .fd = -1};
	enum status st = plan_notes(&notes, path, why);
	if (st == ST_OK)
		st = open_jobs(run, &notes, name, why);
	if (st == ST_OK) /* under the lock: it says how far it has come */
		st = load(&notes, name, now, &run->plan, why);
	if (st == ST_OK)
		st = check_size(run, why);
	if (st == ST_OK)
		st = run->plan.operation[0]
			     ? operation_load(path, slice_text(run->plan.operation), now, &run->op, why)
			     : begin_operation(run, &notes, now, actor, reason, why);
	if (st != ST_OK) {
		plan_close(run);
		return st;
	}
	/* What the plan says was written last: after a kill between the two notes it alone is right. */
	run->op.done = run->plan.done;
	run->op.skipped = run->plan.changed + run->plan.gone;
	return ST_OK;
}

static enum status read_entries(
	struct plan_run *run, size_t n, struct job_id *ids, uint64_t *last_events, struct why *why)
{
	struct plan_entry entries[STEER_BATCH];
	size_t len = n * PLAN_ENTRY;
	if (pread(run->fd, entries, len, (off_t)(run->plan.at * PLAN_ENTRY)) != (ssize_t)len)
		return why_set(why, ST_IO, "cannot read the plan");
	for (size_t i = 0; i < n; i++) {
		ids[i] = entries[i].id;
		last_events[i] = entries[i].last_event;
	}
	return ST_OK;
}

static void tally(struct plan *plan, const struct steer_result *results, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool is_done = results[i].status == ST_OK || results[i].status == ST_EXISTS;
		plan->done += is_done;
		plan->gone += results[i].status == ST_NOTFOUND || results[i].status == ST_CORRUPT;
		plan->changed += results[i].status == ST_CONFLICT || results[i].status == ST_INVALID;
	}
	plan->at += n;
}

enum status plan_step(struct plan_run *run, struct moment now, size_t max, struct why *why)
{
	struct job_id ids[STEER_BATCH];
	uint64_t last_events[STEER_BATCH], left = run->plan.jobs - run->plan.at;
	struct steer_result results[STEER_BATCH];
	struct notes notes;
	size_t n = max < STEER_BATCH ? max : STEER_BATCH;
	n = left < n ? (size_t)left : n;
	enum status st = plan_notes(&notes, run->path, why);
	if (st == ST_OK)
		st = read_entries(run, n, ids, last_events, why);
	if (st == ST_OK && n)
		st = operation_steer(run->spool, run->path, now, &run->op, ids, last_events, n, results, why);
	if (st != ST_OK)
		return st;
	tally(&run->plan, results, n);
	if (plan_is_over(run) && run->op.last_seq == 0)
		st = operation_end(run->spool, run->path, &run->op, why);
	return st == ST_OK ? plan_save(&notes, &run->plan, plan_is_over(run), why) : st;
}

bool plan_is_over(const struct plan_run *run)
{
	return run->plan.at == run->plan.jobs;
}

void plan_close(struct plan_run *run)
{
	if (run->fd >= 0)
		close(run->fd);
	run->fd = -1;
}
