/* tests/crash/poison.c: loaded into the daemons (LD_PRELOAD): clario-worker aborts when it parses JSON with
 * the word "poison" in it, as a bug in a library would make it do. */
#include <dlfcn.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

json_t *json_loadb(const char *text, size_t len, size_t flags, json_error_t *error)
{
	static __typeof__(json_loadb) *next;
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "json_loadb");
	if (strcmp(program_invocation_short_name, "clario-worker") == 0 && memmem(text, len, "poison", 6)) {
		prctl(PR_SET_DUMPABLE, 0); /* no core is wanted of this */
		abort();
	}
	return next(text, len, flags, error);
}
