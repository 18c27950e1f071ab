/* spool/crew.h: the workers of a spool that live: each keeps a small file in the spool directory locked
 * (worker/mark.h), and the lock goes with the process. */
#ifndef SPOOL_CREW_H
#define SPOOL_CREW_H
#include <stdbool.h>
#include <stddef.h>

enum { CREW_MAX = 256, CREW_NAME_MAX = 79 };
struct crew_member {
	char name[CREW_NAME_MAX + 1]; /* "HOST:PID", the owner of its leases */
	bool lives;                   /* false: it died, and no other has seen to what it left */
};
/* Up to CREW_MAX of them, in no order that means anything. -1: that cannot be seen (no such directory, no
 * right). Takes no lock for longer than a look. */
int crew_look(const char *spool_path, struct crew_member out[CREW_MAX]);
/* How many live; -1: as above. */
int crew_count(const char *spool_path);
/* The same of a spool that several hosts may share: where none lives here, others may elsewhere (-1). */
int crew_count_of(const char *store, const char *spool_path);

#endif
