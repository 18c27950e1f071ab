/* spool/group.h: group commit. Many submits, one transaction, one sync, and each submit gets its own verdict.
 *
 * Who comes first while nobody commits is told to lead: a leader takes all that wait, commits them as one
 * batch and hands each its answer; what arrived meanwhile is the next batch, led on behalf of the first of
 * it. No timer, no thread of its own: a lone submit pays for one commit and nothing else, a crowd shares
 * them. Threads: any. */
#ifndef SPOOL_GROUP_H
#define SPOOL_GROUP_H
#include "spool/store/store.h"

struct group;

NODISCARD struct group *group_new(const struct store_ops *ops, struct store *store); /* NULL: no memory */
void group_free(struct group *group); /* accepts NULL; nothing may be under way */

/* As spool_submit_begin(), spool_lead() and spool_submit(). */
void group_begin(struct group *group, struct submit *submit);
void group_lead(struct group *group);
NODISCARD enum status group_submit(struct group *group, struct moment now, const struct trigger *triggers,
	size_t n, struct receipt *receipts, struct why *why);

#endif
