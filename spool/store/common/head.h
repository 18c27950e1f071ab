/* spool/store/common/head.h: the one record of counters, changed in the same transactions as what it counts.
 */
#ifndef SPOOL_STORE_COMMON_HEAD_H
#define SPOOL_STORE_COMMON_HEAD_H
#include "spool/model/rules.h"
#include "spool/model/steer.h"

struct head {
	uint64_t next_seq; /* of events; never goes back */
	uint64_t accepted_total, removed_total, set_aside;
	uint64_t jobs[PHASE_SLOTS][PLACE_N];
	uint32_t paused_phases;
	uint32_t recent_n, recent_at; /* ring of durations */
	uint32_t recent_ms[STATS_RECENT_MAX];
};

void head_encode(const struct head *head, struct buf *out);
enum status head_decode(struct slice record, struct head *out);
uint64_t head_present(const struct head *head); /* jobs in all places: neither removed nor set aside */
uint64_t head_place(const struct head *head, enum place place); /* over all phases */
/* What the counters say; all else of *out is left as it is. */
void head_tell(const struct head *head, struct stats *out);
void head_completed(struct head *head, int64_t duration_ms);

#endif
