/* spool/store/lmdb/pages_head.c: whether LMDB can be let at a file. */
#include "spool/store/lmdb/pages.h"

enum { HEAD_TRIES = 5, HEAD_WAIT_MS = 20 };

static void keep_words(void *arg, uint64_t pgno, struct slice after, const char *what)
{
	(void)after;
	why_set(arg, ST_CORRUPT, "meta page %llu %s", (unsigned long long)pgno, what);
}

static void keep_page(void *arg, uint64_t pgno, struct slice after, const char *what)
{
	struct why *found = arg;
	(void)after;
	if (!found->text[0])
		why_set(found, ST_CORRUPT, "it was cut short: %s %lld %s",
			pgno == PAGE_NONE ? "tree" : "page", (long long)pgno, what);
}

/* All trees, when the file is shorter than its state tells: of what is missing nothing may be in use. */
static void check_short(struct pages *pages, struct why *found)
{
	struct page_visit visit = {NULL, keep_page, found, true};
	if (pages->count == pages->told)
		return;
	pages_find_trees(pages, &visit);
	for (int i = 0; i < TREE_N && !found->text[0]; i++)
		if (pages->trees[i].is_there)
			pages_walk(pages, &pages->trees[i], &visit);
	pages_walk_free(pages, &visit);
}

/* Looked at again when it seems damaged: a process that has it open may be writing just there. */
enum status pages_check_head(const char *data_path, struct why *why)
{
	enum status st = ST_OK;
	for (int i = 0; i < HEAD_TRIES; i++) {
		struct pages pages;
		struct why found = WHY_INIT;
		struct page_visit visit = {NULL, keep_words, &found, false};
		if (i > 0)
			clock_sleep_ms(HEAD_WAIT_MS);
		st = pages_open(data_path, 0, &pages, &visit, why);
		if (st == ST_OK && !found.text[0])
			check_short(&pages, &found);
		if (st == ST_OK)
			pages_close(&pages);
		if (st == ST_OK && !found.text[0])
			return ST_OK;
		if (st == ST_OK)
			st = why_set(why, ST_CORRUPT, "%s is damaged: %s", data_path, found.text);
	}
	return st;
}
