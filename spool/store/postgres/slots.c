/* spool/store/postgres/slots.c: see slots.h. Numbers wrap: what one slot has too little another has too much.
 */
#include "spool/store/postgres/slots.h"

#include <stdio.h>

enum { SCRIPT_MAX = 700 };

/* --- taking one --- */

static void take_all(struct tx *tx, const char *begin)
{
	char script[SCRIPT_MAX];
	snprintf(script, sizeof script, "%s; SELECT slot FROM clario_head ORDER BY slot FOR UPDATE", begin);
	tx->st = link_script(tx->conn, script, &tx->why);
	tx->slot = 0;
}

/* The one it had before, which nobody else wants as long as there are enough. */
static void take_one(struct tx *tx, const char *begin)
{
	char script[SCRIPT_MAX];
	int64_t slot;
	snprintf(script, sizeof script,
		"%s; SELECT slot FROM clario_head WHERE slot > 0 ORDER BY slot <> %d, slot LIMIT 1"
		" FOR UPDATE SKIP LOCKED",
		begin, tx->store->slot);
	tx->st = link_value(tx->conn, script, &slot, &tx->why);
	if (tx->st == ST_OK && slot < 0) { /* somebody writes alone, or very many do */
		snprintf(script, sizeof script, "SELECT slot FROM clario_head WHERE slot = %d FOR UPDATE",
			tx->store->slot);
		tx->st = link_value(tx->conn, script, &slot, &tx->why);
	}
	if (tx->st == ST_OK && slot < 0)
		tx_fail(tx, ST_CORRUPT, "the counters are not there; run clario-spool verify");
	tx->slot = (int)slot;
}

void slots_take(struct tx *tx, const char *begin)
{
	if (tx->is_alone)
		take_all(tx, begin);
	else
		take_one(tx, begin);
}

/* --- sums --- */

static void add_recent(struct head *sum, const struct head *h)
{
	uint32_t first = h->recent_n < STATS_RECENT_MAX ? 0 : h->recent_at;
	for (uint32_t i = 0; i < h->recent_n; i++)
		head_completed(sum, h->recent_ms[(first + i) % STATS_RECENT_MAX]);
}

/* times: 1 or -1, as it wraps. */
static void add(struct head *sum, const struct head *h, uint64_t times)
{
	sum->accepted_total += times * h->accepted_total;
	sum->removed_total += times * h->removed_total;
	sum->set_aside += times * h->set_aside;
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		for (int place = 0; place < PLACE_N; place++)
			sum->jobs[slot][place] += times * h->jobs[slot][place];
}

static bool add_slot(struct head *sum, struct slice record, struct head *one)
{
	if (head_decode(record, one) != ST_OK)
		return false;
	add(sum, one, 1);
	add_recent(sum, one);
	sum->paused_phases |= one->paused_phases;
	return true;
}

static void note_server(struct tx *tx, const PGresult *r)
{
	tx->db_now_us = col_int(r, 0, 2);
	tx->head.next_seq = (uint64_t)col_int(r, 0, 4) + 1;
	if (tx->writes && tx->store->needs_standby && !col_int(r, 0, 3))
		tx_fail(tx, ST_BUSY,
			"the primary has no synchronous standby, and spool.require-sync-standby is on");
}

#define COLUMNS                                                                                              \
	"SELECT h.slot, h.record, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,"                \
	" current_setting('synchronous_standby_names') <> '', "

/* Of who reads: the events that no others can come before any more (events.c). */
void slots_read(struct tx *tx)
{
	struct args args = ARGS_INIT;
	PGresult *r;
	if (!tx->writes)
		arg_int(&args, events_prefix(tx->store->seed));
	tx->st = link_run(tx->conn,
		tx->writes ? COLUMNS EVENTS_GIVEN " FROM clario_head h"
			   : COLUMNS EVENTS_VISIBLE " FROM clario_head h",
		&args, &r, &tx->why);
	args_release(&args);
	if (tx->st != ST_OK)
		return;
	bool ok = PQntuples(r) == SLOTS + 1;
	for (int i = 0; ok && i < PQntuples(r); i++) {
		struct head one;
		ok = add_slot(&tx->head, col_bytes(r, i, 1), &one);
		if (ok && col_int(r, i, 0) == tx->slot)
			tx->own = one;
	}
	if (ok)
		note_server(tx, r);
	else
		tx_fail(tx, ST_CORRUPT, "the counters cannot be read; run clario-spool verify");
	tx->before = tx->head;
	PQclear(r);
}

/* --- changes --- */

void slots_write(struct tx *tx)
{
	struct args args = ARGS_INIT;
	PGresult *r = NULL;
	add(&tx->own, &tx->head, 1);
	add(&tx->own, &tx->before, UINT64_MAX);
	if (tx->is_alone)
		tx->own.paused_phases = tx->head.paused_phases;
	tx->before = tx->head;
	head_encode(&tx->own, &tx->scratch);
	arg_bytes(&args, buf_slice(&tx->scratch));
	arg_int(&args, tx->slot);
	if (tx->st == ST_OK)
		tx->st = link_run(
			tx->conn, "UPDATE clario_head SET record = $1 WHERE slot = $2", &args, &r, &tx->why);
	PQclear(r);
	args_release(&args);
}

void slots_reset(struct tx *tx)
{
	struct args args = ARGS_INIT;
	tx->own = tx->head = (struct head){0};
	tx->before = tx->head;
	head_encode(&tx->own, &tx->scratch);
	arg_bytes(&args, buf_slice(&tx->scratch));
	tx_exec(tx, "UPDATE clario_head SET record = $1", &args);
	args_release(&args);
}

bool slots_agree(struct tx *tx)
{
	struct head counted = {0}, sum = {0}, one;
	bool ok = true;
	PGresult *r = tx_query(tx,
		"SELECT 0::bigint, 0::bigint, 0::bigint, record FROM clario_head UNION ALL"
		" SELECT phase, place, count(*), NULL FROM clario_job GROUP BY phase, place",
		NULL);
	for (int i = 0; r && i < PQntuples(r); i++)
		if (col_int(r, i, 0))
			counted.jobs[phase_slot((int)col_int(r, i, 0))][col_int(r, i, 1)] =
				(uint64_t)col_int(r, i, 2);
		else
			ok &= add_slot(&sum, col_bytes(r, i, 3), &one);
	PQclear(r);
	return tx->st != ST_OK || (ok && memcmp(counted.jobs, sum.jobs, sizeof sum.jobs) == 0);
}
