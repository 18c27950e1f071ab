/* spool/cloud_event.c: see cloud_event.h. */
#include "spool/cloud_event.h"

#include <stdio.h>
#include <unistd.h>

enum { SUBJECT_MAX = 8 + JOB_TEXT_MAX };

const char *cloud_event_source(const struct opts *opts, char out[CLOUD_SOURCE_MAX])
{
	char host[65] = "";
	if (opts->events.source && opts->events.source[0]) {
		snprintf(out, CLOUD_SOURCE_MAX, "%s", opts->events.source);
		return out;
	}
	gethostname(host, sizeof host - 1);
	snprintf(out, CLOUD_SOURCE_MAX, "//%s/clario-workflow", host[0] ? host : "localhost");
	return out;
}

enum status cloud_event_check_source(const char *text, struct why *why)
{
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f || strchr("\"<>\\^`{|}", *p))
			return why_set(why, ST_INVALID, "not a URI: it has a character that none can have");
	if (strlen(text) >= CLOUD_SOURCE_MAX)
		return why_set(why, ST_INVALID, "longer than %d bytes", CLOUD_SOURCE_MAX - 1);
	return ST_OK;
}

static bool is_of_receiver(const struct event *e)
{
	return e->kind == EVENT_BREAKER || e->kind == EVENT_PAUSED || e->kind == EVENT_RESUMED;
}

/* false: it is about nothing in particular. */
static bool subject(const struct event *e, char out[SUBJECT_MAX])
{
	char id[JOB_ID_TEXT_LEN];
	int len = 0;
	if (!id_is_zero(e->job)) {
		id_text(e->job, id);
		len = snprintf(out, SUBJECT_MAX, "jobs/%s", id);
	} else if (e->name.len && is_of_receiver(e)) {
		len = snprintf(out, SUBJECT_MAX, "receivers/%.*s", SLICE_ARG(e->name));
	} else if (e->name.len && e->kind == EVENT_TOKEN) {
		len = snprintf(out, SUBJECT_MAX, "tokens/%.*s", SLICE_ARG(e->name));
	} else if (e->phase) {
		len = snprintf(out, SUBJECT_MAX, "phases/%d", e->phase);
	}
	return len > 0;
}

void cloud_event_show(
	struct jx_writer *w, const struct event *event, const char *source, const struct mask *mask)
{
	char text[SUBJECT_MAX];
	jx_open_object(w, NULL);
	jx_cstring(w, "specversion", "1.0");
	snprintf(text, sizeof text, "%llu", (unsigned long long)event->seq);
	jx_cstring(w, "id", text);
	jx_cstring(w, "source", source);
	snprintf(text, sizeof text, CLOUD_EVENT_TYPE "%s", event_kind_name(event->kind));
	jx_cstring(w, "type", text);
	if (subject(event, text))
		jx_cstring(w, "subject", text);
	jx_time(w, "time", event->at_us);
	jx_cstring(w, "datacontenttype", "application/json");
	if (event->traceparent.len) /* the extension for distributed tracing */
		jx_string(w, "traceparent", event->traceparent);
	show_event_as(w, "data", event, mask);
	jx_close_object(w);
}
