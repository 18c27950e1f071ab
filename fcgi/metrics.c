/* fcgi/metrics.c: see metrics.h. Names follow https://prometheus.io/docs/practices/naming/ and never change
 * their meaning: alerts, dashboards and README's table hang on them. */
#include "fcgi/metrics.h"

#include <stdio.h>

#define US 1e6

/* --- small parts --- */

enum { NUMBER_CAP = 16 };

static const char *phase_text(int slot, char out[NUMBER_CAP])
{
	snprintf(out, NUMBER_CAP, "%d", phase_of_slot(slot));
	return out;
}

static double seconds(int64_t us)
{
	return (double)us / US;
}

static const char *name_of(const struct metrics_view *v, enum meter_names kind, uint32_t i)
{
	return v->meters->sum.names[kind][i];
}

static uint32_t names_of(const struct metrics_view *v, enum meter_names kind)
{
	return v->meters->sum.names_n[kind];
}

static const struct meter_values *counts(const struct metrics_view *v)
{
	return &v->meters->sum.values;
}

/* --- the processes --- */

static void write_build(struct exposition *e, const struct metrics_view *v)
{
	(void)v;
	expose_whole(e, 1, LABELS("version", CLARIO_VERSION));
}

static void write_processes(struct exposition *e, const struct metrics_view *v)
{
	for (int p = 0; p < METER_PROGRAM_N; p++)
		expose_whole(e, v->meters->programs[p].processes, LABELS("program", meter_programs[p]));
}

static void write_start_times(struct exposition *e, const struct metrics_view *v)
{
	for (int p = 0; p < METER_PROGRAM_N; p++)
		if (v->meters->programs[p].processes)
			expose_number(e, seconds(v->meters->programs[p].started_at_us),
				LABELS("program", meter_programs[p]));
}

static uint64_t gauge(const struct metrics_view *v, enum meter_program program, enum meter_gauge which)
{
	int64_t value = v->meters->programs[program].gauges[which];
	return value > 0 ? (uint64_t)value : 0;
}

static void write_threads(struct exposition *e, const struct metrics_view *v)
{
	expose_whole(e, gauge(v, METER_FCGI, METER_THREADS), NO_LABELS);
}

static void write_threads_busy(struct exposition *e, const struct metrics_view *v)
{
	expose_whole(e, gauge(v, METER_FCGI, METER_THREADS_BUSY), NO_LABELS);
}

static void write_held(struct exposition *e, const struct metrics_view *v)
{
	expose_whole(e, gauge(v, METER_WORKER, METER_HELD), NO_LABELS);
}

/* --- intake --- */

static void write_submits(struct exposition *e, const struct metrics_view *v)
{
	static const char *const statuses[METER_STATUS_N] = {
		[METER_ACCEPTED] = "accepted",
		[METER_DUPLICATE] = "duplicate",
		[METER_KEY_REUSED] = "key_reused",
		[METER_REFUSED] = "refused",
	};
	char phase[NUMBER_CAP];
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		for (uint32_t i = 0; i < names_of(v, METER_SOURCES); i++) {
			const uint64_t *row = counts(v)->submits[slot][i];
			if (!(row[0] | row[1] | row[2] | row[3]))
				continue;
			for (int st = 0; st < METER_STATUS_N; st++)
				expose_whole(e, row[st],
					LABELS("phase", phase_text(slot, phase), "source",
						name_of(v, METER_SOURCES, i), "status", statuses[st]));
		}
}

static void write_submit_bytes(struct exposition *e, const struct metrics_view *v)
{
	for (uint32_t i = 0; i < names_of(v, METER_SOURCES); i++)
		expose_whole(e, counts(v)->bytes[i], LABELS("source", name_of(v, METER_SOURCES, i)));
}

static void write_repeats(struct exposition *e, const struct metrics_view *v)
{
	static const char *const data[METER_REPEAT_N] = {
		[METER_SAME] = "same", [METER_DIFFERENT] = "different"};
	for (uint32_t i = 0; i < names_of(v, METER_SOURCES); i++)
		for (int r = 0; r < METER_REPEAT_N; r++)
			expose_whole(e, counts(v)->repeats[i][r],
				LABELS("source", name_of(v, METER_SOURCES, i), "data", data[r]));
}

static void write_refused(struct exposition *e, const struct metrics_view *v)
{
	for (uint32_t i = 0; i < names_of(v, METER_CODES); i++)
		expose_whole(e, counts(v)->refused[i], LABELS("code", name_of(v, METER_CODES, i)));
}

/* --- jobs --- */

static void write_jobs(struct exposition *e, const struct metrics_view *v)
{
	char phase[NUMBER_CAP];
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		for (enum job_state st = 0; st < JOB_STATE_N; st++)
			expose_whole(e, v->figures.stats.jobs[slot][st],
				LABELS("phase", phase_text(slot, phase), "state", job_state_name(st)));
}

static void write_behind(struct exposition *e, const struct metrics_view *v)
{
	expose_whole(e, v->figures.stats.behind, NO_LABELS);
}

static void write_oldest(struct exposition *e, const struct metrics_view *v)
{
	static const char *const states[FIGURES_PLACE_N] = {
		[FIGURES_WAITING] = "waiting",
		[FIGURES_BEHIND] = "behind",
		[FIGURES_DELAYED] = "delayed",
		[FIGURES_ACTIVE] = "active",
	};
	char phase[NUMBER_CAP];
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		for (int p = 0; p < FIGURES_PLACE_N; p++) {
			int64_t at = v->figures.oldest_at_us[p][slot];
			expose_number(e, at < v->now_us ? seconds(v->now_us - at) : 0,
				LABELS("phase", phase_text(slot, phase), "state", states[p]));
		}
}

static void write_levels(struct exposition *e, const struct metrics_view *v)
{
	char phase[NUMBER_CAP];
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		if (v->service_level_ms[slot])
			expose_number(e, (double)v->service_level_ms[slot] / 1000,
				LABELS("phase", phase_text(slot, phase)));
}

static void write_stalled(struct exposition *e, const struct metrics_view *v)
{
	expose_whole(e, v->figures.stalled, NO_LABELS);
}

static void write_paused(struct exposition *e, const struct metrics_view *v)
{
	char phase[NUMBER_CAP];
	for (int slot = 0; slot < PHASE_SLOTS; slot++)
		expose_whole(e, v->figures.stats.paused_phases >> slot & 1,
			LABELS("phase", phase_text(slot, phase)));
}

/* The seven phases always, so that a first observation is an increase; the steps when there are any. */
static void write_span(struct exposition *e, const struct metrics_view *v, enum meter_span span)
{
	char phase[NUMBER_CAP];
	for (int slot = 0; slot < PHASE_SLOTS; slot++) {
		const struct meter_histogram *h = &counts(v)->spans[span][slot];
		uint64_t n = 0;
		for (int i = 0; i < METER_BUCKETS; i++)
			n += h->in[i];
		if (n || !phase_is_step(phase_of_slot(slot)))
			expose_histogram(e, meter_span_bounds, h->in, METER_BUCKETS, h->sum, US,
				LABELS("phase", phase_text(slot, phase)));
	}
}

static void write_wait(struct exposition *e, const struct metrics_view *v)
{
	write_span(e, v, METER_WAIT);
}

static void write_run(struct exposition *e, const struct metrics_view *v)
{
	write_span(e, v, METER_RUN);
}

static void write_whole(struct exposition *e, const struct metrics_view *v)
{
	write_span(e, v, METER_WHOLE);
}

static void write_attempts(struct exposition *e, const struct metrics_view *v)
{
	static const char *const outcomes[METER_OUTCOME_N] = {
		[METER_COMPLETED] = "completed",
		[METER_RETRY] = "retry",
		[METER_FAILED] = "failed",
		[METER_RELEASED] = "released",
		[METER_CRASHED] = "crashed",
		[METER_ORPHANED] = "orphaned",
		[METER_FENCED] = "fenced",
	};
	for (int o = 0; o < METER_OUTCOME_N; o++)
		for (uint32_t i = 0; i < names_of(v, METER_RECEIVERS); i++)
			expose_whole(e, counts(v)->attempts[o][i],
				LABELS("outcome", outcomes[o], "receiver", name_of(v, METER_RECEIVERS, i)));
}

static void write_expired(struct exposition *e, const struct metrics_view *v)
{
	expose_whole(e, counts(v)->leases_expired, NO_LABELS);
}

static void write_accepted(struct exposition *e, const struct metrics_view *v)
{
	expose_whole(e, v->figures.stats.accepted_total, NO_LABELS);
}

static void write_removed(struct exposition *e, const struct metrics_view *v)
{
	expose_whole(e, v->figures.stats.removed_total, NO_LABELS);
}

static void write_aside(struct exposition *e, const struct metrics_view *v)
{
	expose_whole(e, v->figures.stats.set_aside, NO_LABELS);
}

static void write_unaccounted(struct exposition *e, const struct metrics_view *v)
{
	expose_number(e, (double)v->figures.unaccounted, NO_LABELS);
}

static void write_events(struct exposition *e, const struct metrics_view *v)
{
	expose_whole(e, v->figures.stats.last_seq, NO_LABELS);
}

/* --- the spool --- */

static const char *const commits[METER_COMMIT_N] = {[METER_SUBMIT] = "submit", [METER_EXCHANGE] = "exchange"};

static void write_commit_times(struct exposition *e, const struct metrics_view *v)
{
	for (int kind = 0; kind < METER_COMMIT_N; kind++) {
		const struct meter_histogram *h = &counts(v)->commit_times[kind];
		expose_histogram(e, meter_commit_bounds, h->in, METER_BUCKETS, h->sum, US,
			LABELS("kind", commits[kind]));
	}
}

static void write_commit_jobs(struct exposition *e, const struct metrics_view *v)
{
	for (int kind = 0; kind < METER_COMMIT_N; kind++) {
		const struct meter_histogram *h = &counts(v)->commit_jobs[kind];
		expose_histogram(
			e, meter_jobs_bounds, h->in, METER_BUCKETS, h->sum, 1, LABELS("kind", commits[kind]));
	}
}

static void write_map_size(struct exposition *e, const struct metrics_view *v)
{
	expose_whole(e, v->figures.stats.bytes_cap, NO_LABELS);
}

static void write_map_used(struct exposition *e, const struct metrics_view *v)
{
	expose_whole(e, v->figures.stats.bytes_used, NO_LABELS);
}

static void write_map_full(struct exposition *e, const struct metrics_view *v)
{
	expose_whole(e, v->figures.full_at_bytes, NO_LABELS);
}

static void write_file(struct exposition *e, const struct metrics_view *v)
{
	expose_whole(e, v->figures.file_bytes, NO_LABELS);
}

static void write_disk_size(struct exposition *e, const struct metrics_view *v)
{
	expose_whole(e, v->figures.disk_bytes, NO_LABELS);
}

static void write_disk_free(struct exposition *e, const struct metrics_view *v)
{
	expose_whole(e, v->figures.disk_free_bytes, NO_LABELS);
}

static void write_full(struct exposition *e, const struct metrics_view *v)
{
	expose_whole(e, v->figures.stats.intake_full, LABELS("what", "map"));
	expose_whole(e, v->figures.stats.disk_full, LABELS("what", "disk"));
}

static void write_readers(struct exposition *e, const struct metrics_view *v)
{
	expose_whole(e, v->figures.readers, NO_LABELS);
}

static void write_readers_limit(struct exposition *e, const struct metrics_view *v)
{
	expose_whole(e, v->figures.readers_max, NO_LABELS);
}

static void write_reader_lag(struct exposition *e, const struct metrics_view *v)
{
	expose_whole(e, v->figures.reader_lag, NO_LABELS);
}

static void write_backup(struct exposition *e, const struct metrics_view *v)
{
	expose_number(e, seconds(v->backup_at_us), NO_LABELS);
}

/* --- receivers --- */

static void write_breakers(struct exposition *e, const struct metrics_view *v)
{
	for (size_t i = 0; i < v->receivers_n; i++)
		for (enum breaker b = 0; b < BREAKER_N; b++)
			expose_whole(e, v->receivers[i].breaker == b,
				LABELS("receiver", v->receivers[i].name, "state", breaker_name(b)));
}

static void write_receivers_paused(struct exposition *e, const struct metrics_view *v)
{
	for (size_t i = 0; i < v->receivers_n; i++)
		expose_whole(e, receiver_is_paused(&v->receivers[i], v->now_us),
			LABELS("receiver", v->receivers[i].name));
}

static void write_calls(struct exposition *e, const struct metrics_view *v)
{
	for (size_t i = 0; i < v->receivers_n; i++) {
		const struct receiver_state *r = &v->receivers[i];
		expose_whole(
			e, r->calls_total - r->failed_total, LABELS("receiver", r->name, "result", "ok"));
		expose_whole(e, r->failed_total, LABELS("receiver", r->name, "result", "failed"));
	}
}

static void write_backlog(struct exposition *e, const struct metrics_view *v)
{
	expose_whole(e, v->notify_backlog, NO_LABELS);
}

/* --- the table --- */

#define G METRIC_GAUGE
#define C METRIC_COUNTER
#define H METRIC_HISTOGRAM

const struct metric metrics[] = {
	{"clario_build", METRIC_INFO, "", "version", "The version of clario-fcgi that answers.", write_build},
	{"clario_processes", G, "", "program", "Processes that live, of clario-fcgi and clario-worker.",
		write_processes},
	{"clario_process_start_time_seconds", G, "seconds", "program",
		"When the oldest of them started, since 1970.", write_start_times},

	{"clario_submits", C, "", "phase, source, status",
		"Triggers that reached the spool: accepted, duplicate, key_reused or refused there.",
		write_submits},
	{"clario_submit_bytes", C, "bytes", "source", "Bytes of the payloads that were accepted.",
		write_submit_bytes},
	{"clario_repeated_submits", C, "", "source, data",
		"Triggers that were sent before, with the same data or with different data.", write_repeats},
	{"clario_refused", C, "", "code", "Requests and triggers of batches that were refused, by code.",
		write_refused},
	{"clario_threads", G, "", "", "Threads of clario-fcgi that work on what is no plain submit.",
		write_threads},
	{"clario_threads_busy", G, "", "", "Those that do so now.", write_threads_busy},

	{"clario_jobs", G, "", "phase, state", "Jobs in the spool.", write_jobs},
	{"clario_jobs_behind", G, "", "", "Of the waiting ones: behind an earlier job of their workflow.",
		write_behind},
	{"clario_job_oldest_seconds", G, "seconds", "phase, state",
		"How long the oldest job has been due (waiting, behind, delayed) or leased (active); 0: none "
		"is.",
		write_oldest},
	{"clario_service_level_seconds", G, "seconds", "phase", "Within what a job of the phase should run.",
		write_levels},
	{"clario_stalled_workflows", G, "", "",
		"Workflows whose next phase is awaited and did not come within its service level; 1000 at "
		"most "
		"are counted.",
		write_stalled},
	{"clario_phase_paused", G, "", "phase", "Whether the phase is paused: 1 or 0.", write_paused},
	{"clario_job_wait_seconds", H, "seconds", "phase", "From when a job was due to when it was claimed.",
		write_wait},
	{"clario_job_run_seconds", H, "seconds", "phase",
		"From the claim to the outcome, for each attempt that completed, failed or is tried again.",
		write_run},
	{"clario_job_end_to_end_seconds", H, "seconds", "phase",
		"From acceptance to the end, for each job that completed or failed.", write_whole},
	{"clario_attempts", C, "", "outcome, receiver",
		"Attempts that ended, by outcome and by the receiver that was called last (none: no call).",
		write_attempts},
	{"clario_leases_held", G, "", "", "Jobs that workers hold.", write_held},
	{"clario_leases_expired", C, "", "", "Leases that ran out and were taken back.", write_expired},
	{"clario_accepted_jobs", C, "", "", "Jobs that were ever accepted.", write_accepted},
	{"clario_removed_jobs", C, "", "", "Jobs that were removed by retention or by an operator.",
		write_removed},
	{"clario_set_aside_records", G, "", "", "Records that could not be read and were set aside.",
		write_aside},
	{"clario_unaccounted_jobs", G, "", "",
		"Accepted, and neither in the spool nor removed nor set aside: always 0.", write_unaccounted},
	{"clario_events", C, "", "", "Events that were ever recorded.", write_events},

	{"clario_commit_seconds", H, "seconds", "kind",
		"Time of a commit until it is on the disk: of submits, or of a worker's exchange.",
		write_commit_times},
	{"clario_commit_jobs", H, "", "kind", "Jobs in one commit.", write_commit_jobs},
	{"clario_map_size_bytes", G, "bytes", "", "The map: all that the spool may take.", write_map_size},
	{"clario_map_used_bytes", G, "bytes", "", "The map: what is used and cannot be used again.",
		write_map_used},
	{"clario_map_full_bytes", G, "bytes", "", "The map: where intake is refused.", write_map_full},
	{"clario_intake_full", G, "", "what", "Whether intake is refused for want of room: 1 or 0.",
		write_full},
	{"clario_data_file_bytes", G, "bytes", "", "What the spool's data takes on the disk.", write_file},
	{"clario_disk_size_bytes", G, "bytes", "", "The file system below the spool.", write_disk_size},
	{"clario_disk_free_bytes", G, "bytes", "", "What is free on it.", write_disk_free},
	{"clario_readers", G, "", "", "Slots of the map's table of readers that are taken.", write_readers},
	{"clario_readers_limit", G, "", "", "Slots that there are.", write_readers_limit},
	{"clario_reader_lag", G, "", "", "Commits since the state that the oldest reader looks at.",
		write_reader_lag},
	{"clario_backup_time_seconds", G, "seconds", "",
		"When clario-spool backup last succeeded, since 1970; 0: never.", write_backup},

	{"clario_breaker_state", G, "", "receiver, state",
		"The breaker of a receiver: 1 for the state that it is in.", write_breakers},
	{"clario_receiver_paused", G, "", "receiver", "Whether it is paused by hand: 1 or 0.",
		write_receivers_paused},
	{"clario_receiver_calls", C, "", "receiver, result", "Calls that ended, ok or failed.", write_calls},
	{"clario_notify_backlog", G, "", "",
		"Events that the relay of notifications has not come past; 0 without notify.url.",
		write_backlog},
};
const size_t metrics_n = sizeof metrics / sizeof *metrics;

void metrics_write(const struct metrics_view *view, bool is_open_metrics, struct buf *out)
{
	struct exposition e = {.out = out, .is_open_metrics = is_open_metrics};
	for (size_t i = 0; i < metrics_n; i++) {
		const struct metric *m = &metrics[i];
		expose_family(&e, m->name, m->type, m->unit, m->help);
		m->write(&e, view);
	}
	expose_end(&e);
}
