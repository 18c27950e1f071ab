/* spool/store/lmdb/purge.c: see purge.h. */
#include "spool/store/lmdb/purge.h"

#include "spool/model/purge.h"
#include "spool/store/lmdb/aside.h"
#include "spool/store/lmdb/event_io.h"
#include "spool/store/lmdb/job_io.h"

static void purge_one(struct tx *tx, struct purge *purge, const struct steer_ask *ask, size_t i,
	struct steer_result *result)
{
	struct loaded l;
	*result = (struct steer_result){0};
	result->status = job_load(tx, ask->ids[i], JOB_WHOLE, &l);
	if (result->status == ST_CORRUPT)
		aside_job(tx, ask->ids[i], NULL);
	if (result->status != ST_OK)
		return;
	purge_judge(&l.job, ask, i, tx->now, tx->store->keep_reserved_us, result);
	if (result->status == ST_OK) {
		purge_note(purge, &l.job);
		job_delete(tx, &l);
	}
	loaded_release(&l);
}

void purge_all(struct tx *tx, const struct steer_ask *ask, struct steer_result *results)
{
	struct buf data = BUF_INIT(EVENT_DATA_MAX);
	struct purge purge;
	struct event event;
	purge_begin(&purge);
	for (size_t i = 0; i < ask->n && tx->st == ST_OK; i++)
		purge_one(tx, &purge, ask, i, &results[i]);
	if (purge_event(&purge, ask, tx->now, &data, &event))
		event_append(tx, &event, NULL);
	buf_release(&data);
	purge_end(&purge);
}
