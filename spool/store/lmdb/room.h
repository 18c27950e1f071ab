/* spool/store/lmdb/room.h: is there room for more jobs? Intake is closed while some is left, so that
 * outcomes, operators' acts and retention, which is what makes room, still work. Threads: any. */
#ifndef SPOOL_STORE_LMDB_ROOM_H
#define SPOOL_STORE_LMDB_ROOM_H
#include "spool/store/lmdb/env.h"

/* Bytes of the map that are in use and not free for reuse. Looks at the free list only when the high-water
 * mark is past full_at, and then at most every 200 ms. */
uint64_t room_used_bytes(struct store *store);
bool room_map_is_full(struct store *store);
/* The file system's share in use, asked for anew each time: one call for a whole batch of submits. */
bool room_disk_is_full(const struct store *store);
/* Is there nothing left? LMDB tells a write that was cut short for want of room as EIO. */
bool room_disk_is_exhausted(const struct store *store);

#endif
