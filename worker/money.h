/* worker/money.h: amounts as integer cents from decimal text; binary floating point never touches money.
 * Pure. */
#ifndef WORKER_MONEY_H
#define WORKER_MONEY_H
#include "spool/base/buf.h"

enum { MONEY_TEXT_LEN = 32 };

/* JSON number syntax, an exponent included, optionally as the text of one. Parts of a cent are rounded half
 * up. false: not a number, negative zero aside not positive or zero, or more than 10^15 cents. */
bool money_parse(struct slice text, int64_t *cents);
/* share_micro: millionths. Rounded half up to a cent. */
int64_t money_share(int64_t cents, int64_t share_micro);
/* "12.50" */
void money_text(int64_t cents, char out[MONEY_TEXT_LEN]);

#endif
