/* spool/model/job.c: the states of a job as one table of legal moves, and the one function that makes a move.
 */
#include "spool/model/job.h"

#include <assert.h>

static const char *const names[] = {
	[JOB_WAITING] = "waiting",
	[JOB_DELAYED] = "delayed",
	[JOB_ACTIVE] = "active",
	[JOB_COMPLETED] = "completed",
	[JOB_FAILED] = "failed",
	[JOB_HELD] = "held",
	[JOB_CANCELLED] = "cancelled",
};
static_assert(sizeof names / sizeof *names == JOB_STATE_N, "each state has a name");

/* A job that has ended comes back only by an operator's act: a failed or cancelled one by a retry, a
 * completed one by a replay alone, for which a reason must be given. That is what makes the outcome one. A
 * held job keeps its place in its workflow's line. */
static const bool legal[JOB_STATE_N][JOB_STATE_N] = {
	[JOB_WAITING] = {[JOB_ACTIVE] = true, [JOB_HELD] = true, [JOB_CANCELLED] = true},
	[JOB_DELAYED] = {[JOB_WAITING] = true, [JOB_HELD] = true, [JOB_CANCELLED] = true},
	[JOB_ACTIVE] = {[JOB_WAITING] = true,
		[JOB_DELAYED] = true,
		[JOB_COMPLETED] = true,
		[JOB_FAILED] = true,
		[JOB_HELD] = true,
		[JOB_CANCELLED] = true},
	[JOB_COMPLETED] = {[JOB_WAITING] = true},
	[JOB_FAILED] = {[JOB_WAITING] = true},
	[JOB_HELD] = {[JOB_WAITING] = true, [JOB_DELAYED] = true, [JOB_CANCELLED] = true},
	[JOB_CANCELLED] = {[JOB_WAITING] = true},
};

const char *job_state_name(enum job_state state)
{
	return (unsigned)state < JOB_STATE_N ? names[state] : "unknown";
}

bool job_state_parse(struct slice name, enum job_state *out)
{
	for (int i = 0; i < JOB_STATE_N; i++)
		if (slice_is(name, names[i])) {
			*out = (enum job_state)i;
			return true;
		}
	return false;
}

bool job_move_is_legal(enum job_state from, enum job_state to)
{
	return (unsigned)from < JOB_STATE_N && (unsigned)to < JOB_STATE_N && legal[from][to];
}

enum status job_move(struct job *job, enum job_state to, struct why *why)
{
	if (!job_move_is_legal(job->state, to))
		return why_set(why, ST_CONFLICT, "a job that is %s cannot become %s",
			job_state_name(job->state), job_state_name(to));
	job->state = to;
	return ST_OK;
}

enum status job_move_back(struct job *job, enum job_state to, struct why *why)
{
	if (!job_move_is_legal(to, job->state))
		return why_set(why, ST_CONFLICT, "a job that is %s was not %s before",
			job_state_name(job->state), job_state_name(to));
	job->state = to;
	return ST_OK;
}

void job_release(struct job *job)
{
	buf_release(&job->mem);
	*job = (struct job)JOB_INIT;
}
