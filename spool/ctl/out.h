/* spool/ctl/out.h: tables for people (libsmartcols), JSON lines for programs. Data goes to stdout. */
#ifndef SPOOL_CTL_OUT_H
#define SPOOL_CTL_OUT_H
#include "spool/base/jx.h"

#include <libsmartcols/libsmartcols.h>

struct out_column {
	const char *name;
	bool right;    /* numbers */
	bool truncate; /* may be cut on a narrow terminal */
};

/* NULL: no memory. Values that came from outside are escaped by the library. */
struct libscols_table *out_table(const struct out_column *columns, size_t n);
/* One line; texts[i] may be NULL. false: no memory. */
bool out_row(struct libscols_table *table, const char *const *texts, size_t n);
/* The same in a colour of libsmartcols ("red", "yellow"), on a terminal; NULL: none. */
bool out_row_in(struct libscols_table *table, const char *const *texts, size_t n, const char *color);
/* Colour one cell of the row that was added last, as out_row_in() does; NULL: none. */
void out_color_cell(struct libscols_table *table, size_t column, const char *color);
/* Print and free. */
void out_table_end(struct libscols_table *table);

/* One JSON value per line: begin, write one value, end prints it. */
void out_json_begin(struct buf *line, struct jx_writer *w);
bool out_json_end(struct buf *line);

/* Print text that came from outside: control bytes as \\xNN, so that it cannot steer a terminal. */
void out_text(struct slice text);

/* Whether standard output is a terminal that may be given colours: NO_COLOR is empty. */
bool out_is_colored(void);

/* A span at a glance: "350ms", "12s", "4m", "3h", "2d"; "-" for a negative one. */
enum { OUT_SPAN_LEN = 24 };
const char *out_span(char out[OUT_SPAN_LEN], int64_t us);

/* "2026-11-24 10:00:00" (UTC), or "-" for 0. */
const char *out_time(char out[32], int64_t wall_us);

#endif
