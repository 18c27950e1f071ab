/* spool/store/lmdb/pages_head.c: whether LMDB can be let at a file. */
#include "spool/store/lmdb/pages.h"

enum { HEAD_TRIES = 5, HEAD_WAIT_MS = 20 };

static void keep_words(void *arg, uint64_t pgno, struct slice after, const char *what)
{
	(void)after;
	why_set(arg, ST_CORRUPT, "meta page %llu %s", (unsigned long long)pgno, what);
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
		if (st == ST_OK)
			pages_close(&pages);
		if (st == ST_OK && !found.text[0])
			return ST_OK;
		if (st == ST_OK)
			st = why_set(why, ST_CORRUPT, "%s is damaged: %s", data_path, found.text);
	}
	return st;
}
