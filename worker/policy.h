/* worker/policy.h: `clario-worker policy`: what the configuration's retry rules come to, from the functions
 * that the worker itself decides by: every try, how long an outage is lived through, and the load when it is
 * over. */
#ifndef WORKER_POLICY_H
#define WORKER_POLICY_H
#include "spool/daemon.h"
#include "spool/opts.h"

#include <stdio.h>

struct policy_ask {
	int64_t phase;
	int64_t outage_ms; /* 0: none is asked for */
	int64_t rate;      /* jobs a second that come meanwhile */
};

void policy_print(const struct retry_opts *policy, const struct policy_ask *ask, FILE *to);
/* The arguments after the command's name; a daemon_command's functions. */
void policy_usage(FILE *to);
int policy_main(int argc, char **argv, const char *config);

#endif
