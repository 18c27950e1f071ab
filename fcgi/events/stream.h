/* fcgi/events/stream.h: one connection, from its request to its end; for most of its time a stream of events.
 * Plain data of one thread. */
#ifndef FCGI_EVENTS_STREAM_H
#define FCGI_EVENTS_STREAM_H
#include "fcgi/events/door.h"
#include "fcgi/events/outlet.h"

enum stream_state {
	STREAM_ASKING,  /* its request is not whole yet */
	STREAM_OPEN,    /* gets events */
	STREAM_LEAVING, /* all is said; only what is kept has to go out */
};

/* What an open stream shows to whom. */
struct audience {
	struct caller caller;
	struct interest interest; /* points into texts */
	char texts[];
};

struct stream {
	enum stream_state state;
	size_t index; /* in its hub's list */
	struct outlet outlet;
	int64_t since_mono_us;     /* in this state */
	int64_t given_mono_us;     /* the last thing that was sent */
	uint64_t caller_key;       /* door_caller_key() */
	struct audience *audience; /* NULL: not open */
	uint64_t at;               /* all events up to this one were given, or do not concern it */
	bool gap_told;             /* since it was last up to date */
};

/* NULL: no memory. */
NODISCARD struct audience *audience_new(const struct caller *caller, const struct interest *interest);

#endif
