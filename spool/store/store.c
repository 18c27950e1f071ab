/* spool/store/store.c: the engines of this build. */
#include "spool/store/store.h"

static const struct store_ops *const engines[] = {&store_lmdb};

const struct store_ops *store_find(const char *name)
{
	for (size_t i = 0; i < sizeof engines / sizeof *engines; i++)
		if (strcmp(engines[i]->name, name) == 0)
			return engines[i];
	return NULL;
}

enum status store_submit(const struct store_ops *ops, struct store *store, struct moment now,
	const struct submission *list, size_t n, struct why *why)
{
	enum status st = ops->submit(store, now, list, n, why);
	return st == ST_OK ? ops->sync(store, why) : st;
}
