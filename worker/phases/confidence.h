/* worker/phases/confidence.h: claims and matches sorted by how sure their finder was. Pure. */
#ifndef WORKER_PHASES_CONFIDENCE_H
#define WORKER_PHASES_CONFIDENCE_H
#include "worker/phases/phases.h"

struct confidence {
	size_t n, high, medium, low; /* >= 0.85, >= 0.50, the rest */
	size_t ignored;              /* neither a number nor the text of one: counted as 0 */
	double sum;
};

/* The list under first, else under second (an empty list counts as given), else none. */
json_t *confidence_list(const struct run *run, const char *first, const char *second);
/* false: an element is not an object. */
bool confidence_count(const json_t *list, struct confidence *out);

#endif
