/* spool/group.h: group commit. Many callers, one transaction, one sync, and each caller gets its own verdict.
 *
 * Who comes first while nobody commits leads: it takes all that wait (itself included), commits them as one
 * batch and hands each its answer; what arrived meanwhile is the next batch, led by the first of it. No
 * timer, no extra thread: a lone caller pays for one commit and nothing else, a crowd shares them. Threads:
 * any. Blocks for the commit under way and the one that carries the caller's triggers. */
#ifndef SPOOL_GROUP_H
#define SPOOL_GROUP_H
#include "spool/store/store.h"

struct group;

NODISCARD struct group *group_new(const struct store_ops *ops, struct store *store); /* NULL: no memory */
void group_free(struct group *group); /* accepts NULL; nobody may be waiting */

/* As spool_submit(). Fills all receipts whatever the status. */
NODISCARD enum status group_submit(struct group *group, struct moment now, const struct trigger *triggers,
	size_t n, struct receipt *receipts, struct why *why);

#endif
