/* fcgi/problem.h: what HTTP makes of each thing that can be wrong with a request (spool/fault.h): its status,
 * and how it is told. Pure. */
#ifndef FCGI_PROBLEM_H
#define FCGI_PROBLEM_H
#include "spool/base/jx.h"
#include "spool/fault.h"

struct problem_info {
	int http_status;
	int retry_after_s; /* 0: no Retry-After */
};
const struct problem_info *problem_info(enum problem problem);

/* The one place where the spool's verdicts become answers. why may be NULL; not_found: which of the problems
 * of that kind it is. */
void fault_of_status(struct fault *fault, enum status st, const struct why *why, enum problem not_found);

/* The members success, error, code and field of an object that is open. */
void fault_members(struct jx_writer *w, const struct fault *fault);

#endif
