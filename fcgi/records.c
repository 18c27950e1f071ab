/* fcgi/records.c: see records.h. */
#include "fcgi/records.h"

#include <fastcgi.h>

enum { BEGIN_BODY = 8 };

/* One length of a name-value pair (FastCGI 1.0, 3.4); false: it is cut off. */
static bool take_length(const uint8_t **p, const uint8_t *end, uint32_t *length)
{
	if (*p == end)
		return false;
	if (**p < 0x80) {
		*length = *(*p)++;
		return true;
	}
	if (end - *p < 4)
		return false;
	*length =
		(uint32_t)((*p)[0] & 0x7f) << 24 | (uint32_t)(*p)[1] << 16 | (uint32_t)(*p)[2] << 8 | (*p)[3];
	*p += 4;
	return true;
}

bool records_next_param(struct slice *params, struct slice *name, struct slice *value)
{
	const uint8_t *p = (const uint8_t *)params->p, *end = p + params->len;
	uint32_t name_len, value_len;
	if (params->len == 0 || !take_length(&p, end, &name_len) || !take_length(&p, end, &value_len) ||
		(uint64_t)name_len + value_len > (uint64_t)(end - p))
		return false;
	*name = slice_of(p, name_len);
	*value = slice_of(p + name_len, value_len);
	p += name_len + value_len;
	*params = slice_of(p, (size_t)(end - p));
	return true;
}

static bool params_are_true(struct slice params)
{
	struct slice name, value;
	while (records_next_param(&params, &name, &value))
		;
	return params.len == 0;
}

/* What has been seen of a request so far. */
struct look {
	uint8_t *params; /* gathered in place, over headers that have been looked at */
	size_t params_len;
	bool has_begun, has_params;
};

/* One whole record. */
static enum wire_sight look_at_record(struct look *look, int type, uint8_t *content, size_t len)
{
	if (!look->has_begun) {
		look->has_begun = true;
		return type == FCGI_BEGIN_REQUEST && len == BEGIN_BODY ? WIRE_PARTIAL : WIRE_BROKEN;
	}
	if (look->has_params) {
		if (type == FCGI_STDIN && len == 0)
			return WIRE_WHOLE;
		return type == FCGI_STDIN || type == FCGI_ABORT_REQUEST ? WIRE_BODY : WIRE_BROKEN;
	}
	if (type != FCGI_PARAMS)
		return WIRE_BROKEN;
	if (!look->params)
		look->params = content;
	memmove(look->params + look->params_len, content, len);
	look->params_len += len;
	look->has_params = len == 0;
	if (!look->has_params)
		return WIRE_PARTIAL;
	return params_are_true(slice_of(look->params, look->params_len)) ? WIRE_BODY : WIRE_BROKEN;
}

static enum wire_sight look_at_all(struct look *look, uint8_t *p, size_t n)
{
	const uint8_t *first = p, *end = p + n;
	enum wire_sight sight = WIRE_PARTIAL;
	while (end - p >= RECORDS_HEADER) {
		size_t content = (size_t)(p[4] << 8 | p[5]), padding = p[6];
		if (p[0] != FCGI_VERSION_1 || memcmp(p + 2, first + 2, 2) != 0)
			return WIRE_BROKEN;
		if ((size_t)(end - p) < RECORDS_HEADER + content + padding)
			break;
		sight = look_at_record(look, p[1], p + RECORDS_HEADER, content);
		if (sight == WIRE_WHOLE || sight == WIRE_BROKEN)
			return sight;
		p += RECORDS_HEADER + content + padding;
	}
	/* nginx sends the parameters at once, and they are far smaller than the window. */
	return sight == WIRE_PARTIAL && n == RECORDS_LOOK_MAX ? WIRE_BROKEN : sight;
}

enum wire_sight records_look(uint8_t *p, size_t n, struct slice *params, uint16_t *id)
{
	struct look look = {0};
	uint16_t said = n >= RECORDS_HEADER ? (uint16_t)(p[2] << 8 | p[3]) : 0;
	enum wire_sight sight = look_at_all(&look, p, n);
	if (params)
		*params = slice_of(look.params, look.params_len);
	if (id)
		*id = said;
	return sight;
}

void records_header(uint8_t out[RECORDS_HEADER], int type, uint16_t id, size_t content_len)
{
	const uint8_t header[RECORDS_HEADER] = {FCGI_VERSION_1, (uint8_t)type, (uint8_t)(id >> 8),
		(uint8_t)id, (uint8_t)(content_len >> 8), (uint8_t)content_len, 0, 0};
	memcpy(out, header, sizeof header);
}

void records_end(uint8_t out[RECORDS_END], uint16_t id)
{
	memset(out, 0, RECORDS_END);
	records_header(out, FCGI_STDOUT, id, 0);
	records_header(out + RECORDS_HEADER, FCGI_END_REQUEST, id, BEGIN_BODY); /* status 0, complete */
}
