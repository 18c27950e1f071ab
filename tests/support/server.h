/* tests/support/server.h: databases on the server that tests/postgres/server.sh has started, which
 * CLARIO_TEST_DATABASE says how to connect to. */
#ifndef TESTS_SUPPORT_SERVER_H
#define TESTS_SUPPORT_SERVER_H
#include "tests/support/unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SERVER_TEXT = 512 };

/* The engine that a suite for every engine is run on. */
static inline const char *server_engine(void)
{
	const char *engine = getenv("CLARIO_TEST_STORE");
	return engine ? engine : "lmdb";
}

/* On a server a test of sheer numbers is for the long form (make check-slow, CLARIO_TEST_LONG): each commit
 * there is a dozen messages. */
static inline bool server_is_short(void)
{
	return strcmp(server_engine(), "postgres") == 0 && !getenv("CLARIO_TEST_LONG");
}
#define ONLY_IF_LONG()                                                                                       \
	do {                                                                                                 \
		if (server_is_short())                                                                       \
			skip();                                                                              \
	} while (0)

/* By psql, behind an engine's back. */
static inline void server_sql(const char *database, const char *sql)
{
	char command[4096];
	snprintf(command, sizeof command, "psql -qXo /dev/null -v ON_ERROR_STOP=1 -d \"%s\" -c \"%s\"",
		database, sql);
	assert_int_equal(system(command), 0);
}

/* A schema of its own: how to connect to it. They are made many at a time. */
static inline const char *server_schema(char out[SERVER_TEXT])
{
	enum { AT_ONCE = 32 };
	static int schemas;
	const char *server = getenv("CLARIO_TEST_DATABASE");
	char sql[256];
	if (!server)
		fail_msg("CLARIO_TEST_DATABASE does not say which server");
	int n = schemas++;
	snprintf(sql, sizeof sql,
		"DO \\$\\$ BEGIN FOR i IN %d..%d LOOP EXECUTE format('CREATE SCHEMA t%d_%%s', i); END LOOP; "
		"END "
		"\\$\\$",
		n, n + AT_ONCE - 1, (int)getpid());
	if (n % AT_ONCE == 0)
		server_sql(server, sql);
	snprintf(out, SERVER_TEXT, "%s options=-csearch_path=t%d_%d", server, (int)getpid(), n);
	return out;
}

#endif
