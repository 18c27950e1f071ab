/* spool/store/store.h: the interface that each storage engine stands behind.
 *
 * It carries verbs, not gets and puts, so that an engine does a verb in its own best way (one LMDB
 * transaction, one SQL statement over arrays). What a verb means for a job is not the engine's business:
 * spool/model/rules.h decides, the engine finds, loads, stores and appends in one transaction.
 * tests/unit/test_store.c is the suite every engine passes.
 *
 * The contract of each verb is that of the function of the same name in spool/spool.h; what differs is said
 * here. Threads: any number may call at the same time. */
#ifndef SPOOL_STORE_STORE_H
#define SPOOL_STORE_STORE_H
#include "spool/spool.h"

struct store; /* each engine has its own */

/* One trigger of a batch and where its answer goes; callers of many threads meet in one batch. */
struct submission {
	const struct trigger *trigger;
	struct receipt *receipt;
};

struct store_ops {
	const char *name, *version; /* version: of the program that it was built for */
	enum status (*init)(const struct spool_conf *conf, struct why *why);
	enum status (*open)(const struct spool_conf *conf, struct store **out, struct why *why);
	void (*close)(struct store *store);
	bool (*is_broken)(const struct store *store);

	/* All in one commit, in the order given. Not ST_OK: nothing was stored; the receipts are left to the
	 * caller. ST_OK: they are stored, but nobody may be told, of a duplicate neither, before sync() says
	 * OK. */
	enum status (*submit)(struct store *store, struct moment now, const struct submission *list, size_t n,
		struct why *why);
	/* Make lasting what was submitted before, while others may submit already. IO: nobody knows whether
	 * it is, and the store is broken. */
	enum status (*sync)(struct store *store, struct why *why);
	enum status (*exchange)(struct store *store, struct moment now, struct settlement *settlements,
		size_t n, const struct claim_ask *ask, struct job *jobs, size_t *jobs_n, int64_t *next_due_us,
		struct why *why);
	/* Both spool_steer() and spool_steer_many(). */
	enum status (*steer)(struct store *store, struct moment now, const struct steer_ask *ask,
		struct steer_result *results, struct why *why);
	enum status (*pause)(struct store *store, struct moment now, uint32_t phases, bool pause,
		struct slice actor, struct why *why);
	enum status (*receivers)(
		struct store *store, struct receiver_state *out, size_t cap, size_t *n, struct why *why);
	enum status (*accounts)(struct store *store, uint64_t *after, struct account *out, size_t cap,
		size_t *n, struct why *why);
	enum status (*receiver_pause)(struct store *store, struct moment now, const char *name, bool pause,
		int64_t until_us, struct slice actor, struct slice reason, struct why *why);
	enum status (*tokens)(struct store *store, struct token *out, size_t cap, size_t *n, struct why *why);
	enum status (*token_change)(struct store *store, struct moment now, const struct token_change *change,
		struct slice actor, struct slice reason, struct token *out, struct why *why);
	enum status (*remove)(struct store *store, struct moment now, enum job_state state, int64_t before_us,
		size_t max, struct slice actor, size_t *removed, struct why *why);

	enum status (*remove_events)(struct store *store, struct moment now, int64_t before_us,
		uint64_t *seen, bool *has_more, struct why *why);

	enum status (*forget)(struct store *store, struct moment now, const struct forget_ask *ask,
		struct forget *forget, struct why *why);

	enum status (*await_tell)(
		struct store *store, struct moment now, size_t *told, bool *has_more, struct why *why);
	enum status (*stalled)(struct store *store, struct job_id *at, struct stalled *out, size_t cap,
		size_t *n, struct why *why);

	enum status (*get)(struct store *store, struct job_id id, struct job *out, struct why *why);
	enum status (*list)(struct store *store, const struct job_filter *filter, const struct cursor *from,
		size_t max, bool with_payload, struct job *jobs, size_t *n, struct cursor *next,
		struct why *why);
	enum status (*events)(struct store *store, const struct event_filter *filter, size_t max,
		struct event *events, size_t *n, uint64_t *last_seen, struct why *why);
	enum status (*stats)(struct store *store, struct stats *out, struct why *why);
	enum status (*figures)(struct store *store, struct figures *out, struct why *why);
	enum status (*verify)(
		const struct spool_conf *conf, const struct spool_watch *watch, struct why *why);
	enum status (*care)(const struct spool_conf *conf, const struct care_ask *ask,
		const struct spool_watch *watch, struct care_result *result, struct why *why);
	/* now is the items' exported_at. */
	enum status (*export)(struct store *store, struct moment now, item_sink sink, void *arg,
		const struct spool_watch *watch, struct why *why);
	enum status (*check)(struct store *store, spool_check_fn report, void *arg, struct why *why);
	enum status (*bookmark_get)(struct store *store, const char *name, uint64_t *value, struct why *why);
	enum status (*bookmark_set)(struct store *store, const char *name, uint64_t value, struct why *why);

	int (*wake_fd)(struct store *store);
	void (*wake_drain)(struct store *store);
	void (*tend)(struct store *store);
};

/* The engine of that name, NULL when this build has none such. */
const struct store_ops *store_find(const char *name);

/* Both in one: submit, and tell once it is lasting. */
NODISCARD enum status store_submit(const struct store_ops *ops, struct store *store, struct moment now,
	const struct submission *list, size_t n, struct why *why);

extern const struct store_ops store_lmdb;

#endif
