/* tests/crash/poison.c: loaded into the daemons (LD_PRELOAD): clario-worker aborts when it parses JSON with
 * a text in it that has the word "poison", as a bug in a library would make it do. */
#include <dlfcn.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

json_t *json_stringn_nocheck(const char *text, size_t len)
{
	static __typeof__(json_stringn_nocheck) *next;
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "json_stringn_nocheck");
	if (strcmp(program_invocation_short_name, "clario-worker") == 0 && memmem(text, len, "poison", 6)) {
		prctl(PR_SET_DUMPABLE, 0); /* no core is wanted of this */
		abort();
	}
	return next(text, len);
}
