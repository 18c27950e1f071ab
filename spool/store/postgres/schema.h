/* spool/store/postgres/schema.h: the tables, and how they came to be what they are. */
#ifndef SPOOL_STORE_POSTGRES_SCHEMA_H
#define SPOOL_STORE_POSTGRES_SCHEMA_H
#include "spool/store/postgres/link.h"
#include "spool/store/store.h"

/* Make the tables, and the host's own directory: ST_EXISTS when they are there and up to date; older ones are
 * brought up to date. All in one transaction. */
enum status schema_init(const struct spool_conf *conf, struct why *why);
/* Whether the tables are there in this program's version, and the server keeps what it commits. */
enum status schema_check(PGconn *conn, struct why *why);

#endif
