/* spool/base/nets.h: lists of addresses and CIDR blocks (RFC 4632, RFC 4291), separated by commas or blanks.
 * Pure. */
#ifndef SPOOL_BASE_NETS_H
#define SPOOL_BASE_NETS_H
#include <stdbool.h>

/* Is every entry an address or a block? An empty list is valid. */
bool nets_valid(const char *nets);
/* Does address (IPv4 or IPv6, as text) lie in one of nets? IPv4-mapped IPv6 counts as IPv4. NULL nets: no. */
bool nets_contain(const char *nets, const char *address);

#endif
