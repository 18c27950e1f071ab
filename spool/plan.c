/* spool/plan.c: plans are made, found again and shown. See plan.h. */
#include "spool/plan.h"

#include "spool/model/rules.h"
#include "spool/plan_file.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define KEEP_US (INT64_C(24) * 3600 * 1000000)

enum { ENTRIES_BUFFERED = 4096 * PLAN_ENTRY, PAGE = 100 };

enum status plan_notes(struct notes *notes, const char *path, struct why *why)
{
	*notes = (struct notes){.kind = "plan", .max = PLANS_MAX, .keep_us = KEEP_US, .bytes_max = 256 << 20};
	return notes_open(notes, path, why);
}

enum status plan_begin(struct plan_writer *w, const char *path, struct moment now, struct why *why)
{
	char file[NOTE_PATH_MAX];
	w->fd = -1;
	buf_init(&w->entries, 2 * ENTRIES_BUFFERED);
	enum status st = plan_notes(&w->notes, path, why);
	if (st == ST_OK)
		st = notes_make(&w->notes, path, why);
	if (st == ST_OK)
		st = notes_sweep(&w->notes, now.wall_us, why);
	if (st != ST_OK)
		return st;
	w->plan.at_us = now.wall_us;
	w->plan.until_us = now.wall_us + KEEP_US;
	notes_name(&w->notes, now.wall_us, w->plan.name);
	notes_path(&w->notes, w->plan.name, "jobs", file);
	w->fd = notes_create(&w->notes, file, why);
	return w->fd >= 0 ? ST_OK : why_errno(why, errno, "cannot create %s", file);
}

static enum status flush(struct plan_writer *w, struct why *why)
{
	struct slice left = buf_slice(&w->entries);
	if (buf_status(&w->entries) != ST_OK)
		return why_set(why, ST_NOMEM, "out of memory");
	while (left.len) {
		ssize_t n = write(w->fd, left.p, left.len);
		if (n < 0 && errno != EINTR)
			return why_errno(why, errno, "cannot write the plan");
		left = slice_of(left.p + (n > 0 ? n : 0), left.len - (size_t)(n > 0 ? n : 0));
	}
	buf_clear(&w->entries);
	return ST_OK;
}

enum status plan_add(struct plan_writer *w, const struct job *job, struct why *why)
{
	struct plan_entry entry = {.id = job->id, .last_event = job->last_event};
	if (!rules_steer_allows(w->plan.verb, job->state)) {
		w->plan.unfit++;
		return ST_OK;
	}
	if (w->plan.jobs == PLAN_JOBS_MAX) {
		w->plan.is_partial = true;
		return why_set(why, ST_FULL, "a plan has %d jobs at most", PLAN_JOBS_MAX);
	}
	buf_add(&w->entries, &entry, sizeof entry);
	w->plan.jobs++;
	w->plan.by_phase[phase_slot(job->phase)]++;
	return w->entries.len >= ENTRIES_BUFFERED ? flush(w, why) : ST_OK;
}

enum status plan_end(struct plan_writer *w, struct why *why)
{
	enum status st = flush(w, why);
	if (st == ST_OK && fsync(w->fd) != 0)
		st = why_errno(why, errno, "cannot sync the plan");
	if (st == ST_OK)
		st = plan_save(&w->notes, &w->plan, true, why);
	if (st != ST_OK) {
		plan_drop(w);
		return st;
	}
	close(w->fd);
	buf_release(&w->entries);
	return ST_OK;
}

void plan_drop(struct plan_writer *w)
{
	char file[NOTE_PATH_MAX];
	if (w->fd >= 0) {
		close(w->fd);
		notes_path(&w->notes, w->plan.name, "jobs", file);
		unlink(file);
	}
	w->fd = -1;
	buf_release(&w->entries);
}

static enum status add_page(struct plan_writer *w, struct job *jobs, size_t n, struct why *why)
{
	enum status st = ST_OK;
	for (size_t i = 0; i < n; i++) {
		if (st == ST_OK)
			st = plan_add(w, &jobs[i], why);
		job_release(&jobs[i]);
	}
	return st;
}

enum status plan_select(struct plan_writer *w, struct spool *sp, const struct job_filter *filter,
	struct cursor *at, uint64_t look_max, plan_watch watch, void *arg, struct why *why)
{
	struct job_filter counted = *filter;
	enum status st;
	counted.scanned = &w->plan.scanned;
	do {
		struct job jobs[PAGE];
		struct cursor next;
		size_t n;
		st = spool_list(sp, &counted, at, PAGE, false, jobs, &n, &next, why);
		if (st == ST_OK)
			st = add_page(w, jobs, n, why);
		if (st != ST_OK)
			break;
		*at = next;
		if (at->text[0] && (w->plan.scanned >= look_max || (watch && !watch(arg, &w->plan))))
			w->plan.is_partial = true;
	} while (at->text[0] && !w->plan.is_partial);
	return st == ST_FULL && w->plan.is_partial ? ST_OK : st;
}

void plan_receivers(const struct opts *opts, int phase, char *out, size_t cap)
{
	int calls[CALLS_MAX];
	size_t n = opts_phase_calls(opts, phase, calls), len = 0;
	bool has[RECEIVERS_MAX] = {0};
	snprintf(out, cap, "-");
	for (size_t i = 0; i < n; i++) {
		size_t r = opts->call[calls[i]].receiver;
		if (has[r] || len >= cap)
			continue;
		has[r] = true;
		len += (size_t)snprintf(
			out + len, cap - len, "%s%s", len ? " " : "", opts->receivers[r].name);
	}
}

static bool calls(const struct opts *opts, int phase, size_t receiver)
{
	for (size_t c = 0; c < opts->calls_n; c++)
		if (opts->call[c].phase == phase && opts->call[c].receiver == receiver)
			return true;
	return false;
}

uint64_t plan_by_receiver(const struct plan *plan, const struct opts *opts, size_t i)
{
	uint64_t sum = 0;
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		if (calls(opts, phase_of_slot(slot), i))
			sum += plan->by_phase[slot];
	return sum;
}

static void show_counts(struct jx_writer *w, const struct plan *plan, const struct opts *opts)
{
	jx_open_object(w, "phases");
	for (int slot = 0; slot < PHASE_SLOTS; slot++) {
		char name[12];
		snprintf(name, sizeof name, "%d", phase_of_slot(slot));
		if (plan->by_phase[slot])
			jx_int(w, name, (int64_t)plan->by_phase[slot]);
	}
	jx_close_object(w);
	jx_open_object(w, "receivers");
	for (size_t i = 0; i < opts->receivers_n; i++)
		if (plan_by_receiver(plan, opts, i))
			jx_int(w, opts->receivers[i].name, (int64_t)plan_by_receiver(plan, opts, i));
	jx_close_object(w);
}

void plan_hide(struct plan *plan, const struct opts *opts)
{
	struct where_env env = {.now_us = plan->at_us, .opts = opts, .mask = opts->privacy.mask};
	where_hide(plan->where, &env);
}

void plan_show(struct jx_writer *w, const char *key, const struct plan *plan, const struct opts *opts)
{
	jx_open_object(w, key);
	jx_cstring(w, "plan", plan->name);
	jx_cstring(w, "verb", steer_verb_name(plan->verb));
	jx_cstring(w, "where", plan->where);
	jx_cstring(w, "actor", plan->actor);
	jx_time(w, "at", plan->at_us);
	jx_time(w, "until", plan->until_us);
	jx_int(w, "jobs", (int64_t)plan->jobs);
	jx_int(w, "unfit", (int64_t)plan->unfit);
	jx_int(w, "scanned", (int64_t)plan->scanned);
	jx_bool(w, "complete", !plan->is_partial);
	show_counts(w, plan, opts);
	jx_int(w, "left", (int64_t)(plan->jobs - plan->at));
	jx_int(w, "done", (int64_t)plan->done);
	jx_int(w, "changed", (int64_t)plan->changed);
	jx_int(w, "gone", (int64_t)plan->gone);
	jx_cstring(w, "operation", plan->operation);
	jx_close_object(w);
}
