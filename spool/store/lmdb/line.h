/* spool/store/lmdb/line.h: order within a workflow (promise 5).
 *
 * The live jobs of a workflow stand in a line, by id; exactly one of them has the turn. A job that ends
 * leaves the line and hands the turn to the first that stands there. An operator's retry joins again at the
 * job's own place, but waits for the turn.
 *
 * Most workflows have one live job at a time, and an entry for it would cost a random page when it comes and
 * another when it ends. So a live job that is alone in a workflow of few jobs (LINE_FEW) stands in its line
 * without an entry; whoever joins next finds it among the workflow's jobs and gives it one. */
#ifndef SPOOL_STORE_LMDB_LINE_H
#define SPOOL_STORE_LMDB_LINE_H
#include "spool/store/lmdb/job_io.h"

enum { LINE_FEW = 8 };

/* Whether the spool has no job of this workflow, alive or ended: then there is nothing to look for. */
bool line_is_first(struct tx *tx, uint64_t workflow_hash);
/* A job comes to life, or back to it, whose record does not say so yet. true: it has the turn at once. */
bool line_join(struct tx *tx, uint64_t workflow_hash, struct job_id id);
/* The entry alone, for a line that is being written anew: each job may have one. */
void line_enter(struct tx *tx, uint64_t workflow_hash, struct job_id id);
/* A job comes that does not stand in line: it may be the one too many for another to stand there without an
 * entry. */
void line_pass(struct tx *tx, uint64_t workflow_hash);
/* For a job that ended or goes away. Hands the turn on if it had it; nothing for one that does not stand
 * there. */
void line_leave(struct tx *tx, const struct loaded *l);
/* As line_leave, knowing only hash and id, when a damaged job is set aside: the turn passes to the first if
 * nobody has it. */
void line_drop(struct tx *tx, uint64_t workflow_hash, struct job_id id);
/* Who has the turn; zero: nobody. */
struct job_id line_holder(struct tx *tx, uint64_t workflow_hash);

#endif
