/* spool/ctl/cmd_forget.c: a person's payloads and ids out of the spool; the counts stay. */
#include "spool/base/clock.h"
#include "spool/ctl/ctl.h"
#include "spool/ctl/out.h"
#include "spool/plan.h"

enum { BATCH = 200, NAMED_MAX = 10 };

struct round {
	size_t cancelled, live, notes;
};

static bool contains(const char *text, struct slice part)
{
	return part.len && memmem(text, strlen(text), part.p, part.len);
}

static bool is_asked_well(const struct ctl *ctl)
{
	const char *fault = NULL;
	if (ctl->filter.user_id.len == 0)
		fault = "forget needs --user ID: whose payloads and ids are to go";
	else if (contains(ctl->reason, ctl->filter.user_id))
		fault = "the reason would stand in the event, and with it the user's id: give one without";
	if (fault)
		fprintf(stderr, "clario-spool: %s\n", fault);
	return !fault;
}

static enum status cancel(
	struct ctl *ctl, const struct job_id *ids, size_t n, struct round *round, struct why *why)
{
	struct steer_result results[BATCH];
	enum status st = spool_steer(ctl->spool, clock_now(), STEER_CANCEL, ids, n, slice_text(ctl->actor),
		slice_text("its user is to be forgotten"), results, why);
	for (size_t i = 0; st == ST_OK && i < n; i++)
		round->cancelled += results[i].status == ST_OK;
	return st;
}

static void name_live(struct round *round, const struct job *job)
{
	char id[JOB_ID_TEXT_LEN];
	id_text(job->id, id);
	if (round->live++ < NAMED_MAX)
		fprintf(stderr, "clario-spool: %s is %s\n", id, job_state_name(job->state));
}

/* Page by page: jobs that have not ended are named, or cancelled. */
static enum status end_live(struct ctl *ctl, struct round *round, struct why *why)
{
	struct job_filter filter = {.user_id = ctl->filter.user_id, .oldest_first = true};
	struct cursor at = {""}, next;
	struct job jobs[BATCH];
	struct job_id ids[BATCH];
	enum status st;
	do {
		size_t n, live = 0;
		st = spool_list(ctl->spool, &filter, &at, BATCH, false, jobs, &n, &next, why);
		for (size_t i = 0; st == ST_OK && i < n; i++) {
			if (!job_state_is_ended(jobs[i].state) && ctl_has(ctl, OPTION_CANCEL))
				ids[live++] = jobs[i].id;
			else if (!job_state_is_ended(jobs[i].state))
				name_live(round, &jobs[i]);
			job_release(&jobs[i]);
		}
		if (st == ST_OK && live)
			st = cancel(ctl, ids, live, round, why);
		at = next;
	} while (st == ST_OK && at.text[0]);
	return st;
}

/* What was selected by the id, as the notes of plans and operations have it. */
static enum status forget_notes(struct ctl *ctl, size_t *notes, struct why *why)
{
	size_t plans, operations = 0;
	const char *path = ctl->opts.spool.path;
	enum status st = plans_forget(path, clock_now(), ctl->filter.user_id, &plans, why);
	if (st == ST_OK)
		st = operations_forget(path, clock_now(), ctl->filter.user_id, &operations, why);
	*notes = plans + operations;
	return st;
}

static enum status forget_all(struct ctl *ctl, struct forget *forget, struct why *why)
{
	struct forget_ask ask;
	enum status st = spool_forget_begin(&ask, why);
	ask.user_id = ctl->filter.user_id;
	ask.actor = slice_text(ctl->actor);
	ask.reason = slice_text(ctl->reason);
	while (st == ST_OK && !forget->is_done)
		st = spool_forget(ctl->spool, clock_now(), &ask, forget, why);
	explicit_bzero(ask.chance, sizeof ask.chance);
	return st;
}

static void print_json(const struct round *round, const struct forget *f)
{
	struct buf line;
	struct jx_writer w;
	out_json_begin(&line, &w);
	jx_open_object(&w, NULL);
	jx_int(&w, "jobs", (int64_t)f->jobs);
	jx_int(&w, "events", (int64_t)f->events);
	jx_int(&w, "records", (int64_t)f->records);
	jx_int(&w, "notes", (int64_t)round->notes);
	jx_int(&w, "cancelled", (int64_t)round->cancelled);
	jx_int(&w, "live", (int64_t)f->live);
	jx_close_object(&w);
	out_json_end(&line);
}

static void print_words(const struct round *round, const struct forget *f)
{
	if (round->cancelled)
		printf("cancelled %zu jobs first\n", round->cancelled);
	printf("forgot jobs: %llu, events: %llu, set-aside records: %llu\n", (unsigned long long)f->jobs,
		(unsigned long long)f->events, (unsigned long long)f->records);
	if (round->notes)
		printf("took the id out of the notes of %zu plans and operations\n", round->notes);
}

static bool found_any(const struct round *round, const struct forget *f)
{
	return f->jobs + f->events + f->records + round->notes > 0;
}

int cmd_forget(struct ctl *ctl)
{
	struct round round = {0};
	struct forget forget = {0};
	struct why why = WHY_INIT;
	if (!is_asked_well(ctl))
		return DAEMON_USAGE;
	enum status st = end_live(ctl, &round, &why);
	if (st == ST_OK)
		st = forget_all(ctl, &forget, &why);
	if (st == ST_OK)
		st = forget_notes(ctl, &round.notes, &why);
	if (st != ST_OK) {
		fputs("clario-spool: not finished: run it again\n", stderr);
		return ctl_fail(st, &why);
	}
	if (ctl_has(ctl, OPTION_JSON))
		print_json(&round, &forget);
	else
		print_words(&round, &forget);
	if (found_any(&round, &forget))
		fputs("clario-spool: what was there stays in free pages of the file until they are used "
		      "again, "
		      "or until: clario-spool compact (daemons stopped). Copies, exports and replaced spools "
		      "are not changed\n",
			stderr);
	if (forget.live) {
		fprintf(stderr,
			"clario-spool: %llu %s of this user %s not ended and %s; wait, or give --cancel\n",
			(unsigned long long)forget.live, PLURAL(forget.live, "job", "jobs"),
			PLURAL(forget.live, "has", "have"),
			PLURAL(forget.live, "keeps what it has", "keep what they have"));
		return CTL_PARTLY;
	}
	return found_any(&round, &forget) ? CTL_DONE : CTL_NO;
}
