/* spool/opts_calls.c: see opts_calls.h. */
#include "spool/opts_calls.h"

#include "spool/template.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static const struct {
	const char *section, *key; /* the row besides [receiver.NAME] url */
	size_t url;                /* where it lands */
} built_in[RECEIVER_N] = {
	[RECEIVER_INTEGRATIONS] = {"receiver.integrations", "integrations-url",
		offsetof(struct opts, receiver.integrations_url)},
	[RECEIVER_PYTHON] = {"receiver.python", "python-url", offsetof(struct opts, receiver.python_url)},
};

static const char *given_url(const struct opts *o, size_t i)
{
	return *(char *const *)((const char *)o + built_in[i].url);
}

static enum status set(
	struct opts *o, const char *section, const char *key, const char *value, struct why *why)
{
	return conf_set(opts_rows, opts_rows_n, o, section, key, value, why);
}

enum status opts_join_urls(struct opts *o, struct why *why)
{
	enum status st = ST_OK;
	for (size_t i = 0; i < RECEIVER_N && st == ST_OK; i++) {
		const char *own = o->receivers[i].url, *given = given_url(o, i);
		if (*own && *given && strcmp(own, given) != 0)
			return why_set(why, ST_INVALID, "receiver.%s and %s.url differ; keep one",
				built_in[i].key, built_in[i].section);
		if (*own)
			st = set(o, "receiver", built_in[i].key, own, why);
	}
	return st;
}

static enum status check_receiver(struct opts *o, struct receiver_opts *r, struct why *why)
{
	if (r >= &o->receivers[RECEIVER_N] && !*r->url)
		return why_set(why, ST_INVALID, "receiver.%s.url must be set", r->name);
	if (r->breaker_open_ms > r->breaker_open_max_ms)
		return why_set(why, ST_INVALID,
			"receiver.%s.breaker-open must not exceed receiver.%s.breaker-open-max", r->name,
			r->name);
	/* One receiver that hangs leaves room for the others. */
	if (r->concurrency == 0)
		r->concurrency = o->worker.in_flight > 1 ? o->worker.in_flight * 3 / 4 : 1;
	if (r->burst == CONF_UNSET)
		r->burst = r->rate_milli > 1000 ? (r->rate_milli + 999) / 1000 : 1;
	return ST_OK;
}

enum status opts_check_receivers(struct opts *o, struct why *why)
{
	enum status st = ST_OK;
	for (size_t i = 0; i < RECEIVER_N && st == ST_OK; i++)
		st = set(o, built_in[i].section, "url", given_url(o, i), why);
	for (size_t i = 0; i < o->receivers_n && st == ST_OK; i++)
		st = check_receiver(o, &o->receivers[i], why);
	return st;
}

static enum status check_phase(const struct opts *o, const struct call_opts *call, struct why *why)
{
	static const int own[CALL_N] = {
		[CALL_SYNC] = 1,
		[CALL_DETECTION] = 2,
		[CALL_MATCHING] = 3,
		[CALL_REJECTION] = 6,
		[CALL_FEE] = 7,
		[CALL_PROOF_PACKET] = 7,
	};
	ptrdiff_t i = call - o->call;
	if (i < CALL_N)
		return call->phase == 0 || call->phase == own[i]
			       ? ST_OK
			       : why_set(why, ST_INVALID, "call.%s.phase must be %d, or 0 to leave it out",
					 call->name, own[i]);
	if (call->phase == CONF_UNSET)
		return why_set(why, ST_INVALID, "call.%s.phase must be set", call->name);
	return phase_info((int)call->phase)
		       ? ST_OK
		       : why_set(why, ST_INVALID, "call.%s.phase must be 1 to 7 or 10 to 14", call->name);
}

static enum status find_receiver(const struct opts *o, struct call_opts *call, struct why *why)
{
	for (call->receiver = 0; call->receiver < o->receivers_n; call->receiver++)
		if (strcmp(o->receivers[call->receiver].name, call->receiver_name) == 0)
			return ST_OK;
	if (!*call->receiver_name)
		return why_set(why, ST_INVALID, "call.%s.receiver must be set", call->name);
	return why_set(why, ST_INVALID, "call.%s.receiver = %s: there is no [receiver.%s]", call->name,
		call->receiver_name, call->receiver_name);
}

/* HEAD and CONNECT have answers of another kind. */
static bool method_is_possible(const char *text)
{
	return *text && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(text) &&
	       strcmp(text, "HEAD") != 0 && strcmp(text, "CONNECT") != 0;
}

static enum status check_request(const struct call_opts *call, struct why *why)
{
	struct why inner = WHY_INIT;
	enum status st;
	if (!method_is_possible(call->method))
		return why_set(why, ST_INVALID,
			"call.%s.method must be a word in capitals, such as POST, but not HEAD or CONNECT",
			call->name);
	if (call->path[0] != '/')
		return why_set(why, ST_INVALID, "call.%s.path must begin with a slash", call->name);
	st = template_check(TEMPLATE_PATH, call->path, &inner);
	if (st != ST_OK)
		return why_set(why, st, "call.%s.path: %s", call->name, inner.text);
	if (*call->body && (st = template_check(TEMPLATE_BODY, call->body, &inner)) != ST_OK)
		return why_set(why, st, "call.%s.body: %s", call->name, inner.text);
	if (call->connect_timeout_ms > call->timeout_ms)
		return why_set(why, ST_INVALID, "call.%s.connect-timeout must not exceed call.%s.timeout",
			call->name, call->name);
	return ST_OK;
}

/* Those that every call has already, or libcurl makes. */
static bool header_is_taken(const char *name)
{
	static const char *const taken[] = {"Content-Type", "Content-Length", "Transfer-Encoding", "Host",
		"Connection", "Expect", "TE", "Trailer", "Upgrade", "User-Agent", "Idempotency-Key",
		"traceparent", "tracestate"};
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
		if (strcasecmp(name, taken[i]) == 0)
			return true;
	return strncasecmp(name, "X-Clario-", 9) == 0;
}

/* A token as in RFC 9110, of a sensible length. */
static bool is_header_name(const char *name)
{
	size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				  "!#$%&'*+-.^_`|~");
	return len > 0 && len <= 64 && name[len] == '\0';
}

static enum status check_auth(const struct call_opts *call, struct why *why)
{
	bool has_secret = *call->secret || *call->secret_file;
	const char *fault = NULL;
	if (call->auth != AUTH_HEADER && *call->auth_header)
		fault = "auth-header is for auth = header alone";
	else if (call->auth == AUTH_NONE && has_secret)
		fault = "a secret needs an auth other than none";
	else if (call->auth == AUTH_HEADER && !is_header_name(call->auth_header))
		fault = "auth = header needs auth-header, the name of a header";
	else if (call->auth == AUTH_HEADER && header_is_taken(call->auth_header))
		fault = "auth-header names a header that each call has already";
	else if (call->auth == AUTH_HEADER && !has_secret)
		fault = "auth = header needs secret-file or secret, the value of the header";
	return fault ? why_set(why, ST_INVALID, "call.%s: %s", call->name, fault) : ST_OK;
}

static bool take_status(const char **at, long *low, long *high)
{
	const char *p = *at;
	if (p[0] < '2' || p[0] > '5')
		return false;
	if (p[1] == 'x' && p[2] == 'x') {
		*low = (p[0] - '0') * 100;
		*high = *low + 99;
	} else if (p[1] >= '0' && p[1] <= '9' && p[2] >= '0' && p[2] <= '9') {
		*low = *high = (p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0');
	} else {
		return false;
	}
	*at = p + 3;
	return true;
}

/* One element of "2xx", "200-204, 409". false: it is none. */
static bool take_range(const char **at, long *low, long *high)
{
	long ignored;
	*at += strspn(*at, " ");
	if (!take_status(at, low, high))
		return false;
	if (**at == '-') {
		++*at;
		if (!take_status(at, &ignored, high) || *high < *low)
			return false;
	}
	*at += strspn(*at, " ");
	return **at == ',' || **at == '\0';
}

static bool success_is_valid(const char *at)
{
	long low, high;
	do {
		if (!take_range(&at, &low, &high))
			return false;
	} while (*at++ == ',');
	return true;
}

bool opts_is_success(const struct call_opts *call, long http_status)
{
	const char *at = call->success;
	long low, high;
	do {
		if (!take_range(&at, &low, &high))
			return false;
		if (http_status >= low && http_status <= high)
			return true;
	} while (*at++ == ',');
	return false;
}

static enum status check_success(const struct call_opts *call, struct why *why)
{
	if (success_is_valid(call->success))
		return ST_OK;
	return why_set(why, ST_INVALID,
		"call.%s.success = %s: expected HTTP statuses from 200 on such as 2xx or 200-204,409",
		call->name, call->success);
}

enum status opts_check_calls(struct opts *o, struct why *why)
{
	enum status st = ST_OK;
	for (size_t i = 0; i < o->calls_n && st == ST_OK; i++) {
		struct call_opts *call = &o->call[i];
		st = check_phase(o, call, why);
		if (st == ST_OK)
			st = find_receiver(o, call, why);
		if (st == ST_OK)
			st = check_request(call, why);
		if (st == ST_OK)
			st = check_auth(call, why);
		if (st == ST_OK)
			st = check_success(call, why);
	}
	return st;
}

enum status opts_check_files(const struct opts *o, struct why *why)
{
	for (size_t i = 0; i < o->receivers_n; i++) {
		const char *file = o->receivers[i].ca_file;
		if (file && access(file, R_OK) != 0)
			return why_errno(why, errno, "receiver.%s.ca-file: cannot read %s",
				o->receivers[i].name, file);
	}
	return ST_OK;
}

size_t opts_phase_calls(const struct opts *o, int phase, int out[CALLS_MAX])
{
	size_t n = 0;
	for (size_t i = 0; i < o->calls_n; i++)
		if (o->call[i].phase == phase)
			out[n++] = (int)i;
	return n;
}

uint32_t opts_receiver_phases(const struct opts *o, size_t receiver)
{
	uint32_t phases = 0;
	for (size_t i = 0; i < o->calls_n; i++)
		if (o->call[i].phase && o->call[i].receiver == receiver)
			phases |= UINT32_C(1) << phase_slot((int)o->call[i].phase);
	return phases;
}

size_t opts_receiver_room(const struct receiver_opts *r, uint32_t may_run, size_t ahead)
{
	enum { MILLI = 1000 };
	size_t at_a_time = (size_t)r->concurrency, most = at_a_time + (ahead > at_a_time ? ahead : at_a_time);
	size_t second = (size_t)(r->burst + r->rate_milli / MILLI);
	if (r->rate_milli && second < most)
		most = second;
	return may_run < most ? may_run : most;
}

static void print_call(const struct opts *o, int phase, const struct call_opts *call, FILE *to)
{
	static const char *const auths[] = {[AUTH_NONE] = "none",
		[AUTH_JWT] = "jwt",
		[AUTH_API_KEY] = "api-key",
		[AUTH_HEADER] = "header"};
	const struct receiver_opts *r = &o->receivers[call->receiver];
	const char *from;
	opts_call_secret(o, call, &from);
	fprintf(to, "# phase %d: %s, auth %s%s%s%s\n", phase, call->name, auths[call->auth],
		call->auth == AUTH_NONE ? ""
		: from                  ? ", secret set by "
					: ", secret not set",
		call->auth != AUTH_NONE && from ? from : "", call->required ? "" : ", not required");
	/* A line of the file has no more than 198 bytes. */
	fprintf(to, "#   %s %.80s%.90s\n", call->method, *r->url ? r->url : "(no URL)", call->path);
}

void opts_print_calls(const struct opts *o, FILE *to)
{
	fputs("\n# The calls of each phase, in this order:\n", to);
	for (int slot = 0; slot < PHASE_SLOTS; slot++) {
		int calls[CALLS_MAX], phase = phase_of_slot(slot);
		size_t n = opts_phase_calls(o, phase, calls);
		for (size_t i = 0; i < n; i++)
			print_call(o, phase, &o->call[calls[i]], to);
	}
}
