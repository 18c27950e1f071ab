/* spool/dump/form.c: see form.h. A change here is one of format: FORMAT.md, ITEM_FORMAT. */
#include "spool/dump/form.h"

#include "spool/model/phase.h"

#include <stddef.h>

/* What a double holds exactly, so that any program may read the numbers. */
#define NUMBER_MAX (INT64_C(1) << 53)
enum { TRACE_MAX = 4096, NAME_MAX_BYTES = 65536, RECORD_MAX = 16 << 20, KEY_MAX_BYTES = 64 };

#define TIME(base, member)                                                                                   \
	{                                                                                                    \
#member, MEMBER_I64, offsetof(struct base, member), 0, NUMBER_MAX, false                     \
	}
#define SPAN(base, member)                                                                                   \
	{                                                                                                    \
#member, MEMBER_I64, offsetof(struct base, member), -NUMBER_MAX, NUMBER_MAX, false           \
	}
#define U64(base, member)                                                                                    \
	{                                                                                                    \
#member, MEMBER_U64, offsetof(struct base, member), 0, NUMBER_MAX, false                     \
	}
#define U32(base, member)                                                                                    \
	{                                                                                                    \
#member, MEMBER_U32, offsetof(struct base, member), 0, UINT32_MAX, false                     \
	}
#define TEXT(base, member, most)                                                                             \
	{                                                                                                    \
#member, MEMBER_TEXT, offsetof(struct base, member), 0, most, false                          \
	}
#define FLAG(base, member)                                                                                   \
	{                                                                                                    \
#member, MEMBER_BOOL, offsetof(struct base, member), 0, 1, false                             \
	}

static const struct member totals_members[] = {
	{"format", MEMBER_U32, offsetof(struct item_totals, format), ITEM_FORMAT, ITEM_FORMAT, true},
	TIME(item_totals, exported_at_us),
	U64(item_totals, jobs),
	U64(item_totals, events),
	U64(item_totals, accepted),
	U64(item_totals, removed),
	U64(item_totals, set_aside),
	U64(item_totals, next_seq),
	{"paused_phases", MEMBER_U32, offsetof(struct item_totals, paused_phases), 0, (1 << PHASE_SLOTS) - 1,
		false},
	{"recent_n", MEMBER_U32, offsetof(struct item_totals, recent_n), 0, STATS_RECENT_MAX, false},
	{"recent_at", MEMBER_U32, offsetof(struct item_totals, recent_at), 0, STATS_RECENT_MAX - 1, false},
	{"recent_ms", MEMBER_RING, offsetof(struct item_totals, recent_ms), 0, UINT32_MAX, false},
	FLAG(item_totals, masked),
};

static const struct member bookmark_members[] = {
	{"name", MEMBER_CHARS, offsetof(struct item, bookmark.name) - offsetof(struct item, bookmark), 1,
		BOOKMARK_NAME_MAX, true},
	{"value", MEMBER_U64, offsetof(struct item, bookmark.value) - offsetof(struct item, bookmark), 0,
		NUMBER_MAX, false},
};

static const struct member receiver_members[] = {
	{"name", MEMBER_CHARS, offsetof(struct receiver_state, name), 1, RECEIVER_NAME_MAX, true},
	{"breaker", MEMBER_BREAKER, offsetof(struct receiver_state, breaker), 0, 0, true},
	FLAG(receiver_state, is_paused),
	TIME(receiver_state, paused_until_us),
	{"paused_by", MEMBER_CHARS, offsetof(struct receiver_state, paused_by), 0, RECEIVER_ACTOR_MAX, false},
	TIME(receiver_state, opened_at_us),
	TIME(receiver_state, open_until_us),
	U32(receiver_state, opened_times),
	TIME(receiver_state, window_at_us),
	TIME(receiver_state, window_us),
	{"now_ok", MEMBER_U32, offsetof(struct receiver_state, now.ok), 0, UINT32_MAX, false},
	{"now_failed", MEMBER_U32, offsetof(struct receiver_state, now.failed), 0, UINT32_MAX, false},
	{"before_ok", MEMBER_U32, offsetof(struct receiver_state, before.ok), 0, UINT32_MAX, false},
	{"before_failed", MEMBER_U32, offsetof(struct receiver_state, before.failed), 0, UINT32_MAX, false},
	U32(receiver_state, ramp),
	{"step_ok", MEMBER_U32, offsetof(struct receiver_state, step.ok), 0, UINT32_MAX, false},
	{"step_failed", MEMBER_U32, offsetof(struct receiver_state, step.failed), 0, UINT32_MAX, false},
	U64(receiver_state, probe),
	TIME(receiver_state, probe_until_us),
	U64(receiver_state, calls_total),
	U64(receiver_state, failed_total),
};

static const struct member token_members[] = {
	{"name", MEMBER_CHARS, offsetof(struct token, name), 1, TOKEN_NAME_MAX, true},
	{"scopes", MEMBER_U32, offsetof(struct token, scopes), 1, SCOPE_ALL, true},
	{"phases", MEMBER_U32, offsetof(struct token, phases), 1, TOKEN_ALL_PHASES, true},
	{"user", MEMBER_CHARS, offsetof(struct token, user), 0, JOB_TEXT_MAX, false},
	TIME(token, created_at_us),
	TIME(token, expires_at_us),
	TIME(token, revoked_at_us),
	{"prefix", MEMBER_CHARS, offsetof(struct token, now.prefix), 1, TOKEN_PREFIX_LEN, true},
	{"digest", MEMBER_DIGEST, offsetof(struct token, now.digest), 0, 0, true},
	{"rotated_at_us", MEMBER_I64, offsetof(struct token, now.created_at_us), 0, NUMBER_MAX, false},
	{"old_prefix", MEMBER_CHARS, offsetof(struct token, old.prefix), 0, TOKEN_PREFIX_LEN, false},
	{"old_digest", MEMBER_DIGEST, offsetof(struct token, old.digest), 0, 0, false},
	{"old_rotated_at_us", MEMBER_I64, offsetof(struct token, old.created_at_us), 0, NUMBER_MAX, false},
	TIME(token, old_until_us),
};

static const struct member job_members[] = {
	{"id", MEMBER_ID, offsetof(struct job, id), 0, 0, true},
	{"phase", MEMBER_INT, offsetof(struct job, phase), 1, 14, true},
	{"state", MEMBER_STATE, offsetof(struct job, state), 0, 0, true},
	{"priority", MEMBER_INT, offsetof(struct job, priority), JOB_PRIORITY_FIRST, JOB_PRIORITY_LAST, true},
	{"workflow_id", MEMBER_TEXT, offsetof(struct job, workflow_id), 1, JOB_TEXT_MAX, true},
	TEXT(job, user_id, JOB_TEXT_MAX),
	FLAG(job, ordered),
	FLAG(job, has_turn),
	FLAG(job, solo_user),
	FLAG(job, in_crowd),
	FLAG(job, is_charged),
	{"charged_bytes", MEMBER_U64, offsetof(struct job, charged_bytes), 0, JOB_PAYLOAD_MAX, false},
	FLAG(job, is_forgotten),
	TIME(job, accepted_at_us),
	TIME(job, run_at_us),
	TIME(job, started_at_us),
	TIME(job, claimed_at_us),
	TIME(job, finished_at_us),
	TIME(job, give_up_at_us),
	TIME(job, give_up_after_us),
	U32(job, attempts_made),
	U32(job, attempts_allowed),
	U32(job, attempts_grant),
	U32(job, crashes),
	U64(job, last_event),
	{"lease_token", MEMBER_U64, offsetof(struct job, lease.token), 0, NUMBER_MAX, false},
	{"lease_owner", MEMBER_CHARS, offsetof(struct job, lease.owner), 0, JOB_OWNER_MAX - 1, false},
	{"lease_deadline_boot_us", MEMBER_I64, offsetof(struct job, lease.deadline_boot_us), 0, NUMBER_MAX,
		false},
	{"lease_boot_id", MEMBER_BITS, offsetof(struct job, lease.boot_id), 0, 0, false},
	TEXT(job, source, NAME_MAX_BYTES),
	TEXT(job, idempotency_key, JOB_TEXT_MAX),
	TEXT(job, traceparent, TRACE_MAX),
	TEXT(job, tracestate, TRACE_MAX),
	TEXT(job, error, NAME_MAX_BYTES),
	TEXT(job, outcome, RECORD_MAX),
	TEXT(job, checkpoint, RECORD_MAX),
	TEXT(job, payload, RECORD_MAX),
};

static const struct member event_members[] = {
	{"seq", MEMBER_U64, offsetof(struct event, seq), 1, NUMBER_MAX, true},
	U64(event, prev),
	{"at_us", MEMBER_I64, offsetof(struct event, at_us), -NUMBER_MAX, NUMBER_MAX, false},
	{"kind", MEMBER_KIND, offsetof(struct event, kind), 0, 0, true},
	{"job", MEMBER_ID, offsetof(struct event, job), 0, 0, false},
	{"phase", MEMBER_INT, offsetof(struct event, phase), 0, 14, false},
	{"from", MEMBER_MOVE, offsetof(struct event, from), 0, 0, false},
	{"to", MEMBER_MOVE, offsetof(struct event, to), 0, 0, false},
	U32(event, attempt),
	{"http_status", MEMBER_INT, offsetof(struct event, http_status), 0, 999, false},
	SPAN(event, wait_ms),
	SPAN(event, conn_ms),
	SPAN(event, xfer_ms),
	{"span", MEMBER_BITS, offsetof(struct event, span), 0, 0, false},
	TEXT(event, actor, NAME_MAX_BYTES),
	TEXT(event, reason, NAME_MAX_BYTES),
	TEXT(event, name, NAME_MAX_BYTES),
	TEXT(event, room, NAME_MAX_BYTES),
	TEXT(event, data, RECORD_MAX),
};

static const struct member aside_members[] = {
	{"key", MEMBER_BYTES, offsetof(struct item, aside.key) - offsetof(struct item, aside), 1,
		KEY_MAX_BYTES, true},
	{"bytes", MEMBER_BYTES, offsetof(struct item, aside.bytes) - offsetof(struct item, aside), 0,
		RECORD_MAX, false},
};

static const struct member end_members[] = {
	{"items", MEMBER_U64, 0, 0, NUMBER_MAX, true},
};

#define FORM(name, members, at)                                                                              \
	{                                                                                                    \
		name, members, sizeof members / sizeof *members, offsetof(struct item, at)                   \
	}
const struct form dump_forms[ITEM_KIND_N] = {
	[ITEM_TOTALS] = FORM("spool", totals_members, totals),
	[ITEM_BOOKMARK] = FORM("bookmark", bookmark_members, bookmark),
	[ITEM_RECEIVER] = FORM("receiver", receiver_members, receiver),
	[ITEM_TOKEN] = FORM("token", token_members, token),
	[ITEM_JOB] = FORM("job", job_members, job),
	[ITEM_EVENT] = FORM("event", event_members, event),
	[ITEM_ASIDE] = FORM("aside", aside_members, aside),
	[ITEM_END] = FORM("end", end_members, end),
};
