/* spool/store/lmdb/blank.h: zeros where a copy of LMDB's file holds nothing. LMDB writes whole pages, and
 * with them what has been deleted from them. */
#ifndef SPOOL_STORE_LMDB_BLANK_H
#define SPOOL_STORE_LMDB_BLANK_H
#include "spool/base/status.h"

#include <stdbool.h>
#include <stddef.h>

/* Overwrite the room between a page's index and its entries, and behind values that have pages of their own.
 * The file must have no free pages (MDB_CP_COMPACT) and be nobody else's; fd: for reading and writing. What
 * is not as LMDB leaves it stays as it is, for verify to name. */
NODISCARD enum status blank_gaps(int fd, size_t page_bytes, struct why *why);

#endif
