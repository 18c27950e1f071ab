/* tests/fuzz/driver.c: a small fuzzer for where libFuzzer is not: seeded mutations of the target's seeds and
 * of what came of them. FUZZ_SEED, FUZZ_SECONDS. An input that kills the target is left in the file
 * FUZZ_LAST. */
#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { SIZE_MAX_INPUT = 4096, CORPUS_MAX = 256, ROUND = 256 };

struct input {
	size_t len;
	uint8_t bytes[SIZE_MAX_INPUT];
};

static struct input corpus[CORPUS_MAX];
static size_t corpus_n;
static uint64_t random_state;

static uint64_t draw(uint64_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return below ? (random_state >> 11) % below : 0;
}

static void set_byte(struct input *in)
{
	static const uint8_t odd[] = {0, 1, 5, 8, 9, 10, 13, 0x1f, '"', '\\', '{', '}', '[', ']', ',', ':',
		'-', '+', '.', 'e', '%', '=', '&', ';', 0x7f, 0x80, 0xbf, 0xc0, 0xed, 0xf4, 0xfe, 0xff};
	if (in->len)
		in->bytes[draw(in->len)] = draw(2) ? odd[draw(sizeof odd)] : (uint8_t)draw(256);
}

static void cut(struct input *in)
{
	size_t from = draw(in->len + 1), n = draw(in->len - from + 1);
	memmove(in->bytes + from, in->bytes + from + n, in->len - from - n);
	in->len -= n;
}

/* Part of another input, or of this one again. */
static void join_part(struct input *in)
{
	const struct input *other = &corpus[draw(corpus_n)];
	size_t at = draw(in->len + 1), from = draw(other->len + 1), n = draw(other->len - from + 1);
	uint8_t piece[SIZE_MAX_INPUT];
	if (n > SIZE_MAX_INPUT - in->len)
		n = SIZE_MAX_INPUT - in->len;
	memcpy(piece, other->bytes + from, n);
	memmove(in->bytes + at + n, in->bytes + at, in->len - at);
	memcpy(in->bytes + at, piece, n);
	in->len += n;
}

static void flip(struct input *in)
{
	if (in->len)
		in->bytes[draw(in->len)] ^= (uint8_t)(1u << draw(8));
}

static void mutate(struct input *in)
{
	static void (*const ways[])(struct input *) = {set_byte, set_byte, flip, flip, cut, join_part};
	for (uint64_t n = 1 + draw(6); n > 0; n--)
		ways[draw(sizeof ways / sizeof *ways)](in);
}

/* The input under test, in a mapped file: it is there after a crash. */
static struct input *last_input(void)
{
	const char *path = getenv("FUZZ_LAST");
	int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
	if (fd < 0 || ftruncate(fd, sizeof(struct input)) != 0)
		return &corpus[CORPUS_MAX - 1];
	void *at = mmap(NULL, sizeof(struct input), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return at == MAP_FAILED ? &corpus[CORPUS_MAX - 1] : at;
}

static void load_seeds(void)
{
	for (; fuzz_seeds[corpus_n] && corpus_n < CORPUS_MAX / 2; corpus_n++) {
		size_t len = strlen(fuzz_seeds[corpus_n]);
		corpus[corpus_n].len = len < SIZE_MAX_INPUT ? len : SIZE_MAX_INPUT;
		memcpy(corpus[corpus_n].bytes, fuzz_seeds[corpus_n], corpus[corpus_n].len);
	}
}

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(void)
{
	const char *seed = getenv("FUZZ_SEED"), *seconds = getenv("FUZZ_SECONDS");
	unsigned long executions = 0, number = seed ? strtoul(seed, NULL, 10) : (unsigned long)time(NULL);
	double until = now_s() + (seconds ? strtod(seconds, NULL) : 1);
	struct input *in = last_input();
	random_state = number * UINT64_C(2654435761) + 88172645463325252;
	load_seeds();
	for (size_t i = 0; i < corpus_n; i++)
		LLVMFuzzerTestOneInput(corpus[i].bytes, corpus[i].len);
	while (now_s() < until)
		for (int i = 0; i < ROUND; i++, executions++) {
			*in = corpus[draw(corpus_n)];
			mutate(in);
			LLVMFuzzerTestOneInput(in->bytes, in->len);
			if (draw(64) ==
				0) { /* some go on to be changed further, in place of one that did before */
				size_t slot = corpus_n < CORPUS_MAX - 1
						      ? corpus_n++
						      : CORPUS_MAX / 2 + draw(CORPUS_MAX / 2 - 1);
				corpus[slot] = *in;
			}
		}
	printf("seed %lu, %lu executions\n", number, executions);
	return 0;
}
