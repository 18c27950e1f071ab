/* spool/when.h: times and spans as callers write them. Pure. */
#ifndef SPOOL_WHEN_H
#define SPOOL_WHEN_H
#include "spool/base/buf.h"

/* "2026-11-24T02:18:55.123Z" (ISO 8601: seconds and their fraction may be left out, the zone may not), or
 * the milliseconds since 1970 in decimal digits. false: neither. */
bool when_parse(struct slice text, int64_t *wall_us);
bool when_from_ms(int64_t ms, int64_t *wall_us);

/* "1500" (milliseconds) or "1500ms", "90s", "5m", "2h", "1d"; at most ten years. false: none of these. */
bool when_parse_span(struct slice text, int64_t *span_us);
bool when_span_from_ms(int64_t ms, int64_t *span_us);

#endif
