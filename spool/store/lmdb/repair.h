/* spool/store/lmdb/repair.h: a spool made anew from records: repair.c takes them out of a damaged file,
 * import.c from an export; rebuild.c makes a whole spool of them. */
#ifndef SPOOL_STORE_LMDB_REPAIR_H
#define SPOOL_STORE_LMDB_REPAIR_H
#include "spool/store/lmdb/care.h"
#include "spool/store/lmdb/pages.h"

#include <stdio.h>

struct id_list {
	struct job_id *ids;
	size_t n, cap;
};

struct repair {
	struct care *care;
	struct guard *guard;
	struct pages old;
	struct store *store; /* the new one */
	struct tx tx;
	unsigned in_tx;
	struct head head; /* of the old one, or as the export has it */
	struct birth birth;
	bool has_head, has_birth, is_damaged, sifts;
	uint64_t newest_seq;
	struct id_list unreadable; /* jobs of which a record could not be read, or is missing */
	struct id_list broken;     /* jobs whose chain of events has a gap */
	uint8_t *chained;          /* a bit per event: it is in its job's chain */
	FILE *aside;
	enum tree tree; /* being walked */
};

/* A new spool in care->stage, and a transaction on it. */
enum status repair_begin(struct repair *r, struct why *why);
/* Commits when st is ST_OK; releases everything. */
enum status repair_end(struct repair *r, enum status st, struct why *why);

void id_list_add(struct repair *r, struct id_list *list, struct job_id id);
/* Counts one more write, and commits now and then: transactions stay small. */
void repair_wrote(struct repair *r);
/* Into the file, and where the job is known into the aside tree. */
void repair_aside(struct repair *r, enum tree tree, struct slice key, struct slice value, const char *reason);

/* An event of kind repaired; of the job's history, when job is not NULL. */
void repair_tell(struct repair *r, struct job *job, const char *reason, struct slice data);

/* Indexes, chains, lines and counters from the records that stand in the new spool. */
void rebuild(struct repair *r);

#endif
