/* fcgi/exposition.c: see exposition.h. */
#include "fcgi/exposition.h"

#include <inttypes.h>
#include <stdio.h>

const char *metric_type_name(enum metric_type type)
{
	static const char *const names[] = {
		[METRIC_GAUGE] = "gauge",
		[METRIC_COUNTER] = "counter",
		[METRIC_HISTOGRAM] = "histogram",
		[METRIC_INFO] = "info",
	};
	return names[type];
}

/* What a sample's name has behind its family's. */
static const char *suffix_of(enum metric_type type)
{
	return type == METRIC_COUNTER ? "_total" : type == METRIC_INFO ? "_info" : "";
}

/* The plain form has no info, and names a family as its samples are. */
void expose_family(
	struct exposition *e, const char *name, enum metric_type type, const char *unit, const char *help)
{
	const char *suffix = e->is_open_metrics ? "" : suffix_of(type);
	const char *type_name =
		metric_type_name(type == METRIC_INFO && !e->is_open_metrics ? METRIC_GAUGE : type);
	e->name = name;
	e->type = type;
	buf_fmt(e->out, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, suffix, help, name, suffix, type_name);
	if (e->is_open_metrics && *unit)
		buf_fmt(e->out, "# UNIT %s %s\n", name, unit);
}

static void write_value(struct exposition *e, const char *value)
{
	for (; *value; value++) {
		if (*value == '\n')
			buf_text(e->out, "\\n");
		else if (*value == '"' || *value == '\\')
			buf_fmt(e->out, "\\%c", *value);
		else
			buf_byte(e->out, (unsigned char)*value);
	}
}

/* le: of a bucket; NULL: none. */
static void write_name(struct exposition *e, const char *suffix, const char *const *labels, const char *le)
{
	char before = '{';
	buf_fmt(e->out, "%s%s", e->name, suffix);
	for (; *labels; labels += 2, before = ',') {
		buf_fmt(e->out, "%c%s=\"", before, labels[0]);
		write_value(e, labels[1]);
		buf_byte(e->out, '"');
	}
	if (le) {
		buf_fmt(e->out, "%cle=\"%s\"", before, le);
		before = ',';
	}
	buf_text(e->out, before == ',' ? "} " : " ");
}

void expose_whole(struct exposition *e, uint64_t value, const char *const *labels)
{
	write_name(e, suffix_of(e->type), labels, NULL);
	buf_fmt(e->out, "%" PRIu64 "\n", value);
}

void expose_number(struct exposition *e, double value, const char *const *labels)
{
	write_name(e, suffix_of(e->type), labels, NULL);
	buf_fmt(e->out, "%.15g\n", value);
}

/* As OpenMetrics wants it: never like a whole number. */
static const char *bound_text(double bound, char out[32])
{
	int len = snprintf(out, 32, "%.10g", bound);
	if (!strpbrk(out, ".e"))
		snprintf(out + len, 32 - (size_t)len, ".0");
	return out;
}

void expose_histogram(struct exposition *e, const uint64_t *bounds, const uint64_t *in, size_t n,
	uint64_t sum, double scale, const char *const *labels)
{
	char text[32];
	uint64_t so_far = 0;
	for (size_t i = 0; i < n; i++) {
		so_far += in[i];
		write_name(e, "_bucket", labels,
			i + 1 < n ? bound_text((double)bounds[i] / scale, text) : "+Inf");
		buf_fmt(e->out, "%" PRIu64 "\n", so_far);
	}
	write_name(e, "_sum", labels, NULL);
	buf_fmt(e->out, "%.15g\n", (double)sum / scale);
	write_name(e, "_count", labels, NULL);
	buf_fmt(e->out, "%" PRIu64 "\n", so_far);
}

void expose_end(struct exposition *e)
{
	if (e->is_open_metrics)
		buf_text(e->out, "# EOF\n");
}
