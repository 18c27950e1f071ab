/* spool/plan.h: an operator's act on many jobs, looked at before it is done: how many, of which phases,
 * calling whom; then applied to those that have not changed since.
 *
 * A plan is a note (notes.h) and a file with each job's id and newest event. It survives restarts, is kept
 * for a day, and is worth nothing to anybody else. */
#ifndef SPOOL_PLAN_H
#define SPOOL_PLAN_H
#include "spool/operation.h"

enum { PLANS_MAX = 50, PLAN_JOBS_MAX = 1000000 };

struct plan {
	char name[NOTE_NAME_MAX];
	enum steer_verb verb;
	char where[WHERE_TEXT_MAX + 1];
	char actor[200];
	int64_t at_us, until_us;
	uint64_t jobs;    /* to be steered */
	uint64_t unfit;   /* selected, but their state does not allow it */
	uint64_t scanned; /* read to be compared */
	bool is_partial;  /* there may be more, which it was not to look for */
	uint64_t by_phase[PHASE_SLOTS];
	/* Of being applied. */
	uint64_t at; /* of jobs: how far it has come */
	uint64_t done, changed, gone;
	char operation[NOTE_NAME_MAX]; /* "": not begun */
};

struct plan_writer {
	struct plan plan;
	struct notes notes;
	int fd;
	struct buf entries; /* not yet written */
};
/* verb, where and actor of the plan are given. Then jobs are added, and it is ended or dropped. */
NODISCARD enum status plan_begin(struct plan_writer *w, const char *path, struct moment now, struct why *why);
/* FULL: it has PLAN_JOBS_MAX, and is_partial is set. */
NODISCARD enum status plan_add(struct plan_writer *w, const struct job *job, struct why *why);
NODISCARD enum status plan_end(struct plan_writer *w, struct why *why); /* on disk; the writer is spent */
void plan_drop(struct plan_writer *w);

/* Go through a selection, from *at on, into a plan: at most so many jobs are looked at. *at: where the next
 * one would go on, "" at the end; if it is not, the plan is partial. watch may be NULL: it is asked after
 * each page whether to go on, and told how many jobs have been looked at. */
typedef bool (*plan_watch)(void *arg, const struct plan *plan);
NODISCARD enum status plan_select(struct plan_writer *w, struct spool *sp, const struct job_filter *filter,
	struct cursor *at, uint64_t look_max, plan_watch watch, void *arg, struct why *why);

NODISCARD enum status plan_load(
	const char *path, struct slice name, struct moment now, struct plan *out, struct why *why);
NODISCARD enum status plans_list(
	const char *path, struct moment now, struct plan *out, size_t cap, size_t *n, struct why *why);

/* Where a text stands in where, "***" does in its place. *n: in how many. */
NODISCARD enum status plans_forget(
	const char *path, struct moment now, struct slice text, size_t *n, struct why *why);

/* Applying: open, step until it is over, close. A plan that was cut short goes on where it was, as the same
 * operation; one that is over is over, and step does nothing. */
struct plan_run {
	struct plan plan;
	struct operation op;
	const char *path;
	struct spool *spool;
	int fd;
};
/* BUSY: somebody else is applying it. NOTFOUND, CORRUPT. actor and reason are those of the operation that it
 * begins. */
NODISCARD enum status plan_open(struct plan_run *run, struct spool *sp, const char *path, struct slice name,
	struct moment now, struct slice actor, struct slice reason, struct why *why);
/* At most max jobs, and at most STEER_BATCH, in one commit. */
NODISCARD enum status plan_step(struct plan_run *run, struct moment now, size_t max, struct why *why);
bool plan_is_over(const struct plan_run *run);
void plan_close(struct plan_run *run);

/* What opts say is not shown goes out of where: for a copy, which is then shown and not kept. */
void plan_hide(struct plan *plan, const struct opts *opts);
/* An object: counts by phase, and by receiver as the configuration has it that they call. */
void plan_show(struct jx_writer *w, const char *key, const struct plan *plan, const struct opts *opts);
/* The names of the receivers that a phase calls, parted by blanks; "-": none. */
void plan_receivers(const struct opts *opts, int phase, char *out, size_t cap);
/* How many of the plan's jobs call receivers[i]. */
uint64_t plan_by_receiver(const struct plan *plan, const struct opts *opts, size_t i);

#endif
