/* spool/ctl/progress.h: a bar on the standard error, for acts that take long; where that is no terminal,
 * nothing or a line now and then. */
#ifndef SPOOL_CTL_PROGRESS_H
#define SPOOL_CTL_PROGRESS_H
#include <stdbool.h>
#include <stdint.h>

struct progress {
	const char *what;
	int64_t shown_at_us;
	bool is_shown;
	bool lines; /* where there is no terminal: one each five seconds */
};

/* total 0: not known, a count is shown. Redraws a few times a second. */
void progress_show(struct progress *p, uint64_t done, uint64_t total);
/* The same as a watch's function. arg: a struct progress. */
void progress_show_to(void *arg, uint64_t done, uint64_t total);
/* Wipes it, before anything else is printed and at the end. */
void progress_clear(struct progress *p);

#endif
