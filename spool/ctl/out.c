/* spool/ctl/out.c: see out.h. */
#include "spool/ctl/out.h"

#include "spool/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 64 << 20 };

/* no-color.org: set and not empty. */
bool out_is_colored(void)
{
	const char *no_color = getenv("NO_COLOR");
	return isatty(STDOUT_FILENO) && (!no_color || !*no_color);
}

struct libscols_table *out_table(const struct out_column *columns, size_t n)
{
	struct libscols_table *table = scols_new_table();
	bool is_terminal = isatty(STDOUT_FILENO);
	if (!table)
		return NULL;
	scols_table_enable_colors(table, out_is_colored());
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

bool out_row_in(struct libscols_table *table, const char *const *texts, size_t n, const char *color)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	if (!line)
		return false;
	if (color && scols_line_set_color(line, color) != 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (scols_line_set_data(line, i, texts[i] ? texts[i] : "-") != 0)
			return false;
	return true;
}

void out_color_cell(struct libscols_table *table, size_t column, const char *color)
{
	size_t n = scols_table_get_nlines(table);
	struct libscols_line *line = n ? scols_table_get_line(table, n - 1) : NULL;
	struct libscols_cell *cell = line ? scols_line_get_cell(line, column) : NULL;
	if (cell && color)
		scols_cell_set_color(cell, color); /* without it the table is as good */
}

bool out_row(struct libscols_table *table, const char *const *texts, size_t n)
{
	return out_row_in(table, texts, n, NULL);
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

const char *out_span(char out[OUT_SPAN_LEN], int64_t us)
{
	static const struct {
		int64_t us;
		const char *unit;
	} units[] = {{86400000000, "d"}, {3600000000, "h"}, {60000000, "m"}, {1000000, "s"}, {1000, "ms"}};
	size_t i = 0;
	if (us < 0)
		return "-";
	while (i + 1 < sizeof units / sizeof *units && us < units[i].us * (i < 3 ? 2 : 1))
		i++;
	snprintf(out, OUT_SPAN_LEN, "%lld%s", (long long)(us / units[i].us), units[i].unit);
	return out;
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
