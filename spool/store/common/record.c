/* spool/store/common/record.c: see record.h and FORMAT.md. */
#include "spool/store/common/record.h"

#include "spool/base/hash.h"
#include "spool/model/phase.h"

enum { US_PER_MS = 1000, REF_SEARCH_MAX = 4096 };

void write_fixed(struct buf *out, uint64_t value, int bytes)
{
	uint8_t *p = buf_room(out, (size_t)bytes);
	for (int i = bytes - 1; p && i >= 0; i--, value >>= 8)
		p[i] = (uint8_t)value;
}

void write_varint(struct buf *out, uint64_t value)
{
	uint8_t bytes[10];
	size_t n = 0;
	for (; value >= 0x80; value >>= 7)
		bytes[n++] = (uint8_t)(value | 0x80);
	bytes[n++] = (uint8_t)value;
	buf_add(out, bytes, n);
}

/* Zigzag, so that small negative numbers are short too. */
void write_signed(struct buf *out, int64_t value)
{
	write_varint(out, ((uint64_t)value << 1) ^ (uint64_t)(value >> 63));
}

void write_text(struct buf *out, struct slice text)
{
	write_varint(out, text.len);
	buf_add_slice(out, text);
}

struct slice read_bytes(struct reader *r, size_t len)
{
	if (r->bad || len > (size_t)(r->end - r->p)) {
		r->bad = true;
		return (struct slice)SLICE_INIT;
	}
	struct slice s = slice_of(r->p, len);
	r->p += len;
	return s;
}

uint64_t read_fixed(struct reader *r, int bytes)
{
	struct slice s = read_bytes(r, (size_t)bytes);
	uint64_t value = 0;
	for (size_t i = 0; i < s.len; i++)
		value = value << 8 | (uint8_t)s.p[i];
	return value;
}

uint64_t read_varint(struct reader *r)
{
	uint64_t value = 0;
	for (int shift = 0; shift < 64; shift += 7) {
		if (r->bad || r->p == r->end)
			break;
		uint8_t byte = *r->p++;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	r->bad = true;
	return 0;
}

int64_t read_signed(struct reader *r)
{
	uint64_t raw = read_varint(r);
	return (int64_t)(raw >> 1) ^ -(int64_t)(raw & 1);
}

/* A time is stored as its distance from another. */
static int64_t read_time(struct reader *r, int64_t base_us)
{
	int64_t time_us;
	if (__builtin_add_overflow(base_us, read_signed(r), &time_us)) {
		r->bad = true;
		return 0;
	}
	return time_us;
}

struct slice read_text(struct reader *r)
{
	return read_bytes(r, read_varint(r));
}

void record_begin(struct buf *out)
{
	buf_clear(out);
	buf_byte(out, RECORD_VERSION);
	write_fixed(out, 0, 4);
}

void record_end(struct buf *out)
{
	if (buf_status(out) != ST_OK)
		return;
	uint32_t crc = hash_crc32c(out->p + RECORD_HEAD, out->len - RECORD_HEAD);
	for (int i = 0; i < 4; i++)
		out->p[1 + i] = (char)(crc >> (24 - 8 * i));
}

enum status record_open(struct slice record, struct slice *body)
{
	*body = (struct slice)SLICE_INIT;
	struct reader r = {(const uint8_t *)record.p, (const uint8_t *)record.p + record.len, false};
	uint64_t version = read_fixed(&r, 1);
	uint32_t crc = (uint32_t)read_fixed(&r, 4);
	if (r.bad || version == 0)
		return ST_CORRUPT;
	if (version > RECORD_VERSION)
		return ST_VERSION;
	*body = slice_of(r.p, (size_t)(r.end - r.p));
	return hash_crc32c(body->p, body->len) == crc ? ST_OK : ST_CORRUPT;
}

static enum status open_reader(struct slice record, struct reader *r)
{
	struct slice body;
	enum status st = record_open(record, &body);
	*r = (struct reader){(const uint8_t *)body.p, (const uint8_t *)body.p + body.len, st != ST_OK};
	return st;
}

/* A text that stands in the payload as it is (ids nearly always do) is stored as where it stands: 1 | offset
 * | length. Otherwise 0 | length | bytes. */
static void write_ref(struct buf *out, struct slice text, struct slice payload)
{
	size_t span = payload.len < REF_SEARCH_MAX ? payload.len : REF_SEARCH_MAX;
	const char *at = text.len > 3 && span ? memmem(payload.p, span, text.p, text.len) : NULL;
	write_varint(out, at != NULL);
	if (!at) {
		write_text(out, text);
		return;
	}
	write_varint(out, (uint64_t)(at - payload.p));
	write_varint(out, text.len);
}

struct ref {
	bool is_ref;
	size_t at;
	struct slice text; /* with is_ref only its length counts until resolved */
};

static struct ref read_ref(struct reader *r)
{
	struct ref ref = {.is_ref = read_varint(r) != 0};
	if (ref.is_ref) {
		ref.at = read_varint(r);
		ref.text.len = read_varint(r);
	} else {
		ref.text = read_text(r);
	}
	return ref;
}

static struct slice resolve_ref(struct reader *r, const struct ref *ref, struct slice payload)
{
	if (!ref->is_ref)
		return ref->text;
	if (ref->at > payload.len || ref->text.len > payload.len - ref->at) {
		r->bad = true;
		return (struct slice)SLICE_INIT;
	}
	return ref->text.len ? slice_of(payload.p + ref->at, ref->text.len) : (struct slice)SLICE_INIT;
}

enum trigger_flag { HAS_SOURCE = 1, HAS_KEY = 2, HAS_PARENT = 4, HAS_STATE = 8 };

static void write_if(struct buf *out, struct slice text)
{
	if (text.len)
		write_text(out, text);
}

void record_encode_trigger(const struct job *job, struct buf *out)
{
	int flags = (job->source.len ? HAS_SOURCE : 0) | (job->idempotency_key.len ? HAS_KEY : 0) |
		    (job->traceparent.len ? HAS_PARENT : 0) | (job->tracestate.len ? HAS_STATE : 0);
	record_begin(out);
	write_fixed(out, (uint64_t)flags, 1);
	write_signed(out, job->accepted_at_us - id_time_ms(job->id) * US_PER_MS);
	write_varint(out, job->attempts_grant);
	write_varint(out, (uint64_t)job->give_up_after_us / US_PER_MS);
	write_ref(out, job->workflow_id, job->payload);
	write_ref(out, job->user_id, job->payload);
	write_if(out, job->source);
	write_if(out, job->idempotency_key);
	write_if(out, job->traceparent);
	write_if(out, job->tracestate);
	buf_add_slice(out, job->payload);
	record_end(out);
}

static struct slice read_if(struct reader *r, uint64_t flags, enum trigger_flag flag)
{
	return flags & flag ? read_text(r) : (struct slice)SLICE_INIT;
}

enum status record_decode_trigger(struct slice record, bool with_payload, struct job *job)
{
	struct reader r;
	enum status st = open_reader(record, &r);
	if (st != ST_OK)
		return st;
	uint64_t flags = read_fixed(&r, 1);
	job->accepted_at_us = read_time(&r, id_time_ms(job->id) * US_PER_MS);
	job->attempts_grant = (uint32_t)read_varint(&r);
	if (__builtin_mul_overflow(read_varint(&r), US_PER_MS, &job->give_up_after_us))
		r.bad = true;
	struct ref workflow = read_ref(&r), user = read_ref(&r);
	job->source = read_if(&r, flags, HAS_SOURCE);
	job->idempotency_key = read_if(&r, flags, HAS_KEY);
	job->traceparent = read_if(&r, flags, HAS_PARENT);
	job->tracestate = read_if(&r, flags, HAS_STATE);
	struct slice payload = read_bytes(&r, r.bad ? 0 : (size_t)(r.end - r.p));
	job->workflow_id = resolve_ref(&r, &workflow, payload);
	job->user_id = resolve_ref(&r, &user, payload);
	job->payload = with_payload ? payload : (struct slice)SLICE_INIT;
	return r.bad ? ST_CORRUPT : ST_OK;
}

enum job_flag { TURN = 1, ORDERED = 2, SOLO = 4, CROWD = 8, CHARGED = 16, FORGOTTEN = 32 };
enum job_part {
	STARTED = 1,
	FINISHED = 2,
	LEASED = 4,
	ERROR = 8,
	OUTCOME = 16,
	CHECKPOINT = 32,
	TOKEN = 64,
	CRASHES = 128
};

static int parts_of(const struct job *job)
{
	return (job->started_at_us ? STARTED : 0) | (job->finished_at_us ? FINISHED : 0) |
	       (job->state == JOB_ACTIVE ? LEASED : 0) | (job->error.len ? ERROR : 0) |
	       (job->outcome.len ? OUTCOME : 0) | (job->checkpoint.len ? CHECKPOINT : 0) |
	       (job->lease.token ? TOKEN : 0) | (job->crashes ? CRASHES : 0);
}

static void write_lease(struct buf *out, const struct lease *lease)
{
	write_fixed(out, (uint64_t)lease->deadline_boot_us, 8);
	write_fixed(out, lease->boot_id, 8);
	write_text(out, slice_text(lease->owner));
}

static void read_lease(struct reader *r, struct lease *lease)
{
	lease->deadline_boot_us = (int64_t)read_fixed(r, 8);
	lease->boot_id = read_fixed(r, 8);
	struct slice owner = read_text(r);
	if (owner.len >= sizeof lease->owner)
		r->bad = true;
	else if (owner.len)
		memcpy(lease->owner, owner.p, owner.len);
}

void record_encode_job(const struct job *job, const struct job_hashes *hashes, struct buf *out)
{
	int64_t base_us = id_time_ms(job->id) * US_PER_MS;
	int parts = parts_of(job);
	record_begin(out);
	write_fixed(out, (uint64_t)job->phase, 1);
	write_fixed(out, job->state, 1);
	write_fixed(out,
		(uint64_t)((job->has_turn ? TURN : 0) | (job->ordered ? ORDERED : 0) |
			   (job->solo_user ? SOLO : 0) | (job->in_crowd ? CROWD : 0) |
			   (job->is_charged ? CHARGED : 0) | (job->is_forgotten ? FORGOTTEN : 0)),
		1);
	write_fixed(out, (uint64_t)parts, 1);
	write_fixed(out, (uint64_t)job->priority, 1);
	write_fixed(out, hashes->workflow, 8);
	write_fixed(out, hashes->user, 4);
	write_varint(out, job->last_event);
	write_varint(out, job->attempts_made);
	write_varint(out, job->attempts_allowed);
	write_signed(out, job->run_at_us - base_us);
	write_signed(out, job->give_up_at_us - job->run_at_us);
	if (parts & TOKEN)
		write_varint(out, job->lease.token);
	if (parts & STARTED) {
		write_signed(out, job->started_at_us - base_us);
		write_signed(out, job->claimed_at_us - job->started_at_us);
	}
	if (parts & FINISHED)
		write_signed(out, job->finished_at_us - base_us);
	if (parts & LEASED)
		write_lease(out, &job->lease);
	write_if(out, job->error);
	write_if(out, job->outcome);
	write_if(out, job->checkpoint);
	if (parts & CRASHES)
		write_varint(out, job->crashes);
	if (job->is_charged) {
		write_fixed(out, hashes->account, 8);
		write_varint(out, job->charged_bytes);
	}
	record_end(out);
}

enum status record_decode_job(struct slice record, struct job *job, struct job_hashes *hashes)
{
	int64_t base_us = id_time_ms(job->id) * US_PER_MS;
	struct reader r;
	enum status st = open_reader(record, &r);
	if (st != ST_OK)
		return st;
	job->phase = (int)read_fixed(&r, 1);
	job->state = (enum job_state)read_fixed(&r, 1);
	uint64_t flags = read_fixed(&r, 1), parts = read_fixed(&r, 1);
	job->has_turn = flags & TURN;
	job->ordered = flags & ORDERED;
	job->solo_user = flags & SOLO;
	job->in_crowd = flags & CROWD;
	job->is_charged = flags & CHARGED;
	job->is_forgotten = flags & FORGOTTEN;
	job->priority = (int)read_fixed(&r, 1);
	hashes->workflow = read_fixed(&r, 8);
	hashes->user = (uint32_t)read_fixed(&r, 4);
	job->last_event = read_varint(&r);
	job->attempts_made = (uint32_t)read_varint(&r);
	job->attempts_allowed = (uint32_t)read_varint(&r);
	job->run_at_us = read_time(&r, base_us);
	job->give_up_at_us = read_time(&r, job->run_at_us);
	if (parts & TOKEN)
		job->lease.token = read_varint(&r);
	if (parts & STARTED) {
		job->started_at_us = read_time(&r, base_us);
		job->claimed_at_us = read_time(&r, job->started_at_us);
	}
	if (parts & FINISHED)
		job->finished_at_us = read_time(&r, base_us);
	if (parts & LEASED)
		read_lease(&r, &job->lease);
	job->error = parts & ERROR ? read_text(&r) : (struct slice)SLICE_INIT;
	job->outcome = parts & OUTCOME ? read_text(&r) : (struct slice)SLICE_INIT;
	job->checkpoint = parts & CHECKPOINT ? read_text(&r) : (struct slice)SLICE_INIT;
	job->crashes = parts & CRASHES ? (uint32_t)read_varint(&r) : 0;
	hashes->account = job->is_charged ? read_fixed(&r, 8) : 0;
	job->charged_bytes = job->is_charged ? read_varint(&r) : 0;
	if (job->is_charged && (!hashes->account || job->charged_bytes > JOB_PAYLOAD_MAX))
		r.bad = true;
	bool known = (unsigned)job->state < JOB_STATE_N && phase_slot(job->phase) >= 0;
	return r.bad || !known ? ST_CORRUPT : ST_OK;
}

static uint64_t peek(struct slice record, size_t before, int bytes)
{
	struct reader r = {(const uint8_t *)record.p, (const uint8_t *)record.p + record.len, false};
	read_bytes(&r, before);
	return read_fixed(&r, bytes);
}

uint64_t record_peek_workflow(struct slice record)
{
	return peek(record, RECORD_HEAD + 5, 8);
}

bool record_peek_charged(struct slice record)
{
	enum { FLAGS_AT = RECORD_HEAD + 2 };
	return record.len > FLAGS_AT && ((uint8_t)record.p[FLAGS_AT] & CHARGED);
}

uint32_t record_peek_user(struct slice record)
{
	return (uint32_t)peek(record, RECORD_HEAD + 5 + 8, 4);
}

enum event_part { JOB_ID = 1, HTTP = 2, TIMES = 4, ACTOR = 8, REASON = 16, NOTICE = 32, SPAN = 64 };

static int event_parts(const struct event *e)
{
	return (id_is_zero(e->job) ? 0 : JOB_ID) | (e->http_status ? HTTP : 0) |
	       (e->wait_ms || e->conn_ms || e->xfer_ms ? TIMES : 0) | (e->actor.len ? ACTOR : 0) |
	       (e->reason.len ? REASON : 0) | (e->name.len || e->room.len || e->data.len ? NOTICE : 0) |
	       (e->span ? SPAN : 0);
}

void record_encode_event(const struct event *e, struct buf *out)
{
	int parts = event_parts(e);
	record_begin(out);
	write_fixed(out, e->kind, 1);
	write_fixed(out, (uint64_t)parts, 1);
	write_fixed(out, (uint64_t)e->phase, 1);
	write_fixed(out, (uint64_t)e->from, 1);
	write_fixed(out, (uint64_t)e->to, 1);
	write_signed(out, e->at_us);
	write_varint(out, e->attempt);
	if (parts & JOB_ID) {
		buf_add(out, e->job.b, sizeof e->job.b);
		write_varint(out, e->prev ? e->seq - e->prev : 0);
	}
	if (parts & HTTP)
		write_varint(out, (uint64_t)e->http_status);
	if (parts & TIMES) {
		write_signed(out, e->wait_ms);
		write_signed(out, e->conn_ms);
		write_signed(out, e->xfer_ms);
	}
	write_if(out, e->actor);
	write_if(out, e->reason);
	if (parts & NOTICE) {
		write_text(out, e->name);
		write_text(out, e->room);
		write_text(out, e->data);
	}
	if (parts & SPAN)
		write_fixed(out, e->span, 8);
	record_end(out);
}

static void read_event_job(struct reader *r, struct event *e)
{
	struct slice id = read_bytes(r, sizeof e->job.b);
	if (id.len)
		memcpy(e->job.b, id.p, id.len);
	uint64_t back = read_varint(r);
	if (back > e->seq)
		r->bad = true;
	e->prev = back && !r->bad ? e->seq - back : 0;
}

enum status record_decode_event(struct slice record, struct event *e)
{
	struct reader r;
	enum status st = open_reader(record, &r);
	if (st != ST_OK)
		return st;
	e->kind = (enum event_kind)read_fixed(&r, 1);
	uint64_t parts = read_fixed(&r, 1);
	e->phase = (int)read_fixed(&r, 1);
	e->from = (int)read_fixed(&r, 1);
	e->to = (int)read_fixed(&r, 1);
	e->at_us = read_signed(&r);
	e->attempt = (uint32_t)read_varint(&r);
	if (parts & JOB_ID)
		read_event_job(&r, e);
	if (parts & HTTP)
		e->http_status = (int)read_varint(&r);
	if (parts & TIMES) {
		e->wait_ms = read_signed(&r);
		e->conn_ms = read_signed(&r);
		e->xfer_ms = read_signed(&r);
	}
	e->actor = parts & ACTOR ? read_text(&r) : (struct slice)SLICE_INIT;
	e->reason = parts & REASON ? read_text(&r) : (struct slice)SLICE_INIT;
	if (parts & NOTICE) {
		e->name = read_text(&r);
		e->room = read_text(&r);
		e->data = read_text(&r);
	}
	e->span = parts & SPAN ? read_fixed(&r, 8) : 0;
	return r.bad || (unsigned)e->kind >= EVENT_KIND_N ? ST_CORRUPT : ST_OK;
}

void record_encode_id(struct job_id id, struct buf *out)
{
	record_begin(out);
	buf_add(out, id.b, sizeof id.b);
	record_end(out);
}

enum status record_decode_id(struct slice record, struct job_id *out)
{
	struct reader r;
	enum status st = open_reader(record, &r);
	struct slice id = read_bytes(&r, sizeof out->b);
	if (id.len)
		memcpy(out->b, id.p, id.len);
	return st != ST_OK ? st : r.bad ? ST_CORRUPT : ST_OK;
}

void record_encode_number(uint64_t value, struct buf *out)
{
	record_begin(out);
	write_fixed(out, value, 8);
	record_end(out);
}

enum status record_decode_number(struct slice record, uint64_t *out)
{
	struct reader r;
	enum status st = open_reader(record, &r);
	*out = read_fixed(&r, 8);
	return st != ST_OK ? st : r.bad ? ST_CORRUPT : ST_OK;
}
