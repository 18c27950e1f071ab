/* fcgi/budget.h: how many bytes of request bodies may be held at one time, by all threads together.
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
static inline bool budget_take(struct budget *budget, size_t bytes)
{
	long long before = atomic_fetch_add(&budget->used, (long long)bytes);
	if (before + (long long)bytes <= budget->max)
		return true;
	atomic_fetch_sub(&budget->used, (long long)bytes);
	return false;
}

static inline void budget_give(struct budget *budget, size_t bytes)
{
	atomic_fetch_sub(&budget->used, (long long)bytes);
}

#endif
