/* spool/model/receiver.h: a receiver, that is one of those whom calls are made to, as all workers of a spool
 * see it together: a circuit breaker, and a pause by hand. Written once for every engine. Pure: no I/O, no
 * clock, no storage; an engine loads the state, calls one of these, and stores it with the events.
 *
 * closed: calls are made; those of a sliding window are counted, and too large a share of failed ones opens
 * it. open: none is made until open_until_us. probing: one is, by the one worker that was given the probe; if
 * it goes well ramping begins, if not it is open again, for longer. ramping: some are, 1, 2, 4, ... at a
 * time; each step must go as well as the window must, or it opens again. A call counts only if it began in
 * the era that lasts: one that began before an opening may end long after it, and tells of the past.
 *
 * Times are wall clock, for they must outlive a reboot. A clock that jumps can do no harm that lasts:
 * forward, a probe is made early; back, an end that lies further ahead than the present opening (or probe)
 * may take is cut to just that from now, once, and so it comes. The end of a pause by hand is a date, and is
 * left alone. */
#ifndef SPOOL_MODEL_RECEIVER_H
#define SPOOL_MODEL_RECEIVER_H
#include "spool/model/event.h"

enum { RECEIVER_NAME_MAX = 32, RECEIVER_ACTOR_MAX = 79 };
/* Of a pause: what an export carries. */
#define RECEIVER_UNTIL_MAX ((INT64_C(1) << 53) - 1)

/* Stored by number (FORMAT.md): never renumber. */
enum breaker { BREAKER_CLOSED = 0, BREAKER_OPEN = 1, BREAKER_PROBING = 2, BREAKER_RAMPING = 3, BREAKER_N };
const char *breaker_name(enum breaker breaker); /* "closed", "open", "probing", "ramping" */
bool breaker_parse(struct slice name, enum breaker *out);

struct breaker_policy {
	int64_t window_us;       /* over which calls are counted: two halves, so that it slides */
	uint32_t least_calls;    /* fewer in the window never open it */
	uint32_t failed_percent; /* opens at this share of failed calls; 0: never, and what is open closes */
	int64_t open_us, open_max_us; /* first opening; doubled after each failed probe, up to the second */
	int64_t probe_us; /* a probe that is not reported for so long may be given to somebody else: longer
			     than a call may take */
	uint32_t
		in_flight; /* where ramping ends: 1, 2, 4, ... calls at a time for each worker, then closed */
};

/* Calls that ended within half a window. */
struct call_count {
	uint32_t ok, failed;
};

struct receiver_state {
	char name[RECEIVER_NAME_MAX + 1];
	enum breaker breaker;
	bool is_paused;          /* by hand; receiver_is_paused() knows whether it is over */
	int64_t paused_until_us; /* 0: until resumed */
	char paused_by[RECEIVER_ACTOR_MAX + 1];
	int64_t opened_at_us, open_until_us; /* of the last opening */
	uint32_t opened_times;               /* since it was closed */
	int64_t window_at_us, window_us;     /* when the present half began; the policy's whole */
	struct call_count now, before;       /* closed: the present half and the one before it */
	uint32_t ramp;                       /* ramping: calls at a time */
	struct call_count step;              /* ramping: since ramp was set */
	uint64_t probe; /* the number of the last probe that was given, or of a resumption by hand; rises.
			   What lies between two of them is an era */
	int64_t probe_until_us; /* probing: when it counts as lost; 0: it was given back */
	uint64_t calls_total, failed_total;
};

enum probe_result {
	PROBE_UNDER_WAY = 0,
	PROBE_OK,
	PROBE_FAILED,
	PROBE_UNUSED /* given back: no call was made */
};

/* What a worker says of the calls that ended since its last report, and what it is told. Kept by the worker
 * from one exchange to the next: what is taken from it is set back when it is in the spool. */
struct receiver_report {
	const char *name;
	const struct breaker_policy *policy;
	/* In, and set to 0 once they are kept: until then the worker adds to them and says it again. */
	uint32_t ok, failed;         /* calls that ended, but for the probe, and had begun in this era: */
	uint64_t era;                /* state.probe as the worker knew it when they began */
	uint32_t old_ok, old_failed; /* those of eras before: they say nothing of the receiver as it is now */
	enum probe_result probe_result; /* of `probe` */
	/* In and out: the probe that this worker holds, by its number; 0: none. A result that comes when it
	 * has been given to somebody else is one of an ordinary call. */
	uint64_t probe;
	/* In: there may be a call to make, and none is under way as its probe. Who holds a probe keeps it
	 * until there is one (it is renewed), or gives it back. */
	bool wants_probe;

	/* Out: */
	struct receiver_state state;
	bool has_probe;   /* `probe` is the present one, and its one call may be made (once) */
	uint32_t may_run; /* calls at a time: UINT32_MAX when closed, 0 when open or paused, 1 with the probe,
			     n while ramping */
	bool allows_more; /* this report made it so that more calls are allowed than before, to anybody */
};

/* What was changed. */
enum { RECEIVER_EVENTS_MAX = 4, RECEIVER_REASON_MAX = 127 };
struct receiver_change {
	bool is_any;     /* at all; counters alone may wait for a commit that is made anyhow */
	bool is_lasting; /* must be committed now */
	size_t events_n;
	struct {
		enum event_kind kind; /* BREAKER; RESUMED: a pause came to its end */
		char reason[RECEIVER_REASON_MAX + 1];
	} events[RECEIVER_EVENTS_MAX];
};

/* 1 to RECEIVER_NAME_MAX visible ASCII characters. */
bool receiver_name_is_valid(struct slice name);
/* One that nobody has called yet. name must be valid. */
void receiver_init(struct receiver_state *r, struct slice name);
/* Nothing is known of it that one just made would not say. */
bool receiver_is_blank(const struct receiver_state *r);

bool receiver_is_paused(const struct receiver_state *r, int64_t now_us);
/* For one who has no probe. */
uint32_t receiver_may_run(const struct receiver_state *r, int64_t now_us);
/* The calls in the window that ends now. */
struct call_count receiver_window(const struct receiver_state *r, int64_t now_us);
/* When something will be allowed by time alone; INT64_MAX: nothing will. */
int64_t receiver_next_us(const struct receiver_state *r, int64_t now_us);

/* A report becomes part of *r, and its out members are filled in; the others are left as they are, so that it
 * may be taken again if nothing comes of the transaction. */
void receiver_take(struct receiver_state *r, struct receiver_report *report, int64_t now_us,
	struct receiver_change *change);
/* Add calls that ended to what is told next; era as above. */
void receiver_report_calls(struct receiver_report *report, uint64_t era, uint32_t ok, uint32_t failed);
/* After the transaction: it was committed (is_kept), or there was no need to and what counts the report has
 * must be told again. */
void receiver_taken(struct receiver_report *report, bool is_kept);

/* By hand. Resuming also ends an opening: it ramps up. The events are those that follow beside the operator's
 * own PAUSED or RESUMED. !change->is_any: it was so already. */
void receiver_pause(struct receiver_state *r, int64_t until_us, struct slice actor, int64_t now_us,
	struct receiver_change *change);
void receiver_resume(struct receiver_state *r, struct receiver_change *change);
/* OK; INVALID: no name, or an end that is over or too far ahead. until_us 0: until it is resumed. */
enum status receiver_check_pause(
	const char *name, bool pause, int64_t until_us, struct moment now, struct why *why);

/* The events. actor: whose report or act it was; a pause that came to its end was nobody's. */
struct event receiver_changed(const char *name, const struct receiver_change *change, size_t i,
	struct slice actor, struct moment now);
/* Its record could not be read: what stood there is lost, and with it perhaps a pause. */
struct event receiver_lost(const char *name, struct moment now);
/* An operator has paused or resumed it; data must last as long as the event. */
enum { RECEIVER_ACT_MAX = CLOCK_TEXT_LEN + 16 };
struct event receiver_acted(const struct receiver_state *r, bool pause, struct slice actor,
	struct slice reason, struct moment now, char data[RECEIVER_ACT_MAX]);

#endif
