/* tests/fuzz/fuzz.h: what a target is: the entry that libFuzzer knows, and seeds for the driver that works
 * without it.
 *
 * A target must not crash, hang or leak, whatever the bytes; what more must hold it asserts itself, with
 * must(). */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Where mutations start from; the last one is NULL. */
extern const char *const fuzz_seeds[];

#define must(what)                                                                                           \
	do {                                                                                                 \
		if (!(what)) {                                                                               \
			fprintf(stderr, "%s:%d: must hold: %s\n", __FILE__, __LINE__, #what);                \
			abort();                                                                             \
		}                                                                                            \
	} while (0)

#endif
