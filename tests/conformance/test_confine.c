/* tests/conformance/test_confine.c: what the running programs have given up, as the kernel tells it; that
 * they open nothing new while they work; and who they are willing to be. */
#include "tests/support/instance.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REQUESTS = 1000, NAMES_ROOM = 64 << 10 };

static int setup(void **state)
{
	*state = instance_start("");
	return 0;
}

static int teardown(void **state)
{
	instance_stop(*state);
	return 0;
}

static void read_proc(pid_t pid, const char *name, char *out, size_t cap)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	FILE *in = fopen(path, "re");
	assert_non_null(in);
	out[fread(out, 1, cap - 1, in)] = '\0';
	fclose(in);
}

static void assert_has(pid_t pid, const char *file, const char *line)
{
	char text[8192];
	read_proc(pid, file, text, sizeof text);
	if (!strstr(text, line))
		fail_msg("/proc/%d/%s does not say \"%s\":\n%s", (int)pid, file, line, text);
}

static void daemons__have_given_up(void **state)
{
	struct instance *in = *state;
	for (enum daemon d = FCGI; d <= WORKER; d++) {
		pid_t pid = instance_pid(in, d);
		assert_has(pid, "status", "\nNoNewPrivs:\t1\n");
		assert_has(pid, "status", "\nUmask:\t0007\n");
		assert_has(pid, "limits", "\nMax core file size        0                    0 ");
	}
}

/* --- what is open --- */

struct open_files {
	char names[NAMES_ROOM]; /* what is no socket, one a line, sorted by descriptor; sockets as SOCKET only
				 */
	unsigned long inodes[256];
	size_t sockets, files;
};

static struct open_files look_at_files(pid_t pid)
{
	struct open_files found = {.sockets = 0};
	char path[64], target[512];
	size_t len = 0;
	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	DIR *dir = opendir(path);
	if (!dir)
		return found;
	for (struct dirent *entry; (entry = readdir(dir));) {
		ssize_t n = readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1);
		if (n < 0)
			continue;
		target[n] = '\0';
		if (sscanf(target, "socket:[%lu]", &found.inodes[found.sockets]) == 1) {
			assert_true(++found.sockets < 256);
			continue;
		}
		found.files++;
		len += (size_t)snprintf(
			found.names + len, sizeof found.names - len, "%s %s\n", entry->d_name, target);
		assert_true(len < sizeof found.names);
	}
	closedir(dir);
	return found;
}

static bool is_among(const struct open_files *files, unsigned long inode)
{
	for (size_t i = 0; i < files->sockets; i++)
		if (files->inodes[i] == inode)
			return true;
	return false;
}

/* The process's sockets in one of the kernel's tables: how many there are, and how many of them listen. */
static size_t count_sockets(const struct open_files *files, const char *table, size_t *listening)
{
	char path[64], line[512];
	size_t n = 0;
	bool is_unix = strcmp(table, "unix") == 0;
	snprintf(path, sizeof path, "/proc/net/%s", table);
	FILE *in = fopen(path, "re");
	if (!in)
		return 0;
	while (fgets(line, sizeof line, in)) {
		unsigned state = 0, flags = 0;
		unsigned long inode = 0;
		int got = is_unix ? sscanf(line, "%*s %*s %*s %x %*s %*s %lu", &flags, &inode)
				  : sscanf(line, " %*d: %*s %*s %x %*s %*s %*s %*s %*s %lu", &state, &inode);
		if (got != 2 || !is_among(files, inode))
			continue;
		n++;
		*listening += is_unix ? flags == 0x10000 : state == 0x0a;
	}
	fclose(in);
	return n;
}

static size_t count_inet(const struct open_files *files, size_t *listening)
{
	static const char *const tables[] = {"tcp", "tcp6", "udp", "udp6", "raw", "raw6"};
	size_t n = 0;
	*listening = 0;
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
		n += count_sockets(files, tables[i], listening);
	return n;
}

/* Submits, reads and refusals, and what the worker does with them. */
static void keep_busy(struct instance *in, int n)
{
	char body[128], id[40];
	for (int i = 0; i < n; i++) {
		struct answer a;
		if (i % 4 == 0) {
			snprintf(body, sizeof body, "{\"user_id\":\"u\",\"sync_id\":\"busy-%d-%d\"}", n, i);
			submit_job(in, "/phase/3", body, id);
			continue;
		}
		a = i % 4 == 1   ? request(in, "GET", API "/jobs?limit=3", NULL, NULL)
		    : i % 4 == 2 ? request(in, "GET", API "/queue/stats", NULL, NULL)
				 : post(in, "/phase/9", "{");
		assert_int_equal(a.status, i % 4 == 3 ? 400 : 200);
		answer_release(&a);
	}
	json_decref(wait_state(in, id, "completed"));
}

static void daemons__open_nothing_new(void **state)
{
	struct instance *in = *state;
	struct open_files before[WORKER + 1], after;
	size_t listening, unix_listening = 0;
	keep_busy(in, 40);
	for (enum daemon d = FCGI; d <= WORKER; d++)
		before[d] = look_at_files(instance_pid(in, d));
	if (before[FCGI].files == 0) { /* the daemons' files are theirs alone to see, but for root */
		report("not looked at: what others than root are not shown\n");
		return;
	}
	keep_busy(in, REQUESTS);
	for (enum daemon d = FCGI; d <= WORKER; d++) {
		after = look_at_files(instance_pid(in, d));
		assert_string_equal(after.names, before[d].names);
		if (d == FCGI) {
			assert_int_equal(count_inet(&after, &listening), 0);
			assert_true(count_sockets(&after, "unix", &unix_listening) >= 1);
			assert_int_equal(unix_listening, 1);
			continue;
		}
		count_inet(&after, &listening);
		assert_int_equal(listening, 0);
		unix_listening = 0;
		count_sockets(&after, "unix", &unix_listening);
		assert_int_equal(unix_listening, 0);
	}
	report("%d requests: %zu and %zu files open as before, no network in clario-fcgi, no listener in "
	       "clario-worker\n",
		REQUESTS, before[FCGI].files, before[WORKER].files);
}

/* A descriptor that whoever starts a daemon forgot to close. */
static void daemons__close_what_they_inherit(void **state)
{
	struct instance *in = *state;
	char path[128];
	snprintf(path, sizeof path, "%s/inherited", in->dir);
	int fd = open(path, O_RDWR | O_CREAT, 0600); /* not closed on exec */
	assert_true(fd >= 0);
	for (enum daemon d = FCGI; d <= WORKER; d++) {
		instance_kill(in, d, SIGTERM);
		instance_launch(in, d);
		struct open_files files = look_at_files(instance_pid(in, d));
		assert_null(strstr(files.names, "/inherited"));
	}
	close(fd);
	instance_wait_ready(in);
}

/* With libcurl's own eyes it would write the keys of its sessions there, and makes the file at its start. */
static void worker__writes_no_keys(void **state)
{
	struct instance *in = *state;
	char path[128];
	snprintf(path, sizeof path, "%s/session-keys", in->dir);
	setenv("SSLKEYLOGFILE", path, 1);
	instance_kill(in, WORKER, SIGTERM);
	instance_launch(in, WORKER);
	unsetenv("SSLKEYLOGFILE");
	assert_int_not_equal(access(path, F_OK), 0);
}

/* Whatever a URL or a name says, the addresses at which clouds hand out their hosts' credentials are not
 * called. */
static void worker__calls_no_metadata_service(void **state)
{
	static const struct {
		const char *url, *address;
	} rows[] = {
		{"http://169.254.169.254", "169.254.169.254"},
		{"http://[::ffff:169.254.169.254]", "::ffff:169.254.169.254"},
		{"http://0xa9fea9fe", "169.254.169.254"},
		{"http://[fd00:ec2::254]", "fd00:ec2::254"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char settings[200], id[40], want[120];
		snprintf(settings, sizeof settings, "retry.attempts=1 receiver.python-url=%s", rows[i].url);
		struct instance *in = instance_start(settings);
		submit_job(in, "/phase/3", "{\"user_id\":\"u\",\"sync_id\":\"s\",\"claims\":[]}", id);
		json_t *job = wait_state(in, id, "failed");
		const char *error = json_string_value(json_object_get(job, "error"));
		snprintf(want, sizeof want, "the address %s is not to be called", rows[i].address);
		if (!error || !strstr(error, want))
			fail_msg("%s: %s", rows[i].url, error ? error : "no error");
		json_decref(job);
		instance_stop(in);
	}
}

/* --- who they are --- */

static int say(const char *command, char *out, size_t cap)
{
	FILE *pipe = popen(command, "r");
	assert_non_null(pipe);
	out[fread(out, 1, cap - 1, pipe)] = '\0';
	int code = pclose(pipe);
	return WIFEXITED(code) ? WEXITSTATUS(code) : -1;
}

static const char *build_dir(void)
{
	const char *b = getenv("B");
	return b && *b ? b : "build";
}

static void daemons__are_not_root_unless_told(void **state)
{
	struct instance *in = *state;
	static const char *const programs[] = {"clario-fcgi", "clario-worker"};
	char command[400], out[2000];
	if (getuid() != 0) {
		report("not looked at: who is not root cannot be refused\n");
		return;
	}
	for (size_t i = 0; i < 2; i++) {
		static const char *const values[] = {
			"-u CLARIO_ALLOW_ROOT", "CLARIO_ALLOW_ROOT=", "CLARIO_ALLOW_ROOT=0"};
		for (size_t k = 0; k < 3; k++) {
			snprintf(command, sizeof command, "env %s '%s/%s' -c '%s/clario.conf' 2>&1",
				values[k], build_dir(), programs[i], in->dir);
			assert_int_equal(say(command, out, sizeof out), 77);
			if (!strstr(out, "not as root: start it as the user whom the spool belongs to") ||
				!strstr(out, "CLARIO_ALLOW_ROOT=1"))
				fail_msg("%s", out);
		}
		snprintf(command, sizeof command,
			"env -u CLARIO_ALLOW_ROOT '%s/%s' -t -c '%s/clario.conf' >/dev/null 2>&1",
			build_dir(), programs[i], in->dir);
		assert_int_equal(say(command, out, sizeof out), 0);
	}
}

/* Everything but root is kept from a process that is not dumpable: its /proc files are root's. */
static void daemons__show_others_nothing(void **state)
{
	struct instance *in = *state;
	char path[64], command[1500], out[2000];
	struct stat sb;
	if (getuid() != 0) {
		for (enum daemon d = FCGI; d <= WORKER; d++) {
			snprintf(path, sizeof path, "/proc/%d/environ", (int)instance_pid(in, d));
			assert_int_equal(stat(path, &sb), 0);
			assert_int_equal(sb.st_uid, 0);
			assert_true(access(path, R_OK) != 0 || sb.st_uid == 0);
		}
		return;
	}
	/* Root's are root's in any case, so one is started as somebody else, on a spool of that user's. */
	snprintf(command, sizeof command,
		"d=%s/nobody && mkdir $d && chmod 755 %s && sed \"s|%s/spool|$d/spool|\" %s/clario.conf "
		">$d/conf && "
		"cp '%s/clario-worker' '%s/clario-spool' $d && chown -R 65534:65534 $d && "
		"setpriv --reuid=65534 --regid=65534 --clear-groups $d/clario-spool -c $d/conf init "
		">/dev/null && "
		"{ setpriv --reuid=65534 --regid=65534 --clear-groups $d/clario-worker -c $d/conf -p $d/pid "
		"2>$d/log & "
		"n=0; until [ -s $d/pid ] || [ $n -gt 200 ]; do sleep 0.05; n=$((n+1)); done; "
		"stat -c 'owner %%u' /proc/$(cat $d/pid)/environ; kill $(cat $d/pid); wait; } 2>&1; cat "
		"$d/log",
		in->dir, in->dir, in->dir, in->dir, build_dir(), build_dir());
	say(command, out, sizeof out);
	if (!strstr(out, "owner 0\n") || !strstr(out, "event=stopped"))
		fail_msg("%s", out);
}

/* With no standard output, the spool's file must not become it. */
static void programs__without_standard_descriptors(void **state)
{
	struct instance *in = *state;
	char command[600], out[2000];
	static const char *const closed[] = {">&-", "2>&-", "<&- >&- 2>&-"};
	for (size_t i = 0; i < sizeof closed / sizeof *closed; i++) {
		snprintf(
			command, sizeof command, "hold --all --limit 2 --reason x 2>/dev/null %s", closed[i]);
		instance_tool(in, command, out, sizeof out);
		snprintf(command, sizeof command, "stats %s", closed[i]);
		instance_tool(in, command, out, sizeof out);
		int code = instance_tool(in, "verify 2>&1", out, sizeof out);
		if (code != 0)
			fail_msg("%s: %s", closed[i], out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(daemons__have_given_up),
		cmocka_unit_test(daemons__open_nothing_new),
		cmocka_unit_test(daemons__close_what_they_inherit),
		cmocka_unit_test(worker__writes_no_keys),
		cmocka_unit_test(worker__calls_no_metadata_service),
		cmocka_unit_test(daemons__are_not_root_unless_told),
		cmocka_unit_test(daemons__show_others_nothing),
		cmocka_unit_test(programs__without_standard_descriptors),
	};
	return cmocka_run_group_tests_name("confine", tests, setup, teardown);
}
