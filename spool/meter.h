/* spool/meter.h: what the processes of a spool count, beyond what the spool itself counts.
 *
 * Each daemon counts in a file of its own, SPOOL/meters/PROGRAM.PID, which it has mapped: an increment is one
 * relaxed addition, without a lock and without a call. Whoever reads adds them up: the files of the living,
 * whose locks they hold, and `total`, into which the files of the dead are folded, each exactly once. So a
 * sum never goes back when a process ends, however it ends. After a reboot all begins anew, at 0: what a
 * machine that crashed had counted last is not known, and readers of counters understand a 0, but not a step
 * back.
 *
 * Names (sources, receivers, codes) are few: the first so many of each kind have a place, the others share
 * the first, "other". Who has a place is the same for all processes, and stays so.
 *
 * One meter per process, as with the log; without one, or when it could not be opened, everything here does
 * nothing. Counting never waits, never fails, and cannot end the process: a full disk shows at opening. */
#ifndef SPOOL_METER_H
#define SPOOL_METER_H
#include "spool/model/phase.h"
#include "spool/model/trigger.h"

/* A change of anything up to struct meter_sum is another layout: METER_LAYOUT rises. */
enum { METER_LAYOUT = 2, METER_NAME_MAX = 47, METER_BUCKETS = 20 };

enum meter_names { METER_SOURCES, METER_RECEIVERS, METER_CODES, METER_NAMES_N };
/* Places, with "other". */
enum { METER_SOURCES_MAX = 17, METER_RECEIVERS_MAX = 33, METER_CODES_MAX = 65, METER_NAMES_MAX = 65 };

enum meter_status {
	METER_ACCEPTED,
	METER_DUPLICATE,  /* the first job was given back */
	METER_KEY_REUSED, /* the same explicit key with other data: refused */
	METER_REFUSED,
	METER_STATUS_N
};
/* Of a trigger that was sent before, by its natural key. */
enum meter_repeat { METER_SAME, METER_DIFFERENT, METER_REPEAT_N };

enum meter_outcome {
	METER_COMPLETED,
	METER_RETRY,
	METER_FAILED,
	METER_RELEASED,
	METER_CRASHED,  /* its worker died in its code */
	METER_ORPHANED, /* its worker died elsewhere */
	METER_FENCED,   /* the lease was over: nothing of it counts */
	METER_OUTCOME_N
};
enum meter_commit { METER_SUBMIT, METER_EXCHANGE, METER_COMMIT_N };
enum meter_span { METER_WAIT, METER_RUN, METER_WHOLE, METER_SPAN_N };

/* Each observation in one bucket, the first whose bound it does not exceed; the last has none. */
struct meter_histogram {
	uint64_t in[METER_BUCKETS], sum;
};

/* Counters; nothing but uint64_t. */
struct meter_values {
	uint64_t submits[PHASE_SLOTS][METER_SOURCES_MAX][METER_STATUS_N];
	uint64_t repeats[METER_SOURCES_MAX][METER_REPEAT_N];
	uint64_t bytes[METER_SOURCES_MAX]; /* of payloads that were accepted */
	uint64_t refused[METER_CODES_MAX];
	uint64_t attempts[METER_OUTCOME_N][METER_RECEIVERS_MAX];
	uint64_t leases_expired;
	struct meter_histogram spans[METER_SPAN_N][PHASE_SLOTS]; /* microseconds */
	struct meter_histogram commit_times[METER_COMMIT_N];     /* microseconds */
	struct meter_histogram commit_jobs[METER_COMMIT_N];
	struct meter_histogram calls[METER_RECEIVERS_MAX]; /* microseconds */
};

struct meter_sum {
	uint32_t names_n[METER_NAMES_N + 1]; /* with "other"; the last is unused */
	char names[METER_NAMES_N][METER_NAMES_MAX][METER_NAME_MAX + 1];
	struct meter_values values;
};

/* How things stand now in a process; gone with it. */
enum meter_gauge { METER_THREADS, METER_THREADS_BUSY, METER_HELD, METER_GAUGE_N };

enum meter_program { METER_FCGI, METER_WORKER, METER_PROGRAM_N };
extern const char *const meter_programs[METER_PROGRAM_N]; /* "clario-fcgi", "clario-worker" */

/* Of all processes of one program that live. */
struct meter_program_state {
	uint64_t processes;
	int64_t started_at_us; /* the oldest; 0: there is none */
	int64_t gauges[METER_GAUGE_N];
};

struct meter_reading {
	struct meter_sum sum;
	struct meter_program_state programs[METER_PROGRAM_N];
};

/* The bounds of buckets, METER_BUCKETS - 1 of them, ascending. */
extern const uint64_t meter_span_bounds[], meter_commit_bounds[], meter_jobs_bounds[];

/* Below what time a share q of the observations lies, as far as buckets tell: within one they are taken to be
 * spread evenly, as histogram_quantile() of Prometheus does; beyond the last bound: that. false: there are
 * none. */
bool meter_quantile(const struct meter_histogram *h, const uint64_t *bounds, double q, uint64_t *out);
/* The times of calls to a receiver; NULL: it has no place of its own, or nobody has counted. reading may be
 * NULL. */
const struct meter_histogram *meter_calls_of(const struct meter_reading *reading, const char *receiver);

/* Before other threads exist. Not ST_OK: nothing will be counted. */
NODISCARD enum status meter_open(const char *spool_path, enum meter_program program, struct why *why);
/* The last act: what was counted stays, for whoever reads. */
void meter_close(void);

/* Add everything up, and fold the dead into the total. *out is heap memory, meter_reading_free(). Files that
 * are not ours, torn, or of another layout are passed over, with a line in the log. BUSY: others held the
 * directory for half a second; NOTFOUND: nobody has counted anything. */
NODISCARD enum status meter_read(const char *spool_path, struct meter_reading **out, struct why *why);
/* The same for who only looks, with rights that may be others': nothing is made, changed or folded. */
NODISCARD enum status meter_look(const char *spool_path, struct meter_reading **out, struct why *why);
void meter_reading_free(struct meter_reading *reading); /* accepts NULL */

/* Counting. */
void meter_expect(enum meter_names kind, const char *name); /* it has a place from now on, if there is one */
void meter_submitted(const struct trigger *trigger, const struct receipt *receipt);
void meter_refused(const char *code);
void meter_attempt(enum meter_outcome outcome, const char *receiver); /* NULL: none was called */
void meter_called(const char *receiver, int64_t us);                  /* a call ended, however */
void meter_leases_expired(uint64_t n);
void meter_spent(enum meter_span span, int phase, int64_t us);
void meter_committed(enum meter_commit kind, int64_t us, uint64_t jobs);
void meter_set(enum meter_gauge gauge, int64_t value);
void meter_add(enum meter_gauge gauge, int64_t by);

#endif
