/* tests/fuzz/seeds.c: gives libFuzzer a target's seeds: into the corpus directory FUZZ_CORPUS, before it is
 * read. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *dir = getenv("FUZZ_CORPUS");
	(void)argc;
	(void)argv;
	for (size_t i = 0; dir && fuzz_seeds[i]; i++) {
		char path[512];
		snprintf(path, sizeof path, "%s/seed-%zu", dir, i);
		FILE *file = fopen(path, "we");
		must(file && fputs(fuzz_seeds[i], file) >= 0 && fclose(file) == 0);
	}
	return 0;
}
