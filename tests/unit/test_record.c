/* tests/unit/test_record.c: the codec and the keys of the LMDB engine, and the golden files of each released
 * version. */
#include "spool/base/clock.h"
#include "spool/store/common/record.h"
#include "spool/store/lmdb/account_io.h"
#include "spool/store/lmdb/key.h"
#include "spool/store/lmdb/receiver_io.h"
#include "spool/store/lmdb/token_io.h"
#include "tests/support/unit.h"

#include <stdio.h>

static struct job sample_job(void)
{
	struct job job = {
		.id = {{0x01, 0x8c, 0xc2, 0x51, 0xf4, 0x00, 0x70, 0, 0x80, 0, 0, 1, 0xde, 0xad, 0xbe, 0xef}},
		.phase = 7,
		.state = JOB_ACTIVE,
		.priority = 3,
		.ordered = true,
		.has_turn = true,
		.attempts_made = 2,
		.attempts_allowed = 15,
		.attempts_grant = 15,
		.give_up_after_us = INT64_C(86400000000),
		.last_event = 123456,
		.lease = {.token = 2, .deadline_boot_us = 987654321, .boot_id = 77, .owner = "host:42"},
		.workflow_id = slice_text("payout_claim-9"),
		.user_id = slice_text("user-1"),
		.payload =
			slice_text("{\"user_id\":\"user-1\",\"claim_id\":\"claim-9\",\"amount\":\"12.50\"}"),
		.source = slice_text("127.0.0.1"),
		.idempotency_key = slice_text("k-1"),
		.traceparent = slice_text("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
		.error = slice_text("answered 503"),
		.checkpoint = slice_text("{\"fee\":true}"),
	};
	job.accepted_at_us = id_time_ms(job.id) * 1000 + 250;
	job.run_at_us = job.accepted_at_us + 2000000;
	job.give_up_at_us = job.run_at_us + job.give_up_after_us;
	job.started_at_us = job.accepted_at_us + 1000;
	job.claimed_at_us = job.started_at_us + 2000000;
	return job;
}

static struct event sample_event(void)
{
	return (struct event){
		.seq = 123456,
		.prev = 123400,
		.at_us = INT64_C(1704067200000000),
		.kind = EVENT_NOTIFICATION,
		.job = sample_job().id,
		.phase = 7,
		.from = EVENT_NO_STATE,
		.to = EVENT_NO_STATE,
		.attempt = 2,
		.http_status = 503,
		.wait_ms = 12,
		.conn_ms = 3,
		.xfer_ms = 40,
		.actor = slice_text("worker:host:42"),
		.reason = slice_text("answered 503"),
		.name = slice_text("notification"),
		.room = slice_text("user_user-1"),
		.data = slice_text("{\"type\":\"success\"}"),
	};
}

static void assert_same_trigger(const struct job *a, const struct job *b)
{
	assert_true(slice_eq(a->workflow_id, b->workflow_id) && slice_eq(a->user_id, b->user_id));
	assert_true(slice_eq(a->payload, b->payload) && slice_eq(a->source, b->source));
	assert_true(slice_eq(a->idempotency_key, b->idempotency_key));
	assert_true(slice_eq(a->traceparent, b->traceparent) && slice_eq(a->tracestate, b->tracestate));
	assert_int_equal(a->accepted_at_us, b->accepted_at_us);
	assert_int_equal(a->attempts_grant, b->attempts_grant);
	assert_int_equal(a->give_up_after_us, b->give_up_after_us);
}

static void assert_same_job(const struct job *a, const struct job *b)
{
	assert_int_equal(a->phase, b->phase);
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->priority, b->priority);
	assert_int_equal(a->ordered, b->ordered);
	assert_int_equal(a->has_turn, b->has_turn);
	assert_int_equal(a->solo_user, b->solo_user);
	assert_int_equal(a->in_crowd, b->in_crowd);
	assert_int_equal(a->is_forgotten, b->is_forgotten);
	assert_int_equal(a->attempts_made, b->attempts_made);
	assert_int_equal(a->attempts_allowed, b->attempts_allowed);
	assert_int_equal(a->crashes, b->crashes);
	assert_int_equal(a->last_event, b->last_event);
	assert_int_equal(a->run_at_us, b->run_at_us);
	assert_int_equal(a->give_up_at_us, b->give_up_at_us);
	assert_int_equal(a->started_at_us, b->started_at_us);
	assert_int_equal(a->claimed_at_us, b->claimed_at_us);
	assert_int_equal(a->finished_at_us, b->finished_at_us);
	assert_memory_equal(&a->lease, &b->lease, sizeof a->lease);
	assert_true(slice_eq(a->error, b->error) && slice_eq(a->outcome, b->outcome));
	assert_true(slice_eq(a->checkpoint, b->checkpoint));
}

static void assert_same_event(const struct event *a, const struct event *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->prev, b->prev);
	assert_int_equal(a->at_us, b->at_us);
	assert_int_equal(id_cmp(a->job, b->job), 0);
	assert_int_equal(a->from, b->from);
	assert_int_equal(a->http_status, b->http_status);
	assert_int_equal(a->xfer_ms, b->xfer_ms);
	assert_true(a->span == b->span);
	assert_true(slice_eq(a->actor, b->actor) && slice_eq(a->reason, b->reason));
	assert_true(slice_eq(a->name, b->name) && slice_eq(a->room, b->room) && slice_eq(a->data, b->data));
}

static void codec__reads_back_what_it_wrote(void **state)
{
	(void)state;
	struct buf t = BUF_INIT(4096), j = BUF_INIT(4096), e = BUF_INIT(4096);
	struct job job = sample_job(), back = {.id = job.id};
	struct event event = sample_event(), event_back = {.seq = event.seq};
	struct job_hashes hashes = {.workflow = 99, .user = 7}, back_hashes = {0};
	record_encode_trigger(&job, &t);
	record_encode_job(&job, &hashes, &j);
	record_encode_event(&event, &e);
	assert_int_equal(record_decode_trigger(buf_slice(&t), true, &back), ST_OK);
	assert_int_equal(record_decode_job(buf_slice(&j), &back, &back_hashes), ST_OK);
	assert_int_equal(record_decode_event(buf_slice(&e), &event_back), ST_OK);
	assert_int_equal(back_hashes.workflow, 99);
	assert_int_equal(back_hashes.user, 7);
	assert_int_equal(record_peek_user(buf_slice(&j)), 7);
	assert_same_trigger(&job, &back);
	assert_same_job(&job, &back);
	assert_same_event(&event, &event_back);
	/* An id that stands in the payload is not stored twice: user-1 is, payout_claim-9 is not. */
	assert_null(memmem(t.p, t.len - job.payload.len, "user-1", 6));
	assert_non_null(memmem(t.p, t.len - job.payload.len, "payout_claim-9", 14));
	buf_release(&t);
	buf_release(&j);
	buf_release(&e);
}

static void codec__every_state_of_a_job(void **state)
{
	(void)state;
	for (int s = 0; s < JOB_STATE_N; s++) {
		struct buf out = BUF_INIT(4096);
		struct job job = sample_job(), back = {.id = job.id};
		struct job_hashes hashes = {.workflow = 99, .user = 7};
		job.state = (enum job_state)s;
		if (job.state != JOB_ACTIVE)
			job.lease = (struct lease){.token = 2};
		if (job_state_is_ended(job.state)) {
			job.finished_at_us = job.claimed_at_us + 5;
			job.outcome = slice_text("{\"success\":true}");
		}
		job.crashes = (uint32_t)s * 1000;
		job.run_at_us -= 10000000; /* before the id's time: differences may be negative */
		record_encode_job(&job, &hashes, &out);
		assert_int_equal(record_decode_job(buf_slice(&out), &back, &hashes), ST_OK);
		assert_same_job(&job, &back);
		buf_release(&out);
	}
}

/* What the first records of version 1 did not have yet stands behind all they had. */
static void codec__later_parts_stand_last(void **state)
{
	(void)state;
	struct buf old = BUF_INIT(4096), new = BUF_INIT(4096);
	struct job job = sample_job(), back = {.id = job.id};
	struct event event = sample_event(), event_back = {.seq = event.seq};
	struct job_hashes hashes = {.workflow = 99, .user = 7};
	record_encode_job(&job, &hashes, &old);
	job.crashes = 2;
	record_encode_job(&job, &hashes, &new);
	assert_int_equal(new.len, old.len + 1);
	assert_memory_equal(new.p + RECORD_HEAD + 4, old.p + RECORD_HEAD + 4, old.len - RECORD_HEAD - 4);
	assert_int_equal(record_decode_job(buf_slice(&new), &back, &hashes), ST_OK);
	assert_same_job(&job, &back);
	record_encode_event(&event, &old);
	event.span = 0xfedcba9876543210;
	record_encode_event(&event, &new);
	assert_int_equal(new.len, old.len + 8);
	assert_memory_equal(new.p + RECORD_HEAD + 2, old.p + RECORD_HEAD + 2, old.len - RECORD_HEAD - 2);
	assert_int_equal(record_decode_event(buf_slice(&new), &event_back), ST_OK);
	assert_same_event(&event, &event_back);
	buf_release(&old);
	buf_release(&new);
}

/* Every single flipped bit and every cut is noticed, and none is read past the end. */
static void codec__damage_is_noticed(void **state)
{
	(void)state;
	struct buf out = BUF_INIT(4096);
	struct job job = sample_job();
	struct job_hashes hashes = {.workflow = 99, .user = 7};
	record_encode_job(&job, &hashes, &out);
	for (size_t i = 0; i < out.len * 8; i++) {
		struct job back = {.id = job.id};
		out.p[i / 8] = (char)(out.p[i / 8] ^ 1 << i % 8);
		assert_int_not_equal(record_decode_job(buf_slice(&out), &back, &hashes), ST_OK);
		out.p[i / 8] = (char)(out.p[i / 8] ^ 1 << i % 8);
	}
	for (size_t len = 0; len < out.len; len++) {
		struct job back = {.id = job.id};
		assert_int_equal(record_decode_job(slice_of(out.p, len), &back, &hashes), ST_CORRUPT);
	}
	buf_release(&out);
}

static void codec__a_valid_checksum_over_nonsense_is_corrupt(void **state)
{
	(void)state;
	for (size_t len = 0; len < 64; len++) {
		struct buf out = BUF_INIT(256);
		struct job back = {0};
		struct event event = {.seq = 1};
		struct job_hashes hashes = {.workflow = 99, .user = 7};
		record_begin(&out);
		for (size_t i = 0; i < len; i++)
			buf_byte(&out, 0xff);
		record_end(&out);
		assert_int_equal(record_decode_job(buf_slice(&out), &back, &hashes), ST_CORRUPT);
		assert_int_equal(record_decode_trigger(buf_slice(&out), true, &back), ST_CORRUPT);
		assert_int_equal(record_decode_event(buf_slice(&out), &event), ST_CORRUPT);
		buf_release(&out);
	}
}

static void codec__a_newer_version_is_told_apart_from_damage(void **state)
{
	(void)state;
	struct buf out = BUF_INIT(4096);
	struct job job = sample_job();
	struct job_hashes hashes = {.workflow = 99, .user = 7};
	record_encode_job(&job, &hashes, &out);
	out.p[0] = RECORD_VERSION + 1;
	assert_int_equal(record_decode_job(buf_slice(&out), &job, &hashes), ST_VERSION);
	buf_release(&out);
}

static void read_golden(const char *name, struct buf *out)
{
	char path[200], bytes[4096];
	const char *root = getenv("CLARIO_SOURCE_DIR");
	snprintf(path, sizeof path, "%s/tests/golden/%s", root ? root : ".", name);
	if (getenv("CLARIO_WRITE_GOLDEN")) {
		FILE *to = fopen(path, "we");
		assert_non_null(to);
		assert_int_equal(fwrite(out->p, 1, out->len, to), out->len);
		assert_int_equal(fclose(to), 0);
	}
	FILE *in = fopen(path, "re");
	if (!in)
		fail_msg("cannot read %s", path);
	buf_clear(out);
	buf_add(out, bytes, fread(bytes, 1, sizeof bytes, in));
	fclose(in);
}

/* What version 1 wrote is read for ever; and this program still writes the same bytes. */
static void golden__version_1(void **state)
{
	(void)state;
	struct buf now = BUF_INIT(4096), golden = BUF_INIT(4096);
	struct job job = sample_job(), back = {.id = job.id};
	struct event event = sample_event(), event_back = {.seq = event.seq};
	struct job_hashes hashes = {.workflow = 99, .user = 7};
	record_encode_trigger(&job, &golden);
	read_golden("trigger.v1", &golden);
	record_encode_trigger(&job, &now);
	assert_true(slice_eq(buf_slice(&now), buf_slice(&golden)));
	assert_int_equal(record_decode_trigger(buf_slice(&golden), true, &back), ST_OK);
	assert_same_trigger(&job, &back);
	buf_release(&back.mem);

	record_encode_job(&job, &hashes, &now);
	buf_clear(&golden);
	buf_add_slice(&golden, buf_slice(&now));
	read_golden("job.v1", &golden);
	assert_true(slice_eq(buf_slice(&now), buf_slice(&golden)));
	assert_int_equal(record_decode_job(buf_slice(&golden), &back, &hashes), ST_OK);
	assert_same_job(&job, &back);

	record_encode_event(&event, &now);
	buf_clear(&golden);
	buf_add_slice(&golden, buf_slice(&now));
	read_golden("event.v1", &golden);
	assert_true(slice_eq(buf_slice(&now), buf_slice(&golden)));
	assert_int_equal(record_decode_event(buf_slice(&golden), &event_back), ST_OK);
	assert_same_event(&event, &event_back);
	buf_release(&now);
	buf_release(&golden);
}

static void golden__receiver_version_1(void **state)
{
	(void)state;
	struct buf now = BUF_INIT(4096), golden = BUF_INIT(4096);
	struct receiver_state back, r = {.name = "shop",
					    .breaker = BREAKER_OPEN,
					    .is_paused = true,
					    .paused_until_us = INT64_C(1704067800000000),
					    .paused_by = "operator:ann",
					    .opened_at_us = INT64_C(1704067200000000),
					    .open_until_us = INT64_C(1704067210000000),
					    .opened_times = 2,
					    .window_at_us = INT64_C(1704067190000000),
					    .window_us = 60000000,
					    .now = {1, 2},
					    .before = {3, 300},
					    .ramp = 4,
					    .step = {5, 6},
					    .probe = 7,
					    .probe_until_us = INT64_C(1704067230000000),
					    .calls_total = 1000000,
					    .failed_total = 9};
	receiver_encode(&r, &now);
	buf_add_slice(&golden, buf_slice(&now));
	read_golden("receiver.v1", &golden);
	assert_true(slice_eq(buf_slice(&now), buf_slice(&golden)));
	assert_int_equal(receiver_decode(slice_text("shop"), buf_slice(&golden), &back), ST_OK);
	assert_int_equal(back.breaker, BREAKER_OPEN);
	assert_true(back.is_paused && back.paused_until_us == r.paused_until_us);
	assert_string_equal(back.paused_by, r.paused_by);
	assert_int_equal(back.before.failed, 300);
	assert_int_equal(back.failed_total, 9);
	buf_release(&now);
	buf_release(&golden);
}

static void golden__token_version_1(void **state)
{
	(void)state;
	struct buf now = BUF_INIT(4096), golden = BUF_INIT(4096);
	struct token back, t = {.name = "shop",
				   .scopes = SCOPE_SUBMIT | SCOPE_OPERATE,
				   .phases = 1 << 0 | 1 << 11,
				   .user = "seller-*",
				   .created_at_us = INT64_C(1704067200000000),
				   .expires_at_us = INT64_C(1704067800000000),
				   .revoked_at_us = INT64_C(1704067700000000),
				   .now = {"clw_0123456789ab", {1, 2, 3}, INT64_C(1704067300000000)},
				   .old = {"clw_ba9876543210", {4, 5, 6}, INT64_C(1704067200000000)},
				   .old_until_us = INT64_C(1704067400000000)};
	token_encode(&t, &now);
	buf_add_slice(&golden, buf_slice(&now));
	read_golden("token.v1", &golden);
	assert_true(slice_eq(buf_slice(&now), buf_slice(&golden)));
	assert_int_equal(token_decode(slice_text("shop"), buf_slice(&golden), &back), ST_OK);
	assert_int_equal(back.scopes, t.scopes);
	assert_int_equal(back.phases, t.phases);
	assert_string_equal(back.user, "seller-*");
	assert_int_equal(back.revoked_at_us, t.revoked_at_us);
	assert_memory_equal(back.now.digest, t.now.digest, sizeof t.now.digest);
	assert_string_equal(back.old.prefix, t.old.prefix);
	assert_memory_equal(back.old.digest, t.old.digest, sizeof t.old.digest);
	assert_int_equal(back.old_until_us, t.old_until_us);
	buf_release(&now);
	buf_release(&golden);
}

/* A record of one more flag, which the first programs of version 1 did not write. */
static void golden__version_1_in_the_crowd(void **state)
{
	(void)state;
	struct buf now = BUF_INIT(4096), golden = BUF_INIT(4096);
	struct job job = sample_job(), back = {.id = job.id};
	struct job_hashes hashes = {.workflow = 99, .user = 7};
	job.in_crowd = true;
	record_encode_job(&job, &hashes, &now);
	record_encode_job(&job, &hashes, &golden);
	read_golden("job-crowd.v1", &golden);
	assert_true(slice_eq(buf_slice(&now), buf_slice(&golden)));
	assert_int_equal(record_decode_job(buf_slice(&golden), &back, &hashes), ST_OK);
	assert_same_job(&job, &back);
	buf_release(&now);
	buf_release(&golden);
}

/* Likewise, with two more fields at its end. */
static void golden__version_1_charged(void **state)
{
	(void)state;
	struct buf now = BUF_INIT(4096), golden = BUF_INIT(4096);
	struct job job = sample_job(), back = {.id = job.id};
	struct job_hashes hashes = {99, 7, UINT64_C(12345678901234567890)}, back_hashes = {0};
	job.is_charged = true;
	job.charged_bytes = 300;
	record_encode_job(&job, &hashes, &now);
	record_encode_job(&job, &hashes, &golden);
	read_golden("job-charged.v1", &golden);
	assert_true(slice_eq(buf_slice(&now), buf_slice(&golden)));
	assert_int_equal(record_decode_job(buf_slice(&golden), &back, &back_hashes), ST_OK);
	assert_same_job(&job, &back);
	assert_true(back.is_charged && back.charged_bytes == 300);
	assert_true(back_hashes.account == hashes.account && record_peek_charged(buf_slice(&golden)));
	hashes.account = 0; /* of nobody */
	record_encode_job(&job, &hashes, &now);
	assert_int_equal(record_decode_job(buf_slice(&now), &back, &back_hashes), ST_CORRUPT);
	buf_release(&now);
	buf_release(&golden);
}

static void golden__caller_version_1(void **state)
{
	(void)state;
	struct buf now = BUF_INIT(4096), golden = BUF_INIT(4096);
	struct account back, account = {.name = "token:importer", .jobs = 3, .bytes = 1000};
	uint64_t hash;
	struct key key = account_key(UINT64_C(0xfedcba9876543210));
	account_encode(&account, &now);
	buf_add_slice(&golden, buf_slice(&now));
	read_golden("caller.v1", &golden);
	assert_true(slice_eq(buf_slice(&now), buf_slice(&golden)));
	assert_int_equal(account_decode(buf_slice(&golden), &back), ST_OK);
	assert_string_equal(back.name, account.name);
	assert_true(back.jobs == 3 && back.bytes == 1000);
	assert_true(slice_is(key_slice(&key), "caller.fedcba9876543210"));
	assert_true(account_of_key(key_slice(&key), &hash) && hash == UINT64_C(0xfedcba9876543210));
	assert_false(account_of_key(slice_text("caller.fedcba987654321x"), &hash));
	assert_false(account_of_key(slice_text("caller.0000000000000000"), &hash));
	buf_release(&now);
	buf_release(&golden);
}

static void golden__version_1_forgotten(void **state)
{
	(void)state;
	struct buf now = BUF_INIT(4096), golden = BUF_INIT(4096);
	struct job job = sample_job(), back = {.id = job.id};
	struct job_hashes hashes = {99, 7, 0};
	job.is_forgotten = true;
	record_encode_job(&job, &hashes, &now);
	record_encode_job(&job, &hashes, &golden);
	read_golden("job-forgotten.v1", &golden);
	assert_true(slice_eq(buf_slice(&now), buf_slice(&golden)));
	assert_int_equal(record_decode_job(buf_slice(&golden), &back, &hashes), ST_OK);
	assert_same_job(&job, &back);
	buf_release(&now);
	buf_release(&golden);
}

static void key__queue_order_is_place_phase_priority_time_id(void **state)
{
	(void)state;
	struct job job = sample_job();
	job.state = JOB_WAITING;
	struct job less = job;
	const struct key base = key_queue(&job, 9);
	assert_int_equal(base.len, QUEUE_LEN);
	assert_int_equal(id_cmp(key_get_id(key_slice(&base), QUEUE_ID), job.id), 0);
	assert_int_equal(key_get(key_slice(&base), QUEUE_AT, 8), job.run_at_us);
	less.priority = 1;
	less.run_at_us += 1000000;
	struct key k = key_queue(&less, 9);
	assert_true(memcmp(k.b, base.b, QUEUE_LEN) < 0);
	less = job;
	less.run_at_us -= 1;
	k = key_queue(&less, 9);
	assert_true(memcmp(k.b, base.b, QUEUE_LEN) < 0);
	less = job;
	less.phase = 6;
	less.priority = 9;
	k = key_queue(&less, 9);
	assert_true(memcmp(k.b, base.b, QUEUE_LEN) < 0);
}

static void key__of_the_crowd_is_by_user_behind_the_others(void **state)
{
	(void)state;
	struct job job = sample_job();
	job.state = JOB_WAITING;
	job.priority = 9;
	const struct key other = key_queue(&job, 1);
	job.in_crowd = true;
	job.priority = 1;
	const struct key base = key_queue(&job, 7);
	assert_int_equal(base.len, CROWD_LEN);
	assert_int_equal(key_queue_len(key_slice(&base)), CROWD_LEN);
	assert_int_equal(key_queue_len(key_slice(&other)), QUEUE_LEN);
	assert_true(memcmp(other.b, base.b, QUEUE_LEN) < 0);
	assert_int_equal(key_get(key_slice(&base), QUEUE_USER, 4), 7);
	assert_int_equal(id_cmp(key_queue_id(key_slice(&base)), job.id), 0);
	assert_int_equal(id_cmp(key_queue_id(key_slice(&other)), job.id), 0);
	assert_int_equal(key_queue_at(key_slice(&base)), job.run_at_us);
	assert_int_equal(key_queue_at(key_slice(&other)), job.run_at_us);
	job.run_at_us -= 1000000;
	struct key later_user = key_queue(&job, 8);
	assert_true(memcmp(base.b, later_user.b, CROWD_LEN) < 0);
	/* In every other place it stands as all do. */
	job.state = JOB_DELAYED;
	struct key delayed = key_queue(&job, 7);
	job.in_crowd = false;
	struct key as_any = key_queue(&job, 8);
	assert_true(slice_eq(key_slice(&delayed), key_slice(&as_any)));
}

static void key__prefixes_and_their_ends(void **state)
{
	(void)state;
	struct job job = sample_job(), other = job;
	struct key member = key_member(7, &job), natural = key_natural(7, &job, true),
		   any = key_natural(7, &job, false);
	assert_int_equal(member.len, MEMBER_LEN);
	assert_true(key_has_prefix(key_slice(&member), &natural));
	assert_true(key_has_prefix(key_slice(&member), &any));
	other.payload = slice_text("{}");
	struct key other_member = key_member(7, &other);
	assert_false(key_has_prefix(key_slice(&other_member), &natural));
	assert_true(key_has_prefix(key_slice(&other_member), &any));
	struct key end = {.len = 3, .b = {1, 0xff, 0xff}};
	assert_true(key_after_prefix(&end));
	assert_int_equal(end.len, 1);
	assert_int_equal(end.b[0], 2);
	struct key last = {.len = 2, .b = {0xff, 0xff}};
	assert_false(key_after_prefix(&last));
}

static void varint__ends_of_the_range(void **state)
{
	(void)state;
	static const int64_t values[] = {0, 1, -1, 63, 64, -64, -65, INT32_MAX, INT64_MAX, INT64_MIN};
	struct buf out = BUF_INIT(256);
	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		write_signed(&out, values[i]);
	write_varint(&out, UINT64_MAX);
	struct reader r = {(const uint8_t *)out.p, (const uint8_t *)out.p + out.len, false};
	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		assert_int_equal(read_signed(&r), values[i]);
	assert_true(read_varint(&r) == UINT64_MAX && !r.bad && r.p == r.end);
	read_varint(&r);
	assert_true(r.bad);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codec__reads_back_what_it_wrote),
		cmocka_unit_test(codec__every_state_of_a_job),
		cmocka_unit_test(codec__later_parts_stand_last),
		cmocka_unit_test(codec__damage_is_noticed),
		cmocka_unit_test(codec__a_valid_checksum_over_nonsense_is_corrupt),
		cmocka_unit_test(codec__a_newer_version_is_told_apart_from_damage),
		cmocka_unit_test(golden__version_1),
		cmocka_unit_test(golden__receiver_version_1),
		cmocka_unit_test(golden__token_version_1),
		cmocka_unit_test(golden__version_1_in_the_crowd),
		cmocka_unit_test(golden__version_1_charged),
		cmocka_unit_test(golden__caller_version_1),
		cmocka_unit_test(golden__version_1_forgotten),
		cmocka_unit_test(key__queue_order_is_place_phase_priority_time_id),
		cmocka_unit_test(key__of_the_crowd_is_by_user_behind_the_others),
		cmocka_unit_test(key__prefixes_and_their_ends),
		cmocka_unit_test(varint__ends_of_the_range),
	};
	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
