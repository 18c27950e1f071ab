/* spool/store/postgres/check.c: every record is read and held against its columns, the counters and the
 * lines: what an index says PostgreSQL answers for (its amcheck), what we keep beside the records is ours. */
#include "spool/store/common/codec.h"
#include "spool/store/common/hashes.h"
#include "spool/store/common/tally.h"
#include "spool/store/postgres/verbs.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { PAGE = 500 };

struct checking {
	spool_check_fn report;
	void *arg;
	const struct spool_watch *watch;
	struct why why;
	uint64_t findings;
	uint64_t places[PHASE_SLOTS][PLACE_N];
	struct tally tally;
	bool is_readable;
};

static void find(struct checking *c, const char *table, struct job_id job, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static void find(struct checking *c, const char *table, struct job_id job, const char *fmt, ...)
{
	char text[400], id[JOB_ID_TEXT_LEN] = "";
	struct spool_finding finding = {table, id, text, ""};
	va_list ap;
	if (!id_is_zero(job))
		id_text(job, id);
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (c->findings++ == 0)
		why_set(&c->why, ST_CORRUPT, "%s %s: %s", table, id, text);
	if (c->watch && c->watch->found)
		c->watch->found(c->watch->arg, &finding);
	if (c->report)
		c->report(c->arg, text);
}

static void check_columns(struct tx *tx, struct checking *c, const PGresult *r, int i, const struct job *job,
	const struct job_hashes *hashes)
{
	static const struct slice nothing = SLICE_INIT;
	uint64_t any, key;
	bool by_user = job->in_crowd && rules_place(job) == PLACE_READY;
	natural_keys(tx->store->seed, job, &any, &key);
	bool ok = col_int(r, i, 1) == job->phase && col_int(r, i, 2) == rules_place(job) &&
		  (col_int(r, i, 8) & 0x7f) == rules_place_priority(job) &&
		  col_int(r, i, 9) == (by_user ? (int64_t)hashes->user : -1) &&
		  col_int(r, i, 10) == rules_place_at_us(job) && col_int(r, i, 11) == job->accepted_at_us &&
		  col_int(r, i, 12) == job->ordered && col_int(r, i, 13) == job->has_turn &&
		  col_int(r, i, 14) == job->solo_user && (uint64_t)col_int(r, i, 15) == any &&
		  (uint64_t)col_int(r, i, 16) == key && slice_eq(col_bytes(r, i, 5), job->workflow_id) &&
		  slice_eq(col_bytes(r, i, 17), job->user_id) &&
		  slice_eq(col_bytes(r, i, 18), job->idempotency_key) &&
		  slice_eq(col_bytes(r, i, 6), job->is_charged ? job->source : nothing);
	if (!ok)
		find(c, "job", job->id, "its columns are not what its record says");
	if (!col_int(r, i, 19))
		find(c, "job", job->id, "its newest event is missing");
}

static void check_job(struct tx *tx, struct checking *c, const PGresult *r, int i)
{
	struct job job;
	struct job_hashes hashes;
	int slot = phase_slot((int)col_int(r, i, 1));
	int64_t place = col_int(r, i, 2);
	if (slot >= 0 && place >= 0 && place < PLACE_N)
		c->places[slot][place]++;
	if (job_decode(r, i, &job, tx->store->seed, &hashes) != ST_OK) {
		find(c, "job", col_id(r, i, 0), "its record cannot be read");
		c->is_readable = false;
		return;
	}
	check_columns(tx, c, r, i, &job, &hashes);
	if (job.last_event >= tx->head.next_seq)
		find(c, "job", job.id, "its newest event has a number that was not given yet");
	if (job.is_charged && !job_state_is_ended(job.state) &&
		!tally_add(&c->tally, hashes.account, 1, (int64_t)job.charged_bytes, job.id))
		tx_fail(tx, ST_NOMEM, "out of memory");
	job_release(&job);
}

static void check_jobs(struct tx *tx, struct checking *c)
{
	struct job_id after = {{0}};
	for (int n = PAGE; n == PAGE && tx->st == ST_OK;) {
		struct args args = ARGS_INIT;
		arg_id(&args, after);
		arg_int(&args, PAGE);
		PGresult *r = tx_query(tx,
			"SELECT " ROW_WHOLE
			", j.priority, j.crowd, j.at_us, j.accepted_us, j.is_ordered, j.has_turn,"
			" j.is_solo, j.natural_any, j.natural_key, j.person, j.idem_key,"
			" EXISTS (SELECT 1 FROM clario_event e WHERE e.job = j.id)"
			" FROM clario_job j WHERE j.id > $1 ORDER BY j.id LIMIT $2",
			&args);
		n = r ? PQntuples(r) : 0;
		for (int i = 0; i < n; i++) {
			check_job(tx, c, r, i);
			after = col_id(r, i, 0);
		}
		PQclear(r);
		args_release(&args);
	}
}

static void check_events(struct tx *tx, struct checking *c)
{
	int64_t after = 0;
	for (int n = PAGE; n == PAGE && tx->st == ST_OK;) {
		struct args args = ARGS_INIT;
		arg_int(&args, after);
		arg_int(&args, PAGE);
		PGresult *r = tx_query(tx,
			"SELECT seq, record, at_us, job, kind FROM clario_event WHERE seq > $1 ORDER BY seq"
			" LIMIT $2",
			&args);
		n = r ? PQntuples(r) : 0;
		for (int i = 0; i < n; i++) {
			struct event event;
			after = col_int(r, i, 0);
			if (event_decode(r, i, 0, 1, &event) != ST_OK) {
				find(c, "event", col_id(r, i, 3), "event %" PRId64 " cannot be read", after);
				continue;
			}
			if (event.at_us != col_int(r, i, 2) || id_cmp(event.job, col_id(r, i, 3)) != 0 ||
				(int64_t)event.kind != col_int(r, i, 4))
				find(c, "event", event.job,
					"event %" PRId64 "'s columns are not what its record says", after);
			event_release(&event);
		}
		PQclear(r);
		args_release(&args);
	}
	if ((uint64_t)after >= tx->head.next_seq)
		find(c, "event", (struct job_id){{0}},
			"event %" PRId64 " has a number that was not given yet", after);
}

static void check_counts(struct tx *tx, struct checking *c)
{
	const struct job_id none = {{0}};
	const struct head *head = &tx->head;
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		for (int place = 0; place < PLACE_N; place++)
			if (c->places[slot][place] != head->jobs[slot][place])
				find(c, "head", none,
					"phase %d has %" PRIu64 " jobs at place %d, %" PRIu64 " are counted",
					phase_of_slot(slot), c->places[slot][place], place,
					head->jobs[slot][place]);
	if (head->accepted_total != head_present(head) + head->removed_total + head->set_aside)
		find(c, "head", none, "%" PRIu64 " jobs were accepted, %" PRIu64 " are accounted for",
			head->accepted_total, head_present(head) + head->removed_total + head->set_aside);
}

/* Of the live ordered jobs of a workflow one has the turn, and only it may run. */
static void check_lines(struct tx *tx, struct checking *c)
{
	PGresult *r = tx_query(tx,
		"SELECT (array_agg(j.id ORDER BY j.id))[1], count(*) FILTER (WHERE j.has_turn) FROM "
		"clario_job j"
		" WHERE j.is_ordered AND " ROW_LIVE " GROUP BY j.workflow"
		" HAVING count(*) FILTER (WHERE j.has_turn) <> 1",
		NULL);
	for (int i = 0; r && i < PQntuples(r); i++)
		find(c, "job", col_id(r, i, 0), "%" PRId64 " jobs of its workflow have the turn",
			col_int(r, i, 1));
	PQclear(r);
}

/* What is accounted for is taken off the tally. */
static void compare_account(struct tx *tx, struct checking *c, const struct account *account)
{
	const struct job_id none = {{0}};
	struct job as_job = {.is_charged = true, .source = slice_text(account->name)};
	uint64_t hash = job_hashes(tx->store->seed, &as_job).account;
	int64_t jobs = 0, bytes = 0;
	for (size_t i = 0; i < c->tally.cap; i++)
		if (c->tally.rows[i].account == hash) {
			jobs = c->tally.rows[i].jobs;
			bytes = c->tally.rows[i].bytes;
			c->tally.rows[i].jobs = c->tally.rows[i].bytes = 0;
		}
	if (c->is_readable && (jobs != (int64_t)account->jobs || bytes != (int64_t)account->bytes))
		find(c, "meta", none,
			"the account caller.%016" PRIx64 " (%s) counts %" PRIu64 " jobs and %" PRIu64
			" bytes, there are %" PRId64 " and %" PRId64,
			hash, account->name, account->jobs, account->bytes, jobs, bytes);
}

static void check_accounts(struct tx *tx, struct checking *c)
{
	const struct job_id none = {{0}};
	PGresult *r = tx_query(tx,
		"SELECT key, value FROM clario_meta WHERE key >= 'caller.'::bytea AND key < 'caller/'::bytea",
		NULL);
	for (int i = 0; r && i < PQntuples(r); i++) {
		struct account account;
		if (account_decode(col_bytes(r, i, 1), &account) != ST_OK) {
			find(c, "meta", none, "%.*s is damaged: what that caller has counts from nothing",
				SLICE_ARG(col_bytes(r, i, 0)));
			c->is_readable = false;
			continue;
		}
		compare_account(tx, c, &account);
	}
	PQclear(r);
	for (size_t i = 0; c->is_readable && i < c->tally.cap; i++)
		if (c->tally.rows[i].account && c->tally.rows[i].jobs)
			find(c, "meta", c->tally.rows[i].job, "the account of its caller is missing");
}

static void check_meta(struct tx *tx, struct checking *c)
{
	PGresult *r = tx_query(tx,
		"SELECT key, value FROM clario_meta WHERE key >= 'receiver.'::bytea AND key < "
		"'token/'::bytea",
		NULL);
	for (int i = 0; r && i < PQntuples(r); i++) {
		struct slice key = col_bytes(r, i, 0), value = col_bytes(r, i, 1);
		bool is_token = key.len > 6 && memcmp(key.p, "token.", 6) == 0;
		size_t len = is_token ? 6 : sizeof "receiver." - 1;
		struct slice name = slice_of(key.p + len, key.len > len ? key.len - len : 0);
		struct receiver_state receiver;
		struct token token;
		if (is_token ? !token_name_is_valid(name) || token_decode(name, value, &token) != ST_OK
			     : !receiver_name_is_valid(name) ||
					receiver_decode(name, value, &receiver) != ST_OK)
			find(c, "meta", (struct job_id){{0}}, "%.*s is damaged: it %s", SLICE_ARG(key),
				is_token ? "lets nobody in" : "counts as closed and not paused");
	}
	PQclear(r);
}

static void check_stalled(struct tx *tx, struct checking *c)
{
	PGresult *r = tx_query(tx,
		"SELECT s.job, s.record, EXISTS (SELECT 1 FROM clario_job j WHERE j.id = s.job)"
		" FROM clario_stalled s ORDER BY s.job",
		NULL);
	for (int i = 0; r && i < PQntuples(r); i++) {
		struct stalled stalled;
		if (await_decode(col_bytes(r, i, 1), &stalled) != ST_OK)
			find(c, "stalled", col_id(r, i, 0), "what its workflow awaits is damaged");
		if (!col_int(r, i, 2))
			find(c, "stalled", col_id(r, i, 0),
				"its workflow is said to have stalled after it, and it is not there");
	}
	PQclear(r);
}

static void check_all(struct tx *tx, void *arg)
{
	struct checking *c = arg;
	*c = (struct checking){
		.report = c->report, .arg = c->arg, .watch = c->watch, .why = WHY_INIT, .is_readable = true};
	check_jobs(tx, c); /* one state of everything */
	check_events(tx, c);
	check_counts(tx, c);
	check_lines(tx, c);
	check_accounts(tx, c);
	check_meta(tx, c);
	check_stalled(tx, c);
	tally_release(&c->tally);
}

static enum status check(struct store *store, struct checking *c, struct why *why)
{
	enum status st = tx_snapshot(store, check_all, c, why);
	if (st == ST_OK && c->findings && why)
		*why = c->why;
	return st == ST_OK && c->findings ? ST_CORRUPT : st;
}

enum status pg_check(struct store *store, spool_check_fn report, void *arg, struct why *why)
{
	struct checking c = {.report = report, .arg = arg};
	return check(store, &c, why);
}

/* By a tool, on the database that the configuration names. */
enum status pg_verify(const struct spool_conf *conf, const struct spool_watch *watch, struct why *why)
{
	struct spool_conf looking = *conf;
	struct checking c = {.watch = watch};
	struct store *store;
	looking.read_only = true;
	enum status st = pg_open(&looking, &store, why);
	if (st != ST_OK)
		return st;
	st = check(store, &c, why);
	pg_close(store);
	return st;
}
