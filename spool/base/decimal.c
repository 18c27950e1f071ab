/* spool/base/decimal.c: see decimal.h. */
#include "spool/base/decimal.h"

enum { EXPONENT_MAX = 1000000000 }; /* greater ones compare as this */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *skip_digits(const char *p, const char *end)
{
	while (p < end && is_digit(*p))
		p++;
	return p;
}

/* What follows an e; *p stands behind it. */
static bool take_exponent(const char **p, const char *end, int64_t *out)
{
	bool is_negative = *p < end && **p == '-';
	if (*p < end && (**p == '-' || **p == '+'))
		++*p;
	const char *from = *p;
	*out = 0;
	*p = skip_digits(from, end);
	for (const char *at = from; at < *p; at++)
		*out = *out < EXPONENT_MAX ? *out * 10 + (*at - '0') : EXPONENT_MAX;
	if (*out > EXPONENT_MAX)
		*out = EXPONENT_MAX;
	*out = is_negative ? -*out : *out;
	return *p > from;
}

bool decimal_parse(struct slice text, struct decimal *out)
{
	const char *p = text.p, *end = text.p + text.len;
	int64_t exponent = 0;
	*out = (struct decimal){.is_negative = text.len && *p == '-'};
	p += out->is_negative;
	const char *from = p, *point = p = skip_digits(p, end);
	if (point == from)
		return false;
	if (p < end && *p == '.') {
		p = skip_digits(point + 1, end);
		if (p == point + 1)
			return false;
	}
	const char *digits_end = p;
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (!take_exponent(&p, end, &exponent))
			return false;
	}
	while (from < digits_end && (*from == '0' || *from == '.'))
		from++;
	out->digits = slice_of(from, (size_t)(digits_end - from));
	out->scale = exponent + (from < point ? point - from : point + 1 - from);
	if (from == digits_end)
		*out = (struct decimal){0};
	return p == end;
}

/* The next digit, 0 behind the last one. */
static char take_digit(struct slice *digits)
{
	if (digits->len && *digits->p == '.')
		*digits = slice_of(digits->p + 1, digits->len - 1);
	if (!digits->len)
		return '0';
	char c = *digits->p;
	*digits = slice_of(digits->p + 1, digits->len - 1);
	return c;
}

static int compare_size(const struct decimal *a, const struct decimal *b)
{
	struct slice x = a->digits, y = b->digits;
	if (!x.len || !y.len)
		return (x.len > 0) - (y.len > 0);
	if (a->scale != b->scale)
		return a->scale < b->scale ? -1 : 1;
	while (x.len || y.len) {
		char c = take_digit(&x), d = take_digit(&y);
		if (c != d)
			return c < d ? -1 : 1;
	}
	return 0;
}

int decimal_compare(const struct decimal *a, const struct decimal *b)
{
	if (a->is_negative != b->is_negative)
		return a->is_negative ? -1 : 1;
	return a->is_negative ? -compare_size(a, b) : compare_size(a, b);
}
