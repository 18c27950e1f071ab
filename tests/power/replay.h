/* tests/power/replay.h: from a log to the states in which a power cut could have left the disk.
 *
 * The disk's model: a write that no sync has followed is there, or not, or in part (sectors of 512 bytes),
 * each write for itself; a sync that came back makes all before it lasting; a rename without a sync of its
 * directory is there or not. Not modelled: a disk that lies about its syncs, and one that damages what it had
 * stored before. */
#ifndef TESTS_POWER_REPLAY_H
#define TESTS_POWER_REPLAY_H
#include "spool/base/id.h"
#include "tests/power/log.h"

#include <stdbool.h>
#include <stddef.h>

/* Ways of a world that is wrong: the tests of the test. */
enum power_mutant {
	MUTANT_NONE,
	MUTANT_NO_META_SYNC, /* nothing is synced after a meta page: it lasts only with the next commit's sync
			      */
	MUTANT_NO_DATA_SYNC, /* fdatasync does nothing */
	MUTANT_EARLY_ANSWER, /* the answer is sent before the commit's first sync */
};

enum power_loss { LOSE_ALL, LOSE_NOTHING, LOSE_SOME, LOSE_SECTORS, POWER_LOSS_N };

struct replay;
struct replay *replay_new(const struct power_log *log, enum power_mutant mutant);
void replay_free(struct replay *replay);

size_t replay_boundaries(const struct replay *replay);
/* Go on to the next boundary: after one more operation. false: there are no more. */
bool replay_step(struct replay *replay);
/* Does the power going out just here matter more than elsewhere: right after an answer? */
bool replay_is_promise(const struct replay *replay);

/* Jobs acknowledged up to here, and for each whether it was told to be completed. */
size_t replay_jobs(const struct replay *replay, const struct job_id **ids, const bool **ended);

/* Put data.mdb as it could be found into fd (which holds the image before). false: there is no spool yet. */
bool replay_image(struct replay *replay, enum power_loss loss, uint64_t *random, int fd);

#endif
