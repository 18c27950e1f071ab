/* tests/unit/test_ctl_look.c: the commands that look, as a person or a program runs them: their tables and
 * JSON lines against golden files, on a spool in use and on a copy of it; on a terminal; and what doctor
 * finds of faults that are made. */
#include "spool/ctl/ctl.h"
#include "spool/ctl/progress.h"
#include "tests/unit/ctl_fixture.h"
#include "tests/unit/golden.h"

#include <fcntl.h>
#include <lmdb.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void assert_golden(struct fixture *f, const char *args, int code, const char *name)
{
	int got = ctl_run(f, args);
	if (got != code)
		fail_msg("clario-spool %s: exit %d, wanted %d: %s", args, got, code, f->out);
	golden_assert(name, f->out);
}

/* A file that a worker of that name would have in the spool. */
static int make_mark(struct fixture *f, const char *name, bool lives)
{
	char path[200];
	snprintf(path, sizeof path, "%s/spool/running.%s", f->dir, name);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	if (lives)
		assert_int_equal(flock(fd, LOCK_EX), 0);
	return fd;
}

/* --- golden files --- */

static void status__shows_what_wants_attention(void **state)
{
	struct fixture *f = *state;
	int lives = make_mark(f, "host.4711", true);
	assert_golden(f, "status", 1, "status.txt");
	assert_golden(f, "status --json", 1, "status.json");
	assert_run(f, "pause --phase 2", 0, NULL);
	assert_run(f, "pause --receiver python --reason x", 0, NULL);
	close(lives);
	assert_run(f, "status", 1, "phase 2 is paused");
	assert_non_null(strstr(f->out, "the receiver python is paused"));
	assert_non_null(strstr(f->out, "no worker lives, and 3 jobs want one"));
	assert_run(f, "resume --phase 2", 0, NULL);
	assert_run(f, "resume --receiver python", 0, NULL);
}

static void status__is_content_with_a_quiet_spool(void **state)
{
	struct fixture *f = *state;
	assert_run(f, "cancel --all --state waiting --reason x", 0, NULL);
	assert_run(f, "cancel --all --state delayed --reason x", 0, NULL);
	assert_run(f, "retry --all --state failed --reason x", 0, NULL);
	assert_run(f, "cancel --all --state waiting --reason x", 0, NULL);
	assert_run(f, "status", 0, "Nothing wants attention.");
}

static void status__holds_phases_to_their_service_level(void **state)
{
	struct fixture *f = *state;
	struct spool *sp = ctl_open_spool(f);
	struct moment then = clock_now();
	struct receipt receipt;
	then.wall_us -= 3600000000;
	struct trigger t = {.phase = 5,
		.attempts_allowed = 3,
		.workflow_id = slice_text("w-old"),
		.user_id = slice_text("u"),
		.payload = slice_text("{}")};
	assert_int_equal(spool_submit(sp, then, &t, 1, &receipt, NULL), ST_OK);
	spool_close(sp);
	assert_run(f, "status", 1, "phase 5: the oldest has waited for 60m, its service level is 10s");
}

/* However many that are more urgent are claimed before it. */
static void status__finds_the_oldest_behind_many_that_are_urgent(void **state)
{
	enum { URGENT = 150 };
	struct fixture *f = *state;
	struct spool *sp = ctl_open_spool(f);
	struct receipt receipt;
	for (int i = 0; i <= URGENT; i++) {
		struct moment then = clock_now();
		char workflow[32];
		snprintf(workflow, sizeof workflow, "w-%d", i);
		then.wall_us -= i == 0 ? INT64_C(7200000000) : INT64_C(60000000);
		struct trigger t = {.phase = 5,
			.attempts_allowed = 3,
			.priority = i == 0 ? JOB_PRIORITY_LAST : JOB_PRIORITY_FIRST,
			.workflow_id = slice_text(workflow),
			.user_id = slice_text("u"),
			.payload = slice_text("{}")};
		assert_int_equal(spool_submit(sp, then, &t, 1, &receipt, NULL), ST_OK);
	}
	spool_close(sp);
	assert_run(f, "status", 1, "phase 5: the oldest has waited for 2h");
}

static void explain__tells_each_job(void **state)
{
	struct fixture *f = *state;
	char args[400];
	int lives = make_mark(f, "host.4711", true);
	snprintf(args, sizeof args, "explain %s %s %s %s", f->ids[0], f->ids[1], f->ids[2], f->ids[3]);
	assert_golden(f, args, 0, "explain.txt");
	snprintf(args, sizeof args, "explain --json %s %s", f->ids[0], f->ids[2]);
	assert_golden(f, args, 0, "explain.json");
	close(lives);
	assert_run_id(f, "explain", 1, 0, "but no worker lives");
	assert_run(f, "explain 01a2103f-d904-7000-8000-00005cac7b5c 2>&1", 1, "there is no such job");
	assert_run(f, "explain nonsense 2>&1", 2, "not a job id");
}

static void shape__by_each(void **state)
{
	struct fixture *f = *state;
	ctl_add_old(f, "w-old", false);
	assert_golden(f, "shape", 0, "shape-phase.txt");
	assert_golden(f, "shape receiver", 0, "shape-receiver.txt");
	assert_golden(f, "shape user", 0, "shape-user.txt");
	assert_golden(f, "shape user --json", 0, "shape-user.json");
	assert_run(f, "shape user --state delayed --json", 0, "\"by\":\"all\",\"name\":\"all\",\"total\":1,");
	assert_run(f, "shape user --limit 1 2>&1", 0, "there are 1 more rows");
	assert_run(f, "shape nonsense 2>&1", 2, "expected phase, receiver or user");
}

static void stalled__lists_and_says_no(void **state)
{
	struct fixture *f = *state;
	assert_run(f, "stalled", 1, "");
	ctl_add_old(f, "w-stalled", true);
	assert_golden(f, "stalled", 0, "stalled.txt");
	assert_golden(f, "stalled --json", 0, "stalled.json");
	assert_run(f, "status", 1, "1 workflows wait for a phase that did not come");
}

static void workers__with_their_leases(void **state)
{
	struct fixture *f = *state;
	assert_run(f, "workers", 1, "");
	ctl_add_old(f, "w-leased", false);
	assert_run(f, "workers", 1, "host:4711 no");
	int lives = make_mark(f, "host.4711", true), dead = make_mark(f, "host.9", false);
	ctl_run(f, "workers");
	golden_make_alike(f->out);
	assert_non_null(strstr(f->out, "host:4711 yes 1 SPAN SPAN phase 1: 1\n"));
	assert_non_null(strstr(f->out, "host:9 no 0 - - -\n"));
	close(dead);
	char path[200];
	snprintf(path, sizeof path, "%s/spool/running.host.9", f->dir);
	unlink(path);
	assert_golden(f, "workers", 0, "workers.txt");
	assert_golden(f, "workers --json", 0, "workers.json");
	close(lives);
}

static void top__is_plain_where_there_is_no_terminal(void **state)
{
	struct fixture *f = *state;
	ctl_add_old(f, "w-slow", false);
	assert_run(f, "top </dev/null", 0, "Busiest users\n         3  oldest ");
	assert_non_null(strstr(f->out, "Longest at work\n"));
	assert_non_null(strstr(f->out, "phase 1  try 1  for 60m"));
	assert_null(strchr(f->out, '\033'));
}

static void copy__can_be_looked_at_and_not_changed(void **state)
{
	struct fixture *f = *state;
	char args[400], live[sizeof f->out];
	snprintf(args, sizeof args, "backup %s/copy.mdb", f->dir);
	assert_run(f, args, 0, NULL);
	static const char *const looks[] = {
		"list --json", "events --json", "stats --json", "shape user", "stalled"};
	for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
		int code = ctl_run(f, looks[i]);
		golden_make_alike(f->out);
		memcpy(live, f->out, sizeof live);
		snprintf(args, sizeof args, "-s %s/copy.mdb %s", f->dir, looks[i]);
		assert_int_equal(ctl_run(f, args), code);
		golden_make_alike(f->out);
		assert_string_equal(f->out, live);
	}
	snprintf(args, sizeof args, "-s %s/copy.mdb explain %s", f->dir, f->ids[1]);
	assert_run(f, args, 0, "Nothing keeps it");
	snprintf(args, sizeof args, "-s %s/copy.mdb show %s", f->dir, f->ids[1]);
	assert_run(f, args, 0, f->ids[1]);
	snprintf(args, sizeof args, "-s %s/copy.mdb status --json", f->dir);
	assert_run(f, args, 1, "\"workers\":null");
	snprintf(args, sizeof args, "-s %s/copy.mdb workers 2>&1", f->dir);
	assert_run(f, args, 0, "this is a copy");
	snprintf(args, sizeof args, "-s %s/copy.mdb hold %s 2>&1", f->dir, f->ids[1]);
	assert_run(f, args, 77, "it can be looked at, not changed");
	snprintf(args, sizeof args, "-s %s/spool/lmdb/data.mdb list 2>&1", f->dir);
	assert_run(f, args, 78, "give the spool's directory");
	snprintf(args, sizeof args, "-s %s/clario.conf list 2>&1", f->dir);
	assert_run(f, args, 65, "cannot open the spool");
}

/* --- exit codes --- */

static void exits__are_those_of_the_table(void **state)
{
	struct fixture *f = *state;
	char args[400];
	assert_run(f, "help", 0,
		"exit codes:\n  0            done, or found\n  1            the answer is no\n");
	assert_run_id(f, "show", 0, 0, NULL);
	assert_run(f, "workflow nobodys 2>&1", 1, NULL);
	assert_run(f, "list --nonsense 2>&1", 2, NULL);
	snprintf(args, sizeof args, "hold %s %s --reason x 2>&1", f->ids[0], f->ids[1]);
	assert_run(f, args, 3, NULL); /* one has ended */
	snprintf(args, sizeof args, "-s %s/nowhere list 2>&1", f->dir);
	assert_run(f, args, 69, "there is no spool");
	snprintf(args, sizeof args, "%s/cut.mdb", f->dir);
	int cut = open(args, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(cut, "cut short", 9), 9);
	close(cut);
	snprintf(args, sizeof args, "verify %s/cut.mdb 2>&1", f->dir);
	assert_run(f, args, 65, NULL);
	snprintf(args, sizeof args, "export /dev/full 2>&1");
	assert_int_not_equal(ctl_run(f, args), 0);
	struct spool *sp = ctl_open_spool(f);
	assert_run(f, "compact 2>&1", 75, "in use");
	spool_close(sp);
	ctl_write_conf(f, "nonsense");
	assert_run(f, "list 2>&1", 78, "map-size");
	ctl_write_conf(f, "32M");
	assert_run(f, "list 2>&1", 78, "make them equal");
	ctl_write_conf(f, "16M");
}

/* --- on a terminal --- */

/* Run the tool there, type keys once it has written something; what it wrote. The exit code. */
static int run_on_terminal(struct fixture *f, const char *args, unsigned short width, const char *keys)
{
	struct winsize size = {.ws_row = 24, .ws_col = width};
	char command[1024];
	const char *b = getenv("B");
	int fd, code;
	size_t len = 0;
	pid_t pid = forkpty(&fd, NULL, NULL, &size);
	assert_true(pid >= 0);
	if (pid == 0) {
		snprintf(command, sizeof command, "exec '%s/clario-spool' -c '%s/clario.conf' %s",
			b && *b ? b : "build", f->dir, args);
		setenv("TERM", "xterm-256color", 1);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	struct pollfd ready = {fd, POLLIN, 0};
	for (ssize_t n; len < sizeof f->out - 1; len += (size_t)n) {
		if (poll(&ready, 1, 20000) <= 0)
			fail_msg("%s: it does not end", args);
		n = read(fd, f->out + len, sizeof f->out - 1 - len);
		if (n <= 0)
			break;
		if (keys && strstr(f->out, "Longest at work")) {
			assert_int_equal(write(fd, keys, strlen(keys)), strlen(keys));
			keys = NULL;
		}
	}
	f->out[len] = '\0';
	close(fd);
	assert_int_equal(waitpid(pid, &code, 0), pid);
	assert_true(WIFEXITED(code));
	return WEXITSTATUS(code);
}

static void assert_no_wider(const char *text, size_t width)
{
	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\r\n");
		if (len > width)
			fail_msg("%zu columns are more than %zu: %.*s", len, width, (int)len, line);
		line += len + strspn(line + len, "\r\n");
	}
}

static void terminal__has_colours_unless_told(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(run_on_terminal(f, "status", 100, NULL), 1);
	assert_non_null(strstr(f->out, "\033[31m"));
	assert_non_null(strstr(f->out, "\033[1;33m")); /* the phase's row */
	setenv("NO_COLOR", "1", 1);
	assert_int_equal(run_on_terminal(f, "status", 100, NULL), 1);
	assert_null(strchr(f->out, '\033'));
	setenv("NO_COLOR", "", 1); /* no-color.org: empty is not set */
	assert_int_equal(run_on_terminal(f, "status", 100, NULL), 1);
	assert_non_null(strchr(f->out, '\033'));
	unsetenv("NO_COLOR");
	assert_run(f, "status", 1, NULL);
	assert_null(strchr(f->out, '\033'));
}

static void terminal__is_not_overrun(void **state)
{
	struct fixture *f = *state;
	setenv("NO_COLOR", "1", 1);
	memset(f->out, 0, sizeof f->out);
	assert_int_equal(run_on_terminal(f, "list", 130, NULL), 0);
	assert_no_wider(f->out, 130);
	assert_int_equal(run_on_terminal(f, "status", 80, NULL), 1);
	assert_non_null(strstr(f->out, "PER MIN"));
	*strstr(f->out, "\r\n\r\n") = '\0'; /* the table */
	assert_no_wider(f->out, 80);
	unsetenv("NO_COLOR");
}

static void terminal__shows_progress(void **state)
{
	struct fixture *f = *state;
	int fd, code;
	size_t len = 0;
	pid_t pid = forkpty(&fd, NULL, NULL, NULL);
	assert_true(pid >= 0);
	if (pid == 0) {
		struct progress bar = {.what = "verify"};
		progress_show(&bar, 1, 4);
		progress_show(&bar, 4, 4); /* too soon to be drawn again */
		progress_clear(&bar);
		_exit(0);
	}
	for (ssize_t n; len < sizeof f->out - 1 && (n = read(fd, f->out + len, sizeof f->out - 1 - len)) > 0;)
		len += (size_t)n;
	f->out[len] = '\0';
	close(fd);
	assert_int_equal(waitpid(pid, &code, 0), pid);
	assert_string_equal(f->out, "\rverify [##########                              ]  25 %\r\033[K");
	assert_run(f, "verify 2>&1", 0, NULL);
	assert_null(strchr(f->out, '\r'));
}

static void terminal__top_ends_by_a_key(void **state)
{
	struct fixture *f = *state;
	ctl_add_old(f, "w-slow", false);
	memset(f->out, 0, sizeof f->out);
	assert_int_equal(run_on_terminal(f, "top", 100, "q"), 0);
	assert_non_null(strstr(f->out, "\033[H\033[2J"));
	memset(f->out, 0, sizeof f->out);
	assert_int_equal(run_on_terminal(f, "top", 100, "\003"), 0); /* Ctrl-C */
}

/* --- doctor --- */

static void write_text(struct fixture *f, const char *name, const char *text)
{
	char path[300];
	snprintf(path, sizeof path, "%s/%s", f->dir, name);
	FILE *to = fopen(path, "we");
	assert_non_null(to);
	fputs(text, to);
	fclose(to);
}

static void assert_finds(struct fixture *f, int code, const char *what)
{
	char args[200];
	snprintf(args, sizeof args, "doctor %s/nginx", f->dir);
	assert_run(f, args, code, what);
}

/* All that doctor looks at, as it should be. Returns the descriptors to close. */
static void make_well(struct fixture *f, int fds[2])
{
	char path[300], conf[1000];
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	snprintf(path, sizeof path, "%s/nginx", f->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof path, "%s/nginx/sites-enabled", f->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	write_text(f, "nginx/nginx.conf", "http { include sites-enabled/*; }\n");
	write_text(f, "nginx/sites-enabled/site", "server {\n\tinclude snippets/clario-workflow.conf;\n}\n");
	snprintf(conf, sizeof conf,
		"[http]\nsocket = %s/fcgi.sock\n[spool]\npath = %s/spool\nmap-size = 16M\n"
		"disk-full-at = 100\n",
		f->dir, f->dir);
	write_text(f, "clario.conf", conf);
	snprintf(at.sun_path, sizeof at.sun_path, "%s/fcgi.sock", f->dir);
	fds[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fds[0], (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(fds[0], 16), 0);
	fds[1] = make_mark(f, "host.4711", true);
	struct spool *sp = ctl_open_spool(f);
	assert_int_equal(spool_bookmark_set(sp, "backup", (uint64_t)clock_now().wall_us, NULL), ST_OK);
	spool_close(sp);
}

static void doctor__finds_nothing_where_all_is_well(void **state)
{
	struct fixture *f = *state;
	int fds[2];
	char args[200];
	make_well(f, fds);
	assert_finds(f, 0, "ok       nginx ");
	assert_null(strstr(f->out, "PROBLEM"));
	snprintf(args, sizeof args, "doctor --json %s/nginx | grep -v '\"clock\"'", f->dir);
	ctl_run(f, args);
	golden_assert("doctor.json", f->out);
	close(fds[0]);
	close(fds[1]);
}

static void set_backup(struct fixture *f, int64_t days)
{
	struct spool *sp = ctl_open_spool(f);
	int64_t at_us = days ? clock_now().wall_us - days * 86400000000 : 0;
	assert_int_equal(spool_bookmark_set(sp, "backup", (uint64_t)at_us, NULL), ST_OK);
	spool_close(sp);
}

static void doctor__finds_each_fault_that_is_made(void **state)
{
	struct fixture *f = *state;
	int fds[2];
	char path[300];
	make_well(f, fds);
	close(fds[0]);
	assert_finds(f, 1, "nobody listens at ");
	close(fds[1]);
	assert_finds(f, 1, "no worker lives");
	assert_non_null(strstr(f->out, "1 died and no other has seen to what they left"));
	fds[1] = make_mark(f, "host.4711", true);
	write_text(f, "nginx/sites-enabled/site", "# include snippets/clario-workflow.conf;\n");
	assert_finds(f, 1, "no site in ");
	snprintf(path, sizeof path, "%s/nginx/nginx.conf", f->dir);
	assert_int_equal(unlink(path), 0);
	assert_finds(f, 1, "there is no nginx.conf to be read in ");
	set_backup(f, 3);
	assert_finds(f, 1, "the last backup is 3d old");
	set_backup(f, 0);
	assert_finds(f, 1, "no backup is known of");
	snprintf(path, sizeof path, "%s/spool", f->dir);
	assert_int_equal(chmod(path, 0755), 0);
	assert_finds(f, 1, "/spool is open to every user of this machine (mode 755)");
	assert_int_equal(chmod(path, 0750), 0);
	ctl_add_old(f, "w-lost", false);
	assert_finds(f, 0 + 1, "PROBLEM");
	struct spool *sp = ctl_open_spool(f);
	struct moment then = clock_now(), ahead = then;
	struct receipt receipt;
	struct job job;
	size_t n;
	int64_t due;
	then.boot_us -= 3600000000;
	ahead.wall_us += 3600000000;
	struct claim_ask ask = {.owner = "host:1", .max = 1, .lease_ms = 1};
	assert_int_equal(spool_exchange(sp, then, NULL, 0, &ask, &job, &n, &due, NULL), ST_OK);
	assert_int_equal(n, 1);
	job_release(&job);
	struct trigger t = {.phase = 5,
		.attempts_allowed = 3,
		.workflow_id = slice_text("w-ahead"),
		.user_id = slice_text("u"),
		.payload = slice_text("{}")};
	assert_int_equal(spool_submit(sp, ahead, &t, 1, &receipt, NULL), ST_OK);
	spool_close(sp);
	assert_finds(f, 1, "1 leases are over and nobody has taken them back (0 of another boot)");
	assert_non_null(strstr(f->out, "in the future: the clock was set back"));
	close(fds[1]);
}

/* Commits of no consequence; without syncs, for there are many. */
static void commit_often(MDB_env *env, MDB_dbi meta, int n)
{
	MDB_val key = {8, (void *)"bookmark"}, value = {1, (void *)"x"};
	for (int i = 0; i < n; i++) {
		MDB_txn *txn;
		assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
		assert_int_equal(
			i % 2 ? mdb_del(txn, meta, &key, NULL) : mdb_put(txn, meta, &key, &value, 0), 0);
		assert_int_equal(mdb_txn_commit(txn), 0);
	}
}

/* What a reader holds cannot be used again: of a small map nothing would be left by then. */
static void doctor__finds_readers_that_hang(void **state)
{
	struct fixture *f = *state;
	enum { SLOTS = 4096, MAP = 512 << 20 };
	static MDB_txn *readers[SLOTS];
	unsigned n = 0, slots;
	char text[300];
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi meta;
	snprintf(text, sizeof text, "[spool]\npath = %s/large\nmap-size = 512M\n", f->dir);
	write_text(f, "clario.conf", text);
	assert_run(f, "init", 0, NULL);
	snprintf(text, sizeof text, "%s/large/lmdb", f->dir);
	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_set_maxdbs(env, 8), 0);
	assert_int_equal(mdb_env_set_mapsize(env, MAP), 0);
	assert_int_equal(mdb_env_open(env, text, MDB_NOTLS | MDB_NOSYNC, 0600), 0);
	assert_int_equal(mdb_env_get_maxreaders(env, &slots), 0);
	assert_in_range(slots, 10, SLOTS);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, "meta", 0, &meta), 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, MDB_RDONLY, &readers[n++]), 0);
	commit_often(env, meta, 9000);
	assert_finds(f, 1, "ok       readers       none holds an old state");
	commit_often(env, meta, 1002);
	assert_finds(f, 1, "PROBLEM  readers       a reader holds a state 10002 commits old");
	mdb_txn_abort(readers[--n]);
	while (n * 100 <= slots * 80)
		assert_int_equal(mdb_txn_begin(env, NULL, MDB_RDONLY, &readers[n++]), 0);
	assert_finds(f, 1, "slots for readers are taken");
	while (n)
		mdb_txn_abort(readers[--n]);
	mdb_env_close(env);
	assert_finds(f, 1, "ok       readers       none holds an old state");
	ctl_write_conf(f, "16M");
}

static void doctor__tells_of_configuration_and_spool(void **state)
{
	struct fixture *f = *state;
	char args[300];
	ctl_write_conf(f, "nonsense");
	assert_finds(f, 1, "PROBLEM  configuration ");
	ctl_write_conf(f, "32M");
	assert_finds(f, 1, "make them equal");
	snprintf(args, sizeof args, "-s %s/nowhere doctor", f->dir);
	assert_run(f, args, 1, "there is no spool in ");
	snprintf(args, sizeof args,
		"[spool]\npath = %s/spool\nmap-size = 16M\n[receiver]\ninternal-api-key = abcdefgh\n",
		f->dir);
	write_text(f, "clario.conf", args);
	snprintf(args, sizeof args, "%s/clario.conf", f->dir);
	assert_int_equal(chmod(args, 0644), 0);
	assert_finds(f, 1, "clario.conf is open to every user of this machine (mode 644)");
	assert_int_equal(chmod(args, 0640), 0);
	assert_finds(f, 1, "clario.conf is for its owner and group alone");
	ctl_write_conf(f, "16M");
}

#define T(name) cmocka_unit_test_setup_teardown(name, ctl_setup, ctl_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(status__shows_what_wants_attention),
		T(status__is_content_with_a_quiet_spool),
		T(status__holds_phases_to_their_service_level),
		T(status__finds_the_oldest_behind_many_that_are_urgent),
		T(explain__tells_each_job),
		T(shape__by_each),
		T(stalled__lists_and_says_no),
		T(workers__with_their_leases),
		T(top__is_plain_where_there_is_no_terminal),
		T(copy__can_be_looked_at_and_not_changed),
		T(exits__are_those_of_the_table),
		T(terminal__has_colours_unless_told),
		T(terminal__is_not_overrun),
		T(terminal__shows_progress),
		T(terminal__top_ends_by_a_key),
		T(doctor__finds_nothing_where_all_is_well),
		T(doctor__finds_each_fault_that_is_made),
		T(doctor__finds_readers_that_hang),
		T(doctor__tells_of_configuration_and_spool),
	};
	return cmocka_run_group_tests_name("ctl_look", tests, NULL, NULL);
}
