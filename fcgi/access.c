/* fcgi/access.c: see access.h. Whatever cannot be read as an address is not trusted. */
#include "fcgi/access.h"

#include "fcgi/bearer.h"
#include "spool/base/nets.h"

enum { ADDRESS_MAX = 64 };

static bool contains(const char *nets, struct slice address)
{
	char text[ADDRESS_MAX];
	if (!nets || address.len == 0 || address.len >= sizeof text)
		return false;
	memcpy(text, address.p, address.len);
	text[address.len] = '\0';
	return nets_contain(nets, text);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct slice trim(struct slice text)
{
	while (text.len && is_blank(text.p[0]))
		text = slice_of(text.p + 1, text.len - 1);
	while (text.len && is_blank(text.p[text.len - 1]))
		text.len--;
	return text;
}

/* Take the last element off a comma-separated list. */
static struct slice take_last(struct slice *list)
{
	size_t from = list->len;
	while (from > 0 && list->p[from - 1] != ',')
		from--;
	struct slice last = slice_of(list->p + from, list->len - from);
	list->len = from > 0 ? from - 1 : 0;
	return trim(last);
}

/* Each proxy appends the address it was called from, so the list is believed from its end, for as long as
 * proxies of ours wrote it. The first address that is no proxy is the client; when all are, the first is. */
static struct slice client_of(const struct access_rules *rules, struct slice forwarded_for)
{
	struct slice client = SLICE_INIT;
	while (forwarded_for.len) {
		client = take_last(&forwarded_for);
		if (!contains(rules->trusted_proxies, client))
			break;
	}
	return client;
}

bool access_allows(const struct access_rules *rules, const struct request *request)
{
	struct slice peer = request->param[PARAM_REMOTE_ADDR];
	struct slice forwarded_for = request->param[PARAM_X_FORWARDED_FOR];
	bool is_forwarded = forwarded_for.len || request->param[PARAM_FORWARDED].len ||
			    request->param[PARAM_X_REAL_IP].len;
	if (!is_forwarded)
		return contains(rules->trusted_networks, peer);
	if (!contains(rules->trusted_proxies, peer))
		return false;
	return contains(rules->trusted_networks, client_of(rules, forwarded_for));
}

/* Only who has the secret hears what became of it. */
static const char *const verdicts[] = {
	[TOKEN_GOOD] = NULL,
	[TOKEN_UNKNOWN] = "the token is not known",
	[TOKEN_WAS_REVOKED] = "the token was revoked",
	[TOKEN_HAS_EXPIRED] = "the token has expired",
	[TOKEN_WAS_REPLACED] = "the token was rotated, and this is the old one",
};

const char *access_identify(
	const struct access_rules *rules, const struct request *request, struct caller *out)
{
	struct slice text;
	struct token token;
	*out = (struct caller){.scopes = SCOPE_NONE};
	switch (bearer_take(request->param[PARAM_AUTHORIZATION], &text)) {
	case BEARER_BROKEN:
		return "Authorization must be: Bearer, a space, and a token";
	case BEARER_SHOWN:
		break;
	default:
		if (access_allows(rules, request))
			caller_init_trusted(out);
		return NULL;
	}
	enum token_verdict verdict = tokens_check(rules->tokens, text, request->now.wall_us, &token);
	if (verdict == TOKEN_GOOD)
		caller_init_token(out, &token);
	return verdicts[verdict];
}
