/* spool/store/lmdb/pages_file.c: the mapping of the file that pages.h reads, and its head: the two meta
 * pages, of which one tells the newest state. Layout: mdb.c of LMDB 0.9, MDB_meta. */
#include "spool/store/lmdb/pages_layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { META_BYTES = 136, META_VERSION = 1 };
enum { PAGE_MIN = 512, PAGE_MAX = 65536 };
#define META_MAGIC 0xBEEFC0DEu

struct meta {
	struct page_tree free, main;
	uint64_t page_bytes, map_bytes, last_page, txn;
	const char *bad;
};

static void read_meta(const uint8_t *page, unsigned number, struct meta *out)
{
	const uint8_t *p = page + PAGE_HEAD;
	*out = (struct meta){.free = page_tree_read(p + 24),
		.main = page_tree_read(p + 24 + DB_BYTES),
		.page_bytes = number_at(p + 24, 4),
		.map_bytes = number_at(p + 16, 8),
		.last_page = number_at(p + 24 + 2 * DB_BYTES, 8),
		.txn = number_at(p + 24 + 2 * DB_BYTES + 8, 8)};
	bool is_size = out->page_bytes >= PAGE_MIN && out->page_bytes <= PAGE_MAX &&
		       !(out->page_bytes & (out->page_bytes - 1));
	if (number_at(page + 10, 2) != F_META || number_at(page, 8) != number)
		out->bad = "is not a meta page";
	else if ((uint32_t)number_at(p, 4) != META_MAGIC || number_at(p + 4, 4) != META_VERSION)
		out->bad = "has no LMDB mark of a known version";
	else if (!is_size)
		out->bad = "tells an impossible size of pages";
	else if (out->txn % 2 != number)
		out->bad = "has another's transaction number";
	else if (out->last_page < 1 || out->last_page >= out->map_bytes / out->page_bytes)
		out->bad = "tells more pages than its map has";
}

static size_t guess_page_bytes(const struct pages *pages)
{
	uint64_t told =
		pages->file_bytes >= PAGE_HEAD + META_BYTES ? number_at(pages->base + PAGE_HEAD + 24, 4) : 0;
	bool is_size = told >= PAGE_MIN && told <= PAGE_MAX && !(told & (told - 1));
	return is_size && told * 2 <= pages->file_bytes ? told : (size_t)sysconf(_SC_PAGESIZE);
}

static void tell_meta(const struct page_visit *visit, int number, const char *what)
{
	if (visit->damage)
		visit->damage(visit->arg, (uint64_t)number, (struct slice)SLICE_INIT, what);
}

static void use_meta(struct pages *pages, const struct meta *meta)
{
	pages->page_bytes = meta->page_bytes;
	pages->map_bytes = meta->map_bytes;
	pages->count = pages->told = meta->last_page + 1;
	if (pages->count > pages->file_bytes / pages->page_bytes)
		pages->count = pages->file_bytes / pages->page_bytes;
	pages->txn = meta->txn;
	pages->free = meta->free;
	pages->main = meta->main;
}

/* The newest state of a file that nobody writes to. */
static enum status choose_meta(
	struct pages *pages, const struct meta metas[2], const struct page_visit *visit, struct why *why)
{
	int best = -1;
	for (int i = 0; i < 2; i++) {
		if (metas[i].bad)
			tell_meta(visit, i, metas[i].bad);
		else if (best < 0 || metas[i].txn > metas[best].txn)
			best = i;
	}
	if (best < 0)
		return why_set(why, ST_CORRUPT, "neither of the file's meta pages can be used");
	use_meta(pages, &metas[best]);
	pages->is_fallback = metas[!best].bad != NULL;
	if (metas[!best].bad)
		return ST_OK;
	if (metas[best].txn != metas[!best].txn + 1)
		tell_meta(visit, best, "does not follow the other");
	if (metas[0].page_bytes != metas[1].page_bytes || metas[0].map_bytes != metas[1].map_bytes)
		tell_meta(visit, !best, "tells other sizes than the other");
	return ST_OK;
}

/* Whatever there is, for salvage. */
static enum status choose_any(struct pages *pages, const struct meta metas[2], size_t page_bytes)
{
	int best = -1;
	for (int i = 0; i < 2; i++)
		if (!metas[i].bad && (best < 0 || metas[i].txn > metas[best].txn))
			best = i;
	/* A last page that is cut reads as zeros to the end of the mapping's page. */
	if (page_bytes <= (size_t)sysconf(_SC_PAGESIZE))
		pages->file_bytes = (pages->file_bytes + page_bytes - 1) / page_bytes * page_bytes;
	pages->page_bytes = page_bytes;
	pages->count = pages->told = pages->file_bytes / page_bytes;
	pages->is_fallback = true;
	pages->free.root = pages->main.root = PAGE_NONE;
	if (best >= 0)
		use_meta(pages, &metas[best]);
	if (best >= 0)
		pages->is_fallback = metas[!best].bad != NULL;
	return ST_OK;
}

static enum status find_meta(
	struct pages *pages, uint64_t txn, const struct page_visit *visit, struct why *why)
{
	struct meta metas[2];
	size_t size = guess_page_bytes(pages);
	if (pages->file_bytes < 2 * size)
		return why_set(why, ST_CORRUPT, "the file is too short to be a spool's data");
	read_meta(pages->base, 0, &metas[0]);
	read_meta(pages->base + size, 1, &metas[1]);
	if (txn == PAGES_ANY)
		return choose_any(pages, metas, size);
	if (txn == 0)
		return choose_meta(pages, metas, visit, why);
	if (metas[txn % 2].bad || metas[txn % 2].txn != txn)
		return why_set(why, ST_BUSY, "the spool changes faster than it can be looked at");
	use_meta(pages, &metas[txn % 2]);
	return ST_OK;
}

static enum status map_file(const char *path, struct pages *out, struct why *why)
{
	struct stat sb;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return why_errno(why, errno, "cannot open %s", path);
	enum status st = ST_OK;
	if (fstat(fd, &sb) != 0)
		st = why_errno(why, errno, "cannot examine %s", path);
	else if (!S_ISREG(sb.st_mode) || sb.st_size < PAGE_HEAD + META_BYTES)
		st = why_set(why, ST_CORRUPT, "%s is not a spool's data (empty, or not a file)", path);
	if (st == ST_OK) {
		void *base = mmap(NULL, (size_t)sb.st_size, PROT_READ, MAP_SHARED, fd, 0);
		if (base == MAP_FAILED)
			st = why_errno(why, errno, "cannot map %s", path);
		else
			*out = (struct pages){.base = base, .file_bytes = (size_t)sb.st_size};
	}
	close(fd);
	return st;
}

enum status pages_open(const char *data_path, uint64_t txn, struct pages *out, const struct page_visit *visit,
	struct why *why)
{
	*out = (struct pages){0};
	enum status st = map_file(data_path, out, why);
	if (st == ST_OK)
		st = find_meta(out, txn, visit, why);
	if (st == ST_OK) {
		out->seen = calloc(1, out->count / 8 + 1);
		out->freed = calloc(1, out->told / 8 + 1);
		if (!out->seen || !out->freed)
			st = why_set(why, ST_NOMEM, "out of memory");
	}
	if (st != ST_OK)
		pages_close(out);
	return st;
}

void pages_close(struct pages *pages)
{
	if (pages->base)
		munmap((void *)(uintptr_t)pages->base, pages->file_bytes);
	free(pages->seen);
	free(pages->freed);
	*pages = (struct pages){0};
}
