/* tests/conformance/test_crash.c: sudden death between acknowledgement and outcome, clean stops under load,
 * and a spool that is missing, foreign or taken away. */
#include "tests/support/instance.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int setup(void **state)
{
	*state = instance_start("retry.attempts=50");
	return 0;
}

static int teardown(void **state)
{
	instance_stop(*state);
	return 0;
}

static void kill_all__what_was_acknowledged_is_delivered(void **state)
{
	struct instance *in = *state;
	char id[40];
	instance_kill(in, WORKER, SIGKILL);
	submit_job(in, "/phase/2", "{\"user_id\":\"ka\",\"sync_id\":\"ka\"}", id);
	instance_kill(in, FCGI, SIGKILL);
	instance_launch(in, FCGI);
	instance_wait_ready(in);
	json_decref(wait_state(in, id, "waiting"));
	instance_launch(in, WORKER);
	json_decref(wait_state(in, id, "completed"));
	assert_int_equal(receiver_count(in->receiver, NULL, "\"ka\""), 1);
}

static void kill_worker__a_call_under_way_is_made_again_under_its_key(void **state)
{
	struct instance *in = *state;
	char id[40], first[512], second[512];
	struct call calls[2];
	receiver_rule(in->receiver, (struct rule){.body_has = "\"kw\"", .how = HANG, .times = 1});
	submit_job(in, "/phase/2", "{\"user_id\":\"kw\",\"sync_id\":\"kw\"}", id);
	assert_true(receiver_wait(in->receiver, NULL, "\"kw\"", 1, 5000));
	instance_kill(in, WORKER, SIGKILL);
	instance_launch(in, WORKER);
	json_decref(wait_state(in, id, "completed"));
	for (size_t i = 0; i < 2; i++)
		assert_true(receiver_get(in->receiver, NULL, "\"kw\"", i, &calls[i]));
	assert_string_equal(call_header(&calls[0], "Idempotency-Key", first),
		call_header(&calls[1], "Idempotency-Key", second));
	assert_string_equal(call_header(&calls[0], "X-Clario-Lease", first), "1");
	assert_string_equal(call_header(&calls[1], "X-Clario-Lease", second), "2");
	assert_int_equal(count_events(in, "kw", "lease_expired", NULL), 1);
	assert_int_equal(count_events(in, "kw", "notification", NULL), 1);
}

static void kill_worker__a_finished_call_is_not_repeated(void **state)
{
	struct instance *in = *state;
	char id[40];
	receiver_rule(in->receiver, (struct rule){.path_has = "proof-packets/kc/", .how = HANG, .times = 1});
	submit_job(in, "/phase/7", "{\"user_id\":\"kc\",\"claim_id\":\"kc\",\"amount\":5}", id);
	assert_true(receiver_wait(in->receiver, "proof-packets/kc/", NULL, 1, 5000));
	instance_kill(in, WORKER, SIGKILL);
	instance_launch(in, WORKER);
	json_decref(wait_state(in, id, "completed"));
	assert_int_equal(receiver_count(in->receiver, "process-fee", "\"kc\""), 1);
	assert_int_equal(receiver_count(in->receiver, "proof-packets/kc/", NULL), 2);
}

static void stop_worker__gives_a_grace_and_releases_the_rest(void **state)
{
	struct instance *in = *state;
	char quick[40], stuck[40];
	receiver_rule(in->receiver, (struct rule){.body_has = "graceful", .delay_ms = 400, .times = 1});
	receiver_rule(in->receiver, (struct rule){.body_has = "stuck", .how = HANG, .times = 1});
	submit_job(in, "/phase/2", "{\"user_id\":\"g\",\"sync_id\":\"graceful\"}", quick);
	submit_job(in, "/phase/2", "{\"user_id\":\"g\",\"sync_id\":\"stuck\"}", stuck);
	assert_true(receiver_wait(in->receiver, NULL, "graceful", 1, 5000));
	assert_true(receiver_wait(in->receiver, NULL, "stuck", 1, 5000));
	instance_kill(in, WORKER, SIGTERM); /* worker.stop-grace is 1 s */
	json_decref(wait_state(in, quick, "completed"));
	json_t *job = wait_state(in, stuck, "waiting");
	assert_int_equal(json_integer_value(json_object_get(job, "attempts_made")), 0);
	json_decref(job);
	int64_t before = clock_mono_us();
	instance_launch(in, WORKER);
	json_decref(wait_state(in, stuck, "completed"));
	assert_true(clock_mono_us() - before <
		    1900000); /* at once, not when the lease of 2 s would have run out */
}

struct load {
	struct instance *in;
	int number;
	atomic_int acked, refused;
	atomic_bool stop;
	char ids[3000][40];
};

static void *submit_load(void *arg)
{
	struct load *l = arg;
	for (int i = 0; !atomic_load(&l->stop) && l->acked < 3000 && l->refused < 20000; i++) {
		char body[128];
		snprintf(body, sizeof body,
			"{\"user_id\":\"load\",\"sync_id\":\"load-%d-%d\",\"matches\":[]}", l->number, i);
		struct answer a = post(l->in, "/phase/4", body);
		if (a.status == 200)
			snprintf(l->ids[l->acked++], 40, "%s", answer_text(&a, "job_id"));
		else
			l->refused++;
		bool understood = a.status == 200 || (a.status == 503 && answer_text(&a, "code")[0]);
		answer_release(&a);
		if (!understood) {
			l->refused = 1000000;
			break;
		}
	}
	return NULL;
}

/* Daemons come and go under load; every acknowledged job ends completed, once. */
static void under_load__stops_and_kills_lose_nothing(void **state)
{
	enum { THREADS = 3 };
	static const struct {
		enum daemon daemon;
		int signal;
	} rounds[] = {{FCGI, SIGTERM}, {WORKER, SIGTERM}, {FCGI, SIGKILL}, {WORKER, SIGKILL}, {FCGI, SIGTERM},
		{WORKER, SIGKILL}};
	struct instance *in = *state;
	static struct load loads[THREADS];
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++) {
		loads[i].in = in;
		loads[i].number = i;
		assert_int_equal(pthread_create(&threads[i], NULL, submit_load, &loads[i]), 0);
	}
	for (size_t i = 0; i < sizeof rounds / sizeof *rounds; i++) {
		int before = loads[0].acked;
		while (loads[0].acked < before + 20 && loads[0].refused < 1000000)
			clock_sleep_ms(2);
		instance_kill(in, rounds[i].daemon, rounds[i].signal);
		instance_launch(in, rounds[i].daemon);
		instance_wait_ready(in);
	}
	int acked = 0;
	for (int i = 0; i < THREADS; i++) {
		atomic_store(&loads[i].stop, true);
		pthread_join(threads[i], NULL);
		assert_true(loads[i].refused < 1000000); /* every answer was 200 or a JSON 503 */
		acked += loads[i].acked;
		for (int k = 0; k < loads[i].acked; k++)
			json_decref(wait_state(in, loads[i].ids[k], "completed"));
	}
	report("%d jobs acknowledged through %zu stops and kills, all completed\n", acked,
		sizeof rounds / sizeof *rounds);
}

static void intake_down__nginx_answers_in_json(void **state)
{
	struct instance *in = *state;
	char value[512];
	instance_kill(in, FCGI, SIGTERM);
	struct answer a = post(in, "/phase/1", "{\"user_id\":\"u\"}");
	assert_int_equal(a.status, 503);
	assert_string_equal(answer_text(&a, "code"), "upstream_unavailable");
	assert_true(answer_header(&a, "Retry-After", value)[0] != '\0');
	answer_release(&a);
	instance_launch(in, FCGI);
	instance_wait_ready(in);
}

static void second_intake__does_not_steal_the_socket(void **state)
{
	struct instance *in = *state;
	char command[512];
	snprintf(command, sizeof command, "'%s/clario-fcgi' -c '%s/clario.conf' 2>'%s/second.txt'",
		getenv("B") ? getenv("B") : "build", in->dir, in->dir);
	int code = system(command);
	assert_true(WIFEXITED(code) && WEXITSTATUS(code) != 0);
	struct answer a = request(in, "GET", API "/readyz", NULL, NULL);
	assert_int_equal(a.status, 200);
	answer_release(&a);
}

/* Run a daemon on a configuration of its own and tell how it ended and what it said. */
static int run_daemon(struct instance *in, const char *program, const char *rows, char *said, size_t cap)
{
	char conf[128], command[600];
	snprintf(conf, sizeof conf, "%s/other.conf", in->dir);
	FILE *file = fopen(conf, "we");
	assert_non_null(file);
	fputs(rows, file);
	fclose(file);
	snprintf(command, sizeof command, "timeout 10 '%s/%s' -c '%s' 2>&1",
		getenv("B") ? getenv("B") : "build", program, conf);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	size_t len = fread(said, 1, cap - 1, pipe);
	said[len] = '\0';
	int code = pclose(pipe);
	return WIFEXITED(code) ? WEXITSTATUS(code) : -1;
}

static void start__refuses_what_it_cannot_trust(void **state)
{
	struct instance *in = *state;
	static const char *const programs[] = {"clario-fcgi", "clario-worker"};
	char rows[600], said[4096], foreign[128], command[400];
	snprintf(foreign, sizeof foreign, "%s/foreign", in->dir);
	snprintf(command, sizeof command,
		"mkdir -p '%s/lmdb' && head -c 65536 /dev/urandom >'%s/lmdb/data.mdb'", foreign, foreign);
	assert_int_equal(system(command), 0);
	for (size_t i = 0; i < 2; i++) {
		const struct {
			const char *path, *extra;
			int code;
			const char *has;
		} cases[] = {
			{"/tmp/clario-there-is-none", "", 69, "clario-spool init"},
			{foreign, "", 65, "cannot open the spool"},
			{in->dir, "[queue]\nordering = bogus\n", 78,
				"expected one of its words: workflow|none"},
			{in->dir, "[nonsense]\nx = 1\n", 78, "there is no section [nonsense]"},
		};
		for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
			snprintf(rows, sizeof rows,
				"[http]\nsocket = %s/other.sock\n[spool]\npath = %s\nmap-size = 256M\n%s",
				in->dir, cases[k].path, cases[k].extra);
			int code = run_daemon(in, programs[i], rows, said, sizeof said);
			if (code != cases[k].code || !strstr(said, cases[k].has))
				fail_msg("%s, case %zu: exit %d: %s", programs[i], k, code, said);
		}
		snprintf(rows, sizeof rows,
			"[http]\nsocket = %s/other.sock\n[spool]\npath = %s/spool\nmap-size = 512M\n",
			in->dir, in->dir);
		assert_int_equal(run_daemon(in, programs[i], rows, said, sizeof said), 78);
		assert_non_null(strstr(said, "map-size"));
	}
}

static void spool_taken_away__is_never_acknowledged(void **state)
{
	(void)state;
	struct instance *in = instance_start(NULL);
	char from[128], to[128], id[40];
	submit_job(in, "/phase/4", "{\"user_id\":\"t\",\"sync_id\":\"t\",\"matches\":[]}", id);
	json_decref(wait_state(in, id, "completed"));
	instance_kill(in, WORKER, SIGTERM);
	snprintf(from, sizeof from, "%s/spool", in->dir);
	snprintf(to, sizeof to, "%s/away", in->dir);
	assert_int_equal(rename(from, to), 0);
	struct answer a = post(in, "/phase/2", "{\"user_id\":\"t\",\"sync_id\":\"t2\"}");
	assert_int_equal(a.status, 503);
	assert_string_equal(answer_text(&a, "code"), "spool_unavailable");
	answer_release(&a);
	assert_int_equal(rename(to, from), 0);
	pid_t pid = instance_pid(in, FCGI);
	for (int i = 0; i < 1000 && pid && kill(pid, 0) == 0; i++) {
		clock_sleep_ms(10); /* it ends, to be started anew by its supervisor */
		pid = instance_pid(in, FCGI);
	}
	instance_launch(in, FCGI);
	instance_launch(in, WORKER);
	instance_wait_ready(in);
	submit_job(in, "/phase/4", "{\"user_id\":\"t\",\"sync_id\":\"t3\",\"matches\":[]}", id);
	json_decref(wait_state(in, id, "completed"));
	instance_stop(in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kill_all__what_was_acknowledged_is_delivered),
		cmocka_unit_test(kill_worker__a_call_under_way_is_made_again_under_its_key),
		cmocka_unit_test(kill_worker__a_finished_call_is_not_repeated),
		cmocka_unit_test(stop_worker__gives_a_grace_and_releases_the_rest),
		cmocka_unit_test(under_load__stops_and_kills_lose_nothing),
		cmocka_unit_test(intake_down__nginx_answers_in_json),
		cmocka_unit_test(second_intake__does_not_steal_the_socket),
		cmocka_unit_test(start__refuses_what_it_cannot_trust),
		cmocka_unit_test(spool_taken_away__is_never_acknowledged),
	};
	return cmocka_run_group_tests_name("crash", tests, setup, teardown);
}
