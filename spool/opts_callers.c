/* spool/opts_callers.c: what callers may, as [http] says for all and [caller.NAME] for one. */
#include "spool/opts.h"

#include <string.h>

static const struct caller_opts *find(const struct opts *o, struct slice name)
{
	for (size_t i = 0; i < o->callers_n; i++)
		if (slice_is(name, o->caller[i].name))
			return &o->caller[i];
	return NULL;
}

/* Those of a second, and at least one. */
static int64_t burst_of(int64_t burst, int64_t rate_milli)
{
	if (burst != CONF_UNSET)
		return burst;
	return rate_milli > 1000 ? (rate_milli + 999) / 1000 : 1;
}

struct caller_bounds opts_caller(const struct opts *o, struct slice name)
{
	const struct caller_opts *own = o->callers_n ? find(o, name) : NULL;
	struct caller_bounds b = {
		.rate_milli = o->http.rate_milli,
		.burst = burst_of(o->http.rate_burst, o->http.rate_milli),
		.max_jobs = (uint64_t)o->http.caller_max_jobs,
		.max_bytes = (uint64_t)o->http.caller_max_bytes,
	};
	if (!own)
		return b;
	if (own->rate_milli != CONF_UNSET) {
		b.rate_milli = own->rate_milli;
		b.burst = burst_of(own->burst, own->rate_milli);
	} else if (own->burst != CONF_UNSET) {
		b.burst = own->burst;
	}
	if (own->max_jobs != CONF_UNSET)
		b.max_jobs = (uint64_t)own->max_jobs;
	if (own->max_bytes != CONF_UNSET)
		b.max_bytes = (uint64_t)own->max_bytes;
	return b;
}

bool opts_has_rates(const struct opts *o)
{
	bool has = o->http.rate_milli > 0;
	for (size_t i = 0; i < o->callers_n; i++)
		has |= o->caller[i].rate_milli > 0;
	return has;
}
