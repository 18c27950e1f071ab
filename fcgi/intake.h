/* fcgi/intake.h: from a checked trigger to the answer; shared by the single submit and the batch. */
#ifndef FCGI_INTAKE_H
#define FCGI_INTAKE_H
#include "fcgi/app.h"
#include "spool/spool.h"
#include "spool/validate.h"

/* A submit between its request and its answer. It is to stay in place from the one to the other, and borrows
 * from the request. */
struct intake {
	struct submit submit;
	struct draft draft;
	struct receipt receipt;
	bool hides_others; /* of a caller who is limited to some jobs: another's is not named */
	/* Of a webhook: the body that was made, its key, and what that is called in a fault. */
	struct buf payload;
	char key[JOB_TEXT_MAX + 1];
	const char *key_field;
};

/* One trigger to be submitted: the draft's. intake_release() ends it; it accepts a released one. */
void intake_init(struct intake *intake, const struct request *request);
void intake_release(struct intake *intake);

/* Parse and validate. true: intake->submit is ready but for its callbacks. false: *reply says what is wrong.
 */
bool intake_prepare(
	struct app *app, const struct request *request, struct intake *intake, struct reply *reply);

/* Submit, wait for it, answer, and release. */
void intake_run(struct app *app, struct intake *intake, struct reply *reply);

/* The answer to a submit that is done. Only then is it built: a lost answer is asked for again, a lost job
 * would not be. */
void intake_answer(const struct intake *intake, struct reply *reply);

/* How often and how long this phase's jobs are tried, and what their source may have in the spool. */
void intake_grant(const struct app *app, struct trigger *trigger);

/* Members of a success, after `success`: phase (or step), message, job_id, ... */
void intake_receipt_members(struct jx_writer *w, int phase, const struct receipt *receipt);

/* true when the receipt is a refusal; *fault then says which. */
bool intake_receipt_is_fault(const struct receipt *receipt, struct fault *fault);

#endif
