/* tests/fuzz/fuzz_bearer.c: the header Authorization, through to whom it makes of a request. What is taken
 * for a token lies within the header and has a token's characters; nothing but the one text that is known
 * opens the door, and a header of another scheme changes nothing. */
#include "tests/fuzz/fuzz.h"

#include "fcgi/access.h"
#include "fcgi/bearer.h"
#include "spool/secret.h"

#include <string.h>
#include <strings.h>

#define HEX   "0123456789abcdef"
#define KNOWN "clw_0123456789ab_" HEX HEX HEX HEX

const char *const fuzz_seeds[] = {
	"Bearer " KNOWN,
	"bearer\t" KNOWN " ",
	"Bearer clw_0123456789ab_" HEX HEX HEX "0123456789abcdee",
	"Bearer clw_",
	"Bearer",
	"Bearer a-._~+/9==",
	"Basic dXNlcjpwYXNz",
	"Digest username=\"a\", realm=\"b\"",
	"",
	NULL,
};

static void check_token(struct slice header, struct slice token)
{
	must(token.len > 0 && token.p >= header.p && token.p + token.len <= header.p + header.len);
	must(!memchr(token.p, ' ', token.len) && !memchr(token.p, '\0', token.len));
	if (token_text_is_valid(token)) {
		must(token.len == TOKEN_TEXT_LEN);
		must(token_prefix_is_valid(slice_of(token.p, TOKEN_PREFIX_LEN)));
	}
}

/* Trusted without a token, known by none: only what is no token of ours leaves it so. */
static void check_identity(struct slice header, enum bearer kind)
{
	static const struct access_rules rules = {"127.0.0.1", "", NULL};
	struct request request = {.now = {.wall_us = 1}};
	struct caller caller;
	request.param[PARAM_REMOTE_ADDR] = slice_text("127.0.0.1");
	request.param[PARAM_AUTHORIZATION] = header;
	const char *complaint = access_identify(&rules, &request, &caller);
	must((complaint == NULL) == (kind == BEARER_NONE));
	must(caller.scopes == (complaint ? SCOPE_NONE : SCOPE_ALL));
}

/* The digest of what was shown is that of what is known only if both are the same. */
static void check_digest(struct slice token)
{
	uint8_t shown[TOKEN_DIGEST_LEN], known[TOKEN_DIGEST_LEN];
	must(secret_digest(token, shown) && secret_digest(slice_text(KNOWN), known));
	must((memcmp(shown, known, sizeof shown) == 0) == slice_is(token, KNOWN));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size ? size : 1); /* so that a byte too far is seen */
	struct slice token, header = slice_of(copy, size);
	if (size)
		memcpy(copy, data, size);
	enum bearer kind = bearer_take(header, &token);
	if (kind == BEARER_SHOWN) {
		check_token(header, token);
		check_digest(token);
	} else {
		must(token.len == 0);
	}
	check_identity(header, kind);
	free(copy);
	return 0;
}
