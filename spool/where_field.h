/* spool/where_field.h: the fields that selections may name; shared by where.c, which reads them, and
 * where_match.c, which compares. */
#ifndef SPOOL_WHERE_FIELD_H
#define SPOOL_WHERE_FIELD_H
#include "spool/where.h"

enum where_kind {
	KIND_ID,
	KIND_STATE,
	KIND_PHASE,
	KIND_RECEIVER,
	KIND_TEXT,
	KIND_NUMBER,
	KIND_TIME,
	KIND_AGE, /* becomes a comparison of a time when it is parsed */
	KIND_BODY,
};

enum where_member {
	OF_NONE,
	OF_WORKFLOW,
	OF_USER,
	OF_SOURCE,
	OF_ERROR,
	OF_KEY,
	OF_TRACE,
	OF_PRIORITY,
	OF_ATTEMPTS,
	OF_ATTEMPTS_ALLOWED,
	OF_CRASHES,
	OF_ACCEPTED,
	OF_RUN_AT,
	OF_WAITING, /* run_at of a waiting job; others have none */
	OF_STARTED,
	OF_FINISHED,
	OF_GIVE_UP,
};

struct where_field {
	const char *name;
	const char *also; /* another name: the one it has in JSON */
	enum where_kind kind;
	enum where_member member;
};
extern const struct where_field where_fields[];
extern const size_t where_fields_n;

/* Whether an order (below, at or above 0) is what the operator wants; = for those that do not order. */
bool where_compares(enum where_operator op, int order);
/* Whether the store needs no look at jobs for this term (where_narrow). */
bool where_term_is_indexed(const struct where_term *term);

#endif
