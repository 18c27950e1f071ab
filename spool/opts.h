/* spool/opts.h: every configuration row of the three programs, in one schema (clario.conf(5)).
 *
 * The file is shared, so each program knows all rows and refuses what none of them knows. Modules get values
 * from here, never the file. */
#ifndef SPOOL_OPTS_H
#define SPOOL_OPTS_H
#include "spool/base/conf.h"
#include "spool/model/phase.h"
#include "spool/spool.h"

struct http_opts {
	char *socket;           /* path of the FastCGI socket */
	char *trusted_networks; /* nets_contain() */
	char *trusted_proxies;
	int64_t max_body, body_budget; /* bytes */
	int64_t connections, threads, backlog;
};

struct retry_opts {
	int64_t attempts; /* CONF_UNSET in a phase's section: as [retry] */
	int64_t base_ms, factor_milli, cap_ms, give_up_after_ms;
	int64_t jitter; /* 0 or 1 */
};

struct phase_opts {
	struct retry_opts retry;
};

/* The calls that phases make (contract.md D13-D15); worker/ gives each its body. */
enum call_name {
	CALL_SYNC,
	CALL_DETECTION,
	CALL_MATCHING,
	CALL_REJECTION,
	CALL_FEE,
	CALL_PROOF_PACKET,
	CALL_N
};
enum call_receiver { RECEIVER_INTEGRATIONS, RECEIVER_PYTHON };
enum call_auth { AUTH_NONE, AUTH_JWT, AUTH_API_KEY };
struct call_opts {
	int receiver; /* enum call_receiver: which base URL */
	char *method;
	char *path; /* template: {claim_id} is percent-encoded in */
	int64_t timeout_ms, connect_timeout_ms;
	int auth; /* enum call_auth */
	bool required;
};
const char *opts_call_name(enum call_name call); /* "sync", "detection", ... as in [call.sync] */

struct opts {
	struct http_opts http;
	struct {
		char *store, *path;
		int64_t map_size, full_at_percent, disk_full_at_percent, max_depth;
	} spool;
	struct {
		int ordering; /* 0: workflow, 1: none */
		int64_t dedupe_window_ms, keep_completed_ms, keep_failed_ms, keep_cancelled_ms;
		int64_t crowd_at;
	} queue;
	struct retry_opts retry;
	struct phase_opts phase[PHASE_SLOTS];
	int64_t fee_rate_micro; /* phase.7.fee-rate: millionths */
	struct {
		int64_t in_flight, lease_ms, stop_grace_ms, max_response;
		bool sandbox; /* contract.md 2.0: is_sandbox, mode */
	} worker;
	struct call_opts call[CALL_N];
	struct {
		char *integrations_url, *python_url;
		char *python_jwt_secret, *internal_api_key; /* secrets: never printed or logged */
	} receiver;
	struct {
		char *url; /* empty: notifications are only recorded */
		int64_t timeout_ms;
	} notify;
};

extern const struct conf_row opts_rows[];
extern const size_t opts_rows_n;

/* Defaults, then file, then the environment (INTEGRATIONS_URL, PYTHON_API_URL, PYTHON_API_JWT_SECRET,
 * INTERNAL_API_KEY, D20; NODE_ENV=development or "sandbox" in AMAZON_SPAPI_BASE_URL: worker.sandbox), then
 * the checks between rows. file NULL: OPTS_FILE if it exists, else defaults alone. */
#define OPTS_FILE "/etc/clario-workflow/clario.conf"
NODISCARD enum status opts_load(const char *file, struct opts *out, struct why *why);
void opts_release(struct opts *opts);
void opts_print(const struct opts *opts, FILE *to, bool with_help);

/* The effective policy of a phase: its own rows where set, [retry]'s elsewhere; nothing is CONF_UNSET. */
struct retry_opts opts_retry(const struct opts *opts, int phase);
struct spool_conf opts_spool_conf(const struct opts *opts); /* borrows from opts */

#endif
