/* spool/store/lmdb/dedupe.h: has this trigger come before? (promise 4) */
#ifndef SPOOL_STORE_LMDB_DEDUPE_H
#define SPOOL_STORE_LMDB_DEDUPE_H
#include "spool/store/lmdb/job_io.h"

struct dedupe_answer {
	enum submit_verdict verdict; /* ACCEPTED: it is new */
	struct loaded first;         /* DUPLICATE, KEY_REUSED: the first job; to be released */
	bool body_differs;
	bool has_earlier; /* ACCEPTED beside a job of the same natural key with another payload */
	struct job_id earlier;
};
/* Explicit key, else solo user, else natural key, of which a workflow's first job has no other. The rules
 * decide what blocks; this finds whom to ask. */
void dedupe_ask(
	struct tx *tx, const struct trigger *trigger, bool is_first_of_workflow, struct dedupe_answer *out);

#endif
