/* tests/crash/history.c: see history.h. */
#include "tests/crash/history.h"

void history_tell(struct story *story, const struct event *event)
{
	bool ends =
		event->to >= 0 && event->to < JOB_STATE_N && job_state_is_ended((enum job_state)event->to);
	story->ended += ends && event->from != event->to;
	story->revived += event->kind == EVENT_RETRIED || event->kind == EVENT_REPLAYED;
}

struct verdict history_judge(const struct story *stories, size_t n)
{
	struct verdict v = {0};
	for (size_t i = 0; i < n; i++) {
		const struct story *s = &stories[i];
		unsigned lives = 1 + s->revived;
		v.acknowledged += s->acknowledged;
		v.found += s->found;
		v.lost += s->acknowledged && !s->found;
		v.unknown += s->found && !s->acknowledged;
		if (!s->found)
			continue;
		v.ended_twice += s->ended > lives;
		v.without_outcome += s->ended < lives || !job_state_is_ended(s->state);
		v.undelivered += s->state == JOB_COMPLETED && s->delivered == 0;
	}
	return v;
}

bool history_is_good(const struct verdict *v)
{
	return v->lost + v->ended_twice + v->without_outcome + v->unknown + v->undelivered == 0;
}
