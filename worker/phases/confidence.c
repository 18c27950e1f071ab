/* worker/phases/confidence.c: see confidence.h. */
#include "worker/phases/confidence.h"

#include <stdlib.h>

json_t *confidence_list(const struct run *run, const char *first, const char *second)
{
	json_t *list = run_either(run, first, second);
	return json_is_array(list) ? list : NULL;
}

/* Absent counts as 0 without remark; what cannot be read as a number is remarked. */
static double read_confidence(const json_t *value, bool *ignored)
{
	*ignored = false;
	if (json_is_number(value))
		return json_number_value(value);
	if (json_is_string(value) && json_string_length(value) > 0) {
		char *end;
		double number = strtod(json_string_value(value), &end);
		if (*end == '\0' && number >= -1e9 && number <= 1e9)
			return number;
	}
	*ignored = value && !json_is_null(value);
	return 0;
}

bool confidence_count(const json_t *list, struct confidence *out)
{
	size_t i;
	json_t *element;
	*out = (struct confidence){.n = json_array_size(list)};
	json_array_foreach((json_t *)list, i, element)
	{
		bool ignored;
		if (!json_is_object(element))
			return false;
		double confidence = read_confidence(jx_get(element, "confidence"), &ignored);
		out->ignored += ignored;
		out->sum += confidence;
		out->high += confidence >= 0.85;
		out->medium += confidence >= 0.50 && confidence < 0.85;
	}
	out->low = out->n - out->high - out->medium;
	return true;
}
