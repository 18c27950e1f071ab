/* fcgi/events/ticket.h: a stream's credentials for a browser, whose EventSource can send no header.
 *
 * Whoever may read asks for one with its own credentials (POST /events/ticket) and hands it to the page. It
 * says who asked and for what: the stream shows no more than that caller would see, and nothing else than
 * what was asked for. It is signed, not kept: any clario-events that reads the same key takes it, within
 * events.ticket-life, and as often as it is shown, since a stream that breaks is begun again. Pure. */
#ifndef FCGI_EVENTS_TICKET_H
#define FCGI_EVENTS_TICKET_H
#include "fcgi/events/interest.h"

enum { TICKET_KEY_LEN = 32, TICKET_TEXT_MAX = 4096 };

struct ticket {
	int64_t expires_at_us;
	struct caller caller;
	struct interest interest; /* opened: its slices point into mem */
	char mem[2 * JOB_TEXT_MAX];
};

/* Add the ticket's text, letters and digits alone, to out. IO: there is no HMAC. */
NODISCARD enum status ticket_seal(
	const uint8_t key[TICKET_KEY_LEN], const struct ticket *ticket, struct buf *out);

enum ticket_verdict {
	TICKET_GOOD,
	TICKET_FORGED, /* not signed with this key, or not what was signed */
	TICKET_EXPIRED,
};
/* *out is filled in when GOOD, and must stay in place while its interest is used. */
enum ticket_verdict ticket_open(
	const uint8_t key[TICKET_KEY_LEN], struct slice text, int64_t now_us, struct ticket *out);

/* The key in the file at path, which is made if it is missing, whoever comes first.
 *
 * A file of the runtime directory: several processes must agree on it, and none outlives another by much. Not
 * the spool: that is backed up and exported, and a secret would lie in those copies for years; a ticket is of
 * no use after a minute, so its key need not survive a restart of the host either. Read anew each time, so
 * that removing the file ends all tickets.
 *
 * INVALID: the file is not ours alone, or not a key. Others: as the system says. */
NODISCARD enum status ticket_key(const char *path, uint8_t out[TICKET_KEY_LEN], struct why *why);

#endif
