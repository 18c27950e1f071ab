/* tests/fault/fail_calls.h: what a test tells a daemon that has fail_calls.so loaded, through a shared
 * mapping of the file CLARIO_FAIL_DIR/PROGRAM: which call is to fail next, and whether it has. */
#ifndef TESTS_FAULT_FAIL_CALLS_H
#define TESTS_FAULT_FAIL_CALLS_H
#include <stdatomic.h>

enum fail_kind {
	FAIL_MALLOC,     /* malloc, calloc, realloc: ENOMEM */
	FAIL_ACCEPT,     /* EMFILE */
	FAIL_SEND,       /* to a socket: ECONNRESET */
	FAIL_SEND_SHORT, /* one byte goes */
	FAIL_RECEIVE,    /* from a socket: ECONNRESET */
	FAIL_WRITE_IO,   /* to data.mdb: EIO */
	FAIL_WRITE_FULL, /* to data.mdb: ENOSPC */
	FAIL_SYNC,       /* of data.mdb: EIO */
	FAIL_KIND_N
};

struct fail_plan {
	atomic_int kind;
	atomic_long left;  /* the call of this kind that fails, counted from now; 0: none */
	atomic_ulong hits; /* calls that were made to fail */
};

#endif
