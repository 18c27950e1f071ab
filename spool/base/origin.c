/* spool/base/origin.c: see origin.h. Whatever cannot be read is like nothing else. */
#include "spool/base/origin.h"

#include <arpa/inet.h>
#include <strings.h>

enum { HOST_MAX = 255, PORT_MAX = 65535, PORT_NONE = 0 };

struct host {
	struct slice name; /* an IPv6 address without its brackets */
	int port;          /* PORT_NONE: not told */
	bool is_bracketed;
};

struct origin {
	struct host host;
	int default_port; /* of its scheme, which it stands for */
};

static struct slice rest_of(struct slice text, size_t from)
{
	return slice_of(text.p + from, text.len - from);
}

static bool parse_port(struct slice text, int *port)
{
	*port = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.p[i] < '0' || text.p[i] > '9' || *port > PORT_MAX)
			return false;
		*port = *port * 10 + (text.p[i] - '0');
	}
	return text.len > 0 && *port > 0 && *port <= PORT_MAX;
}

static bool is_address(int family, struct slice name)
{
	char text[INET6_ADDRSTRLEN];
	unsigned char bytes[16];
	if (name.len == 0 || name.len >= sizeof text)
		return false;
	memcpy(text, name.p, name.len);
	text[name.len] = '\0';
	return inet_pton(family, text, bytes) == 1;
}

static bool is_name(struct slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.p[i];
		bool is_alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!is_alnum && c != '-' && c != '.' && c != '_')
			return false;
	}
	return name.len > 0 && name.len <= HOST_MAX;
}

static bool parse_host(struct slice text, struct host *out)
{
	*out = (struct host){.port = PORT_NONE, .is_bracketed = text.len > 0 && text.p[0] == '['};
	const char *end = text.len ? memchr(text.p, out->is_bracketed ? ']' : ':', text.len) : NULL;
	if (out->is_bracketed && !end)
		return false;
	size_t len = end ? (size_t)(end - text.p) : text.len;
	out->name = out->is_bracketed ? slice_of(text.p + 1, len - 1) : slice_of(text.p, len);
	struct slice after = rest_of(text, len + out->is_bracketed);
	if (after.len && (after.p[0] != ':' || !parse_port(rest_of(after, 1), &out->port)))
		return false;
	return out->is_bracketed ? is_address(AF_INET6, out->name) : is_name(out->name);
}

static bool parse_origin(struct slice text, struct origin *out)
{
	static const struct {
		const char *prefix;
		int port;
	} schemes[] = {{"http://", 80}, {"https://", 443}};
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
		size_t len = strlen(schemes[i].prefix);
		if (text.len <= len || strncasecmp(text.p, schemes[i].prefix, len) != 0)
			continue;
		out->default_port = schemes[i].port;
		return parse_host(rest_of(text, len), &out->host);
	}
	return false;
}

static bool is_same_name(const struct host *a, const struct host *b)
{
	return a->is_bracketed == b->is_bracketed && a->name.len == b->name.len &&
	       strncasecmp(a->name.p, b->name.p, a->name.len) == 0;
}

static int port_of(const struct host *host, int otherwise)
{
	return host->port == PORT_NONE ? otherwise : host->port;
}

/* Step through a list; false at its end. */
static bool next_entry(const char **at, struct slice *out)
{
	static const char between[] = ", \t";
	*at += strspn(*at, between);
	*out = slice_of(*at, strcspn(*at, between));
	*at += out->len;
	return out->len > 0;
}

bool origins_valid(const char *list)
{
	struct slice entry;
	struct origin origin;
	while (next_entry(&list, &entry))
		if (!parse_origin(entry, &origin))
			return false;
	return true;
}

bool origins_contain(const char *list, struct slice text)
{
	struct slice entry;
	struct origin asked, listed;
	if (!list || !parse_origin(text, &asked))
		return false;
	while (next_entry(&list, &entry))
		if (parse_origin(entry, &listed) && listed.default_port == asked.default_port &&
			is_same_name(&listed.host, &asked.host) &&
			port_of(&listed.host, listed.default_port) ==
				port_of(&asked.host, asked.default_port))
			return true;
	return false;
}

bool origin_is_at(struct slice text, struct slice host_text)
{
	struct origin origin;
	struct host host;
	return parse_origin(text, &origin) && parse_host(host_text, &host) &&
	       is_same_name(&origin.host, &host) &&
	       port_of(&origin.host, origin.default_port) == port_of(&host, origin.default_port);
}

bool hosts_valid(const char *list)
{
	struct slice entry;
	struct host host;
	while (next_entry(&list, &entry))
		if (!parse_host(entry, &host))
			return false;
	return true;
}

bool hosts_contain(const char *list, struct slice text)
{
	struct slice entry;
	struct host asked, listed;
	if (!list || !parse_host(text, &asked))
		return false;
	while (next_entry(&list, &entry))
		if (parse_host(entry, &listed) && is_same_name(&listed, &asked) &&
			(listed.port == PORT_NONE || listed.port == asked.port))
			return true;
	return false;
}

bool host_is_fixed(struct slice text)
{
	static const struct slice local = {".localhost", 10};
	struct host host;
	if (!parse_host(text, &host))
		return false;
	if (host.is_bracketed || is_address(AF_INET, host.name) || !memchr(host.name.p, '.', host.name.len))
		return true;
	return host.name.len > local.len &&
	       strncasecmp(host.name.p + host.name.len - local.len, local.p, local.len) == 0;
}
