/* spool/store/lmdb/env.c: opening an environment that can be trusted, and refusing any other with a clear
 * message. */
#include "spool/store/lmdb/env.h"

#include "spool/base/fs.h"
#include "spool/store/lmdb/audit.h"
#include "spool/store/lmdb/hold.h"
#include "spool/store/lmdb/init.h"
#include "spool/store/lmdb/pages.h"
#include "spool/store/lmdb/tx.h"
#include "spool/store/lmdb/wake.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum status env_map_rc(int rc)
{
	switch (rc) {
	case 0:
		return ST_OK;
	case MDB_NOTFOUND:
		return ST_NOTFOUND;
	case MDB_KEYEXIST:
		return ST_EXISTS;
	case MDB_MAP_FULL:
		return ST_FULL;
	case ENOSPC:
	case EDQUOT:
		return ST_NOSPACE;
	case MDB_READERS_FULL:
		return ST_BUSY;
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID:
		return ST_CORRUPT;
	case MDB_VERSION_MISMATCH:
	case MDB_MAP_RESIZED:
	case MDB_INCOMPATIBLE:
		return ST_VERSION;
	case ENOMEM:
		return ST_NOMEM;
	case EACCES:
	case EPERM:
	case EROFS:
		return ST_DENIED;
	default:
		return ST_IO;
	}
}

/* A page that LMDB takes and frees in one transaction it does not write; when it was the last, the file ends
 * before what the state tells of. Nothing is wrong with that, but it looks like a file that was cut short,
 * and who opens it has to walk all of it to tell (pages_check_head): so it is made as long as it is said to
 * be. By fallocate(), for another process may be writing behind: ftruncate() with a size that is no longer
 * true would take that away. No harm is done if it fails. */
static void lengthen(const struct store *store, const struct stat *sb)
{
	MDB_envinfo info;
	int fd;
	mdb_env_info(store->env, &info);
	off_t told = (off_t)((info.me_last_pgno + 1) * store->page_bytes);
	if (sb->st_size < told && mdb_env_get_fd(store->env, &fd) == 0)
		(void)!fallocate(fd, 0, told - 1, 1);
}

enum status env_check_file(struct store *store, struct why *why)
{
	struct stat sb;
	if (stat(store->data_path, &sb) == 0 && sb.st_dev == store->data_dev &&
		sb.st_ino == store->data_ino) {
		lengthen(store, &sb);
		return ST_OK;
	}
	atomic_store(&store->broken, true);
	return why_set(why, ST_IO,
		"spool: %s was removed or replaced while it was open; nothing is acknowledged",
		store->data_path);
}

/* A copy is read without locks: pages must not be used again meanwhile. */
static bool has_lock_beside(const char *data_path)
{
	char path[PATH_MAX];
	const char *slash = strrchr(data_path, '/');
	int len = slash ? (int)(slash - data_path) : 1;
	snprintf(path, sizeof path, "%.*s/lock.mdb", len, slash ? data_path : ".");
	return access(path, F_OK) == 0;
}

/* Before LMDB touches the file: it would create a missing one and fill an empty one. */
static enum status find_data(struct store *store, const struct spool_conf *conf, struct why *why)
{
	struct stat sb;
	if (stat(store->data_path, &sb) != 0 && (errno == ENOENT || errno == ENOTDIR))
		return why_set(why, ST_NOTFOUND,
			"there is no spool in %s; create it once with: clario-spool init", conf->path);
	if (stat(store->data_path, &sb) != 0)
		return why_errno(why, errno, "cannot examine %s", store->data_path);
	if (!S_ISREG(sb.st_mode) || sb.st_size == 0)
		return why_set(why, ST_CORRUPT,
			"%s is not a spool's data (empty, or not a file); restore a backup",
			store->data_path);
	if (access(store->data_path, store->read_only ? R_OK : R_OK | W_OK) != 0)
		return why_errno(
			why, errno, "cannot %s %s", store->read_only ? "read" : "write", store->data_path);
	if (store->is_copy && has_lock_beside(store->data_path))
		return why_set(why, ST_INVALID,
			"%s is a spool's own file, which others may have open; give the spool's directory",
			conf->path);
	if (store->is_copy && !store->read_only)
		return why_set(why, ST_DENIED,
			"%s is a file, a copy of a spool's data: it can be looked at, not changed",
			conf->path);
	store->data_dev = sb.st_dev;
	store->data_ino = sb.st_ino;
	return fs_check_local(conf->path, why);
}

static enum status open_env(struct store *store, const struct spool_conf *conf, struct why *why)
{
	char path[PATH_MAX];
	unsigned flags = MDB_NOTLS | (store->read_only ? MDB_RDONLY : MDB_NOMETASYNC);
	if (snprintf(path, sizeof path, "%s%s", conf->path, store->is_copy ? "" : "/lmdb") >=
		(int)sizeof path)
		return why_set(why, ST_INVALID, "path is too long: %s", conf->path);
	if (store->is_copy)
		flags |= MDB_NOSUBDIR | MDB_NOLOCK; /* its map is as large as it says */
	int rc = mdb_env_create(&store->env);
	if (rc == 0 && !store->is_copy)
		rc = mdb_env_set_mapsize(store->env, (size_t)conf->map_size);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(store->env, TREE_N);
	if (rc == 0)
		rc = mdb_env_set_maxreaders(store->env, ENV_MAX_READERS);
	if (rc == 0)
		rc = mdb_env_open(store->env, path, flags, 0660);
	if (rc == 0)
		return ST_OK;
	enum status st = env_map_rc(rc);
	return why_set(why, st, "cannot open the spool in %s: %s%s", conf->path, mdb_strerror(rc),
		st == ST_CORRUPT ? "; restore a backup" : "");
}

/* Nobody else may have done it: the last writer may have died just before. */
static enum status find_length(struct store *store, struct why *why)
{
	MDB_stat stat_;
	mdb_env_stat(store->env, &stat_);
	store->page_bytes = stat_.ms_psize;
	return store->read_only ? ST_OK : env_check_file(store, why);
}

/* For those who only read, too: spool_sync(). */
static enum status open_sync(struct store *store, struct why *why)
{
	store->sync_fd = open(store->data_path, O_RDONLY | O_CLOEXEC);
	return store->sync_fd >= 0 ? ST_OK : why_errno(why, errno, "cannot open %s", store->data_path);
}

static enum status open_trees(struct store *store, const struct spool_conf *conf, struct why *why)
{
	MDB_txn *txn = NULL;
	int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);
	for (int i = 0; rc == 0 && i < TREE_N; i++)
		rc = mdb_dbi_open(txn, tree_names[i], 0, &store->dbi[i]);
	if (rc == 0)
		rc = mdb_txn_commit(txn); /* keeps the handles */
	else if (txn)
		mdb_txn_abort(txn);
	if (rc == MDB_NOTFOUND)
		return why_set(why, ST_VERSION,
			"%s is an LMDB file, but not a clario spool of a known format", conf->path);
	return rc == 0 ? ST_OK
		       : why_set(why, env_map_rc(rc), "cannot open the spool in %s: %s", conf->path,
				 mdb_strerror(rc));
}

static enum status check_birth(struct store *store, const struct spool_conf *conf, struct why *why)
{
	MDB_txn *txn = NULL;
	MDB_val key = {5, "spool"}, value;
	struct birth birth = {0};
	int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);
	if (rc == 0)
		rc = mdb_get(txn, store->dbi[TREE_META], &key, &value);
	enum status st =
		rc == 0 ? birth_decode(slice_of(value.mv_data, value.mv_size), &birth) : env_map_rc(rc);
	if (txn)
		mdb_txn_abort(txn);
	if (st != ST_OK)
		return why_set(why, st == ST_NOTFOUND ? ST_VERSION : st, "%s does not say what format it has",
			conf->path);
	if (birth.format != SPOOL_FORMAT)
		return why_set(why, ST_VERSION,
			"the spool in %s has format %llu, this program knows format %d; upgrade", conf->path,
			(unsigned long long)birth.format, SPOOL_FORMAT);
	if (store->is_copy) {
		store->map_bytes = birth.map_size;
		store->full_at_bytes = store->map_bytes / 100 * (uint64_t)conf->full_at_percent;
	} else if (birth.map_size != (uint64_t)conf->map_size)
		return why_set(why, ST_VERSION,
			"the spool in %s was made with spool.map-size = %llu, the configuration says %lld; "
			"make them equal",
			conf->path, (unsigned long long)birth.map_size, (long long)conf->map_size);
	store->seed = birth.seed;
	return ST_OK;
}

/* Before LMDB is let at the file: it would crash on some that are damaged. */
static enum status check_head(const struct store *store, struct why *why)
{
	struct why found = WHY_INIT;
	enum status st = pages_check_head(store->data_path, &found);
	if (st == ST_CORRUPT)
		return why_set(why, st, "cannot open the spool: %.200s; see clario-spool verify", found.text);
	if (st != ST_OK && why)
		*why = found;
	return st;
}

static enum status open_all(struct store *store, const struct spool_conf *conf, struct why *why)
{
	enum status st = find_data(store, conf, why);
	if (st == ST_OK && !store->is_copy)
		st = hold_take(conf->path, HOLD_SHARED, &store->hold_fd, why);
	if (st == ST_OK)
		st = check_head(store, why);
	if (st == ST_OK)
		st = open_env(store, conf, why);
	if (st == ST_OK)
		st = find_length(store, why);
	if (st == ST_OK)
		st = open_sync(store, why);
	if (st == ST_OK)
		st = open_trees(store, conf, why);
	if (st == ST_OK)
		st = check_birth(store, conf, why);
	return st;
}

static bool is_file(const char *path)
{
	struct stat sb;
	return stat(path, &sb) == 0 && S_ISREG(sb.st_mode);
}

enum status env_open(const struct spool_conf *conf, struct store **out, struct why *why)
{
	*out = NULL;
	struct store *store = calloc(1, sizeof *store);
	if (!store)
		return why_set(why, ST_NOMEM, "out of memory");
	store->wake_fd = store->hold_fd = store->sync_fd = -1;
	pthread_mutex_init(&store->sync_lock, NULL);
	store->read_only = conf->read_only;
	store->is_audited = conf->audits || AUDIT_ALWAYS;
	store->ordering = conf->ordering;
	store->max_depth = conf->max_depth;
	store->disk_full_at_percent = conf->disk_full_at_percent;
	store->keep_reserved_us = conf->keep_reserved_us;
	memcpy(store->await_us, conf->await_us, sizeof store->await_us);
	store->map_bytes = (uint64_t)conf->map_size;
	store->full_at_bytes = store->map_bytes / 100 * (uint64_t)conf->full_at_percent;
	store->dedupe.window_us = conf->dedupe_window_us;
	store->crowd.at = (uint32_t)conf->crowd_at;
	store->path = strdup(conf->path);
	enum status st = ST_OK;
	store->is_copy = is_file(conf->path);
	if (!store->path ||
		asprintf(&store->data_path, "%s%s", conf->path, store->is_copy ? "" : "/lmdb/data.mdb") < 0) {
		store->data_path = NULL;
		st = why_set(why, ST_NOMEM, "out of memory");
	}
	if (st == ST_OK)
		st = open_all(store, conf, why);
	if (st != ST_OK) {
		env_close(store);
		return st;
	}
	wake_open(store);
	int dead;
	mdb_reader_check(store->env, &dead);
	*out = store;
	return ST_OK;
}

/* The kernel tells of a page that it could not write once for each open file: to whoever syncs next through
 * it. So this one is not the file that commits sync through, who syncs is alone, and what one was told holds
 * for all after. */
enum status env_sync(struct store *store, struct why *why)
{
	pthread_mutex_lock(&store->sync_lock);
	int err = atomic_load(&store->broken) ? EIO : fdatasync(store->sync_fd) == 0 ? 0 : errno;
	if (err)
		atomic_store(&store->broken, true);
	pthread_mutex_unlock(&store->sync_lock);
	if (err == 0)
		return ST_OK;
	return why_set(why, ST_IO,
		"spool: cannot sync: %s; whether the last commits are on disk is not known; restart",
		strerror(err));
}

void env_close(struct store *store)
{
	if (!store)
		return;
	if (store->env)
		mdb_env_close(store->env);
	if (store->sync_fd >= 0)
		close(store->sync_fd);
	if (store->wake_fd >= 0)
		close(store->wake_fd);
	pthread_mutex_destroy(&store->sync_lock);
	hold_drop(store->hold_fd);
	free(store->data_path);
	free(store->path);
	free(store);
}
