/* fcgi/budget.h: how much of something may be held at one time by all threads together: bytes of request
 * bodies, walks that count jobs.
 *
 * Threads: any; nothing blocks. What was taken must be given back, in the same amount. */
#ifndef FCGI_BUDGET_H
#define FCGI_BUDGET_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct budget {
	atomic_llong used;
	int64_t max;
};

static inline void budget_init(struct budget *budget, int64_t max)
{
	atomic_init(&budget->used, 0);
	budget->max = max;
}

/* false: there is no room now, and nothing was taken. */
static inline bool budget_take(struct budget *budget, size_t n)
{
	long long before = atomic_fetch_add(&budget->used, (long long)n);
	if (before + (long long)n <= budget->max)
		return true;
	atomic_fetch_sub(&budget->used, (long long)n);
	return false;
}

static inline void budget_give(struct budget *budget, size_t n)
{
	atomic_fetch_sub(&budget->used, (long long)n);
}

#endif
