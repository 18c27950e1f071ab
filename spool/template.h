/* spool/template.h: texts with holes that a job's values are put into: the paths and bodies of calls. Pure.
 *
 * A path has {hole}, its values percent-encoded; a body is JSON and has ${hole}, each a whole JSON value.
 * What the values are is worker/call.c's. */
#ifndef SPOOL_TEMPLATE_H
#define SPOOL_TEMPLATE_H
#include "spool/base/buf.h"

enum template_kind { TEMPLATE_PATH, TEMPLATE_BODY };

enum hole {
	HOLE_NONE,    /* the template ends with the text before */
	HOLE_UNKNOWN, /* no template that was checked has one */
	HOLE_CLAIM_ID,
	HOLE_USER_ID,
	HOLE_WORKFLOW_ID,
	HOLE_JOB_ID,
	HOLE_PAYLOAD, /* bodies only */
	HOLE_MEMBER,  /* payload.MEMBER: of the payload's own members */
};

struct template_part {
	struct slice text; /* up to the hole, as it is */
	enum hole hole;
	struct slice name; /* what stands in the hole */
	struct slice member;
};

/* The part at *at, which moves behind it. false: the template is over. */
bool template_next(enum template_kind kind, const char **at, struct template_part *out);

/* ST_OK; NOMEM; INVALID, *why says what is wrong: a hole that is none, one within quotes, a body that is no
 * JSON with null in every hole, a path that cannot stand in a URL. */
NODISCARD enum status template_check(enum template_kind kind, const char *text, struct why *why);

#endif
