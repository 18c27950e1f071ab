/* fcgi/amount.h: amounts in minor units as decimal text, digit by digit. Pure. */
#ifndef FCGI_AMOUNT_H
#define FCGI_AMOUNT_H
#include "spool/base/buf.h"

enum { AMOUNT_TEXT_MAX = 48 };

/* A whole number in JSON's syntax, an exponent included, as that many 10^-scale: 12050 with scale 2 is
 * "120.50", 5 is "0.05". A sign stays. false: it is no number, not a whole one (12.5, 5e-1), or has more than
 * 30 digits. */
bool amount_from_minor(struct slice text, int scale, char out[AMOUNT_TEXT_MAX]);

#endif
