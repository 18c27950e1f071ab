/* fcgi/app.c: see app.h. */
#include "fcgi/app.h"

#include "spool/spool.h"

#include <malloc.h>
#include <stdio.h>
#include <strings.h>

enum {
	DEPTH_MAX = 64,
	LARGE_BODY = 64 << 10,
	VALUES_MAX = 1000000, /* some 400 bytes of tree each, at the worst */
	TRIM_BODY =
		256 << 10, /* a tree of more than this is given back to the system, not kept for the next */
};

static struct slice trim(struct slice text)
{
	while (text.len && (text.p[0] == ' ' || text.p[0] == '\t'))
		text = slice_of(text.p + 1, text.len - 1);
	while (text.len && (text.p[text.len - 1] == ' ' || text.p[text.len - 1] == '\t'))
		text.len--;
	return text;
}

static bool is_word(struct slice text, const char *word)
{
	return text.len == strlen(word) && strncasecmp(text.p, word, text.len) == 0;
}

static struct slice take_until(struct slice *text, char stop)
{
	const char *end = text->len ? memchr(text->p, stop, text->len) : NULL;
	size_t len = end ? (size_t)(end - text->p) : text->len;
	struct slice head = trim(slice_of(text->p, len));
	size_t step = end ? len + 1 : len;
	*text = slice_of(text->p + step, text->len - step);
	return head;
}

/* application/json with any parameters, of which charset must be UTF-8. */
static bool is_json_type(struct slice type)
{
	if (!is_word(take_until(&type, ';'), "application/json"))
		return false;
	while (type.len) {
		struct slice value = take_until(&type, ';');
		struct slice name = take_until(&value, '=');
		value = trim(value);
		if (value.len >= 2 && value.p[0] == '"' && value.p[value.len - 1] == '"')
			value = slice_of(value.p + 1, value.len - 2);
		if (is_word(name, "charset") && !is_word(value, "utf-8") && !is_word(value, "utf8"))
			return false;
	}
	return true;
}

static bool check_type(const struct request *request, struct fault *fault)
{
	struct slice encoding = trim(request->param[PARAM_CONTENT_ENCODING]);
	if (encoding.len && !is_word(encoding, "identity"))
		return fault_set(fault, PROBLEM_UNSUPPORTED_MEDIA_TYPE, "Content-Encoding",
			"the body must not be compressed");
	if (!is_json_type(request->param[PARAM_CONTENT_TYPE]))
		return fault_set(fault, PROBLEM_UNSUPPORTED_MEDIA_TYPE, "Content-Type",
			"the body must be application/json in UTF-8");
	return true;
}

static bool parse(struct slice body, json_t **json, struct fault *fault)
{
	struct why why = WHY_INIT;
	enum status st = jx_parse(body, DEPTH_MAX, json, &why);
	if (st == ST_NOMEM)
		return fault_set(fault, PROBLEM_SPOOL_UNAVAILABLE, NULL, "%s", why.text);
	if (st != ST_OK)
		return fault_set(
			fault, st == ST_DEEP ? PROBLEM_TOO_DEEP : PROBLEM_BAD_JSON, NULL, "%s", why.text);
	if (!json_is_object(*json) && !json_is_array(*json))
		return fault_set(fault, PROBLEM_BODY_NOT_OBJECT, NULL, "the body must be a JSON object");
	return true;
}

/* How many values a text has, if it is JSON: each comma parts two, and each container that is not empty has
 * one more than commas. */
static size_t count_values(struct slice text)
{
	size_t n = 1;
	bool in_string = false;
	char before = 0;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.p[i];
		if (in_string) {
			i += c == '\\';
			in_string = c != '"';
			continue;
		}
		if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
			continue;
		n += c == ',' || ((before == '[' || before == '{') && c != ']' && c != '}');
		in_string = c == '"';
		before = c;
	}
	return n;
}

/* Large trees exist one at a time, and within bounds: ten megabytes of empty arrays would be gigabytes. */
static bool enter_gate(struct app *app, struct slice body, struct parsed *out, struct fault *fault)
{
	if (count_values(body) > VALUES_MAX)
		return fault_set(
			fault, PROBLEM_BAD_JSON, NULL, "the body has more than %d values", VALUES_MAX);
	pthread_mutex_lock(&app->large_parse);
	out->gate_bytes = body.len;
	return true;
}

bool app_parse_body(struct app *app, const struct request *request, struct parsed *out, struct fault *fault)
{
	*out = (struct parsed){NULL, 0};
	if (request->body.len == 0) {
		out->json = json_object();
		return out->json || fault_set(fault, PROBLEM_SPOOL_UNAVAILABLE, NULL, "out of memory");
	}
	if (!check_type(request, fault))
		return false;
	if (request->body.len > LARGE_BODY && !enter_gate(app, request->body, out, fault))
		return false;
	if (parse(request->body, &out->json, fault))
		return true;
	app_parsed_release(app, out);
	return false;
}

void app_parsed_release(struct app *app, struct parsed *parsed)
{
	json_decref(parsed->json);
	parsed->json = NULL;
	if (parsed->gate_bytes > TRIM_BODY)
		malloc_trim(0);
	if (parsed->gate_bytes)
		pthread_mutex_unlock(&app->large_parse);
	parsed->gate_bytes = 0;
}

struct where_env app_where_env(const struct app *app, const struct request *request)
{
	return (struct where_env){
		.now_us = request->now.wall_us, .opts = app->opts, .mask = app->opts->privacy.mask};
}

const char *app_actor(const struct request *request, char out[APP_ACTOR_MAX])
{
	struct slice name = request->param[PARAM_SOURCE];
	if (request->caller.name[0]) {
		snprintf(out, APP_ACTOR_MAX, "%s", request->caller.name);
		return out;
	}
	if (!name.len)
		name = request->param[PARAM_REMOTE_ADDR];
	snprintf(out, APP_ACTOR_MAX, "caller:%.*s", (int)(name.len < 128 ? name.len : 128),
		name.len ? name.p : "");
	return out;
}

/* A job's phase and user never change, so what was true when it was read stays true. */
bool app_is_own(struct app *app, const struct caller *caller, struct job_id id)
{
	struct job job;
	if (!caller_is_limited(caller))
		return true;
	if (spool_get(app->spool, id, &job, NULL) != ST_OK)
		return false;
	bool may = caller_may(caller, job.phase, job.user_id);
	job_release(&job);
	return may;
}
