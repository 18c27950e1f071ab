/* spool/store/postgres/locks.h: what a transaction that runs beside others decides about, so that no other
 * decides about it meanwhile: locks by name, held until its end. Who writes alone needs none. */
#ifndef SPOOL_STORE_POSTGRES_LOCKS_H
#define SPOOL_STORE_POSTGRES_LOCKS_H
#include "spool/store/postgres/tx.h"

enum lock_kind { LOCK_WORKFLOW = 1, LOCK_KEY, LOCK_USER, LOCK_ACCOUNT, LOCK_RECEIVER };
uint64_t lock_key(const struct tx *tx, enum lock_kind kind, struct slice name);

/* All at once and in one order, so that nobody waits for one who waits for it. Before anything is looked at
 * that they are for. Very many: the transaction runs once more, alone. The list is sorted by it. */
void locks_take(struct tx *tx, uint64_t *keys, size_t n);
/* Those that nobody has; others are not waited for. got: of each. */
void locks_try(struct tx *tx, const uint64_t *keys, size_t n, bool *got);

#endif
