/* worker/mark.c: see mark.h. The file is memory that outlives its process on this host and in this boot, no
 * more: so it is a plain struct, and is never synced. */
#include "worker/mark.h"

#include "spool/base/clock.h"
#include "spool/base/hash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAMES_MAX = 100, HELD_MAX = 65536, IS_SET = 32 /* bit of check */ };
static const char prefix[] = "running.", magic[8] = "clrmark1";

struct held {
	struct job_id id;
	uint64_t token;
};

struct page {
	char magic[sizeof magic];
	uint64_t boot_id;
	/* The job: whole if check is the one of these; 0: none. */
	struct held in;
	_Atomic uint64_t check;
	/* Half of one may have been written: the spool knows which leases there are. */
	_Atomic uint64_t held_n;
	uint64_t held_max;
	struct held held[];
};

struct mark {
	struct page *page;
	size_t size;
	int fd; /* holds the lock */
	char path[PATH_MAX];
};

static size_t size_of(uint64_t held_max)
{
	return sizeof(struct page) + held_max * sizeof(struct held);
}

/* A process may die between two stores: then the check is not theirs. */
static uint64_t check_of(const struct page *p)
{
	struct {
		uint64_t boot_id;
		struct held in;
	} all = {p->boot_id, p->in};
	return UINT64_C(1) << IS_SET | hash_crc32c(&all, sizeof all);
}

void mark_set(struct mark *mark, struct job_id id, uint64_t token)
{
	if (!mark)
		return;
	mark->page->in = (struct held){id, token};
	atomic_store_explicit(&mark->page->check, check_of(mark->page), memory_order_release);
	atomic_signal_fence(memory_order_seq_cst); /* and not after what follows */
}

void mark_clear(struct mark *mark)
{
	if (mark)
		atomic_store_explicit(&mark->page->check, 0, memory_order_release);
}

void mark_hold(struct mark *mark, struct job_id id, uint64_t token)
{
	struct page *p = mark ? mark->page : NULL;
	uint64_t n = p ? atomic_load_explicit(&p->held_n, memory_order_relaxed) : 0;
	if (!p || n >= p->held_max)
		return;
	p->held[n] = (struct held){id, token};
	atomic_store_explicit(&p->held_n, n + 1, memory_order_release);
}

void mark_unhold(struct mark *mark, size_t i)
{
	struct page *p = mark ? mark->page : NULL;
	uint64_t n = p ? atomic_load_explicit(&p->held_n, memory_order_relaxed) : 0;
	if (i >= n)
		return;
	p->held[i] = p->held[n - 1];
	atomic_store_explicit(&p->held_n, n - 1, memory_order_release);
}

/* --- the living --- */

static bool is_linked(int fd)
{
	struct stat sb;
	return fstat(fd, &sb) == 0 && sb.st_nlink > 0;
}

/* A new file under our lock, or -1. Until it is locked and has its size, a reaper may take it for one that
 * was never finished, and remove it: then it has no name any more. */
static int create(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0660);
	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX) == 0 && is_linked(fd))
		return fd;
	close(fd);
	errno = EEXIST; /* once more, under another name */
	return -1;
}

static int create_any(char *path, size_t cap, const char *spool_path)
{
	char host[64] = "";
	gethostname(host, sizeof host - 1);
	for (char *c = host; *c; c++)
		*c = *c == '/' ? '_' : *c;
	for (int i = 0; i < NAMES_MAX; i++) {
		char number[16] = "";
		if (i)
			snprintf(number, sizeof number, ".%d", i);
		if (snprintf(path, cap, "%s/%s%s.%ld%s", spool_path, prefix, host, (long)getpid(), number) >=
			(int)cap)
			break;
		int fd = create(path);
		if (fd >= 0 || errno != EEXIST)
			return fd;
	}
	errno = ENAMETOOLONG;
	return -1;
}

/* All of it is written, so that a full disk shows here, and not as a signal when a page is touched. */
static bool fill(int fd, uint64_t held_max)
{
	struct page *first = calloc(1, size_of(held_max));
	if (!first)
		return false;
	memcpy(first->magic, magic, sizeof magic);
	first->boot_id = clock_now().boot_id;
	first->held_max = held_max;
	errno = ENOSPC;
	bool is_whole = pwrite(fd, first, size_of(held_max), 0) == (ssize_t)size_of(held_max);
	free(first);
	return is_whole;
}

static bool map(struct mark *m, uint64_t held_max)
{
	m->size = size_of(held_max);
	void *page = MAP_FAILED;
	if (fill(m->fd, held_max))
		page = mmap(NULL, m->size, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);
	m->page = page == MAP_FAILED ? NULL : page;
	return m->page != NULL;
}

struct mark *mark_open(const char *spool_path, size_t held_max, struct why *why)
{
	struct mark *m = calloc(1, sizeof *m);
	if (!m) {
		why_set(why, ST_NOMEM, "out of memory");
		return NULL;
	}
	m->fd = create_any(m->path, sizeof m->path, spool_path);
	if (m->fd >= 0 && map(m, held_max < HELD_MAX ? held_max : HELD_MAX))
		return m;
	why_errno(why, errno, "cannot make %.200s", m->path);
	if (m->fd >= 0) {
		unlink(m->path);
		close(m->fd);
	}
	free(m);
	return NULL;
}

void mark_close(struct mark *mark)
{
	if (!mark)
		return;
	unlink(mark->path);
	munmap(mark->page, mark->size);
	close(mark->fd);
	free(mark);
}

/* --- the dead --- */

/* The file of a worker that is dead, all of it; NULL: it is no mark. An empty one was not finished. */
static struct page *read_page(int fd, size_t size)
{
	if (size < sizeof(struct page) || size > size_of(HELD_MAX))
		return NULL;
	struct page *page = calloc(1, size);
	bool is_mark = page && pread(fd, page, size, 0) == (ssize_t)size &&
		       memcmp(page->magic, magic, sizeof magic) == 0 && page->held_max <= HELD_MAX &&
		       size == size_of(page->held_max);
	if (is_mark)
		return page;
	free(page);
	return NULL;
}

static void tell(const struct page *page, mark_found found, void *arg)
{
	uint64_t n = atomic_load(&page->held_n);
	if (page->boot_id != clock_now().boot_id || atomic_load(&page->check) != check_of(page))
		return;
	found(arg, page->in.id, page->in.token, true);
	for (uint64_t i = 0; i < n && i < page->held_max; i++)
		if (page->held[i].token != page->in.token || id_cmp(page->held[i].id, page->in.id) != 0)
			found(arg, page->held[i].id, page->held[i].token, false);
}

/* Under our lock nobody else removes the file, and a new one under its name there cannot be. */
static void reap_one(int dir_fd, const char *name, mark_found found, void *arg)
{
	struct page *page = NULL;
	struct stat sb;
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return;
	bool is_dead = fstat(fd, &sb) == 0 && S_ISREG(sb.st_mode) && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
		       fstat(fd, &sb) == 0 && sb.st_nlink > 0; /* or another has reaped it */
	if (is_dead && sb.st_size > 0)
		page = read_page(fd, (size_t)sb.st_size);
	if (is_dead && (page || sb.st_size == 0))
		unlinkat(dir_fd, name, 0);
	if (page)
		tell(page, found, arg);
	free(page);
	close(fd);
}

void mark_reap(const char *spool_path, mark_found found, void *arg)
{
	DIR *dir = opendir(spool_path);
	if (!dir)
		return;
	for (struct dirent *entry; (entry = readdir(dir));)
		if (strncmp(entry->d_name, prefix, sizeof prefix - 1) == 0)
			reap_one(dirfd(dir), entry->d_name, found, arg);
	closedir(dir);
}
