/* tests/fault/test_disk.c: the spool's file system fills up and is freed again, on a tmpfs and on an ext4.
 *
 * Filled by jobs, intake closes with room left for outcomes; filled to the last byte by somebody else,
 * nothing is acknowledged that is not there. Freed, intake is open again within 5 seconds, by itself. Needs
 * to mount; where that may not be done the tests say so and pass.
 *
 * DISK_ROUNDS. */
#include "tests/support/instance.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BODY = 60 << 10, POSTS_MAX = 3000, OPEN_AGAIN_MS = 5000, IDS_MAX = 20000 };

struct disk {
	char dir[64], image[80], filler[96];
	bool is_mounted, has_image;
	struct instance *in;
	char (*ids)[40];
	size_t n;
};

static int run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int run(const char *fmt, ...)
{
	char command[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(command, sizeof command, fmt, ap);
	va_end(ap);
	return system(command);
}

static bool mount_tmpfs(struct disk *d)
{
	return mount("tmpfs", d->dir, "tmpfs", 0, "size=24m") == 0;
}

static bool mount_ext4(struct disk *d)
{
	snprintf(d->image, sizeof d->image, "%s.img", d->dir);
	d->has_image = true;
	return run("truncate -s 32M '%s' && PATH=$PATH:/sbin:/usr/sbin mkfs.ext4 -q -m 0 '%s' 2>&1", d->image,
		       d->image) == 0 &&
	       run("mount -o loop '%s' '%s' 2>/dev/null", d->image, d->dir) == 0;
}

static void disk_end(struct disk *d)
{
	if (d->is_mounted)
		umount2(d->dir, MNT_DETACH);
	if (d->has_image)
		unlink(d->image);
	rmdir(d->dir);
	free(d->ids);
}

static bool disk_begin(struct disk *d, bool (*mount_it)(struct disk *), const char *name)
{
	char rows[200];
	*d = (struct disk){0};
	snprintf(d->dir, sizeof d->dir, "/tmp/clario-disk-XXXXXX");
	assert_non_null(mkdtemp(d->dir));
	d->ids = calloc(IDS_MAX, sizeof *d->ids);
	d->is_mounted = mount_it(d);
	if (!d->is_mounted) {
		report("%s cannot be mounted here: not looked at\n", name);
		disk_end(d);
		return false;
	}
	snprintf(d->filler, sizeof d->filler, "%s/filler", d->dir);
	snprintf(rows, sizeof rows, "spool.path=%s/spool spool.disk-full-at=70 retry.attempts=100", d->dir);
	d->in = instance_start(rows);
	return true;
}

/* Post until it is refused; the code of the refusal. Every 200 is remembered. */
static void post_until_refused(struct disk *d, const char *expected_code, char *body)
{
	for (int i = 0; i < POSTS_MAX; i++) {
		char value[512];
		snprintf(body, BODY, "{\"user_id\":\"d\",\"sync_id\":\"disk-%zu-%d\",\"pad\":\"", d->n, i);
		size_t len = strlen(body);
		memset(body + len, 'x', BODY - len);
		memcpy(body + BODY - 2, "\"}", 3);
		struct answer a = post(d->in, "/phase/2", body);
		bool taken = a.status == 200;
		if (taken && d->n < IDS_MAX)
			snprintf(d->ids[d->n++], 40, "%s", answer_text(&a, "job_id"));
		if (!taken) {
			assert_int_equal(a.status, 503);
			assert_string_equal(answer_text(&a, "code"), expected_code);
			assert_true(answer_header(&a, "Retry-After", value)[0] != '\0');
		}
		answer_release(&a);
		if (!taken)
			return;
	}
	fail_msg("it was never refused");
}

/* To the last byte. */
static void fill_disk(struct disk *d)
{
	static char block[65536];
	int fd = open(d->filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	for (size_t size = sizeof block; size >= 1; size /= 2)
		while (write(fd, block, size) == (ssize_t)size)
			;
	close(fd);
}

static void wait_open(struct disk *d)
{
	int64_t began = clock_mono_us();
	long status = 0;
	while (status != 200) {
		struct answer a = request(d->in, "GET", "/readyz", NULL, NULL);
		status = a.status;
		answer_release(&a);
		assert_true(clock_mono_us() - began < OPEN_AGAIN_MS * INT64_C(1000));
		clock_sleep_ms(50);
	}
}

static void clean_completed(struct disk *d)
{
	int64_t until = clock_mono_us() + 20000000;
	bool is_clean = false;
	while (!is_clean && clock_mono_us() < until) {
		struct answer a = post(d->in, "/queue/clean?status=completed&grace=0", NULL);
		is_clean = a.status == 200;
		answer_release(&a);
		clock_sleep_ms(50);
	}
	assert_true(is_clean);
}

static void all_completed(struct disk *d, size_t from)
{
	for (size_t i = from; i < d->n; i++)
		json_decref(wait_state(d->in, d->ids[i], "completed"));
}

/* First by jobs alone, then by somebody else to the last byte. */
static void play(struct disk *d)
{
	unsigned rounds = getenv("DISK_ROUNDS") ? (unsigned)strtoul(getenv("DISK_ROUNDS"), NULL, 10) : 3;
	char *body = malloc(BODY + 16);
	char out[2000];
	post_until_refused(d, "disk_full", body);
	all_completed(d, 0); /* what is left suffices for outcomes */
	unlink(d->filler);
	for (unsigned i = 0; i < rounds; i++) {
		size_t before = d->n;
		fill_disk(d);
		struct answer a =
			post(d->in, "/phase/2", "{\"user_id\":\"d\",\"sync_id\":\"on-a-full-disk\"}");
		assert_int_equal(a.status, 503);
		assert_string_equal(answer_text(&a, "code"), "disk_full");
		answer_release(&a);
		assert_int_equal(unlink(d->filler), 0);
		clean_completed(d); /* makes room inside the file, which does not shrink */
		all_completed(d, before);
	}
	assert_int_equal(instance_tool(d->in, "verify", out, sizeof out), 0);
	report("%zu jobs acknowledged, all completed; %u times full to the last byte\n", d->n, rounds);
	free(body);
}

static void tmpfs__fills_and_is_freed(void **state)
{
	struct disk d;
	(void)state;
	if (!disk_begin(&d, mount_tmpfs, "a tmpfs"))
		return;
	play(&d);
	instance_stop(d.in);
	disk_end(&d);
}

static void ext4__fills_and_is_freed(void **state)
{
	struct disk d;
	(void)state;
	if (!disk_begin(&d, mount_ext4, "an ext4 file system"))
		return;
	play(&d);
	instance_stop(d.in);
	disk_end(&d);
}

/* Filled by somebody else alone: when that is gone, intake opens by itself, and jobs under way have ended. */
static void others__fill_it_and_go(void **state)
{
	struct disk d;
	unsigned rounds = getenv("DISK_ROUNDS") ? (unsigned)strtoul(getenv("DISK_ROUNDS"), NULL, 10) : 3;
	(void)state;
	if (!disk_begin(&d, mount_tmpfs, "a tmpfs"))
		return;
	for (unsigned i = 0; i < rounds; i++) {
		char body[100], id[40];
		snprintf(body, sizeof body, "{\"user_id\":\"d\",\"sync_id\":\"others-%u\"}", i);
		receiver_clear_rules(d.in->receiver);
		receiver_rule(d.in->receiver, (struct rule){.status = 503, .times = 3});
		submit_job(d.in, "/phase/2", body, id);
		fill_disk(&d);
		clock_sleep_ms(600); /* longer than the share is believed for */
		struct answer a = post(d.in, "/phase/2", "{\"user_id\":\"d\",\"sync_id\":\"refused\"}");
		assert_int_equal(a.status, 503);
		assert_string_equal(answer_text(&a, "code"), "disk_full");
		answer_release(&a);
		assert_int_equal(unlink(d.filler), 0);
		wait_open(&d);
		json_decref(wait_state(d.in, id, "completed"));
	}
	instance_stop(d.in);
	disk_end(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tmpfs__fills_and_is_freed),
		cmocka_unit_test(ext4__fills_and_is_freed),
		cmocka_unit_test(others__fill_it_and_go),
	};
	return cmocka_run_group_tests_name("disk", tests, NULL, NULL);
}
