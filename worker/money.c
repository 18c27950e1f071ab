/* worker/money.c: see money.h. */
#include "worker/money.h"

#include <stdio.h>

enum { MICRO = 1000000, DIGITS_MAX = 40, EXPONENT_MAX = 40 };
static const int64_t CENTS_MAX = INT64_C(1000000000000000);

struct decimal {
	char digits[DIGITS_MAX]; /* without the point */
	int n;
	int point; /* how many digits stand before it */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool take_digits(const char **p, const char *end, struct decimal *d)
{
	const char *from = *p;
	for (; *p < end && is_digit(**p); (*p)++) {
		if (d->n == DIGITS_MAX)
			return false;
		d->digits[d->n++] = **p;
	}
	return *p > from;
}

static bool take_exponent(const char **p, const char *end, int *exponent)
{
	bool negative = false;
	int value = 0;
	if (*p < end && (**p == '+' || **p == '-'))
		negative = *(*p)++ == '-';
	const char *from = *p;
	for (; *p < end && is_digit(**p); (*p)++) {
		value = value * 10 + (**p - '0');
		if (value > EXPONENT_MAX)
			return false;
	}
	*exponent = negative ? -value : value;
	return *p > from;
}

static bool parse_decimal(struct slice text, struct decimal *d)
{
	const char *p = text.p, *end = text.p + text.len;
	int exponent = 0;
	*d = (struct decimal){.n = 0};
	if (text.len == 0 || !take_digits(&p, end, d))
		return false;
	d->point = d->n;
	if (p < end && *p == '.') {
		p++;
		if (!take_digits(&p, end, d))
			return false;
	}
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (!take_exponent(&p, end, &exponent))
			return false;
	}
	d->point += exponent;
	return p == end;
}

bool money_parse(struct slice text, int64_t *cents)
{
	struct decimal d;
	*cents = 0;
	if (!parse_decimal(text, &d))
		return false;
	int whole = d.point + 2; /* digits that make up the cents */
	for (int i = 0; i < whole; i++) {
		*cents = *cents * 10 + (i < d.n ? d.digits[i] - '0' : 0);
		if (*cents > CENTS_MAX)
			return false;
	}
	if (whole >= 0 && whole < d.n && d.digits[whole] >= '5')
		(*cents)++;
	return *cents <= CENTS_MAX;
}

int64_t money_share(int64_t cents, int64_t share_micro)
{
	/* 10^15 cents times 10^6 passes 64 bits: split at the million. */
	int64_t whole = cents / MICRO * share_micro, rest = cents % MICRO * share_micro;
	return whole + (rest + MICRO / 2) / MICRO;
}

void money_text(int64_t cents, char out[MONEY_TEXT_LEN])
{
	snprintf(out, MONEY_TEXT_LEN, "%lld.%02lld", (long long)(cents / 100), (long long)(cents % 100));
}
