/* tests/unit/golden.h: what a command of clario-spool writes, against a file in tests/golden/ctl, with all
 * that differs from run to run made alike: ids, times, spans, sizes, and the widths that follow from these.
 * CLARIO_WRITE_GOLDEN=1 writes the files anew. */
#ifndef TESTS_UNIT_GOLDEN_H
#define TESTS_UNIT_GOLDEN_H

/* In place: text must have room for a little more. */
void golden_make_alike(char *text);
void golden_assert(const char *name, char *text);

#endif
