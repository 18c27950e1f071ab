/* tests/wire/wire.c: see wire.h. */
#include "tests/wire/wire.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

unsigned long wire_setting(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);
	return text && *text ? strtoul(text, NULL, 10) : otherwise;
}

/* From the tool: the intake is not asked about itself. */
uint64_t wire_accepted(struct instance *in)
{
	char out[8192];
	json_t *stats = NULL;
	assert_int_equal(instance_tool(in, "stats --json", out, sizeof out), 0);
	assert_int_equal(jx_parse(slice_text(out), 16, &stats, NULL), ST_OK);
	uint64_t n = (uint64_t)json_integer_value(json_object_get(stats, "wire_accepted"));
	json_decref(stats);
	return n;
}

void wire_expect(struct answer *a, int status, const char *code, const char *what, size_t i)
{
	bool is_told = a->json && json_is_false(json_object_get(a->json, "success")) &&
		       answer_text(a, "error")[0] && answer_text(a, "code")[0];
	if (a->status != status || !is_told || (code && strcmp(answer_text(a, "code"), code) != 0))
		fail_msg("%s %zu: %ld %s", what, i, a->status, a->body ? a->body : "");
}

long process_number(pid_t pid, const char *file, const char *label)
{
	char path[64], line[256];
	long value = -1;
	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
	FILE *in = fopen(path, "re");
	assert_non_null(in);
	while (fgets(line, sizeof line, in))
		if (strncmp(line, label, strlen(label)) == 0)
			value = strtol(line + strlen(label), NULL, 10);
	fclose(in);
	return value;
}

/* In KiB. The exact figure is for root alone to see: the daemons are not dumpable. */
long process_memory(pid_t pid)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
	FILE *exact = fopen(path, "re");
	if (!exact)
		return process_number(pid, "status", "RssAnon:");
	fclose(exact);
	return process_number(pid, "smaps_rollup", "Private_Dirty:");
}

size_t process_descriptors(pid_t pid)
{
	char path[64];
	size_t n = 0;
	snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
	DIR *dir = opendir(path);
	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

/* Connections end a moment after their answer. */
void process_expect_descriptors(pid_t pid, size_t wanted, const char *what)
{
	int64_t until = clock_mono_us() + 5000000;
	while (process_descriptors(pid) != wanted && clock_mono_us() < until)
		clock_sleep_ms(5);
	if (process_descriptors(pid) != wanted)
		fail_msg("%s: %zu descriptors, %zu before", what, process_descriptors(pid), wanted);
}
