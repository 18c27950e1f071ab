/* spool/store/lmdb/engine.c: the LMDB engine as struct store_ops. */
#include "spool/store/lmdb/env.h"
#include "spool/store/lmdb/init.h"
#include "spool/store/lmdb/verbs.h"
#include "spool/store/lmdb/wake.h"

static bool is_broken(const struct store *store)
{
	return atomic_load(&store->broken);
}

static int wake_fd(struct store *store)
{
	return store->wake_fd;
}

static enum status verify(const struct spool_conf *conf, const struct spool_watch *watch, struct why *why)
{
	return lmdb_verify(conf->path, watch, why);
}

/* A reader that was killed holds its snapshot, and with it every page freed since, until this finds it
 * (lmdb.h). */
static void tend(struct store *store)
{
	int dead;
	mdb_reader_check(store->env, &dead);
}

const struct store_ops store_lmdb = {
	.name = "lmdb",
	.version = CLARIO_VERSION,
	.init = init_spool,
	.open = env_open,
	.close = env_close,
	.is_broken = is_broken,
	.submit = lmdb_submit,
	.sync = env_sync,
	.exchange = lmdb_exchange,
	.steer = lmdb_steer,
	.pause = lmdb_pause,
	.receivers = lmdb_receivers,
	.accounts = lmdb_accounts,
	.receiver_pause = lmdb_receiver_pause,
	.tokens = lmdb_tokens,
	.token_change = lmdb_token_change,
	.remove = lmdb_remove,
	.remove_events = lmdb_remove_events,
	.forget = lmdb_forget,
	.await_tell = lmdb_await_tell,
	.stalled = lmdb_stalled,
	.get = lmdb_get,
	.list = lmdb_list,
	.events = lmdb_events,
	.stats = lmdb_stats,
	.figures = lmdb_figures,
	.verify = verify,
	.care = lmdb_care,
	.export = lmdb_export,
	.check = lmdb_check,
	.bookmark_get = lmdb_bookmark_get,
	.bookmark_set = lmdb_bookmark_set,
	.wake_fd = wake_fd,
	.wake_drain = wake_drain,
	.tend = tend,
};
