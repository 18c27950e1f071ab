/* fcgi/request.c: which parameters there are, and how long each may be. */
#include "fcgi/request.h"

#include <assert.h>
#include <ctype.h>

/* The caps are far above what the fields mean: they bound what a handler has to look at. */
static const struct {
	const char *name;
	const char *field; /* as the caller knows it */
	size_t max;
	enum problem problem;
} table[] = {
	[PARAM_METHOD] = {"REQUEST_METHOD", "method", 32, PROBLEM_METHOD_NOT_ALLOWED},
	[PARAM_PATH] = {"DOCUMENT_URI", "path", 4096, PROBLEM_NOT_FOUND},
	[PARAM_QUERY] = {"QUERY_STRING", "query", 4096, PROBLEM_BAD_QUERY},
	[PARAM_CONTENT_TYPE] = {"CONTENT_TYPE", "Content-Type", 512, PROBLEM_BAD_HEADER},
	[PARAM_CONTENT_LENGTH] = {"CONTENT_LENGTH", "Content-Length", 32, PROBLEM_BAD_HEADER},
	[PARAM_CONTENT_ENCODING] = {"HTTP_CONTENT_ENCODING", "Content-Encoding", 256, PROBLEM_BAD_HEADER},
	[PARAM_REMOTE_ADDR] = {"REMOTE_ADDR", "REMOTE_ADDR", 128, PROBLEM_BAD_HEADER},
	[PARAM_REQUEST_ID] = {"REQUEST_ID", "REQUEST_ID", 128, PROBLEM_BAD_HEADER},
	[PARAM_IDEMPOTENCY_KEY] = {"HTTP_IDEMPOTENCY_KEY", "Idempotency-Key", 1024, PROBLEM_BAD_HEADER},
	[PARAM_TRACEPARENT] = {"HTTP_TRACEPARENT", "traceparent", 8192, PROBLEM_BAD_HEADER},
	[PARAM_TRACESTATE] = {"HTTP_TRACESTATE", "tracestate", 8192, PROBLEM_BAD_HEADER},
	[PARAM_RUN_AT] = {"HTTP_X_RUN_AT", "X-Run-At", 128, PROBLEM_BAD_HEADER},
	[PARAM_DELAY] = {"HTTP_X_DELAY", "X-Delay", 128, PROBLEM_BAD_HEADER},
	[PARAM_PRIORITY] = {"HTTP_X_PRIORITY", "X-Priority", 128, PROBLEM_BAD_HEADER},
	[PARAM_SOURCE] = {"HTTP_X_CLARIO_SOURCE", "X-Clario-Source", 1024, PROBLEM_BAD_HEADER},
	[PARAM_X_FORWARDED_FOR] = {"HTTP_X_FORWARDED_FOR", "X-Forwarded-For", 4096, PROBLEM_BAD_HEADER},
	[PARAM_FORWARDED] = {"HTTP_FORWARDED", "Forwarded", 4096, PROBLEM_BAD_HEADER},
	[PARAM_X_REAL_IP] = {"HTTP_X_REAL_IP", "X-Real-IP", 1024, PROBLEM_BAD_HEADER},
	[PARAM_HOST] = {"HTTP_HOST", "Host", 512, PROBLEM_BAD_HEADER},
	[PARAM_ORIGIN] = {"HTTP_ORIGIN", "Origin", 512, PROBLEM_BAD_HEADER},
	[PARAM_SEC_FETCH_SITE] = {"HTTP_SEC_FETCH_SITE", "Sec-Fetch-Site", 64, PROBLEM_BAD_HEADER},
	[PARAM_ACCESS_CONTROL_REQUEST_METHOD] = {"HTTP_ACCESS_CONTROL_REQUEST_METHOD",
		"Access-Control-Request-Method", 64, PROBLEM_BAD_HEADER},
	[PARAM_ACCEPT] = {"HTTP_ACCEPT", "Accept", 8192, PROBLEM_BAD_HEADER},
	[PARAM_AUTHORIZATION] = {"HTTP_AUTHORIZATION", "Authorization", 8192, PROBLEM_BAD_HEADER},
	[PARAM_LAST_EVENT_ID] = {"HTTP_LAST_EVENT_ID", "Last-Event-ID", 256, PROBLEM_BAD_HEADER},
};
static_assert(sizeof table / sizeof *table == PARAM_N, "every parameter has its row");

bool request_take(struct request *request, const char *pair, struct fault *fault)
{
	size_t name_len = strcspn(pair, "=");
	if (pair[name_len] == '\0')
		return true;
	for (size_t i = 0; i < PARAM_N; i++) {
		if (strncmp(table[i].name, pair, name_len) != 0 || table[i].name[name_len] != '\0')
			continue;
		request->param[i] = slice_text(pair + name_len + 1);
		if (request->param[i].len <= table[i].max)
			return true;
		request->param[i] = (struct slice)SLICE_INIT;
		return fault_set(fault, table[i].problem, table[i].field, "%s must not exceed %zu bytes",
			table[i].field, table[i].max);
	}
	return true;
}

/* Is this the variable of the header, as CGI names it: HTTP_X_HUB for X-Hub? */
static bool is_header(const char *pair, const char *name, size_t name_len)
{
	if (strncmp(pair, "HTTP_", 5) != 0)
		return false;
	for (size_t i = 0; i < name_len; i++) {
		char c = name[i] == '-' ? '_' : (char)toupper((unsigned char)name[i]);
		if (pair[5 + i] != c)
			return false;
	}
	return pair[5 + name_len] == '=';
}

struct slice request_header(const struct request *request, const char *name)
{
	struct slice value = SLICE_INIT;
	size_t len = strlen(name), n = 0;
	for (char *const *pair = request->env; pair && *pair; pair++)
		if (is_header(*pair, name, len)) {
			value = slice_text(*pair + 5 + len + 1);
			n++;
		}
	return n == 1 ? value : (struct slice)SLICE_INIT;
}

bool request_length(const struct request *request, uint64_t *length)
{
	struct slice text = request->param[PARAM_CONTENT_LENGTH];
	*length = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] < '0' || text.p[i] > '9' || *length > UINT64_MAX / 100)
			return false;
		*length = *length * 10 + (uint64_t)(text.p[i] - '0');
	}
	return true;
}
