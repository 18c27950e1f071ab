/* spool/store/lmdb/init.h: the creation of a spool, and the record that tells one from any other LMDB file.
 */
#ifndef SPOOL_STORE_LMDB_INIT_H
#define SPOOL_STORE_LMDB_INIT_H
#include "spool/store/lmdb/env.h"

enum { SPOOL_FORMAT = 2, ENV_MAX_READERS = 512 };

/* The record "spool" in the meta tree. */
struct birth {
	uint64_t format, map_size, seed;
	int64_t created_at_us;
};
void birth_encode(const struct birth *birth, struct buf *out);
enum status birth_decode(struct slice record, struct birth *out);

extern const char *const tree_names[TREE_N];
/* The FIFO `wake`; one that is there already is good. */
enum status init_wake(const char *spool_dir, struct why *why);
enum status init_spool(const struct spool_conf *conf, struct why *why);

#endif
