/* tests/unit/plan_fixture.h: a spool with a clock that the test owns, jobs in every state, and operations on
 * them, for the tests of undoing and of plans. */
#ifndef TESTS_UNIT_PLAN_FIXTURE_H
#define TESTS_UNIT_PLAN_FIXTURE_H
#include "spool/plan.h"
#include "spool/spool.h"
#include "tests/support/server.h"

#define CASE(name) cmocka_unit_test_setup_teardown(name, plan_setup, plan_teardown)
#define HOUR_US    INT64_C(3600000000)

struct fixture {
	char dir[64], path[80], database[512];
	struct spool *sp;
	struct moment now;
};

struct spool_conf plan_conf(const struct fixture *f);
void plan_open_spool(struct fixture *f);
int plan_setup(void **state);
void print_finding(void *arg, const char *finding);
int plan_teardown(void **state);
void pass(struct fixture *f, int64_t us);
struct job_id accept_job(struct fixture *f, int phase, int i, int64_t delay_us);
size_t work(struct fixture *f, size_t n, enum settle_kind kind, bool settles);
void fill_failed(struct fixture *f, int n);
struct job get(struct fixture *f, struct job_id id);
enum job_state state_of(struct fixture *f, struct job_id id);
uint64_t count(struct fixture *f, enum job_state state);
struct operation begin(struct fixture *f, enum steer_verb verb);
enum status act(struct fixture *f, struct operation *op, struct job_id id);
struct operation act_on(struct fixture *f, enum steer_verb verb, struct job_id id);
void undo_all(struct fixture *f, struct operation *op);
struct job_id job_in(struct fixture *f, enum job_state state);

#endif
