/* spool/store/lmdb/lanes.h: which of the ready jobs is next. Reads only.
 *
 * Ready jobs stand in lanes: for each phase and priority one, by the time they fell due; and for each phase
 * and priority one of the crowd (crowd.h), by user and then by time.
 *   - Of the ordinary lanes the most urgent priority goes first, in it the job that has been due longest.
 *   - The crowd has one claim in four, so that neither holds up the other. Of its lanes the most urgent
 *     priority goes first, in it the users of all phases take turns, each with the job due longest: that is
 *     Stochastic Fairness Queueing (McKenney, INFOCOM 1990), with a user's hash for the queue's number.
 *   - One claim in eight goes to the job due longest of all the heads, so that no priority waits for ever.
 *     turns.h counts, for ordinary lanes and the crowd's apart: else the crowd's old backlog had them all.
 *   - Whoever has nothing leaves its turn to the other.
 * A claim costs a seek or two, whatever waits; the lanes are found by a seek each. */
#ifndef SPOOL_STORE_LMDB_LANES_H
#define SPOOL_STORE_LMDB_LANES_H
#include "spool/store/lmdb/key.h"
#include "spool/store/lmdb/tx.h"

enum { LANES_MAX = 2 * PHASE_SLOTS * JOB_PRIORITY_LAST, LANES_PICKS = 64 };

struct lane {
	struct walk walk; /* at its next job */
	int slot;
	int urgency; /* the priority */
	bool of_crowd, live;
};

/* A round: at most LANES_PICKS jobs are picked, which still stand in the queue when it ends. Nothing may be
 * written before. */
struct lanes {
	struct tx *tx;
	struct turns turns; /* as they are when all that was picked is claimed */
	struct lane lanes[LANES_MAX];
	size_t n;
	struct key picked[LANES_PICKS];
	size_t picked_n;
};

void lanes_open(struct lanes *lanes, struct tx *tx, uint32_t phases);
/* The next one of these phases, which are among those that were opened. false: there is none. */
bool lanes_pick(struct lanes *lanes, uint32_t phases, struct key *out);
void lanes_close(struct lanes *lanes);

/* The job of this key of the queue was claimed. */
void lanes_taken(struct turns *turns, const struct key *key);

#endif
