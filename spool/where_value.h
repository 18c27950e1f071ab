/* spool/where_value.h: times and spans as values of a selection. Pure. */
#ifndef SPOOL_WHERE_VALUE_H
#define SPOOL_WHERE_VALUE_H
#include "spool/base/buf.h"

/* "90s", "5m", "1h30m", "7d", "250ms"; less than 100 years. */
bool where_span(struct slice text, int64_t *us);
/* "2026-11-24T10:00:00Z" (UTC; seconds and their fraction may be left out), "2026-11-24", "now", a span (so
 * long ago) or + and a span (so long from now). */
bool where_time(struct slice text, int64_t now_us, int64_t *wall_us);

#endif
