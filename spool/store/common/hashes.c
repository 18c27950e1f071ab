/* spool/store/common/hashes.c: see hashes.h. */
#include "spool/store/common/hashes.h"

#include "spool/base/hash.h"

uint64_t key_workflow_hash(uint64_t seed, struct slice workflow_id)
{
	return hash_text(seed, workflow_id);
}

uint32_t key_user_hash(uint64_t seed, struct slice user_id)
{
	return (uint32_t)hash_text(seed, user_id);
}

uint64_t key_account_hash(uint64_t seed, struct slice source)
{
	uint64_t hash = hash_text(seed, source);
	return hash ? hash : 1;
}

struct job_hashes job_hashes(uint64_t seed, const struct job *job)
{
	return (struct job_hashes){
		key_workflow_hash(seed, job->workflow_id),
		key_user_hash(seed, job->user_id),
		job->is_charged ? key_account_hash(seed, job->source) : 0,
	};
}
