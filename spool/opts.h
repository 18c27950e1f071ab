/* spool/opts.h: every configuration row of the three programs, in one schema (clario.conf(5)).
 *
 * The file is shared, so each program knows all rows and refuses what none of them knows. Modules get values
 * from here, never the file. */
#ifndef SPOOL_OPTS_H
#define SPOOL_OPTS_H
#include "spool/base/conf.h"
#include "spool/base/mask.h"
#include "spool/model/phase.h"
#include "spool/spool.h"

struct http_opts {
	char *socket;           /* path of the FastCGI socket */
	char *trusted_networks; /* nets_contain() */
	char *trusted_proxies;
	char *cors_origins;            /* origins_contain() */
	char *hosts;                   /* hosts_contain() */
	int64_t max_body, body_budget; /* bytes */
	int64_t connections, threads, backlog;
	int64_t rate_milli, rate_burst, caller_max_jobs, caller_max_bytes; /* opts_caller() */
};

/* clario-events: the stream of events to whoever listens. */
struct events_opts {
	char *socket, *key_file;
	char *source; /* of exported events; empty: cloud_event_source() tells */
	int64_t max_listeners, max_per_caller;
	int64_t heartbeat_ms, slow_after_ms, max_age_ms, ticket_life_ms;
};

struct retry_opts {
	int64_t attempts; /* CONF_UNSET in a phase's section: as [retry] */
	int64_t base_ms, factor_milli, cap_ms, give_up_after_ms;
	int64_t jitter; /* 0 or 1 */
};

struct phase_opts {
	struct retry_opts retry;
	int64_t concurrency;      /* calls of this phase at one time; 0: no bound of its own */
	int64_t service_level_ms; /* 0: none */
	bool is_awaited;          /* after the phase before it, for as long (model/await.h) */
};

/* Who is called: the built-in ones, then the operator's, in the order of the file. What is 0 or unset in the
 * file, and not said to stay so, is resolved by opts_load(). */
enum { RECEIVERS_MAX = 16, CALLS_MAX = 32, SECRET_MAX = 3072 };
enum receiver_name { RECEIVER_INTEGRATIONS, RECEIVER_PYTHON, RECEIVER_N };
struct receiver_opts {
	char name[CONF_NAME_MAX + 1];
	char *url;             /* base URL; "": a built-in one that is not configured */
	int64_t concurrency;   /* calls at one time */
	int64_t rate_milli;    /* calls in 1000 seconds; 0: no bound */
	int64_t burst;         /* calls that may be made at once after a pause */
	int64_t breaker_share; /* percent of failed calls that opens the breaker; 0: it never opens */
	int64_t breaker_calls, breaker_window_ms, breaker_open_ms, breaker_open_max_ms;
	char *ca_file; /* NULL: the system's authorities */
};

/* The calls that phases make (contract.md D13-D15): the built-in ones, whose bodies worker/phases/ writes,
 * then the operator's, in the order of the file. A call is known by its index. */
enum call_name {
	CALL_SYNC,
	CALL_DETECTION,
	CALL_MATCHING,
	CALL_REJECTION,
	CALL_FEE,
	CALL_PROOF_PACKET,
	CALL_N
};
enum call_auth { AUTH_NONE, AUTH_JWT, AUTH_API_KEY, AUTH_HEADER };
struct call_opts {
	char name[CONF_NAME_MAX + 1];
	int64_t phase; /* 0: it is not made */
	char *receiver_name;
	size_t receiver; /* its index */
	char *method;
	char *path; /* TEMPLATE_PATH */
	int64_t timeout_ms, connect_timeout_ms;
	int auth;                                 /* enum call_auth */
	char *auth_header, *secret, *secret_file; /* secret "": that of [receiver], if auth has one there */
	bool required;
	char *success; /* opts_is_success() */
	char *body;    /* TEMPLATE_BODY; "": the phase's handler writes it, or it is the payload */
};

/* What differs for one caller; CONF_UNSET: as [http]. */
enum { CALLERS_MAX = 64 };
struct caller_opts {
	char name[CONF_NAME_MAX + 1];
	int64_t rate_milli, burst, max_jobs, max_bytes;
};

/* Sources of webhooks, in the order of the file: who may sign, and where in its bodies the fields of a phase
 * are. Pointers are those of RFC 6901; "": that field is not taken. */
enum { WEBHOOKS_MAX = 16, WEBHOOK_SECRETS_MAX = 8, WEBHOOK_KEY_MAX = 512, WEBHOOK_PARTS_MAX = 5 };
enum webhook_signature { WEBHOOK_STANDARD, WEBHOOK_HMAC };
enum webhook_encoding { WEBHOOK_HEX, WEBHOOK_BASE64 };
struct webhook_opts {
	char name[CONF_NAME_MAX + 1];
	int signature;              /* enum webhook_signature */
	char *secret, *secret_file; /* secret: several at once, between blanks or line ends */
	int64_t window_ms;
	char *header, *prefix;
	int encoding; /* enum webhook_encoding */
	char *timestamp_header, *content, *id;
	int64_t phase; /* 0: type tells */
	char *type, *rejected, *paid;
	char *user_id, *claim_id, *reason, *amount, *currency, *case_id;
	int64_t amount_scale;
	bool keep_event;
};

struct opts {
	struct http_opts http;
	struct caller_opts caller[CALLERS_MAX];
	size_t callers_n;
	struct events_opts events;
	struct {
		char *store, *path, *database;
		bool require_sync_standby;
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
		bool sandbox;           /* contract.md 2.0: is_sandbox, mode */
		char *allowed_networks; /* nets_contain(): may be called although link-local or metadata */
	} worker;
	struct call_opts call[CALLS_MAX];
	size_t calls_n;
	struct {
		char *integrations_url, *python_url;        /* receivers[] has what is in force */
		char *python_jwt_secret, *internal_api_key; /* secrets: never printed or logged */
		char *python_jwt_secret_file, *internal_api_key_file;
		bool jwt_secret_is_inherited, api_key_is_inherited; /* from the environment */
	} receiver;
	struct receiver_opts receivers[RECEIVERS_MAX];
	size_t receivers_n;
	struct {
		char *url; /* empty: notifications are only recorded */
		int64_t timeout_ms;
	} notify;
	struct {
		char *secret_fields;
		struct mask *mask; /* what they say; made by opts_load() */
	} privacy;
	struct webhook_opts webhooks[WEBHOOKS_MAX];
	size_t webhooks_n;
};

extern const struct conf_row opts_rows[];
extern const size_t opts_rows_n;

/* Defaults, then file, then the environment (INTEGRATIONS_URL, PYTHON_API_URL, PYTHON_API_JWT_SECRET,
 * INTERNAL_API_KEY, D20; NODE_ENV=development or "sandbox" in AMAZON_SPAPI_BASE_URL: worker.sandbox), then
 * the checks between rows. file NULL: OPTS_FILE if it exists, else defaults alone. */
#define OPTS_FILE "/etc/clario-workflow/clario.conf"
NODISCARD enum status opts_load(const char *file, struct opts *out, struct why *why);
/* As opts_load(), and what only the one that calls needs, as files that others may have no right to: secrets
 * are read from the files that rows name, and those of authorities must be readable. */
NODISCARD enum status opts_load_for_calls(const char *file, struct opts *out, struct why *why);
/* As opts_load(), and the secrets of webhooks, for the one that is sent them. */
NODISCARD enum status opts_load_for_intake(const char *file, struct opts *out, struct why *why);
/* Those of one source, from the file that its row names, if it names one; and that they are fit for use. */
NODISCARD enum status opts_read_webhook_secrets(struct opts *opts, size_t webhook, struct why *why);
void opts_release(struct opts *opts); /* secrets are wiped */
/* All rows as they are in force, then each phase's calls as comments; of a secret only whether it is set, and
 * by what. */
void opts_print(const struct opts *opts, FILE *to, bool with_help);

/* The calls of a phase in the order they are made, as indexes of call[]: how many. */
size_t opts_phase_calls(const struct opts *opts, int phase, int out[CALLS_MAX]);
/* The phases that call a receiver, by its index: bits of phase_slot(). */
uint32_t opts_receiver_phases(const struct opts *opts, size_t receiver);
/* Jobs that one worker may hold for a receiver that lets may_run calls be made at a time: those that may run,
 * and as many again or, where it gets through more until the worker asks again, `ahead`, so that none is
 * waited for; no more than its rate lets through in a second. */
size_t opts_receiver_room(const struct receiver_opts *receiver, uint32_t may_run, size_t ahead);
/* Is this HTTP status one that the call's success row names? */
bool opts_is_success(const struct call_opts *call, long http_status);
/* The secret that a call is made with, "" without one, and what gave it ("environment", or a row's name;
 * NULL: nothing did). from may be NULL. */
const char *opts_call_secret(const struct opts *opts, const struct call_opts *call, const char **from);

/* Overwrite the secrets among the variables of this process's environment, where others could read them
 * (proc_pid_environ(5)): after all that is to be loaded has been. */
void opts_wipe_environment(void);

/* Append a text that came from outside, to be recorded: without any of the secrets that these options hold,
 * and without what else looks like one (mask_text()). */
void opts_scrub(const struct opts *opts, struct slice text, struct buf *out);

/* Whether some event of the source becomes a job of this phase (6 or 7). */
bool opts_webhook_has_phase(const struct webhook_opts *source, int phase);

/* The effective policy of a phase: its own rows where set, [retry]'s elsewhere; nothing is CONF_UNSET. */
struct retry_opts opts_retry(const struct opts *opts, int phase);
/* What the caller of this name may: nothing is unset. */
struct caller_bounds {
	int64_t rate_milli, burst;    /* requests in 1000 seconds, 0: no bound; those that may come at once */
	uint64_t max_jobs, max_bytes; /* 0: no bound */
};
struct caller_bounds opts_caller(const struct opts *opts, struct slice name);
bool opts_has_rates(const struct opts *opts);               /* of anybody */
struct spool_conf opts_spool_conf(const struct opts *opts); /* borrows from opts */

#endif
