/* spool/base/hash.c: CRC32C by the CPU's instruction where it has one, else by a table made at first use;
 * XXH3. */
#include "spool/base/hash.h"

#include <pthread.h>
#include <xxhash.h>

enum { POLY_REFLECTED = 0x82f63b78 };

static uint32_t table[256];

static uint32_t crc_by_table(uint32_t crc, const unsigned char *p, size_t len)
{
	while (len--)
		crc = table[(crc ^ *p++) & 0xff] ^ (crc >> 8);
	return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc_by_cpu(uint32_t crc, const unsigned char *p, size_t len)
{
	uint64_t wide = crc;
	for (; len >= 8; p += 8, len -= 8) {
		uint64_t word;
		memcpy(&word, p, sizeof word);
		wide = __builtin_ia32_crc32di(wide, word);
	}
	crc = (uint32_t)wide;
	while (len--)
		crc = __builtin_ia32_crc32qi(crc, *p++);
	return crc;
}
#endif

static uint32_t (*crc_step)(uint32_t, const unsigned char *, size_t) = crc_by_table;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void choose(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? (crc >> 1) ^ POLY_REFLECTED : crc >> 1;
		table[i] = crc;
	}
#if defined(__x86_64__)
	if (__builtin_cpu_supports("sse4.2"))
		crc_step = crc_by_cpu;
#endif
}

uint32_t hash_crc32c(const void *p, size_t len)
{
	pthread_once(&once, choose);
	return ~crc_step(~0u, p, len);
}

uint64_t hash_text(uint64_t seed, struct slice text)
{
	return XXH3_64bits_withSeed(text.p ? text.p : "", text.len, seed);
}
