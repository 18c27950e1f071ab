/* spool/store/lmdb/await_io.h: what workflows await, in and out of two trees.
 *
 * Invariant: a workflow awaits at most one thing. Its record stands in the tree workflow, beside its jobs; an
 * entry in meta, await. | told 1 | deadline 8 | workflow hash 8, leads to it by time. One without the other
 * is damage. */
#ifndef SPOOL_STORE_LMDB_AWAIT_IO_H
#define SPOOL_STORE_LMDB_AWAIT_IO_H
#include "spool/model/await.h"
#include "spool/store/lmdb/job_io.h"

enum { KIND_AWAIT = 2 }; /* after KIND_MEMBER */

struct key await_key(uint64_t workflow_hash);
struct key await_time_prefix(bool is_told);
struct key await_time_key(const struct await *await, uint64_t workflow_hash);
/* Whether a key of meta is an entry by time; *hash leads to its record. */
bool await_of_key(struct slice key, uint64_t *hash);
void await_encode(const struct await *await, struct buf *out);
/* OK, CORRUPT, VERSION. */
enum status await_decode(struct slice record, struct await *out);

/* ST_OK, NOTFOUND, CORRUPT, VERSION, or the sticky failure. */
enum status await_load(struct tx *tx, uint64_t workflow_hash, struct await *out);
void await_put(struct tx *tx, uint64_t workflow_hash, const struct await *await);
void await_delete(struct tx *tx, uint64_t workflow_hash, const struct await *await);

/* A job has completed: its workflow awaits the next phase, unless that has come already. */
void await_begin(struct tx *tx, const struct loaded *l);
/* A job of the workflow was accepted. */
void await_note(struct tx *tx, uint64_t workflow_hash, int phase);
/* A job goes, or its workflow's name does: what awaits because of it goes, too. */
void await_forget(struct tx *tx, uint64_t workflow_hash, struct job_id id);

#endif
