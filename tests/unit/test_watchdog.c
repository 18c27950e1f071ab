/* tests/unit/test_watchdog.c: who is alive is told, and nobody else. */
#include "spool/base/clock.h"
#include "spool/watchdog.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { WATCHDOG_US = 400000 };

/* Systemd's end: a socket of its own, in a directory of its own. */
struct ear {
	char dir[64];
	struct sockaddr_un address;
	int fd;
};

static int setup(void **state)
{
	static struct ear ear;
	char text[32];
	ear = (struct ear){.dir = "/tmp/clario-watchdog-XXXXXX", .address.sun_family = AF_UNIX};
	assert_non_null(mkdtemp(ear.dir));
	snprintf(ear.address.sun_path, sizeof ear.address.sun_path, "%s/notify", ear.dir);
	ear.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(ear.fd, (struct sockaddr *)&ear.address, sizeof ear.address), 0);
	snprintf(text, sizeof text, "%d", WATCHDOG_US);
	setenv("NOTIFY_SOCKET", ear.address.sun_path, 1);
	setenv("WATCHDOG_USEC", text, 1);
	unsetenv("WATCHDOG_PID");
	*state = &ear;
	return 0;
}

static int teardown(void **state)
{
	struct ear *ear = *state;
	close(ear->fd);
	unlink(ear->address.sun_path);
	rmdir(ear->dir);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	return 0;
}

static size_t heard(struct ear *ear)
{
	char text[64];
	size_t n = 0;
	for (ssize_t len; (len = recv(ear->fd, text, sizeof text - 1, 0)) >= 0; n++) {
		text[len] = '\0';
		assert_string_equal(text, "WATCHDOG=1");
	}
	return n;
}

static void fed__tells_four_times_in_the_time_that_systemd_waits(void **state)
{
	struct ear *ear = *state;
	struct watchdog dog;
	watchdog_init(&dog);
	for (int i = 0; i < 1000; i++)
		watchdog_feed(&dog);
	assert_int_equal(heard(ear), 1);
	clock_sleep_ms(WATCHDOG_US / 4 / 1000 + 1);
	watchdog_feed(&dog);
	assert_int_equal(heard(ear), 1);
}

static void none__says_nothing(void **state)
{
	struct ear *ear = *state;
	struct watchdog dog;
	pulse never = 0;
	unsetenv("WATCHDOG_USEC");
	watchdog_init(&dog);
	watchdog_feed(&dog);
	assert_int_equal(heard(ear), 0);
	assert_int_equal(watchdog_wait_ms(&dog, -1), -1);
	assert_true(watchdog_is_alive(&dog, &never));
}

static void another_process_is_watched__says_nothing(void **state)
{
	struct ear *ear = *state;
	struct watchdog dog;
	setenv("WATCHDOG_PID", "1", 1);
	watchdog_init(&dog);
	watchdog_feed(&dog);
	unsetenv("WATCHDOG_PID");
	assert_int_equal(heard(ear), 0);
}

static void sleep__is_never_longer_than_until_the_next_feed(void **state)
{
	(void)state;
	struct watchdog dog;
	watchdog_init(&dog);
	assert_int_equal(watchdog_wait_ms(&dog, -1), WATCHDOG_US / 4 / 1000);
	assert_int_equal(watchdog_wait_ms(&dog, 5000), WATCHDOG_US / 4 / 1000);
	assert_int_equal(watchdog_wait_ms(&dog, 7), 7);
	assert_int_equal(watchdog_wait_ms(&dog, 0), 0);
}

static void thread_without_a_pulse__is_not_alive(void **state)
{
	(void)state;
	struct watchdog dog;
	pulse of_thread;
	watchdog_init(&dog);
	pulse_beat(&of_thread);
	assert_true(watchdog_is_alive(&dog, &of_thread));
	clock_sleep_ms(WATCHDOG_US / 1000 + 1);
	assert_false(watchdog_is_alive(&dog, &of_thread));
	pulse_beat(&of_thread);
	assert_true(watchdog_is_alive(&dog, &of_thread));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			fed__tells_four_times_in_the_time_that_systemd_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(none__says_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(another_process_is_watched__says_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
			sleep__is_never_longer_than_until_the_next_feed, setup, teardown),
		cmocka_unit_test_setup_teardown(thread_without_a_pulse__is_not_alive, setup, teardown),
	};
	return cmocka_run_group_tests_name("watchdog", tests, NULL, NULL);
}
