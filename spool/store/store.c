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
