/* spool/store/lmdb/pages.h: LMDB's file as pages, read by ourselves.
 *
 * LMDB trusts its file: a damaged one makes it crash or loop. This reader trusts nothing: every offset is
 * checked against the page, every page against the file, and no page is visited twice, so that whatever the
 * bytes are, a walk ends, goes past what is damaged, and names it. It reads only, from a mapping of its own,
 * and knows the layout of LMDB 0.9 on 64-bit little-endian machines (data version 1). */
#ifndef SPOOL_STORE_LMDB_PAGES_H
#define SPOOL_STORE_LMDB_PAGES_H
#include "spool/store/lmdb/init.h"

/* A tree as LMDB's MDB_db tells it. */
struct page_tree {
	bool is_there;
	uint64_t root; /* PAGE_NONE: empty */
	uint64_t entries, branch_pages, leaf_pages, overflow_pages;
	unsigned depth;
};
#define PAGE_NONE UINT64_MAX

struct pages {
	const uint8_t *base;
	size_t file_bytes;
	size_t page_bytes;
	uint64_t count; /* pages that are in the file: numbers below this */
	/* Pages that the state has. Those from count on are free: what LMDB takes and frees in one
	 * transaction it does not write, and so the file may end before it. */
	uint64_t told;
	uint64_t txn, map_bytes;
	bool is_fallback; /* the newest state is unreadable: this is the one before */
	struct page_tree free, main, trees[TREE_N];
	uint8_t *seen, *freed; /* a bit per page */
};

/* What a walk meets. Return false from entry to stop. */
struct page_visit {
	bool (*entry)(void *arg, struct slice key, struct slice value);
	/* pgno PAGE_NONE: the tree as a whole. after: the last good key before. */
	void (*damage)(void *arg, uint64_t pgno, struct slice after, const char *what);
	void *arg;
	bool marks; /* mark pages as seen; one that was seen before is damage */
};

/* As a txn of pages_open(): for salvage. The newest state of a file that was cut short is good enough, and
 * without any state the file is pages that no tree leads to. */
#define PAGES_ANY UINT64_MAX
/* Map the file. Finds its state: with txn 0 the newest that its meta pages tell, otherwise that of this
 * transaction (which the caller keeps alive); BUSY: it has passed, begin another. Damage of the meta pages
 * goes to visit->damage; CORRUPT: none of them can be used. The trees are found by pages_find_trees(). */
NODISCARD enum status pages_open(const char *data_path, uint64_t txn, struct pages *out,
	const struct page_visit *visit, struct why *why);
/* Before LMDB opens the file, which believes what stands there: CORRUPT unless both meta pages are as LMDB
 * leaves them, and the file has all pages that are in use. */
NODISCARD enum status pages_check_head(const char *data_path, struct why *why);
void pages_close(struct pages *pages);

/* Walks the tree of trees; for names that are not ours calls damage. */
void pages_find_trees(struct pages *pages, const struct page_visit *visit);
/* Walks the list of free pages, and marks them. After all trees: one that is in use is damage. */
void pages_walk_free(struct pages *pages, const struct page_visit *visit);
/* Every entry of a tree in order, past what is damaged, its sizes compared with what its record tells. */
void pages_walk(struct pages *pages, const struct page_tree *tree, const struct page_visit *visit);
/* ST_OK, NOTFOUND, or CORRUPT: the way there is damaged. */
enum status pages_get(
	const struct pages *pages, const struct page_tree *tree, struct slice key, struct slice *value);

bool pages_is_seen(const struct pages *pages, uint64_t pgno);
bool pages_is_free(const struct pages *pages, uint64_t pgno);
/* Forget that a page was seen: it will be sifted. */
void pages_unsee(struct pages *pages, uint64_t pgno);
/* Everything in a page that may be an entry with a key of key_len bytes, ordered or not, whatever its header
 * says. For salvage. */
void pages_sift(const struct pages *pages, uint64_t pgno, const struct page_visit *visit);

#endif
