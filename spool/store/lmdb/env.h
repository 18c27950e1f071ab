/* spool/store/lmdb/env.h: the LMDB environment of one spool.
 *
 * Caveats kept here (lmdb.h): one environment per process and path, opened after fork; no MDB_WRITEMAP, no
 * NOSYNC; readers are not tied to threads (MDB_NOTLS); the map has one fixed size in all programs.
 *
 * A commit is lasting in two steps. mdb_txn_commit() syncs the data pages and then writes the meta page that
 * makes them the spool, which is where it gives the writers' lock back (MDB_NOMETASYNC: lmdb.h promises that
 * the environment stays whole, and that no more than the last commit can be undone by a power cut).
 * env_sync() makes the meta page lasting as well, while the next writer is at work. Nobody is answered before
 * that. */
#ifndef SPOOL_STORE_LMDB_ENV_H
#define SPOOL_STORE_LMDB_ENV_H
#include "spool/model/rules.h"
#include "spool/store/common/crowd.h"
#include "spool/store/common/turns.h"
#include "spool/store/lmdb/key.h"
#include "spool/store/store.h"

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

/* FORMAT.md describes each. */
enum tree {
	TREE_META,
	TREE_TRIGGER,
	TREE_JOB,
	TREE_QUEUE,
	TREE_WORKFLOW,
	TREE_KEY,
	TREE_EVENT,
	TREE_ASIDE,
	TREE_N
};

struct store {
	MDB_env *env;
	MDB_dbi dbi[TREE_N];
	char *path;      /* the spool directory */
	char *data_path; /* PATH/lmdb/data.mdb */
	dev_t data_dev;  /* of the file that was opened: an acknowledgement means nothing once it has been
			    replaced */
	ino_t data_ino;
	bool read_only, ordering;
	bool is_copy;    /* path is a file, such as a backup: to be read, and nobody else has it open */
	bool is_audited; /* audit.h */
	int64_t max_depth, disk_full_at_percent;
	int64_t keep_reserved_us;
	int64_t await_us[AWAIT_LAST + 1];
	uint64_t full_at_bytes, map_bytes, page_bytes;
	struct dedupe_policy dedupe;
	uint64_t seed; /* of index hashes */
	int wake_fd;
	int hold_fd; /* hold.h */
	atomic_bool broken;
	int sync_fd; /* data.mdb, for env_sync() */
	pthread_mutex_t sync_lock;
	/* Touched only by who holds the write transaction: */
	struct crowd crowd;
	struct turns turns;
	uint64_t accepted_told; /* claim_leaves_news() */
	struct await_at
		await_at[AWAIT_LAST + 1]; /* by the phase that is awaited; of the one thread that tells */
	struct job_id await_over;         /* whose record is looked at next */
	struct key next_reap;             /* the active job whose lease is looked at next; empty: the first */
	atomic_int_least64_t next_reap_boot_us; /* when leases are looked at next */
	_Atomic uint64_t used_bytes;            /* these are cached by room.c */
	atomic_int_least64_t used_until_mono_us;
};

enum status env_open(const struct spool_conf *conf, struct store **out, struct why *why);
void env_close(struct store *store);
/* Whether PATH/lmdb/data.mdb is still the file that was opened: a commit into a file that nobody can find
 * again must not be acknowledged. */
enum status env_check_file(struct store *store, struct why *why);
enum status env_map_rc(int mdb_rc);

/* Make all that was committed before lasting. IO: that is not known of the last commits; the store is broken
 * then. */
enum status env_sync(struct store *store, struct why *why);

#endif
