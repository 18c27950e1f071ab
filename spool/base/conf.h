/* spool/base/conf.h: INI files against a schema table (libinih reads, the table decides).
 *
 * One row per key. An unknown key, a duplicate, a bad unit or a value out of range is an error that names
 * file, line and what would be right. Values land in a struct of the caller at each row's offset. Knows no
 * key of its own.
 *
 * Sections may have names of the operator's own: rows whose section ends in ".*" are a pattern. "call.*"
 * takes every [call.NAME] that has no rows of its own; the first section of a new name takes the next element
 * of an array in the caller's struct, with the rows' defaults, and the offsets of these rows are those in the
 * array's first element. CONF_PATTERN makes the two rows that must stand before them. */
#ifndef SPOOL_BASE_CONF_H
#define SPOOL_BASE_CONF_H
#include "spool/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum conf_kind {
	CONF_TEXT, /* char *            any text */
	CONF_PATH, /* char *            absolute path */
	CONF_URL, /* char *            http:// or https:// without query; empty = none; no slash at the end is
		     kept */
	CONF_INT, /* int64_t           decimal */
	CONF_BOOL,     /* bool              yes/no, on/off, true/false */
	CONF_SWITCH,   /* int64_t 0 or 1     as CONF_BOOL, for rows that may be unset */
	CONF_DURATION, /* int64_t ms        ms, s, m, h, d */
	CONF_SIZE,     /* int64_t bytes     bare, k, M, G, T (1024) */
	CONF_PERCENT,  /* int64_t           1 % .. 100 %, sign optional */
	CONF_DECIMAL,  /* int64_t millionths  0.20 -> 200000, exact */
	CONF_FACTOR,   /* int64_t thousandths 3 -> 3000 */
	CONF_ENUM,     /* int               one of choices, its index */
	CONF_NETS,     /* char *            list of addresses and CIDR blocks (nets.h); checked
			*/
	CONF_ORIGINS,  /* char *            list of origins (origin.h); checked */
	CONF_HOSTS,    /* char *            list of hosts (origin.h); checked */
	CONF_SECRET,   /* char *            as text, but never printed, and wiped when it is released */
	CONF_LINES,    /* char *            as text; lines that begin with a blank go on with it, each after a
			  line feed */
	/* Rows without a value, of a pattern: */
	CONF_SECTIONS, /* size_t            elements in use; min: bytes from one to the next; max: how many
			  there are; def: "a|b", names of the first ones, which are always in use, or NULL;
			  choices: characters that names may have beside those below, or NULL */
	CONF_NAME, /* char[]            CONF_NAME_MAX + 1 bytes, the name of an element; always the next row
		    */
};

/* Letters, digits and dashes. */
#define CONF_NAME_MAX 32

/* INT64_MIN in an integer field, NULL in a text field, -1 in bool-as-int: "not set here". Rows with def ==
 * NULL start so. */
#define CONF_UNSET INT64_MIN

struct conf_row {
	const char *section, *key;
	enum conf_kind kind;
	size_t offset;
	int64_t min, max;    /* inclusive, in the stored unit; both 0: not checked */
	const char *def;     /* as it would stand in the file; NULL: unset */
	const char *choices; /* CONF_ENUM: "workflow|none" */
	const char *help;    /* one line, for the manual and for the printed configuration */
};

/* The two rows before those of the pattern section: struct type has an array of structs that have a name, and
 * counts in used how many of them are in use. Those in always, which may be NULL, come first and always are:
 * each has rows of its own under its section's whole name, and with those its defaults. */
#define CONF_PATTERN(section_, type_, array_, used_, always_)                                                \
	{section_, "", CONF_SECTIONS, offsetof(type_, used_), sizeof((type_ *)0)->array_[0],                 \
		sizeof((type_ *)0)->array_ / sizeof((type_ *)0)->array_[0], always_, NULL, NULL},            \
	{                                                                                                    \
		section_, "", CONF_NAME, offsetof(type_, array_[0].name), 0, 0, NULL, NULL, NULL             \
	}
/* The same for a pattern of which nothing is always in use, and whose names may have more characters, those
 * of more_. */
#define CONF_PATTERN_NAMES(section_, type_, array_, used_, more_)                                            \
	{section_, "", CONF_SECTIONS, offsetof(type_, used_), sizeof((type_ *)0)->array_[0],                 \
		sizeof((type_ *)0)->array_ / sizeof((type_ *)0)->array_[0], NULL, more_, NULL},              \
	{                                                                                                    \
		section_, "", CONF_NAME, offsetof(type_, array_[0].name), 0, 0, NULL, NULL, NULL             \
	}
static inline bool conf_row_has_value(const struct conf_row *row)
{
	return row->kind != CONF_SECTIONS && row->kind != CONF_NAME;
}

/* All rows to their defaults. *out must be zeroed or released. */
NODISCARD enum status conf_defaults(const struct conf_row *rows, size_t n, void *out, struct why *why);
/* Read file over what *out holds. ST_INVALID: "FILE:LINE: what, and what would be right"; NOTFOUND, DENIED,
 * IO. */
NODISCARD enum status conf_read(
	const struct conf_row *rows, size_t n, const char *file, void *out, struct why *why);
/* Set one value, as if it stood in a file; a section of a pattern comes into use by it. */
NODISCARD enum status conf_set(const struct conf_row *rows, size_t n, void *out, const char *section,
	const char *key, const char *value, struct why *why);
/* The effective values as an INI file that reads back to the same; secrets as "(set)" comments, unset keys
 * commented. */
void conf_print(const struct conf_row *rows, size_t n, const void *out, FILE *to, bool with_help);
void conf_release(const struct conf_row *rows, size_t n, void *out);

#endif
