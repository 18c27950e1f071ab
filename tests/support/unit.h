/* tests/support/unit.h: cmocka with what it wants included before it. */
#ifndef TESTS_SUPPORT_UNIT_H
#define TESTS_SUPPORT_UNIT_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* after those */
#include <cmocka.h>

/* A line with the seed and the counts of a campaign: tests/run.sh shows it, also when all went well. */
#define report(...) print_message("report: " __VA_ARGS__)

#endif
