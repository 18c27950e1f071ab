/* spool/opts.c: the schema. One row per key; phases and calls repeat theirs by macro. clario.conf(5) tells
 * the same. */
#include "spool/opts.h"

#include "spool/cloud_event.h"
#include "spool/opts_calls.h"
#include "spool/opts_secrets.h"
#include "spool/opts_webhooks.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AT(member) offsetof(struct opts, member)

#define DAY_MS INT64_C(86400000)

#define RETRY_ROWS(section_, member_, attempts_, base_, factor_, cap_, give_up_, jitter_)                    \
	{section_, "attempts", CONF_INT, AT(member_.attempts), 1, 1000, attempts_, NULL,                     \
		"attempts at most before a job is failed"},                                                  \
		{section_, "base", CONF_DURATION, AT(member_.base_ms), 1, DAY_MS, base_, NULL,               \
			"wait before the second attempt"},                                                   \
		{section_, "factor", CONF_FACTOR, AT(member_.factor_milli), 1000, 100000, factor_, NULL,     \
			"each further wait is this many times the one before"},                              \
		{section_, "cap", CONF_DURATION, AT(member_.cap_ms), 1, 30 * DAY_MS, cap_, NULL,             \
			"no wait is longer, a receiver's Retry-After neither"},                              \
		{section_, "give-up-after", CONF_DURATION, AT(member_.give_up_after_ms), 1000, 365 * DAY_MS, \
			give_up_, NULL, "no attempt is scheduled later than this after a job was due"},      \
	{                                                                                                    \
		section_, "jitter", CONF_SWITCH, AT(member_.jitter), 0, 0, jitter_, NULL,                    \
			"take up to a quarter off each wait, at random"                                      \
	}

/* Of a phase that the caller may give a workflow of its own (contract.md section 6: the callers of 4 and 5
 * do) the default must not be yes: every workflow would stall. */
#define AWAITED_ROW(section_, slot_, awaited_)                                                               \
	{                                                                                                    \
		section_, "awaited", CONF_BOOL, AT(phase[slot_].is_awaited), 0, 0, awaited_, NULL,           \
			"a workflow whose phase before it has completed stalls, unless it comes within its " \
			"service-level"                                                                      \
	}

#define PHASE_ROWS(section_, slot_, level_)                                                                  \
	RETRY_ROWS(section_, phase[slot_].retry, NULL, NULL, NULL, NULL, NULL, NULL),                        \
		{section_, "concurrency", CONF_INT, AT(phase[slot_].concurrency), 0, 4096, "0", NULL,        \
			"calls of this phase at one time; 0: no bound of its own"},                          \
	{                                                                                                    \
		section_, "service-level", CONF_DURATION, AT(phase[slot_].service_level_ms), 0,              \
			365 * DAY_MS, level_, NULL,                                                          \
			"how long its jobs may wait, and how soon it should follow where it is awaited; 0: " \
			"no matter"                                                                          \
	}

#define RECEIVER_ROWS(section_, member_)                                                                     \
	{section_, "url", CONF_URL, AT(member_.url), 0, 0, "", NULL, "base URL that paths are appended to"}, \
		{section_, "concurrency", CONF_INT, AT(member_.concurrency), 0, 4096, "0", NULL,             \
			"calls at one time; 0: three quarters of worker.in-flight"},                         \
		{section_, "rate", CONF_FACTOR, AT(member_.rate_milli), 0, 1000000000, "0", NULL,            \
			"calls in a second, on average; 0: no bound"},                                       \
		{section_, "burst", CONF_INT, AT(member_.burst), 1, 1000000, NULL, NULL,                     \
			"calls at once after a pause; unset: those of a second"},                            \
		{section_, "breaker-share", CONF_PERCENT, AT(member_.breaker_share), 0, 100, "50", NULL,     \
			"this share of failed calls in the window stops all calls for a while; 0: never"},   \
		{section_, "breaker-calls", CONF_INT, AT(member_.breaker_calls), 1, 1000000, "10", NULL,     \
			"with fewer calls in the window the share does not count"},                          \
		{section_, "breaker-window", CONF_DURATION, AT(member_.breaker_window_ms), 1000, DAY_MS,     \
			"30s", NULL, "time that calls are counted over"},                                    \
		{section_, "breaker-open", CONF_DURATION, AT(member_.breaker_open_ms), 10, DAY_MS, "5s",     \
			NULL, "first time without calls, before one is tried"},                              \
		{section_, "breaker-open-max", CONF_DURATION, AT(member_.breaker_open_max_ms), 10, DAY_MS,   \
			"5m", NULL, "longest time without calls, after several tries that failed"},          \
	{                                                                                                    \
		section_, "ca-file", CONF_PATH, AT(member_.ca_file), 0, 0, NULL, NULL,                       \
			"PEM file of the authorities to trust in place of the system's"                      \
	}

#define CALL_ROWS(section_, call_, phase_, receiver_, method_, path_, timeout_, auth_, success_)             \
	{section_, "phase", CONF_INT, AT(call[call_].phase), 0, STEP_LAST, phase_, NULL,                     \
		"phase (1-7) or step (10-14) that makes it; 0: it is not made"},                             \
		{section_, "receiver", CONF_TEXT, AT(call[call_].receiver_name), 0, 0, receiver_, NULL,      \
			"name of the receiver whose URL the path is appended to"},                           \
		{section_, "method", CONF_TEXT, AT(call[call_].method), 0, 0, method_, NULL, "HTTP method"}, \
		{section_, "path", CONF_TEXT, AT(call[call_].path), 0, 0, path_, NULL,                       \
			"path; {claim_id}, {user_id}, {workflow_id}, {job_id}, {payload.MEMBER} are put in " \
			"percent-encoded"},                                                                  \
		{section_, "timeout", CONF_DURATION, AT(call[call_].timeout_ms), 10, DAY_MS, timeout_, NULL, \
			"longest time for the whole call"},                                                  \
		{section_, "connect-timeout", CONF_DURATION, AT(call[call_].connect_timeout_ms), 10, DAY_MS, \
			"5s", NULL, "longest time until connected"},                                         \
		{section_, "auth", CONF_ENUM, AT(call[call_].auth), 0, 0, auth_, "none|jwt|api-key|header",  \
			"credentials sent: none, HS256 JWT, X-Internal-Api-Key with X-User-Id, or a "        \
			"header"},                                                                           \
		{section_, "auth-header", CONF_TEXT, AT(call[call_].auth_header), 0, 0, "", NULL,            \
			"name of the header of auth = header, whose value is the secret"},                   \
		{section_, "secret", CONF_SECRET, AT(call[call_].secret), 0, 0, "", NULL,                    \
			"secret of this call alone; better in a file"},                                      \
		{section_, "secret-file", CONF_TEXT, AT(call[call_].secret_file), 0, 0, "", NULL,            \
			"file with that secret; a relative one is in $CREDENTIALS_DIRECTORY"},               \
		{section_, "required", CONF_BOOL, AT(call[call_].required), 0, 0, "yes", NULL,               \
			"no: the phase completes even if this call failed, and its result says so"},         \
		{section_, "success", CONF_TEXT, AT(call[call_].success), 0, 0, success_, NULL,              \
			"HTTP statuses that count as success, such as 2xx or 200-204,409"},                  \
	{                                                                                                    \
		section_, "body", CONF_LINES, AT(call[call_].body), 0, 0, "", NULL,                          \
			"JSON with ${user_id}, ${workflow_id}, ${claim_id}, ${job_id}, ${payload}, "         \
			"${payload.MEMBER}"                                                                  \
	}

#define WEBHOOK_TEXT(key_, member_, help_)                                                                   \
	{                                                                                                    \
		"webhook.*", key_, CONF_TEXT, AT(webhooks[0].member_), 0, 0, "", NULL, help_                 \
	}

const struct conf_row opts_rows[] = {
	{"http", "socket", CONF_PATH, AT(http.socket), 0, 0, "/run/clario-workflow/fcgi.sock", NULL,
		"FastCGI socket that nginx connects to (not used under socket activation)"},
	{"http", "trusted-networks", CONF_NETS, AT(http.trusted_networks), 0, 0, "127.0.0.0/8, ::1", NULL,
		"peers that need no credentials"},
	{"http", "trusted-proxies", CONF_NETS, AT(http.trusted_proxies), 0, 0, "", NULL,
		"proxies before nginx whose X-Forwarded-For is believed"},
	{"http", "cors-origins", CONF_ORIGINS, AT(http.cors_origins), 0, 0, "", NULL,
		"origins whose pages may call from browsers, and read the answers"},
	{"http", "hosts", CONF_HOSTS, AT(http.hosts), 0, 0, "", NULL,
		"names that browsers may reach this by, besides addresses and names without a dot; once set, "
		"it "
		"binds all callers"},
	{"http", "max-body", CONF_SIZE, AT(http.max_body), 1024, JOB_PAYLOAD_MAX, "10M", NULL,
		"largest request body"},
	{"http", "body-budget", CONF_SIZE, AT(http.body_budget), 1 << 20, INT64_C(1) << 40, "64M", NULL,
		"all bodies in work at one time; beyond it requests get 503"},
	{"http", "connections", CONF_INT, AT(http.connections), 16, 65536, "1024", NULL,
		"connections served at one time"},
	{"http", "threads", CONF_INT, AT(http.threads), 1, 1024, "16", NULL,
		"requests that may wait on something, in work at one time; submits of one trigger need none"},
	{"http", "backlog", CONF_INT, AT(http.backlog), 16, 65535, "1024", NULL,
		"connections that may wait to be accepted (also limited by net.core.somaxconn)"},
	{"http", "rate", CONF_FACTOR, AT(http.rate_milli), 0, 1000000000, "0", NULL,
		"submits in a second of one caller, and as many other requests; beyond it 429; 0: no bound"},
	{"http", "rate-burst", CONF_INT, AT(http.rate_burst), 1, 1000000, NULL, NULL,
		"those that may come at once after a pause; unset: those of a second"},
	{"http", "caller-max-jobs", CONF_INT, AT(http.caller_max_jobs), 0, INT64_C(1) << 40, "0", NULL,
		"jobs of one caller that have not ended; beyond it 429 for it alone; 0: no bound"},
	{"http", "caller-max-bytes", CONF_SIZE, AT(http.caller_max_bytes), 0, INT64_C(1) << 44, "0", NULL,
		"bytes of their payloads; 0: no bound"},

	CONF_PATTERN_NAMES("caller.*", struct opts, caller, callers_n, ".:_@/"),
	{"caller.*", "rate", CONF_FACTOR, AT(caller[0].rate_milli), 0, 1000000000, NULL, NULL,
		"its http.rate; unset: as that"},
	{"caller.*", "burst", CONF_INT, AT(caller[0].burst), 1, 1000000, NULL, NULL,
		"its http.rate-burst; unset: those of a second of its own rate, else as that"},
	{"caller.*", "max-jobs", CONF_INT, AT(caller[0].max_jobs), 0, INT64_C(1) << 40, NULL, NULL,
		"its http.caller-max-jobs; unset: as that"},
	{"caller.*", "max-bytes", CONF_SIZE, AT(caller[0].max_bytes), 0, INT64_C(1) << 44, NULL, NULL,
		"its http.caller-max-bytes; unset: as that"},

	{"events", "socket", CONF_PATH, AT(events.socket), 0, 0, "/run/clario-workflow/events.sock", NULL,
		"FastCGI socket of clario-events that nginx connects to (not used under socket activation)"},
	{"events", "key-file", CONF_PATH, AT(events.key_file), 0, 0, "/run/clario-workflow/events.key", NULL,
		"file with the key that tickets are signed with; made when it is missing"},
	{"events", "ticket-life", CONF_DURATION, AT(events.ticket_life_ms), 1000, 60000, "60s", NULL,
		"a stream can be begun with a ticket for this long"},
	{"events", "max-listeners", CONF_INT, AT(events.max_listeners), 1, 16384, "4096", NULL,
		"streams open at one time; beyond it requests get 503"},
	{"events", "max-per-caller", CONF_INT, AT(events.max_per_caller), 1, 16384, "2048", NULL,
		"streams of one token, or without one of one address; beyond it requests get 429"},
	{"events", "heartbeat", CONF_DURATION, AT(events.heartbeat_ms), 100, 3600000, "15s", NULL,
		"a stream that is quiet for this long is sent a comment"},
	{"events", "slow-after", CONF_DURATION, AT(events.slow_after_ms), 100, 3600000, "30s", NULL,
		"a stream whose reader takes nothing for this long is ended"},
	{"events", "max-age", CONF_DURATION, AT(events.max_age_ms), 1000, DAY_MS, "1h", NULL,
		"a stream is ended after this long; its reader comes back, with its credentials"},
	{"events", "source", CONF_TEXT, AT(events.source), 0, 0, "", NULL,
		"source of exported CloudEvents, a URI of this installation; empty: //HOST/clario-workflow"},

	{"spool", "store", CONF_TEXT, AT(spool.store), 0, 0, "lmdb", NULL,
		"storage engine: lmdb, or postgres for several hosts"},
	{"spool", "path", CONF_PATH, AT(spool.path), 0, 0, "/var/spool/clario-workflow", NULL,
		"spool directory, on a local file system"},
	{"spool", "database", CONF_SECRET, AT(spool.database), 0, 0, "", NULL,
		"with store = postgres: the libpq connection string of its database"},
	{"spool", "require-sync-standby", CONF_BOOL, AT(spool.require_sync_standby), 0, 0, "no", NULL,
		"with store = postgres: write only while commits wait for a synchronous standby"},
	{"spool", "map-size", CONF_SIZE, AT(spool.map_size), 1 << 20, INT64_C(1) << 44, "16G", NULL,
		"largest size of the store; fixed when the spool is created"},
	{"spool", "full-at", CONF_PERCENT, AT(spool.full_at_percent), 1, 95, "85", NULL,
		"refuse new jobs when this share of map-size is used; the rest is kept for outcomes"},
	{"spool", "disk-full-at", CONF_PERCENT, AT(spool.disk_full_at_percent), 1, 100, "95", NULL,
		"refuse new jobs when this share of the spool's file system is used"},
	{"spool", "max-depth", CONF_INT, AT(spool.max_depth), 0, INT64_C(1) << 40, "0", NULL,
		"refuse new jobs when this many have not ended; 0: no bound"},

	{"queue", "ordering", CONF_ENUM, AT(queue.ordering), 0, 0, "workflow", "workflow|none",
		"workflow: jobs of one workflow run one at a time, in the order accepted"},
	{"queue", "dedupe-window", CONF_DURATION, AT(queue.dedupe_window_ms), 0, 3650 * DAY_MS, "7d", NULL,
		"how long a completed job answers for the same trigger sent again"},
	{"queue", "keep-completed", CONF_DURATION, AT(queue.keep_completed_ms), 1000, 3650 * DAY_MS, "7d",
		NULL, "completed jobs are removed after this"},
	{"queue", "keep-failed", CONF_DURATION, AT(queue.keep_failed_ms), 1000, 3650 * DAY_MS, "30d", NULL,
		"failed jobs are removed after this"},
	{"queue", "keep-cancelled", CONF_DURATION, AT(queue.keep_cancelled_ms), 1000, 3650 * DAY_MS, "7d",
		NULL, "cancelled jobs are removed after this"},
	{"queue", "crowd-at", CONF_INT, AT(queue.crowd_at), 0, INT32_MAX, "64", NULL,
		"jobs of one user within half a minute beyond which its further ones take turns; 0: none do"},

	RETRY_ROWS("retry", retry, "15", "2s", "3", "1h", "24h", "on"),

	PHASE_ROWS("phase.1", 0, "30s"),
	PHASE_ROWS("phase.2", 1, "1m"),
	AWAITED_ROW("phase.2", 1, "yes"),
	PHASE_ROWS("phase.3", 2, "2m"),
	AWAITED_ROW("phase.3", 2, "yes"),
	PHASE_ROWS("phase.4", 3, "90s"),
	AWAITED_ROW("phase.4", 3, "no"),
	PHASE_ROWS("phase.5", 4, "10s"),
	AWAITED_ROW("phase.5", 4, "no"),
	PHASE_ROWS("phase.6", 5, "15s"),
	PHASE_ROWS("phase.7", 6, "1m"),
	{"phase.7", "fee-rate", CONF_DECIMAL, AT(fee_rate_micro), 0, 1000000, "0.20", NULL,
		"share of a payout kept as the fee; 0: flat subscription, no fee call"},
	PHASE_ROWS("phase.10", 7, "0s"),
	PHASE_ROWS("phase.11", 8, "0s"),
	PHASE_ROWS("phase.12", 9, "0s"),
	PHASE_ROWS("phase.13", 10, "0s"),
	PHASE_ROWS("phase.14", 11, "0s"),

	{"worker", "in-flight", CONF_INT, AT(worker.in_flight), 1, 4096, "64", NULL,
		"calls under way at one time"},
	{"worker", "lease", CONF_DURATION, AT(worker.lease_ms), 500, DAY_MS, "60s", NULL,
		"a job is handed out again when its worker has not renewed its lease for this long"},
	{"worker", "stop-grace", CONF_DURATION, AT(worker.stop_grace_ms), 0, 3600000, "10s", NULL,
		"calls under way may end within this after SIGTERM"},
	{"worker", "max-response", CONF_SIZE, AT(worker.max_response), 1024, 64 << 20, "1M", NULL,
		"largest response body that is read"},
	{"worker", "sandbox", CONF_BOOL, AT(worker.sandbox), 0, 0, "no", NULL,
		"mark notifications and results of phases 2 and 3 as sandbox"},
	{"worker", "allowed-networks", CONF_NETS, AT(worker.allowed_networks), 0, 0, "", NULL,
		"link-local and metadata addresses that may be called nevertheless"},

	CALL_ROWS("call.sync", CALL_SYNC, "1", "integrations", "POST", "/api/v1/integrations/amazon/sync",
		"60s", "api-key", "2xx,409"),
	CALL_ROWS("call.detection", CALL_DETECTION, "2", "integrations", "POST", "/api/detections/run", "10m",
		"api-key", "2xx"),
	CALL_ROWS("call.matching", CALL_MATCHING, "3", "python", "POST",
		"/api/internal/evidence/matching/run", "30s", "jwt", "2xx"),
	CALL_ROWS("call.rejection", CALL_REJECTION, "6", "python", "POST",
		"/api/v1/claim-detector/rejections/log", "30s", "jwt", "2xx"),
	CALL_ROWS("call.fee", CALL_FEE, "7", "integrations", "POST", "/api/v1/stripe/process-fee", "30s",
		"api-key", "2xx"),
	CALL_ROWS("call.proof-packet", CALL_PROOF_PACKET, "7", "python", "POST",
		"/api/v1/evidence/proof-packets/{claim_id}/generate", "60s", "jwt", "2xx"),
	CONF_PATTERN(
		"call.*", struct opts, call, calls_n, "sync|detection|matching|rejection|fee|proof-packet"),
	CALL_ROWS("call.*", 0, NULL, "", "POST", "", "30s", "none", "2xx"),

	{"receiver", "integrations-url", CONF_URL, AT(receiver.integrations_url), 0, 0, "", NULL,
		"base URL of the Node service; environment: INTEGRATIONS_URL"},
	{"receiver", "python-url", CONF_URL, AT(receiver.python_url), 0, 0, "", NULL,
		"base URL of the Python service; environment: PYTHON_API_URL"},
	{"receiver", "python-jwt-secret", CONF_SECRET, AT(receiver.python_jwt_secret), 0, 0, "", NULL,
		"secret of auth = jwt; better given by the environment: PYTHON_API_JWT_SECRET"},
	{"receiver", "python-jwt-secret-file", CONF_TEXT, AT(receiver.python_jwt_secret_file), 0, 0, "", NULL,
		"file with that secret; a relative one is in $CREDENTIALS_DIRECTORY"},
	{"receiver", "internal-api-key", CONF_SECRET, AT(receiver.internal_api_key), 0, 0, "", NULL,
		"key of auth = api-key; better given by the environment: INTERNAL_API_KEY"},
	{"receiver", "internal-api-key-file", CONF_TEXT, AT(receiver.internal_api_key_file), 0, 0, "", NULL,
		"file with that key; a relative one is in $CREDENTIALS_DIRECTORY"},

	RECEIVER_ROWS("receiver.integrations", receivers[RECEIVER_INTEGRATIONS]),
	RECEIVER_ROWS("receiver.python", receivers[RECEIVER_PYTHON]),
	CONF_PATTERN("receiver.*", struct opts, receivers, receivers_n, "integrations|python"),
	RECEIVER_ROWS("receiver.*", receivers[0]),

	{"notify", "url", CONF_URL, AT(notify.url), 0, 0, "", NULL,
		"notifications and progress are also sent here; empty: they are only recorded"},
	{"notify", "timeout", CONF_DURATION, AT(notify.timeout_ms), 10, DAY_MS, "10s", NULL,
		"longest time for one of them"},

	{"privacy", "secret-fields", CONF_LINES, AT(privacy.secret_fields), 0, 0, MASK_DEFAULT_FIELDS, NULL,
		"names of members (with * before or after) and JSON pointers whose values are not shown"},

	CONF_PATTERN("webhook.*", struct opts, webhooks, webhooks_n, NULL),
	{"webhook.*", "signature", CONF_ENUM, AT(webhooks[0].signature), 0, 0, "standard", "standard|hmac",
		"how it signs: by Standard Webhooks 1.0, or with HMAC-SHA256 in a header of its own"},
	{"webhook.*", "secret", CONF_SECRET, AT(webhooks[0].secret), 0, 0, "", NULL,
		"its secret, or several with blanks between them; better in a file"},
	{"webhook.*", "secret-file", CONF_TEXT, AT(webhooks[0].secret_file), 0, 0, "", NULL,
		"file with its secrets; a relative one is in $CREDENTIALS_DIRECTORY"},
	{"webhook.*", "window", CONF_DURATION, AT(webhooks[0].window_ms), 1000, DAY_MS, "5m", NULL,
		"how far its time of sending may lie before or after ours"},
	{"webhook.*", "header", CONF_TEXT, AT(webhooks[0].header), 0, 0, "", NULL,
		"hmac: name of the header with the signature"},
	{"webhook.*", "prefix", CONF_TEXT, AT(webhooks[0].prefix), 0, 0, "", NULL,
		"hmac: what stands before the signature, such as sha256="},
	{"webhook.*", "encoding", CONF_ENUM, AT(webhooks[0].encoding), 0, 0, "hex", "hex|base64",
		"hmac: how the signature is written"},
	{"webhook.*", "timestamp-header", CONF_TEXT, AT(webhooks[0].timestamp_header), 0, 0, "", NULL,
		"hmac: name of the header with the time of sending, in seconds since 1970; empty: there is "
		"none"},
	{"webhook.*", "content", CONF_TEXT, AT(webhooks[0].content), 0, 0, "", NULL,
		"hmac: what is signed; empty: {body}, or {timestamp}.{body} with a timestamp-header"},
	WEBHOOK_TEXT(
		"id", id, "hmac: where the id of a delivery is; empty: its bytes are what it is known by"),
	{"webhook.*", "phase", CONF_INT, AT(webhooks[0].phase), 0, PHASE_LAST, "0", NULL,
		"phase of all its events: 6 (claim rejected) or 7 (payout received); 0: type tells"},
	WEBHOOK_TEXT("type", type, "where an event's type is"),
	WEBHOOK_TEXT("rejected", rejected, "types of events that are rejections, for phase 6"),
	WEBHOOK_TEXT("paid", paid, "types of events that are payouts, for phase 7; other types are ignored"),
	WEBHOOK_TEXT("user-id", user_id, "where the user's id is"),
	WEBHOOK_TEXT("claim-id", claim_id, "where the claim's id is"),
	WEBHOOK_TEXT("reason", reason, "where the reason of a rejection is"),
	WEBHOOK_TEXT("amount", amount, "where the amount of a payout is"),
	{"webhook.*", "amount-scale", CONF_INT, AT(webhooks[0].amount_scale), 0, 6, "0", NULL,
		"the amount is in minor units, so many of its digits after the point: with 2, 12050 is "
		"120.50"},
	WEBHOOK_TEXT("currency", currency, "where the currency of a payout is"),
	WEBHOOK_TEXT("case-id", case_id, "where Amazon's id of the case is; it may be absent or null"),
	{"webhook.*", "keep-event", CONF_BOOL, AT(webhooks[0].keep_event), 0, 0, "yes", NULL,
		"keep the sender's whole body in the job's payload, as its member event"},
};
const size_t opts_rows_n = sizeof opts_rows / sizeof *opts_rows;

static enum status from_environment(struct opts *out, struct why *why)
{
	static const struct {
		const char *variable, *section, *key;
		size_t is_inherited; /* 0: nobody asks */
	} rows[] = {
		{"INTEGRATIONS_URL", "receiver", "integrations-url", 0},
		{"PYTHON_API_URL", "receiver", "python-url", 0},
		{"PYTHON_API_JWT_SECRET", "receiver", "python-jwt-secret",
			AT(receiver.jwt_secret_is_inherited)},
		{"INTERNAL_API_KEY", "receiver", "internal-api-key", AT(receiver.api_key_is_inherited)},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *value = getenv(rows[i].variable);
		struct why inner = WHY_INIT;
		if (!value || !*value)
			continue;
		enum status st =
			conf_set(opts_rows, opts_rows_n, out, rows[i].section, rows[i].key, value, &inner);
		if (st != ST_OK)
			return why_set(
				why, st, "environment variable %s: %.200s", rows[i].variable, inner.text);
		if (rows[i].is_inherited)
			*(bool *)((char *)out + rows[i].is_inherited) = true;
	}
	const char *mode = getenv("NODE_ENV"), *amazon = getenv("AMAZON_SPAPI_BASE_URL");
	if ((mode && strcmp(mode, "development") == 0) || (amazon && strstr(amazon, "sandbox")))
		out->worker.sandbox = true;
	return ST_OK;
}

static enum status check_source(const struct opts *o, struct why *why)
{
	struct why inner = WHY_INIT;
	enum status st = cloud_event_check_source(o->events.source, &inner);
	return st == ST_OK ? ST_OK : why_set(why, st, "events.source: %.250s", inner.text);
}

static enum status make_mask(struct opts *o, struct why *why)
{
	struct why inner = WHY_INIT;
	enum status st = mask_new(o->privacy.secret_fields, &o->privacy.mask, &inner);
	return st == ST_OK ? ST_OK : why_set(why, st, "privacy.secret-fields: %.250s", inner.text);
}

/* What no single row can tell. */
static enum status check_together(struct opts *o, struct why *why)
{
	if (o->http.body_budget < o->http.max_body)
		return why_set(why, ST_INVALID, "http.body-budget must be at least http.max-body");
	if (o->spool.map_size % sysconf(_SC_PAGESIZE) != 0)
		return why_set(why, ST_INVALID,
			"spool.map-size must be a multiple of the page size, %ld bytes",
			sysconf(_SC_PAGESIZE));
	enum status st = check_source(o, why);
	if (st == ST_OK)
		st = opts_check_receivers(o, why);
	if (st == ST_OK)
		st = opts_check_calls(o, why);
	if (st == ST_OK)
		st = opts_check_webhooks(o, why);
	if (st == ST_OK)
		st = opts_check_secret_values(o, why);
	return st == ST_OK ? make_mask(o, why) : st;
}

enum status opts_load(const char *file, struct opts *out, struct why *why)
{
	*out = (struct opts){0};
	enum status st = conf_defaults(opts_rows, opts_rows_n, out, why);
	if (st == ST_OK && file)
		st = conf_read(opts_rows, opts_rows_n, file, out, why);
	else if (st == ST_OK && access(OPTS_FILE, F_OK) == 0)
		st = conf_read(opts_rows, opts_rows_n, OPTS_FILE, out, why);
	if (st == ST_OK)
		st = opts_join_urls(out, why);
	if (st == ST_OK)
		st = opts_check_secret_rows(out, why);
	if (st == ST_OK)
		st = from_environment(out, why);
	if (st == ST_OK)
		st = check_together(out, why);
	if (st != ST_OK)
		opts_release(out);
	return st;
}

enum status opts_load_for_calls(const char *file, struct opts *out, struct why *why)
{
	enum status st = opts_load(file, out, why);
	if (st != ST_OK)
		return st;
	st = opts_read_secrets(out, why);
	if (st == ST_OK)
		st = opts_check_files(out, why);
	if (st != ST_OK)
		opts_release(out);
	return st;
}

enum status opts_load_for_intake(const char *file, struct opts *out, struct why *why)
{
	enum status st = opts_load(file, out, why);
	if (st != ST_OK)
		return st;
	for (size_t i = 0; i < out->webhooks_n && st == ST_OK; i++)
		st = opts_read_webhook_secrets(out, i, why);
	if (st != ST_OK)
		opts_release(out);
	return st;
}

void opts_release(struct opts *opts)
{
	conf_release(opts_rows, opts_rows_n, opts);
	mask_free(opts->privacy.mask);
	opts->privacy.mask = NULL;
}

void opts_print(const struct opts *opts, FILE *to, bool with_help)
{
	conf_print(opts_rows, opts_rows_n, opts, to, with_help);
	opts_print_calls(opts, to);
}

static int64_t either(int64_t own, int64_t general)
{
	return own == CONF_UNSET ? general : own;
}

struct retry_opts opts_retry(const struct opts *opts, int phase)
{
	int slot = phase_slot(phase);
	assert(slot >= 0);
	const struct retry_opts *own = &opts->phase[slot].retry, *general = &opts->retry;
	return (struct retry_opts){
		.attempts = either(own->attempts, general->attempts),
		.base_ms = either(own->base_ms, general->base_ms),
		.factor_milli = either(own->factor_milli, general->factor_milli),
		.cap_ms = either(own->cap_ms, general->cap_ms),
		.give_up_after_ms = either(own->give_up_after_ms, general->give_up_after_ms),
		.jitter = either(own->jitter, general->jitter),
	};
}

/* How long some signature may be good. */
static int64_t longest_signature_ms(const struct opts *opts)
{
	int64_t ms = 0;
	for (size_t i = 0; i < opts->webhooks_n; i++)
		if (2 * opts->webhooks[i].window_ms > ms)
			ms = 2 * opts->webhooks[i].window_ms;
	return ms;
}

struct spool_conf opts_spool_conf(const struct opts *opts)
{
	struct spool_conf conf = {
		.store = opts->spool.store,
		.path = opts->spool.path,
		.database = opts->spool.database,
		.require_sync_standby = opts->spool.require_sync_standby,
		.map_size = opts->spool.map_size,
		.full_at_percent = opts->spool.full_at_percent,
		.disk_full_at_percent = opts->spool.disk_full_at_percent,
		.max_depth = opts->spool.max_depth,
		.ordering = opts->queue.ordering == 0,
		.dedupe_window_us = opts->queue.dedupe_window_ms * 1000,
		.crowd_at = opts->queue.crowd_at,
		.keep_reserved_us = longest_signature_ms(opts) * 1000,
	};
	for (int phase = AWAIT_FIRST; phase <= AWAIT_LAST; phase++) {
		const struct phase_opts *o = &opts->phase[phase_slot(phase)];
		conf.await_us[phase] = o->is_awaited ? o->service_level_ms * 1000 : 0;
	}
	return conf;
}
