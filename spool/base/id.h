/* spool/base/id.h: job ids, UUID version 7 (RFC 9562 section 5.7): 48 bits of milliseconds, then a counter
 * and noise. Ids from id_next() ascend strictly as bytes, which is what lets the store append. */
#ifndef SPOOL_BASE_ID_H
#define SPOOL_BASE_ID_H
#include "spool/base/buf.h"

struct job_id {
	uint8_t b[16];
};
enum { JOB_ID_TEXT_LEN = 37 }; /* with the NUL */

/* The next id after prev (all zero: none before) for wall time wall_us. Its time is never before prev's, even
 * if the clock stepped back; its last 32 bits are random (getrandom), so that ids cannot be guessed from one
 * another easily. */
struct job_id id_next(struct job_id prev, int64_t wall_us);
int64_t id_time_ms(struct job_id id);
void id_text(struct job_id id, char out[JOB_ID_TEXT_LEN]);
/* 36 characters, either case. ST_INVALID otherwise; any UUID version is taken, as a lookup will tell. */
enum status id_parse(struct slice text, struct job_id *out);
int id_cmp(struct job_id a, struct job_id b);
bool id_is_zero(struct job_id id);

#endif
