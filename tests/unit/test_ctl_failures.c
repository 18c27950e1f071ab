/* tests/unit/test_ctl_failures.c: clario-spool failures, as a person or a program runs it: its table and its
 * JSON lines against golden files, and how it says that there is more. */
#include "spool/ctl/ctl.h"
#include "tests/unit/ctl_fixture.h"
#include "tests/unit/golden.h"

#include <string.h>

static void assert_golden(struct fixture *f, const char *args, int code, const char *name)
{
	assert_run(f, args, code, NULL);
	golden_assert(name, f->out);
}

static void failures__in_groups(void **state)
{
	struct fixture *f = *state;
	assert_golden(f, "failures", 0, "failures.txt");
	assert_golden(f, "failures --json", 0, "failures.json");
	assert_golden(f, "failures --json --where 'attempts>0' --user ann", 0, "failures-where.json");
	assert_run(f, "failures --phase 7 2>&1", 1, "");
	assert_true(f->out[0] == '\0');
	assert_run(f, "failures --where state=late 2>&1", 2, "not a state");
	assert_run(f, "failures --state failed 2>&1", 2, "state: this command does not take that option");
	assert_run(f, "failures --scan-limit 1 2>&1", 0, "answered 404");
	/* Its own selection is for other commands as it stands. */
	assert_run(f, "list --where 'state=failed phase=3 error=\"answered 404\"' --json", 0, f->ids[0]);
}

/* Two jobs, of which one is looked at. */
static void failures__that_are_more(void **state)
{
	struct fixture *f = *state;
	struct spool *sp = ctl_open_spool(f);
	struct claim_ask ask = {.owner = "tests:1", .max = 1, .lease_ms = 1000};
	struct job job;
	size_t n, none;
	int64_t due;
	assert_int_equal(spool_exchange(sp, clock_now(), NULL, 0, &ask, &job, &n, &due, NULL), ST_OK);
	struct settlement s = {.id = job.id,
		.token = job.lease.token,
		.kind = SETTLE_FAIL,
		.error = slice_text("call sync: answered 503 to Bearer s3cr3t-and-long, request 471147")};
	assert_int_equal(spool_exchange(sp, clock_now(), &s, 1, NULL, NULL, &none, &due, NULL), ST_OK);
	job_release(&job);
	spool_close(sp);
	assert_golden(f, "failures --limit 1 2>&1", 0, "failures-more.txt");
	assert_run(f, "failures --scan-limit 1 2>&1", CTL_PARTLY, "the newest 1 failed job was looked at");
	assert_run(f, "failures --scan-limit 1 --json", CTL_PARTLY, "\"complete\":false}");
	assert_null(strstr(f->out, "s3cr3t"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(failures__in_groups, ctl_setup, ctl_teardown),
		cmocka_unit_test_setup_teardown(failures__that_are_more, ctl_setup, ctl_teardown),
	};
	return cmocka_run_group_tests_name("ctl_failures", tests, NULL, NULL);
}
