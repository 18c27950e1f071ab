/* spool/store/lmdb/audit.h: the counters held against each other, and in a small spool against what they
 * count, before each commit: in test builds (make SAN=...), and where spool_conf.audits says so. */
#ifndef SPOOL_STORE_LMDB_AUDIT_H
#define SPOOL_STORE_LMDB_AUDIT_H
#include "spool/store/lmdb/tx.h"

#ifdef CLARIO_AUDIT
enum { AUDIT_ALWAYS = true };
#else
enum { AUDIT_ALWAYS = false };
#endif

/* Logs and ends the process (SIGABRT) when they disagree. */
void audit_commit(struct tx *tx);

#endif
