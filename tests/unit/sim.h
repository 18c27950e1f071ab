/* tests/unit/sim.h: what the files of test_simulation.c share: a history under way, and the model it is held
 * against. */
#ifndef TESTS_UNIT_SIM_H
#define TESTS_UNIT_SIM_H
#include "tests/unit/store_fixture.h"

enum { REPORTERS = 2 };
enum { JOBS_MAX = 80, STEPS = 80, SHARED = 4, ALONE = 24, USERS = 3, LIMITS = 2 };
enum { REAP_EVERY_US = 250000, LEASE_US = 60000000, CROWD_AT = 2, HALF_LIFE_US = 30000000 };

struct model_job {
	struct job_id id;
	int phase, workflow, user, payload, priority;
	enum job_state state;
	bool has_turn, in_crowd, is_charged, is_forgotten;
	int caller;
	uint64_t bytes;
	int64_t run_at_us, finished_at_us, lease_end_us;
	uint64_t boot_id, token;
	unsigned made, allowed, crashes;
	bool is_told; /* that the phase after it did not come */
};

struct sim {
	struct fixture *f;
	uint64_t random, seed;
	struct model_job jobs[JOBS_MAX];
	size_t n;
	int64_t awaits_told_us; /* when it was looked last for phases that did not come */
	uint64_t accepted, removed;
	int64_t next_reap_us;
	bool paused[PHASE_SLOTS];
	struct receiver_state receiver; /* as it must be stored */
	struct receiver_report reporters[REPORTERS];
	/* What a process knows of turns and crowds, until it ends. */
	uint32_t order[USERS]; /* the circle in which the crowd's users have their turns */
	uint32_t last_user[JOB_PRIORITY_LAST + 1];
	uint64_t claims;
	unsigned submitted[USERS];
	int64_t halvings;
	struct claim_limit limits[LIMITS]; /* of the claim under way: what is left of them */
	size_t limits_n;
	int step;
};

static inline uint64_t sim_roll(struct sim *s, uint64_t below)
{
	/* xorshift64*: repeatable everywhere, which rand() is not. */
	s->random ^= s->random >> 12;
	s->random ^= s->random << 25;
	s->random ^= s->random >> 27;
	return (s->random * UINT64_C(2685821657736338717) >> 32) % below;
}

#define CHECK(s, condition)                                                                                  \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			fail_msg("seed %llu, step %d: %s", (unsigned long long)(s)->seed, (s)->step,         \
				#condition);                                                                 \
	} while (0)

/* test_simulation.c: what each exchange does to the model before it claims. */
void sim_reap(struct sim *s);
void sim_due(struct sim *s);

/* sim_callers.c: two callers with quotas. The trigger gets a source and perhaps bounds, the job-to-be notes
 * them; would it be too much?; and what is stored of both. */
enum { SIM_CALLERS = 2 };
void sim_bind(struct sim *s, struct trigger *t, struct model_job *like);
bool sim_is_over(const struct sim *s, const struct trigger *t, const struct model_job *like);
void sim_compare_callers(struct sim *s);

/* sim_await.c: workflows whose next phase does not come, and who is told of. */
void sim_await_conf(struct spool_conf *conf);
void sim_tell(struct sim *s);
void sim_compare_await(struct sim *s);

/* sim_receivers.c: reports of two workers on one receiver, and pauses by hand. */
void sim_report(struct sim *s);
void sim_pause_receiver(struct sim *s);
void sim_compare_receiver(struct sim *s);
/* A worker that has just been started. */
void sim_begin_reporter(struct sim *s, size_t i);

#endif
