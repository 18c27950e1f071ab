/* tests/coverage/exit.c: linked into everything by `make coverage`: what ends by _exit(), such as the child
 * processes of spool/base/guard.c, keeps its counts, too. What is killed loses them. */
#include <stdlib.h>

void __gcov_dump(void);
void __real__exit(int status) __attribute__((noreturn));
void __wrap__exit(int status) __attribute__((noreturn));

void __wrap__exit(int status)
{
	__gcov_dump();
	__real__exit(status);
}
