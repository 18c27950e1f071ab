/* spool/plan_file.h: what plan.c and plan_run.c share: the files of a plan. */
#ifndef SPOOL_PLAN_FILE_H
#define SPOOL_PLAN_FILE_H
#include "spool/plan.h"

/* As it stands in the file NAME.jobs: this machine's own bytes, for nobody else. */
struct plan_entry {
	struct job_id id;
	uint64_t last_event;
};
enum { PLAN_ENTRY = sizeof(struct plan_entry) };

NODISCARD enum status plan_notes(struct notes *notes, const char *path, struct why *why);
NODISCARD enum status plan_save(
	const struct notes *notes, const struct plan *plan, bool syncs, struct why *why);

#endif
