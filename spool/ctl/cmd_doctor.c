/* spool/ctl/cmd_doctor.c: doctor: what is wrong around the spool, and what to do. Each check stands for
 * itself: one that fails keeps none of the others from being made. */
#include "spool/base/clock.h"
#include "spool/base/confine.h"
#include "spool/crew.h"
#include "spool/ctl/findings.h"
#include "spool/ctl/glance.h"
#include "spool/ctl/out.h"
#include "spool/model/rules.h"

#include <stdarg.h>
#include <stdlib.h>

#define NGINX_DIR "/etc/nginx"
enum { LEASES_LOOKED_AT = 500, MAP_PERCENT = 80 };
static const int64_t day_us = INT64_C(86400000000), clock_slack_us = 5000000;

void finding_tell(struct findings *f, const char *check, enum finding_level level, const char *todo,
	const char *fmt, ...)
{
	static const char *const words[FINDING_LEVEL_N] = {"ok", "note", "PROBLEM"},
				 *const json[FINDING_LEVEL_N] = {"ok", "note", "problem"};
	static const char *const colors[FINDING_LEVEL_N] = {"\033[32m", "\033[33m", "\033[31m"};
	char what[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	f->n[level]++;
	if (f->as_json) {
		struct buf line;
		struct jx_writer w;
		out_json_begin(&line, &w);
		jx_open_object(&w, NULL);
		jx_cstring(&w, "check", check);
		jx_cstring(&w, "level", json[level]);
		jx_cstring(&w, "what", what);
		if (*todo)
			jx_cstring(&w, "todo", todo);
		else
			jx_null(&w, "todo");
		jx_close_object(&w);
		f->ok &= out_json_end(&line);
		return;
	}
	bool is_colored = out_is_colored();
	printf("%s%-7s%s  %-13s ", is_colored ? colors[level] : "", words[level], is_colored ? "\033[0m" : "",
		check);
	out_text(slice_text(what));
	if (*todo) {
		printf("\n%24s", "-> ");
		out_text(slice_text(todo));
	}
	putchar('\n');
}

/* --- the configuration --- */

/* As clario-fcgi -t and clario-worker -t read it: with the files that it names. */
static void check_for_daemon(struct findings *f, const struct ctl *ctl, const char *program,
	enum status (*load)(const char *file, struct opts *out, struct why *why))
{
	struct opts opts;
	struct why why = WHY_INIT;
	char todo[80];
	enum status st = load(ctl->config, &opts, &why);
	snprintf(todo, sizeof todo, "mend it; %s -t tells whether it is right", program);
	if (st == ST_OK) {
		finding_tell(f, "configuration", FINDING_OK, "", "%s can read its configuration", program);
		opts_release(&opts);
	} else if (st == ST_DENIED) {
		finding_tell(f, "configuration", FINDING_NOTE,
			"run doctor as root or as the user of the daemons",
			"%s's configuration names what this user may not read: %s", program, why.text);
	} else {
		finding_tell(f, "configuration", FINDING_PROBLEM, todo,
			"%s cannot read its configuration: %s", program, why.text);
	}
}

static bool load_configuration(struct findings *f, struct ctl *ctl)
{
	struct why why = WHY_INIT;
	enum status st = opts_load(ctl->config, &ctl->opts, &why);
	if (st == ST_OK && ctl->spool_path)
		st = conf_set(opts_rows, opts_rows_n, &ctl->opts, "spool", "path", ctl->spool_path, &why);
	if (st != ST_OK) {
		finding_tell(f, "configuration", FINDING_PROBLEM,
			"mend it; clario-fcgi -t tells whether it is right", "%s", why.text);
		return false;
	}
	check_for_daemon(f, ctl, "clario-fcgi", opts_load_for_intake);
	check_for_daemon(f, ctl, "clario-worker", opts_load_for_calls);
	return true;
}

/* --- the spool --- */

/* By several hosts: in a database. */
static bool is_shared(const struct opts *opts)
{
	return strcmp(opts->spool.store, "lmdb") != 0;
}

static void check_leases(struct findings *f, struct ctl *ctl, struct moment now)
{
	struct job_filter filter = {.has_state = true, .state = JOB_ACTIVE, .oldest_first = true};
	struct job *jobs = calloc(LEASES_LOOKED_AT, sizeof *jobs);
	struct cursor next;
	size_t n = 0, over = 0, of_other_boot = 0;
	if (!jobs || spool_list(ctl->spool, &filter, NULL, LEASES_LOOKED_AT, false, jobs, &n, &next, NULL) !=
			     ST_OK)
		n = 0;
	for (size_t i = 0; i < n; i++) {
		if (is_shared(&ctl->opts) && jobs[i].lease.boot_id != now.boot_id) {
			job_release(&jobs[i]); /* another host's, by a clock that is not ours */
			continue;
		}
		over += rules_lease_is_over(&jobs[i], now);
		of_other_boot += jobs[i].lease.boot_id != now.boot_id;
		job_release(&jobs[i]);
	}
	free(jobs);
	if (over)
		finding_tell(f, "leases", FINDING_PROBLEM,
			"start clario-worker; it takes back what is over within a second",
			"%zu %s over and nobody has taken %s back (%zu of another boot)", over,
			PLURAL(over, "lease is", "leases are"), PLURAL(over, "it", "them"), of_other_boot);
	else
		finding_tell(f, "leases", FINDING_OK, "", "no lease is overdue");
}

static void check_workers(struct findings *f, const struct ctl *ctl)
{
	struct crew_member *crew = calloc(CREW_MAX, sizeof *crew);
	int n = crew ? crew_look(ctl->opts.spool.path, crew) : -1, living = 0;
	for (int i = 0; i < n; i++)
		living += crew[i].lives;
	free(crew);
	if (living)
		finding_tell(f, "workers", FINDING_OK, "", "%d live", living);
	else if (is_shared(&ctl->opts))
		finding_tell(f, "workers", FINDING_NOTE, "see on the hosts that have one",
			"no worker lives on this host");
	else
		finding_tell(f, "workers", FINDING_PROBLEM,
			"start clario-worker, or see its log for why it stopped", "no worker lives");
	if (n > living)
		finding_tell(f, "workers", FINDING_NOTE, living ? "" : "the next one to start sees to it",
			"%d died and no other has seen to what they left", n - living);
}

static void check_map(struct findings *f, const struct opts *opts, const struct stats *s)
{
	double share = 100 * (double)s->bytes_used / (double)(s->bytes_cap ? s->bytes_cap : 1);
	double near = (double)opts->spool.full_at_percent * MAP_PERCENT / 100;
	if (s->intake_full)
		finding_tell(f, "map", FINDING_PROBLEM,
			"let workers work it off, lower queue.keep-*, or export and import into a larger map",
			"%.0f %% of spool.map-size are used: new jobs are refused", share);
	else if (share >= near)
		finding_tell(f, "map", FINDING_PROBLEM,
			"let workers work it off, lower queue.keep-*, or export and import into a larger map",
			"%.0f %% of spool.map-size are used; from %lld %% on new jobs are refused", share,
			(long long)opts->spool.full_at_percent);
	else
		finding_tell(f, "map", FINDING_OK, "", "%.0f %% of spool.map-size are used", share);
}

static void check_room(struct findings *f, const struct opts *opts, const struct stats *s)
{
	if (!is_shared(opts))
		check_map(f, opts, s);
	if (s->set_aside)
		finding_tell(f, "records", FINDING_PROBLEM, "clario-spool verify, then repair or restore",
			"%llu %s could not be read and %s set aside", (unsigned long long)s->set_aside,
			PLURAL(s->set_aside, "record", "records"), PLURAL(s->set_aside, "was", "were"));
}

/* As the alert ClarioReaderStale has it (packaging/monitoring). */
static void check_readers(struct findings *f, struct ctl *ctl)
{
	enum { LAG_MAX = 10000, SLOTS_PERCENT = 80 };
	struct figures figures;
	if (spool_figures(ctl->spool, &figures, NULL) != ST_OK)
		return;
	unsigned long long readers = figures.readers, slots = figures.readers_max, lag = figures.reader_lag;
	bool is_late = lag > LAG_MAX, is_full = readers * 100 > slots * SLOTS_PERCENT;
	if (is_late)
		finding_tell(f, "readers", FINDING_PROBLEM,
			"let a long export or backup end, or end the process that hangs",
			"a reader holds a state %llu commits old: what is freed since cannot be used again",
			lag);
	if (is_full)
		finding_tell(f, "readers", FINDING_PROBLEM,
			"end processes that hang; a worker clears away those of the dead",
			"%llu of %llu slots for readers are taken: soon none can look any more", readers,
			slots);
	if (!is_late && !is_full)
		finding_tell(f, "readers", FINDING_OK, "", "none holds an old state");
}

/* Events are numbered as they come; the newest must not lie in the future. */
static void check_events_clock(struct findings *f, struct ctl *ctl, const struct stats *s, struct moment now)
{
	struct event_filter filter = {.after_seq = s->last_seq ? s->last_seq - 1 : 0};
	struct event event;
	uint64_t seen;
	size_t n = 0;
	if (spool_events(ctl->spool, &filter, 1, &event, &n, &seen, NULL) != ST_OK || n == 0)
		return;
	int64_t ahead_us = event.at_us - now.wall_us;
	event_release(&event);
	if (ahead_us > clock_slack_us)
		finding_tell(f, "clock", FINDING_PROBLEM,
			"set the clock; what was scheduled by the wrong one comes late or early",
			"the newest event lies %lld s in the future: the clock was set back",
			(long long)(ahead_us / 1000000));
}

static void check_backup(struct findings *f, struct ctl *ctl, struct moment now)
{
	uint64_t at_us = 0;
	char age[OUT_SPAN_LEN];
	if (spool_bookmark_get(ctl->spool, "backup", &at_us, NULL) != ST_OK || at_us == 0)
		finding_tell(f, "backup", FINDING_PROBLEM, "clario-spool backup DIR, each night",
			"no backup is known of");
	else if (now.wall_us - (int64_t)at_us > 2 * day_us)
		finding_tell(f, "backup", FINDING_PROBLEM, "clario-spool backup DIR, each night",
			"the last backup is %s old", out_span(age, now.wall_us - (int64_t)at_us));
	else
		finding_tell(f, "backup", FINDING_OK, "", "the last backup is %s old",
			out_span(age, now.wall_us - (int64_t)at_us));
}

static void check_spool(struct findings *f, struct ctl *ctl)
{
	struct why why = WHY_INIT;
	struct spool_conf conf = opts_spool_conf(&ctl->opts);
	struct moment now = clock_now();
	struct stats stats;
	conf.read_only = true;
	enum status st = spool_open(&conf, &ctl->spool, &why);
	if (st == ST_OK)
		st = spool_stats(ctl->spool, &stats, &why);
	if (st == ST_OK) {
		finding_tell(f, "spool", FINDING_OK, "", "it opens; clario-spool verify looks at every page");
		check_room(f, &ctl->opts, &stats);
		if (!is_shared(&ctl->opts)) /* a database's readers and backups are its own */
			check_readers(f, ctl);
		check_leases(f, ctl, now);
		check_events_clock(f, ctl, &stats, now);
		if (!is_shared(&ctl->opts))
			check_backup(f, ctl, now);
	} else {
		finding_tell(f, "spool", st == ST_DENIED ? FINDING_NOTE : FINDING_PROBLEM,
			st == ST_DENIED    ? "run doctor as root or as the user of the daemons"
			: st == ST_CORRUPT ? "clario-spool verify, then repair or restore"
					   : "see clario-spool(8)",
			"%s", why.text);
	}
	spool_close(ctl->spool);
}

int cmd_doctor(struct ctl *ctl)
{
	struct findings f = {.as_json = ctl_has(ctl, OPTION_JSON), .ok = true};
	char owner[CONFINE_NAME];
	struct why why = WHY_INIT;
	if (load_configuration(&f, ctl)) {
		doctor_files(&f, ctl);
		doctor_socket(&f, &ctl->opts);
		doctor_disk(&f, &ctl->opts);
		doctor_clock(&f);
		doctor_nginx(&f, ctl->args_n ? ctl->args[0] : NGINX_DIR);
		enum status st = confine_to_owner(ctl->opts.spool.path, owner, &why);
		if (st == ST_OK)
			st = confine_process(&why);
		if (st != ST_OK)
			return ctl_fail(st, &why);
		check_workers(&f, ctl);
		check_spool(&f, ctl);
		opts_release(&ctl->opts);
	}
	return !f.ok ? DAEMON_SYSTEM : f.n[FINDING_PROBLEM] ? CTL_NO : CTL_DONE;
}
