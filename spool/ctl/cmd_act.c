/* spool/ctl/cmd_act.c: init, steering, pause and resume: what changes the spool. */
#include "spool/base/clock.h"
#include "spool/ctl/ctl.h"
#include "spool/ctl/pace.h"
#include "spool/ctl/progress.h"
#include "spool/operation.h"

#include <stdlib.h>
#include <string.h>

int cmd_init(struct ctl *ctl)
{
	struct why why = WHY_INIT;
	struct spool_conf conf = opts_spool_conf(&ctl->opts);
	enum status st = spool_init(&conf, &why);
	if (st == ST_EXISTS) {
		fprintf(stderr, "clario-spool: %s\n", why.text);
		return ctl_has(ctl, OPTION_IF_MISSING) ? CTL_DONE : CTL_NO;
	}
	if (st != ST_OK)
		return ctl_fail(st, &why);
	printf("created a spool in %s\n", conf.path);
	return CTL_DONE;
}

struct tally {
	size_t done, refused;
	bool is_cut; /* by --scan-limit */
};

static void print_result(const struct ctl *ctl, struct job_id id, const struct steer_result *result)
{
	char text[JOB_ID_TEXT_LEN];
	id_text(id, text);
	if (ctl_has(ctl, OPTION_JSON))
		printf("{\"job_id\":\"%s\",\"done\":%s,\"state\":\"%s\",\"status\":\"%s\"}\n", text,
			result->status == ST_OK ? "true" : "false",
			result->status == ST_NOTFOUND ? "" : job_state_name(result->state),
			status_name(result->status));
	else if (result->status == ST_NOTFOUND)
		fprintf(stderr, "clario-spool: %s: there is no such job\n", text);
	else if (result->is_remembered)
		fprintf(stderr,
			"clario-spool: %s stays: its delivery may be sent again, and is known by it\n", text);
	else if (result->status == ST_CONFLICT)
		fprintf(stderr, "clario-spool: %s is %s: %s does not apply\n", text,
			job_state_name(result->state), ctl->command->name);
	else if (result->status != ST_OK)
		fprintf(stderr, "clario-spool: %s: %s\n", text, status_name(result->status));
}

static enum steer_verb verb_of(const struct ctl *ctl)
{
	return ctl_has(ctl, OPTION_AGAIN) ? STEER_REPLAY : (enum steer_verb)ctl->command->arg;
}

/* An act on one job is an event like any other; on many it is an operation, which can be undone. */
struct run {
	struct ctl *ctl;
	struct tally tally;
	struct operation op; /* op.name "": none */
	struct pace pace;
	struct progress bar;
	bool is_stopped;
};

static void begin_operation(struct run *r)
{
	struct ctl *ctl = r->ctl;
	struct why why = WHY_INIT;
	r->op.verb = verb_of(ctl);
	snprintf(r->op.actor, sizeof r->op.actor, "%s", ctl->actor);
	snprintf(r->op.reason, sizeof r->op.reason, "%s", ctl->reason);
	snprintf(r->op.where, sizeof r->op.where, "%s", ctl->selection);
	if (operation_begin(ctl->spool, ctl->opts.spool.path, clock_now(), &r->op, &why) == ST_OK)
		return;
	fprintf(stderr, "clario-spool: this cannot be undone later: %s\n", why.text);
	r->op.name[0] = '\0';
}

static enum status steer_batch(struct run *r, const struct job_id *ids, size_t n, struct why *why)
{
	struct ctl *ctl = r->ctl;
	struct steer_result results[STEER_BATCH];
	enum status st;
	if (r->op.name[0])
		st = operation_steer(
			ctl->spool, ctl->opts.spool.path, clock_now(), &r->op, ids, NULL, n, results, why);
	else
		st = spool_steer(ctl->spool, clock_now(), verb_of(ctl), ids, n, slice_text(ctl->actor),
			slice_text(ctl->reason), results, why);
	progress_clear(&r->bar);
	for (size_t i = 0; st == ST_OK && i < n; i++) {
		print_result(ctl, ids[i], &results[i]);
		r->tally.done += results[i].status == ST_OK;
		r->tally.refused += results[i].status != ST_OK;
	}
	if (st == ST_OK)
		r->is_stopped = !pace_wait(&r->pace, n);
	return st;
}

/* The selection page by page. Steered jobs may leave the selection; the cursor goes on behind them. */
static enum status steer_selected(struct run *r, struct why *why)
{
	struct ctl *ctl = r->ctl;
	struct cursor at = {""}, next;
	struct job jobs[STEER_BATCH];
	struct job_id ids[STEER_BATCH];
	size_t left = ctl->limit ? (size_t)ctl->limit : SIZE_MAX, batch = pace_batch(&r->pace);
	ctl->filter.oldest_first = true;
	do {
		size_t n, max = left < batch ? left : batch;
		enum status st = spool_list(ctl->spool, &ctl->filter, &at, max, false, jobs, &n, &next, why);
		for (size_t i = 0; st == ST_OK && i < n; i++) {
			ids[i] = jobs[i].id;
			job_release(&jobs[i]);
		}
		if (st == ST_OK && n > 0)
			st = steer_batch(r, ids, n, why);
		if (st != ST_OK)
			return st;
		left -= n;
		at = next;
		r->is_stopped = r->is_stopped || stop_is_wanted();
		progress_show(&r->bar, r->tally.done + r->tally.refused, 0);
	} while (at.text[0] && left > 0 && !r->is_stopped && !ctl_scan_is_over(ctl));
	r->tally.is_cut = at.text[0] && left > 0 && !r->is_stopped;
	return ST_OK;
}

/* One id as text. What is none is told and counted, and the rest goes on. */
static enum status steer_text(struct run *r, const char *text, struct why *why)
{
	struct job_id id;
	if (ctl_id(text, &id))
		return steer_batch(r, &id, 1, why);
	r->tally.refused++;
	return ST_OK;
}

static enum status steer_stdin(struct run *r, struct why *why)
{
	char line[128];
	enum status st = ST_OK;
	while (st == ST_OK && !r->is_stopped && fgets(line, sizeof line, stdin)) {
		line[strcspn(line, " \t\r\n")] = '\0';
		if (line[0])
			st = steer_text(r, line, why);
	}
	r->is_stopped = r->is_stopped || stop_is_wanted();
	return st;
}

static enum status steer_operands(struct run *r, struct why *why)
{
	enum status st = ST_OK;
	for (int i = 0; st == ST_OK && i < r->ctl->args_n && !r->is_stopped; i++)
		st = steer_text(r, r->ctl->args[i], why);
	return st;
}

static enum status run_all(struct run *r, struct why *why)
{
	struct ctl *ctl = r->ctl;
	bool reads = ctl->args_n == 1 && strcmp(ctl->args[0], "-") == 0;
	if (!reads && ctl->args_n > 0)
		return steer_operands(r, why);
	stop_install();
	begin_operation(r);
	enum status st = reads ? steer_stdin(r, why) : steer_selected(r, why);
	progress_clear(&r->bar);
	if (r->op.name[0]) {
		struct why later = WHY_INIT;
		if (operation_end(ctl->spool, ctl->opts.spool.path, &r->op, &later) != ST_OK)
			fprintf(stderr, "clario-spool: %s\n", later.text);
	}
	return st;
}

static int tell(const struct run *r)
{
	const struct tally *tally = &r->tally;
	fprintf(stderr, "%s: %s%zu done, %zu not\n", r->ctl->command->name,
		r->is_stopped ? "interrupted: " : "", tally->done, tally->refused);
	if (r->op.name[0] && tally->done && r->op.verb != STEER_PURGE)
		fprintf(stderr, "undo with: clario-spool undo %s\n", r->op.name);
	int scan = ctl_tell_scan(r->ctl, tally->is_cut);
	if (r->is_stopped)
		return CTL_PARTLY;
	if (tally->refused == 0)
		return scan;
	return tally->done ? CTL_PARTLY : CTL_NO;
}

static bool check_selection(const struct ctl *ctl)
{
	bool selects = ctl->given & (OPTION_ALL | OPTION_WHERE | OPTION_OLDER);
	if (selects == (ctl->args_n > 0) || (!selects && ctl->given & OPTION_FILTER)) {
		fputs("clario-spool: give ids (- reads them from standard input), or --where EXPR, or --all "
		      "with filter options\n",
			stderr);
		return false;
	}
	if (ctl_has(ctl, OPTION_AGAIN) && !*ctl->reason && !ctl_has(ctl, OPTION_DRY_RUN)) {
		fputs("clario-spool: --again needs a --reason, which stands in the event\n", stderr);
		return false;
	}
	if (verb_of(ctl) == STEER_PURGE && !*ctl->reason && !ctl_has(ctl, OPTION_DRY_RUN)) {
		fputs("clario-spool: purge needs a --reason, which stands in the event\n", stderr);
		return false;
	}
	return true;
}

int cmd_steer(struct ctl *ctl)
{
	static struct run run;
	struct why why = WHY_INIT;
	if (!check_selection(ctl))
		return DAEMON_USAGE;
	if (ctl_has(ctl, OPTION_DRY_RUN))
		return ctl_plan(ctl, verb_of(ctl));
	run = (struct run){.ctl = ctl,
		.bar = {.what = ctl->command->name, .lines = true},
		.pace = {.us = ctl->pace_us, .from_mono_us = clock_mono_us()}};
	enum status st = run_all(&run, &why);
	int code = tell(&run);
	return st == ST_OK ? code : ctl_fail(st, &why);
}

int cmd_pause(struct ctl *ctl)
{
	struct why why = WHY_INIT;
	bool pause = ctl->command->arg;
	if (ctl_has(ctl, OPTION_RECEIVER))
		return ctl_pause_receiver(ctl, pause);
	if (ctl->given & (OPTION_FOR | OPTION_REASON)) {
		fputs("clario-spool: --for and --reason go with --receiver\n", stderr);
		return DAEMON_USAGE;
	}
	uint32_t phases = ctl->filter.phase ? 1u << phase_slot(ctl->filter.phase) : (1u << PHASE_SLOTS) - 1;
	enum status st = spool_pause(ctl->spool, clock_now(), phases, pause, slice_text(ctl->actor), &why);
	if (st != ST_OK)
		return ctl_fail(st, &why);
	if (ctl->filter.phase)
		printf("%s phase %d\n", pause ? "paused" : "resumed", ctl->filter.phase);
	else
		printf("%s all phases\n", pause ? "paused" : "resumed");
	return CTL_DONE;
}
