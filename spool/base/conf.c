/* spool/base/conf.c: libinih reads the lines, one table of kinds gives them meaning. */
#include "spool/base/conf.h"
#include "spool/base/conf_sections.h"
#include "spool/base/nets.h"
#include "spool/base/origin.h"

#include <errno.h>
#include <ini.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct unit {
	const char *suffix;
	int64_t scale;
};
static const struct unit durations[] = {
	{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {0}};
static const struct unit sizes[] = {
	{"", 1}, {"k", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}, {"T", INT64_C(1) << 40}, {0}};
static const struct unit plain[] = {{"", 1}, {0}};
static const struct unit percent[] = {{"%", 1}, {"", 1}, {0}};

static void *field(void *out, const struct conf_row *row)
{
	return (char *)out + row->offset;
}

static bool is_text(enum conf_kind kind)
{
	return kind == CONF_TEXT || kind == CONF_PATH || kind == CONF_URL || kind == CONF_NETS ||
	       kind == CONF_ORIGINS || kind == CONF_HOSTS || kind == CONF_SECRET || kind == CONF_LINES;
}

/* Digits, then one of the units' suffixes. */
static bool parse_scaled(const char *text, const struct unit *units, int64_t *out)
{
	char *end;
	errno = 0;
	long long number = strtoll(text, &end, 10);
	if (end == text || errno != 0 || (*text != '-' && (*text < '0' || *text > '9')))
		return false;
	while (*end == ' ')
		end++;
	for (const struct unit *u = units; u->suffix; u++)
		if (strcmp(end, u->suffix) == 0)
			return !__builtin_mul_overflow((int64_t)number, u->scale, out);
	return false;
}

/* Decimal digits with at most `places` after the point, exactly, as an integer of 10^-places. */
static bool parse_fixed(const char *text, int places, int64_t *out)
{
	int64_t value = 0;
	int after = -1;
	if (*text == '\0' || *text == '.')
		return false;
	for (; *text; text++) {
		if (*text == '.' && after < 0) {
			after = 0;
			continue;
		}
		if (*text < '0' || *text > '9' || (after >= 0 && after++ >= places))
			return false;
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, *text - '0', &value))
			return false;
	}
	for (int i = after < 0 ? 0 : after; i < places; i++)
		if (__builtin_mul_overflow(value, 10, &value))
			return false;
	*out = value;
	return true;
}

static bool parse_bool(const char *text, bool *out)
{
	static const char *const words[] = {"no", "yes", "off", "on", "false", "true", "0", "1"};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcasecmp(text, words[i]) == 0) {
			*out = i & 1;
			return true;
		}
	return false;
}

static bool parse_switch(const char *text, int64_t *out)
{
	bool value = false;
	bool ok = parse_bool(text, &value);
	*out = value;
	return ok;
}

static bool parse_choice(const char *text, const char *choices, int *out)
{
	size_t want = strlen(text);
	for (int i = 0;; i++) {
		size_t len = strcspn(choices, "|");
		if (len == want && strncmp(choices, text, len) == 0) {
			*out = i;
			return true;
		}
		if (choices[len] == '\0')
			return false;
		choices += len + 1;
	}
}

static bool url_is_valid(const char *text)
{
	if (*text == '\0')
		return true;
	const char *rest = strncmp(text, "http://", 7) == 0    ? text + 7
			   : strncmp(text, "https://", 8) == 0 ? text + 8
							       : NULL;
	if (!rest || *rest == '\0' || *rest == '/')
		return false;
	for (const char *p = rest; *p; p++)
		if (*p <= ' ' || *p >= 0x7f || *p == '?' || *p == '#' || *p == '@')
			return false;
	return true;
}

static bool text_is_valid(enum conf_kind kind, const char *text)
{
	if (kind == CONF_PATH)
		return text[0] == '/';
	if (kind == CONF_URL)
		return url_is_valid(text);
	if (kind == CONF_ORIGINS)
		return origins_valid(text);
	if (kind == CONF_HOSTS)
		return hosts_valid(text);
	return kind != CONF_NETS || nets_valid(text);
}

/* What each kind would have accepted. */
static const char *const expected[] = {
	[CONF_TEXT] = "text",
	[CONF_PATH] = "an absolute path",
	[CONF_URL] = "http://host[:port][/path] or https://..., without user, query or fragment",
	[CONF_INT] = "a whole number",
	[CONF_BOOL] = "yes or no",
	[CONF_SWITCH] = "yes or no",
	[CONF_DURATION] = "a duration such as 500ms, 30s, 5m, 24h or 7d",
	[CONF_SIZE] = "a size such as 4096, 64k, 10M or 16G",
	[CONF_PERCENT] = "a share such as 85 or 85 %",
	[CONF_DECIMAL] = "a decimal such as 0.20",
	[CONF_FACTOR] = "a factor such as 3 or 1.5",
	[CONF_ENUM] = "one of its words",
	[CONF_NETS] = "addresses or CIDR blocks, separated by commas",
	[CONF_ORIGINS] = "origins such as https://app.example.com, separated by commas; there is no *",
	[CONF_HOSTS] = "host names such as clario.example.com, separated by commas, with or without a port",
	[CONF_SECRET] = "text",
	[CONF_LINES] = "text",
};

static bool parse_number(const struct conf_row *row, const char *text, int64_t *out)
{
	switch (row->kind) {
	case CONF_INT:
		return parse_scaled(text, plain, out);
	case CONF_SWITCH:
		return parse_switch(text, out);
	case CONF_DURATION:
		return parse_scaled(text, durations, out);
	case CONF_SIZE:
		return parse_scaled(text, sizes, out);
	case CONF_PERCENT:
		return parse_scaled(text, percent, out);
	case CONF_DECIMAL:
		return parse_fixed(text, 6, out);
	case CONF_FACTOR:
		return parse_fixed(text, 3, out);
	default:
		return false;
	}
}

static void format_number(const struct conf_row *row, int64_t value, char *out, size_t cap)
{
	const struct unit *units = row->kind == CONF_DURATION ? durations
				   : row->kind == CONF_SIZE   ? sizes
							      : plain;
	if (row->kind == CONF_PERCENT) {
		snprintf(out, cap, "%" PRId64 " %%", value);
		return;
	}
	if (row->kind == CONF_SWITCH) {
		snprintf(out, cap, "%s", value ? "yes" : "no");
		return;
	}
	if (row->kind == CONF_DECIMAL || row->kind == CONF_FACTOR) {
		int places = row->kind == CONF_DECIMAL ? 6 : 3;
		int64_t scale = places == 6 ? 1000000 : 1000;
		int len = snprintf(out, cap, "%" PRId64 ".%0*" PRId64, value / scale, places, value % scale);
		while (len > 0 && out[len - 1] == '0' && out[len - 2] != '.')
			out[--len] = '\0';
		return;
	}
	const struct unit *best = units;
	for (const struct unit *u = units; u->suffix; u++)
		if (value != 0 && value % u->scale == 0)
			best = u;
	snprintf(out, cap, "%" PRId64 "%s", value / best->scale, best->suffix);
}

static enum status bad_value(const struct conf_row *row, const char *value, struct why *why)
{
	return why_set(why, ST_INVALID, "%s.%s = %s: expected %s%s%s", row->section, row->key,
		row->kind == CONF_SECRET ? "..." : value, expected[row->kind],
		row->kind == CONF_ENUM ? ": " : "", row->kind == CONF_ENUM ? row->choices : "");
}

static enum status store_number(const struct conf_row *row, const char *value, void *out, struct why *why)
{
	int64_t number;
	if (!parse_number(row, value, &number))
		return bad_value(row, value, why);
	if ((row->min || row->max) && (number < row->min || number > row->max)) {
		char min[40], max[40];
		format_number(row, row->min, min, sizeof min);
		format_number(row, row->max, max, sizeof max);
		return why_set(why, ST_INVALID, "%s.%s = %s: must be between %s and %s", row->section,
			row->key, value, min, max);
	}
	*(int64_t *)field(out, row) = number;
	return ST_OK;
}

static void drop_text(const struct conf_row *row, char **slot)
{
	if (*slot && row->kind == CONF_SECRET)
		explicit_bzero(*slot, strlen(*slot));
	free(*slot);
	*slot = NULL;
}

static enum status store_text(const struct conf_row *row, const char *value, void *out, struct why *why)
{
	if (!text_is_valid(row->kind, value))
		return bad_value(row, value, why);
	char *copy = strdup(value);
	if (!copy)
		return why_set(why, ST_NOMEM, "out of memory");
	size_t len = strlen(copy);
	while (row->kind == CONF_URL && len > 0 && copy[len - 1] == '/')
		copy[--len] = '\0';
	char **slot = field(out, row);
	drop_text(row, slot);
	*slot = copy;
	return ST_OK;
}

/* A further line of a text that has been stored. */
static enum status store_line(const struct conf_row *row, const char *line, void *out, struct why *why)
{
	char **slot = field(out, row), *whole;
	if (asprintf(&whole, "%s%s%s", *slot, **slot ? "\n" : "", line) < 0)
		return why_set(why, ST_NOMEM, "out of memory");
	free(*slot);
	*slot = whole;
	return ST_OK;
}

static enum status store(const struct conf_row *row, const char *value, void *out, struct why *why)
{
	if (is_text(row->kind))
		return store_text(row, value, out, why);
	if (row->kind == CONF_BOOL)
		return parse_bool(value, field(out, row)) ? ST_OK : bad_value(row, value, why);
	if (row->kind == CONF_ENUM)
		return parse_choice(value, row->choices, field(out, row)) ? ST_OK
									  : bad_value(row, value, why);
	return store_number(row, value, out, why);
}

static const struct conf_row *find_row(
	const struct conf_row *rows, size_t n, const char *section, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (conf_row_has_value(&rows[i]) && strcmp(rows[i].section, section) == 0 &&
			strcmp(rows[i].key, key) == 0)
			return &rows[i];
	return NULL;
}

static enum status default_row(const struct conf_row *row, void *out, struct why *why)
{
	if (row->def)
		return store(row, row->def, out, why);
	if (!is_text(row->kind))
		*(int64_t *)field(out, row) = CONF_UNSET;
	return ST_OK;
}

enum status conf_defaults(const struct conf_row *rows, size_t n, void *out, struct why *why)
{
	enum status st = ST_OK;
	for (size_t i = 0; i < n && st == ST_OK; i++) {
		if (rows[i].kind == CONF_SECTIONS)
			sections_reset(&rows[i], out);
		else if (!sections_is_pattern(&rows[i]))
			st = default_row(&rows[i], out, why);
	}
	return st;
}

/* Where the value of a key goes. */
struct place {
	const struct conf_row *row; /* in the table; NULL: there is no such key */
	size_t element;             /* of a pattern's array; else 0 */
	void *out;                  /* what the row's offset counts from */
};

/* The element of a section that a pattern takes; a new one gets its defaults. */
static enum status enter_element(const struct conf_row *rows, size_t n, const struct conf_row *head,
	void *out, const char *section, struct place *place, struct why *why)
{
	bool is_new;
	enum status st = sections_enter(head, out, section, &place->element, &is_new, why);
	place->out = sections_element(head, out, place->element);
	for (size_t i = 0; i < n && st == ST_OK && is_new; i++)
		if (conf_row_has_value(&rows[i]) && strcmp(rows[i].section, head->section) == 0)
			st = default_row(&rows[i], place->out, why);
	return st;
}

static enum status find_place(const struct conf_row *rows, size_t n, void *out, const char *section,
	const char *key, struct place *place, struct why *why)
{
	const struct conf_row *head = sections_head(rows, n, section);
	*place = (struct place){.row = find_row(rows, n, head ? head->section : section, key), .out = out};
	if (!place->row || !head)
		return ST_OK;
	return enter_element(rows, n, head, out, section, place, why);
}

/* Under the section's own name, which messages tell. */
static enum status store_at(
	const struct place *place, const char *section, const char *value, struct why *why)
{
	struct conf_row row = *place->row;
	row.section = section;
	return store(&row, value, place->out, why);
}

enum status conf_set(const struct conf_row *rows, size_t n, void *out, const char *section, const char *key,
	const char *value, struct why *why)
{
	struct place place;
	enum status st = find_place(rows, n, out, section, key, &place, why);
	if (st != ST_OK)
		return st;
	if (!place.row)
		return why_set(why, ST_INVALID, "there is no configuration key %s.%s", section, key);
	return store_at(&place, section, value, why);
}

struct reading {
	FILE *in;
	int line;
	const struct conf_row *rows;
	size_t n;
	const char *file;
	void *out;
	bool is_indented; /* the line begins with a blank: it goes on with the key before it */
	char section[SECTION_CAP];
	int section_line; /* where it begins; 0: none has yet */
	bool has_key;     /* the section, so far */
	size_t elements;  /* the most that a pattern has */
	int *line_of;     /* per row and element: where it was set, 0: not yet */
	enum status st;
	struct why why;
};

static void fail_at(struct reading *r, int line, const char *text)
{
	r->st = why_set(&r->why, ST_INVALID, "%s:%d: %s", r->file, line, text);
}

/* The section exists but the key does not, or neither: say which. */
static void fail_unknown(struct reading *r, int line, const char *section, const char *key)
{
	char text[200];
	if (!sections_is_known(r->rows, r->n, section))
		snprintf(text, sizeof text, "there is no section [%s]; see clario.conf(5)", section);
	else
		snprintf(text, sizeof text, "there is no key %s in [%s]; see clario.conf(5)", key, section);
	fail_at(r, line, text);
}

static void fail_twice(struct reading *r, const char *section, const char *key, int first)
{
	char text[200];
	snprintf(text, sizeof text, "%s.%s is set twice, first in line %d; keep one", section, key, first);
	fail_at(r, r->line, text);
}

/* libinih's handler: 0 stops. Debian's build does not pass line numbers, so read_line() counts them. */
static int take_line(void *arg, const char *section, const char *key, const char *value)
{
	struct reading *r = arg;
	if (r->st != ST_OK)
		return 0;
	r->has_key = true;
	struct why why = WHY_INIT;
	struct place place;
	r->st = find_place(r->rows, r->n, r->out, section, key, &place, &why);
	if (r->st != ST_OK) {
		fail_at(r, r->line, why.text);
		return 0;
	}
	if (!place.row) {
		fail_unknown(r, r->line, section, key);
		return 0;
	}
	int *line = &r->line_of[(size_t)(place.row - r->rows) * r->elements + place.element];
	if (*line && r->is_indented && place.row->kind == CONF_LINES) {
		r->st = store_line(place.row, value ? value : "", place.out, &r->why);
		return r->st == ST_OK;
	}
	if (*line) {
		fail_twice(r, section, key, *line);
		return 0;
	}
	*line = r->line;
	r->st = store_at(&place, section, value ? value : "", &why);
	if (r->st != ST_OK)
		fail_at(r, r->line, why.text);
	return r->st == ST_OK;
}

/* Of a section without keys libinih says nothing. One that has rows of its own may be empty; one of the
 * operator's own name would not come to be, and any other is misspelt. */
static void end_section(struct reading *r)
{
	char text[200];
	if (r->st != ST_OK || !r->section_line || r->has_key)
		return;
	snprintf(text, sizeof text, "[%s] has no keys; give it some or remove it", r->section);
	if (!sections_is_known(r->rows, r->n, r->section))
		fail_unknown(r, r->section_line, r->section, "");
	else if (sections_head(r->rows, r->n, r->section))
		fail_at(r, r->section_line, text);
}

/* libinih's reader, as fgets: stops at the first error, and at a line that libinih's buffer would cut in two.
 */
static char *read_line(char *out, int cap, void *arg)
{
	struct reading *r = arg;
	if (r->st != ST_OK || !fgets(out, cap, r->in))
		return NULL;
	r->line++;
	r->is_indented = out[0] == ' ' || out[0] == '\t';
	if (!strchr(out, '\n') && !feof(r->in)) {
		fail_at(r, r->line, "the line is too long; the limit is 198 bytes");
		return NULL;
	}
	char section[SECTION_CAP];
	if ((r->is_indented && r->has_key) || !sections_begin(out, section))
		return out;
	end_section(r);
	memcpy(r->section, section, sizeof section);
	r->section_line = r->line;
	r->has_key = false;
	return out;
}

enum status conf_read(const struct conf_row *rows, size_t n, const char *file, void *out, struct why *why)
{
	struct reading r = {.rows = rows, .n = n, .file = file, .out = out, .elements = 1};
	char buffer[BUFSIZ]; /* ours, so that no secret stays in a freed one */
	r.in = fopen(file, "re");
	if (!r.in)
		return why_errno(why, errno, "cannot read %s", file);
	setvbuf(r.in, buffer, _IOFBF, sizeof buffer);
	for (size_t i = 0; i < n; i++)
		if (rows[i].kind == CONF_SECTIONS && (size_t)rows[i].max > r.elements)
			r.elements = (size_t)rows[i].max;
	r.line_of = calloc(n * r.elements, sizeof(int));
	int bad_line = r.line_of ? ini_parse_stream(read_line, &r, take_line, &r) : 0;
	if (!r.line_of)
		r.st = why_set(&r.why, ST_NOMEM, "out of memory");
	else if (r.st == ST_OK && ferror(r.in))
		r.st = why_set(&r.why, ST_IO, "cannot read %s", file);
	else if (r.st == ST_OK && bad_line > 0)
		fail_at(&r, bad_line, "neither a [section], a key = value nor a comment");
	end_section(&r);
	free(r.line_of);
	fclose(r.in);
	explicit_bzero(buffer, sizeof buffer);
	if (r.st != ST_OK && why)
		*why = r.why;
	return r.st;
}

static void print_choice(const struct conf_row *row, int index, FILE *to)
{
	const char *at = row->choices;
	while (index-- > 0)
		at += strcspn(at, "|") + 1;
	fprintf(to, "%s = %.*s\n", row->key, (int)strcspn(at, "|"), at);
}

/* On one line if libinih takes it so, else each line after a tab. */
static void print_lines(const struct conf_row *row, const char *value, FILE *to)
{
	enum { LINE_MAX_LEN = 198 };
	bool fits = !strchr(value, '\n') && strlen(row->key) + strlen(" = ") + strlen(value) <= LINE_MAX_LEN;
	fprintf(to, "%s =%s", row->key, fits ? " " : "\n\t");
	for (; *value; value++)
		fprintf(to, *value == '\n' ? "\n\t" : "%c", *value);
	fputc('\n', to);
}

static void print_row(const struct conf_row *row, const void *out, FILE *to)
{
	const void *at = (const char *)out + row->offset;
	char text[64];
	if (row->kind == CONF_SECRET) {
		const char *value = *(char *const *)at;
		fprintf(to, "# %s %s\n", row->key, value && *value ? "(set)" : "(not set)");
	} else if (row->kind == CONF_LINES && *(char *const *)at) {
		print_lines(row, *(char *const *)at, to);
	} else if (is_text(row->kind)) {
		const char *value = *(char *const *)at;
		fprintf(to, value ? "%s = %s\n" : "# %s =%s\n", row->key, value ? value : "");
	} else if (row->kind == CONF_ENUM) {
		print_choice(row, *(const int *)at, to);
	} else if (row->kind == CONF_BOOL) {
		fprintf(to, "%s = %s\n", row->key, *(const bool *)at ? "yes" : "no");
	} else if (*(const int64_t *)at == CONF_UNSET) {
		fprintf(to, "# %s =\n", row->key);
	} else {
		format_number(row, *(const int64_t *)at, text, sizeof text);
		fprintf(to, "%s = %s\n", row->key, text);
	}
}

static void print_section(const struct conf_row *rows, size_t n, const char *prefix, const char *name,
	const void *out, FILE *to, bool with_help)
{
	fprintf(to, "[%s%s]\n", prefix, name);
	for (size_t i = 0; i < n; i++) {
		if (!conf_row_has_value(&rows[i]))
			continue;
		if (with_help && rows[i].help)
			fprintf(to, "# %s\n", rows[i].help);
		print_row(&rows[i], out, to);
	}
}

/* Those that have no rows of their own. */
static void print_elements(const struct conf_row *rows, size_t n, const void *out, FILE *to, bool with_help)
{
	const struct conf_row *head = rows;
	char prefix[64];
	snprintf(prefix, sizeof prefix, "%.*s", (int)strlen(head->section) - 1, head->section);
	for (size_t i = sections_always(head); i < sections_used(head, out); i++) {
		fputc('\n', to);
		print_section(rows, n, prefix, sections_name(head, out, i),
			sections_element(head, (void *)out, i), to, with_help);
	}
}

void conf_print(const struct conf_row *rows, size_t n, const void *out, FILE *to, bool with_help)
{
	for (size_t i = 0, len; i < n; i += len) {
		for (len = 1; i + len < n && strcmp(rows[i + len].section, rows[i].section) == 0;)
			len++;
		if (rows[i].kind == CONF_SECTIONS) {
			print_elements(rows + i, len, out, to, with_help);
			continue;
		}
		fputs(i ? "\n" : "", to);
		print_section(rows + i, len, "", rows[i].section, out, to, with_help);
	}
}

static void release_row(const struct conf_row *rows, size_t n, const struct conf_row *row, void *out)
{
	const struct conf_row *head = sections_is_pattern(row) ? sections_head(rows, n, row->section) : NULL;
	size_t elements = head ? sections_used(head, out) : 1;
	for (size_t i = 0; i < elements && is_text(row->kind); i++)
		drop_text(row, field(head ? sections_element(head, out, i) : out, row));
}

void conf_release(const struct conf_row *rows, size_t n, void *out)
{
	for (size_t i = 0; i < n; i++)
		release_row(rows, n, &rows[i], out);
	for (size_t i = 0; i < n; i++)
		if (rows[i].kind == CONF_SECTIONS)
			sections_reset(&rows[i], out);
}
