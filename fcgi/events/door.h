/* fcgi/events/door.h: from a request to a stream, or to the answer that it gets instead. Pure but for the key
 * of tickets. */
#ifndef FCGI_EVENTS_DOOR_H
#define FCGI_EVENTS_DOOR_H
#include "fcgi/events/ticket.h"
#include "fcgi/reply.h"
#include "fcgi/request.h"
#include "spool/opts.h"

/* What a stream is to be. Stays in place while its interest is used. */
struct pass {
	struct caller caller;
	struct interest interest; /* borrows from the query, or from ticket */
	bool has_place;
	uint64_t after; /* seq of the last event that the reader has; only with has_place */
	struct query query;
	struct ticket ticket;
};

struct door {
	const struct opts *opts;
	struct tokens *tokens;
};

/* true: a stream, whose head *reply has become. false: *reply is the whole answer. */
bool door_decide(const struct door *door, struct request *request, struct pass *pass, struct reply *reply);

/* Whose streams count together: a token's, or without one those from one address. */
uint64_t door_caller_key(const struct request *request);

#endif
