/* spool/opts_calls.h: what rows of receivers and calls must be together; the steps of opts_load(). */
#ifndef SPOOL_OPTS_CALLS_H
#define SPOOL_OPTS_CALLS_H
#include "spool/opts.h"

/* Before the environment is looked at: a built-in receiver's URL may stand in either of its two rows. */
NODISCARD enum status opts_join_urls(struct opts *opts, struct why *why);
/* After it: the built-in receivers get their URLs, and what was left open is resolved. */
NODISCARD enum status opts_check_receivers(struct opts *opts, struct why *why);
/* Each call finds its receiver. */
NODISCARD enum status opts_check_calls(struct opts *opts, struct why *why);
/* What rows name and is not kept: the files of authorities can be read. */
NODISCARD enum status opts_check_files(const struct opts *opts, struct why *why);
void opts_print_calls(const struct opts *opts, FILE *to);

#endif
