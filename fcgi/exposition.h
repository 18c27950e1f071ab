/* fcgi/exposition.h: metrics as text: OpenMetrics 1.0.0, or the plain form that came before it (text/plain;
 * version=0.0.4). Pure. A family is begun, and then has its samples; labels come as pairs, ended by NULL. */
#ifndef FCGI_EXPOSITION_H
#define FCGI_EXPOSITION_H
#include "spool/base/buf.h"

#include <stdint.h>

enum metric_type { METRIC_GAUGE, METRIC_COUNTER, METRIC_HISTOGRAM, METRIC_INFO };

struct exposition {
	struct buf *out;
	bool is_open_metrics;
	const char *name; /* of the family, without suffix */
	enum metric_type type;
};

const char *metric_type_name(enum metric_type type);
/* unit: "seconds", "bytes", with which the name ends, or "". */
void expose_family(
	struct exposition *e, const char *name, enum metric_type type, const char *unit, const char *help);
void expose_whole(struct exposition *e, uint64_t value, const char *const *labels);
void expose_number(struct exposition *e, double value, const char *const *labels);
/* bounds: n - 1 of them, ascending; in: n counts, of which the last is of what exceeds all bounds. Both
 * bounds and sum are divided by scale. */
void expose_histogram(struct exposition *e, const uint64_t *bounds, const uint64_t *in, size_t n,
	uint64_t sum, double scale, const char *const *labels);
void expose_end(struct exposition *e);

#define LABELS(...)                                                                                          \
	(const char *const[])                                                                                \
	{                                                                                                    \
		__VA_ARGS__, NULL                                                                            \
	}
#define NO_LABELS                                                                                            \
	(const char *const[])                                                                                \
	{                                                                                                    \
		NULL                                                                                         \
	}

#endif
