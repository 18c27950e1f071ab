/* spool/store/common/codec.h: records of what is not a job or an event: struct -> bytes -> struct, as
 * record.h. Pure. */
#ifndef SPOOL_STORE_COMMON_CODEC_H
#define SPOOL_STORE_COMMON_CODEC_H
#include "spool/model/account.h"
#include "spool/model/await.h"
#include "spool/model/receiver.h"
#include "spool/model/token.h"
#include "spool/store/common/record.h"

void account_encode(const struct account *account, struct buf *out);
/* *out is blank but for ST_OK. OK, CORRUPT, VERSION. */
enum status account_decode(struct slice record, struct account *out);
void token_encode(const struct token *t, struct buf *out);
/* *out is zero but for its name, unless ST_OK. OK, CORRUPT, VERSION. */
enum status token_decode(struct slice name, struct slice record, struct token *out);

void receiver_encode(const struct receiver_state *r, struct buf *out);
/* *out has the name and, but for ST_OK, is one that nobody has called yet. OK, CORRUPT, VERSION. */
enum status receiver_decode(struct slice name, struct slice record, struct receiver_state *out);

/* A workflow that has stalled (model/await.h). */
void await_encode(const struct stalled *stalled, struct buf *out);
/* OK, CORRUPT, VERSION. Ids of workflow and user are the job's, and left empty. */
enum status await_decode(struct slice record, struct stalled *out);

#endif
