/* spool/ctl/glance.h: the state of a spool at a glance: what `status` and `top` show, and what wants
 * attention.
 */
#ifndef SPOOL_CTL_GLANCE_H
#define SPOOL_CTL_GLANCE_H
#include "spool/ctl/ctl.h"

enum { GLANCE_RECEIVERS = 32, GLANCE_STALLED = 1000, GLANCE_NOTES = 48 };

/* Something that wants attention: what, and what to do. */
struct glance_note {
	int phase; /* 0: of none */
	char what[200], todo[160];
};

struct glance {
	struct moment now;
	struct stats stats;
	int64_t oldest_due_us[PHASE_SLOTS]; /* of waiting jobs, of those that a claim comes to first; 0: none
					       wait */
	uint64_t ended[PHASE_SLOTS];        /* completed or failed within the span */
	int64_t span_us;                    /* the last minute, or as far back as a bounded look went */
	struct receiver_state receivers[GLANCE_RECEIVERS];
	size_t receivers_n;
	int workers;          /* that live; -1: a copy */
	size_t stalled;       /* up to GLANCE_STALLED */
	int64_t backup_at_us; /* 0: none is known of */
	struct glance_note notes[GLANCE_NOTES];
	size_t notes_n;
};

NODISCARD enum status glance_look(struct ctl *ctl, struct glance *out, struct why *why);
/* Ended jobs of a phase in a minute. */
double glance_rate(const struct glance *glance, int slot);
/* The screen. false: no memory. */
bool glance_print(const struct glance *glance);

#endif
