/* spool/opts_secrets.h: secrets given by rows, files and the environment; the steps of opts_load() and
 * opts_load_for_calls(). */
#ifndef SPOOL_OPTS_SECRETS_H
#define SPOOL_OPTS_SECRETS_H
#include "spool/opts.h"

/* Before the environment is looked at: no secret is given twice. */
NODISCARD enum status opts_check_secret_rows(const struct opts *opts, struct why *why);
/* Those that are sent as they are can stand in a header. */
NODISCARD enum status opts_check_secret_values(const struct opts *opts, struct why *why);
/* Those in files, unless the environment gave them. *why names row and file. */
NODISCARD enum status opts_read_secrets(struct opts *opts, struct why *why);

#endif
