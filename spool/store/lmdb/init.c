/* spool/store/lmdb/init.c: a spool comes into being all at once.
 *
 * LMDB does not sync the directory of a new file, and a power cut while its first pages are written leaves a
 * file that no longer opens. So the environment is made in PATH/lmdb.new, synced file and directory, and only
 * then renamed to PATH/lmdb, whose parent is synced last. Daemons never create anything. */
#include "spool/store/lmdb/init.h"

#include "spool/base/fs.h"
#include "spool/store/common/head.h"
#include "spool/store/common/record.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const tree_names[TREE_N] = {
	[TREE_META] = "meta",
	[TREE_TRIGGER] = "trigger",
	[TREE_JOB] = "job",
	[TREE_QUEUE] = "queue",
	[TREE_WORKFLOW] = "workflow",
	[TREE_KEY] = "key",
	[TREE_EVENT] = "event",
	[TREE_ASIDE] = "aside",
};

void birth_encode(const struct birth *birth, struct buf *out)
{
	record_begin(out);
	write_fixed(out, birth->format, 4);
	write_fixed(out, birth->map_size, 8);
	write_fixed(out, birth->seed, 8);
	write_fixed(out, (uint64_t)birth->created_at_us, 8);
	record_end(out);
}

enum status birth_decode(struct slice record, struct birth *out)
{
	struct slice body;
	enum status st = record_open(record, &body);
	if (st != ST_OK)
		return st;
	struct reader r = {(const uint8_t *)body.p, (const uint8_t *)body.p + body.len, false};
	out->format = read_fixed(&r, 4);
	out->map_size = read_fixed(&r, 8);
	out->seed = read_fixed(&r, 8);
	out->created_at_us = (int64_t)read_fixed(&r, 8);
	return r.bad ? ST_CORRUPT : ST_OK;
}

static int put_record(MDB_txn *txn, MDB_dbi dbi, const char *name, const struct buf *record)
{
	MDB_val key = {strlen(name), (void *)(uintptr_t)name};
	MDB_val value = {record->len, record->p};
	return buf_status(record) == ST_OK ? mdb_put(txn, dbi, &key, &value, 0) : ENOMEM;
}

static int put_first_records(MDB_txn *txn, MDB_dbi meta, const struct spool_conf *conf)
{
	struct birth birth = {.format = SPOOL_FORMAT, .map_size = (uint64_t)conf->map_size};
	birth.created_at_us = clock_now().wall_us;
	if (getrandom(&birth.seed, sizeof birth.seed, 0) != sizeof birth.seed)
		return EIO;
	struct head head = {.next_seq = 1};
	struct buf record = BUF_INIT(4096);
	birth_encode(&birth, &record);
	int rc = put_record(txn, meta, "spool", &record);
	head_encode(&head, &record);
	if (rc == 0)
		rc = put_record(txn, meta, "head", &record);
	buf_release(&record);
	return rc;
}

static int fill(MDB_env *env, const struct spool_conf *conf)
{
	MDB_txn *txn = NULL;
	MDB_dbi dbi[TREE_N];
	int rc = mdb_txn_begin(env, NULL, 0, &txn);
	for (int i = 0; rc == 0 && i < TREE_N; i++)
		rc = mdb_dbi_open(txn, tree_names[i], MDB_CREATE, &dbi[i]);
	if (rc == 0)
		rc = put_first_records(txn, dbi[TREE_META], conf);
	if (rc == 0) {
		rc = mdb_txn_commit(txn);
		txn = NULL;
	}
	if (txn)
		mdb_txn_abort(txn);
	return rc;
}

static enum status create_env(const struct spool_conf *conf, const char *dir, struct why *why)
{
	MDB_env *env = NULL;
	int rc = mdb_env_create(&env);
	if (rc == 0)
		rc = mdb_env_set_mapsize(env, (size_t)conf->map_size);
	if (rc == 0)
		rc = mdb_env_set_maxdbs(env, TREE_N);
	if (rc == 0)
		rc = mdb_env_set_maxreaders(env, ENV_MAX_READERS);
	if (rc == 0)
		rc = mdb_env_open(env, dir, MDB_NOTLS, 0660);
	if (rc == 0)
		rc = fill(env, conf);
	if (rc == 0)
		rc = mdb_env_sync(env, 1);
	if (env)
		mdb_env_close(env);
	if (rc != 0)
		return why_set(why, env_map_rc(rc), "cannot create a spool in %s: %s", dir, mdb_strerror(rc));
	return ST_OK;
}

/* What an init that was cut short left behind. */
static void remove_leftover(const char *dir)
{
	static const char *const files[] = {"data.mdb", "lock.mdb"};
	char path[PATH_MAX];
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		if (snprintf(path, sizeof path, "%s/%s", dir, files[i]) < (int)sizeof path)
			unlink(path);
	rmdir(dir);
}

enum status init_wake(const char *spool_dir, struct why *why)
{
	char path[PATH_MAX];
	if (snprintf(path, sizeof path, "%s/wake", spool_dir) >= (int)sizeof path)
		return why_set(why, ST_INVALID, "path is too long: %s", spool_dir);
	if (mkfifo(path, 0660) != 0 && errno != EEXIST)
		return why_errno(why, errno, "cannot create %s", path);
	return ST_OK;
}

static enum status sync_new(const char *dir, struct why *why)
{
	char data[PATH_MAX];
	if (snprintf(data, sizeof data, "%s/data.mdb", dir) >= (int)sizeof data)
		return why_set(why, ST_INVALID, "path is too long: %s", dir);
	enum status st = fs_sync_file(data, why);
	return st == ST_OK ? fs_sync_dir(dir, why) : st;
}

static enum status build_new(const struct spool_conf *conf, const char *dir, struct why *why)
{
	remove_leftover(dir);
	if (mkdir(dir, 0770) != 0)
		return why_errno(why, errno, "cannot create %s", dir);
	enum status st = create_env(conf, dir, why);
	return st == ST_OK ? sync_new(dir, why) : st;
}

enum status init_spool(const struct spool_conf *conf, struct why *why)
{
	char fresh[PATH_MAX - 16], final[PATH_MAX - 16];
	struct stat sb;
	if (snprintf(fresh, sizeof fresh, "%s/lmdb.new", conf->path) >= (int)sizeof fresh ||
		snprintf(final, sizeof final, "%s/lmdb", conf->path) >= (int)sizeof final)
		return why_set(why, ST_INVALID, "path is too long: %s", conf->path);
	enum status st = fs_make_dirs(conf->path, 0770, why);
	if (st == ST_OK)
		st = fs_check_local(conf->path, why);
	if (st == ST_OK && stat(final, &sb) == 0)
		st = why_set(
			why, ST_EXISTS, "there is a spool in %s already; nothing was changed", conf->path);
	if (st != ST_OK)
		return st;
	st = build_new(conf, fresh, why);
	if (st == ST_OK)
		st = init_wake(conf->path, why);
	if (st == ST_OK && rename(fresh, final) != 0)
		st = why_errno(why, errno, "cannot rename %s to %s", fresh, final);
	if (st == ST_OK)
		st = fs_sync_dir(conf->path, why);
	if (st != ST_OK)
		remove_leftover(fresh);
	return st;
}
