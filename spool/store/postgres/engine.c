/* spool/store/postgres/engine.c: the engine's table of verbs, and a process's handle. */
#include "spool/store/postgres/schema.h"
#include "spool/store/postgres/slots.h"
#include "spool/store/postgres/verbs.h"
#include "spool/store/postgres/wake.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

static enum status read_seed(struct store *store, PGconn *conn, struct why *why)
{
	PGresult *r;
	enum status st = link_run(conn, "SELECT seed FROM clario_head WHERE slot = 0", NULL, &r, why);
	if (st != ST_OK)
		return st;
	if (PQntuples(r) == 1)
		store->seed = (uint64_t)col_int(r, 0, 0);
	else
		st = why_set(why, ST_CORRUPT, "the counters cannot be read; run clario-spool verify");
	PQclear(r);
	return st;
}

static enum status look_at_database(struct store *store, struct why *why)
{
	enum { PATIENCE_MS = 10000 }; /* there may be hosts before the primary that do not answer */
	PGconn *conn;
	enum status st = links_take(store->links, PATIENCE_MS, &conn, why);
	if (st != ST_OK)
		return st;
	st = schema_check(conn, why);
	if (st == ST_OK)
		st = read_seed(store, conn, why);
	links_give(store->links, conn, st == ST_OK);
	return st;
}

static struct store *new_store(const struct spool_conf *conf)
{
	struct store *store = calloc(1, sizeof *store);
	if (!store)
		return NULL;
	store->read_only = conf->read_only;
	store->ordering = conf->ordering;
	store->is_audited = conf->audits;
	store->needs_standby = conf->require_sync_standby;
	store->max_depth = conf->max_depth;
	store->keep_reserved_us = conf->keep_reserved_us;
	memcpy(store->await_us, conf->await_us, sizeof store->await_us);
	store->dedupe.window_us = conf->dedupe_window_us;
	store->crowd.at = (uint32_t)(conf->crowd_at > UINT32_MAX ? UINT32_MAX : conf->crowd_at);
	if (conf->host)
		snprintf(store->host, sizeof store->host, "%s", conf->host);
	else
		gethostname(store->host, sizeof store->host - 1);
	unsigned chance = 0;
	if (getrandom(&chance, sizeof chance, 0) != sizeof chance)
		chance = (unsigned)getpid();
	store->slot = 1 + (int)(chance % SLOTS);
	pthread_mutex_init(&store->turn, NULL);
	return store;
}

enum status pg_open(const struct spool_conf *conf, struct store **out, struct why *why)
{
	*out = NULL;
	if (!conf->database || !conf->database[0])
		return why_set(why, ST_INVALID, "spool.database does not say which database");
	struct store *store = new_store(conf);
	if (!store)
		return why_set(why, ST_NOMEM, "out of memory");
	enum status st = links_new(&store->links, conf->database, why);
	if (st == ST_OK)
		st = look_at_database(store, why);
	if (st == ST_OK && !conf->read_only && !(store->wake = wake_new(conf->database)))
		st = why_set(why, ST_NOMEM, "out of memory");
	if (st != ST_OK) {
		pg_close(store);
		return st;
	}
	*out = store;
	return ST_OK;
}

void pg_close(struct store *store)
{
	if (!store)
		return;
	wake_free(store->wake);
	links_free(store->links);
	pthread_mutex_destroy(&store->turn);
	free(store);
}

/* Connections come and go; a handle is never beyond help. */
static bool is_broken(const struct store *store)
{
	(void)store;
	return false;
}

/* A commit is lasting before it can be seen. */
static enum status sync_all(struct store *store, struct why *why)
{
	(void)store;
	(void)why;
	return ST_OK;
}

static int get_wake_fd(struct store *store)
{
	return wake_fd(store->wake);
}

static void drain(struct store *store)
{
	wake_drain(store->wake);
}

static void tend(struct store *store)
{
	(void)store;
}

__attribute__((visibility("default"))) extern const struct store_ops store_postgres;
const struct store_ops store_postgres = {
	.name = "postgres",
	.version = CLARIO_VERSION,
	.init = schema_init,
	.open = pg_open,
	.close = pg_close,
	.is_broken = is_broken,
	.submit = pg_submit,
	.sync = sync_all,
	.exchange = pg_exchange,
	.steer = pg_steer,
	.pause = pg_pause,
	.receivers = pg_receivers,
	.accounts = pg_accounts,
	.receiver_pause = pg_receiver_pause,
	.tokens = pg_tokens,
	.token_change = pg_token_change,
	.remove = pg_remove,
	.remove_events = pg_remove_events,
	.forget = pg_forget,
	.await_tell = pg_await_tell,
	.stalled = pg_stalled,
	.get = pg_get,
	.list = pg_list,
	.events = pg_events,
	.stats = pg_stats,
	.figures = pg_figures,
	.verify = pg_verify,
	.care = pg_care,
	.export = pg_export,
	.check = pg_check,
	.bookmark_get = pg_bookmark_get,
	.bookmark_set = pg_bookmark_set,
	.wake_fd = get_wake_fd,
	.wake_drain = drain,
	.tend = tend,
};
