/* spool/store/postgres/rows.h: what a transaction's end has to do with its jobs. */
#ifndef SPOOL_STORE_POSTGRES_ROWS_H
#define SPOOL_STORE_POSTGRES_ROWS_H
#include "spool/store/postgres/tx.h"

void rows_flush(struct tx *tx);
void rows_release(struct tx *tx);

#endif
