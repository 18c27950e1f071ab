/* spool/meter.c: counting. See meter.h; the files are meter_file.c's. */
#include "spool/meter_file.h"

#include "spool/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

const char *const meter_programs[METER_PROGRAM_N] = {"clario-fcgi", "clario-worker"};

#define MS 1000
#define S  (1000 * MS)
const uint64_t meter_span_bounds[METER_BUCKETS - 1] = {1 * MS, 5 * MS, 10 * MS, 25 * MS, 50 * MS, 100 * MS,
	250 * MS, 500 * MS, 1 * S, 2500 * MS, 5 * S, 10 * S, 15 * S, 30 * S, 60 * S, 120 * S, 600 * S,
	UINT64_C(3600) * S, UINT64_C(86400) * S};
const uint64_t meter_commit_bounds[METER_BUCKETS - 1] = {100, 250, 500, 1 * MS, 2 * MS, 3 * MS, 5 * MS, 7500,
	10 * MS, 15 * MS, 25 * MS, 50 * MS, 100 * MS, 250 * MS, 500 * MS, 1 * S, 2500 * MS, 5 * S, 10 * S};
const uint64_t meter_jobs_bounds[METER_BUCKETS - 1] = {
	1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512, 1024, 2048};

/* The process's own; page NULL: nothing is counted. Set before other threads exist. */
static struct {
	struct meter_page *page;
	int fd; /* holds the lock by which the others know that this process lives */
	char spool_path[4096];
	pthread_mutex_t naming;
	_Atomic uint32_t names_n[METER_NAMES_N]; /* what others may look at of page->sum.names */
	atomic_bool is_closed[METER_NAMES_N];    /* all places are taken, and known here */
} own = {.naming = PTHREAD_MUTEX_INITIALIZER};

static void count(uint64_t *at, uint64_t by)
{
	__atomic_fetch_add(at, by, __ATOMIC_RELAXED);
}

/* --- names --- */

/* As it may stand in an exposition, whoever sent it. */
static const char *tidy(struct slice name, char out[METER_NAME_MAX + 1])
{
	size_t len = name.len < METER_NAME_MAX ? name.len : METER_NAME_MAX;
	for (size_t i = 0; i < len; i++)
		out[i] = name.p[i] >= 0x20 && name.p[i] < 0x7f ? name.p[i] : '?';
	out[len] = '\0';
	if (len == 0)
		snprintf(out, METER_NAME_MAX + 1, "none");
	return out;
}

static size_t find_known(enum meter_names kind, const char *name)
{
	uint32_t n = atomic_load_explicit(&own.names_n[kind], memory_order_acquire);
	for (uint32_t i = 1; i < n; i++)
		if (strcmp(own.page->sum.names[kind][i], name) == 0)
			return i;
	return 0;
}

/* Text first, number after: a reader at any moment sees whole names only. */
static size_t make_known(enum meter_names kind, const char *name)
{
	struct meter_sum *sum = &own.page->sum;
	uint32_t n = atomic_load(&own.names_n[kind]);
	size_t at = find_known(kind, name);
	if (at || n >= meter_names_max(kind))
		return at;
	snprintf(sum->names[kind][n], sizeof sum->names[kind][n], "%s", name);
	__atomic_store_n(&sum->names_n[kind], n + 1, __ATOMIC_RELEASE);
	atomic_store_explicit(&own.names_n[kind], n + 1, memory_order_release);
	return n;
}

/* A place is given when no process has filled the last one, under the directory's lock: then all agree, and
 * what counted by its name never counts as "other", nor the reverse. When the last is gone, all names there
 * will ever be are known. */
static size_t ask_for_place(struct meter_sum *all, enum meter_names kind, const char *name)
{
	size_t at = meter_name_add(all, kind, name);
	if (all->names_n[kind] >= meter_names_max(kind)) {
		for (uint32_t i = 1; i < all->names_n[kind]; i++)
			make_known(kind, all->names[kind][i]);
		atomic_store(&own.is_closed[kind], true);
	}
	return at ? make_known(kind, name) : 0;
}

/* Without waiting: who comes while another holds the directory counts as "other", and its next one asks
 * again. */
static size_t introduce(enum meter_names kind, const char *name)
{
	struct meter_dir dir;
	size_t at = 0;
	if (pthread_mutex_trylock(&own.naming) != 0)
		return 0;
	struct meter_sum *all = calloc(1, sizeof *all);
	if (all && meter_dir_open(own.spool_path, METER_DIR_USE, 0, &dir, NULL) == ST_OK) {
		if (meter_dir_sum(&dir, all, NULL) == ST_OK)
			at = ask_for_place(all, kind, name);
		meter_dir_close(&dir);
	}
	free(all);
	pthread_mutex_unlock(&own.naming);
	return at;
}

static size_t place_of(enum meter_names kind, struct slice raw)
{
	char name[METER_NAME_MAX + 1];
	size_t at = find_known(kind, tidy(raw, name));
	if (strcmp(name, "other") == 0) /* it has a place: a second one would be the same series */
		return 0;
	if (at || atomic_load(&own.is_closed[kind]))
		return at;
	return introduce(kind, name);
}

/* --- counting --- */

static void observe(struct meter_histogram *h, const uint64_t *bounds, int64_t value)
{
	uint64_t v = value > 0 ? (uint64_t)value : 0;
	size_t i = 0;
	while (i < METER_BUCKETS - 1 && v > bounds[i])
		i++;
	count(&h->sum, v);
	count(&h->in[i], 1);
}

void meter_submitted(const struct trigger *t, const struct receipt *r)
{
	static const enum meter_status statuses[] = {
		[SUBMIT_REFUSED] = METER_REFUSED,
		[SUBMIT_ACCEPTED] = METER_ACCEPTED,
		[SUBMIT_DUPLICATE] = METER_DUPLICATE,
		[SUBMIT_KEY_REUSED] = METER_KEY_REUSED,
	};
	int slot = phase_slot(t->phase);
	if (!own.page || slot < 0)
		return;
	struct meter_values *v = &own.page->sum.values;
	size_t source = place_of(METER_SOURCES, t->source);
	count(&v->submits[slot][source][statuses[r->verdict]], 1);
	if (r->verdict == SUBMIT_ACCEPTED)
		count(&v->bytes[source], t->payload.len);
	if (r->verdict == SUBMIT_KEY_REUSED || r->body_differs || r->has_earlier)
		count(&v->repeats[source][METER_DIFFERENT], 1);
	else if (r->verdict == SUBMIT_DUPLICATE)
		count(&v->repeats[source][METER_SAME], 1);
}

void meter_expect(enum meter_names kind, const char *name)
{
	if (own.page)
		place_of(kind, slice_text(name));
}

void meter_refused(const char *code)
{
	if (own.page)
		count(&own.page->sum.values.refused[place_of(METER_CODES, slice_text(code))], 1);
}

void meter_attempt(enum meter_outcome outcome, const char *receiver)
{
	if (own.page)
		count(&own.page->sum.values
				.attempts[outcome][place_of(METER_RECEIVERS, slice_text(receiver))],
			1);
}

void meter_called(const char *receiver, int64_t us)
{
	if (own.page)
		observe(&own.page->sum.values.calls[place_of(METER_RECEIVERS, slice_text(receiver))],
			meter_span_bounds, us);
}

void meter_leases_expired(uint64_t n)
{
	if (own.page)
		count(&own.page->sum.values.leases_expired, n);
}

void meter_spent(enum meter_span span, int phase, int64_t us)
{
	int slot = phase_slot(phase);
	if (own.page && slot >= 0)
		observe(&own.page->sum.values.spans[span][slot], meter_span_bounds, us);
}

void meter_committed(enum meter_commit kind, int64_t us, uint64_t jobs)
{
	if (!own.page)
		return;
	observe(&own.page->sum.values.commit_times[kind], meter_commit_bounds, us);
	observe(&own.page->sum.values.commit_jobs[kind], meter_jobs_bounds, (int64_t)jobs);
}

void meter_set(enum meter_gauge gauge, int64_t value)
{
	if (own.page)
		__atomic_store_n(&own.page->gauges[gauge], value, __ATOMIC_RELAXED);
}

void meter_add(enum meter_gauge gauge, int64_t by)
{
	if (own.page)
		__atomic_fetch_add(&own.page->gauges[gauge], by, __ATOMIC_RELAXED);
}

/* --- the file --- */

/* All of it is written, so that a full disk shows here, and not as a signal when a page is touched. */
static enum status fill(int fd, enum meter_program program, struct why *why)
{
	struct meter_page *page = calloc(1, sizeof *page);
	if (!page)
		return why_set(why, ST_NOMEM, "out of memory");
	struct moment now = clock_now();
	memcpy(page->magic, meter_page_magic, sizeof page->magic);
	page->layout = METER_LAYOUT;
	page->size = sizeof *page;
	page->boot_id = now.boot_id;
	page->started_at_us = now.wall_us;
	page->program = program;
	if (getrandom(&page->nonce, sizeof page->nonce, 0) != sizeof page->nonce)
		page->nonce = (uint64_t)now.boot_us << 20 ^ (uint64_t)getpid();
	page->crc = meter_page_crc(page);
	meter_names_init(&page->sum);
	errno = ENOSPC;
	bool is_whole = pwrite(fd, page, sizeof *page, 0) == (ssize_t)sizeof *page;
	free(page);
	return is_whole ? ST_OK : why_errno(why, errno, "cannot write the meter");
}

static enum status map(int fd, enum meter_program program, struct why *why)
{
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return why_errno(why, errno, "cannot lock the meter");
	enum status st = fill(fd, program, why);
	if (st != ST_OK)
		return st;
	void *page = mmap(NULL, sizeof(struct meter_page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return why_errno(why, errno, "cannot map the meter");
	own.page = page;
	own.fd = fd;
	return ST_OK;
}

/* With the directory's lock: nobody takes the new file for a dead one's before it is locked. A file of that
 * name there is a dead one's that could not be folded; it keeps what it counted. */
static enum status create(int dir_fd, enum meter_program program, struct why *why)
{
	enum { NAMES_MAX = 100 };
	char name[64];
	int fd = -1;
	for (int i = 0; i < NAMES_MAX && fd < 0; i++) {
		snprintf(name, sizeof name, i ? "%s.%ld.%d" : "%s.%ld", meter_programs[program],
			(long)getpid(), i);
		fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0660);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	if (fd < 0)
		return why_errno(why, errno, "cannot make meters/%s", name);
	enum status st = map(fd, program, why);
	if (st != ST_OK) {
		unlinkat(dir_fd, name, 0);
		close(fd);
	}
	return st;
}

enum status meter_open(const char *spool_path, enum meter_program program, struct why *why)
{
	enum { WAIT_MS = 500 };
	struct meter_dir dir;
	if (snprintf(own.spool_path, sizeof own.spool_path, "%s", spool_path) >= (int)sizeof own.spool_path)
		return why_set(why, ST_INVALID, "the spool's path is too long");
	enum status st = meter_dir_open(spool_path, METER_DIR_MAKE, WAIT_MS, &dir, why);
	if (st != ST_OK)
		return st;
	struct meter_sum *all = calloc(1, sizeof *all);
	/* Those who died go, even where nobody ever reads; a failure shows where somebody does. */
	if (all)
		st = meter_dir_sum(&dir, all, NULL);
	free(all);
	for (int kind = 0; kind < METER_NAMES_N; kind++) {
		atomic_store(&own.names_n[kind], 1);
		atomic_store(&own.is_closed[kind], false);
	}
	st = create(dir.fd, program, why);
	meter_dir_close(&dir);
	return st;
}

void meter_close(void)
{
	if (!own.page)
		return;
	munmap(own.page, sizeof *own.page);
	close(own.fd);
	own.page = NULL;
}

static enum status read_as(
	const char *spool_path, enum meter_dir_use use, struct meter_reading **out, struct why *why)
{
	enum { WAIT_MS = 500 };
	struct meter_dir dir;
	*out = NULL;
	struct meter_reading *r = calloc(1, sizeof *r);
	if (!r)
		return why_set(why, ST_NOMEM, "out of memory");
	enum status st = meter_dir_open(spool_path, use, WAIT_MS, &dir, why);
	if (st != ST_OK) {
		free(r);
		return st;
	}
	st = meter_dir_sum(&dir, &r->sum, r->programs);
	meter_dir_close(&dir);
	if (st == ST_OK)
		*out = r;
	else
		free(r);
	return st == ST_OK ? st : why_set(why, st, "the meters cannot be read");
}

enum status meter_read(const char *spool_path, struct meter_reading **out, struct why *why)
{
	return read_as(spool_path, METER_DIR_USE, out, why);
}

enum status meter_look(const char *spool_path, struct meter_reading **out, struct why *why)
{
	return read_as(spool_path, METER_DIR_LOOK, out, why);
}

void meter_reading_free(struct meter_reading *reading)
{
	free(reading);
}

/* --- what histograms tell --- */

bool meter_quantile(const struct meter_histogram *h, const uint64_t *bounds, double q, uint64_t *out)
{
	uint64_t n = 0, before = 0;
	size_t i = 0;
	for (size_t b = 0; b < METER_BUCKETS; b++)
		n += h->in[b];
	double rank = q * (double)n;
	while (i < METER_BUCKETS - 1 && (double)(before + h->in[i]) < rank)
		before += h->in[i++];
	if (i == METER_BUCKETS - 1) {
		*out = bounds[METER_BUCKETS - 2];
		return n > 0;
	}
	double low = i ? (double)bounds[i - 1] : 0,
	       share = h->in[i] ? (rank - (double)before) / (double)h->in[i] : 1;
	*out = (uint64_t)(low + ((double)bounds[i] - low) * share);
	return n > 0;
}

const struct meter_histogram *meter_calls_of(const struct meter_reading *reading, const char *receiver)
{
	size_t at = reading ? meter_name_find(&reading->sum, METER_RECEIVERS, receiver) : 0;
	return at ? &reading->sum.values.calls[at] : NULL;
}
