/* spool/ctl/cmd_act.c: init, steering, pause and resume: what changes the spool. */
#include "spool/base/clock.h"
#include "spool/ctl/ctl.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH = 200 };

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

static enum status steer_batch(
	struct ctl *ctl, const struct job_id *ids, size_t n, struct tally *tally, struct why *why)
{
	struct steer_result results[BATCH];
	enum status st = spool_steer(ctl->spool, clock_now(), verb_of(ctl), ids, n, slice_text(ctl->actor),
		slice_text(ctl->reason), results, why);
	for (size_t i = 0; st == ST_OK && i < n; i++) {
		print_result(ctl, ids[i], &results[i]);
		tally->done += results[i].status == ST_OK;
		tally->refused += results[i].status != ST_OK;
	}
	return st;
}

/* --all: the selection page by page. Steered jobs may leave the selection; the cursor goes on behind them. */
static enum status steer_selected(struct ctl *ctl, struct tally *tally, struct why *why)
{
	struct cursor at = {""}, next;
	struct job jobs[BATCH];
	struct job_id ids[BATCH];
	size_t left = ctl->limit ? (size_t)ctl->limit : SIZE_MAX;
	ctl->filter.oldest_first = true;
	do {
		size_t n, max = left < BATCH ? left : BATCH;
		enum status st = spool_list(ctl->spool, &ctl->filter, &at, max, false, jobs, &n, &next, why);
		for (size_t i = 0; st == ST_OK && i < n; i++) {
			ids[i] = jobs[i].id;
			job_release(&jobs[i]);
		}
		if (st == ST_OK && n > 0)
			st = steer_batch(ctl, ids, n, tally, why);
		if (st != ST_OK)
			return st;
		left -= n;
		at = next;
	} while (at.text[0] && left > 0);
	return ST_OK;
}

/* One id as text. What is none is told and counted, and the rest goes on. */
static enum status steer_text(struct ctl *ctl, const char *text, struct tally *tally, struct why *why)
{
	struct job_id id;
	if (ctl_id(text, &id))
		return steer_batch(ctl, &id, 1, tally, why);
	tally->refused++;
	return ST_OK;
}

static enum status steer_stdin(struct ctl *ctl, struct tally *tally, struct why *why)
{
	char line[128];
	enum status st = ST_OK;
	while (st == ST_OK && fgets(line, sizeof line, stdin)) {
		line[strcspn(line, " \t\r\n")] = '\0';
		if (line[0])
			st = steer_text(ctl, line, tally, why);
	}
	return st;
}

static enum status steer_operands(struct ctl *ctl, struct tally *tally, struct why *why)
{
	enum status st = ST_OK;
	for (int i = 0; st == ST_OK && i < ctl->args_n; i++)
		st = steer_text(ctl, ctl->args[i], tally, why);
	return st;
}

int cmd_steer(struct ctl *ctl)
{
	struct tally tally = {0};
	struct why why = WHY_INIT;
	enum status st;
	bool all = ctl_has(ctl, OPTION_ALL);
	if (all == (ctl->args_n > 0) || (!all && ctl->given & OPTION_FILTER)) {
		fputs("clario-spool: give ids (- reads them from standard input), or --all with filter "
		      "options\n",
			stderr);
		return DAEMON_USAGE;
	}
	if (ctl_has(ctl, OPTION_AGAIN) && !*ctl->reason) {
		fputs("clario-spool: --again needs a --reason, which stands in the event\n", stderr);
		return DAEMON_USAGE;
	}
	if (all)
		st = steer_selected(ctl, &tally, &why);
	else if (ctl->args_n == 1 && strcmp(ctl->args[0], "-") == 0)
		st = steer_stdin(ctl, &tally, &why);
	else
		st = steer_operands(ctl, &tally, &why);
	fprintf(stderr, "%s: %zu done, %zu not\n", ctl->command->name, tally.done, tally.refused);
	if (st != ST_OK)
		return ctl_fail(st, &why);
	if (tally.refused == 0)
		return CTL_DONE;
	return tally.done ? CTL_PARTLY : CTL_NO;
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
