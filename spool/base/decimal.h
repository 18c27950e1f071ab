/* spool/base/decimal.h: numbers as JSON writes them, compared exactly, of whatever length: amounts of money
 * are no floating-point numbers. Pure. */
#ifndef SPOOL_BASE_DECIMAL_H
#define SPOOL_BASE_DECIMAL_H
#include "spool/base/buf.h"

struct decimal {
	bool is_negative;
	struct slice digits; /* from the first that is no zero; a point may stand among them. Empty: zero */
	int64_t scale;       /* the value is 0.DIGITS times ten to the power of this */
};

/* -12, 0.5, 1.20, 3e4; zeros may lead. Borrows text. false: it is no number. */
bool decimal_parse(struct slice text, struct decimal *out);
/* Below, at or above 0 as a is less than, equal to or greater than b. */
int decimal_compare(const struct decimal *a, const struct decimal *b);

#endif
