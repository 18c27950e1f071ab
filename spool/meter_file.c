/* spool/meter_file.c: the files of meters: who lives, who is dead, and the total of the dead.
 *
 * A process holds a lock on its file for as long as it lives: who can have the lock knows that it is dead,
 * and that what it counted is final. Folding is: a new total, which names what it has taken in, under another
 * name; rename; unlink. After a crash between the last two the files that are named are only unlinked. All of
 * it happens under the directory's lock. Nothing is synced: a power cut ends the boot, and with it the
 * counting. */
#include "spool/meter_file.h"

#include "spool/base/clock.h"
#include "spool/base/hash.h"
#include "spool/base/log.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

const char meter_page_magic[8] = "clrmetr";
static const char total_magic[8] = "clrmett", lock_name[] = "lock", total_name[] = "total",
		  part_name[] = "total.part";
enum { LOG_EVERY_MS = 60000 };

static_assert(sizeof(struct meter_values) % sizeof(uint64_t) == 0, "nothing but counters");

uint32_t meter_page_crc(const struct meter_page *page)
{
	return hash_crc32c(page, offsetof(struct meter_page, crc));
}

static uint32_t total_crc(const struct meter_total *total)
{
	return hash_crc32c(total, offsetof(struct meter_total, crc));
}

/* --- names --- */

size_t meter_names_max(enum meter_names kind)
{
	static const size_t max[METER_NAMES_N] = {METER_SOURCES_MAX, METER_RECEIVERS_MAX, METER_CODES_MAX};
	return max[kind];
}

void meter_names_init(struct meter_sum *sum)
{
	for (int kind = 0; kind < METER_NAMES_N; kind++) {
		snprintf(sum->names[kind][0], sizeof sum->names[kind][0], "other");
		sum->names_n[kind] = 1;
	}
}

size_t meter_name_find(const struct meter_sum *sum, enum meter_names kind, const char *name)
{
	for (uint32_t i = 1; i < sum->names_n[kind]; i++)
		if (strcmp(sum->names[kind][i], name) == 0)
			return i;
	return 0;
}

size_t meter_name_add(struct meter_sum *sum, enum meter_names kind, const char *name)
{
	size_t at = meter_name_find(sum, kind, name);
	uint32_t n = sum->names_n[kind];
	if (at || n >= meter_names_max(kind))
		return at;
	snprintf(sum->names[kind][n], sizeof sum->names[kind][n], "%s", name);
	sum->names_n[kind] = n + 1;
	return n;
}

/* Of each kind, where the one's names stand in the other. */
struct places {
	size_t at[METER_NAMES_N][METER_NAMES_MAX];
};

static void find_places(struct meter_sum *to, const struct meter_sum *from, struct places *out)
{
	*out = (struct places){0};
	for (int kind = 0; kind < METER_NAMES_N; kind++)
		for (uint32_t i = 1; i < from->names_n[kind]; i++)
			out->at[kind][i] = meter_name_add(to, kind, from->names[kind][i]);
}

/* --- sums --- */

static void add_histograms(struct meter_histogram *to, const struct meter_histogram *from, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		to[i].sum += from[i].sum;
		for (int b = 0; b < METER_BUCKETS; b++)
			to[i].in[b] += from[i].in[b];
	}
}

static void add_by_source(struct meter_values *to, const struct meter_values *from, const size_t *at)
{
	for (int i = 0; i < METER_SOURCES_MAX; i++) {
		to->bytes[at[i]] += from->bytes[i];
		for (int r = 0; r < METER_REPEAT_N; r++)
			to->repeats[at[i]][r] += from->repeats[i][r];
		for (int slot = 0; slot < PHASE_SLOTS; slot++)
			for (int st = 0; st < METER_STATUS_N; st++)
				to->submits[slot][at[i]][st] += from->submits[slot][i][st];
	}
}

static void add_sum(struct meter_sum *sum, const struct meter_sum *more)
{
	struct meter_values *to = &sum->values;
	const struct meter_values *from = &more->values;
	struct places p;
	find_places(sum, more, &p);
	add_by_source(to, from, p.at[METER_SOURCES]);
	for (int i = 0; i < METER_CODES_MAX; i++)
		to->refused[p.at[METER_CODES][i]] += from->refused[i];
	for (int o = 0; o < METER_OUTCOME_N; o++)
		for (int i = 0; i < METER_RECEIVERS_MAX; i++)
			to->attempts[o][p.at[METER_RECEIVERS][i]] += from->attempts[o][i];
	to->leases_expired += from->leases_expired;
	for (int span = 0; span < METER_SPAN_N; span++)
		add_histograms(to->spans[span], from->spans[span], PHASE_SLOTS);
	add_histograms(to->commit_times, from->commit_times, METER_COMMIT_N);
	add_histograms(to->commit_jobs, from->commit_jobs, METER_COMMIT_N);
	for (int i = 0; i < METER_RECEIVERS_MAX; i++)
		add_histograms(&to->calls[p.at[METER_RECEIVERS][i]], &from->calls[i], 1);
}

/* --- the directory --- */

static enum status lock_within(int fd, int64_t wait_ms, struct why *why)
{
	int64_t until = clock_mono_us() + wait_ms * 1000;
	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return why_errno(why, errno, "cannot lock the meters");
		if (clock_mono_us() >= until)
			return why_set(why, ST_BUSY, "the meters are locked by another process");
		clock_sleep_ms(1);
	}
	return ST_OK;
}

enum status meter_dir_open(const char *spool_path, enum meter_dir_use use, int64_t wait_ms,
	struct meter_dir *out, struct why *why)
{
	char path[4200];
	int flags = use == METER_DIR_LOOK ? O_RDONLY : O_RDWR | O_CREAT;
	*out = (struct meter_dir){-1, -1, use == METER_DIR_LOOK};
	snprintf(path, sizeof path, "%s/meters", spool_path);
	if (use == METER_DIR_MAKE && mkdir(path, 0770) != 0 && errno != EEXIST)
		return why_errno(why, errno, "cannot make %.400s", path);
	out->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (out->fd < 0 && (errno == ENOENT || errno == ENOTDIR)) /* a copy of a spool is a file */
		return why_set(why, ST_NOTFOUND, "there is no %.400s", path);
	if (out->fd < 0)
		return why_errno(why, errno, "cannot open %.400s", path);
	out->lock_fd = openat(out->fd, lock_name, flags | O_CLOEXEC | O_NOFOLLOW, 0660);
	enum status st = out->lock_fd >= 0 ? lock_within(out->lock_fd, wait_ms, why)
					   : why_errno(why, errno, "cannot open %.400s/lock", path);
	if (st != ST_OK)
		meter_dir_close(out);
	return st;
}

void meter_dir_close(struct meter_dir *dir)
{
	if (dir->lock_fd >= 0)
		close(dir->lock_fd);
	if (dir->fd >= 0)
		close(dir->fd);
	*dir = (struct meter_dir){-1, -1, false};
}

/* --- the total --- */

static void tell_ignored(const char *name, const char *what)
{
	static struct log_limit limit;
	unsigned long skipped;
	if (log_allowed(&limit, LOG_EVERY_MS, &skipped))
		log_warning("event=meter_ignored file=meters/%s skipped=%lu err=%s", LOG_Q(slice_text(name)),
			skipped, LOG_QT(what));
}

static void total_init(struct meter_total *t)
{
	*t = (struct meter_total){.layout = METER_LAYOUT, .size = sizeof *t, .boot_id = clock_now().boot_id};
	memcpy(t->magic, total_magic, sizeof t->magic);
	meter_names_init(&t->sum);
}

static bool names_are_whole(const struct meter_sum *sum)
{
	for (int kind = 0; kind < METER_NAMES_N; kind++) {
		if (sum->names_n[kind] < 1 || sum->names_n[kind] > meter_names_max(kind))
			return false;
		for (uint32_t i = 0; i < sum->names_n[kind]; i++)
			if (!memchr(sum->names[kind][i], '\0', sizeof sum->names[kind][i]))
				return false;
	}
	return true;
}

static const char *total_fault(const struct meter_total *t, ssize_t n)
{
	if (n < (ssize_t)offsetof(struct meter_total, folded) || memcmp(t->magic, total_magic, 8) != 0)
		return "this is no total";
	if (t->boot_id != clock_now().boot_id)
		return "of another boot: counting begins anew";
	if (t->layout != METER_LAYOUT || t->size != sizeof *t)
		return "of another version: counting begins anew";
	if (n != sizeof *t || t->crc != total_crc(t) || t->folded_n > METER_FOLDED_MAX ||
		!names_are_whole(&t->sum))
		return "damaged: counting begins anew";
	return NULL;
}

static enum status total_load(int dir_fd, struct meter_total *t)
{
	int fd = openat(dir_fd, total_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0) {
		total_init(t);
		return errno == ENOENT ? ST_OK : ST_IO;
	}
	const char *fault = total_fault(t, pread(fd, t, sizeof *t, 0));
	close(fd);
	if (!fault)
		return ST_OK;
	tell_ignored(total_name, fault);
	total_init(t);
	return ST_OK;
}

static bool total_store(int dir_fd, struct meter_total *t)
{
	t->crc = total_crc(t);
	int fd = openat(dir_fd, part_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0660);
	if (fd < 0)
		return false;
	bool is_whole = write(fd, t, sizeof *t) == (ssize_t)sizeof *t;
	is_whole = close(fd) == 0 && is_whole;
	return is_whole && renameat(dir_fd, part_name, dir_fd, total_name) == 0;
}

/* --- one process's file --- */

struct list {
	char names[METER_FOLDED_MAX][64];
	size_t n;
};

static bool list_add(struct list *list, const char *name)
{
	if (list->n == METER_FOLDED_MAX || strlen(name) >= sizeof list->names[0])
		return false;
	snprintf(list->names[list->n++], sizeof list->names[0], "%s", name);
	return true;
}

/* Everything that is gone over at one reading. */
struct round {
	int dir_fd;
	struct meter_sum *sum;
	struct meter_program_state *programs;
	struct meter_total *total, *next; /* next: with those of the dead that are to be folded */
	struct meter_page *page;          /* the one that is looked at */
	struct list old, fresh;           /* of the dead: in the total already; only in next */
	bool only_looks;                  /* all stays as it is */
	enum status st;                   /* sticky: what could not be read would be missing from the sum */
};

static const char *page_fault(const struct meter_page *p, ssize_t n)
{
	if (n < (ssize_t)offsetof(struct meter_page, gauges) || memcmp(p->magic, meter_page_magic, 8) != 0 ||
		p->crc != meter_page_crc(p))
		return "this is no meter, or a torn one";
	if (p->boot_id != clock_now().boot_id)
		return "of another boot";
	if (p->layout != METER_LAYOUT || p->size != sizeof *p || n != sizeof *p)
		return "of another version";
	return p->program < METER_PROGRAM_N && names_are_whole(&p->sum) ? NULL : "damaged";
}

static bool is_folded(const struct meter_total *t, uint64_t nonce)
{
	for (uint32_t i = 0; i < t->folded_n; i++)
		if (t->folded[i] == nonce)
			return true;
	return false;
}

static void take_living(struct round *r)
{
	add_sum(r->sum, &r->page->sum);
	if (!r->programs)
		return;
	struct meter_program_state *s = &r->programs[r->page->program];
	if (s->processes++ == 0 || r->page->started_at_us < s->started_at_us)
		s->started_at_us = r->page->started_at_us;
	for (int i = 0; i < METER_GAUGE_N; i++)
		s->gauges[i] += r->page->gauges[i];
}

/* What does not fit into this round is left for the next, and counts as it stands. */
static void take_dead(struct round *r, const char *name)
{
	if (is_folded(r->total, r->page->nonce)) {
		list_add(&r->old, name);
		return;
	}
	add_sum(r->sum, &r->page->sum);
	if (!list_add(&r->fresh, name))
		return;
	r->next->folded[r->next->folded_n++] = r->page->nonce;
	add_sum(&r->next->sum, &r->page->sum);
}

/* What cannot be used any more goes, if it was ours; what was never ours stays. */
static void ignore(struct round *r, const char *name, const char *fault, ssize_t n, bool is_dead)
{
	bool was_ours = n >= (ssize_t)offsetof(struct meter_page, gauges) &&
			memcmp(r->page->magic, meter_page_magic, 8) == 0;
	tell_ignored(name, fault);
	if (is_dead && was_ours && !r->only_looks)
		unlinkat(r->dir_fd, name, 0);
}

static void look_at(struct round *r, const char *name)
{
	struct stat sb;
	int fd = openat(r->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno != ELOOP)
		r->st = ST_IO;
	if (fd < 0)
		return;
	if (fstat(fd, &sb) == 0 && S_ISREG(sb.st_mode)) {
		/* Dead or not comes first: of a dead one nothing can be counted after that. */
		bool is_dead = flock(fd, LOCK_EX | LOCK_NB) == 0;
		ssize_t n = pread(fd, r->page, sizeof *r->page, 0);
		const char *fault = page_fault(r->page, n);
		if (fault)
			ignore(r, name, fault, n, is_dead);
		else if (is_dead)
			take_dead(r, name);
		else
			take_living(r);
	}
	close(fd);
}

static void look_at_all(struct round *r)
{
	int fd = openat(r->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (!dir) {
		if (fd >= 0)
			close(fd);
		r->st = ST_IO;
		return;
	}
	for (struct dirent *e; (e = readdir(dir));)
		if (e->d_name[0] != '.' && strcmp(e->d_name, lock_name) != 0 &&
			strcmp(e->d_name, total_name) != 0 && strcmp(e->d_name, part_name) != 0)
			look_at(r, e->d_name);
	closedir(dir);
}

static void unlink_all(const struct round *r, const struct list *list)
{
	for (size_t i = 0; i < list->n; i++)
		unlinkat(r->dir_fd, list->names[i], 0);
}

/* The old ones go before a total forgets that it has them. Without room on the disk the dead stay as they
 * are, and count no less. */
static void fold(struct round *r)
{
	if (r->old.n)
		unlink_all(r, &r->old);
	else if (r->fresh.n && total_store(r->dir_fd, r->next))
		unlink_all(r, &r->fresh);
}

static enum status sum_up(struct round *r)
{
	r->st = total_load(r->dir_fd, r->total);
	*r->next = *r->total;
	r->next->folded_n = 0;
	add_sum(r->sum, &r->total->sum);
	look_at_all(r);
	if (r->st == ST_OK && !r->only_looks)
		fold(r);
	return r->st;
}

enum status meter_dir_sum(struct meter_dir *dir, struct meter_sum *sum, struct meter_program_state *programs)
{
	enum status st = ST_NOMEM;
	struct round *r = calloc(1, sizeof *r);
	struct meter_total *totals = calloc(2, sizeof *totals);
	struct meter_page *page = calloc(1, sizeof *page);
	meter_names_init(sum);
	if (r && totals && page) {
		r->dir_fd = dir->fd;
		r->only_looks = dir->only_looks;
		r->sum = sum;
		r->programs = programs;
		r->total = &totals[0];
		r->next = &totals[1];
		r->page = page;
		st = sum_up(r);
	}
	free(page);
	free(totals);
	free(r);
	return st;
}
