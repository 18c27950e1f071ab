/* spool/base/confine.h: what a program gives up by itself, whoever started it. Namespaces, system-call
 * filters and capabilities are the units' to take. */
#ifndef SPOOL_BASE_CONFINE_H
#define SPOOL_BASE_CONFINE_H
#include "spool/base/status.h"

/* Descriptors 0 to 2 are open afterwards: otherwise the spool's file could become one of them, and what is
 * printed would be written into it. */
void confine_standard(void);

/* What was left open by whoever started this is closed: all above 2, but for sockets that systemd passes. To
 * be called before anything is opened that should stay. */
void confine_descriptors(void);

/* Never again more rights than now (PR_SET_NO_NEW_PRIVS), no core files and no image for a core handler or
 * for other processes of the same user (RLIMIT_CORE, PR_SET_DUMPABLE: secrets and payloads are in it), and
 * files are for user and group alone (umask 0007). Before any thread is started. */
NODISCARD enum status confine_process(struct why *why);

/* DENIED for root, unless the environment says CLARIO_ALLOW_ROOT=1. */
NODISCARD enum status confine_refuse_root(struct why *why);

/* Root becomes the user whom dir belongs to, for good: what it makes there is that user's, and no link that
 * the user put there leads it elsewhere. Nothing is done for others, for a directory of root's, or for none.
 * name (at least CONFINE_NAME bytes): who it is now; "" when it was not changed. */
enum { CONFINE_NAME = 64 };
NODISCARD enum status confine_to_owner(const char *dir, char name[CONFINE_NAME], struct why *why);

#endif
