/* spool/store/lmdb/job_io.h: jobs in and out of the trees, with every index entry and counter that goes with
 * them.
 *
 * Invariant kept here and nowhere else: a job in the job tree has one record in trigger, one entry in queue,
 * one member entry in workflow, a line entry while it is ordered and live, and is counted at its
 * place, and for its account while it is live and charged. */
#ifndef SPOOL_STORE_LMDB_JOB_IO_H
#define SPOOL_STORE_LMDB_JOB_IO_H
#include "spool/store/common/codec.h"
#include "spool/store/common/record.h"
#include "spool/store/lmdb/key.h"
#include "spool/store/lmdb/tx.h"

/* A job under change: as it was loaded, and as the rules have made it. */
struct loaded {
	struct job job;
	struct key queue_key; /* its entry in the store now */
	enum place place;
	bool had_turn; /* as it was loaded: a job that ends has lost it in its record already */
	struct job_hashes hashes;
};
void loaded_release(struct loaded *l);

enum job_parts { JOB_STATE_ONLY, JOB_WITHOUT_PAYLOAD, JOB_WHOLE };

/* Load a copy. JOB_STATE_ONLY leaves out what was asked (ids, payload, source, trace,
 * the grant of attempts): enough for every rule but an operator's retry.
 * OK; NOTFOUND; CORRUPT or VERSION: the record cannot be read (tx stays usable); or the sticky failure. */
enum status job_load(struct tx *tx, struct job_id id, enum job_parts parts, struct loaded *out);
/* Store after a rule: record, place in the queue, counters. */
void job_update(struct tx *tx, struct loaded *l);
/* Store a new one with all its entries. Its id must be greater than all before. */
void job_insert(struct tx *tx, struct job *job);
/* Store one that has ended with what was asked changed, too: its ids, its payload. It must have no unique
 * keys any more (job_drop_keys()). member: its key_member() as it was loaded. */
void job_rewrite(struct tx *tx, struct loaded *l, const struct key *member);
/* Everything that follows from a job's two records: its state record under this spool's hash, its place in
 * the queue and in the indexes, its keys, its counts; not the line. For a new one, and for one that repair
 * has found. */
void job_enter(struct tx *tx, const struct job *job, bool is_new);
/* Take it out with everything that belongs to it, its events too. Needs JOB_WHOLE. */
void job_delete(struct tx *tx, struct loaded *l);
/* A job that has ended comes back to life: a solo user's answers for its user again, unless a later one that
 * is alive does. Needs what was asked. */
void job_revive_keys(struct tx *tx, const struct job *job);
/* The entries under its unique keys that name it. Of a job of which only the trigger can be read too: then it
 * is not known whether its user is one. */
void job_drop_keys(struct tx *tx, const struct job *job);
/* The greatest id in the spool, zero when there is none. */
struct job_id job_last_id(struct tx *tx);

#endif
