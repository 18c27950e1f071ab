/* spool/store/store.c: the engines. One is part of each program; one that needs a library which not every
 * host has is a shared object, loaded when it is asked for, which finds what it needs of ours in the program.
 */
#include "spool/store/store.h"

#include "spool/base/log.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct store_ops *const engines[] = {&store_lmdb};
static const char *const loadable[] = {"postgres"};

/* What was loaded stays. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const struct store_ops *loaded[sizeof loadable / sizeof *loadable];

static const struct store_ops *load_from(const char *dir, const char *name)
{
	char path[PATH_MAX], symbol[64];
	if (snprintf(path, sizeof path, "%s/clario-store-%s.so", dir, name) >= (int)sizeof path ||
		access(path, R_OK) != 0)
		return NULL;
	void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	snprintf(symbol, sizeof symbol, "store_%s", name);
	const struct store_ops *ops = so ? dlsym(so, symbol) : NULL;
	if (!ops)
		log_err("event=store_not_loaded file=%s why=%s", path, LOG_QT(dlerror()));
	else if (strcmp(ops->version, CLARIO_VERSION) != 0)
		log_err("event=store_not_loaded file=%s why=\"it is of version %s\"", path, ops->version);
	else
		return ops;
	if (so)
		dlclose(so);
	return NULL;
}

/* from_there: from the running program's directory. */
static const struct store_ops *load_near(const char *from_there, const char *name)
{
	char dir[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", dir, sizeof dir - 64);
	if (len <= 0)
		return NULL;
	while (len > 0 && dir[len - 1] != '/')
		len--;
	snprintf(dir + len, sizeof dir - (size_t)len, "%s", from_there);
	return load_from(dir, name);
}

/* A checkout has the engine beside the program, an installation in PREFIX/lib. */
static const struct store_ops *load(const char *name)
{
	const char *told = secure_getenv("CLARIO_STORE_DIR");
	if (told)
		return load_from(told, name);
	const struct store_ops *ops = load_near(".", name);
	return ops ? ops : load_near("../lib/clario-workflow", name);
}

const struct store_ops *store_find(const char *name)
{
	const struct store_ops *found = NULL;
	for (size_t i = 0; i < sizeof engines / sizeof *engines; i++)
		if (strcmp(engines[i]->name, name) == 0)
			return engines[i];
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < sizeof loadable / sizeof *loadable && !found; i++)
		if (strcmp(loadable[i], name) == 0) {
			if (!loaded[i])
				loaded[i] = load(name);
			found = loaded[i];
		}
	pthread_mutex_unlock(&lock);
	return found;
}

enum status store_submit(const struct store_ops *ops, struct store *store, struct moment now,
	const struct submission *list, size_t n, struct why *why)
{
	enum status st = ops->submit(store, now, list, n, why);
	return st == ST_OK ? ops->sync(store, why) : st;
}
