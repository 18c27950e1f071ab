/* tests/unit/test_held.c: the leases a worker holds, against a plain array. */
#include "tests/support/unit.h"

#include "worker/held.h"

#include <stdlib.h>

enum { CAP = 100, STEPS = 20000 };

static struct job_id id_of(unsigned n)
{
	struct job_id id = {{0}};
	id.b[15] = (uint8_t)(n % 7); /* so that many share a slot */
	id.b[0] = (uint8_t)n;
	return id;
}

static void held__agrees_with_a_plain_array(void **state)
{
	(void)state;
	struct held held;
	bool is_held[256] = {false};
	size_t n = 0, ending = 0;
	bool is_ending[256] = {false};
	assert_true(held_init(&held, CAP));
	srandom(7);
	for (int step = 0; step < STEPS; step++) {
		unsigned i = (unsigned)random() % 200;
		struct job job = {.id = id_of(i), .phase = 2, .payload = {"", i}};
		job.lease.token = i / 2;
		if (random() % 2 && !is_held[i] && n < CAP) {
			held_add(&held, &job);
			is_held[i] = true;
			is_ending[i] = false;
			n++;
		} else if (random() % 3 == 0) {
			held_end(&held, job.id, i / 2);
			ending += is_held[i] && !is_ending[i];
			is_ending[i] = is_held[i];
		} else {
			held_remove(&held, job.id, i / 2);
			n -= is_held[i];
			ending -= is_held[i] && is_ending[i];
			is_held[i] = is_ending[i] = false;
		}
		assert_int_equal(held.n, n);
		assert_int_equal(held.ending_n, ending);
		size_t bytes = 0;
		for (unsigned k = 0; k < 200; k++) {
			struct held_lease *lease = held_find(&held, id_of(k), k / 2);
			assert_true((lease != NULL) == is_held[k]);
			assert_null(held_find(&held, id_of(k), k / 2 + 1000)); /* another claim's token */
			bytes += is_held[k] ? k : 0;
		}
		assert_int_equal(held.bytes, bytes);
	}
	held_release(&held);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(held__agrees_with_a_plain_array),
	};
	return cmocka_run_group_tests_name("held", tests, NULL, NULL);
}
