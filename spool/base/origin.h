/* spool/base/origin.h: web origins (RFC 6454: scheme, host and port) and the hosts of Host headers, and lists
 * of them, separated by commas or blanks. Pure.
 *
 * An origin is http:// or https://, a host and perhaps a port, and nothing after that. A host is a name, an
 * IPv4 address, or an IPv6 address in brackets; names are compared in any case, and a port that is not told
 * is that of the scheme. */
#ifndef SPOOL_BASE_ORIGIN_H
#define SPOOL_BASE_ORIGIN_H
#include "spool/base/buf.h"

/* Is every entry an origin? An empty list is valid; "*" and "null" are no origins. */
bool origins_valid(const char *list);
/* Is origin, as browsers send it, one of the list's? NULL list: no. */
bool origins_contain(const char *list, struct slice origin);
/* Does origin name what stands in a Host header? */
bool origin_is_at(struct slice origin, struct slice host);

/* Is every entry a host, perhaps with a port? An empty list is valid. */
bool hosts_valid(const char *list);
/* Is host one of the list's? An entry without a port fits any. NULL list: no. */
bool hosts_contain(const char *list, struct slice host);
/* Can nobody from outside make this host mean another address: is it an address itself, a name without a dot,
 * or below .localhost? */
bool host_is_fixed(struct slice host);

#endif
