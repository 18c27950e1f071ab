/* fcgi/limit.c: see limit.h. */
#include "fcgi/limit.h"

#include "fcgi/options.h"
#include "spool/base/clock.h"
#include "spool/meter.h"

#include <inttypes.h>

#define NS_PER_S INT64_C(1000000000)
enum { TOLD_MAX = 64 };

static atomic_uint_least64_t rate_limited, quota_exceeded;

void limit_note(enum problem problem)
{
	if (problem != PROBLEM_NONE)
		meter_refused(problem_code(problem));
	if (problem == PROBLEM_RATE_LIMITED)
		atomic_fetch_add(&rate_limited, 1);
	else if (problem == PROBLEM_QUOTA_EXCEEDED)
		atomic_fetch_add(&quota_exceeded, 1);
}

struct limit_counts limit_counts(void)
{
	return (struct limit_counts){atomic_load(&rate_limited), atomic_load(&quota_exceeded)};
}

/* Under which name a request counts, and how it is bounded. */
struct payer {
	struct slice name;
	bool is_said;
	struct rate_bound bound;
};

static struct payer payer_by(const struct app *app, struct slice name, bool is_said)
{
	struct caller_bounds bounds = opts_caller(app->opts, name);
	return (struct payer){name, is_said, {bounds.rate_milli, bounds.burst}};
}

static struct payer payer_of(const struct app *app, const struct request *request)
{
	bool is_said;
	struct slice name = options_source(request, &is_said);
	return payer_by(app, name, is_said);
}

/* Made-up names fill the table up to a point; from there on their peer pays. */
static struct payer peer_of(const struct app *app, const struct request *request)
{
	return payer_by(app, request->param[PARAM_REMOTE_ADDR], false);
}

static void refuse(const struct payer *payer, int64_t wait_ns, struct reply *reply)
{
	struct fault fault;
	int64_t wait_s = (wait_ns + NS_PER_S - 1) / NS_PER_S;
	fault_set(&fault, PROBLEM_RATE_LIMITED, NULL,
		"too many requests: caller %.*s may make %" PRIi64 ".%03" PRIi64
		" a second; try again in %" PRIi64 " s",
		payer->name.len < TOLD_MAX ? (int)payer->name.len : TOLD_MAX,
		payer->name.len ? payer->name.p : "", payer->bound.rate_milli / 1000,
		payer->bound.rate_milli % 1000, wait_s);
	fault.retry_after_s = (int)wait_s;
	fault.detail = fault.why; /* the log says whose it was */
	reply_fault(reply, &fault);
}

bool limit_admit(struct app *app, const struct request *request, bool is_submit, struct reply *reply)
{
	enum rate_kind kind = is_submit ? RATE_SUBMIT : RATE_OTHER;
	int64_t now_us, wait_ns;
	if (!app->rate)
		return true;
	now_us = clock_mono_us();
	struct payer p = payer_of(app, request);
	enum rate_verdict verdict = rate_take(app->rate, p.name, p.is_said, kind, &p.bound, now_us, &wait_ns);
	if (verdict == RATE_NO_ROOM) {
		p = peer_of(app, request);
		verdict = rate_take(app->rate, p.name, p.is_said, kind, &p.bound, now_us, &wait_ns);
	}
	if (verdict != RATE_OVER)
		return true;
	refuse(&p, wait_ns, reply);
	return false;
}

void limit_triggers(struct app *app, const struct request *request, size_t n)
{
	if (!app->rate || n < 2)
		return;
	int64_t now_us = clock_mono_us();
	struct payer p = payer_of(app, request);
	if (rate_owe(app->rate, p.name, p.is_said, RATE_SUBMIT, &p.bound, now_us, n - 1))
		return;
	p = peer_of(app, request);
	rate_owe(app->rate, p.name, p.is_said, RATE_SUBMIT, &p.bound, now_us, n - 1);
}

void limit_trigger(const struct app *app, struct trigger *trigger)
{
	struct caller_bounds bounds = opts_caller(app->opts, trigger->source);
	trigger->max_jobs = bounds.max_jobs;
	trigger->max_bytes = bounds.max_bytes;
}
