/* spool/store/lmdb/blank.c: see blank.h. Layout: mdb.c of LMDB 0.9, as in pages.c. */
#include "spool/store/lmdb/blank.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

enum { PAGE_HEAD = 16, NODE_HEAD = 8, META_PAGES = 2 };
enum { F_BRANCH = 1, F_LEAF = 2, F_OVERFLOW = 4, NODE_BIG = 1 };

struct file {
	uint8_t *base;
	size_t page_bytes;
	uint64_t count;
};

static uint64_t get(const uint8_t *p, int bytes)
{
	uint64_t value = 0;
	for (int i = bytes - 1; i >= 0; i--)
		value = value << 8 | p[i];
	return value;
}

/* Behind the value of a node, in the last of its own pages. */
static void blank_value(const struct file *f, const uint8_t *page, size_t at)
{
	const uint8_t *node = page + at;
	if (at + NODE_HEAD > f->page_bytes || !(get(node + 4, 2) & NODE_BIG))
		return;
	size_t key_len = get(node + 6, 2);
	if (at + NODE_HEAD + key_len + 8 > f->page_bytes)
		return;
	uint64_t size = get(node, 2) | get(node + 2, 2) << 16, first = get(node + NODE_HEAD + key_len, 8);
	uint64_t pages = (PAGE_HEAD - 1 + size) / f->page_bytes + 1;
	if (first < META_PAGES || first >= f->count || pages > f->count - first)
		return;
	uint8_t *value = f->base + first * f->page_bytes;
	if (get(value + 10, 2) == F_OVERFLOW && get(value + 12, 4) == pages)
		memset(value + PAGE_HEAD + size, 0, pages * f->page_bytes - PAGE_HEAD - size);
}

static void blank_page(const struct file *f, uint8_t *page)
{
	size_t lower = get(page + 12, 2), upper = get(page + 14, 2);
	if (lower < PAGE_HEAD || lower > upper || upper > f->page_bytes)
		return;
	memset(page + lower, 0, upper - lower);
	for (size_t at = PAGE_HEAD; get(page + 10, 2) == F_LEAF && at + 2 <= lower; at += 2)
		blank_value(f, page, get(page + at, 2));
}

static void blank_all(const struct file *f)
{
	for (uint64_t pgno = META_PAGES; pgno < f->count;) {
		uint8_t *page = f->base + pgno * f->page_bytes;
		uint64_t flags = get(page + 10, 2), pages = get(page + 12, 4);
		if (flags == F_BRANCH || flags == F_LEAF)
			blank_page(f, page);
		pgno += flags == F_OVERFLOW && pages ? pages : 1;
	}
}

enum status blank_gaps(int fd, size_t page_bytes, struct why *why)
{
	struct stat sb;
	if (fstat(fd, &sb) != 0)
		return why_errno(why, errno, "cannot look at the copy");
	size_t len = (size_t)sb.st_size;
	struct file f = {.page_bytes = page_bytes, .count = len / page_bytes};
	f.base = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (f.base == MAP_FAILED)
		return why_errno(why, errno, "cannot map the copy");
	blank_all(&f);
	bool ok = msync(f.base, len, MS_SYNC) == 0;
	int fault = errno;
	munmap(f.base, len);
	return ok ? ST_OK : why_errno(why, fault, "cannot write the copy");
}
