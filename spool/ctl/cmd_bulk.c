/* spool/ctl/cmd_bulk.c: --dry-run, apply, undo, plans, operations: acts on many jobs that are looked at first
 * and can be taken back. */
#include "spool/base/clock.h"
#include "spool/ctl/ctl.h"
#include "spool/ctl/out.h"
#include "spool/ctl/pace.h"
#include "spool/ctl/progress.h"
#include "spool/plan.h"

#include <stdlib.h>
#include <string.h>

typedef unsigned long long ull; /* for printf */

static const char *path_of(const struct ctl *ctl)
{
	return ctl->opts.spool.path;
}

static bool print_phases(const struct ctl *ctl, const struct plan *plan)
{
	static const struct out_column columns[] = {
		{"PHASE", true, false}, {"JOBS", true, false}, {"RECEIVERS", false, true}};
	struct libscols_table *table = out_table(columns, 3);
	bool ok = table;
	for (int slot = 0; ok && slot < PHASE_SLOTS; slot++) {
		char phase[12], jobs[24], receivers[600];
		const char *texts[] = {phase, jobs, receivers};
		if (!plan->by_phase[slot])
			continue;
		snprintf(phase, sizeof phase, "%d", phase_of_slot(slot));
		snprintf(jobs, sizeof jobs, "%llu", (ull)plan->by_phase[slot]);
		plan_receivers(&ctl->opts, phase_of_slot(slot), receivers, sizeof receivers);
		ok = out_row(table, texts, 3);
	}
	if (table)
		out_table_end(table);
	return ok;
}

static bool print_receivers(const struct ctl *ctl, const struct plan *plan)
{
	static const struct out_column columns[] = {{"RECEIVER", false, false}, {"JOBS", true, false}};
	struct libscols_table *table = out_table(columns, 2);
	bool ok = table;
	for (size_t i = 0; ok && i < ctl->opts.receivers_n; i++) {
		char jobs[24];
		uint64_t n = plan_by_receiver(plan, &ctl->opts, i);
		const char *texts[] = {ctl->opts.receivers[i].name, jobs};
		snprintf(jobs, sizeof jobs, "%llu", (ull)n);
		ok = !n || out_row(table, texts, 2);
	}
	putchar('\n');
	if (table)
		out_table_end(table);
	return ok;
}

static bool print_plan_json(const struct ctl *ctl, const struct plan *plan)
{
	struct plan shown = *plan;
	struct buf line;
	struct jx_writer w;
	plan_hide(&shown, &ctl->opts);
	out_json_begin(&line, &w);
	plan_show(&w, NULL, &shown, &ctl->opts);
	return out_json_end(&line);
}

static bool print_plan(const struct ctl *ctl, const struct plan *plan)
{
	if (ctl_has(ctl, OPTION_JSON))
		return print_plan_json(ctl, plan);
	return print_phases(ctl, plan) && print_receivers(ctl, plan);
}

static enum status add_text(struct ctl *ctl, struct plan_writer *w, const char *text, struct why *why)
{
	struct job_id id;
	struct job job;
	if (!ctl_id(text, &id))
		return ST_OK;
	enum status st = spool_get(ctl->spool, id, &job, why);
	if (st == ST_NOTFOUND) {
		fprintf(stderr, "clario-spool: %s: there is no such job\n", text);
		return ST_OK;
	}
	if (st != ST_OK)
		return st;
	st = plan_add(w, &job, why);
	job_release(&job);
	return st;
}

static enum status add_operands(struct ctl *ctl, struct plan_writer *w, struct why *why)
{
	char line[128];
	enum status st = ST_OK;
	if (strcmp(ctl->args[0], "-") != 0) {
		for (int i = 0; st == ST_OK && i < ctl->args_n; i++)
			st = add_text(ctl, w, ctl->args[i], why);
		return st;
	}
	while (st == ST_OK && fgets(line, sizeof line, stdin)) {
		line[strcspn(line, " \t\r\n")] = '\0';
		if (line[0])
			st = add_text(ctl, w, line, why);
	}
	return st;
}

static bool watch_scan(void *arg, const struct plan *plan)
{
	progress_show(arg, plan->scanned, 0);
	return !stop_is_wanted();
}

static enum status fill(struct ctl *ctl, struct plan_writer *w, struct why *why)
{
	struct progress bar = {.what = "looked at", .lines = true};
	struct cursor at = {""};
	if (ctl->args_n > 0)
		return add_operands(ctl, w, why);
	uint64_t most = where_is_scan(&ctl->where) ? (uint64_t)ctl->scan_limit : UINT64_MAX;
	ctl->filter.oldest_first = true;
	stop_install();
	enum status st = plan_select(w, ctl->spool, &ctl->filter, &at, most, watch_scan, &bar, why);
	progress_clear(&bar);
	ctl->scanned = w->plan.scanned;
	return st;
}

/* With a plan of nothing there is nothing to be done. */
static int tell_plan(struct ctl *ctl, const struct plan *plan)
{
	if (plan->jobs == 0) {
		fprintf(stderr, "clario-spool: %s applies to none of the %llu jobs selected\n",
			ctl->command->name, (ull)plan->unfit);
		return CTL_NO;
	}
	if (!print_plan(ctl, plan))
		return DAEMON_SYSTEM;
	fflush(stdout); /* what follows is about it */
	fprintf(stderr, "%s would be done to %llu jobs", ctl->command->name, (ull)plan->jobs);
	if (plan->unfit)
		fprintf(stderr, "; %llu more are in a state that does not allow it", (ull)plan->unfit);
	fprintf(stderr, "\n");
	int code = ctl_tell_scan(ctl, plan->is_partial && where_is_scan(&ctl->where));
	if (plan->is_partial)
		fprintf(stderr, "clario-spool: there may be more than are in the plan\n");
	fprintf(stderr, "within a day: clario-spool apply %s --reason TEXT\n", plan->name);
	return plan->is_partial ? CTL_PARTLY : code;
}

int ctl_plan(struct ctl *ctl, enum steer_verb verb)
{
	static struct plan_writer w;
	struct why why = WHY_INIT;
	if (ctl->given & (OPTION_LIMIT | OPTION_RATE)) {
		fputs("clario-spool: --limit and --rate do not go with --dry-run; apply takes --rate\n",
			stderr);
		return DAEMON_USAGE;
	}
	w = (struct plan_writer){.plan = {.verb = verb}, .fd = -1};
	snprintf(w.plan.where, sizeof w.plan.where, "%s", ctl->selection);
	snprintf(w.plan.actor, sizeof w.plan.actor, "%s", ctl->actor);
	enum status st = plan_begin(&w, path_of(ctl), clock_now(), &why);
	if (st == ST_OK)
		st = fill(ctl, &w, &why);
	if (st == ST_OK && w.plan.jobs)
		st = plan_end(&w, &why);
	else
		plan_drop(&w);
	return st == ST_OK ? tell_plan(ctl, &w.plan) : ctl_fail(st, &why);
}

static int code_of(uint64_t done, uint64_t not, bool is_stopped)
{
	if (is_stopped)
		return CTL_PARTLY;
	return not == 0 ? CTL_DONE : done ? CTL_PARTLY : CTL_NO;
}

static int tell_applied(const struct ctl *ctl, const struct plan_run *run)
{
	const struct plan *plan = &run->plan;
	bool is_over = plan_is_over(run);
	if (ctl_has(ctl, OPTION_JSON) && !print_plan_json(ctl, plan))
		return DAEMON_SYSTEM;
	fprintf(stderr, "%s: %s%llu done, %llu changed meanwhile, %llu gone, %llu left\n",
		steer_verb_name(plan->verb), is_over ? "" : "interrupted: ", (ull)plan->done,
		(ull)plan->changed, (ull)plan->gone, (ull)(plan->jobs - plan->at));
	if (!is_over)
		fprintf(stderr, "go on with: clario-spool apply %s --reason TEXT\n", plan->name);
	if (plan->done && plan->verb != STEER_PURGE)
		fprintf(stderr, "undo with: clario-spool undo %s\n", plan->operation);
	return code_of(plan->done, plan->changed + plan->gone, !is_over);
}

int cmd_apply(struct ctl *ctl)
{
	static struct plan_run run;
	struct why why = WHY_INIT;
	struct pace pace = {.us = ctl->pace_us, .from_mono_us = clock_mono_us()};
	struct progress bar = {.what = "applied", .lines = true};
	if (!*ctl->reason) {
		fputs("clario-spool: apply needs a --reason, which stands in the events\n", stderr);
		return DAEMON_USAGE;
	}
	enum status st = plan_open(&run, ctl->spool, path_of(ctl), slice_text(ctl->args[0]), clock_now(),
		slice_text(ctl->actor), slice_text(ctl->reason), &why);
	if (st == ST_NOTFOUND) {
		fprintf(stderr, "clario-spool: %s: %s\n", ctl->args[0], why.text);
		return CTL_NO;
	}
	if (st != ST_OK)
		return ctl_fail(st, &why);
	stop_install();
	for (bool goes_on = true; goes_on && st == ST_OK && !plan_is_over(&run);) {
		uint64_t before = run.plan.at;
		st = plan_step(&run, clock_now(), pace_batch(&pace), &why);
		progress_show(&bar, run.plan.at, run.plan.jobs);
		goes_on = st == ST_OK && pace_wait(&pace, (size_t)(run.plan.at - before));
	}
	progress_clear(&bar);
	int code = tell_applied(ctl, &run);
	plan_close(&run);
	return st == ST_OK ? code : ctl_fail(st, &why);
}

static bool print_operation_json(const struct operation *op)
{
	struct buf line;
	struct jx_writer w;
	out_json_begin(&line, &w);
	operation_show(&w, NULL, op);
	return out_json_end(&line);
}

static int tell_undone(const struct ctl *ctl, struct operation *op)
{
	operation_hide(op, &ctl->opts);
	if (ctl_has(ctl, OPTION_JSON) && !print_operation_json(op))
		return DAEMON_SYSTEM;
	fprintf(stderr, "undo %s: %s%llu undone, %llu have moved on since\n", steer_verb_name(op->verb),
		op->is_undone ? "" : "interrupted: ", (ull)op->undone, (ull)op->kept);
	if (!op->is_undone)
		fprintf(stderr, "go on with: clario-spool undo %s\n", op->name);
	return code_of(op->undone, op->kept, !op->is_undone);
}

static enum status undo(struct ctl *ctl, struct operation *op, struct why *why)
{
	struct pace pace = {.us = ctl->pace_us, .from_mono_us = clock_mono_us()};
	struct progress bar = {.what = "undone", .lines = true};
	uint64_t all, left;
	enum status st = operation_undo_left(ctl->spool, op, &all, why);
	for (bool goes_on = true; st == ST_OK && goes_on;) {
		uint64_t before = op->undone + op->kept;
		st = operation_undo(ctl->spool, path_of(ctl), clock_now(), op, slice_text(ctl->actor),
			slice_text(ctl->reason), why);
		if (st == ST_OK)
			st = operation_undo_left(ctl->spool, op, &left, why);
		if (st != ST_OK)
			break;
		progress_show(&bar, all > left ? all - left : 0, all);
		goes_on = pace_wait(&pace, (size_t)(op->undone + op->kept - before)) && !op->is_undone;
	}
	progress_clear(&bar);
	return st;
}

int cmd_undo(struct ctl *ctl)
{
	static struct operation op;
	struct why why = WHY_INIT;
	enum status st = operation_load(path_of(ctl), slice_text(ctl->args[0]), clock_now(), &op, &why);
	if (st == ST_NOTFOUND) {
		fprintf(stderr, "clario-spool: %s: %s\n", ctl->args[0], why.text);
		return CTL_NO;
	}
	if (st == ST_OK) {
		stop_install();
		st = undo(ctl, &op, &why);
	}
	if (st == ST_CONFLICT) {
		fprintf(stderr, "clario-spool: %s\n", why.text);
		return CTL_NO;
	}
	return st == ST_OK ? tell_undone(ctl, &op) : ctl_fail(st, &why);
}

static bool add_plan_row(const struct ctl *ctl, struct libscols_table *table, struct plan *plan)
{
	char until[32], jobs[24], left[24];
	const char *texts[] = {plan->name, steer_verb_name(plan->verb), jobs, left,
		out_time(until, plan->until_us), plan->where, plan->actor};
	plan_hide(plan, &ctl->opts);
	snprintf(jobs, sizeof jobs, "%llu", (ull)plan->jobs);
	snprintf(left, sizeof left, "%llu", (ull)(plan->jobs - plan->at));
	return out_row(table, texts, sizeof texts / sizeof *texts);
}

int cmd_plans(struct ctl *ctl)
{
	static const struct out_column columns[] = {{"PLAN", false, false}, {"ACT", false, false},
		{"JOBS", true, false}, {"LEFT", true, false}, {"KEPT UNTIL", false, false},
		{"WHERE", false, true}, {"ACTOR", false, true}};
	static struct plan plans[PLANS_MAX];
	struct why why = WHY_INIT;
	size_t n;
	bool ok = true, json = ctl_has(ctl, OPTION_JSON);
	enum status st = plans_list(path_of(ctl), clock_now(), plans, PLANS_MAX, &n, &why);
	if (st != ST_OK)
		return ctl_fail(st, &why);
	struct libscols_table *table = json ? NULL : out_table(columns, sizeof columns / sizeof *columns);
	if (!json && !table)
		return DAEMON_SYSTEM;
	for (size_t i = 0; ok && i < n; i++)
		ok = json ? print_plan_json(ctl, &plans[i]) : add_plan_row(ctl, table, &plans[i]);
	if (table)
		out_table_end(table);
	return ok ? CTL_DONE : DAEMON_SYSTEM;
}

static bool add_operation_row(struct libscols_table *table, const struct operation *op)
{
	char at[32], done[24], skipped[24], undone[48] = "-";
	const char *texts[] = {op->name, steer_verb_name(op->verb), out_time(at, op->at_us), done, skipped,
		undone, op->actor, op->reason[0] ? op->reason : NULL, op->where[0] ? op->where : NULL};
	snprintf(done, sizeof done, "%llu", (ull)op->done);
	snprintf(skipped, sizeof skipped, "%llu", (ull)op->skipped);
	if (op->undone_at_us)
		snprintf(undone, sizeof undone, "%llu", (ull)op->undone);
	return out_row(table, texts, sizeof texts / sizeof *texts);
}

int cmd_operations(struct ctl *ctl)
{
	static const struct out_column columns[] = {{"OPERATION", false, false}, {"ACT", false, false},
		{"AT", false, false}, {"DONE", true, false}, {"SKIPPED", true, false},
		{"UNDONE", true, false}, {"ACTOR", false, true}, {"REASON", false, true},
		{"WHERE", false, true}};
	struct why why = WHY_INIT;
	size_t n, cap = ctl->limit && ctl->limit < OPERATIONS_MAX ? (size_t)ctl->limit : OPERATIONS_MAX;
	bool ok = true, json = ctl_has(ctl, OPTION_JSON);
	struct operation *ops = calloc(cap, sizeof *ops);
	if (!ops)
		return DAEMON_SYSTEM;
	enum status st = operations_list(path_of(ctl), clock_now(), ops, cap, &n, &why);
	struct libscols_table *table =
		st != ST_OK || json ? NULL : out_table(columns, sizeof columns / sizeof *columns);
	for (size_t i = 0; st == ST_OK && ok && i < n; i++) {
		operation_hide(&ops[i], &ctl->opts);
		ok = json ? print_operation_json(&ops[i]) : table && add_operation_row(table, &ops[i]);
	}
	if (table)
		out_table_end(table);
	free(ops);
	return st != ST_OK ? ctl_fail(st, &why) : ok ? CTL_DONE : DAEMON_SYSTEM;
}
