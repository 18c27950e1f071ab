/* spool/cloud_event.h: an event of the audit as a CloudEvent 1.0 in its JSON format, the same in the API and
 * in the tool.
 *
 * type: "clario.workflow." and the kind. source and id together name an event for ever: the source is the
 * installation, the id its seq. subject: jobs/ID, receivers/NAME, tokens/NAME or phases/N, where it is about
 * one. data is the event as show_event() gives it. Pure. */
#ifndef SPOOL_CLOUD_EVENT_H
#define SPOOL_CLOUD_EVENT_H
#include "spool/opts.h"
#include "spool/show.h"

#define CLOUD_EVENT_TYPE  "clario.workflow."
#define CLOUD_EVENT_BATCH "application/cloudevents-batch+json"

/* events.source, or where that is empty //HOST/clario-workflow. */
enum { CLOUD_SOURCE_MAX = 320 };
const char *cloud_event_source(const struct opts *opts, char out[CLOUD_SOURCE_MAX]);
/* A source as CloudEvents want it: a URI reference. INVALID: it has a character that none can have, or is too
 * long. */
NODISCARD enum status cloud_event_check_source(const char *text, struct why *why);

void cloud_event_show(
	struct jx_writer *w, const struct event *event, const char *source, const struct mask *mask);

#endif
