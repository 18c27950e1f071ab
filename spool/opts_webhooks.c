/* spool/opts_webhooks.c: see opts_webhooks.h. */
#include "spool/opts_webhooks.h"

#include "spool/base/encoding.h"

#include <stdio.h>
#include <string.h>

enum { KEY_MIN = 16 };

#define BLANKS        " \t\r\n"
#define SECRET_PREFIX "whsec_"

const struct webhook_opts *opts_webhook(const struct opts *o, struct slice name)
{
	for (size_t i = 0; i < o->webhooks_n; i++)
		if (slice_is(name, o->webhooks[i].name))
			return &o->webhooks[i];
	return NULL;
}

bool opts_next_word(const char **at, struct slice *out)
{
	*at += strspn(*at, BLANKS);
	*out = slice_of(*at, strcspn(*at, BLANKS));
	*at += out->len;
	return out->len > 0;
}

bool opts_webhook_key(
	const struct webhook_opts *w, struct slice secret, unsigned char key[WEBHOOK_KEY_MAX], size_t *len)
{
	size_t prefix = strlen(SECRET_PREFIX);
	if (w->signature == WEBHOOK_STANDARD) {
		if (secret.len > prefix && memcmp(secret.p, SECRET_PREFIX, prefix) == 0)
			secret = slice_of(secret.p + prefix, secret.len - prefix);
		return base64_decode(secret, key, WEBHOOK_KEY_MAX, len);
	}
	*len = secret.len;
	if (secret.len > WEBHOOK_KEY_MAX)
		return false;
	memcpy(key, secret.p, secret.len);
	return true;
}

/* The fewest bytes of them all. false: one is no secret. */
static bool weigh_secrets(const struct webhook_opts *w, size_t *n, size_t *shortest)
{
	unsigned char key[WEBHOOK_KEY_MAX];
	const char *at = w->secret;
	struct slice secret;
	size_t len = 0;
	bool ok = true;
	*n = 0;
	*shortest = WEBHOOK_KEY_MAX;
	for (; ok && opts_next_word(&at, &secret); ++*n) {
		ok = opts_webhook_key(w, secret, key, &len);
		*shortest = len < *shortest ? len : *shortest;
	}
	explicit_bzero(key, sizeof key);
	return ok;
}

enum status opts_check_webhook_secrets(const struct webhook_opts *w, struct why *why)
{
	size_t n, shortest;
	if (!weigh_secrets(w, &n, &shortest))
		return why_set(why, ST_INVALID, "webhook.%s: a secret must be %sof at most %d bytes", w->name,
			w->signature == WEBHOOK_STANDARD ? "base64, perhaps after whsec_, " : "",
			WEBHOOK_KEY_MAX);
	if (n == 0)
		return why_set(why, ST_INVALID, "webhook.%s: there is no secret where one is to be", w->name);
	if (n > WEBHOOK_SECRETS_MAX)
		return why_set(why, ST_INVALID, "webhook.%s: there are more than %d secrets", w->name,
			WEBHOOK_SECRETS_MAX);
	if (shortest < KEY_MIN)
		return why_set(why, ST_INVALID,
			"webhook.%s: a secret must have at least %d bytes, or it can be guessed", w->name,
			KEY_MIN);
	return ST_OK;
}

bool opts_next_part(const char **at, enum webhook_part *part, struct slice *literal)
{
	static const struct {
		const char *text;
		enum webhook_part part;
	} holes[] = {{"{timestamp}", WEBHOOK_TIMESTAMP}, {"{body}", WEBHOOK_BODY}};
	*part = WEBHOOK_LITERAL;
	*literal = slice_of(*at, strcspn(*at, "{"));
	for (size_t i = 0; i < 2 && literal->len == 0; i++)
		if (strncmp(*at, holes[i].text, strlen(holes[i].text)) == 0) {
			*part = holes[i].part;
			*at += strlen(holes[i].text);
			return true;
		}
	*at += literal->len;
	return literal->len > 0;
}

/* {body} once and last; {timestamp} once if there is one: what is not signed protects from nothing. */
static bool content_is_valid(const char *at, bool has_timestamp)
{
	enum webhook_part part, last = WEBHOOK_LITERAL;
	struct slice literal;
	size_t n[WEBHOOK_BODY + 1] = {0}, total = 0;
	for (; opts_next_part(&at, &part, &literal); total++) {
		n[part]++;
		last = part;
	}
	return !*at && total <= WEBHOOK_PARTS_MAX && last == WEBHOOK_BODY && n[WEBHOOK_BODY] == 1 &&
	       n[WEBHOOK_TIMESTAMP] == has_timestamp;
}

/* A token as in RFC 9110; nginx passes on none with an underscore. */
static bool is_header_name(const char *name)
{
	size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-");
	return len > 0 && len <= 64 && name[len] == '\0';
}

static enum status set_content(struct opts *o, struct webhook_opts *w, struct why *why)
{
	char section[CONF_NAME_MAX + 16];
	if (*w->content)
		return ST_OK;
	snprintf(section, sizeof section, "webhook.%s", w->name);
	return conf_set(opts_rows, opts_rows_n, o, section, "content",
		*w->timestamp_header ? "{timestamp}.{body}" : "{body}", why);
}

static enum status check_signature(struct opts *o, struct webhook_opts *w, struct why *why)
{
	bool is_plain = w->signature == WEBHOOK_HMAC;
	if (!is_plain && (*w->header || *w->prefix || *w->timestamp_header || *w->content || *w->id))
		return why_set(why, ST_INVALID,
			"webhook.%s: header, prefix, timestamp-header, content and id are for signature = "
			"hmac alone",
			w->name);
	if (!is_plain)
		return ST_OK;
	if (!is_header_name(w->header))
		return why_set(why, ST_INVALID,
			"webhook.%s.header must name the header of the signature, with letters, digits and "
			"dashes",
			w->name);
	if (*w->timestamp_header && !is_header_name(w->timestamp_header))
		return why_set(why, ST_INVALID,
			"webhook.%s.timestamp-header must be a name of letters, digits and dashes", w->name);
	enum status st = set_content(o, w, why);
	if (st == ST_OK && !content_is_valid(w->content, *w->timestamp_header))
		st = why_set(why, ST_INVALID,
			"webhook.%s.content must end with {body}, and hold {timestamp} just if there is a "
			"timestamp-header",
			w->name);
	return st;
}

/* RFC 6901: a slash before each part, and "~" only as ~0 or ~1. */
static bool is_pointer(const char *text)
{
	if (*text != '/')
		return false;
	for (; *text; text++)
		if (*text == '~' && text[1] != '0' && text[1] != '1')
			return false;
	return true;
}

static enum status check_pointers(const struct webhook_opts *w, struct why *why)
{
	const struct {
		const char *key, *value;
		bool is_needed;
	} rows[] = {
		{"user-id", w->user_id, true},
		{"claim-id", w->claim_id, true},
		{"reason", w->reason, opts_webhook_has_phase(w, 6)},
		{"amount", w->amount, opts_webhook_has_phase(w, 7)},
		{"currency", w->currency, false},
		{"case-id", w->case_id, false},
		{"type", w->type, false},
		{"id", w->id, false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (rows[i].is_needed && !*rows[i].value)
			return why_set(why, ST_INVALID,
				"webhook.%s.%s must be set, to the JSON pointer of that field", w->name,
				rows[i].key);
		if (*rows[i].value && !is_pointer(rows[i].value))
			return why_set(why, ST_INVALID,
				"webhook.%s.%s = %s: expected a JSON pointer such as /data/claim_id", w->name,
				rows[i].key, rows[i].value);
	}
	return ST_OK;
}

static enum status check_phase(const struct webhook_opts *w, struct why *why)
{
	bool has_types = *w->rejected || *w->paid;
	if (w->phase && (*w->type || has_types))
		return why_set(why, ST_INVALID,
			"webhook.%s: phase, or type with rejected and paid, but not both", w->name);
	if (w->phase && w->phase != 6 && w->phase != 7)
		return why_set(why, ST_INVALID, "webhook.%s.phase must be 6 or 7", w->name);
	if (!w->phase && (!*w->type || !has_types))
		return why_set(why, ST_INVALID,
			"webhook.%s: phase must be set, or type and what is rejected or paid by it", w->name);
	return ST_OK;
}

/* A signature is good for a window before and one after its time: so long must its id be known. The spool
 * keeps such jobs whatever is asked for; retention that promises otherwise is a mistake. */
static enum status check_keeping(const struct opts *o, const struct webhook_opts *w, struct why *why)
{
	const struct {
		const char *key;
		int64_t ms;
	} rows[] = {
		{"keep-completed", o->queue.keep_completed_ms},
		{"keep-failed", o->queue.keep_failed_ms},
		{"keep-cancelled", o->queue.keep_cancelled_ms},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].ms < 2 * w->window_ms)
			return why_set(why, ST_INVALID,
				"queue.%s must be at least twice webhook.%s.window, or a delivery sent again "
				"would be a new one",
				rows[i].key, w->name);
	return ST_OK;
}

enum status opts_check_webhooks(struct opts *o, struct why *why)
{
	enum status st = ST_OK;
	for (size_t i = 0; i < o->webhooks_n && st == ST_OK; i++) {
		struct webhook_opts *w = &o->webhooks[i];
		if (!*w->secret && !*w->secret_file)
			st = why_set(why, ST_INVALID, "webhook.%s needs secret-file or secret", w->name);
		if (st == ST_OK && *w->secret)
			st = opts_check_webhook_secrets(w, why);
		if (st == ST_OK)
			st = check_signature(o, w, why);
		if (st == ST_OK)
			st = check_phase(w, why);
		if (st == ST_OK)
			st = check_pointers(w, why);
		if (st == ST_OK)
			st = check_keeping(o, w, why);
	}
	return st;
}

bool opts_webhook_has_phase(const struct webhook_opts *w, int phase)
{
	if (w->phase)
		return w->phase == phase;
	return *(phase == 6 ? w->rejected : w->paid);
}
