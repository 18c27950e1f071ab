/* spool/store/lmdb/care_copy.c: one state of a spool into a file, and a copy made ready for use. */
#include "spool/store/lmdb/blank.h"
#include "spool/store/lmdb/care.h"
#include "spool/store/lmdb/event_io.h"
#include "spool/store/lmdb/init.h"
#include "spool/store/lmdb/job_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEQ_GAP = 1 << 20 };

static int open_source(const char *from, MDB_env **env)
{
	struct stat sb;
	char lock[PATH_MAX + 16];
	snprintf(lock, sizeof lock, "%s/lock.mdb", from);
	bool is_dir = stat(from, &sb) == 0 && S_ISDIR(sb.st_mode);
	/* A copy has no lock file, and nobody writes to it: none is made beside it. */
	unsigned flags = MDB_RDONLY | MDB_NOTLS | (is_dir ? 0 : MDB_NOSUBDIR) |
			 (is_dir && access(lock, F_OK) == 0 ? 0 : MDB_NOLOCK);
	int rc = mdb_env_create(env);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(*env, TREE_N);
	if (rc == 0)
		rc = mdb_env_set_maxreaders(*env, ENV_MAX_READERS);
	return rc == 0 ? mdb_env_open(*env, from, flags, 0660) : rc;
}

static size_t page_bytes_of(MDB_env *env)
{
	MDB_stat stat = {0};
	mdb_env_stat(env, &stat);
	return stat.ms_psize;
}

enum status care_copy(void *arg, struct guard *guard, struct why *why)
{
	struct care *care = arg;
	MDB_env *env;
	guard_at(guard, "file", (struct slice)SLICE_INIT);
	int fd = open(care->to, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0660);
	if (fd < 0)
		return why_errno(why, errno, "cannot create %s", care->to);
	int rc = open_source(care->from, &env);
	if (rc == 0)
		rc = mdb_env_copyfd2(env, fd, MDB_CP_COMPACT);
	bool is_compact = rc == 0;
	/* Pages that an aborted spill left behind keep LMDB from leaving out the free ones. */
	if (rc == MDB_INCOMPATIBLE && ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0)
		rc = mdb_env_copyfd2(env, fd, 0);
	/* What was forgotten is not copied along with the pages that it was deleted from. */
	enum status blanked = is_compact ? blank_gaps(fd, page_bytes_of(env), why) : ST_OK;
	if (rc == 0 && fsync(fd) != 0)
		rc = errno;
	close(fd);
	if (rc != 0)
		return why_set(why, env_map_rc(rc), "cannot copy %s to %s: %s", care->from, care->to,
			mdb_strerror(rc));
	return blanked;
}

/* A lease is over when its boot is another one. */
static void end_leases(struct tx *tx, struct guard *guard)
{
	struct key prefix = {.len = 1, .b = {PLACE_ACTIVE}};
	struct walk w;
	bool more = walk_open(&w, tx, TREE_QUEUE) && walk_from(&w, key_slice(&prefix));
	for (; more && key_has_prefix(w.key, &prefix); more = walk_next(&w)) {
		struct loaded l;
		guard_at(guard, "queue", w.key);
		if (job_load(tx, key_get_id(w.key, QUEUE_ID), JOB_STATE_ONLY, &l) != ST_OK)
			continue;
		l.job.lease.boot_id = 0;
		job_update(tx, &l);
		loaded_release(&l);
	}
	walk_close(&w);
}

enum status care_freshen(void *arg, struct guard *guard, struct why *why)
{
	struct care *care = arg;
	struct store *store;
	struct tx tx;
	struct spool_conf conf = *care->conf;
	struct event event = {.kind = EVENT_RESTORED,
		.at_us = clock_now().wall_us,
		.from = EVENT_NO_STATE,
		.to = EVENT_NO_STATE,
		.actor = slice_text("operator"),
		.reason = slice_text(care->ask->path)};
	if (event.reason.len > EVENT_REASON_MAX)
		event.reason.len = EVENT_REASON_MAX;
	conf.path = care->stage;
	enum status st = env_open(&conf, &store, why);
	if (st == ST_OK)
		st = tx_begin(&tx, store, TX_WRITE, clock_now(), why);
	if (st != ST_OK)
		return st;
	end_leases(&tx, guard);
	uint64_t seen = care->old_next_seq ? care->old_next_seq : tx.head.next_seq + SEQ_GAP;
	if (tx.head.next_seq < seen)
		tx.head.next_seq = seen;
	event_append(&tx, &event, NULL);
	st = tx_commit(&tx, why);
	env_close(store);
	return st;
}
