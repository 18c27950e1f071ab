/* spool/ctl/cmd_shape.c: shape: how old what has not ended is. */
#include "spool/base/clock.h"
#include "spool/ctl/ctl.h"
#include "spool/ctl/out.h"
#include "spool/survey.h"

#include <ctype.h>
#include <stdlib.h>

enum { SCAN_MAX = 100000, DEFAULT_ROWS = 20, COLUMNS = SURVEY_BUCKETS + 2 };

static struct libscols_table *open_table(enum survey_by by)
{
	char first[16], names[SURVEY_BUCKETS][8];
	struct out_column columns[COLUMNS] = {{first, false, true}, {"TOTAL", true, false}};
	size_t len = 0;
	for (const char *c = survey_by_name(by); *c; c++)
		first[len++] = (char)toupper((unsigned char)*c);
	first[len] = '\0';
	for (int i = 0; i < SURVEY_BUCKETS; i++) {
		bool is_last = i == SURVEY_BUCKETS - 1;
		snprintf(names[i], sizeof names[i], "%s%s", is_last ? "" : "<",
			is_last ? "1w+" : survey_bucket_name(i));
		columns[2 + i] = (struct out_column){names[i], true, false};
	}
	return out_table(columns, COLUMNS);
}

static bool add_row(struct libscols_table *table, const struct survey_row *row)
{
	char texts[SURVEY_BUCKETS + 1][24];
	const char *cells[COLUMNS] = {row->name, texts[0]};
	snprintf(texts[0], sizeof texts[0], "%llu", (unsigned long long)row->total);
	for (int i = 0; i < SURVEY_BUCKETS; i++) {
		snprintf(texts[i + 1], sizeof texts[i + 1], "%llu", (unsigned long long)row->jobs[i]);
		cells[2 + i] = texts[i + 1];
	}
	return out_row(table, cells, COLUMNS);
}

static bool print_line(enum survey_by by, const struct survey_row *row, bool is_all, bool is_cut)
{
	struct buf line;
	struct jx_writer w;
	out_json_begin(&line, &w);
	jx_open_object(&w, NULL);
	jx_cstring(&w, "by", is_all ? "all" : survey_by_name(by));
	jx_cstring(&w, "name", row->name);
	jx_int(&w, "total", (int64_t)row->total);
	jx_open_object(&w, "younger_than");
	for (int i = 0; i < SURVEY_BUCKETS; i++)
		if (i < SURVEY_BUCKETS - 1)
			jx_int(&w, survey_bucket_name(i), (int64_t)row->jobs[i]);
	jx_close_object(&w);
	jx_int(&w, "older", (int64_t)row->jobs[SURVEY_BUCKETS - 1]);
	jx_time(&w, "oldest_at", row->oldest_at_us);
	jx_bool(&w, "complete", !is_cut);
	jx_close_object(&w);
	return out_json_end(&line);
}

static int print(struct ctl *ctl, enum survey_by by, const struct survey *s)
{
	bool json = ctl_has(ctl, OPTION_JSON);
	size_t rows = ctl->limit ? (size_t)ctl->limit : json ? s->n : DEFAULT_ROWS;
	struct libscols_table *table = json ? NULL : open_table(by);
	bool ok = json ? print_line(by, &s->all, true, s->is_cut) : table && add_row(table, &s->all);
	for (size_t i = 0; ok && i < s->n && i < rows; i++)
		ok = json ? print_line(by, &s->rows[i], false, s->is_cut) : add_row(table, &s->rows[i]);
	if (table)
		out_table_end(table);
	if (s->is_cut)
		fprintf(stderr,
			"clario-spool: %d jobs were looked at, there are more; narrow it with --state "
			"or --phase\n",
			SCAN_MAX);
	if (!json && s->n > rows)
		fprintf(stderr, "clario-spool: there are %zu more rows; see --limit\n", s->n - rows);
	return ok ? CTL_DONE : DAEMON_SYSTEM;
}

int cmd_shape(struct ctl *ctl)
{
	struct survey survey;
	struct why why = WHY_INIT;
	struct survey_ask ask = {.by = SURVEY_PHASE, .filter = ctl->filter, .most = SCAN_MAX};
	if (ctl->args_n && !survey_by_parse(slice_text(ctl->args[0]), &ask.by)) {
		fprintf(stderr, "clario-spool: %s: expected phase, receiver or user\n", ctl->args[0]);
		return DAEMON_USAGE;
	}
	enum status st = survey_look(ctl->spool, &ctl->opts, clock_now(), &ask, &survey, &why);
	int code = st == ST_OK ? print(ctl, ask.by, &survey) : ctl_fail(st, &why);
	survey_release(&survey);
	return code;
}
