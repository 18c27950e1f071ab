/* spool/store/lmdb/verbs.h: the verbs of struct store_ops, one file each. */
#ifndef SPOOL_STORE_LMDB_VERBS_H
#define SPOOL_STORE_LMDB_VERBS_H
#include "spool/store/store.h"

enum status lmdb_submit(
	struct store *store, struct moment now, const struct submission *list, size_t n, struct why *why);
enum status lmdb_exchange(struct store *store, struct moment now, struct settlement *settlements, size_t n,
	const struct claim_ask *ask, struct job *jobs, size_t *jobs_n, int64_t *next_due_us, struct why *why);
enum status lmdb_steer(struct store *store, struct moment now, const struct steer_ask *ask,
	struct steer_result *results, struct why *why);
enum status lmdb_pause(struct store *store, struct moment now, uint32_t phases, bool pause,
	struct slice actor, struct why *why);
enum status lmdb_receivers(
	struct store *store, struct receiver_state *out, size_t cap, size_t *n, struct why *why);
enum status lmdb_accounts(
	struct store *store, uint64_t *after, struct account *out, size_t cap, size_t *n, struct why *why);
enum status lmdb_receiver_pause(struct store *store, struct moment now, const char *name, bool pause,
	int64_t until_us, struct slice actor, struct slice reason, struct why *why);
enum status lmdb_tokens(struct store *store, struct token *out, size_t cap, size_t *n, struct why *why);
enum status lmdb_token_change(struct store *store, struct moment now, const struct token_change *change,
	struct slice actor, struct slice reason, struct token *out, struct why *why);
enum status lmdb_remove(struct store *store, struct moment now, enum job_state state, int64_t before_us,
	size_t max, struct slice actor, size_t *removed, struct why *why);
enum status lmdb_remove_events(struct store *store, struct moment now, int64_t before_us, uint64_t *seen,
	bool *has_more, struct why *why);
enum status lmdb_forget(struct store *store, struct moment now, const struct forget_ask *ask,
	struct forget *forget, struct why *why);
enum status lmdb_await_tell(
	struct store *store, struct moment now, size_t *told, bool *has_more, struct why *why);
enum status lmdb_stalled(
	struct store *store, struct job_id *at, struct stalled *out, size_t cap, size_t *n, struct why *why);
enum status lmdb_get(struct store *store, struct job_id id, struct job *out, struct why *why);
enum status lmdb_list(struct store *store, const struct job_filter *filter, const struct cursor *from,
	size_t max, bool with_payload, struct job *jobs, size_t *n, struct cursor *next, struct why *why);
enum status lmdb_events(struct store *store, const struct event_filter *filter, size_t max,
	struct event *events, size_t *n, uint64_t *last_seen, struct why *why);
enum status lmdb_stats(struct store *store, struct stats *out, struct why *why);
enum status lmdb_figures(struct store *store, struct figures *out, struct why *why);
enum status lmdb_verify(const char *path, const struct spool_watch *watch, struct why *why);
enum status lmdb_care(const struct spool_conf *conf, const struct care_ask *ask,
	const struct spool_watch *watch, struct care_result *result, struct why *why);
enum status lmdb_export(struct store *store, struct moment now, item_sink sink, void *arg,
	const struct spool_watch *watch, struct why *why);
enum status lmdb_check(struct store *store, spool_check_fn report, void *arg, struct why *why);
enum status lmdb_bookmark_get(struct store *store, const char *name, uint64_t *value, struct why *why);
enum status lmdb_bookmark_set(struct store *store, const char *name, uint64_t value, struct why *why);

#endif
