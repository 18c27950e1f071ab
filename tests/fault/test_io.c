/* tests/fault/test_io.c: the k-th write, sync or allocation fails, for every k of a small scenario.
 *
 * The calls that LMDB makes are interposed by functions of the same name in this program. After each failure:
 * the status is a documented one, the store works again (reopened where it says that it is broken), every job
 * that was acknowledged is there, none has two outcomes, and the engine's check finds nothing. */
#include "tests/unit/store_fixture.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <sys/uio.h>
#include <unistd.h>

enum fault_kind { FAULT_PWRITE, FAULT_WRITEV, FAULT_FDATASYNC, FAULT_MALLOC, FAULT_KIND_N };

static struct {
	bool armed;
	enum fault_kind kind;
	unsigned long countdown; /* 1: the next call fails */
	int err;
	bool fired;
	bool cut; /* a write fails after half of its bytes */
} fault;

static bool fails(enum fault_kind kind)
{
	if (!fault.armed || fault.kind != kind || --fault.countdown > 0)
		return false;
	fault.armed = false;
	fault.fired = true;
	errno = fault.err;
	return true;
}

/* NULL until the loader can tell, which it can before main(). */
static void *next_symbol(const char *name)
{
	void *symbol = dlsym(RTLD_NEXT, name);
	if (!symbol)
		_exit(99);
	return symbol;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at);
ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	static ssize_t (*real)(int, const void *, size_t, off_t);
	if (!real)
		*(void **)&real = next_symbol("pwrite");
	if (!fails(FAULT_PWRITE))
		return real(fd, bytes, len, at);
	return fault.cut ? real(fd, bytes, len / 2, at) : -1;
}

ssize_t writev(int fd, const struct iovec *parts, int n)
{
	static ssize_t (*real)(int, const struct iovec *, int);
	if (!real)
		*(void **)&real = next_symbol("writev");
	if (!fails(FAULT_WRITEV))
		return real(fd, parts, n);
	return fault.cut ? real(fd, parts, 1) : -1;
}

int fdatasync(int fd)
{
	static int (*real)(int);
	if (!real)
		*(void **)&real = next_symbol("fdatasync");
	return fails(FAULT_FDATASYNC) ? -1 : real(fd);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
void *__libc_malloc(size_t len);
void *malloc(size_t len)
{
	return fails(FAULT_MALLOC) ? NULL : __libc_malloc(len);
}
#endif

struct told {
	struct job_id acked[64], completed[64];
	size_t acked_n, completed_n;
};

static bool is_documented(enum status st)
{
	return st == ST_OK || st == ST_FULL || st == ST_NOSPACE || st == ST_IO || st == ST_NOMEM;
}

static void assert_documented(const struct fixture *f, enum status st, const struct why *why)
{
	if (!is_documented(st) || (st != ST_OK && !why->text[0]))
		fail_msg("kind %d: status %s, why \"%s\", broken %d", fault.kind, status_name(st), why->text,
			f->ops->is_broken(f->store));
}

static void try_submit(struct fixture *f, int i, struct told *told)
{
	char workflow[16];
	struct receipt r = {0};
	struct why why = WHY_INIT;
	snprintf(workflow, sizeof workflow, "w%d", i / 2);
	struct trigger t = make_trigger(2 + i % 2, workflow, "u", i == 3 ? NULL : "{\"n\":1}");
	struct submission one = {&t, &r};
	enum status st = store_submit(f->ops, f->store, f->now, &one, 1, &why);
	assert_documented(f, st, &why);
	if (st == ST_OK && r.verdict == SUBMIT_ACCEPTED)
		told->acked[told->acked_n++] = r.id;
}

static void try_complete(struct fixture *f, struct told *told)
{
	struct claim_ask ask = {.owner = "w", .max = 1, .lease_ms = 1000};
	struct job job;
	struct why why = WHY_INIT;
	size_t n, none;
	enum status st = f->ops->exchange(f->store, f->now, NULL, 0, &ask, &job, &n, &f->next_due_us, &why);
	assert_documented(f, st, &why);
	if (st != ST_OK || n == 0)
		return;
	struct settlement s = {.id = job.id, .token = job.lease.token, .kind = SETTLE_COMPLETE};
	s.outcome = slice_text("{}");
	st = f->ops->exchange(f->store, f->now, &s, 1, NULL, NULL, &none, &f->next_due_us, &why);
	assert_documented(f, st, &why);
	if (st == ST_OK && s.verdict == ST_OK)
		told->completed[told->completed_n++] = job.id;
	job_release(&job);
}

static void scenario(struct fixture *f, struct told *told)
{
	for (int i = 0; i < 8; i++) {
		try_submit(f, i, told);
		pass_ms(f, 300);
		if (i % 3 == 2)
			try_complete(f, told);
	}
}

static void assert_nothing_lost(struct fixture *f, const struct told *told)
{
	if (f->ops->is_broken(f->store))
		store_reopen(f);
	for (size_t i = 0; i < told->acked_n; i++)
		state_of(f, told->acked[i]);
	for (size_t i = 0; i < told->completed_n; i++)
		assert_int_equal(state_of(f, told->completed[i]), JOB_COMPLETED);
	accept_job(f, 7, "after", "u", "{}");
	store_check(f);
}

/* false: the scenario makes fewer than k such calls. */
static bool run_with_fault(enum fault_kind kind, unsigned long k, int err, bool cut)
{
	void *state = NULL;
	struct told told = {.acked_n = 0};
	store_setup(&state);
	fault.kind = kind;
	fault.countdown = k;
	fault.err = err;
	fault.cut = cut;
	fault.fired = false;
	fault.armed = true;
	scenario(state, &told);
	fault.armed = false;
	assert_nothing_lost(state, &told);
	store_teardown(&state);
	return fault.fired;
}

static void sweep(enum fault_kind kind, int err, bool cut)
{
	unsigned long k = 1;
	while (run_with_fault(kind, k, err, cut))
		k++;
	report("kind %d, %s%s: %lu points\n", kind, strerror(err), cut ? ", cut short" : "", k - 1);
	assert_true(k > 1);
}

static void writes__fail(void **state)
{
	(void)state;
	sweep(FAULT_PWRITE, EIO, false);
	sweep(FAULT_PWRITE, ENOSPC, false);
	sweep(FAULT_PWRITE, EIO, true);
	sweep(FAULT_WRITEV, EIO, false);
	sweep(FAULT_WRITEV, ENOSPC, true);
}

static void syncs__fail(void **state)
{
	(void)state;
	sweep(FAULT_FDATASYNC, EIO, false);
	sweep(FAULT_FDATASYNC, ENOSPC, false);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
static void allocations__fail(void **state)
{
	(void)state;
	sweep(FAULT_MALLOC, ENOMEM, false);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes__fail),
		cmocka_unit_test(syncs__fail),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
		cmocka_unit_test(allocations__fail),
#endif
	};
	return cmocka_run_group_tests_name("io faults", tests, NULL, NULL);
}
