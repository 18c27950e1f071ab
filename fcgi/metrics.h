/* fcgi/metrics.h: every metric there is, in one table. Pure: what is told has been gathered before. */
#ifndef FCGI_METRICS_H
#define FCGI_METRICS_H
#include "fcgi/exposition.h"
#include "spool/meter.h"
#include "spool/model/figures.h"
#include "spool/model/receiver.h"

enum { METRICS_RECEIVERS_MAX = 64 };

struct metrics_view {
	struct figures figures;
	const struct meter_reading *meters;
	struct receiver_state receivers[METRICS_RECEIVERS_MAX];
	size_t receivers_n;
	uint64_t notify_backlog;               /* events that the relay has not gone past */
	int64_t backup_at_us;                  /* 0: never */
	int64_t service_level_ms[PHASE_SLOTS]; /* 0: none */
	int64_t now_us;
};

struct metric {
	const char *name; /* of the family: a counter's samples have _total behind it, an info's _info */
	enum metric_type type;
	const char *unit;   /* with which the name ends, or "" */
	const char *labels; /* as README tells them; "": none */
	const char *help;
	void (*write)(struct exposition *e, const struct metrics_view *view);
};
extern const struct metric metrics[];
extern const size_t metrics_n;

void metrics_write(const struct metrics_view *view, bool is_open_metrics, struct buf *out);

#endif
