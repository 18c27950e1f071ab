/* spool/store/postgres/verbs.h: the engine's verbs, as struct store_ops has them, and what they share. */
#ifndef SPOOL_STORE_POSTGRES_VERBS_H
#define SPOOL_STORE_POSTGRES_VERBS_H
#include "spool/store/postgres/tx.h"

enum status pg_submit(
	struct store *store, struct moment now, const struct submission *list, size_t n, struct why *why);
enum status pg_exchange(struct store *store, struct moment now, struct settlement *settlements, size_t n,
	const struct claim_ask *ask, struct job *jobs, size_t *jobs_n, int64_t *next_due_us, struct why *why);
enum status pg_steer(struct store *store, struct moment now, const struct steer_ask *ask,
	struct steer_result *results, struct why *why);
enum status pg_pause(struct store *store, struct moment now, uint32_t phases, bool pause, struct slice actor,
	struct why *why);
enum status pg_receivers(
	struct store *store, struct receiver_state *out, size_t cap, size_t *n, struct why *why);
enum status pg_accounts(
	struct store *store, uint64_t *after, struct account *out, size_t cap, size_t *n, struct why *why);
enum status pg_receiver_pause(struct store *store, struct moment now, const char *name, bool pause,
	int64_t until_us, struct slice actor, struct slice reason, struct why *why);
enum status pg_tokens(struct store *store, struct token *out, size_t cap, size_t *n, struct why *why);
enum status pg_token_change(struct store *store, struct moment now, const struct token_change *change,
	struct slice actor, struct slice reason, struct token *out, struct why *why);
enum status pg_remove(struct store *store, struct moment now, enum job_state state, int64_t before_us,
	size_t max, struct slice actor, size_t *removed, struct why *why);
enum status pg_remove_events(struct store *store, struct moment now, int64_t before_us, uint64_t *seen,
	bool *has_more, struct why *why);
enum status pg_forget(struct store *store, struct moment now, const struct forget_ask *ask,
	struct forget *forget, struct why *why);
enum status pg_await_tell(
	struct store *store, struct moment now, size_t *told, bool *has_more, struct why *why);
enum status pg_stalled(
	struct store *store, struct job_id *at, struct stalled *out, size_t cap, size_t *n, struct why *why);
enum status pg_get(struct store *store, struct job_id id, struct job *out, struct why *why);
enum status pg_list(struct store *store, const struct job_filter *filter, const struct cursor *from,
	size_t max, bool with_payload, struct job *jobs, size_t *n, struct cursor *next, struct why *why);
enum status pg_events(struct store *store, const struct event_filter *filter, size_t max,
	struct event *events, size_t *n, uint64_t *last_seen, struct why *why);
enum status pg_stats(struct store *store, struct stats *out, struct why *why);
enum status pg_figures(struct store *store, struct figures *out, struct why *why);
enum status pg_check(struct store *store, spool_check_fn report, void *arg, struct why *why);
enum status pg_export(struct store *store, struct moment now, item_sink sink, void *arg,
	const struct spool_watch *watch, struct why *why);
enum status pg_care(const struct spool_conf *conf, const struct care_ask *ask,
	const struct spool_watch *watch, struct care_result *result, struct why *why);
enum status pg_verify(const struct spool_conf *conf, const struct spool_watch *watch, struct why *why);
enum status pg_bookmark_get(struct store *store, const char *name, uint64_t *value, struct why *why);
enum status pg_bookmark_set(struct store *store, const char *name, uint64_t value, struct why *why);
enum status pg_open(const struct spool_conf *conf, struct store **out, struct why *why);
void pg_close(struct store *store);

/* line.c. Order within a workflow (promise 5): of its live ordered jobs one has the turn. These workflows
 * have lost the one that had it: give it to the first that stands there. */
void lines_hand_on(struct tx *tx, const struct list *workflows);
/* As after any change: row has ended, or goes. */
void line_leave(struct row *row, struct list *workflows);
/* Whether a live ordered job has the turn there. */
bool line_is_taken(struct tx *tx, struct slice workflow);

/* claim.c */
void claim_jobs(struct tx *tx, const struct claim_ask *ask, struct job *jobs, size_t *jobs_n);
bool claim_leaves_news(struct tx *tx, size_t claimed);

/* meta.c. Reports are bits: those that were passed over, for somebody else's are being written; those that
 * are kept. receivers_reported(): others are to be told. */
void receivers_report(struct tx *tx, const struct claim_ask *ask, uint64_t *passed);
bool receivers_reported(const struct claim_ask *ask, struct moment now, uint64_t kept, int64_t *next_due_us);

#endif
