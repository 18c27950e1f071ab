/* spool/ctl/cmd_top.c: top: the screen of status with the busiest users and the slowest jobs, again and again
 * on a terminal until q or an interrupt; once, plainly, anywhere else. */
#include "spool/base/clock.h"
#include "spool/ctl/glance.h"
#include "spool/ctl/out.h"
#include "spool/survey.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

enum { EVERY_MS = 2000, USERS_SHOWN = 5, JOBS_SHOWN = 5, USERS_SCAN = 20000, SLOW_SCAN = 1000 };

static enum status print_users(struct ctl *ctl, struct moment now, struct why *why)
{
	struct survey survey;
	struct survey_ask ask = {.by = SURVEY_USER, .most = USERS_SCAN};
	enum status st = survey_look(ctl->spool, &ctl->opts, now, &ask, &survey, why);
	if (st == ST_OK && survey.n)
		printf("\nBusiest users%s\n", survey.is_cut ? ", of the first jobs of each state" : "");
	for (size_t i = 0; st == ST_OK && i < survey.n && i < USERS_SHOWN; i++) {
		char oldest[OUT_SPAN_LEN];
		printf("  %8llu  oldest %-6s ", (unsigned long long)survey.rows[i].total,
			out_span(oldest, now.wall_us - survey.rows[i].oldest_at_us));
		out_text(slice_text(survey.rows[i].name));
		putchar('\n');
	}
	survey_release(&survey);
	return st;
}

static void print_slow(const struct job *job, struct moment now)
{
	char span[OUT_SPAN_LEN], id[JOB_ID_TEXT_LEN];
	id_text(job->id, id);
	printf("  %s  %s %d  try %u  for %-6s ", id, phase_word(job->phase), job->phase, job->attempts_made,
		out_span(span, now.wall_us - job->claimed_at_us));
	out_text(slice_text(job->lease.owner));
	putchar('\n');
}

static int by_claim(const void *a, const void *b)
{
	const struct job *x = a, *y = b;
	return (x->claimed_at_us > y->claimed_at_us) - (x->claimed_at_us < y->claimed_at_us);
}

static enum status print_slowest(struct ctl *ctl, struct moment now, struct why *why)
{
	struct job_filter filter = {.has_state = true, .state = JOB_ACTIVE, .oldest_first = true};
	struct cursor next;
	size_t n = 0;
	struct job *jobs = calloc(SLOW_SCAN, sizeof *jobs);
	if (!jobs)
		return why_set(why, ST_NOMEM, "out of memory");
	enum status st = spool_list(ctl->spool, &filter, NULL, SLOW_SCAN, false, jobs, &n, &next, why);
	if (st == ST_OK && n) {
		qsort(jobs, n, sizeof *jobs, by_claim);
		puts("\nLongest at work");
	}
	for (size_t i = 0; st == ST_OK && i < n; i++) {
		if (i < JOBS_SHOWN)
			print_slow(&jobs[i], now);
		job_release(&jobs[i]);
	}
	free(jobs);
	return st;
}

static int print_screen(struct ctl *ctl, bool is_terminal)
{
	struct why why = WHY_INIT;
	char at[32];
	struct glance *g = calloc(1, sizeof *g);
	if (!g)
		return DAEMON_SYSTEM;
	enum status st = glance_look(ctl, g, &why);
	struct moment now = g->now;
	if (st == ST_OK) {
		if (is_terminal)
			fputs("\033[H\033[2J", stdout);
		printf("%s UTC%s\n\n", out_time(at, now.wall_us), is_terminal ? "   q ends" : "");
		if (!glance_print(g))
			st = why_set(&why, ST_NOMEM, "out of memory");
	}
	free(g);
	if (st == ST_OK)
		st = print_users(ctl, now, &why);
	if (st == ST_OK)
		st = print_slowest(ctl, now, &why);
	return st == ST_OK ? CTL_DONE : ctl_fail(st, &why);
}

/* true: it is to end. */
static bool wait_for_key(int signal_fd)
{
	struct pollfd fds[] = {{STDIN_FILENO, POLLIN, 0}, {signal_fd, POLLIN, 0}};
	char key;
	if (poll(fds, 2, EVERY_MS) <= 0)
		return false;
	if (fds[1].revents)
		return true;
	return read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q' || key == 3 || key == 4;
}

int cmd_top(struct ctl *ctl)
{
	struct termios before, raw;
	sigset_t ends;
	int code;
	if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before) != 0)
		return print_screen(ctl, false);
	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGHUP);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	int signal_fd = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signal_fd < 0)
		return DAEMON_SYSTEM;
	raw = before;
	raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	do {
		code = print_screen(ctl, true);
		fflush(stdout);
	} while (code == CTL_DONE && !wait_for_key(signal_fd));
	tcsetattr(STDIN_FILENO, TCSANOW, &before);
	close(signal_fd);
	return code;
}
