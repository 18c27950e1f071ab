/* tests/unit/test_wipe.c: what is given back to the heap holds no secret any more: each block is searched at
 * the moment it is freed, and so are those that one grows out of. */
#include "tests/support/unit.h"
#include "worker/call.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CANARY "cAnArY7"

static char needle[128]; /* beside the canary; "": none */
static unsigned leaks;

static void search(const void *p)
{
	size_t len = p ? malloc_usable_size((void *)(uintptr_t)p) : 0;
	leaks += len && (memmem(p, len, CANARY, sizeof CANARY - 1) ||
				(needle[0] && memmem(p, len, needle, strlen(needle))));
}

/* The linker leads free() and realloc() here. */
void __real_free(void *p);
void __wrap_free(void *p);
void __wrap_free(void *p)
{
	search(p);
	__real_free(p);
}

void *__wrap_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size)
{
	size_t had = p ? malloc_usable_size(p) : 0;
	void *to = malloc(size);
	if (!to)
		return NULL;
	if (had)
		memcpy(to, p, had < size ? had : size);
	search(p);
	__real_free(p);
	return to;
}

/* Past stdio, whose buffers would come back from the heap with a secret in them. */
static void write_scratch(char *path, const char *text)
{
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void load(struct opts *out)
{
	char path[] = "/tmp/clario-wipe-XXXXXX", secret[] = "/tmp/clario-wipe-XXXXXX", text[500];
	struct why why = WHY_INIT;
	write_scratch(secret, CANARY "-of-a-file\n");
	snprintf(text, sizeof text,
		"[receiver]\npython-jwt-secret = " CANARY "-jwt\ninternal-api-key-file = %s\n"
		"[receiver.python]\nurl = http://py:8000\n[receiver.integrations]\nurl = http://node:3001\n",
		secret);
	write_scratch(path, text);
	if (opts_load_for_calls(path, out, &why) != ST_OK)
		fail_msg("%s", why.text);
	unlink(path);
	unlink(secret);
}

static void search__finds_what_is_there(void **state)
{
	(void)state;
	leaks = 0;
	free(strdup(CANARY));
	struct buf b = BUF_INIT(4096);
	buf_text(&b, CANARY);
	for (int i = 0; i < 100; i++)
		buf_text(&b, "it grows, and leaves behind");
	unsigned found = leaks;
	assert_true(found > 2);
	buf_wipe(&b);
	assert_int_equal(leaks, found);
}

static void configuration__leaves_nothing(void **state)
{
	(void)state;
	struct opts opts;
	struct buf out = BUF_INIT(1000);
	leaks = 0;
	load(&opts);
	opts_scrub(&opts, slice_text("it said " CANARY "-of-a-file, Bearer " CANARY "-echo"), &out);
	buf_release(&out);
	opts_release(&opts);
	assert_int_equal(leaks, 0);
}

/* Both kinds of credentials, and the payload that the request carried. */
static void requests__leave_nothing(void **state)
{
	(void)state;
	static const int calls[] = {CALL_FEE, CALL_PROOF_PACKET};
	struct opts opts;
	struct job job = {.id = {{1, 2, 3}},
		.phase = 7,
		.attempts_made = 2,
		.lease = {.token = 3},
		.workflow_id = slice_text("payout_c"),
		.user_id = slice_text("user-1"),
		.payload = slice_text("{\"claim_id\":\"c\",\"amount\":5}")};
	load(&opts);
	leaks = 0;
	for (size_t i = 0; i < 2; i++) {
		struct run run;
		struct call_request request;
		struct why why = WHY_INIT;
		assert_int_equal(run_open(&run, &opts, &job, (struct moment){1000000, 0, 0}), ST_OK);
		assert_int_equal(call_build(&request, &run, phase_handler(7), calls[i], &why), ST_OK);
		bool has_one = false;
		for (size_t k = 0; k < request.headers_n; k++) {
			const char *h = request.headers[k];
			if (strncmp(h, "Authorization: Bearer ", 22) == 0)
				snprintf(needle, sizeof needle, "%s", strrchr(h, '.'));
			has_one |= strncmp(h, "Authorization: ", 15) == 0 || strstr(h, CANARY);
		}
		assert_true(has_one);
		call_release(&request);
		run_release(&run);
	}
	assert_true(strlen(needle) > 20);
	assert_int_equal(leaks, 0);
	opts_release(&opts);
	assert_int_equal(leaks, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(configuration__leaves_nothing),
		cmocka_unit_test(requests__leave_nothing),
		/* Last, for it leaves canaries in the heap. */
		cmocka_unit_test(search__finds_what_is_there),
	};
	return cmocka_run_group_tests_name("wipe", tests, NULL, NULL);
}
