/* spool/store/lmdb/care.c: acts on a spool as a whole. What they make is made beside the spool, synced,
 * verified, and takes its place in one rename; the reading is done in a child process, for what is read may
 * be damaged. */
#include "spool/store/lmdb/care.h"

#include "spool/base/fs.h"
#include "spool/store/lmdb/hold.h"
#include "spool/store/lmdb/init.h"
#include "spool/store/lmdb/pages.h"
#include "spool/store/lmdb/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { STALL_MS = 60000, PATH_ROOM = 480 };
#define CARE_MEMORY (UINT64_C(1) << 30)

static void set_path(char *out, size_t cap, const char *dir, const char *name, const char *tail)
{
	snprintf(out, cap, "%.*s/%s%s", PATH_ROOM, dir, name, tail);
}

static uint64_t length_of(const char *path)
{
	struct stat sb;
	return stat(path, &sb) == 0 ? (uint64_t)sb.st_size : 0;
}

static uint64_t length_in(const char *spool_path)
{
	char data[PATH_MAX];
	set_path(data, sizeof data, spool_path, "lmdb/data.mdb", "");
	return length_of(data);
}

static void remove_stage(const struct care *care)
{
	static const char *const files[] = {
		"lmdb/data.mdb", "lmdb/lock.mdb", "lmdb.new/data.mdb", "lmdb.new/lock.mdb", "wake"};
	char path[PATH_MAX];
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		set_path(path, sizeof path, care->stage, files[i], "");
		unlink(path);
	}
	set_path(path, sizeof path, care->stage, "lmdb", "");
	rmdir(path);
	set_path(path, sizeof path, care->stage, "lmdb.new", "");
	rmdir(path);
	rmdir(care->stage);
}

/* --- running a part in a child --- */

static void watch_part(void *arg, struct guard *guard)
{
	const struct care *care = arg;
	uint64_t done = guard->done, total = guard->total;
	if (!total) { /* a copy: what it has written tells how far it is */
		done = length_of(care->to);
		total = care->result->bytes_before;
		if (done != guard->done)
			atomic_fetch_add(&guard->beats, 1);
		guard->done = done;
	}
	if (care->watch && care->watch->progress)
		care->watch->progress(care->watch->arg, done, total);
}

static enum status run_part(struct care *care,
	enum status (*part)(void *care, struct guard *guard, struct why *why), struct why *why)
{
	struct guard_task task = {
		.run = part,
		.beat = watch_part,
		.arg = care,
		.stall_ms = care->watch && care->watch->stall_ms ? care->watch->stall_ms : STALL_MS,
		.memory_bytes = CARE_MEMORY,
	};
	return guard_run(&task, NULL, why);
}

/* --- making room, and taking the place --- */

static enum status make_stage(const struct care *care, const char *below, struct why *why)
{
	char path[PATH_MAX];
	remove_stage(care);
	set_path(path, sizeof path, care->stage, below, "");
	return fs_make_dirs(path, 0770, why);
}

static enum status sync_stage(const struct care *care, struct why *why)
{
	char dir[PATH_MAX];
	set_path(dir, sizeof dir, care->stage, "lmdb", "");
	enum status st = fs_sync_file(care->to, why);
	return st == ST_OK ? fs_sync_dir(dir, why) : st;
}

/* What was made gets the name that the spool as it was shall have, and then the two change names at once: at
 * no moment is there no spool, and whenever this ends early both are there. */
static enum status take_place(struct care *care, const char *word, struct why *why)
{
	char made[PATH_MAX], place[PATH_MAX], aside[PATH_MAX], name[64];
	struct stat sb;
	set_path(made, sizeof made, care->stage, "lmdb", "");
	set_path(place, sizeof place, care->conf->path, "lmdb", "");
	snprintf(name, sizeof name, "lmdb.%s-%s", word, care->stamp);
	set_path(aside, sizeof aside, care->conf->path, name, "");
	bool is_first = stat(place, &sb) != 0 && errno == ENOENT;
	if (renameat2(AT_FDCWD, made, AT_FDCWD, is_first ? place : aside, RENAME_NOREPLACE) != 0)
		return why_errno(why, errno, "cannot rename %s", made);
	if (!is_first && renameat2(AT_FDCWD, aside, AT_FDCWD, place, RENAME_EXCHANGE) != 0)
		return why_errno(why, errno, "cannot put %s in the place of %s", aside, place);
	if (!is_first)
		snprintf(care->result->path, sizeof care->result->path, "%.*s", PATH_ROOM, aside);
	return fs_sync_dir(care->conf->path, why);
}

static enum status verify_made(struct care *care, const char *path, struct why *why)
{
	struct why found = WHY_INIT;
	enum status st = lmdb_verify(path, care->watch, &found);
	if (st != ST_OK)
		why_set(why, st, "what was written does not verify: %.250s", found.text);
	return st;
}

static enum status finish(struct care *care, const char *word, struct why *why)
{
	enum status st = sync_stage(care, why);
	if (st == ST_OK)
		st = verify_made(care, care->stage, why);
	if (st == ST_OK) {
		care->result->bytes_after = length_of(care->to);
		st = take_place(care, word, why);
	}
	return st;
}

/* --- the acts --- */

static enum status backup(struct care *care, struct why *why)
{
	char final[PATH_MAX];
	struct stat sb;
	bool is_dir = stat(care->ask->path, &sb) == 0 && S_ISDIR(sb.st_mode);
	snprintf(final, sizeof final, "%.*s%s%s%s", PATH_ROOM, care->ask->path,
		is_dir ? "/clario-spool-" : "", is_dir ? care->stamp : "", is_dir ? ".mdb" : "");
	snprintf(care->to, sizeof care->to, "%.*s.part", PATH_ROOM + 64, final);
	if (access(final, F_OK) == 0)
		return why_set(why, ST_EXISTS, "%s is there already; nothing was changed", final);
	set_path(care->from, sizeof care->from, care->conf->path, "lmdb", "");
	care->result->bytes_before = length_in(care->conf->path);
	unlink(care->to);
	enum status st = run_part(care, care_copy, why);
	if (st == ST_OK && !care->ask->skips_verify)
		st = verify_made(care, care->to, why);
	care->result->bytes_after = length_of(care->to);
	if (st == ST_OK)
		st = fs_publish(care->to, final, why);
	if (st != ST_OK)
		unlink(care->to);
	snprintf(care->result->path, sizeof care->result->path, "%.500s", st == ST_OK ? final : "");
	return st;
}

static enum status compact(struct care *care, struct why *why)
{
	enum status st = lmdb_verify(care->conf->path, care->watch, why);
	if (st == ST_OK)
		st = make_stage(care, "lmdb", why);
	if (st == ST_OK)
		st = run_part(care, care_copy, why);
	if (st == ST_OK)
		st = finish(care, "compacted", why);
	if (st != ST_OK)
		return st;
	char path[PATH_MAX]; /* the same again, with its free pages */
	static const char *const files[] = {"data.mdb", "lock.mdb"};
	for (size_t i = 0; i < 2; i++) {
		set_path(path, sizeof path, care->result->path, files[i], "");
		unlink(path);
	}
	rmdir(care->result->path);
	care->result->path[0] = '\0';
	return ST_OK;
}

struct old_state {
	struct head head;
	bool is_known;
};

static bool take_old_head(void *arg, struct slice key, struct slice value)
{
	struct old_state *old = arg;
	if (slice_is(key, "head"))
		old->is_known = head_decode(value, &old->head) == ST_OK;
	return true;
}

/* What the spool that is to be replaced has counted, read without LMDB. */
static struct old_state look_at_old(const struct care *care)
{
	struct old_state old = {.is_known = false};
	char data[PATH_MAX];
	struct pages pages;
	struct page_visit visit = {NULL, NULL, NULL, false}, taking = {take_old_head, NULL, &old, true};
	set_path(data, sizeof data, care->conf->path, "lmdb/data.mdb", "");
	if (pages_open(data, 0, &pages, &visit, NULL) != ST_OK)
		return old;
	pages_find_trees(&pages, &visit);
	pages_walk(&pages, &pages.trees[TREE_META], &taking);
	pages_close(&pages);
	return old;
}

static enum status may_replace(struct care *care, struct why *why)
{
	char data[PATH_MAX];
	set_path(data, sizeof data, care->conf->path, "lmdb/data.mdb", "");
	struct old_state old = look_at_old(care);
	if (old.is_known)
		care->old_next_seq = old.head.next_seq;
	if (care->ask->replaces || access(data, F_OK) != 0 || (old.is_known && old.head.accepted_total == 0))
		return ST_OK;
	return why_set(why, ST_EXISTS,
		"the spool in %s is not empty; nothing was changed (--replace keeps it aside)",
		care->conf->path);
}

static enum status restore(struct care *care, struct why *why)
{
	snprintf(care->from, sizeof care->from, "%.*s", PATH_ROOM, care->ask->path);
	struct stat sb;
	char inner[PATH_MAX];
	set_path(inner, sizeof inner, care->ask->path, "lmdb", "");
	if (stat(inner, &sb) == 0)
		snprintf(care->from, sizeof care->from, "%s", inner);
	enum status st = may_replace(care, why);
	if (st == ST_OK)
		st = lmdb_verify(care->from, care->watch, why);
	if (st == ST_OK)
		st = make_stage(care, "lmdb", why);
	if (st == ST_OK)
		st = run_part(care, care_copy, why);
	if (st == ST_OK)
		st = run_part(care, care_freshen, why);
	if (st == ST_OK)
		st = init_wake(care->conf->path, why);
	return st == ST_OK ? finish(care, "replaced", why) : st;
}

static enum status repair(struct care *care, struct why *why)
{
	set_path(care->from, sizeof care->from, care->conf->path, "lmdb/data.mdb", "");
	if (access(care->from, F_OK) != 0)
		return why_set(why, ST_NOTFOUND, "there is no spool in %s", care->conf->path);
	enum status st = make_stage(care, "", why);
	if (st == ST_OK)
		st = run_part(care, care_repair, why);
	return st == ST_OK ? finish(care, "damaged", why) : st;
}

static enum status import(struct care *care, struct why *why)
{
	enum status st = may_replace(care, why);
	if (st == ST_OK)
		st = make_stage(care, "", why);
	if (st == ST_OK)
		st = run_part(care, care_import, why);
	if (st == ST_OK)
		st = run_part(care, care_freshen, why);
	if (st == ST_OK)
		st = init_wake(care->conf->path, why);
	return st == ST_OK ? finish(care, "replaced", why) : st;
}

static enum status act(struct care *care, struct why *why)
{
	switch (care->ask->verb) {
	case CARE_BACKUP:
		return backup(care, why);
	case CARE_RESTORE:
		return restore(care, why);
	case CARE_COMPACT:
		return compact(care, why);
	case CARE_IMPORT:
		return import(care, why);
	default:
		return repair(care, why);
	}
}

static bool is_taken(const struct care *care)
{
	static const char *const names[] = {"lmdb.replaced-", "lmdb.compacted-", "lmdb.damaged-", "aside-"};
	char path[PATH_MAX];
	struct stat sb;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		set_path(path, sizeof path, care->conf->path, names[i], care->stamp);
		if (stat(path, &sb) == 0)
			return true;
	}
	set_path(path, sizeof path, care->conf->path, "aside-", care->stamp);
	snprintf(path + strlen(path), 8, ".jsonl");
	return stat(path, &sb) == 0;
}

/* The time, and a number where something of that very second is there already. */
static void find_free_stamp(struct care *care)
{
	size_t len = strlen(care->stamp);
	for (int i = 2; i < 1000 && is_taken(care); i++)
		snprintf(care->stamp + len, sizeof care->stamp - len, "-%d", i);
}

static enum status act_alone(struct care *care, struct why *why)
{
	int hold;
	set_path(care->stage, sizeof care->stage, care->conf->path, "care.new", "");
	set_path(care->to, sizeof care->to, care->stage, "lmdb/data.mdb", "");
	set_path(care->from, sizeof care->from, care->conf->path, "lmdb", "");
	care->result->bytes_before = length_in(care->conf->path);
	enum status st = ST_OK;
	if (care->ask->verb == CARE_RESTORE || care->ask->verb == CARE_IMPORT)
		st = fs_make_dirs(care->conf->path, 0770, why);
	if (st == ST_OK)
		st = hold_take(care->conf->path, HOLD_ALONE, &hold, why);
	if (st != ST_OK)
		return st;
	find_free_stamp(care);
	st = act(care, why);
	remove_stage(care);
	hold_drop(hold);
	return st;
}

enum status lmdb_care(const struct spool_conf *conf, const struct care_ask *ask,
	const struct spool_watch *watch, struct care_result *result, struct why *why)
{
	struct care care = {.conf = conf, .ask = ask, .watch = watch};
	time_t now = time(NULL);
	struct tm tm;
	*result = (struct care_result){0};
	if (strlen(conf->path) > PATH_ROOM || (ask->path && strlen(ask->path) > PATH_ROOM - 64))
		return why_set(why, ST_INVALID, "path is too long");
	gmtime_r(&now, &tm);
	strftime(care.stamp, sizeof care.stamp, "%Y%m%dT%H%M%SZ", &tm);
	care.result =
		mmap(NULL, sizeof *care.result, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (care.result == MAP_FAILED)
		return why_errno(why, errno, "cannot map memory");
	enum status st = ask->verb == CARE_BACKUP ? backup(&care, why) : act_alone(&care, why);
	*result = *care.result;
	munmap(care.result, sizeof *care.result);
	return st;
}
