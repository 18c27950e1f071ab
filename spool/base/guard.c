/* spool/base/guard.c: see guard.h. */
#include "spool/base/guard.h"

#include "spool/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { POLL_MS = 100, LINE_MAX_BYTES = 64 << 10, WHY_MARK = 1 };

void guard_at(struct guard *guard, const char *where, struct slice key)
{
	size_t len = key.len < GUARD_KEY_MAX ? key.len : GUARD_KEY_MAX;
	if (strcmp(guard->where, where) != 0)
		snprintf(guard->where, sizeof guard->where, "%s", where);
	if (len)
		memcpy(guard->key, key.p, len);
	guard->key_len = len;
	atomic_fetch_add_explicit(&guard->beats, 1, memory_order_release);
}

static void write_all(int fd, const char *p, size_t len)
{
	while (len) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno != EINTR)
			_exit(ST_IO);
		p += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
}

void guard_tell(struct guard *guard, struct slice line)
{
	write_all(guard->out, line.p, line.len);
	write_all(guard->out, "\n", 1);
	atomic_fetch_add_explicit(&guard->beats, 1, memory_order_release);
}

/* A sanitizer's own mappings are larger than any bound that would mean something. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static void bound_memory(uint64_t more)
{
	(void)more;
}
#else
static void bound_memory(uint64_t more)
{
	unsigned long pages = 0;
	FILE *statm = fopen("/proc/self/statm", "re");
	if (statm && fscanf(statm, "%*u %*u %*u %*u %*u %lu", &pages) == 1 && more) {
		rlim_t bytes = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + more;
		setrlimit(RLIMIT_DATA, &(struct rlimit){bytes, bytes});
	}
	if (statm)
		fclose(statm);
}
#endif

static void be_the_child(const struct guard_task *task, struct guard *guard, pid_t parent)
{
	static const int fatal[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
	struct why why = WHY_INIT;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(ST_IO);
	for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
		signal(fatal[i],
			SIG_DFL); /* the parent tells of it; no handler of a test's or a sanitizer's */
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	bound_memory(task->memory_bytes);
	enum status st = task->run(task->arg, guard, &why);
	if (why.text[0]) {
		char mark = WHY_MARK;
		write_all(guard->out, &mark, 1);
		guard_tell(guard, slice_text(why.text));
	}
	_exit((int)st);
}

/* What the parent knows of the child. */
struct watch {
	const struct guard_task *task;
	struct guard *guard;
	pid_t pid;
	int in;
	struct buf text;
	struct why why;
	bool stalled;
};

static void take_lines(struct watch *w)
{
	char *at = w->text.p, *end = w->text.p + w->text.len, *stop;
	while (at < end && (stop = memchr(at, '\n', (size_t)(end - at)))) {
		*stop = '\0';
		if (*at == WHY_MARK)
			snprintf(w->why.text, sizeof w->why.text, "%s", at + 1);
		else if (w->task->line)
			w->task->line(w->task->arg, at);
		at = stop + 1;
	}
	size_t rest = (size_t)(end - at);
	if (rest)
		memmove(w->text.p, at, rest);
	w->text.len = rest;
}

static bool take_bytes(struct watch *w)
{
	char bytes[8192];
	ssize_t n = read(w->in, bytes, sizeof bytes);
	if (n < 0 && errno == EINTR)
		return true;
	if (n <= 0)
		return false;
	buf_add(&w->text, bytes, (size_t)n);
	if (buf_status(&w->text) != ST_OK)
		buf_clear(&w->text); /* a line beyond any bound: of a child gone wild */
	else
		take_lines(w);
	return true;
}

static void watch_child(struct watch *w)
{
	uint64_t beats = 0;
	int64_t moved_at = clock_mono_us();
	for (;;) {
		struct pollfd pfd = {.fd = w->in, .events = POLLIN};
		int n = poll(&pfd, 1, POLL_MS);
		if (n > 0 && !take_bytes(w))
			return;
		if (w->task->beat)
			w->task->beat(w->task->arg, w->guard);
		uint64_t now = atomic_load_explicit(&w->guard->beats, memory_order_acquire);
		if (now != beats)
			moved_at = clock_mono_us();
		beats = now;
		if (clock_mono_us() - moved_at > w->task->stall_ms * 1000) {
			w->stalled = true;
			kill(w->pid, SIGKILL);
			return;
		}
	}
}

static enum status tell_death(const struct watch *w, int status, struct why *why)
{
	char hex[2 * GUARD_KEY_MAX + 1] = "", how[80];
	size_t len = w->guard->key_len < GUARD_KEY_MAX ? w->guard->key_len : GUARD_KEY_MAX;
	for (size_t i = 0; i < len; i++)
		snprintf(hex + 2 * i, 3, "%02x", w->guard->key[i]);
	w->guard->where[sizeof w->guard->where - 1] = '\0';
	if (w->stalled)
		snprintf(how, sizeof how, "made no progress for %lld s", (long long)w->task->stall_ms / 1000);
	else if (WIFSIGNALED(status))
		snprintf(how, sizeof how, "crashed (signal %d)", WTERMSIG(status));
	else
		snprintf(how, sizeof how, "ended early (exit %d)", WEXITSTATUS(status));
	return why_set(why, ST_CORRUPT, "the reading process %s in %s after key %s", how,
		w->guard->where[0] ? w->guard->where : "the file's head", len ? hex : "(none)");
}

static enum status end_watch(struct watch *w, bool *died, struct why *why)
{
	int status = 0;
	close(w->in);
	while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
		;
	buf_release(&w->text);
	if (w->stalled || !WIFEXITED(status) || WEXITSTATUS(status) >= ST_N) {
		if (died)
			*died = true;
		return tell_death(w, status, why);
	}
	if (why)
		*why = w->why;
	return (enum status)WEXITSTATUS(status);
}

static enum status start_and_watch(
	const struct guard_task *task, struct guard *guard, bool *died, struct why *why)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return why_errno(why, errno, "cannot make a pipe");
	struct watch w = {.task = task, .guard = guard, .in = ends[0], .text = BUF_INIT(LINE_MAX_BYTES)};
	pid_t parent = getpid();
	fflush(NULL);
	guard->out = ends[1];
	w.pid = fork();
	if (w.pid == 0) {
		close(ends[0]);
		be_the_child(task, guard, parent);
	}
	int err = errno;
	close(ends[1]);
	if (w.pid < 0) {
		close(ends[0]);
		return why_errno(why, err, "cannot start a process");
	}
	watch_child(&w);
	return end_watch(&w, died, why);
}

enum status guard_run(const struct guard_task *task, bool *died, struct why *why)
{
	struct guard *guard =
		mmap(NULL, sizeof *guard, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (died)
		*died = false;
	if (guard == MAP_FAILED)
		return why_errno(why, errno, "cannot map memory");
	enum status st = start_and_watch(task, guard, died, why);
	munmap(guard, sizeof *guard);
	return st;
}
