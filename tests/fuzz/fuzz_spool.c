/* tests/fuzz/fuzz_spool.c: a damaged data file: verify walks all of it without LMDB, and must neither crash
 * nor go round in circles. The input is a list of changes to a sound file, 5 bytes each: page 2, where in it
 * 2, what to add to that byte. The file is made by LMDB when the target starts. */
#include "tests/fuzz/fuzz.h"

#include "spool/spool.h"
#include "spool/store/lmdb/verify.h"

#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHANGE = 5, PAGE = 4096, JOBS = 60 };

const char *const fuzz_seeds[] = {
	"\x02\x02\x10\x10\x01",
	"\x03\x03\x0c\x10\x02\x04\x04\x0e\x10\x08",
	"\x05\x05\x12\x11\xff\x06\x06\x10\x12\x01\x07\x07\x20\x14\x7f",
	NULL,
};

static uint8_t *sound;
static size_t sound_len;

static int remove_entry(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
	(void)sb;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void submit_jobs(struct spool *spool)
{
	static char payload[6000];
	memset(payload, 'x', sizeof payload - 1);
	for (int i = 0; i < JOBS; i++) {
		char workflow[32];
		struct receipt receipt;
		snprintf(workflow, sizeof workflow, "workflow-%d", i / 3);
		struct trigger t = {.phase = 1 + i % 7,
			.attempts_allowed = 3,
			.give_up_after_us = 1000000,
			.workflow_id = slice_text(workflow),
			.user_id = slice_text("user"),
			.payload = slice_text(i % 20 ? "{}" : payload),
			.idempotency_key = slice_text(i % 4 ? "" : workflow + 4)};
		must(spool_submit(spool, clock_now(), &t, 1, &receipt, NULL) == ST_OK);
	}
}

static void read_file(const char *path)
{
	struct stat sb;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	must(fd >= 0 && fstat(fd, &sb) == 0);
	sound_len = (size_t)sb.st_size;
	sound = malloc(sound_len);
	must(sound && read(fd, sound, sound_len) == (ssize_t)sound_len);
	close(fd);
}

static void make_sound(void)
{
	char dir[] = "/tmp/clario-fuzz-XXXXXX", path[128];
	struct spool *spool;
	must(mkdtemp(dir));
	struct spool_conf conf = {.store = "lmdb",
		.path = dir,
		.map_size = 16 << 20,
		.full_at_percent = 85,
		.ordering = true,
		.dedupe_window_us = 1000000};
	must(spool_init(&conf, NULL) == ST_OK && spool_open(&conf, &spool, NULL) == ST_OK);
	submit_jobs(spool);
	must(spool_receiver_pause(
		     spool, clock_now(), "shop", true, 0, slice_text("o"), slice_text(""), NULL) == ST_OK);
	spool_close(spool);
	snprintf(path, sizeof path, "%s/lmdb/data.mdb", dir);
	read_file(path);
	nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void change(uint8_t *bytes, const uint8_t *data, size_t size)
{
	for (size_t at = 0; at + CHANGE <= size; at += CHANGE) {
		size_t page = (size_t)(data[at] << 8 | data[at + 1]) % (sound_len / PAGE);
		size_t offset = (size_t)(data[at + 2] << 8 | data[at + 3]) % PAGE;
		bytes[page * PAGE + offset] = (uint8_t)(bytes[page * PAGE + offset] + data[at + 4]);
	}
}

static void hear(void *arg, const char *tree, const char *job, const char *what)
{
	(void)arg;
	must(tree && job && what[0]);
}

static void verify(const char *path)
{
	struct verify_sink sink = {hear, NULL, NULL};
	struct page_visit visit = {NULL, verify_tell_meta, &sink, false};
	struct pages pages;
	if (pages_open(path, 0, &pages, &visit, NULL) != ST_OK)
		return;
	verify_pages(&pages, &sink);
	pages_close(&pages);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	if (!sound)
		make_sound();
	int fd = memfd_create("spool", MFD_CLOEXEC);
	must(fd >= 0 && ftruncate(fd, (off_t)sound_len) == 0);
	uint8_t *bytes = mmap(NULL, sound_len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(bytes != MAP_FAILED);
	memcpy(bytes, sound, sound_len);
	change(bytes, data, size);
	munmap(bytes, sound_len);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	verify(path);
	close(fd);
	return 0;
}
