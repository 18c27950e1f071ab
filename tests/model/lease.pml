/* tests/model/lease.pml: the lease protocol, every interleaving of it: two jobs of one workflow, two workers that may die
 * at any moment and come back knowing nothing, leases that may run out while their holder lives, what another worker says
 * of a dead one's jobs (from the mark that it left, which may be of a lease long over), an operator who cancels, retries
 * and releases. Each atomic block is one transaction of the spool, named by the function that it stands for.
 *
 * What must hold, for every history:
 *   - an outcome is recorded, and a death told, only under the lease that is in force
 *                                                                        (rules_settle's check of state and token)
 *   - each life of a job ends in exactly one outcome
 *   - the second job is active only after the first has ended            (line_join, line_leave)
 *   - no history stops before both jobs have ended                       (rules_expire_lease)
 *   - a job fails for want of attempts only when it has had them all; a worker's death that is told takes none
 *                                                                        (settle_crash, settle_orphan)
 *   - a job that killed KILLS_MAX workers is not run again until it is released   (state_after_crash)
 *
 * The mutants, each of which must be caught: NO_TOKEN (a result is taken from whoever brings it), SAME_TOKEN (a claim does
 * not change the token), NO_STATE (a result is taken though the job has ended), NO_REAP (leases never run out),
 * NO_TURN (a job may be claimed before its turn), DROP_TURN (a job that ends keeps the turn to itself), OLD_MARK (a death
 * is told of whatever lease the job has now), CHARGE_DEATH (the attempt that a death ended is not given back), NO_HOLD (a
 * job that kills goes on). */
#define JOBS 2
#define ATTEMPTS 2
#define CRASHES 2
#define KILLS_MAX 2 /* JOB_CRASHES_MAX */

mtype = { WAITING, ACTIVE, HELD, COMPLETED, FAILED, CANCELLED };

typedef job_t {
	mtype state;
	byte token;    /* of the lease in force */
	byte attempts;
	byte allowed;
	byte kills;    /* job->crashes */
	bool turn;
	byte claimed;  /* ghost: which claim this is, over all jobs; the truth that tokens stand for */
	byte lives;    /* ghost: accepted, and again with each operator's retry */
	byte outcomes; /* ghost: recorded */
	byte charged;  /* ghost: attempts of this life that no told death ended */
};
job_t job[JOBS];

/* What a worker that died held: worker/mark.h. */
typedef mark_t {
	bool is_there;
	byte job, token;
	byte claimed; /* ghost */
};
mark_t mark[2];
byte claims;
byte crashes;
bool operator_is_done;

#define ENDED(j) (job[j].state == COMPLETED || job[j].state == FAILED || job[j].state == CANCELLED)
#define IS_OVER (operator_is_done && ENDED(0) && ENDED(1))

/* line_leave(): whoever ends hands the turn to the next that lives. */
inline leave(j)
{
	if
	:: job[j].turn ->
		job[j].turn = false;
#ifndef DROP_TURN
		if
		:: !ENDED(1 - j) -> job[1 - j].turn = true
		:: else
		fi
#endif
	:: else
	fi
}

inline record(j, outcome)
{
	assert(outcome != FAILED || job[j].charged >= ATTEMPTS);
	job[j].state = outcome;
	job[j].outcomes++;
	assert(job[j].outcomes == job[j].lives);
	leave(j)
}

/* claim_one(), rules_claim() */
inline take(j)
{
#ifndef NO_TURN
	!holds && job[j].state == WAITING && job[j].turn ->
#else
	!holds && job[j].state == WAITING ->
#endif
	holds = true;
	job[j].state = ACTIVE;
#ifndef SAME_TOKEN
	job[j].token++;
#endif
	job[j].attempts++;
	job[j].charged++;
	assert(job[j].kills < KILLS_MAX);
	claims++;
	job[j].claimed = claims;
	assert(ENDED(1 - j) || job[1 - j].state == WAITING);
	held_job = j;
	held_token = job[j].token;
	held_claim = claims
}

/* settle_one(), rules_settle(): complete, or retry while attempts are left, or fail. */
inline settle()
{
	if
#if defined(NO_TOKEN)
	:: job[held_job].state == ACTIVE ->
#elif defined(NO_STATE)
	:: job[held_job].token == held_token ->
#else
	:: job[held_job].state == ACTIVE && job[held_job].token == held_token ->
#endif
		assert(job[held_job].claimed == held_claim && job[held_job].state == ACTIVE);
		if
		:: record(held_job, COMPLETED)
		:: job[held_job].attempts < job[held_job].allowed -> job[held_job].state = WAITING
		:: job[held_job].attempts >= job[held_job].allowed -> record(held_job, FAILED)
		fi
	:: else /* fenced: an event, and nothing else */
	fi
}

inline forget()
{
	holds = false;
	held_job = 0;
	held_token = 0;
	held_claim = 0
}

/* mark_hold(): it stays when the process dies. */
inline leave_mark(w)
{
	mark[w].is_there = true;
	mark[w].job = held_job;
	mark[w].token = held_token;
	mark[w].claimed = held_claim
}

proctype worker(byte w)
{
	bool holds;
	byte held_job, held_token, held_claim;
	do
	:: atomic { take(0) }
	:: atomic { take(1) }
	:: atomic { holds -> settle(); forget() }
	:: atomic { holds && crashes < CRASHES -> crashes++; forget() } /* kill -9 */
	:: atomic { holds && crashes < CRASHES && !mark[w].is_there -> crashes++; leave_mark(w); forget() }
	/* between the commit and mark_unhold(): the mark is of a lease that is over */
	:: atomic { holds && crashes < CRASHES && !mark[w].is_there -> crashes++; settle(); leave_mark(w); forget() }
	:: atomic { !holds && IS_OVER -> break }
	od
}

inline expire(j)
{
	if
	:: job[j].attempts < job[j].allowed -> job[j].state = WAITING
	:: else -> record(j, FAILED)
	fi
}

inline forget_mark(w)
{
	mark[w].is_there = false;
	mark[w].job = 0;
	mark[w].token = 0;
	mark[w].claimed = 0
}

/* mark_reap(), feed_crashed(), rules_settle(): SETTLE_ORPHAN or SETTLE_CRASH. */
inline tell_death(w)
{
	if
#ifdef OLD_MARK
	:: job[mark[w].job].state == ACTIVE ->
#else
	:: job[mark[w].job].state == ACTIVE && job[mark[w].job].token == mark[w].token ->
#endif
		assert(job[mark[w].job].claimed == mark[w].claimed);
		job[mark[w].job].charged--;
#ifndef CHARGE_DEATH
		job[mark[w].job].allowed++;
#endif
		if
		:: job[mark[w].job].state = WAITING
		:: job[mark[w].job].kills++;
			job[mark[w].job].state = WAITING;
#ifndef NO_HOLD
			if
			:: job[mark[w].job].kills >= KILLS_MAX -> job[mark[w].job].state = HELD
			:: else
			fi
#endif
		fi
	:: else
	fi
}

/* rules_steer(): somebody looks after what is held. */
inline release(j)
{
	job[j].state = WAITING;
	job[j].kills = 0
}

/* reap_leases(), rules_expire_lease(): at any moment, as nobody knows how slow a worker is. */
proctype reaper()
{
	do
	:: atomic { mark[0].is_there -> tell_death(0); forget_mark(0) }
	:: atomic { mark[1].is_there -> tell_death(1); forget_mark(1) }
	:: atomic { job[0].state == HELD -> release(0) }
	:: atomic { job[1].state == HELD -> release(1) }
#ifndef NO_REAP
	:: atomic { job[0].state == ACTIVE -> expire(0) }
	:: atomic { job[1].state == ACTIVE -> expire(1) }
#endif
	:: atomic { IS_OVER -> break }
	od
}

/* rules_steer(): cancel whatever lives; give a job that was cancelled or has failed another life, once. */
proctype operator()
{
	byte j;
	if
	:: j = 0
	:: j = 1
	fi;
	atomic {
		if
		:: !ENDED(j) -> record(j, CANCELLED)
		:: else
		fi
	};
	if
	:: atomic { (job[j].state == CANCELLED || job[j].state == FAILED) ->
		job[j].state = WAITING;
		job[j].attempts = 0;
		job[j].allowed = ATTEMPTS;
		job[j].kills = 0;
		job[j].charged = 0;
		job[j].lives++;
		job[j].turn = ENDED(1 - j) }
	:: true
	fi;
	j = 0;
	operator_is_done = true
}

init {
	/* rules_accept(), line_join(): the first has the turn. */
	atomic {
		job[0].state = WAITING;
		job[1].state = WAITING;
		job[0].lives = 1;
		job[1].lives = 1;
		job[0].allowed = ATTEMPTS;
		job[1].allowed = ATTEMPTS;
		job[0].turn = true;
		run worker(0);
		run worker(1);
		run reaper();
		run operator()
	};
	(_nr_pr == 1);
	assert(IS_OVER);
	assert(job[0].outcomes == job[0].lives && job[1].outcomes == job[1].lives)
}
