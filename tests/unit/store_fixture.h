/* tests/unit/store_fixture.h: a fresh store in a scratch directory with a clock that the test owns, for the
 * suite that every engine passes. Teardown runs the engine's own check, so that all tests guard the
 * invariants. */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H
#include "spool/store/store.h"
#include "tests/support/server.h"

struct fixture {
	const struct store_ops *ops;
	struct store *store;
	struct spool_conf conf;
	char dir[64];
	char database[512]; /* of an engine on a server */
	struct moment now;
	struct job held[512]; /* what claim() gave last; released by the next claim and by teardown */
	size_t held_n;
	int64_t next_due_us;
};

bool store_is(const struct fixture *f, const char *engine);
/* What is said of one engine alone. */
#define ONLY_FOR(f_, engine_)                                                                                \
	do {                                                                                                 \
		if (!store_is(f_, engine_))                                                                  \
			skip();                                                                              \
	} while (0)
/* On a server, behind the engine's back. */
void store_sql(const struct fixture *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int store_setup(void **state);    /* group or test setup: *state is a struct fixture */
int store_teardown(void **state); /* checks, closes, removes */
void store_reopen(struct fixture *f);
void store_check(struct fixture *f);
void pass_ms(struct fixture *f, int64_t ms);

struct trigger make_trigger(int phase, const char *workflow, const char *user, const char *payload);
struct receipt submit(struct fixture *f, const struct trigger *trigger);
struct job_id accept_job(
	struct fixture *f, int phase, const char *workflow, const char *user, const char *payload);
size_t claim(struct fixture *f, size_t max);
size_t claim_as(struct fixture *f, const struct claim_ask *ask);
enum status settle(struct fixture *f, struct job_id id, uint64_t token, enum settle_kind kind);
enum status settle_held(struct fixture *f, size_t i, enum settle_kind kind);
enum status steer(struct fixture *f, struct job_id id, enum steer_verb verb);
enum job_state state_of(struct fixture *f, struct job_id id);
struct stats stats_of(struct fixture *f);

#endif
