/* fcgi/intake.h: from a checked trigger to the answer; shared by the single submit and the batch. */
#ifndef FCGI_INTAKE_H
#define FCGI_INTAKE_H
#include "fcgi/app.h"
#include "spool/model/trigger.h"

/* How often and how long this phase's jobs are tried. */
void intake_grant(const struct app *app, struct trigger *trigger);

/* Members of a success, after `success`: phase (or step), message, job_id, ... */
void intake_receipt_members(struct jx_writer *w, int phase, const struct receipt *receipt);

/* true when the receipt is a refusal; *fault then says which. */
bool intake_receipt_is_fault(const struct receipt *receipt, struct fault *fault);

#endif
