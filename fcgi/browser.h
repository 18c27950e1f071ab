/* fcgi/browser.h: what a browser may do here for the page that it shows. Pure.
 *
 * No cookie is ever set or looked at, but a browser has something of that kind: the address it calls from. A
 * page of anybody's, open on a host of trusted-networks, can have its browser send requests that need no
 * credentials. Browsers say so, in Origin and Sec-Fetch-Site, which no page can change. So where one of these
 * is present:
 * - a request that changes something is taken only from a page of this very host or of http.cors-origins;
 * - the host that was asked must be one that no stranger can make mean another address (DNS rebinding), or be
 *   in http.hosts. With http.hosts set this goes for every request.
 * Programs (curl, httpx, Node's fetch) send neither header, and notice nothing of all this. */
#ifndef FCGI_BROWSER_H
#define FCGI_BROWSER_H
#include "fcgi/reply.h"
#include "fcgi/request.h"

struct browser_rules {
	const char *origins; /* http.cors-origins: whose pages may call, and read the answers */
	const char *hosts;   /* http.hosts: names that pages may reach this by */
};

/* Whether the request may go on; false: *fault says 403. */
bool browser_allows(const struct browser_rules *rules, const struct request *request, struct fault *fault);

/* Say in the reply, whatever it is, whose page may read it. The reply borrows from the request. */
void browser_share(const struct browser_rules *rules, const struct request *request, struct reply *reply);

/* Is this the question of a browser whether a listed page may send a request? It has no credentials, and its
 * answer is the same for every path, so it is given before anything else is looked at. */
bool browser_is_preflight(const struct browser_rules *rules, const struct request *request);
void browser_preflight(struct reply *reply);

#endif
