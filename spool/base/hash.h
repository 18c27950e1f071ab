/* spool/base/hash.h: the checksum of records (CRC32C, Castagnoli, RFC 3720 B.4) and the keyed hash of index
 * keys (XXH3). Index hashes are only ever a way to the record, which is then compared in full: a collision
 * costs time, never truth. */
#ifndef SPOOL_BASE_HASH_H
#define SPOOL_BASE_HASH_H
#include "spool/base/buf.h"

uint32_t hash_crc32c(const void *p, size_t len); /* hardware where there is SSE4.2, else a table */
uint64_t hash_text(uint64_t seed, struct slice text);

#endif
