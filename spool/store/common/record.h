/* spool/store/common/record.h: the bytes of records, and nothing else: struct -> bytes -> struct. Pure.
 *
 * Every record is: version 1 | CRC32C of the rest 4 (big-endian) | fields. FORMAT.md is the contract;
 * tests/golden holds one of each released version. Decoding trusts nothing: lengths are checked, text that is
 * missing makes it CORRUPT. */
#ifndef SPOOL_STORE_COMMON_RECORD_H
#define SPOOL_STORE_COMMON_RECORD_H
#include "spool/model/event.h"

enum { RECORD_VERSION = 1, RECORD_HEAD = 5 };

/* What was asked: written once. */
void record_encode_trigger(const struct job *job, struct buf *out);
/* What stands in the trigger and is wanted without reading it. */
struct job_hashes {
	uint64_t workflow;
	uint32_t user;
	uint64_t account; /* of a charged job; 0: it is none */
};
/* What became of it: rewritten at each change. */
void record_encode_job(const struct job *job, const struct job_hashes *hashes, struct buf *out);
void record_encode_event(const struct event *event, struct buf *out);

/* Slices of *job point into record. The job's id must be set before (times are stored relative to it).
 * OK, CORRUPT (checksum or structure), VERSION (newer than this program). */
enum status record_decode_trigger(struct slice record, bool with_payload, struct job *job);
enum status record_decode_job(struct slice record, struct job *job, struct job_hashes *hashes);
/* One hash alone, without checking the record: what it leads to is compared. 0: too short a record. */
uint64_t record_peek_workflow(struct slice record);
uint32_t record_peek_user(struct slice record);
/* Whether a job's record says that it is charged, likewise. */
bool record_peek_charged(struct slice record);
/* event->seq must be set before. */
enum status record_decode_event(struct slice record, struct event *event);

/* Small fixed records: an id, a number. */
void record_encode_id(struct job_id id, struct buf *out);
enum status record_decode_id(struct slice record, struct job_id *out);
void record_encode_number(uint64_t value, struct buf *out);
enum status record_decode_number(struct slice record, uint64_t *out);

/* For the counters and other records that their owners lay out: begin reserves the head, end fills it in. */
void record_begin(struct buf *out);
void record_end(struct buf *out);
/* Checks version and checksum; *body is what follows. */
enum status record_open(struct slice record, struct slice *body);

/* Fields. A reader is sticky: bad turns true at the first lack of bytes and stays so. */
struct reader {
	const uint8_t *p, *end;
	bool bad;
};
uint64_t read_fixed(struct reader *r, int bytes);
uint64_t read_varint(struct reader *r);
int64_t read_signed(struct reader *r);
struct slice read_bytes(struct reader *r, size_t len);
struct slice read_text(struct reader *r); /* varint length, bytes */
void write_fixed(struct buf *out, uint64_t value, int bytes);
void write_varint(struct buf *out, uint64_t value);
void write_signed(struct buf *out, int64_t value);
void write_text(struct buf *out, struct slice text);

#endif
