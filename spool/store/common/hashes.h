/* spool/store/common/hashes.h: the hashes by which a job's names are found, seeded by the spool's. Pure. */
#ifndef SPOOL_STORE_COMMON_HASHES_H
#define SPOOL_STORE_COMMON_HASHES_H
#include "spool/store/common/record.h"

uint64_t key_workflow_hash(uint64_t seed, struct slice workflow_id);
uint32_t key_user_hash(uint64_t seed, struct slice user_id);
uint64_t key_account_hash(uint64_t seed, struct slice source); /* never 0 */
struct job_hashes job_hashes(uint64_t seed, const struct job *job);

#endif
