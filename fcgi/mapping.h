/* fcgi/mapping.h: from the event that a source sent to the body that a caller would have sent for it, by the
 * JSON pointers of the source's rows. Pure. */
#ifndef FCGI_MAPPING_H
#define FCGI_MAPPING_H
#include "spool/opts.h"
#include "spool/validate.h"

/* What was looked for and not found, or is not what it must be. */
struct mapping_fault {
	struct fault fault;
	const char *pointer; /* the row's; NULL: the fault is with no field */
};

enum { MAPPING_TYPE_MAX = 128 };

/* The phase of an event, which is well-formed JSON; 0: none, it is to be ignored. type: its type, cut, for
 * the answer and the log; "" where the source needs none. */
bool mapping_phase(const struct webhook_opts *source, struct slice event, int *phase,
	char type[MAPPING_TYPE_MAX], struct mapping_fault *fault);

/* The text of the value that the source's id row leads to. */
bool mapping_id(
	const struct webhook_opts *source, struct slice event, struct buf *out, struct mapping_fault *fault);

/* The body into out, checked by validate_body(), which fills *draft. It has the fields as their bytes stand
 * in the event, but for an amount in minor units, which becomes text; and the event itself, if the source
 * keeps it. */
bool mapping_body(const struct webhook_opts *source, int phase, struct slice event, int64_t now_us,
	struct buf *out, struct draft *draft, struct mapping_fault *fault);

#endif
