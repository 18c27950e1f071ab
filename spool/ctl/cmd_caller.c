/* spool/ctl/cmd_caller.c: callers: what each has in the spool, and what it may have. */
#include "spool/ctl/ctl.h"
#include "spool/ctl/out.h"

#include <inttypes.h>
#include <stdlib.h>

enum { PAGE = 256 };

struct callers {
	struct account *list;
	size_t n, cap;
};

static bool make_room(struct callers *all, size_t more)
{
	size_t cap = all->n + more;
	struct account *list = realloc(all->list, cap * sizeof *list);
	if (!list)
		return false;
	all->list = list;
	all->cap = cap;
	return true;
}

/* The caller frees the list. */
static enum status read_all(struct ctl *ctl, struct callers *all, struct why *why)
{
	uint64_t after = 0;
	size_t n;
	*all = (struct callers){0};
	do {
		if (!make_room(all, PAGE))
			return why_set(why, ST_NOMEM, "out of memory");
		enum status st = spool_accounts(ctl->spool, &after, all->list + all->n, PAGE, &n, why);
		if (st != ST_OK)
			return st;
		all->n += n;
	} while (n == PAGE);
	return ST_OK;
}

static bool has(const struct callers *all, const char *name)
{
	for (size_t i = 0; i < all->n; i++)
		if (strcmp(all->list[i].name, name) == 0)
			return true;
	return false;
}

/* Who has a section in the configuration is told of, too. */
static enum status add_configured(const struct opts *opts, struct callers *all, struct why *why)
{
	if (!make_room(all, CALLERS_MAX))
		return why_set(why, ST_NOMEM, "out of memory");
	for (size_t i = 0; i < opts->callers_n; i++) {
		const char *name = opts->caller[i].name;
		if (has(all, name))
			continue;
		struct account *account = &all->list[all->n++];
		*account = (struct account){0};
		memcpy(account->name, name, strlen(name));
	}
	return ST_OK;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct account *)a)->name, ((const struct account *)b)->name);
}

static const struct out_column columns[] = {{"CALLER", false, true}, {"JOBS", true, false},
	{"MAX JOBS", true, false}, {"BYTES", true, false}, {"MAX BYTES", true, false}, {"RATE", true, false}};
enum { COLUMNS = sizeof columns / sizeof *columns };

/* 0: no bound. */
static const char *bound(char out[24], uint64_t value)
{
	snprintf(out, 24, value ? "%" PRIu64 : "-", value);
	return out;
}

static const char *rate(char out[32], int64_t milli)
{
	snprintf(out, 32, milli ? "%" PRIi64 ".%03" PRIi64 : "-", milli / 1000, milli % 1000);
	size_t len = strlen(out);
	while (milli && (out[len - 1] == '0' || out[len - 1] == '.')) {
		bool is_point = out[len - 1] == '.';
		out[--len] = '\0';
		if (is_point)
			break;
	}
	return out;
}

static bool add_row(struct libscols_table *table, const struct opts *opts, const struct account *a)
{
	struct caller_bounds may = opts_caller(opts, slice_text(a->name));
	char jobs[24], bytes[24], max_jobs[24], max_bytes[24], per_second[32];
	snprintf(jobs, sizeof jobs, "%" PRIu64, a->jobs);
	snprintf(bytes, sizeof bytes, "%" PRIu64, a->bytes);
	const char *texts[COLUMNS] = {a->name, jobs, bound(max_jobs, may.max_jobs), bytes,
		bound(max_bytes, may.max_bytes), rate(per_second, may.rate_milli)};
	return out_row(table, texts, COLUMNS);
}

static bool print_line(const struct opts *opts, const struct account *a)
{
	struct caller_bounds may = opts_caller(opts, slice_text(a->name));
	struct buf line;
	struct jx_writer w;
	char per_second[32];
	out_json_begin(&line, &w);
	jx_open_object(&w, NULL);
	jx_cstring(&w, "name", a->name);
	jx_int(&w, "jobs", (int64_t)a->jobs);
	jx_int(&w, "bytes", (int64_t)a->bytes);
	if (may.max_jobs)
		jx_int(&w, "max_jobs", (int64_t)may.max_jobs);
	if (may.max_bytes)
		jx_int(&w, "max_bytes", (int64_t)may.max_bytes);
	if (may.rate_milli)
		jx_raw(&w, "rate", slice_text(rate(per_second, may.rate_milli)));
	jx_close_object(&w);
	return out_json_end(&line);
}

int cmd_callers(struct ctl *ctl)
{
	struct why why = WHY_INIT;
	struct callers all;
	bool json = ctl_has(ctl, OPTION_JSON);
	enum status st = read_all(ctl, &all, &why);
	if (st == ST_OK)
		st = add_configured(&ctl->opts, &all, &why);
	struct libscols_table *table = st == ST_OK && !json ? out_table(columns, COLUMNS) : NULL;
	bool ok = json || table;
	if (st == ST_OK && all.n)
		qsort(all.list, all.n, sizeof *all.list, by_name);
	for (size_t i = 0; st == ST_OK && ok && i < all.n; i++)
		ok = json ? print_line(&ctl->opts, &all.list[i]) : add_row(table, &ctl->opts, &all.list[i]);
	free(all.list);
	if (table)
		out_table_end(table);
	if (st != ST_OK)
		return ctl_fail(st, &why);
	return ok ? CTL_DONE : DAEMON_SYSTEM;
}
