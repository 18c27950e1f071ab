/* spool/base/log.h: logfmt lines to stderr with the journal's <N> prefix: `<6>clario-fcgi job=... phase=3
 * ...`.
 *
 * Levels: err = someone should act, warning = will be tried again, info = life cycle and one line per
 * outcome. Never a body, a token or a query string. Values that came from outside go through log_quote().
 * errno survives. Threads: any; one write(2) per line, or for many of a thread that gathers them. */
#ifndef SPOOL_BASE_LOG_H
#define SPOOL_BASE_LOG_H
#include "spool/base/buf.h"

enum log_level { LOG_LEVEL_ERR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

void log_open(const char *program, enum log_level most); /* program: static text */
bool log_wants(enum log_level level);                    /* so that a line nobody reads is not put together */
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define log_err(...)     log_line(LOG_LEVEL_ERR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* From here on this thread's info lines wait for log_flush(), for a more urgent line or for LOG_GATHER_MAX
 * bytes, and are then written together. Whoever gathers must flush before it sleeps. false: as before. */
enum { LOG_GATHER_MAX = 4096 /* what a pipe takes whole (PIPE_BUF) */ };
void log_gather(bool on);
void log_flush(void);

/* One logfmt value from outside text: as it is when it is plain, else quoted with control bytes, quotes and
 * backslashes escaped; cut at cap. Returns out. Use: log_info("user=%s", LOG_Q(slice)). */
enum { LOG_QUOTE_CAP = 300 };
const char *log_quote(char out[LOG_QUOTE_CAP], struct slice s);
#define LOG_Q(s)  log_quote((char[LOG_QUOTE_CAP]){0}, (s))
#define LOG_QT(t) LOG_Q(slice_text(t))

/* Rate limit for a repeating condition: true at most once per interval; *suppressed tells how many were not
 * printed. */
struct log_limit {
	int64_t next_mono_us;
	unsigned long skipped;
};
bool log_allowed(struct log_limit *limit, int64_t interval_ms, unsigned long *suppressed);

#endif
