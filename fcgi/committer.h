/* fcgi/committer.h: the threads that commit the submits that no thread waits for, and send their answers.
 * While one commits, the other answers what the commit before has stored. */
#ifndef FCGI_COMMITTER_H
#define FCGI_COMMITTER_H
#include "fcgi/conn.h"

struct committer;

/* *out is NULL unless ST_OK. */
NODISCARD enum status committer_start(struct app *app, struct committer **out, struct why *why);

/* Submit what dispatch_begin() has made ready on this busy connection. Any thread; blocks for nothing. */
void committer_add(struct committer *committer, struct conn *conn);

/* End the threads; nothing may be under way. false: one has not ended by then, and nothing was freed. */
bool committer_end(struct committer *committer, int64_t until_mono_us);

#endif
