/* spool/store/lmdb/event_io.c: see event_io.h. */
#include "spool/store/lmdb/event_io.h"

#include "spool/store/common/record.h"
#include "spool/store/lmdb/key.h"

enum { EVENT_MEM_MAX = 1 << 20 };

void event_append(struct tx *tx, struct event *event, struct job *job)
{
	event->seq = tx->head.next_seq++;
	tx->head_changed = true;
	event->prev = job ? job->last_event : 0;
	/* The first event's actor is the job's source, which its trigger holds already. */
	struct event stored = *event;
	if (event->kind == EVENT_ACCEPTED)
		stored.actor = (struct slice)SLICE_INIT;
	struct key key = key_of_seq(event->seq);
	record_encode_event(&stored, &tx->scratch);
	tx_append(tx, TREE_EVENT, key_slice(&key), buf_slice(&tx->scratch));
	if (job)
		job->last_event = event->seq;
}

enum status event_copy(uint64_t seq, struct slice record, struct event *out)
{
	*out = (struct event){.seq = seq, .mem = BUF_INIT(EVENT_MEM_MAX)};
	buf_add_slice(&out->mem, record);
	enum status st = buf_status(&out->mem);
	if (st == ST_OK)
		st = record_decode_event(buf_slice(&out->mem), out);
	if (st != ST_OK)
		event_release(out);
	return st;
}

enum status event_load(struct tx *tx, uint64_t seq, struct event *out)
{
	struct key key = key_of_seq(seq);
	struct slice record;
	*out = (struct event){0};
	enum status st = tx_get(tx, TREE_EVENT, key_slice(&key), &record);
	return st == ST_OK ? event_copy(seq, record, out) : st;
}

void events_delete(struct tx *tx, const struct job *job)
{
	uint64_t seq = job->last_event;
	while (seq && tx->st == ST_OK) {
		struct event event = {.seq = seq};
		struct key key = key_of_seq(seq);
		struct slice record;
		/* An event that cannot be read ends the chain: what lies before it stays, and `verify` names
		 * it. */
		if (tx_get(tx, TREE_EVENT, key_slice(&key), &record) != ST_OK ||
			record_decode_event(record, &event) != ST_OK)
			break;
		tx_del(tx, TREE_EVENT, key_slice(&key));
		seq = event.prev;
	}
}
