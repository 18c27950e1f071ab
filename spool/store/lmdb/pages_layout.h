/* spool/store/lmdb/pages_layout.h: where things stand in LMDB's pages, for those who read them (pages.h):
 * mdb.c of LMDB 0.9, MDB_page, MDB_db. */
#ifndef SPOOL_STORE_LMDB_PAGES_LAYOUT_H
#define SPOOL_STORE_LMDB_PAGES_LAYOUT_H
#include "spool/store/lmdb/pages.h"

enum { PAGE_HEAD = 16, DB_BYTES = 48 };
enum { F_BRANCH = 1, F_LEAF = 2, F_OVERFLOW = 4, F_META = 8 };

/* Numbers stand in the machine's order, which is little-endian. */
static inline uint64_t number_at(const uint8_t *p, int bytes)
{
	uint64_t value = 0;
	for (int i = bytes - 1; i >= 0; i--)
		value = value << 8 | p[i];
	return value;
}

static inline struct page_tree page_tree_read(const uint8_t *p)
{
	return (struct page_tree){
		.is_there = true,
		.depth = (unsigned)number_at(p + 6, 2),
		.branch_pages = number_at(p + 8, 8),
		.leaf_pages = number_at(p + 16, 8),
		.overflow_pages = number_at(p + 24, 8),
		.entries = number_at(p + 32, 8),
		.root = number_at(p + 40, 8),
	};
}

#endif
