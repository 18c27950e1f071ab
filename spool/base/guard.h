/* spool/base/guard.h: work on bytes that cannot be trusted, done in a child process: a crash or an endless
 * loop there is an answer and not the end of the tool. The child tells through a shared page how far it has
 * come and through a pipe what it found, a line each. */
#ifndef SPOOL_BASE_GUARD_H
#define SPOOL_BASE_GUARD_H
#include "spool/base/buf.h"

#include <stdatomic.h>
#include <sys/types.h>

enum { GUARD_KEY_MAX = 64 };

struct guard {
	atomic_uint_least64_t beats; /* a change is progress */
	uint64_t done, total;        /* for a bar; total 0: not known */
	char where[40];
	size_t key_len;
	uint8_t key[GUARD_KEY_MAX];
	int out; /* the child's end of the pipe */
};

struct guard_task {
	enum status (*run)(void *arg, struct guard *guard, struct why *why); /* in the child */
	void (*line)(void *arg, char *line); /* in the parent; without its newline */
	/* In the parent, a few times a second; may be NULL. May itself raise beats. */
	void (*beat)(void *arg, struct guard *guard);
	void *arg;
	int64_t stall_ms;      /* without any progress for so long the child is ended */
	uint64_t memory_bytes; /* bound on what the child allocates, mapped files apart; 0: none */
};

/* In the child: being at this key of this tree. */
void guard_at(struct guard *guard, const char *where, struct slice key);
void guard_tell(struct guard *guard, struct slice line);

/* What the task gave, with its *why. CORRUPT when the child crashed or stalled: *why says where it was, and
 * *died (may be NULL) is set. The caller has no other threads. */
NODISCARD enum status guard_run(const struct guard_task *task, bool *died, struct why *why);

#endif
