/* spool/opts.c: the schema. One row per key; phases and calls repeat theirs by macro. clario.conf(5) tells
 * the same. */
#include "spool/opts.h"

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

#define PHASE_ROWS(section_, slot_)                                                                          \
	RETRY_ROWS(section_, phase[slot_].retry, NULL, NULL, NULL, NULL, NULL, NULL)

#define CALL_ROWS(section_, call_, receiver_, method_, path_, timeout_, auth_)                               \
	{section_, "receiver", CONF_ENUM, AT(call[call_].receiver), 0, 0, receiver_, "integrations|python",  \
		"whose base URL the path is appended to"},                                                   \
		{section_, "method", CONF_TEXT, AT(call[call_].method), 0, 0, method_, NULL, "HTTP method"}, \
		{section_, "path", CONF_TEXT, AT(call[call_].path), 0, 0, path_, NULL,                       \
			"path; {claim_id}, {user_id}, {workflow_id} are put in percent-encoded"},            \
		{section_, "timeout", CONF_DURATION, AT(call[call_].timeout_ms), 10, DAY_MS, timeout_, NULL, \
			"longest time for the whole call"},                                                  \
		{section_, "connect-timeout", CONF_DURATION, AT(call[call_].connect_timeout_ms), 10, DAY_MS, \
			"5s", NULL, "longest time until connected"},                                         \
		{section_, "auth", CONF_ENUM, AT(call[call_].auth), 0, 0, auth_, "none|jwt|api-key",         \
			"credentials sent: none, HS256 JWT, or X-Internal-Api-Key with X-User-Id"},          \
	{                                                                                                    \
		section_, "required", CONF_BOOL, AT(call[call_].required), 0, 0, "yes", NULL,                \
			"no: the phase completes even if this call failed, and its result says so"           \
	}

const struct conf_row opts_rows[] = {
	{"http", "socket", CONF_PATH, AT(http.socket), 0, 0, "/run/clario-workflow/fcgi.sock", NULL,
		"FastCGI socket that nginx connects to (not used under socket activation)"},
	{"http", "trusted-networks", CONF_NETS, AT(http.trusted_networks), 0, 0, "127.0.0.0/8, ::1", NULL,
		"peers that need no credentials"},
	{"http", "trusted-proxies", CONF_NETS, AT(http.trusted_proxies), 0, 0, "", NULL,
		"proxies before nginx whose X-Forwarded-For is believed"},
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

	{"spool", "store", CONF_TEXT, AT(spool.store), 0, 0, "lmdb", NULL, "storage engine"},
	{"spool", "path", CONF_PATH, AT(spool.path), 0, 0, "/var/spool/clario-workflow", NULL,
		"spool directory, on a local file system"},
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

	PHASE_ROWS("phase.1", 0),
	PHASE_ROWS("phase.2", 1),
	PHASE_ROWS("phase.3", 2),
	PHASE_ROWS("phase.4", 3),
	PHASE_ROWS("phase.5", 4),
	PHASE_ROWS("phase.6", 5),
	PHASE_ROWS("phase.7", 6),
	{"phase.7", "fee-rate", CONF_DECIMAL, AT(fee_rate_micro), 0, 1000000, "0.20", NULL,
		"share of a payout kept as the fee; 0: flat subscription, no fee call"},
	PHASE_ROWS("phase.10", 7),
	PHASE_ROWS("phase.11", 8),
	PHASE_ROWS("phase.12", 9),
	PHASE_ROWS("phase.13", 10),
	PHASE_ROWS("phase.14", 11),

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

	CALL_ROWS("call.sync", CALL_SYNC, "integrations", "POST", "/api/v1/integrations/amazon/sync", "60s",
		"api-key"),
	CALL_ROWS("call.detection", CALL_DETECTION, "integrations", "POST", "/api/detections/run", "10m",
		"api-key"),
	CALL_ROWS("call.matching", CALL_MATCHING, "python", "POST", "/api/internal/evidence/matching/run",
		"30s", "jwt"),
	CALL_ROWS("call.rejection", CALL_REJECTION, "python", "POST", "/api/v1/claim-detector/rejections/log",
		"30s", "jwt"),
	CALL_ROWS(
		"call.fee", CALL_FEE, "integrations", "POST", "/api/v1/stripe/process-fee", "30s", "api-key"),
	CALL_ROWS("call.proof-packet", CALL_PROOF_PACKET, "python", "POST",
		"/api/v1/evidence/proof-packets/{claim_id}/generate", "60s", "jwt"),

	{"receiver", "integrations-url", CONF_URL, AT(receiver.integrations_url), 0, 0, "", NULL,
		"base URL of the Node service; environment: INTEGRATIONS_URL"},
	{"receiver", "python-url", CONF_URL, AT(receiver.python_url), 0, 0, "", NULL,
		"base URL of the Python service; environment: PYTHON_API_URL"},
	{"receiver", "python-jwt-secret", CONF_SECRET, AT(receiver.python_jwt_secret), 0, 0, "", NULL,
		"secret of auth = jwt; better given by the environment: PYTHON_API_JWT_SECRET"},
	{"receiver", "internal-api-key", CONF_SECRET, AT(receiver.internal_api_key), 0, 0, "", NULL,
		"key of auth = api-key; better given by the environment: INTERNAL_API_KEY"},

	{"notify", "url", CONF_URL, AT(notify.url), 0, 0, "", NULL,
		"notifications and progress are also sent here; empty: they are only recorded"},
	{"notify", "timeout", CONF_DURATION, AT(notify.timeout_ms), 10, DAY_MS, "10s", NULL,
		"longest time for one of them"},
};
const size_t opts_rows_n = sizeof opts_rows / sizeof *opts_rows;

const char *opts_call_name(enum call_name call)
{
	static const char *const names[CALL_N] = {
		[CALL_SYNC] = "sync",
		[CALL_DETECTION] = "detection",
		[CALL_MATCHING] = "matching",
		[CALL_REJECTION] = "rejection",
		[CALL_FEE] = "fee",
		[CALL_PROOF_PACKET] = "proof-packet",
	};
	return (unsigned)call < CALL_N ? names[call] : "unknown";
}

static enum status from_environment(struct opts *out, struct why *why)
{
	static const struct {
		const char *variable, *section, *key;
	} rows[] = {
		{"INTEGRATIONS_URL", "receiver", "integrations-url"},
		{"PYTHON_API_URL", "receiver", "python-url"},
		{"PYTHON_API_JWT_SECRET", "receiver", "python-jwt-secret"},
		{"INTERNAL_API_KEY", "receiver", "internal-api-key"},
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
	}
	const char *mode = getenv("NODE_ENV"), *amazon = getenv("AMAZON_SPAPI_BASE_URL");
	if ((mode && strcmp(mode, "development") == 0) || (amazon && strstr(amazon, "sandbox")))
		out->worker.sandbox = true;
	return ST_OK;
}

static bool method_is_token(const char *text)
{
	return *text && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(text);
}

/* What no single row can tell. */
static enum status check_together(const struct opts *o, struct why *why)
{
	if (o->http.body_budget < o->http.max_body)
		return why_set(why, ST_INVALID, "http.body-budget must be at least http.max-body");
	if (o->spool.map_size % sysconf(_SC_PAGESIZE) != 0)
		return why_set(why, ST_INVALID,
			"spool.map-size must be a multiple of the page size, %ld bytes",
			sysconf(_SC_PAGESIZE));
	for (int call = 0; call < CALL_N; call++) {
		const char *name = opts_call_name((enum call_name)call);
		if (!method_is_token(o->call[call].method))
			return why_set(why, ST_INVALID,
				"call.%s.method must be a word in capitals, such as POST", name);
		if (o->call[call].path[0] != '/')
			return why_set(why, ST_INVALID, "call.%s.path must begin with a slash", name);
		if (o->call[call].connect_timeout_ms > o->call[call].timeout_ms)
			return why_set(why, ST_INVALID,
				"call.%s.connect-timeout must not exceed call.%s.timeout", name, name);
	}
	return ST_OK;
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
		st = from_environment(out, why);
	if (st == ST_OK)
		st = check_together(out, why);
	if (st != ST_OK)
		opts_release(out);
	return st;
}

void opts_release(struct opts *opts)
{
	conf_release(opts_rows, opts_rows_n, opts);
}

void opts_print(const struct opts *opts, FILE *to, bool with_help)
{
	conf_print(opts_rows, opts_rows_n, opts, to, with_help);
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

struct spool_conf opts_spool_conf(const struct opts *opts)
{
	return (struct spool_conf){
		.store = opts->spool.store,
		.path = opts->spool.path,
		.map_size = opts->spool.map_size,
		.full_at_percent = opts->spool.full_at_percent,
		.disk_full_at_percent = opts->spool.disk_full_at_percent,
		.max_depth = opts->spool.max_depth,
		.ordering = opts->queue.ordering == 0,
		.dedupe_window_us = opts->queue.dedupe_window_ms * 1000,
		.crowd_at = opts->queue.crowd_at,
	};
}
