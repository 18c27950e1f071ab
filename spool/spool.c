/* spool/spool.c: the handle that daemons and tools hold: an engine, and the group commit in front of its
 * submits. */
#include "spool/spool.h"

#include "spool/group.h"
#include "spool/store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

struct spool {
	const struct store_ops *ops;
	struct store *store;
	struct group *group;
};

static enum status find_engine(const struct spool_conf *conf, const struct store_ops **ops, struct why *why)
{
	*ops = store_find(conf->store);
	return *ops ? ST_OK
		    : why_set(why, ST_VERSION, "there is no store %s here (spool.store)%s", conf->store,
			      strcmp(conf->store, "postgres") == 0
				      ? ": it comes with the package clario-workflow-postgres"
				      : "");
}

enum status spool_init(const struct spool_conf *conf, struct why *why)
{
	const struct store_ops *ops;
	enum status st = find_engine(conf, &ops, why);
	return st == ST_OK ? ops->init(conf, why) : st;
}

enum status spool_open(const struct spool_conf *conf, struct spool **out, struct why *why)
{
	*out = NULL;
	struct spool *sp = calloc(1, sizeof *sp);
	if (!sp)
		return why_set(why, ST_NOMEM, "out of memory");
	enum status st = find_engine(conf, &sp->ops, why);
	if (st == ST_OK)
		st = sp->ops->open(conf, &sp->store, why);
	if (st == ST_OK && !(sp->group = group_new(sp->ops, sp->store)))
		st = why_set(why, ST_NOMEM, "out of memory");
	if (st != ST_OK) {
		spool_close(sp);
		return st;
	}
	*out = sp;
	return ST_OK;
}

void spool_close(struct spool *sp)
{
	if (!sp)
		return;
	group_free(sp->group);
	if (sp->store)
		sp->ops->close(sp->store);
	free(sp);
}

bool spool_is_broken(const struct spool *sp)
{
	return sp->ops->is_broken(sp->store);
}

void spool_submit_begin(struct spool *sp, struct submit *submit)
{
	group_begin(sp->group, submit);
}

void spool_lead(struct spool *sp)
{
	group_lead(sp->group);
}

enum status spool_submit(struct spool *sp, struct moment now, const struct trigger *triggers, size_t n,
	struct receipt *receipts, struct why *why)
{
	return n ? group_submit(sp->group, now, triggers, n, receipts, why) : ST_OK;
}

enum status spool_exchange(struct spool *sp, struct moment now, struct settlement *settlements, size_t n,
	const struct claim_ask *ask, struct job *jobs, size_t *jobs_n, int64_t *next_due_us, struct why *why)
{
	return sp->ops->exchange(sp->store, now, settlements, n, ask, jobs, jobs_n, next_due_us, why);
}

int spool_wake_fd(struct spool *sp)
{
	return sp->ops->wake_fd(sp->store);
}

void spool_wake_drain(struct spool *sp)
{
	sp->ops->wake_drain(sp->store);
}

enum status spool_steer(struct spool *sp, struct moment now, enum steer_verb verb, const struct job_id *ids,
	size_t n, struct slice actor, struct slice reason, struct steer_result *results, struct why *why)
{
	struct steer_ask ask = {.verb = verb, .ids = ids, .n = n, .actor = actor, .reason = reason};
	return spool_steer_many(sp, now, &ask, results, why);
}

enum status spool_steer_many(struct spool *sp, struct moment now, const struct steer_ask *ask,
	struct steer_result *results, struct why *why)
{
	return sp->ops->steer(sp->store, now, ask, results, why);
}

enum status spool_pause(
	struct spool *sp, struct moment now, uint32_t phases, bool pause, struct slice actor, struct why *why)
{
	return sp->ops->pause(sp->store, now, phases, pause, actor, why);
}

enum status spool_receivers(
	struct spool *sp, struct receiver_state *out, size_t cap, size_t *n, struct why *why)
{
	return sp->ops->receivers(sp->store, out, cap, n, why);
}

enum status spool_accounts(
	struct spool *sp, uint64_t *after, struct account *out, size_t cap, size_t *n, struct why *why)
{
	return sp->ops->accounts(sp->store, after, out, cap, n, why);
}

enum status spool_receiver_pause(struct spool *sp, struct moment now, const char *name, bool pause,
	int64_t until_us, struct slice actor, struct slice reason, struct why *why)
{
	return sp->ops->receiver_pause(sp->store, now, name, pause, until_us, actor, reason, why);
}

enum status spool_tokens(struct spool *sp, struct token *out, size_t cap, size_t *n, struct why *why)
{
	return sp->ops->tokens(sp->store, out, cap, n, why);
}

enum status spool_token_change(struct spool *sp, struct moment now, const struct token_change *change,
	struct slice actor, struct slice reason, struct token *out, struct why *why)
{
	return sp->ops->token_change(sp->store, now, change, actor, reason, out, why);
}

enum status spool_remove(struct spool *sp, struct moment now, enum job_state state, int64_t before_us,
	size_t max, struct slice actor, size_t *removed, struct why *why)
{
	return sp->ops->remove(sp->store, now, state, before_us, max, actor, removed, why);
}

enum status spool_forget_begin(struct forget_ask *ask, struct why *why)
{
	if (getrandom(ask->chance, sizeof ask->chance, 0) != sizeof ask->chance)
		return why_errno(why, errno, "there are no random numbers");
	return ST_OK;
}

enum status spool_forget(struct spool *sp, struct moment now, const struct forget_ask *ask,
	struct forget *forget, struct why *why)
{
	return sp->ops->forget(sp->store, now, ask, forget, why);
}

enum status spool_get(struct spool *sp, struct job_id id, struct job *out, struct why *why)
{
	return sp->ops->get(sp->store, id, out, why);
}

enum status spool_list(struct spool *sp, const struct job_filter *filter, const struct cursor *from,
	size_t max, bool with_payload, struct job *jobs, size_t *n, struct cursor *next, struct why *why)
{
	return sp->ops->list(sp->store, filter, from, max, with_payload, jobs, n, next, why);
}

enum status spool_events(struct spool *sp, const struct event_filter *filter, size_t max,
	struct event *events, size_t *n, uint64_t *last_seen, struct why *why)
{
	return sp->ops->events(sp->store, filter, max, events, n, last_seen, why);
}

enum status spool_remove_events(struct spool *sp, struct moment now, int64_t before_us, uint64_t *seen,
	bool *has_more, struct why *why)
{
	return sp->ops->remove_events(sp->store, now, before_us, seen, has_more, why);
}

enum status spool_await_tell(
	struct spool *sp, struct moment now, size_t *told, bool *has_more, struct why *why)
{
	return sp->ops->await_tell(sp->store, now, told, has_more, why);
}

enum status spool_stalled(
	struct spool *sp, struct job_id *at, struct stalled *out, size_t cap, size_t *n, struct why *why)
{
	return sp->ops->stalled(sp->store, at, out, cap, n, why);
}

enum status spool_stats(struct spool *sp, struct stats *out, struct why *why)
{
	return sp->ops->stats(sp->store, out, why);
}

enum status spool_sync(struct spool *sp, struct why *why)
{
	return sp->ops->sync(sp->store, why);
}

enum status spool_figures(struct spool *sp, struct figures *out, struct why *why)
{
	return sp->ops->figures(sp->store, out, why);
}

enum status spool_verify(const struct spool_conf *conf, const struct spool_watch *watch, struct why *why)
{
	const struct store_ops *ops;
	enum status st = find_engine(conf, &ops, why);
	return st == ST_OK ? ops->verify(conf, watch, why) : st;
}

enum status spool_care(const struct spool_conf *conf, const struct care_ask *ask,
	const struct spool_watch *watch, struct care_result *result, struct why *why)
{
	const struct store_ops *ops;
	enum status st = find_engine(conf, &ops, why);
	return st == ST_OK ? ops->care(conf, ask, watch, result, why) : st;
}

enum status spool_export(
	struct spool *sp, item_sink sink, void *arg, const struct spool_watch *watch, struct why *why)
{
	static const struct spool_watch nobody = {0};
	return sp->ops->export(sp->store, clock_now(), sink, arg, watch ? watch : &nobody, why);
}

enum status spool_check(struct spool *sp, spool_check_fn report, void *arg, struct why *why)
{
	return sp->ops->check(sp->store, report, arg, why);
}

enum status spool_bookmark_get(struct spool *sp, const char *name, uint64_t *value, struct why *why)
{
	return sp->ops->bookmark_get(sp->store, name, value, why);
}

enum status spool_bookmark_set(struct spool *sp, const char *name, uint64_t value, struct why *why)
{
	return sp->ops->bookmark_set(sp->store, name, value, why);
}

void spool_tend(struct spool *sp)
{
	sp->ops->tend(sp->store);
}
