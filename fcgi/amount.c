/* fcgi/amount.c: see amount.h. */
#include "fcgi/amount.h"

enum { DIGITS_MAX = 30, EXPONENT_MAX = 99 };

struct number {
	char digits[DIGITS_MAX]; /* without the point, zeros before the first other one left out */
	int n;
	int point; /* how many of all digits stand after it */
	bool is_negative;
};

static bool is_digit(const struct slice *s)
{
	return s->len && s->p[0] >= '0' && s->p[0] <= '9';
}

static char take(struct slice *s)
{
	char c = s->p[0];
	*s = slice_of(s->p + 1, s->len - 1);
	return c;
}

static bool take_if(struct slice *s, const char *any)
{
	if (!s->len || !strchr(any, s->p[0]) || !s->p[0])
		return false;
	take(s);
	return true;
}

static bool add_digit(struct number *out, char c)
{
	if (c == '0' && out->n == 0)
		return true;
	if (out->n == DIGITS_MAX)
		return false;
	out->digits[out->n++] = c;
	return true;
}

static bool take_whole(struct slice *s, struct number *out)
{
	bool is_zero = s->len && s->p[0] == '0';
	if (!is_digit(s) || !add_digit(out, take(s)))
		return false;
	while (!is_zero && is_digit(s))
		if (!add_digit(out, take(s)))
			return false;
	return !is_digit(s);
}

static bool take_fraction(struct slice *s, struct number *out)
{
	if (!take_if(s, "."))
		return true;
	if (!is_digit(s))
		return false;
	while (is_digit(s)) {
		out->point++;
		if (out->point > EXPONENT_MAX || !add_digit(out, take(s)))
			return false;
	}
	return true;
}

static bool take_exponent(struct slice *s, struct number *out)
{
	int value = 0;
	if (!take_if(s, "eE"))
		return true;
	bool is_negative = s->len && s->p[0] == '-';
	take_if(s, "+-");
	if (!is_digit(s))
		return false;
	while (is_digit(s)) {
		value = value * 10 + (take(s) - '0');
		if (value > EXPONENT_MAX)
			return false;
	}
	out->point += is_negative ? value : -value;
	return true;
}

static bool parse(struct slice s, struct number *out)
{
	*out = (struct number){.is_negative = take_if(&s, "-")};
	return take_whole(&s, out) && take_fraction(&s, out) && take_exponent(&s, out) && s.len == 0;
}

/* No digits after the point: those that are there must be zeros, those that are missing become some. */
static bool make_whole(struct number *x)
{
	for (; x->point > 0 && x->n > 0; x->point--)
		if (x->digits[--x->n] != '0')
			return false;
	for (; x->point < 0 && x->n > 0; x->point++)
		if (!add_digit(x, '0'))
			return false;
	return true;
}

bool amount_from_minor(struct slice text, int scale, char out[AMOUNT_TEXT_MAX])
{
	struct number x;
	size_t at = 0;
	if (!parse(text, &x) || !make_whole(&x))
		return false;
	int digits = x.n > scale ? x.n : scale + 1;
	if (x.is_negative)
		out[at++] = '-';
	for (int i = 0; i < digits; i++) {
		int from = i - (digits - x.n);
		if (i == digits - scale)
			out[at++] = '.';
		out[at++] = from >= 0 ? x.digits[from] : '0';
	}
	out[at] = '\0';
	return true;
}
