/* spool/base/conf_sections.h: patterns of sections and the arrays behind them (conf.h), for conf.c alone.
 *
 * A pattern is known by its first row, the head, of kind CONF_SECTIONS; the row after it is its CONF_NAME. */
#ifndef SPOOL_BASE_CONF_SECTIONS_H
#define SPOOL_BASE_CONF_SECTIONS_H
#include "spool/base/conf.h"

bool sections_is_pattern(const struct conf_row *row);
/* The head of the pattern that takes this section; NULL: none does, as when the section has rows of its own.
 */
const struct conf_row *sections_head(const struct conf_row *rows, size_t n, const char *section);

/* It has rows, or a pattern takes it. */
bool sections_is_known(const struct conf_row *rows, size_t n, const char *section);

/* Is this line of a file, as libinih reads it, the head of a section? Then *name is its name, cut as libinih
 * cuts it. */
enum { SECTION_CAP = 50 };
bool sections_begin(const char *line, char name[SECTION_CAP]);

size_t sections_always(const struct conf_row *head); /* elements that are always in use: the first ones */
size_t sections_used(const struct conf_row *head, const void *out);
void *sections_element(const struct conf_row *head, void *out, size_t i); /* what offsets count from */
const char *sections_name(const struct conf_row *head, const void *out, size_t i);

/* Only those that are always in use are. */
void sections_reset(const struct conf_row *head, void *out);
/* The element of a section, the next one if its name is new. ST_INVALID: the name cannot be one, or there are
 * too many. */
NODISCARD enum status sections_enter(const struct conf_row *head, void *out, const char *section,
	size_t *element, bool *is_new, struct why *why);

#endif
