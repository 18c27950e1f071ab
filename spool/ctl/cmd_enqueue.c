/* spool/ctl/cmd_enqueue.c: triggers from a file of JSON lines, by the checks of the API's batch, in bounded
 * transactions. What was taken in is known by line, so that a run that was cut short can go on. */
#include "spool/base/clock.h"
#include "spool/ctl/ctl.h"
#include "spool/ctl/lines.h"
#include "spool/ctl/out.h"
#include "spool/ctl/pace.h"
#include "spool/ctl/progress.h"
#include "spool/validate.h"

#include <stdlib.h>

typedef unsigned long long ull; /* for printf */

enum {
	BATCH_MAX = 200,
	BATCH_BYTES = 4 << 20, /* payloads of one commit; one that is larger comes alone */
	DEPTH_MAX = 64         /* as the API takes them */
};

struct entry {
	uint64_t line;
	struct buf text;
	json_t *json; /* the options borrow from it */
	struct draft draft;
};

struct run {
	struct ctl *ctl;
	struct lines lines;
	struct entry *entries;
	struct trigger triggers[BATCH_MAX];
	struct receipt receipts[BATCH_MAX];
	size_t n, bytes; /* checked, and not yet submitted */
	uint64_t accepted, duplicates, beside, refused, seen;
	uint64_t by_phase[PHASE_SLOTS];
	uint64_t done_line; /* all up to here have had their verdict */
	enum status full;   /* why the spool takes no more */
	struct why full_why;
	struct pace pace;
	struct progress bar;
	bool is_stopped, ok; /* ok: output could be written */
};

static void entry_release(struct entry *entry)
{
	json_decref(entry->json);
	entry->json = NULL;
	buf_release(&entry->text);
}

/* --- what is told of a line --- */

static void tell_bad_json(struct run *r, uint64_t line, const struct fault *fault, const char *job_id)
{
	struct buf out;
	struct jx_writer w;
	out_json_begin(&out, &w);
	jx_open_object(&w, NULL);
	jx_int(&w, "line", (int64_t)line);
	jx_bool(&w, "success", false);
	jx_cstring(&w, "error", fault->why.text);
	jx_cstring(&w, "code", problem_code(fault->problem));
	if (fault->field)
		jx_cstring(&w, "field", fault->field);
	if (job_id)
		jx_cstring(&w, "job_id", job_id);
	jx_close_object(&w);
	r->ok = out_json_end(&out) && r->ok;
}

static void tell_bad(struct run *r, uint64_t line, const struct fault *fault, const char *job_id)
{
	r->refused++;
	progress_clear(&r->bar);
	if (ctl_has(r->ctl, OPTION_JSON)) {
		tell_bad_json(r, line, fault, job_id);
		return;
	}
	fprintf(stderr, "clario-spool: line %llu: %s%s%s\n", (ull)line, fault->why.text,
		job_id ? "; the job is " : "", job_id ? job_id : "");
}

static void tell_good(struct run *r, const struct entry *entry, const struct receipt *receipt)
{
	struct buf out;
	struct jx_writer w;
	char id[JOB_ID_TEXT_LEN];
	int phase = entry->draft.trigger.phase;
	if (!ctl_has(r->ctl, OPTION_JSON))
		return;
	progress_clear(&r->bar);
	out_json_begin(&out, &w);
	jx_open_object(&w, NULL);
	jx_int(&w, "line", (int64_t)entry->line);
	jx_bool(&w, "success", true);
	jx_int(&w, phase_word(phase), phase);
	id_text(receipt->id, id);
	jx_cstring(&w, "job_id", id);
	jx_cstring(&w, "workflow_id", receipt->workflow_id);
	jx_bool(&w, "duplicate", receipt->verdict == SUBMIT_DUPLICATE);
	jx_cstring(&w, "state", job_state_name(receipt->state));
	if (receipt->verdict == SUBMIT_DUPLICATE)
		jx_bool(&w, "body_differs", receipt->body_differs);
	if (receipt->has_earlier) {
		id_text(receipt->earlier, id);
		jx_cstring(&w, "earlier_job_id", id);
	}
	jx_close_object(&w);
	r->ok = out_json_end(&out) && r->ok;
}

/* --- a batch --- */

static bool is_want_of_room(enum status st)
{
	return st == ST_FULL || st == ST_NOSPACE || st == ST_DEEP;
}

static void take_receipt(struct run *r, const struct entry *entry, const struct receipt *receipt)
{
	struct fault fault = {0};
	char id[JOB_ID_TEXT_LEN];
	switch (receipt->verdict) {
	case SUBMIT_ACCEPTED:
	case SUBMIT_DUPLICATE:
		r->accepted += receipt->verdict == SUBMIT_ACCEPTED;
		r->duplicates += receipt->verdict == SUBMIT_DUPLICATE;
		r->beside += receipt->has_earlier;
		tell_good(r, entry, receipt);
		return;
	case SUBMIT_KEY_REUSED:
		id_text(receipt->id, id);
		fault_set(&fault, PROBLEM_KEY_REUSED, "idempotency_key", "%s", receipt->why.text);
		tell_bad(r, entry->line, &fault, id);
		return;
	case SUBMIT_REFUSED:
		break;
	}
	if (is_want_of_room(receipt->status)) {
		r->full = receipt->status;
		r->full_why = receipt->why;
		return;
	}
	fault_set(&fault, receipt->status == ST_INVALID ? PROBLEM_BAD_FIELD : PROBLEM_SPOOL_UNAVAILABLE, NULL,
		"%s", receipt->why.text[0] ? receipt->why.text : status_name(receipt->status));
	tell_bad(r, entry->line, &fault, NULL);
}

/* A line behind one that there was no room for is known by its key when it comes again, so all that had a
 * verdict are told. */
static void take_receipts(struct run *r)
{
	for (size_t i = 0; i < r->n; i++) {
		bool was_full = r->full != ST_OK;
		take_receipt(r, &r->entries[i], &r->receipts[i]);
		if (r->full == ST_OK)
			r->done_line = r->entries[i].line;
		else if (!was_full)
			r->done_line = r->entries[i].line - 1;
	}
}

static enum status submit(struct run *r, struct why *why)
{
	for (size_t i = 0; i < r->n; i++)
		r->triggers[i] = r->entries[i].draft.trigger;
	enum status st = spool_submit(r->ctl->spool, clock_now(), r->triggers, r->n, r->receipts, why);
	if (st == ST_OK || is_want_of_room(st))
		take_receipts(r);
	return is_want_of_room(st) ? ST_OK : st;
}

static enum status flush(struct run *r, struct why *why)
{
	enum status st = ST_OK;
	if (r->n && !ctl_has(r->ctl, OPTION_DRY_RUN)) {
		st = submit(r, why);
		if (st == ST_OK)
			r->is_stopped = !pace_wait(&r->pace, r->n);
	}
	for (size_t i = 0; i < r->n; i++)
		entry_release(&r->entries[i]);
	if (st == ST_OK && r->full == ST_OK)
		r->done_line = r->lines.number;
	r->n = r->bytes = 0;
	progress_show(&r->bar, r->lines.size ? r->lines.bytes : r->lines.number, r->lines.size);
	return st;
}

/* --- a line --- */

static bool check(struct run *r, struct entry *entry, struct slice text, struct fault *fault)
{
	struct why why = WHY_INIT;
	struct options common = {.source = slice_text(r->ctl->actor)};
	struct trigger *t = &entry->draft.trigger;
	enum status st = jx_parse(text, DEPTH_MAX, &entry->json, &why);
	if (st != ST_OK)
		return fault_set(fault,
			st == ST_NOMEM  ? PROBLEM_SPOOL_UNAVAILABLE
			: st == ST_DEEP ? PROBLEM_TOO_DEEP
					: PROBLEM_BAD_JSON,
			NULL, "%s", why.text);
	if (!validate_trigger(entry->json, clock_now(), &common, &entry->draft, fault))
		return false;
	struct retry_opts retry = opts_retry(&r->ctl->opts, t->phase);
	t->attempts_allowed = (uint32_t)retry.attempts;
	t->give_up_after_us = retry.give_up_after_ms * 1000;
	t->payload = text;
	return true;
}

/* The line is in entries[n]; if it is good it stays there. */
static void take_line(struct run *r)
{
	struct entry *entry = &r->entries[r->n];
	struct fault fault = {0};
	struct slice text = slice_trim(buf_slice(&entry->text), " \t\r");
	entry->line = r->lines.number;
	if (!text.len) {
		entry_release(entry);
		return;
	}
	r->seen++;
	if (!check(r, entry, text, &fault)) {
		tell_bad(r, entry->line, &fault, NULL);
		entry_release(entry);
		return;
	}
	r->by_phase[phase_slot(entry->draft.trigger.phase)]++;
	r->bytes += text.len;
	r->n++;
}

static enum status next_line(struct run *r, bool *goes_on, struct why *why)
{
	struct entry *entry = &r->entries[r->n];
	struct fault fault = {0};
	buf_init(&entry->text, (size_t)r->ctl->opts.http.max_body);
	enum status st = lines_next(&r->lines, &entry->text, goes_on, why);
	bool is_wanted = *goes_on && r->lines.number > r->ctl->events.after_seq;
	if (st == ST_FULL && is_wanted) {
		r->seen++;
		fault_set(&fault, PROBLEM_BODY_TOO_LARGE, NULL, "%s", why->text);
		tell_bad(r, r->lines.number, &fault, NULL);
	}
	if (st != ST_OK || !is_wanted)
		entry_release(entry);
	else
		take_line(r);
	return st == ST_FULL ? ST_OK : st;
}

static enum status read_all(struct run *r, struct why *why)
{
	size_t most = pace_batch(&r->pace) < BATCH_MAX ? pace_batch(&r->pace) : BATCH_MAX;
	bool goes_on = true;
	enum status st = ST_OK;
	while (st == ST_OK && goes_on && !r->is_stopped && r->full == ST_OK && r->ok) {
		st = next_line(r, &goes_on, why);
		r->is_stopped = stop_is_wanted();
		if (st == ST_OK && (r->n == most || r->bytes >= BATCH_BYTES))
			st = flush(r, why);
	}
	/* What was read whole when it was asked to stop is the batch under way. */
	if (st == ST_OK && r->full == ST_OK) {
		bool was_stopped = r->is_stopped;
		st = flush(r, why);
		r->is_stopped = was_stopped;
	}
	progress_clear(&r->bar);
	return st;
}

/* --- the end --- */

static bool tell_phases_json(const struct run *r)
{
	struct buf out;
	struct jx_writer w;
	char name[16];
	out_json_begin(&out, &w);
	jx_open_object(&w, NULL);
	jx_bool(&w, "dry_run", true);
	jx_int(&w, "good", (int64_t)(r->seen - r->refused));
	jx_int(&w, "refused", (int64_t)r->refused);
	jx_open_object(&w, "by_phase");
	for (int slot = 0; slot < PHASE_SLOTS; slot++) {
		snprintf(name, sizeof name, "%d", phase_of_slot(slot));
		if (r->by_phase[slot])
			jx_int(&w, name, (int64_t)r->by_phase[slot]);
	}
	jx_close_object(&w);
	jx_close_object(&w);
	return out_json_end(&out);
}

static bool tell_phases(const struct run *r)
{
	static const struct out_column columns[] = {{"PHASE", true, false}, {"TRIGGERS", true, false}};
	if (ctl_has(r->ctl, OPTION_JSON))
		return tell_phases_json(r);
	struct libscols_table *table = out_table(columns, 2);
	bool ok = table;
	for (int slot = 0; ok && slot < PHASE_SLOTS; slot++) {
		char phase[16], n[24];
		const char *texts[] = {phase, n};
		snprintf(phase, sizeof phase, "%d", phase_of_slot(slot));
		snprintf(n, sizeof n, "%llu", (ull)r->by_phase[slot]);
		if (r->by_phase[slot])
			ok = out_row(table, texts, 2);
	}
	if (table)
		out_table_end(table);
	fflush(stdout);
	return ok;
}

static void tell_counts(const struct run *r)
{
	const char *cut = r->is_stopped ? "interrupted: " : "";
	if (ctl_has(r->ctl, OPTION_DRY_RUN)) {
		fprintf(stderr, "enqueue: %s%llu would be submitted, %llu refused\n", cut,
			(ull)(r->seen - r->refused), (ull)r->refused);
		return;
	}
	fprintf(stderr, "enqueue: %s%llu accepted, %llu duplicates, %llu refused\n", cut, (ull)r->accepted,
		(ull)r->duplicates, (ull)r->refused);
	if (r->beside)
		fprintf(stderr,
			"%llu have an earlier job of the same phase, workflow and user, with another body\n",
			(ull)r->beside);
}

static int tell(const struct run *r, enum status st, const struct why *why)
{
	bool is_dry = ctl_has(r->ctl, OPTION_DRY_RUN);
	if (!r->ok || (is_dry && !tell_phases(r)))
		return DAEMON_SYSTEM;
	tell_counts(r);
	if ((r->is_stopped || r->full != ST_OK || st != ST_OK) && !is_dry && !r->lines.is_input)
		fprintf(stderr, "go on with: clario-spool enqueue --file FILE --after %llu\n",
			(ull)r->done_line);
	if (st != ST_OK)
		return ctl_fail(st, why);
	if (r->full != ST_OK)
		return ctl_fail(r->full, &r->full_why);
	if (r->is_stopped)
		return CTL_PARTLY;
	return r->refused == 0 ? CTL_DONE : r->refused < r->seen ? CTL_PARTLY : CTL_NO;
}

int cmd_enqueue(struct ctl *ctl)
{
	static struct run r;
	struct why why = WHY_INIT;
	if (!ctl->file) {
		fputs("clario-spool: enqueue needs --file FILE: triggers, one JSON object on each line; - "
		      "for "
		      "the standard input\n",
			stderr);
		return DAEMON_USAGE;
	}
	r = (struct run){.ctl = ctl,
		.ok = true,
		.done_line = ctl->events.after_seq,
		.pace = {.us = ctl->pace_us, .from_mono_us = clock_mono_us()},
		.bar = {.lines = true}};
	enum status st = lines_open(&r.lines, ctl->file, &why);
	if (st != ST_OK)
		return ctl_fail(st, &why);
	r.entries = calloc(BATCH_MAX, sizeof *r.entries);
	if (!r.entries) {
		lines_close(&r.lines);
		return ctl_fail(ST_NOMEM, &why);
	}
	r.bar.what = r.lines.size ? "bytes read" : "lines read";
	stop_install();
	st = read_all(&r, &why);
	int code = tell(&r, st, &why);
	for (size_t i = 0; i < r.n; i++)
		entry_release(&r.entries[i]);
	free(r.entries);
	lines_close(&r.lines);
	return code;
}
