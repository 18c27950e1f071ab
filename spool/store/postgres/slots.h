/* spool/store/postgres/slots.h: the counters, in slots: who writes beside others takes one that nobody has,
 * and adds what it changes to that; a counter is the sum over all of them. Slot 0 is of who writes alone,
 * which has all the others meanwhile. */
#ifndef SPOOL_STORE_POSTGRES_SLOTS_H
#define SPOOL_STORE_POSTGRES_SLOTS_H
#include "spool/store/postgres/tx.h"

enum { SLOTS = 16 }; /* so many write beside each other; a further one waits for the slot it had last */

/* Begin a transaction that writes: sets tx->slot. */
void slots_take(struct tx *tx, const char *begin);
/* The sums into tx->head, and what else a transaction begins with. */
void slots_read(struct tx *tx);
/* What became of them since into the slot. */
void slots_write(struct tx *tx);
/* All counters from zero. For who writes alone. */
void slots_reset(struct tx *tx);
/* With all that is written: whether the sums are what is there. */
bool slots_agree(struct tx *tx);

#endif
