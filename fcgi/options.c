/* fcgi/options.c: see options.h. */
#include "fcgi/options.h"

#include "spool/when.h"

#include <strings.h>

enum { SOURCE_MAX = 64 };

static bool is_between(struct slice text, unsigned char first, unsigned char last)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.p[i] < first || (unsigned char)text.p[i] > last)
			return false;
	return true;
}

/* The header may come as a string of RFC 8941, in quotes; one with escapes inside is refused. */
static bool take_key(struct slice text, struct options *out, struct fault *fault)
{
	struct slice key = text;
	bool is_quoted = text.len >= 2 && text.p[0] == '"' && text.p[text.len - 1] == '"';
	if (is_quoted)
		key = slice_of(text.p + 1, text.len - 2);
	bool has_escape =
		is_quoted && key.len && (memchr(key.p, '\\', key.len) || memchr(key.p, '"', key.len));
	if (!options_key_is_valid(key) || has_escape)
		return fault_set(fault, PROBLEM_BAD_HEADER, "Idempotency-Key",
			"Idempotency-Key must have 1 to %d visible ASCII characters", JOB_TEXT_MAX);
	out->idempotency_key = key;
	return true;
}

static bool take_priority(struct slice text, struct options *out, struct fault *fault)
{
	if (text.len != 1 || text.p[0] < '0' + JOB_PRIORITY_FIRST || text.p[0] > '0' + JOB_PRIORITY_LAST)
		return fault_set(fault, PROBLEM_BAD_HEADER, "X-Priority",
			"X-Priority must be a number from %d (most urgent) to %d", JOB_PRIORITY_FIRST,
			JOB_PRIORITY_LAST);
	out->priority = text.p[0] - '0';
	return true;
}

static bool take_run_at(struct slice text, struct options *out, struct fault *fault)
{
	if (!when_parse(text, &out->run_at_us))
		return fault_set(fault, PROBLEM_BAD_HEADER, "X-Run-At",
			"X-Run-At must be a time such as 2026-11-24T02:18:55Z, or milliseconds since 1970");
	return true;
}

static bool take_delay(struct slice text, int64_t now_us, struct options *out, struct fault *fault)
{
	int64_t span_us;
	if (!when_parse_span(text, &span_us))
		return fault_set(fault, PROBLEM_BAD_HEADER, "X-Delay",
			"X-Delay must be milliseconds, or a span such as 90s, 5m, 2h or 1d, of at most ten "
			"years");
	out->run_at_us = now_us + span_us;
	return true;
}

/* A name that was proved is not to be had by saying it. */
static bool is_given_name(struct slice text)
{
	static const char *const prefixes[] = {CALLER_TOKEN, "webhook:", "operator:"};
	while (text.len && text.p[0] == ' ')
		text = slice_of(text.p + 1, text.len - 1);
	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
		if (text.len >= strlen(prefixes[i]) &&
			strncasecmp(text.p, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

static bool is_name(struct slice text)
{
	return text.len <= SOURCE_MAX && is_between(text, 0x20, 0x7e) && !is_given_name(text);
}

struct slice options_source(const struct request *request, bool *is_said)
{
	struct slice said = request->param[PARAM_SOURCE];
	*is_said = !request->caller.name[0] && said.len && is_name(said);
	if (request->caller.name[0])
		return slice_text(request->caller.name);
	return *is_said ? said : request->param[PARAM_REMOTE_ADDR];
}

static bool check_source(struct slice said, struct fault *fault)
{
	return is_name(said) ||
	       fault_set(fault, PROBLEM_BAD_HEADER, "X-Clario-Source",
		       "X-Clario-Source must have at most %d printable ASCII characters, and must not begin "
		       "with token:, webhook: or operator:",
		       SOURCE_MAX);
}

/* `len` lower-case hex digits at p, not all of them zero unless that is allowed. */
static bool is_hex(const char *p, size_t len, bool may_be_zero)
{
	bool is_zero = true;
	for (size_t i = 0; i < len; i++) {
		if (!((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f')))
			return false;
		is_zero = is_zero && p[i] == '0';
	}
	return may_be_zero || !is_zero;
}

bool options_traceparent_is_valid(struct slice text)
{
	enum { TRACE = 3, SPAN = 36, FLAGS = 53, LEN = 55 };
	const char *p = text.p;
	if (text.len < LEN || p[TRACE - 1] != '-' || p[SPAN - 1] != '-' || p[FLAGS - 1] != '-')
		return false;
	if (!is_hex(p, 2, true) || !is_hex(p + TRACE, 32, false) || !is_hex(p + SPAN, 16, false) ||
		!is_hex(p + FLAGS, 2, true) || memcmp(p, "ff", 2) == 0)
		return false;
	return text.len == LEN || (memcmp(p, "00", 2) != 0 && p[LEN] == '-' && text.len <= JOB_TEXT_MAX);
}

/* A tracestate means nothing without its traceparent; one that is too long to keep may be dropped whole. */
static void take_trace(const struct request *request, struct options *out)
{
	struct slice state = request->param[PARAM_TRACESTATE];
	if (!options_traceparent_is_valid(request->param[PARAM_TRACEPARENT]))
		return;
	out->traceparent = request->param[PARAM_TRACEPARENT];
	if (state.len <= JOB_TEXT_MAX && is_between(state, 0x20, 0x7e))
		out->tracestate = state;
}

/* Whoever has a name here is called by it; others may say who they are. */
static bool take_caller(const struct request *request, struct options *out, struct fault *fault)
{
	struct slice said = request->param[PARAM_SOURCE];
	bool is_said;
	out->source = options_source(request, &is_said);
	return !said.len || check_source(said, fault);
}

bool options_from_headers(const struct request *request, struct options *out, struct fault *fault)
{
	const struct slice *param = request->param;
	*out = (struct options){0};
	take_trace(request, out);
	if (param[PARAM_RUN_AT].len && param[PARAM_DELAY].len)
		return fault_set(
			fault, PROBLEM_BAD_HEADER, "X-Delay", "X-Run-At and X-Delay exclude each other");
	return (!param[PARAM_IDEMPOTENCY_KEY].len || take_key(param[PARAM_IDEMPOTENCY_KEY], out, fault)) &&
	       (!param[PARAM_RUN_AT].len || take_run_at(param[PARAM_RUN_AT], out, fault)) &&
	       (!param[PARAM_DELAY].len ||
		       take_delay(param[PARAM_DELAY], request->now.wall_us, out, fault)) &&
	       (!param[PARAM_PRIORITY].len || take_priority(param[PARAM_PRIORITY], out, fault)) &&
	       take_caller(request, out, fault);
}
