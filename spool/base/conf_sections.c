/* spool/base/conf_sections.c: see conf_sections.h. */
#include "spool/base/conf_sections.h"

#include <string.h>

bool sections_is_pattern(const struct conf_row *row)
{
	size_t len = strlen(row->section);
	return len > 2 && strcmp(row->section + len - 2, ".*") == 0;
}

/* "call.fee" under "call.*" is "fee"; NULL: it is not under it. */
static const char *name_in(const struct conf_row *head, const char *section)
{
	size_t len = strlen(head->section) - 1;
	return strncmp(section, head->section, len) == 0 ? section + len : NULL;
}

const struct conf_row *sections_head(const struct conf_row *rows, size_t n, const char *section)
{
	const struct conf_row *head = NULL;
	for (size_t i = 0; i < n; i++) {
		if (rows[i].kind == CONF_SECTIONS && name_in(&rows[i], section))
			head = &rows[i];
		else if (!sections_is_pattern(&rows[i]) && strcmp(rows[i].section, section) == 0)
			return NULL;
	}
	return head;
}

bool sections_is_known(const struct conf_row *rows, size_t n, const char *section)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(rows[i].section, section) == 0)
			return true;
	return sections_head(rows, n, section) != NULL;
}

bool sections_begin(const char *line, char name[SECTION_CAP])
{
	static const char mark[] = "\xef\xbb\xbf"; /* of UTF-8, before the first line */
	if (strncmp(line, mark, strlen(mark)) == 0)
		line += strlen(mark);
	line += strspn(line, " \t");
	size_t len = strcspn(line, "]");
	if (line[0] != '[' || line[len] != ']')
		return false;
	snprintf(name, SECTION_CAP, "%.*s", (int)len - 1, line + 1);
	return true;
}

size_t sections_always(const struct conf_row *head)
{
	if (!head->def)
		return 0;
	size_t n = 1;
	for (const char *p = head->def; *p; p++)
		n += *p == '|';
	return n;
}

static size_t *used(const struct conf_row *head, void *out)
{
	return (size_t *)((char *)out + head->offset);
}

size_t sections_used(const struct conf_row *head, const void *out)
{
	return *used(head, (void *)out);
}

void *sections_element(const struct conf_row *head, void *out, size_t i)
{
	return (char *)out + i * (size_t)head->min;
}

static char *name_at(const struct conf_row *head, void *out, size_t i)
{
	return (char *)sections_element(head, out, i) + head[1].offset;
}

const char *sections_name(const struct conf_row *head, const void *out, size_t i)
{
	return name_at(head, (void *)out, i);
}

static void set_name(const struct conf_row *head, void *out, size_t i, const char *name, size_t len)
{
	char *at = name_at(head, out, i);
	memset(at, 0, CONF_NAME_MAX + 1);
	memcpy(at, name, len);
}

void sections_reset(const struct conf_row *head, void *out)
{
	const char *name = head->def;
	size_t n = sections_always(head);
	for (size_t i = 0; i < n; i++) {
		size_t len = strcspn(name, "|");
		set_name(head, out, i, name, len);
		name += len + 1;
	}
	*used(head, out) = n;
}

static bool is_name(const char *text, const char *more)
{
	static const char usual[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
	size_t len = 0;
	while (text[len] && (strchr(usual, text[len]) || (more && strchr(more, text[len]))))
		len++;
	return len > 0 && len <= CONF_NAME_MAX && text[len] == '\0';
}

enum status sections_enter(const struct conf_row *head, void *out, const char *section, size_t *element,
	bool *is_new, struct why *why)
{
	const char *name = name_in(head, section);
	size_t n = sections_used(head, out);
	*is_new = false;
	for (*element = 0; *element < n; ++*element)
		if (strcmp(sections_name(head, out, *element), name) == 0)
			return ST_OK;
	if (!is_name(name, head->choices))
		return why_set(why, ST_INVALID, "[%s]: a name has 1 to %d letters, digits and dashes%s%s",
			section, CONF_NAME_MAX, head->choices ? ", or any of " : "",
			head->choices ? head->choices : "");
	if (n == (size_t)head->max)
		return why_set(why, ST_INVALID, "[%s]: there are %zu sections %s already, which is the limit",
			section, n, head->section);
	set_name(head, out, n, name, strlen(name));
	*used(head, out) = n + 1;
	*is_new = true;
	return ST_OK;
}
