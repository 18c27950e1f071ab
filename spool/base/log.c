/* spool/base/log.c: one write(2) for a line or for several whole ones, so that lines of many threads and
 * processes do not mix. */
#include "spool/base/log.h"

#include "spool/base/clock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static const char *program_name = "clario";
static enum log_level most_level = LOG_LEVEL_INFO;
static _Thread_local struct {
	bool is_on;
	size_t len;
	char lines[LOG_GATHER_MAX];
} gathered;

void log_open(const char *program, enum log_level most)
{
	program_name = program;
	most_level = most;
}

bool log_wants(enum log_level level)
{
	return level <= most_level;
}

static void write_out(const char *lines, size_t len)
{
	ssize_t written = write(STDERR_FILENO, lines, len);
	(void)written; /* there is nowhere left to complain */
}

void log_flush(void)
{
	int saved = errno;
	if (gathered.len)
		write_out(gathered.lines, gathered.len);
	gathered.len = 0;
	errno = saved;
}

void log_gather(bool on)
{
	log_flush();
	gathered.is_on = on;
}

static void put_line(enum log_level level, const char *line, size_t len)
{
	if (gathered.len + len > sizeof gathered.lines)
		log_flush();
	if (!gathered.is_on || len > sizeof gathered.lines) {
		write_out(line, len);
		return;
	}
	memcpy(gathered.lines + gathered.len, line, len);
	gathered.len += len;
	if (level < LOG_LEVEL_INFO)
		log_flush();
}

void log_line(enum log_level level, const char *fmt, ...)
{
	if (!log_wants(level))
		return;
	int saved = errno;
	char line[2048];
	int head = snprintf(line, sizeof line, "<%d>%s ", (int)level, program_name);
	va_list ap;
	va_start(ap, fmt);
	int len = vsnprintf(line + head, sizeof line - (size_t)head - 1, fmt, ap);
	va_end(ap);
	size_t end = (size_t)head + (len > 0 ? (size_t)len : 0);
	if (end > sizeof line - 2)
		end = sizeof line - 2;
	line[end] = '\n';
	put_line(level, line, end + 1);
	errno = saved;
}

static bool is_plain(unsigned char c)
{
	return c > 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '=';
}

const char *log_quote(char out[LOG_QUOTE_CAP], struct slice s)
{
	bool plain = s.len > 0 && s.len < LOG_QUOTE_CAP - 1;
	for (size_t i = 0; plain && i < s.len; i++)
		plain = is_plain((unsigned char)s.p[i]);
	if (plain) {
		memcpy(out, s.p, s.len);
		out[s.len] = '\0';
		return out;
	}
	char *p = out, *end = out + LOG_QUOTE_CAP - 9; /* room for \xNN, dots, quote, NUL */
	*p++ = '"';
	size_t i = 0;
	for (; i < s.len && p < end; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c == '"' || c == '\\')
			p += snprintf(p, 3, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			p += snprintf(p, 5, "\\x%02x", c);
		else
			*p++ = (char)c;
	}
	if (i < s.len) {
		memcpy(p, "...", 3);
		p += 3;
	}
	*p++ = '"';
	*p = '\0';
	return out;
}

bool log_allowed(struct log_limit *limit, int64_t interval_ms, unsigned long *suppressed)
{
	int64_t now = clock_mono_us();
	int64_t next = __atomic_load_n(&limit->next_mono_us, __ATOMIC_RELAXED);
	if (now < next || !__atomic_compare_exchange_n(&limit->next_mono_us, &next, now + interval_ms * 1000,
				  false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
		__atomic_add_fetch(&limit->skipped, 1, __ATOMIC_RELAXED);
		return false;
	}
	*suppressed = __atomic_exchange_n(&limit->skipped, 0, __ATOMIC_RELAXED);
	return true;
}
