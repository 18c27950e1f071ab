/* spool/ctl/findings.h: what doctor finds: one line each, as it is found. */
#ifndef SPOOL_CTL_FINDINGS_H
#define SPOOL_CTL_FINDINGS_H
#include "spool/ctl/ctl.h"

enum finding_level {
	FINDING_OK,
	FINDING_NOTE,    /* could not be looked at, or is worth knowing: no fault */
	FINDING_PROBLEM, /* to be put right */
	FINDING_LEVEL_N
};
struct findings {
	bool as_json, ok; /* ok: all could be printed */
	unsigned n[FINDING_LEVEL_N];
};
/* check: a stable word. todo "": nothing need be done. */
void finding_tell(struct findings *f, const char *check, enum finding_level level, const char *todo,
	const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* doctor_host.c: what can be seen without the spool being open. nginx: its configuration's directory. */
void doctor_files(struct findings *f, const struct ctl *ctl);
void doctor_socket(struct findings *f, const struct opts *opts);
void doctor_disk(struct findings *f, const struct opts *opts);
void doctor_clock(struct findings *f);
void doctor_nginx(struct findings *f, const char *nginx);

#endif
