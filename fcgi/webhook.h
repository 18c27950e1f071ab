/* fcgi/webhook.h: POST /webhooks/{source}: events of others, let in by their signature alone. */
#ifndef FCGI_WEBHOOK_H
#define FCGI_WEBHOOK_H
#include "fcgi/intake.h"

/* Who signed this request: its caller is then "webhook:NAME", and may submit what the source's events become.
 * false: *reply is the refusal. It is the same whatever was wrong, so that strangers learn neither which
 * sources there are nor how near they came; the log says it. */
bool webhook_identify(struct app *app, struct request *request, struct slice source, struct reply *reply);

/* From a signed event to a submit, as intake_prepare(). false: *reply is the answer; to an event that is no
 * trigger it is a success. */
bool webhook_prepare(
	struct app *app, const struct request *request, struct intake *intake, struct reply *reply);

#endif
