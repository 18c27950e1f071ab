/* fcgi/bearer.c: see bearer.h. */
#include "fcgi/bearer.h"

#include <strings.h>

static const char scheme[] = "Bearer";
enum { SCHEME_LEN = sizeof scheme - 1 };

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
	       c == '.' || c == '_' || c == '~' || c == '+' || c == '/';
}

/* 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"=" */
static bool is_token(struct slice text)
{
	size_t i = 0;
	while (i < text.len && is_token_char(text.p[i]))
		i++;
	size_t chars = i;
	while (i < text.len && text.p[i] == '=')
		i++;
	return chars > 0 && i == text.len;
}

enum bearer bearer_take(struct slice header, struct slice *token)
{
	*token = (struct slice)SLICE_INIT;
	while (header.len && is_blank(header.p[0]))
		header = slice_of(header.p + 1, header.len - 1);
	while (header.len && is_blank(header.p[header.len - 1]))
		header.len--;
	if (header.len < SCHEME_LEN || strncasecmp(header.p, scheme, SCHEME_LEN) != 0 ||
		(header.len > SCHEME_LEN && !is_blank(header.p[SCHEME_LEN])))
		return BEARER_NONE;
	header = slice_of(header.p + SCHEME_LEN, header.len - SCHEME_LEN);
	while (header.len && is_blank(header.p[0]))
		header = slice_of(header.p + 1, header.len - 1);
	if (!is_token(header))
		return BEARER_BROKEN;
	*token = header;
	return BEARER_SHOWN;
}
