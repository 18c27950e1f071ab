/* fcgi/events/stream.c: see stream.h. */
#include "fcgi/events/stream.h"

#include <stdlib.h>

struct audience *audience_new(const struct caller *caller, const struct interest *interest)
{
	struct slice user = interest->user_id, workflow = interest->workflow_id;
	struct audience *a = calloc(1, sizeof *a + user.len + workflow.len);
	if (!a)
		return NULL;
	a->caller = *caller;
	a->interest.all = interest->all;
	a->interest.kinds = interest->kinds;
	if (user.len)
		memcpy(a->texts, user.p, user.len);
	if (workflow.len)
		memcpy(a->texts + user.len, workflow.p, workflow.len);
	a->interest.user_id = slice_of(a->texts, user.len);
	a->interest.workflow_id = slice_of(a->texts + user.len, workflow.len);
	return a;
}
