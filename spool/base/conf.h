/* spool/base/conf.h: INI files against a schema table (libinih reads, the table decides).
 *
 * One row per key. An unknown key, a duplicate, a bad unit or a value out of range is an error that names
 * file, line and what would be right. Values land in a struct of the caller at each row's offset. Knows no
 * key of its own. */
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
	CONF_SECRET,   /* char *            as text, but never printed */
};

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

/* All rows to their defaults. *out must be zeroed or released. */
NODISCARD enum status conf_defaults(const struct conf_row *rows, size_t n, void *out, struct why *why);
/* Read file over what *out holds. ST_INVALID: "FILE:LINE: what, and what would be right"; NOTFOUND, DENIED,
 * IO. */
NODISCARD enum status conf_read(
	const struct conf_row *rows, size_t n, const char *file, void *out, struct why *why);
/* Set one value, as if it stood in a file. */
NODISCARD enum status conf_set(const struct conf_row *rows, size_t n, void *out, const char *section,
	const char *key, const char *value, struct why *why);
/* The effective values as an INI file that reads back to the same; secrets as "(set)" comments, unset keys
 * commented. */
void conf_print(const struct conf_row *rows, size_t n, const void *out, FILE *to, bool with_help);
void conf_release(const struct conf_row *rows, size_t n, void *out);

#endif
