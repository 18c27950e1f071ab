/* spool/store/lmdb/codec.h: records of what is not a job or an event, and the hashes in a job's: struct ->
 * bytes -> struct, as record.h. Pure: the engine postgres keeps the same bytes. */
#ifndef SPOOL_STORE_LMDB_CODEC_H
#define SPOOL_STORE_LMDB_CODEC_H
#include "spool/model/account.h"
#include "spool/model/await.h"
#include "spool/model/receiver.h"
#include "spool/model/token.h"
#include "spool/store/lmdb/record.h"
#include "spool/store/lmdb/tally.h"

struct job_hashes job_hashes(uint64_t seed, const struct job *job);

void account_encode(const struct account *account, struct buf *out);
/* *out is blank but for ST_OK. OK, CORRUPT, VERSION. */
enum status account_decode(struct slice record, struct account *out);
/* Add what a job's record (id: its key) says, times by; one that is not charged, not alive or cannot be read
 * adds nothing. *is_readable may become false. false: out of memory. */
bool account_tally(struct tally *tally, struct slice id, struct slice record, int by, bool *is_readable);

void token_encode(const struct token *t, struct buf *out);
/* *out is zero but for its name, unless ST_OK. OK, CORRUPT, VERSION. */
enum status token_decode(struct slice name, struct slice record, struct token *out);

void receiver_encode(const struct receiver_state *r, struct buf *out);
/* *out has the name and, but for ST_OK, is one that nobody has called yet. OK, CORRUPT, VERSION. */
enum status receiver_decode(struct slice name, struct slice record, struct receiver_state *out);

/* A workflow that has stalled (await_io.h). */
void await_encode(const struct stalled *stalled, struct buf *out);
/* OK, CORRUPT, VERSION. Ids of workflow and user are the job's, and left empty. */
enum status await_decode(struct slice record, struct stalled *out);

#endif
