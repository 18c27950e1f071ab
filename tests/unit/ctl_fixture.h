/* tests/unit/ctl_fixture.h: clario-spool as a person or a script runs it, on a small spool of its own. */
#ifndef TESTS_UNIT_CTL_FIXTURE_H
#define TESTS_UNIT_CTL_FIXTURE_H
#include "spool/spool.h"
#include "tests/support/unit.h"

/* Four jobs: 0 of ann failed, of bob 1 waiting, 2 waiting behind 1, 3 delayed. */
struct fixture {
	char dir[64];
	char ids[4][JOB_ID_TEXT_LEN];
	char out[65536];
};

int ctl_setup(void **state); /* *state is a struct fixture */
int ctl_teardown(void **state);

/* Run the tool; its exit code; standard output (and standard error, where args say 2>&1) into f->out. */
int ctl_run(struct fixture *f, const char *args);
/* The same, with the code and a part of the output that are wanted; has NULL: any output. */
void assert_run(struct fixture *f, const char *args, int code, const char *has);
void assert_run_id(struct fixture *f, const char *verb, int i, int code, const char *has);

void ctl_write_conf(struct fixture *f, const char *map_size);
struct spool *ctl_open_spool(struct fixture *f);
/* A job of phase 1 of carl's that was accepted and claimed an hour ago by host:4711; if it completes, phase 2
 * is late by now. */
void ctl_add_old(struct fixture *f, const char *workflow, bool completes);
size_t count_lines(const char *text);

#endif
