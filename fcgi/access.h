/* fcgi/access.h: from a request to its caller. Pure.
 *
 * The peer's address decides. A request that was forwarded is only as good as the proxy that says so: unless
 * the peer is one of trusted-proxies, somebody else's proxy would make the whole world look local. */
#ifndef FCGI_ACCESS_H
#define FCGI_ACCESS_H
#include "fcgi/request.h"

struct access_rules {
	const char *trusted_networks; /* as in the configuration: addresses and CIDR blocks */
	const char *trusted_proxies;
};

/* Whether the peer needs no credentials. */
bool access_allows(const struct access_rules *rules, const struct request *request);

/* Who sent it: *out has no scope when that is nobody who is known. */
void access_identify(const struct access_rules *rules, const struct request *request, struct caller *out);

#endif
