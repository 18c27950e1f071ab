/* tests/support/instance.h: a whole instance as `make start` makes it (real nginx, clario-fcgi,
 * clario-worker, spool) in a scratch directory, with a receiver of the test's behind it; and requests to it.
 *
 * instance_stop() stops all by pid, runs `clario-spool verify` on what is left, and fails the test if that
 * finds anything. */
#ifndef TESTS_SUPPORT_INSTANCE_H
#define TESTS_SUPPORT_INSTANCE_H
#include "spool/base/clock.h"
#include "spool/base/jx.h"
#include "tests/support/receiver.h"
#include "tests/support/unit.h"

#include <sys/types.h>

struct instance {
	char dir[64];
	int port;
	struct receiver *receiver;
	char settings[2048]; /* CLARIO_SET */
};

/* rows: "section.key=value ..." beyond the quick ones every test has (retry.base=50ms retry.jitter=off
 * worker.lease=2s), and breakers that never open: most of their receivers fail on purpose. Rows given here go
 * first. */
struct instance *instance_start(const char *rows);
void instance_stop(struct instance *in);

enum daemon { NGINX, FCGI, WORKER, EVENTS };
pid_t instance_pid(struct instance *in, enum daemon daemon);
/* Not gone, and no zombie (then it is reaped, if it is this process's own). */
bool instance_is_running(struct instance *in, enum daemon daemon);
void instance_kill(struct instance *in, enum daemon daemon, int signal); /* and wait until it is gone */
void instance_launch(struct instance *in, enum daemon daemon);           /* but not NGINX; after a kill */
/* A second worker on the same spool; it must be ended before the instance is stopped. */
pid_t instance_add_worker(struct instance *in);
void instance_end_added(struct instance *in);
void instance_wait_ready(struct instance *in);
/* Run clario-spool ARGS on the instance's spool; its exit code; stdout into out (cut at cap). */
int instance_tool(struct instance *in, const char *args, char *out, size_t cap);

struct answer {
	long status; /* 0: no answer */
	char headers[4096];
	char *body;
	size_t len;
	json_t *json; /* NULL: the body is none */
};
/* headers: lines "Name: value" ended by "\n", or NULL. body NULL: none. */
struct answer request(
	struct instance *in, const char *method, const char *path, const char *headers, const char *body);
struct answer request_bytes(struct instance *in, const char *method, const char *path, const char *headers,
	const char *body, size_t len);
void answer_release(struct answer *a);
const char *answer_text(const struct answer *a, const char *member); /* "" when it is not a string */
const char *answer_header(const struct answer *a, const char *name, char out[512]);

#define API "/api/v1/workflow"
/* POST JSON to API path and assert the status; the answer is the caller's. */
struct answer post(struct instance *in, const char *path, const char *body);
/* POST and assert 200; the job's id into id. */
void submit_job(struct instance *in, const char *path, const char *body, char id[40]);
/* GET the job until its state is this one (10 s), and give it. */
json_t *wait_state(struct instance *in, const char *id, const char *state);
/* Events of a workflow, as GET /workflows/{id} tells them: how many have this kind (and name, NULL: any). */
size_t count_events(struct instance *in, const char *workflow, const char *kind, const char *name);
json_t *find_event(struct instance *in, const char *workflow, const char *kind, const char *name, size_t i);

#endif
