/* worker/mark.h: who was running what when it died. Each worker has a small file in the spool directory,
 * mapped and locked as long as it lives, in which the job stands whose code it is in right now, and those it
 * holds beside it. When the process is killed, by its own fault or for want of memory, the pages stay; the
 * lock does not. Whoever then gets the lock knows that the worker is dead, and in which job's code it died.
 *
 * Nothing depends on it: without a mark the leases run out, as for a worker that stalls. So they do, and the
 * attempts count, when it died in no job's code: then any of the jobs may be the cause. A mark says nothing
 * after the machine was down, for then no job had a part in that. */
#ifndef WORKER_MARK_H
#define WORKER_MARK_H
#include "spool/base/id.h"

struct mark; /* all functions but mark_reap() and mark_open() accept NULL: no mark is kept */

/* NULL: it cannot be kept, and *why. */
NODISCARD struct mark *mark_open(const char *spool_path, size_t held_max, struct why *why);
void mark_close(struct mark *mark); /* the worker ends well: its file goes */

/* From here on, until mark_clear(), the process is in this job's code. Threads: one. A few stores, no system
 * call, as in the next two. */
void mark_set(struct mark *mark, struct job_id id, uint64_t token);
void mark_clear(struct mark *mark);
/* A job is held, as the last of a list; the i-th is not any more, and the last one takes its place. Threads:
 * one. */
void mark_hold(struct mark *mark, struct job_id id, uint64_t token);
void mark_unhold(struct mark *mark, size_t i);

/* A job that a dead worker held under this token. */
typedef void (*mark_found)(void *arg, struct job_id id, uint64_t token, bool in_its_code);
/* Take the files of workers that died away. If one died in a job's code, found is called for that job, then
 * for those it held beside it; these may have been settled already. Files that are no marks, and those of the
 * living, are left alone. */
void mark_reap(const char *spool_path, mark_found found, void *arg);

#endif
