/* tests/unit/gate_fixture.h: clario-fcgi without its socket: a spool, tokens in it, and requests to
 * dispatch(). */
#ifndef TESTS_UNIT_GATE_FIXTURE_H
#define TESTS_UNIT_GATE_FIXTURE_H
#include "fcgi/dispatch.h"
#include "fcgi/handlers.h"
#include "fcgi/tokens.h"
#include "spool/base/log.h"
#include "tests/support/unit.h"

#define BASE "/api/v1/workflow"
#define S    INT64_C(1000000)

struct fixture {
	char dir[64], spool_path[96];
	struct opts opts;
	struct app app;
	struct moment now;
};

int gate_setup(void **state);
int gate_teardown(void **state);

/* A change of a token, made so long ago; the text that its bearer shows into text, if the change has one. */
void token_do(struct fixture *f, enum token_act act, const struct token *token, int64_t ago_us,
	int64_t overlap_us, char text[TOKEN_TEXT_LEN + 1]);
/* One that is added now and counts at once: its header, which stays until the next eight are made. */
const char *token_for(
	struct fixture *f, const char *name, unsigned scopes, uint32_t phases, const char *user);

struct job_id accept_job(struct fixture *f, int phase, const char *workflow, const char *user);

/* From 192.0.2.1 when it shows a token, else from 127.0.0.1. authorization NULL: none. The caller releases.
 */
struct reply ask(struct fixture *f, const char *method, const char *path, const char *query,
	const char *authorization, const char *body);
json_t *json_of(const struct reply *reply);

#endif
