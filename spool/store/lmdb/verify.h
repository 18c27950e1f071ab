/* spool/store/lmdb/verify.h: what FORMAT.md calls invariants, held against the pages of one state of a spool.
 */
#ifndef SPOOL_STORE_LMDB_VERIFY_H
#define SPOOL_STORE_LMDB_VERIFY_H
#include "spool/store/lmdb/pages.h"

struct verify_sink {
	void (*found)(void *arg, const char *tree, const char *job, const char *what);
	void (*at)(void *arg, const char *tree, struct slice key); /* each entry; may be NULL */
	void *arg;
};

/* Damage of the file's head, for pages_open(): arg is a struct verify_sink. */
void verify_tell_meta(void *arg, uint64_t pgno, struct slice after, const char *what);
/* Everything beyond. The number of findings. */
uint64_t verify_pages(struct pages *pages, const struct verify_sink *sink);

#endif
