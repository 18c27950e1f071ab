/* spool/store/lmdb/event_io.h: events in and out. A job's events form a chain: each names the one before it,
 * the job's record names the newest. So one ascending tree serves the stream of the spool and the history of
 * a job. */
#ifndef SPOOL_STORE_LMDB_EVENT_IO_H
#define SPOOL_STORE_LMDB_EVENT_IO_H
#include "spool/store/lmdb/tx.h"

/* Append with the next seq. job (may be NULL) is the event's job: its chain grows, and it must be stored
 * afterwards. */
void event_append(struct tx *tx, struct event *event, struct job *job);
/* The whole chain of a job. */
void events_delete(struct tx *tx, const struct job *job);
/* A copy of one event. NOTFOUND, CORRUPT. */
enum status event_load(struct tx *tx, uint64_t seq, struct event *out);
enum status event_copy(uint64_t seq, struct slice record, struct event *out);

#endif
