/* tests/support/instance.c: see instance.h. */
#include "tests/support/instance.h"

#include "spool/base/clock.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { WAIT_MS = 15000 };

static const char *build_dir(void)
{
	const char *b = getenv("B");
	return b && *b ? b : "build";
}

static bool can_bind(int port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
	close(fd);
	return ok;
}

/* nginx takes this port and the next one. */
static int free_port(void)
{
	for (int tries = 0; tries < 200; tries++) {
		int port = 20000 + (int)((getpid() * 37 + tries * 131 + clock_mono_us() / 1000) % 20000);
		if (can_bind(port) && can_bind(port + 1))
			return port;
	}
	fail_msg("no free port");
	return 0;
}

/* With CLARIO_TEST_SERVER, the directory of a server's socket (tests/postgres/suite.sh): rows that put the
 * spool into a database of the instance's own. */
static void engine_rows(const struct instance *in, const char *verb, char out[400])
{
	char command[400];
	const char *server = getenv("CLARIO_TEST_SERVER");
	out[0] = '\0';
	if (!server)
		return;
	snprintf(out, 400, "spool.store=postgres spool.database=postgresql://clario@/i%d?host=%s", in->port,
		server);
	snprintf(command, sizeof command,
		"psql -qX -d 'host=%s user=clario dbname=postgres' -c 'CREATE DATABASE i%d' 2>/dev/null",
		server, in->port);
	if (strcmp(verb, "start") == 0 && system(command) != 0)
		return; /* it is there: the instance starts once more */
}

/* The receivers stand in the configuration, not in the environment, so that a daemon launched alone finds
 * them too. */
static int run_script(struct instance *in, const char *verb)
{
	char command[4000], engine[400];
	const char *url = receiver_url(in->receiver);
	engine_rows(in, verb, engine);
	snprintf(command, sizeof command,
		"env -u NODE_ENV -u AMAZON_SPAPI_BASE_URL -u INTEGRATIONS_URL -u PYTHON_API_URL B='%s' "
		"PORT=%d RUN_DIR='%s' "
		"CLARIO_SET='receiver.integrations-url=%s receiver.python-url=%s %s %s' "
		"packaging/checkout/instance.sh %s >>'%s.log' 2>&1",
		build_dir(), in->port, in->dir, url, url, engine, in->settings, verb, in->dir);
	return system(command);
}

static void show_logs(struct instance *in)
{
	char command[300];
	snprintf(command, sizeof command, "tail -n 40 '%s.log' '%s'/clario-*.log '%s/nginx-error.log' >&2",
		in->dir, in->dir, in->dir);
	if (system(command) != 0)
		print_error("no logs\n");
}

/* Instances that a test program leaves behind when it ends early or is ended: stopped hard, by the pids in
 * their files. Only calls that a signal handler may make. */
enum { LIVE_MAX = 8 };
static struct instance *live[LIVE_MAX];

static void kill_by_file(const char *dir, const char *file, int signal)
{
	char path[128], text[32] = "";
	size_t len = strlen(dir);
	memcpy(path, dir, len);
	memcpy(path + len, file, strlen(file) + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC), pid = 0;
	if (fd < 0 || read(fd, text, sizeof text - 1) <= 0)
		return;
	for (const char *p = text; *p >= '0' && *p <= '9'; p++)
		pid = pid * 10 + (*p - '0');
	if (pid > 1)
		kill(pid, signal);
}

static void kill_live(void)
{
	for (int i = 0; i < LIVE_MAX; i++) {
		if (!live[i])
			continue;
		kill_by_file(live[i]->dir, "/nginx.pid", SIGTERM); /* or its workers would stay */
		kill_by_file(live[i]->dir, "/clario-fcgi.pid", SIGKILL);
		kill_by_file(live[i]->dir, "/clario-events.pid", SIGKILL);
		kill_by_file(live[i]->dir, "/clario-worker.pid", SIGKILL);
		kill_by_file(live[i]->dir, "/clario-worker-2.pid", SIGKILL);
	}
}

static void end_on_signal(int signal)
{
	kill_live();
	_exit(128 + signal);
}

static void remember(struct instance *in, struct instance *slot_of)
{
	static bool is_armed;
	if (!is_armed) {
		is_armed = true;
		atexit(kill_live);
		signal(SIGTERM, end_on_signal);
		signal(SIGINT, end_on_signal);
	}
	for (int i = 0; i < LIVE_MAX; i++)
		if (live[i] == slot_of) {
			live[i] = in;
			return;
		}
}

struct instance *instance_start(const char *rows)
{
	struct instance *in = calloc(1, sizeof *in);
	assert_non_null(in);
	snprintf(in->dir, sizeof in->dir, "/tmp/clario-instance-XXXXXX");
	assert_non_null(mkdtemp(in->dir));
	setenv("CLARIO_ALLOW_ROOT", "1", 1); /* for daemons that are launched alone */
	remember(in, NULL);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	in->receiver = receiver_start();
	snprintf(in->settings, sizeof in->settings,
		"spool.map-size=256M retry.base=50ms retry.jitter=off worker.lease=2s worker.stop-grace=1s "
		"receiver.integrations.breaker-share=0 receiver.python.breaker-share=0 "
		"%s",
		rows ? rows : "");
	for (int tries = 0; tries < 3; tries++) {
		in->port = free_port();
		if (run_script(in, "start") == 0)
			return in;
	}
	show_logs(in);
	fail_msg("the instance did not start");
	return NULL;
}

static int remove_entry(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
	(void)sb;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* A sanitizer's report in a daemon ends up in its log. */
static bool has_sanitizer_report(struct instance *in)
{
	char command[200];
	snprintf(command, sizeof command, "grep -qE 'Sanitizer|runtime error:' '%s'/clario-*.log", in->dir);
	return system(command) == 0;
}

void instance_stop(struct instance *in)
{
	char out[4096], log[80];
	int stopped = run_script(in, "stop");
	int checked = instance_tool(in, "verify", out, sizeof out);
	bool ok = stopped == 0 && checked == 0 && !has_sanitizer_report(in);
	if (!ok)
		show_logs(in);
	remember(NULL, in);
	receiver_stop(in->receiver);
	nftw(in->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	snprintf(log, sizeof log, "%s.log", in->dir);
	unlink(log);
	free(in);
	if (!ok)
		fail_msg("stop: %d, check: %d %s (or a sanitizer's report above)", stopped, checked, out);
}

#define SECOND_WORKER "clario-worker-2"
static const char *const names[] = {"nginx", "clario-fcgi", "clario-worker", "clario-events"};

static pid_t read_pid(struct instance *in, const char *name)
{
	char path[128];
	int pid = 0;
	snprintf(path, sizeof path, "%s/%s.pid", in->dir, name);
	FILE *file = fopen(path, "re");
	if (!file || fscanf(file, "%d", &pid) != 1)
		pid = 0;
	if (file)
		fclose(file);
	return pid;
}

pid_t instance_pid(struct instance *in, enum daemon daemon)
{
	return read_pid(in, names[daemon]);
}

static bool is_alive(pid_t pid)
{
	char path[64], state = 'Z';
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = 'Z';
	fclose(file);
	return state != 'Z';
}

bool instance_is_running(struct instance *in, enum daemon daemon)
{
	pid_t pid = instance_pid(in, daemon);
	waitpid(pid, NULL, WNOHANG);
	return pid > 0 && is_alive(pid);
}

static void end_process(pid_t pid, int signal)
{
	int64_t until = clock_mono_us() + WAIT_MS * 1000;
	assert_true(pid > 0);
	assert_int_equal(kill(pid, signal), 0);
	while (is_alive(pid) && clock_mono_us() < until)
		clock_sleep_ms(2);
	waitpid(pid, NULL, WNOHANG); /* if it is this process's own */
	assert_false(is_alive(pid));
}

void instance_kill(struct instance *in, enum daemon daemon, int signal)
{
	end_process(instance_pid(in, daemon), signal);
}

/* Start a program whose pid file and log are called name. */
static pid_t launch(struct instance *in, const char *daemon, const char *name)
{
	char program[256], conf[128], pid_file[128], log[128];
	posix_spawn_file_actions_t actions;
	pid_t pid;
	snprintf(program, sizeof program, "%s/%s", build_dir(), daemon);
	snprintf(conf, sizeof conf, "%s/clario.conf", in->dir);
	snprintf(pid_file, sizeof pid_file, "%s/%s.pid", in->dir, name);
	snprintf(log, sizeof log, "%s/%s.log", in->dir, name);
	unlink(pid_file);
	char *argv[] = {program, "-c", conf, "-p", pid_file, NULL};
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 2, log, O_WRONLY | O_APPEND | O_CREAT, 0644);
	assert_int_equal(posix_spawn(&pid, program, &actions, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	int64_t until = clock_mono_us() + WAIT_MS * 1000;
	while (read_pid(in, name) == 0 && clock_mono_us() < until)
		clock_sleep_ms(5);
	if (read_pid(in, name) == 0) {
		show_logs(in);
		fail_msg("%s did not start", program);
	}
	return pid;
}

void instance_launch(struct instance *in, enum daemon daemon)
{
	launch(in, names[daemon], names[daemon]);
}

pid_t instance_add_worker(struct instance *in)
{
	return launch(in, names[WORKER], SECOND_WORKER);
}

void instance_end_added(struct instance *in)
{
	end_process(read_pid(in, SECOND_WORKER), SIGTERM);
}

void instance_wait_ready(struct instance *in)
{
	int64_t until = clock_mono_us() + WAIT_MS * 1000;
	long status = 0;
	while (status != 200 && clock_mono_us() < until) {
		struct answer a = request(in, "GET", "/readyz", NULL, NULL);
		status = a.status;
		answer_release(&a);
		if (status != 200)
			clock_sleep_ms(10);
	}
	assert_int_equal(status, 200);
}

int instance_tool(struct instance *in, const char *args, char *out, size_t cap)
{
	char command[1024];
	snprintf(command, sizeof command, "'%s/clario-spool' -c '%s/clario.conf' %s", build_dir(), in->dir,
		args);
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	size_t len = fread(out, 1, cap - 1, pipe);
	char rest[4096];
	out[len] = '\0';
	while (fread(rest, 1, sizeof rest, pipe) > 0)
		;
	int code = pclose(pipe);
	return WIFEXITED(code) ? WEXITSTATUS(code) : -1;
}

static size_t take_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct answer *a = arg;
	char *body = realloc(a->body, a->len + size * n + 1);
	if (!body)
		return 0;
	memcpy(body + a->len, bytes, size * n);
	a->body = body;
	a->len += size * n;
	a->body[a->len] = '\0';
	return size * n;
}

static size_t take_header(char *bytes, size_t size, size_t n, void *arg)
{
	struct answer *a = arg;
	size_t have = strlen(a->headers), len = size * n;
	if (have + len < sizeof a->headers) {
		memcpy(a->headers + have, bytes, len);
		a->headers[have + len] = '\0';
	}
	return len;
}

static struct curl_slist *header_list(const char *headers)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");
	while (headers && *headers) {
		char line[9000];
		size_t len = strcspn(headers, "\n");
		snprintf(line, sizeof line, "%.*s", (int)len, headers);
		list = curl_slist_append(list, line);
		headers += len + (headers[len] == '\n');
	}
	return list;
}

static void set_body(CURL *curl, const char *method, const char *body, size_t len)
{
	if (strcmp(method, "HEAD") == 0)
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	if (body) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	} else if (strcmp(method, "POST") == 0) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, 0L);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
	}
}

struct answer request_bytes(struct instance *in, const char *method, const char *path, const char *headers,
	const char *body, size_t len)
{
	struct answer a = {0};
	char url[9000];
	CURL *curl = curl_easy_init();
	struct curl_slist *list = header_list(headers);
	assert_non_null(curl);
	snprintf(url, sizeof url, "http://127.0.0.1:%d%s", in->port, path);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 30000L);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &a);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, &a);
	set_body(curl, method, body, len);
	if (curl_easy_perform(curl) == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &a.status);
	curl_slist_free_all(list);
	curl_easy_cleanup(curl);
	if (a.len > 0)
		a.json = json_loadb(a.body, a.len, 0, NULL);
	return a;
}

struct answer request(
	struct instance *in, const char *method, const char *path, const char *headers, const char *body)
{
	return request_bytes(in, method, path, headers, body, body ? strlen(body) : 0);
}

void answer_release(struct answer *a)
{
	free(a->body);
	json_decref(a->json);
	*a = (struct answer){0};
}

const char *answer_text(const struct answer *a, const char *member)
{
	const char *text = json_string_value(json_object_get(a->json, member));
	return text ? text : "";
}

const char *answer_header(const struct answer *a, const char *name, char out[512])
{
	size_t len = strlen(name);
	out[0] = '\0';
	for (const char *line = a->headers; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncasecmp(line, name, len) != 0 || line[len] != ':')
			continue;
		const char *value = line + len + 1 + strspn(line + len + 1, " ");
		snprintf(out, 512, "%.*s", (int)strcspn(value, "\r\n"), value);
	}
	return out;
}

struct answer post(struct instance *in, const char *path, const char *body)
{
	char whole[512];
	snprintf(whole, sizeof whole, API "%s", path);
	return request(in, "POST", whole, "Content-Type: application/json", body);
}

void submit_job(struct instance *in, const char *path, const char *body, char id[40])
{
	struct answer a = post(in, path, body);
	if (a.status != 200)
		fail_msg("POST %s %s: %ld %s", path, body, a.status, a.body ? a.body : "");
	snprintf(id, 40, "%s", answer_text(&a, "job_id"));
	assert_int_equal(strlen(id), 36);
	answer_release(&a);
}

json_t *wait_state(struct instance *in, const char *id, const char *state)
{
	char path[128];
	int64_t until = clock_mono_us() + WAIT_MS * 1000;
	snprintf(path, sizeof path, API "/jobs/%s", id);
	for (;;) {
		struct answer a = request(in, "GET", path, NULL, NULL);
		json_t *job = json_object_get(a.json, "job");
		const char *is = json_string_value(json_object_get(job, "state"));
		if (is && strcmp(is, state) == 0) {
			json_incref(job);
			answer_release(&a);
			return job;
		}
		if (clock_mono_us() > until) {
			show_logs(in);
			fail_msg("job %s is not %s: %ld %s", id, state, a.status, a.body ? a.body : "");
		}
		answer_release(&a);
		clock_sleep_ms(5);
	}
}

json_t *find_event(struct instance *in, const char *workflow, const char *kind, const char *name, size_t i)
{
	char path[512];
	size_t k;
	json_t *event, *found = NULL;
	snprintf(path, sizeof path, API "/workflows/%s", workflow);
	struct answer a = request(in, "GET", path, NULL, NULL);
	json_array_foreach(json_object_get(a.json, "events"), k, event)
	{
		const char *event_kind = json_string_value(json_object_get(event, "kind"));
		const char *event_name = json_string_value(json_object_get(event, "name"));
		if (!found && event_kind && strcmp(event_kind, kind) == 0 &&
			(!name || (event_name && strcmp(event_name, name) == 0)) && i-- == 0)
			found = json_incref(event);
	}
	answer_release(&a);
	return found;
}

size_t count_events(struct instance *in, const char *workflow, const char *kind, const char *name)
{
	size_t n = 0;
	json_t *event;
	while ((event = find_event(in, workflow, kind, name, n))) {
		json_decref(event);
		n++;
	}
	return n;
}
