/* tests/power/replay.c: see replay.h. */
#include "tests/power/replay.h"

#include <stdlib.h>

enum { SECTOR = 512, META_PAGES = 2 * 4096, JOBS_MAX = 100000 };

struct write {
	const struct power_entry *entry;
	bool lasts;
};

struct replay {
	const struct power_entry **entries;
	size_t n, at; /* entries before `at` have happened */
	enum power_mutant mutant;
	uint8_t *disk; /* what lasts */
	size_t disk_len, disk_cap;
	const struct power_entry **pending; /* writes that need not last */
	size_t pending_n;
	bool renamed, rename_lasts;
	struct job_id *ids;
	bool *ended;
	size_t jobs;
};

static bool is_answer(const struct power_entry *e)
{
	return e->kind == POWER_ACKNOWLEDGED || e->kind == POWER_ENDED;
}

/* Answers move before the sync that they waited for. */
static void answer_early(struct replay *r)
{
	for (size_t i = 0; i < r->n; i++) {
		size_t to = i;
		if (!is_answer(r->entries[i]))
			continue;
		while (to > 0 && r->entries[to - 1]->kind != POWER_SYNC)
			to--;
		const struct power_entry *e = r->entries[i];
		size_t target = to > 0 ? to - 1 : 0;
		memmove(&r->entries[target + 1], &r->entries[target], (i - target) * sizeof *r->entries);
		r->entries[target] = e;
	}
}

struct replay *replay_new(const struct power_log *log, enum power_mutant mutant)
{
	struct replay *r = calloc(1, sizeof *r);
	uint64_t end = atomic_load(&log->end);
	size_t cap = end / sizeof(struct power_entry) + 1;
	if (!r)
		return NULL;
	r->mutant = mutant;
	r->entries = calloc(cap, sizeof *r->entries);
	r->pending = calloc(cap, sizeof *r->pending);
	r->ids = calloc(JOBS_MAX, sizeof *r->ids);
	r->ended = calloc(JOBS_MAX, sizeof *r->ended);
	for (uint64_t at = 0; at < end;) {
		const struct power_entry *e = (const struct power_entry *)(log->entries + at);
		size_t reach = e->kind == POWER_WRITE ? e->offset + e->len : 0;
		r->entries[r->n++] = e;
		r->disk_cap = reach > r->disk_cap ? reach : r->disk_cap;
		at += power_entry_size(e->len);
	}
	r->disk = calloc(1, r->disk_cap + 1);
	if (mutant == MUTANT_EARLY_ANSWER)
		answer_early(r);
	return r;
}

void replay_free(struct replay *r)
{
	free(r->entries);
	free(r->pending);
	free(r->ids);
	free(r->ended);
	free(r->disk);
	free(r);
}

size_t replay_boundaries(const struct replay *r)
{
	return r->n;
}

static void make_last(struct replay *r, const struct power_entry *e)
{
	memcpy(r->disk + e->offset, e->bytes, e->len);
	if (e->offset + e->len > r->disk_len)
		r->disk_len = e->offset + e->len;
}

static void sync_all(struct replay *r)
{
	for (size_t i = 0; i < r->pending_n; i++)
		make_last(r, r->pending[i]);
	r->pending_n = 0;
}

/* The sync that makes a commit's meta page lasting. */
static bool is_meta_sync(const struct replay *r)
{
	return r->pending_n > 0 && r->pending[r->pending_n - 1]->offset < META_PAGES;
}

static void note_answer(struct replay *r, const struct power_entry *e)
{
	size_t i = 0;
	while (i < r->jobs && memcmp(r->ids[i].b, e->bytes, sizeof r->ids[i].b) != 0)
		i++;
	if (i == JOBS_MAX)
		abort();
	if (i == r->jobs)
		memcpy(r->ids[r->jobs++].b, e->bytes, sizeof r->ids[0].b);
	r->ended[i] = r->ended[i] || e->kind == POWER_ENDED;
}

bool replay_step(struct replay *r)
{
	if (r->at == r->n)
		return false;
	const struct power_entry *e = r->entries[r->at++];
	switch ((enum power_kind)e->kind) {
	case POWER_WRITE:
		r->pending[r->pending_n++] = e;
		break;
	case POWER_SYNC:
		if (r->mutant != MUTANT_NO_DATA_SYNC &&
			!(r->mutant == MUTANT_NO_META_SYNC && is_meta_sync(r)))
			sync_all(r);
		break;
	case POWER_SYNC_LAST:
		if (r->pending_n > 0)
			make_last(r, r->pending[--r->pending_n]);
		break;
	case POWER_RENAME:
		r->renamed = true;
		break;
	case POWER_SYNC_FOLDER:
		r->rename_lasts = r->renamed;
		break;
	case POWER_ACKNOWLEDGED:
	case POWER_ENDED:
		note_answer(r, e);
		break;
	}
	return true;
}

bool replay_is_promise(const struct replay *r)
{
	return r->at > 0 && is_answer(r->entries[r->at - 1]);
}

size_t replay_jobs(const struct replay *r, const struct job_id **ids, const bool **ended)
{
	*ids = r->ids;
	*ended = r->ended;
	return r->jobs;
}

static bool toss(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random >> 33 & 1;
}

static void put(int fd, const uint8_t *bytes, size_t len, uint64_t at)
{
	if (pwrite(fd, bytes, len, (off_t)at) != (ssize_t)len)
		abort();
}

static void put_sectors(int fd, const struct power_entry *e, uint64_t *random)
{
	for (size_t i = 0; i < e->len; i += SECTOR)
		if (toss(random))
			put(fd, e->bytes + i, e->len - i < SECTOR ? e->len - i : SECTOR, e->offset + i);
}

bool replay_image(struct replay *r, enum power_loss loss, uint64_t *random, int fd)
{
	bool has_name = r->rename_lasts ||
			(r->renamed && (loss == LOSE_NOTHING || (loss != LOSE_ALL && toss(random))));
	if (!has_name)
		return false;
	if (ftruncate(fd, 0) != 0)
		abort();
	put(fd, r->disk, r->disk_len, 0);
	for (size_t i = 0; i < r->pending_n; i++) {
		const struct power_entry *e = r->pending[i];
		if (loss == LOSE_NOTHING || (loss == LOSE_SOME && toss(random)))
			put(fd, e->bytes, e->len, e->offset);
		else if (loss == LOSE_SECTORS)
			put_sectors(fd, e, random);
	}
	return true;
}
