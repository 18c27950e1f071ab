/* spool/store/lmdb/care.h: the parts of lmdb_care(), each in its file; they run in a child process. */
#ifndef SPOOL_STORE_LMDB_CARE_H
#define SPOOL_STORE_LMDB_CARE_H
#include "spool/base/guard.h"
#include "spool/store/lmdb/tx.h"

#include <limits.h>

struct care {
	const struct spool_conf *conf;
	const struct care_ask *ask;
	const struct spool_watch *watch;
	struct care_result *result; /* shared with the child */
	char from[PATH_MAX];        /* directory of an environment, or a data file */
	char stage[PATH_MAX]; /* a spool's directory inside the spool's: what is made there takes its place */
	char to[PATH_MAX];    /* the data file that is written */
	char stamp[32];
	uint64_t old_next_seq; /* of a spool that is replaced; 0: not known */
};

/* Copies the state that care->from has into care->to, without free pages. */
enum status care_copy(void *care, struct guard *guard, struct why *why);
/* What a restored spool must not take over: leases, and numbers of events that were given since. In place. */
enum status care_freshen(void *care, struct guard *guard, struct why *why);
/* Builds the spool care->stage from what can be read of care->from. */
enum status care_repair(void *care, struct guard *guard, struct why *why);
/* Builds it from what ask->source gives. */
enum status care_import(void *care, struct guard *guard, struct why *why);

#endif
