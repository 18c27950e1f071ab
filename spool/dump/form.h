/* spool/dump/form.h: the members of each kind of line, in one table for both directions. */
#ifndef SPOOL_DUMP_FORM_H
#define SPOOL_DUMP_FORM_H
#include "spool/model/item.h"

enum member_type {
	MEMBER_ID,
	MEMBER_TEXT,   /* struct slice */
	MEMBER_BYTES,  /* struct slice, always hexadecimal */
	MEMBER_CHARS,  /* char[most + 1] */
	MEMBER_DIGEST, /* uint8_t[TOKEN_DIGEST_LEN], as hexadecimal; all zero: none */
	MEMBER_BOOL,
	MEMBER_INT,
	MEMBER_U32,
	MEMBER_I64,
	MEMBER_U64,
	MEMBER_BITS, /* uint64_t beyond what JSON numbers carry: 16 hexadecimal digits */
	MEMBER_STATE,
	MEMBER_MOVE, /* int: a state, or EVENT_NO_STATE */
	MEMBER_KIND,
	MEMBER_BREAKER,
	MEMBER_RING, /* uint32_t[STATS_RECENT_MAX] */
};

struct member {
	const char *name;
	enum member_type type;
	size_t at;           /* in its struct */
	int64_t least, most; /* of a number; most: bytes of a text */
	bool is_needed;
};

struct form {
	const char *name; /* of the line's one member */
	const struct member *members;
	size_t n;
	size_t at; /* in struct item */
};
extern const struct form dump_forms[ITEM_KIND_N];

#endif
