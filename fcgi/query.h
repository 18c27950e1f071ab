/* fcgi/query.h: the parameters of a query string. Pure.
 *
 * A parameter given twice, an unknown one and a broken escape are faults: a filter that is misspelt must not
 * become no filter. */
#ifndef FCGI_QUERY_H
#define FCGI_QUERY_H
#include "fcgi/problem.h"
#include "spool/model/event.h"

enum { QUERY_ITEMS_MAX = 16, QUERY_TEXT_MAX = 4096 };

struct query {
	struct {
		const char *name; /* of the known ones */
		struct slice value;
	} items[QUERY_ITEMS_MAX];
	size_t n;
	char text[QUERY_TEXT_MAX + 1]; /* decoded; the items point in here */
};

/* known: names, NULL at the end; a fault names the parameter. The query must stay where it is while its items
 * are used. */
bool query_parse(struct slice raw, const char *const *known, struct query *out, struct fault *fault);

bool query_has(const struct query *query, const char *name);
/* Empty when it is not there. */
struct slice query_get(const struct query *query, const char *name);
/* kinds=failed,cancelled, as bits; 0: it is not there. A fault does not quote what was given: a query may
 * carry what a log should not. */
bool query_kinds(const struct query *query, uint64_t *kinds, struct fault *fault);

#endif
