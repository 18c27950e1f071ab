/* spool/store/postgres/links.h: a process's connections to the database, and whether there is a primary.
 *
 * One thread makes all connections, so that no caller waits longer than it wants to: connecting to hosts that
 * do not answer takes as long as it takes. While none can be made the primary is away: callers are refused at
 * once, and the thread tries on, a little later each time and never at the same moment as that of another
 * host. */
#ifndef SPOOL_STORE_POSTGRES_LINKS_H
#define SPOOL_STORE_POSTGRES_LINKS_H
#include "spool/base/status.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

struct links;

NODISCARD enum status links_new(struct links **out, const char *conninfo, struct why *why);
void links_free(struct links *links); /* accepts NULL */
/* One of its own for the caller, new or used before, within so many milliseconds. BUSY: no primary answers.
 */
NODISCARD enum status links_take(struct links *links, int wait_ms, PGconn **out, struct why *why);
/* is_good: it may be used again. */
void links_give(struct links *links, PGconn *conn, bool is_good);
bool links_are_away(struct links *links);
/* Wait a little, a different while each time, and longer after each attempt. */
void links_pause(struct links *links, int attempt);

/* A server that says nothing for a while: does it live? Ask, and look now and then whether that is known. */
enum link_life { LINK_UNKNOWN, LINK_LIVES, LINK_IS_AWAY };
uint64_t links_ask(struct links *links);
enum link_life links_answer(struct links *links, uint64_t asked, struct why *why);
/* Whose connection it is; NULL: nobody's. */
struct links *links_of(const PGconn *conn);

#endif
