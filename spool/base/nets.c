/* spool/base/nets.c: see nets.h. */
#include "spool/base/nets.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

struct net {
	unsigned char bytes[16];
	int bits; /* 0..128, over the IPv6 form */
};

static bool parse_address(const char *text, unsigned char out[16])
{
	static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	if (inet_pton(AF_INET6, text, out) == 1)
		return true;
	memcpy(out, mapped, sizeof mapped);
	return inet_pton(AF_INET, text, out + 12) == 1;
}

static bool parse_bits(const char *text, int *out)
{
	char *end;
	long bits = strtol(text, &end, 10);
	*out = (int)bits;
	return *text >= '0' && *text <= '9' && *end == '\0' && bits <= 128;
}

static bool parse_net(const char *text, size_t len, struct net *out)
{
	char copy[64];
	if (len >= sizeof copy)
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	char *slash = strchr(copy, '/');
	int bits = -1;
	if (slash) {
		*slash = '\0';
		if (!parse_bits(slash + 1, &bits))
			return false;
	}
	if (!parse_address(copy, out->bytes))
		return false;
	int width = strchr(copy, ':') ? 128 : 32;
	if (bits > width)
		return false;
	out->bits = 128 - width + (bits < 0 ? width : bits);
	return true;
}

/* Step through a list; false at its end. *ok false: an entry is not a network. */
static bool next_net(const char **at, struct net *out, bool *ok)
{
	*at += strspn(*at, ", \t");
	size_t len = strcspn(*at, ", \t");
	if (len == 0)
		return false;
	*ok = parse_net(*at, len, out);
	*at += len;
	return true;
}

bool nets_valid(const char *nets)
{
	struct net net;
	bool ok = true;
	while (ok && next_net(&nets, &net, &ok))
		;
	return ok;
}

static bool prefix_matches(const unsigned char *a, const unsigned char *b, int bits)
{
	int whole = bits / 8, rest = bits % 8;
	if (memcmp(a, b, (size_t)whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

bool nets_contain(const char *nets, const char *address)
{
	unsigned char bytes[16];
	struct net net;
	bool ok;
	if (!nets || !parse_address(address, bytes))
		return false;
	while (next_net(&nets, &net, &ok))
		if (ok && prefix_matches(net.bytes, bytes, net.bits))
			return true;
	return false;
}
