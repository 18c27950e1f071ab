/* spool/store/postgres/wake.h: the hint that there may be something new to claim, from this process and, by
 * NOTIFY, from others. Without it (a pooler in transaction mode does not pass it on) workers look once a
 * second. */
#ifndef SPOOL_STORE_POSTGRES_WAKE_H
#define SPOOL_STORE_POSTGRES_WAKE_H
#include "spool/base/status.h"

enum { WAKE_NAME = 17 };
struct wake;

NODISCARD struct wake *wake_new(const char *conninfo); /* NULL: no memory, no descriptor, no thread */
void wake_free(struct wake *wake);                     /* accepts NULL */
int wake_fd(struct wake *wake);                        /* -1 for NULL */
const char *wake_name(const struct wake *wake);        /* its payload of NOTIFY clario */
void wake_ring(struct wake *wake);
void wake_drain(struct wake *wake);

#endif
