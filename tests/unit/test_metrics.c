/* tests/unit/test_metrics.c: the exposition, in both its forms, against what is kept in tests/golden, and
 * README's table against the one in code. CLARIO_WRITE_GOLDEN=1 writes the files anew. */
#include "fcgi/metrics.h"
#include "spool/meter_file.h"
#include "tests/support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_file(const char *path)
{
	enum { ROOM = 1 << 20 };
	FILE *in = fopen(path, "re");
	char *text = calloc(1, ROOM);
	if (!in || !text)
		fail_msg("cannot read %s", path);
	text[fread(text, 1, ROOM - 1, in)] = '\0';
	fclose(in);
	return text;
}

/* Every counter has a number of its own, so that no two can be mistaken for each other. */
static void number_counters(struct meter_values *values)
{
	uint64_t *at = (uint64_t *)values;
	for (size_t i = 0; i < sizeof *values / sizeof *at; i++)
		at[i] = i + 1;
}

static void fill_meters(struct meter_reading *m)
{
	meter_names_init(&m->sum);
	meter_name_add(&m->sum, METER_SOURCES, "shop");
	meter_name_add(&m->sum, METER_SOURCES, "a \"b\"\\c");
	meter_name_add(&m->sum, METER_RECEIVERS, "python");
	meter_name_add(&m->sum, METER_CODES, "unauthorized");
	number_counters(&m->sum.values);
	memset(m->sum.values.submits[3], 0, sizeof m->sum.values.submits[3]);
	m->sum.values.spans[METER_RUN][8] = (struct meter_histogram){0};
	m->programs[METER_FCGI] = (struct meter_program_state){1, 1700000000250000, {16, 2, 0}};
	m->programs[METER_WORKER] = (struct meter_program_state){0};
}

static void fill_view(struct metrics_view *v, const struct meter_reading *meters)
{
	v->meters = meters;
	v->now_us = 1700000100000000;
	v->backup_at_us = 1699990000500000;
	v->notify_backlog = 17;
	v->figures = (struct figures){.unaccounted = -2,
		.full_at_bytes = 900,
		.file_bytes = 800,
		.disk_bytes = 70000,
		.disk_free_bytes = 60000,
		.readers = 3,
		.readers_max = 512,
		.reader_lag = 4};
	v->figures.stats = (struct stats){.behind = 5,
		.accepted_total = 100,
		.removed_total = 20,
		.set_aside = 1,
		.last_seq = 345,
		.paused_phases = 1u << 2,
		.bytes_used = 500,
		.bytes_cap = 1000,
		.disk_full = true};
	for (int slot = 0; slot < PHASE_SLOTS; slot++) {
		for (int st = 0; st < JOB_STATE_N; st++)
			v->figures.stats.jobs[slot][st] = (uint64_t)(slot * 10 + st);
		for (int p = 0; p < FIGURES_PLACE_N; p++)
			v->figures.oldest_at_us[p][slot] = INT64_MAX;
		v->service_level_ms[slot] = slot < 7 ? 1500 * (slot + 1) : 0;
	}
	v->figures.stalled = 3;
	v->figures.oldest_at_us[FIGURES_WAITING][0] = v->now_us - 1500000;
	v->figures.oldest_at_us[FIGURES_DELAYED][0] = v->now_us + 1500000; /* not due */
	v->figures.oldest_at_us[FIGURES_ACTIVE][6] = v->now_us - 60000000;
	receiver_init(&v->receivers[0], slice_text("python"));
	v->receivers[0].calls_total = 10;
	v->receivers[0].failed_total = 4;
	v->receivers[0].breaker = BREAKER_OPEN;
	receiver_init(&v->receivers[1], slice_text("notify"));
	v->receivers[1].is_paused = true;
	v->receivers_n = 2;
}

static void write_example(bool is_open_metrics, struct buf *out)
{
	struct metrics_view *v = calloc(1, sizeof *v);
	struct meter_reading *m = calloc(1, sizeof *m);
	assert_true(v && m);
	fill_meters(m);
	fill_view(v, m);
	metrics_write(v, is_open_metrics, out);
	assert_int_equal(buf_status(out), ST_OK);
	free(v);
	free(m);
}

static void assert_golden(const char *path, struct slice text)
{
	const char *writes = getenv("CLARIO_WRITE_GOLDEN");
	if (writes && *writes == '1') {
		FILE *out = fopen(path, "we");
		assert_non_null(out);
		fwrite(text.p, 1, text.len, out);
		fclose(out);
	}
	char *golden = read_file(path);
	size_t at = 0, line = 1;
	for (; at < text.len && golden[at] == text.p[at]; at++)
		line += text.p[at] == '\n';
	if (at != text.len || golden[at])
		fail_msg("%s: line %zu is not what is exposed: %.80s", path, line, text.p + at);
	free(golden);
}

static void exposition__is_the_golden_one(void **state)
{
	(void)state;
	struct buf open = BUF_INIT(1 << 20), plain = BUF_INIT(1 << 20);
	write_example(true, &open);
	write_example(false, &plain);
	assert_golden("tests/golden/metrics.openmetrics", buf_slice(&open));
	assert_golden("tests/golden/metrics.txt", buf_slice(&plain));
	assert_string_equal(open.p + open.len - 6, "# EOF\n");
	assert_null(strstr(plain.p, "EOF"));
	buf_release(&open);
	buf_release(&plain);
}

/* Without anything counted: no family is missing, no sample is broken. */
static void exposition__of_nothing(void **state)
{
	(void)state;
	static struct metrics_view v;
	static struct meter_reading m;
	struct buf out = BUF_INIT(1 << 20);
	char head[128];
	v.meters = &m;
	metrics_write(&v, true, &out);
	for (size_t i = 0; i < metrics_n; i++) {
		snprintf(head, sizeof head, "\n# TYPE %s %s\n", metrics[i].name,
			metric_type_name(metrics[i].type));
		assert_non_null(strstr(out.p, head));
	}
	buf_release(&out);
}

/* Names as https://prometheus.io/docs/practices/naming/ wants them; promtool looks at the rest. */
static void names__are_well_formed(void **state)
{
	(void)state;
	for (size_t i = 0; i < metrics_n; i++) {
		const struct metric *m = &metrics[i];
		size_t len = strlen(m->name), unit = strlen(m->unit);
		assert_int_equal(strncmp(m->name, "clario_", 7), 0);
		assert_int_equal(strspn(m->name, "abcdefghijklmnopqrstuvwxyz_"), len);
		if (unit)
			assert_string_equal(m->name + len - unit, m->unit);
		assert_int_equal(m->help[strlen(m->help) - 1], '.');
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(m->name, metrics[k].name);
	}
}

/* One row for each; with CLARIO_WRITE_GOLDEN=1 the table is printed, to be put there. */
static void readme__has_every_row(void **state)
{
	(void)state;
	static const char *const suffixes[] = {[METRIC_GAUGE] = "",
		[METRIC_COUNTER] = "_total",
		[METRIC_HISTOGRAM] = "",
		[METRIC_INFO] = "_info"};
	const char *prints = getenv("CLARIO_WRITE_GOLDEN");
	char *readme = read_file("README.md");
	const char *at = strstr(readme, "| metric | type | labels | |\n| --- | --- | --- | --- |\n");
	for (size_t i = 0; i < metrics_n; i++) {
		const struct metric *m = &metrics[i];
		char row[400];
		snprintf(row, sizeof row, "| `%s%s` | %s | %s | %s |\n", m->name, suffixes[m->type],
			metric_type_name(m->type), m->labels, m->help);
		if (prints && *prints == '1')
			printf("ROW%s", row);
		else if (!at || !(at = strstr(at, row)))
			fail_msg("README.md lacks, or has not in the table's order: %s", row);
	}
	free(readme);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exposition__is_the_golden_one),
		cmocka_unit_test(exposition__of_nothing),
		cmocka_unit_test(names__are_well_formed),
		cmocka_unit_test(readme__has_every_row),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
