/* fcgi/access.h: from a request to its caller.
 *
 * A token that is shown decides alone: whoever is trusted without one has what the token allows, no more, and
 * nothing at all when it is no good. Without one the peer's address decides. A request that was forwarded is
 * only as good as the proxy that says so: unless the peer is one of trusted-proxies, somebody else's proxy
 * would make the whole world look local. */
#ifndef FCGI_ACCESS_H
#define FCGI_ACCESS_H
#include "fcgi/request.h"
#include "fcgi/tokens.h"

struct access_rules {
	const char *trusted_networks; /* as in the configuration: addresses and CIDR blocks */
	const char *trusted_proxies;
	struct tokens *tokens; /* NULL: none is known */
};

/* Whether the peer needs no credentials, if it shows none. */
bool access_allows(const struct access_rules *rules, const struct request *request);

/* Who sent it: *out has no scope when that is nobody who is known. Returns NULL, or what is wrong with the
 * token that was shown. */
const char *access_identify(
	const struct access_rules *rules, const struct request *request, struct caller *out);

#endif
