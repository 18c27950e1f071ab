/* tests/wire/wire.h: what the tests of what strangers may send have in common. */
#ifndef TESTS_WIRE_WIRE_H
#define TESTS_WIRE_WIRE_H
#include "tests/support/instance.h"

/* A number from the environment. */
unsigned long wire_setting(const char *name, unsigned long otherwise);
/* Jobs ever taken; from the tool, for the intake is not asked about itself. */
uint64_t wire_accepted(struct instance *in);
/* Refused in this way (code NULL: any), and in words; what and i name the row that was not. */
void wire_expect(struct answer *a, int status, const char *code, const char *what, size_t i);

/* The number after a label in /proc/PID/FILE. */
long process_number(pid_t pid, const char *file, const char *label);
long process_memory(pid_t pid); /* private, in KiB */
size_t process_descriptors(pid_t pid);
/* Connections end a moment after their answer: waits for so many descriptors. */
void process_expect_descriptors(pid_t pid, size_t wanted, const char *what);

#endif
