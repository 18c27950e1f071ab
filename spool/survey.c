/* spool/survey.c: see survey.h. */
#include "spool/survey.h"

#include "spool/base/hash.h"

#include <stdio.h>
#include <stdlib.h>

enum { PAGE = 200, FIRST_CAP = 64 };

static const char *const by_names[SURVEY_BY_N] = {"phase", "receiver", "user"};
static const struct {
	const char *name;
	int64_t below_us;
} buckets[SURVEY_BUCKETS] = {{"1m", 60000000}, {"5m", 300000000}, {"15m", 900000000}, {"1h", 3600000000},
	{"4h", 14400000000}, {"1d", 86400000000}, {"1w", 604800000000}, {"older", INT64_MAX}};

const char *survey_by_name(enum survey_by by)
{
	return by_names[by];
}

bool survey_by_parse(struct slice name, enum survey_by *out)
{
	for (int i = 0; i < SURVEY_BY_N; i++)
		if (slice_is(name, by_names[i])) {
			*out = (enum survey_by)i;
			return true;
		}
	return false;
}

const char *survey_bucket_name(int bucket)
{
	return buckets[bucket].name;
}

int survey_bucket(int64_t age_us)
{
	int i = 0;
	while (age_us >= buckets[i].below_us && i < SURVEY_BUCKETS - 1)
		i++;
	return i;
}

/* While it is being filled the rows are a table of open addressing: a free one has no name. */
static struct survey_row *find(struct survey_row *rows, size_t cap, struct slice name)
{
	size_t i = hash_text(0, name) & (cap - 1);
	while (rows[i].name[0] && !slice_is(name, rows[i].name))
		i = (i + 1) & (cap - 1);
	return &rows[i];
}

static bool grow(struct survey *s)
{
	size_t cap = s->cap ? s->cap * 2 : FIRST_CAP;
	struct survey_row *rows = calloc(cap, sizeof *rows);
	if (!rows)
		return false;
	for (size_t i = 0; i < s->cap; i++)
		if (s->rows[i].name[0])
			*find(rows, cap, slice_text(s->rows[i].name)) = s->rows[i];
	free(s->rows);
	s->rows = rows;
	s->cap = cap;
	return true;
}

static void add(struct survey_row *row, const struct job *job, int64_t now_us)
{
	row->jobs[survey_bucket(now_us - job->accepted_at_us)]++;
	if (row->total++ == 0 || job->accepted_at_us < row->oldest_at_us)
		row->oldest_at_us = job->accepted_at_us;
}

static bool count(struct survey *s, const char *name, const struct job *job, int64_t now_us)
{
	if (s->n >= s->cap / 2 && !grow(s))
		return false;
	struct survey_row *row = find(s->rows, s->cap, slice_text(name));
	if (!row->name[0]) {
		snprintf(row->name, sizeof row->name, "%s", name);
		s->n++;
	}
	add(row, job, now_us);
	return true;
}

static bool count_by_receiver(
	struct survey *s, const struct opts *opts, const struct job *job, int64_t now_us)
{
	bool ok = true, is_called = false;
	for (size_t i = 0; i < opts->receivers_n && ok; i++) {
		if (!(opts_receiver_phases(opts, i) >> phase_slot(job->phase) & 1))
			continue;
		is_called = true;
		ok = count(s, opts->receivers[i].name, job, now_us);
	}
	return ok && (is_called || count(s, "-", job, now_us));
}

static bool take(
	struct survey *s, const struct opts *opts, enum survey_by by, const struct job *job, int64_t now_us)
{
	char name[JOB_TEXT_MAX + 1];
	add(&s->all, job, now_us);
	if (by == SURVEY_RECEIVER)
		return count_by_receiver(s, opts, job, now_us);
	if (by == SURVEY_PHASE)
		snprintf(name, sizeof name, "%d", job->phase);
	else
		snprintf(name, sizeof name, "%.*s", SLICE_ARG(job->user_id));
	return count(s, name, job, now_us);
}

static enum status walk(struct spool *sp, const struct opts *opts, struct moment now,
	const struct survey_ask *ask, const struct job_filter *filter, struct survey *out, struct why *why)
{
	struct job jobs[PAGE];
	struct cursor at = {""}, next;
	size_t n, left;
	bool ok = true;
	do {
		left = ask->most > out->all.total ? ask->most - out->all.total : 0;
		enum status st =
			spool_list(sp, filter, &at, left < PAGE ? left : PAGE, false, jobs, &n, &next, why);
		if (st != ST_OK)
			return st;
		for (size_t i = 0; i < n; i++) {
			ok = ok && take(out, opts, ask->by, &jobs[i], now.wall_us);
			job_release(&jobs[i]);
		}
		at = next;
	} while (ok && at.text[0] && left > n);
	out->is_cut |= at.text[0] != '\0';
	return ok ? ST_OK : why_set(why, ST_NOMEM, "out of memory");
}

static int by_total(const void *a, const void *b)
{
	const struct survey_row *x = a, *y = b;
	if (x->total != y->total)
		return x->total < y->total ? 1 : -1;
	return strcmp(x->name, y->name);
}

/* From a table with holes to a list. */
static void close_up(struct survey *s)
{
	size_t n = 0;
	for (size_t i = 0; i < s->cap; i++)
		if (s->rows[i].name[0])
			s->rows[n++] = s->rows[i];
	if (n)
		qsort(s->rows, n, sizeof *s->rows, by_total);
}

enum status survey_look(struct spool *sp, const struct opts *opts, struct moment now,
	const struct survey_ask *ask, struct survey *out, struct why *why)
{
	static const enum job_state live[] = {JOB_ACTIVE, JOB_WAITING, JOB_DELAYED, JOB_HELD};
	struct job_filter filter = ask->filter;
	enum status st = ST_OK;
	*out = (struct survey){.all.name = "all"};
	filter.oldest_first = filter.has_state = true;
	if (ask->filter.has_state) {
		st = walk(sp, opts, now, ask, &filter, out, why);
	} else {
		for (size_t i = 0; i < sizeof live / sizeof *live && st == ST_OK; i++) {
			filter.state = live[i];
			st = walk(sp, opts, now, ask, &filter, out, why);
		}
	}
	close_up(out);
	return st;
}

void survey_release(struct survey *survey)
{
	free(survey->rows);
	survey->rows = NULL;
	survey->n = survey->cap = 0;
}
