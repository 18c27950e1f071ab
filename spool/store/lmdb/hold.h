/* spool/store/lmdb/hold.h: who has a spool, told by a lock on its directory. Everybody who opens it shares
 * the lock for as long; an act that puts another environment in its place needs it alone. (LMDB's own locks
 * lie in a file that such an act replaces.) */
#ifndef SPOOL_STORE_LMDB_HOLD_H
#define SPOOL_STORE_LMDB_HOLD_H
#include "spool/base/status.h"

enum hold { HOLD_SHARED, HOLD_ALONE };

/* BUSY when that cannot be; never waits. */
NODISCARD enum status hold_take(const char *spool_path, enum hold hold, int *fd, struct why *why);
void hold_drop(int fd); /* accepts -1 */

#endif
