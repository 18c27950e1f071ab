/* spool/model/token.c: see token.h. */
#include "spool/model/token.h"

#include "spool/base/jx.h"
#include "spool/model/phase.h"

#include <assert.h>

static_assert((1 << PHASE_SLOTS) - 1 == TOKEN_ALL_PHASES, "a bit for each phase");

static const struct {
	enum scope scope;
	const char *name;
} scopes[] = {{SCOPE_SUBMIT, "submit"}, {SCOPE_READ, "read"}, {SCOPE_OPERATE, "operate"}};
enum { SCOPES = sizeof scopes / sizeof *scopes };

const char *scope_name(enum scope scope)
{
	for (size_t i = 0; i < SCOPES; i++)
		if (scopes[i].scope == scope)
			return scopes[i].name;
	return "none";
}

bool scope_parse(struct slice name, enum scope *out)
{
	for (size_t i = 0; i < SCOPES; i++)
		if (slice_is(name, scopes[i].name)) {
			*out = scopes[i].scope;
			return true;
		}
	return false;
}

bool token_is_source(struct slice source)
{
	size_t len = sizeof TOKEN_SOURCE - 1;
	return source.len > len && memcmp(source.p, TOKEN_SOURCE, len) == 0;
}

bool token_is_proved(struct slice source)
{
	static const char operators[] = "operator:";
	size_t len = sizeof operators - 1;
	return token_is_source(source) || (source.len > len && memcmp(source.p, operators, len) == 0);
}

/* --- what may stand in it --- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool token_name_is_valid(struct slice name)
{
	if (name.len < 1 || name.len > TOKEN_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (!is_letter(name.p[i]) && !is_digit(name.p[i]) && !strchr("._-", name.p[i]))
			return false;
	return !memchr(name.p, '\0', name.len);
}

bool token_user_is_valid(struct slice pattern)
{
	if (pattern.len > JOB_TEXT_MAX)
		return false;
	for (size_t i = 0; i < pattern.len; i++)
		if ((unsigned char)pattern.p[i] < 0x20 || pattern.p[i] == 0x7f ||
			(pattern.p[i] == '*' && i + 1 < pattern.len))
			return false;
	return true;
}

static bool is_hex(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!is_digit(text.p[i]) && !(text.p[i] >= 'a' && text.p[i] <= 'f'))
			return false;
	return true;
}

bool token_prefix_is_valid(struct slice prefix)
{
	size_t mark = sizeof TOKEN_MARK - 1;
	return prefix.len == TOKEN_PREFIX_LEN && memcmp(prefix.p, TOKEN_MARK, mark) == 0 &&
	       is_hex(slice_of(prefix.p + mark, prefix.len - mark));
}

bool token_text_is_valid(struct slice text)
{
	return text.len == TOKEN_TEXT_LEN && token_prefix_is_valid(slice_of(text.p, TOKEN_PREFIX_LEN)) &&
	       text.p[TOKEN_PREFIX_LEN] == '_' &&
	       is_hex(slice_of(text.p + TOKEN_PREFIX_LEN + 1, TOKEN_SECRET_LEN));
}

static bool is_time(int64_t at_us)
{
	return at_us >= 0 && at_us <= TOKEN_TIME_MAX;
}

void token_init(struct token *out, struct slice name)
{
	*out = (struct token){0};
	memcpy(out->name, name.p, name.len);
}

bool token_is_valid(const struct token *t)
{
	return token_name_is_valid(slice_text(t->name)) && t->scopes && !(t->scopes & ~(uint32_t)SCOPE_ALL) &&
	       t->phases && !(t->phases & ~(uint32_t)TOKEN_ALL_PHASES) &&
	       token_user_is_valid(slice_text(t->user)) && token_prefix_is_valid(slice_text(t->now.prefix)) &&
	       (!t->old.prefix[0] || token_prefix_is_valid(slice_text(t->old.prefix))) &&
	       is_time(t->created_at_us) && is_time(t->expires_at_us) && is_time(t->revoked_at_us) &&
	       is_time(t->now.created_at_us) && is_time(t->old.created_at_us) && is_time(t->old_until_us);
}

/* --- as it is now --- */

static const char *const state_names[] = {
	[TOKEN_ACTIVE] = "active",
	[TOKEN_ROTATING] = "rotating",
	[TOKEN_EXPIRED] = "expired",
	[TOKEN_REVOKED] = "revoked",
};
static_assert(sizeof state_names / sizeof *state_names == TOKEN_STATE_N, "each state has a name");

const char *token_state_name(enum token_state state)
{
	return (unsigned)state < TOKEN_STATE_N ? state_names[state] : "unknown";
}

static bool old_is_good(const struct token *t, int64_t now_us)
{
	return t->old.prefix[0] && now_us < t->old_until_us;
}

enum token_state token_state(const struct token *t, int64_t now_us)
{
	if (t->revoked_at_us)
		return TOKEN_REVOKED;
	if (t->expires_at_us && now_us >= t->expires_at_us)
		return TOKEN_EXPIRED;
	return old_is_good(t, now_us) ? TOKEN_ROTATING : TOKEN_ACTIVE;
}

enum token_verdict token_judge(const struct token *t, const struct token_secret *shown, int64_t now_us)
{
	switch (token_state(t, now_us)) {
	case TOKEN_REVOKED:
		return TOKEN_WAS_REVOKED;
	case TOKEN_EXPIRED:
		return TOKEN_HAS_EXPIRED;
	default:
		return shown == &t->old && !old_is_good(t, now_us) ? TOKEN_WAS_REPLACED : TOKEN_GOOD;
	}
}

/* --- changes --- */

static enum status add(struct token *t, const struct token_change *change, enum status there, int64_t now_us,
	struct why *why)
{
	const struct token *fresh = &change->token;
	if (there == ST_OK && !t->revoked_at_us)
		return why_set(why, ST_EXISTS,
			"there is a token %s already: rotate it, or revoke it and add it anew", t->name);
	if (fresh->expires_at_us && fresh->expires_at_us <= now_us)
		return why_set(why, ST_INVALID, "the token would have expired already");
	*t = *fresh;
	t->created_at_us = t->now.created_at_us = now_us;
	t->revoked_at_us = t->old_until_us = 0;
	t->old = (struct token_secret){0};
	return token_is_valid(t) ? ST_OK : why_set(why, ST_INVALID, "that is no token");
}

static enum status rotate(struct token *t, const struct token_change *change, int64_t now_us, struct why *why)
{
	enum token_state state = token_state(t, now_us);
	if (state == TOKEN_REVOKED || state == TOKEN_EXPIRED)
		return why_set(why, ST_CONFLICT, "the token %s %s: there is nothing to rotate", t->name,
			state == TOKEN_REVOKED ? "was revoked" : "has expired");
	if (change->overlap_us < 0 || change->overlap_us > TOKEN_TIME_MAX - now_us)
		return why_set(why, ST_INVALID, "the old secret would be good for too long");
	t->old = change->overlap_us ? t->now : (struct token_secret){0};
	t->old_until_us = change->overlap_us ? now_us + change->overlap_us : 0;
	t->now = change->token.now;
	t->now.created_at_us = now_us;
	return token_is_valid(t) ? ST_OK : why_set(why, ST_INVALID, "that is no secret of a token");
}

enum status token_apply(struct token *t, const struct token_change *change, enum status there, int64_t now_us,
	bool *is_changed, struct why *why)
{
	*is_changed = change->act != TOKEN_REVOKE || !t->revoked_at_us;
	if (change->act == TOKEN_ADD)
		return add(t, change, there, now_us, why);
	if (there == ST_NOTFOUND)
		return why_set(why, ST_NOTFOUND, "there is no token %s", change->token.name);
	if (there != ST_OK)
		return why_set(why, ST_CORRUPT,
			"the record of the token %s cannot be read: it lets nobody in; add it anew",
			change->token.name);
	if (change->act == TOKEN_ROTATE)
		return rotate(t, change, now_us, why);
	if (*is_changed)
		t->revoked_at_us = now_us;
	return ST_OK;
}

/* --- told --- */

const char *token_act_name(enum token_act act)
{
	return act == TOKEN_ADD ? "added" : act == TOKEN_ROTATE ? "rotated" : "revoked";
}

void token_write_limits(struct jx_writer *w, const struct token *t)
{
	jx_open_array(w, "scopes");
	for (size_t i = 0; i < SCOPES; i++)
		if (t->scopes & scopes[i].scope)
			jx_cstring(w, NULL, scopes[i].name);
	jx_close_array(w);
	if (t->phases == TOKEN_ALL_PHASES) {
		jx_null(w, "phases");
	} else {
		jx_open_array(w, "phases");
		for (int slot = 0; slot < PHASE_SLOTS; slot++)
			if (t->phases >> slot & 1)
				jx_int(w, NULL, phase_of_slot(slot));
		jx_close_array(w);
	}
	if (t->user[0])
		jx_cstring(w, "user", t->user);
	else
		jx_null(w, "user");
}

void token_tell(const struct token *t, enum token_act act, struct buf *out)
{
	struct jx_writer w;
	jx_begin(&w, out);
	jx_open_object(&w, NULL);
	jx_cstring(&w, "act", token_act_name(act));
	jx_cstring(&w, "prefix", t->now.prefix);
	if (act == TOKEN_ADD) {
		token_write_limits(&w, t);
		jx_time(&w, "expires_at", t->expires_at_us);
	}
	if (act == TOKEN_ROTATE && t->old.prefix[0]) {
		jx_cstring(&w, "old_prefix", t->old.prefix);
		jx_time(&w, "old_until", t->old_until_us);
	}
	jx_close_object(&w);
}

struct event token_event(const struct token *t, enum token_act act, struct slice actor, struct slice reason,
	struct moment now, char words[TOKEN_WORDS_MAX], const struct buf *data)
{
	struct event event = event_of_spool(EVENT_TOKEN, now);
	struct slice cut = event_words(reason);
	int len = snprintf(
		words, TOKEN_WORDS_MAX, "%s%s%.*s", token_act_name(act), cut.len ? ": " : "", SLICE_ARG(cut));
	event.actor = actor;
	event.reason = slice_of(words, (size_t)len);
	event.name = slice_text(t->name);
	event.data = buf_slice(data);
	return event;
}
