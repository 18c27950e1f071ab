/* spool/store/common/tally.c: see tally.h. Open addressing; the keys are hashes already. */
#include "spool/store/common/tally.h"

#include <stdlib.h>

enum { FIRST_CAP = 64 };

/* The account's row, or the free one that it may take. */
static struct tally_row *find(struct tally_row *rows, size_t cap, uint64_t account)
{
	size_t i = account & (cap - 1);
	while (rows[i].account && rows[i].account != account)
		i = (i + 1) & (cap - 1);
	return &rows[i];
}

static bool grow(struct tally *t)
{
	size_t cap = t->cap ? t->cap * 2 : FIRST_CAP;
	struct tally_row *rows = calloc(cap, sizeof *rows);
	if (!rows)
		return false;
	for (size_t i = 0; i < t->cap; i++)
		if (t->rows[i].account)
			*find(rows, cap, t->rows[i].account) = t->rows[i];
	free(t->rows);
	t->rows = rows;
	t->cap = cap;
	return true;
}

bool tally_add(struct tally *t, uint64_t account, int64_t jobs, int64_t bytes, struct job_id job)
{
	if (t->n >= t->cap / 2 && !grow(t))
		return false;
	struct tally_row *row = find(t->rows, t->cap, account);
	t->n += row->account == 0;
	row->account = account;
	row->jobs += jobs;
	row->bytes += bytes;
	row->job = job;
	return true;
}

void tally_release(struct tally *t)
{
	free(t->rows);
	*t = (struct tally)TALLY_INIT;
}
