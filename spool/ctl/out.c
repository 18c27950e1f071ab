/* spool/ctl/out.c: see out.h. */
#include "spool/ctl/out.h"

#include "spool/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 64 << 20 };

struct libscols_table *out_table(const struct out_column *columns, size_t n)
{
	struct libscols_table *table = scols_new_table();
	bool is_terminal = isatty(STDOUT_FILENO);
	const char *no_color = getenv("NO_COLOR");
	if (!table)
		return NULL;
	scols_table_enable_colors(table, is_terminal && !(no_color && *no_color));
	for (size_t i = 0; i < n; i++) {
		int flags = (columns[i].right ? SCOLS_FL_RIGHT : 0) |
			    (columns[i].truncate && is_terminal ? SCOLS_FL_TRUNC : 0);
		if (!scols_table_new_column(table, columns[i].name, 0, flags)) {
			scols_unref_table(table);
			return NULL;
		}
	}
	return table;
}

bool out_row(struct libscols_table *table, const char *const *texts, size_t n)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	if (!line)
		return false;
	for (size_t i = 0; i < n; i++)
		if (scols_line_set_data(line, i, texts[i] ? texts[i] : "-") != 0)
			return false;
	return true;
}

void out_colour(struct libscols_table *table, size_t column, const char *colour)
{
	size_t n = scols_table_get_nlines(table);
	struct libscols_line *line = n ? scols_table_get_line(table, n - 1) : NULL;
	struct libscols_cell *cell = line ? scols_line_get_cell(line, column) : NULL;
	if (cell && colour)
		scols_cell_set_color(cell, colour); /* without it the table is as good */
}

void out_table_end(struct libscols_table *table)
{
	scols_print_table(table);
	scols_unref_table(table);
}

void out_json_begin(struct buf *line, struct jx_writer *w)
{
	buf_init(line, LINE_MAX_BYTES);
	jx_begin(w, line);
}

bool out_json_end(struct buf *line)
{
	buf_byte(line, '\n');
	bool ok = buf_status(line) == ST_OK && fwrite(line->p, 1, line->len, stdout) == line->len;
	buf_release(line);
	return ok;
}

const char *out_time(char out[32], int64_t wall_us)
{
	if (wall_us == 0)
		return "-";
	clock_text(wall_us, out, 32);
	out[10] = ' ';
	out[19] = '\0';
	return out;
}

void out_text(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c < 0x20 || c == 0x7f)
			printf("\\x%02x", c);
		else
			putchar(c);
	}
}
