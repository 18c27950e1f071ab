/* spool/store/lmdb/key.h: the keys of all trees. Big-endian, so that byte order is the order meant. Pure. */
#ifndef SPOOL_STORE_LMDB_KEY_H
#define SPOOL_STORE_LMDB_KEY_H
#include "spool/model/rules.h"
#include "spool/store/common/crowd.h"
#include "spool/store/common/hashes.h"

struct key {
	size_t len;
	uint8_t b[48];
};
static inline struct slice key_slice(const struct key *key)
{
	return slice_of(key->b, key->len);
}

void key_add(struct key *key, uint64_t value, int bytes);
void key_add_id(struct key *key, struct job_id id);
uint64_t key_get(struct slice key, size_t at, int bytes);
struct job_id key_get_id(struct slice key, size_t at);
bool key_has_prefix(struct slice key, const struct key *prefix);
/* The smallest key after all keys with this prefix; false when there is none (all bytes 0xff). */
bool key_after_prefix(struct key *prefix);

struct key key_of_id(struct job_id id);
struct key key_of_seq(uint64_t seq);

/* queue: place 1 | phase 1 | priority 1 | at_us 8 | id 16
 *        0 | phase 1 | 0x80 + priority 1 | user 4 | at_us 8 | id 16       ready and in the crowd
 * QUEUE_AT and QUEUE_ID are those of the first form; the functions know both. */
enum { QUEUE_PRIORITY = 2, QUEUE_AT = 3, QUEUE_ID = 11, QUEUE_LEN = 27 };
enum { QUEUE_USER = 3, CROWD_LEN = 31 };
struct key key_queue_prefix(enum place place, int phase);
struct key key_queue(const struct job *job, uint32_t user_hash);
size_t key_queue_len(struct slice key); /* that a key of the queue which begins like this one has */
int64_t key_queue_at(struct slice key);
struct job_id key_queue_id(struct slice key);

/* workflow: hash 8 | 0 | id 16                                      a live job's place in its workflow's line
 *           hash 8 | 1 | phase 1 | user 4 | payload 4 | id 16       each job of the workflow, findable by
 * natural key */
enum { WORKFLOW_KIND = 8, LINE_ID = 9, MEMBER_ID = 18, MEMBER_LEN = 34 };
enum { KIND_LINE = 0, KIND_MEMBER = 1 };
struct key key_workflow_prefix(uint64_t workflow_hash, int kind);
struct key key_line(uint64_t workflow_hash, struct job_id id);
/* Prefix of a natural key, with or without the payload. */
struct key key_natural(uint64_t seed, const struct job *job, bool with_payload);
struct key key_member(uint64_t seed, const struct job *job);

/* key: kind 1 | hash 8 | hash 8 */
enum { KIND_EXPLICIT = 'e', KIND_SOLO = 's' };
struct key key_unique(uint64_t seed, int kind, struct slice text);

#endif
