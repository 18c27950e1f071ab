/* spool/store/lmdb/verify_run.c: verify on a path, in a process of its own; and on an open store, in this
 * one. */
#include "spool/base/guard.h"
#include "spool/store/lmdb/tx.h"
#include "spool/store/lmdb/verbs.h"
#include "spool/store/lmdb/verify.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STALL_MS = 60000, PIN_TRIES = 100 };
#define VERIFY_MEMORY (UINT64_C(512) << 20)

/* --- the parent --- */

struct verifier {
	const struct spool_watch *watch;
	char data[PATH_MAX], dir[PATH_MAX];
	bool pins; /* the directory is an environment that others may be writing to */
	uint64_t found;
	struct why first;
};

static const char *advice_for(const char *tree)
{
	static const char *const records[] = {"job", "trigger"};
	for (size_t i = 0; i < sizeof records / sizeof *records; i++)
		if (strcmp(tree, records[i]) == 0)
			return "clario-spool repair sets aside what cannot be read";
	return strcmp(tree, "file") == 0 ? "restore a backup, or clario-spool repair"
					 : "clario-spool repair rebuilds it from the records";
}

static void pass_on(struct verifier *r, const char *tree, const char *job, const char *what)
{
	struct spool_finding finding = {tree, job, what, advice_for(tree)};
	if (r->found++ == 0)
		why_set(&r->first, ST_CORRUPT, "%s: %s", tree, what);
	if (r->watch && r->watch->found)
		r->watch->found(r->watch->arg, &finding);
}

/* TREE tab JOB tab WHAT */
static void take_line(void *arg, char *line)
{
	char *rest = line;
	const char *tree = strsep(&rest, "\t"), *job = strsep(&rest, "\t");
	pass_on(arg, tree, job ? job : "", rest ? rest : "");
}

static void take_beat(void *arg, struct guard *guard)
{
	const struct verifier *r = arg;
	if (r->watch && r->watch->progress)
		r->watch->progress(r->watch->arg, guard->done, guard->total);
}

/* PATH is a spool's directory, the directory of an environment, or a data file. */
static enum status find_data(struct verifier *r, const char *path, struct why *why)
{
	static const char *const under[] = {"/lmdb", "", NULL};
	struct stat sb;
	char lock[PATH_MAX];
	if (strlen(path) > PATH_MAX - 32)
		return why_set(why, ST_INVALID, "path is too long");
	if (stat(path, &sb) != 0)
		return why_errno(why, errno, "cannot examine %s", path);
	if (!S_ISDIR(sb.st_mode)) {
		snprintf(r->data, sizeof r->data, "%s", path);
		return ST_OK;
	}
	for (size_t i = 0; under[i]; i++) {
		snprintf(r->dir, sizeof r->dir, "%.*s%s", PATH_MAX - 32, path, under[i]);
		snprintf(r->data, sizeof r->data, "%.*s/data.mdb", PATH_MAX - 16, r->dir);
		snprintf(lock, sizeof lock, "%.*s/lock.mdb", PATH_MAX - 16, r->dir);
		r->pins = access(lock, F_OK) == 0;
		if (access(r->data, F_OK) == 0)
			return ST_OK;
	}
	return why_set(why, ST_NOTFOUND, "there is no spool and no copy of one in %s", path);
}

/* --- the child --- */

struct child {
	struct guard *guard;
	uint64_t found;
};

static void tell(void *arg, const char *tree, const char *job, const char *what)
{
	struct child *c = arg;
	char line[400];
	int len = snprintf(line, sizeof line, "%s\t%s\t%s", tree, job, what);
	c->found++;
	guard_tell(c->guard, slice_of(line, len < (int)sizeof line ? (size_t)len : sizeof line - 1));
}

static void at_entry(void *arg, const char *tree, struct slice key)
{
	struct child *c = arg;
	c->guard->done++;
	guard_at(c->guard, tree, key);
}

/* A reader's slot in LMDB's table keeps the pages of this state from being used again. Only of a file whose
 * head is sound: LMDB believes what stands there. *txn stays NULL where LMDB does not open what is there. */
static enum status pin(const struct verifier *r, MDB_txn **txn, struct why *why)
{
	MDB_env *env;
	*txn = NULL;
	int rc = mdb_env_create(&env);
	if (rc == 0)
		rc = mdb_env_set_maxreaders(env, ENV_MAX_READERS);
	if (rc == 0)
		rc = mdb_env_open(env, r->dir, MDB_NOTLS | MDB_RDONLY, 0660);
	if (rc == 0)
		rc = mdb_txn_begin(env, NULL, MDB_RDONLY, txn);
	if (rc == EACCES || rc == EPERM)
		return why_set(why, ST_DENIED, "cannot open %s: %s", r->dir, mdb_strerror(rc));
	return ST_OK;
}

static enum status open_pinned(const struct verifier *r, MDB_txn *txn, struct pages *pages,
	const struct page_visit *visit, struct why *why)
{
	enum status st = ST_BUSY;
	for (int i = 0; st == ST_BUSY && i < PIN_TRIES; i++) {
		if (i > 0) {
			mdb_txn_reset(txn);
			if (mdb_txn_renew(txn) != 0)
				break;
		}
		st = pages_open(r->data, mdb_txn_id(txn), pages, visit, why);
	}
	return st;
}

static uint64_t count_entries(struct pages *pages)
{
	struct page_visit visit = {0};
	uint64_t sum = 0;
	pages_find_trees(pages, &visit);
	for (int i = 0; i < TREE_N; i++)
		sum += pages->trees[i].is_there ? pages->trees[i].entries : 0;
	return sum;
}

static enum status run_child(void *arg, struct guard *guard, struct why *why)
{
	const struct verifier *r = arg;
	struct child c = {.guard = guard};
	struct verify_sink sink = {tell, at_entry, &c};
	struct page_visit visit = {NULL, verify_tell_meta, &sink, false};
	struct pages pages;
	MDB_txn *txn = NULL;
	enum status st = r->pins && pages_check_head(r->data, NULL) == ST_OK ? pin(r, &txn, why) : ST_OK;
	if (st == ST_OK)
		st = txn ? open_pinned(r, txn, &pages, &visit, why)
			 : pages_open(r->data, 0, &pages, &visit, why);
	if (st == ST_CORRUPT)
		tell(&c, "file", "", why->text);
	if (st != ST_OK)
		return st;
	guard->total = count_entries(&pages);
	verify_pages(&pages, &sink);
	if (txn)
		mdb_txn_abort(txn);
	return c.found ? ST_CORRUPT : ST_OK;
}

enum status lmdb_verify(const char *path, const struct spool_watch *watch, struct why *why)
{
	struct verifier r = {.watch = watch};
	struct why end = WHY_INIT;
	bool died;
	enum status st = find_data(&r, path, why);
	if (st != ST_OK)
		return st;
	struct guard_task task = {
		.run = run_child,
		.line = take_line,
		.beat = take_beat,
		.arg = &r,
		.stall_ms = watch && watch->stall_ms ? watch->stall_ms : STALL_MS,
		.memory_bytes = VERIFY_MEMORY,
	};
	st = guard_run(&task, &died, &end);
	if (died)
		pass_on(&r, "file", "", end.text);
	if (why)
		*why = st == ST_CORRUPT ? r.first : end;
	return st;
}

/* --- an open store --- */

struct listener {
	spool_check_fn report;
	void *arg;
	struct why first;
};

static void tell_listener(void *arg, const char *tree, const char *job, const char *what)
{
	struct listener *l = arg;
	struct why text = WHY_INIT;
	(void)job;
	why_set(&text, ST_CORRUPT, "%s: %s", tree, what);
	if (!l->first.text[0])
		l->first = text;
	if (l->report)
		l->report(l->arg, text.text);
}

enum status lmdb_check(struct store *store, spool_check_fn report, void *arg, struct why *why)
{
	struct listener l = {.report = report, .arg = arg};
	struct verify_sink sink = {tell_listener, NULL, &l};
	struct page_visit visit = {NULL, verify_tell_meta, &sink, false};
	struct pages pages;
	MDB_txn *txn;
	int rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn);
	if (rc != 0)
		return why_set(why, env_map_rc(rc), "cannot begin a transaction: %s", mdb_strerror(rc));
	enum status st = pages_open(store->data_path, mdb_txn_id(txn), &pages, &visit, why);
	if (st == ST_OK) {
		if (verify_pages(&pages, &sink)) {
			st = ST_CORRUPT;
			if (why)
				*why = l.first;
		}
		pages_close(&pages);
	}
	mdb_txn_abort(txn);
	return st;
}
